//! Whether this worker answers.

use http::StatusCode;
use kit::{Call, Problem, Routes, Rule, clock, reply};
use serde_json::json;
use warp::reply::Response;

pub fn add(routes: Routes) -> Routes {
    routes.get("/api/health", Rule::Public, health)
}

async fn health(_: Call) -> Result<Response, Problem> {
    let body = json!({"status": "ok", "service": "nutrition-api", "timestamp": clock::iso_now()});
    Ok(reply::json(StatusCode::OK, &body))
}
