//! Existing clients ask for food here as well. betti-nutrition answers, behind this worker.

use std::sync::Arc;

use http::Method;
use kit::{Area, Call, Problem, Routes, Rule};
use warp::reply::Response;

use super::{Hub, with};

const PATHS: &str = "/api/nutrition/{*rest}";
/// What is done every day; all else there needs the PIN on a kiosk.
const LOG: &str = "/api/nutrition/log-meal";
const MEAL: &str = "/api/nutrition/meal/{id}";

/// The rules are checked here: to betti-nutrition every request from here comes from this machine.
pub fn add(routes: Routes, hub: &Arc<Hub>) -> Routes {
    let write = Rule::Write(Area::Nutrition);
    routes
        .get(PATHS, Rule::Read(Area::Nutrition), with(hub, forward))
        .post(LOG, write, with(hub, forward))
        .everyday()
        .on(Method::PUT, MEAL, write, with(hub, forward))
        .everyday()
        .on(Method::DELETE, MEAL, write, with(hub, forward))
        .everyday()
        .post(PATHS, write, with(hub, forward))
        .on(Method::PUT, PATHS, write, with(hub, forward))
        .on(Method::DELETE, PATHS, write, with(hub, forward))
}

async fn forward(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    hub.nutrition.ask(&call).await
}
