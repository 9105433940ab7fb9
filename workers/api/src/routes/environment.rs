//! How it is in the rooms.

use std::sync::Arc;

use http::StatusCode;
use jiff::Timestamp;
use kit::{Area, Call, Problem, Routes, Rule, reply};
use warp::reply::Response;

use super::{Hub, with};

pub fn add(routes: Routes, hub: &Arc<Hub>) -> Routes {
    routes.get("/api/v1/environment", Rule::Read(Area::Devices), with(hub, newest))
}

/// The newest of each sensor, by its address, with the name of its device: that is the room's, if somebody gave one.
async fn newest(hub: Arc<Hub>, _: Call) -> Result<Response, Problem> {
    let (devices, now) = (hub.store.devices().await?, Timestamp::now());
    let rooms = hub.bluetooth.rooms(now).into_iter().map(|(sensor, room)| {
        let mut shown = room.shown(now);
        shown["address"] = sensor.to_string().into();
        shown["name"] =
            devices.iter().find(|device| device.address == sensor).and_then(|device| device.seen.name.clone()).into();
        shown
    });
    Ok(reply::data(StatusCode::OK, &rooms.collect::<Vec<_>>()))
}
