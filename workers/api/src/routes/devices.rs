//! Devices with all that is known about them: what they are called, and who wears them.

use std::sync::Arc;

use http::{Method, StatusCode};
use jiff::Timestamp;
use kit::{Area, Call, Problem, Routes, Rule, field, reply};
use serde_json::Value;
use warp::reply::Response;

use super::{Hub, with};
use crate::store::{devices::DeviceError, residents::ResidentError};

pub fn add(routes: Routes, hub: &Arc<Hub>) -> Routes {
    let (read, write) = (Rule::Read(Area::Devices), Rule::Write(Area::Devices));
    routes.get("/api/v1/devices", read, with(hub, list)).on(
        Method::PATCH,
        "/api/v1/devices/{address}",
        write,
        with(hub, change),
    )
}

async fn list(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let mut devices = hub.store.devices().await?;
    devices.retain(|device| call.may_see(device.subject));
    let devices: Vec<_> = devices.iter().map(|device| device.whole()).collect();
    Ok(reply::data(StatusCode::OK, &devices))
}

/// `{"name": "Mum's cuff", "subject": 2}`; what is left out stays.
async fn change(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let body = call.json::<Value>()?;
    let address = call.parameter("address").parse().map_err(|_| DeviceError::Unknown)?;
    let (name, wearer) = (field::text(&body, "name")?, field::whole_within(&body, "subject", 1, i32::MAX)?);
    let worn_by = hub.store.wearer_of(Some(call.parameter("address"))).await?.ok_or(DeviceError::Unknown)?;
    call.about(worn_by).map_err(|_| DeviceError::Unknown)?;
    if let Some(wearer) = wearer {
        call.about(wearer).map_err(|_| ResidentError::Unknown(wearer))?;
    }
    let device = hub.store.change_device(address, name, wearer, Timestamp::now()).await?;
    Ok(reply::data(StatusCode::OK, &device.whole()))
}

impl From<DeviceError> for Problem {
    fn from(error: DeviceError) -> Self {
        match error {
            DeviceError::Unknown => Self::not_found(error.to_string()),
            DeviceError::TooMany => Self::new(StatusCode::CONFLICT, error.to_string()),
            DeviceError::Length { .. } => Self::bad_request(error.to_string()),
            DeviceError::Resident(error) => error.into(),
            DeviceError::Database(error) => error.into(),
        }
    }
}
