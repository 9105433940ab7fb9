//! Whether this worker answers, and to how many it talks.

use std::sync::Arc;

use http::StatusCode;
use kit::{Call, Problem, Routes, Rule, clock, reply};
use serde_json::json;
use warp::reply::Response;

use super::{Hub, with};

pub fn add(routes: Routes, hub: &Arc<Hub>) -> Routes {
    routes.get("/api/health", Rule::Public, with(hub, health))
}

async fn health(hub: Arc<Hub>, _: Call) -> Result<Response, Problem> {
    let clients = hub.live.listeners();
    let body = json!({"status": "ok", "timestamp": clock::iso_now(), "websocketClients": clients});
    Ok(reply::json(StatusCode::OK, &body))
}
