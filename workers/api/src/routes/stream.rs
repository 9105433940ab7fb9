//! Everything that becomes true, in order, for whoever wants to miss nothing.

use std::sync::Arc;

use kit::{Call, Problem, Routes, Rule};
use warp::reply::Response;

use super::{Hub, with};

const PATH: &str = "/api/v1/stream";

pub fn add(routes: Routes, hub: &Arc<Hub>) -> Routes {
    // Each is told what they may see.
    let rule = Rule::Known;
    let stream = hub.stream.clone();
    routes.get(PATH, rule, with(hub, events)).socket(Some(PATH), rule, move |socket, call| {
        let stream = stream.clone();
        async move { stream.serve(socket, &call).await }
    })
}

async fn events(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    hub.stream.events(&call)
}
