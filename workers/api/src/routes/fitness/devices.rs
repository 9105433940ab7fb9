//! Devices that count somebody's day: registered, listed, and what they say.

use std::sync::Arc;

use http::{Method, StatusCode};
use jiff::Timestamp;
use kit::{Area, Call, Problem, Routes, Rule, number, reply};
use serde_json::{Value, json};
use warp::reply::Response;

use super::{of_today, this_day};
use crate::{
    activity::device::{self, DeviceError, Registration, Report},
    feed,
    routes::{Hub, is_about_resident, with},
    show::activity as show,
    store::RESIDENT,
};

pub fn add(routes: Routes, hub: &Arc<Hub>) -> Routes {
    // A device says itself that it is there, and what its clock says.
    let (read, bring) = (Rule::Read(Area::Activity), Rule::Record(Area::Activity));
    routes
        .get("/api/fitness/devices", read, with(hub, list))
        .post("/api/fitness/device/register", bring, with(hub, register))
        .post("/api/fitness/device/activity", bring, with(hub, report_some))
        .everyday()
        .post("/api/fitness/device/sync", bring, with(hub, report_all))
        .everyday()
        .on(Method::PUT, "/api/fitness/device/timezone", bring, with(hub, set_offset))
        .get("/api/fitness/device/current", read, with(hub, current))
        .on(Method::DELETE, "/api/fitness/device/{address}", Rule::Write(Area::Activity), with(hub, retire))
}

async fn list(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let devices = if is_about_resident(&call) { hub.store.fitness_devices().await? } else { Vec::new() };
    let rows: Vec<_> = devices.iter().map(show::device).collect();
    Ok(reply::json(StatusCode::OK, &json!({"success": true, "data": rows, "count": rows.len()})))
}

async fn register(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let device = Registration::read(&call.json::<Value>()?)?;
    hub.store.register_fitness_device(device.clone(), Timestamp::now()).await?;
    let answer = json!({
        "success": true,
        "message": format!("Device {} registered successfully", device.name),
        "data": {"address": device.address, "name": device.name, "type": device.kind, "userId": RESIDENT},
    });
    Ok(reply::json(StatusCode::CREATED, &answer))
}

async fn retire(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let address = device::canonical(call.parameter("address"));
    hub.store.retire_fitness_device(address.clone(), Timestamp::now()).await?;
    Ok(reply::message(StatusCode::OK, &format!("Device {address} unregistered successfully")))
}

async fn report_some(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    keep(&hub, &call.json()?, Report::of_some, "Activity data processed successfully").await
}

async fn report_all(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    keep(&hub, &call.json()?, Report::of_all, "Full sync completed successfully").await
}

async fn keep(
    hub: &Hub,
    body: &Value,
    read: fn(&Value) -> Result<Report, DeviceError>,
    text: &str,
) -> Result<Response, Problem> {
    let kept = async {
        let day = hub.store.report_day(RESIDENT, this_day(hub), read(body)?, Timestamp::now()).await?;
        Ok(reply::data_with_message(StatusCode::OK, &show::day(&day), text))
    };
    let kept: Result<_, Problem> = kept.await;
    // Nobody sees the answer that a device gets.
    if let (Err(problem), Some(address)) = (&kept, body["deviceAddress"].as_str()) {
        hub.live
            .tell(Rule::Read(Area::Activity), &feed::activity::refused(&device::canonical(address), problem.text()));
    }
    kept
}

/// Days are the resident's, in their own zone: what a client thinks of it is heard and moves nothing.
async fn set_offset(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let minutes = device::offset_minutes(&call.json::<Value>()?)?;
    let data = json!({
        "offsetMinutes": number::json(minutes),
        "offsetHours": number::json(minutes / 60.0),
        "currentDate": this_day(&hub).to_string(),
    });
    let text = format!("Timezone offset set to {minutes} minutes");
    Ok(reply::data_with_message(StatusCode::OK, &data, &text))
}

async fn current(hub: Arc<Hub>, _: Call) -> Result<Response, Problem> {
    let (date, today) = of_today(&hub).await?;
    Ok(reply::json(StatusCode::OK, &json!({"success": true, "data": today, "date": date.to_string()})))
}

impl From<DeviceError> for Problem {
    fn from(error: DeviceError) -> Self {
        Self::bad_request(error.to_string())
    }
}
