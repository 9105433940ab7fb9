//! How it is in the rooms.

use std::sync::Arc;

use http::StatusCode;
use jiff::Timestamp;
use kit::{Area, Call, Problem, Routes, Rule, reply};
use warp::reply::Response;

use super::{Hub, with};
use crate::store::RESIDENT;

pub fn add(routes: Routes, hub: &Arc<Hub>) -> Routes {
    routes.get("/api/v1/environment", Rule::Read(Area::Devices), with(hub, newest))
}

/// The newest of each sensor, by its address, with the name of its device: that is the room's, if somebody gave one. Sensors are
/// somebody's as all devices are; what nobody said of is the first resident's.
async fn newest(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let (devices, now) = (hub.store.devices().await?, Timestamp::now());
    let rooms = hub.bluetooth.rooms(now).into_iter().filter_map(|(sensor, room)| {
        let device = devices.iter().find(|device| device.address == sensor);
        if !call.may_see(device.map_or(RESIDENT, |device| device.subject)) {
            return None;
        }
        let mut shown = room.shown(now);
        shown["address"] = sensor.to_string().into();
        shown["name"] = device.and_then(|device| device.seen.name.clone()).into();
        Some(shown)
    });
    Ok(reply::data(StatusCode::OK, &rooms.collect::<Vec<_>>()))
}
