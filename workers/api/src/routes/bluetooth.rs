//! What Bluetooth does: told by betti-ble, asked by clients.

use std::{sync::Arc, time::Instant};

use http::StatusCode;
use kit::{Area, Call, Problem, Routes, Rule, reply};
use serde_json::json;
use warp::reply::Response;

use super::{Hub, with};
use crate::bluetooth::Report;

pub fn add(routes: Routes, hub: &Arc<Hub>) -> Routes {
    routes
        .post("/api/ble/state", Rule::Service, with(hub, take_report))
        .get("/api/ble/status", Rule::Read(Area::Devices), with(hub, status))
        .get("/api/ble/paired", Rule::Read(Area::Devices), with(hub, paired))
}

async fn take_report(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let report: Report = call.json()?;
    if let Some(state) = hub.bluetooth.take(report, Instant::now()) {
        hub.live.tell(&json!({"type": "ble-state", "state": state}));
    }
    Ok(reply::message(StatusCode::OK, "Noted"))
}

async fn status(hub: Arc<Hub>, _: Call) -> Result<Response, Problem> {
    Ok(reply::json(StatusCode::OK, &hub.bluetooth.status(Instant::now())))
}

async fn paired(hub: Arc<Hub>, _: Call) -> Result<Response, Problem> {
    Ok(reply::json(StatusCode::OK, &hub.bluetooth.paired()))
}
