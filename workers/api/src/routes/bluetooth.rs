//! What Bluetooth does: told by betti-ble, asked and wanted by clients.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use http::StatusCode;
use jiff::Timestamp;
use kit::{Area, Call, Problem, Routes, Rule, field, reply};
use serde_json::{Value, json};
use tokio::{sync::broadcast::error::RecvError, time::sleep};
use warp::reply::Response;

use super::{Hub, with};
use crate::{
    bluetooth::{self, LASTS, Near, Report},
    devices::{Address, Seen},
    feed::devices as told,
    show,
    store::{
        RESIDENT,
        devices::{DEVICE_EVENTS, Device, DeviceError, Heard, Pairing},
    },
};

/// How long betti-ble's question is held while nothing else is wanted than what it knows.
const HELD_FOR: Duration = Duration::from_secs(25);

pub fn add(routes: Routes, hub: &Arc<Hub>) -> Routes {
    let (read, write) = (Rule::Read(Area::Devices), Rule::Write(Area::Devices));
    routes
        .post("/api/ble/state", Rule::Service, with(hub, take_report))
        .get("/api/ble/wanted", Rule::Service, with(hub, wanted))
        .get("/api/ble/status", read, with(hub, status))
        .get("/api/ble/paired", read, with(hub, paired))
        .post("/api/ble/scan", write, with(hub, scan))
        .everyday()
        .post("/api/ble/pair", write, with(hub, pair))
        .post("/api/ble/unpair", write, with(hub, unpair))
}

async fn take_report(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let report: Report = call.json()?;
    let near = report.near();
    let now = Timestamp::now();
    let devices = hub.store.devices().await?;
    // Existing clients hear of their resident's devices, and of those that are nobody's yet.
    let is_theirs = |address| wearer(&devices, address) == RESIDENT;
    let news = hub.bluetooth.take(report, Instant::now());
    for news in news.iter().filter(|news| news.address().is_none_or(is_theirs)) {
        told::news(news, now).iter().for_each(|told| hub.live.tell(Rule::Read(Area::Devices), told));
    }
    let heard = |near: Near| Heard { address: near.address, is_ours: near.is_ours, sighting: near.sighting };
    hub.store.note_heard(near.into_iter().map(heard).collect(), now).await?;
    Ok(reply::message(StatusCode::OK, "Noted"))
}

/// Which devices betti-ble is to connect to, and the scan that it is to make. Answered when that is something else than the
/// `version` that it knows, so that a device is watched as soon as it is paired; else after [`HELD_FOR`].
async fn wanted(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let (mut events, mut scans) = (hub.store.database().events(), hub.bluetooth.asked());
    let mut held = std::pin::pin!(sleep(HELD_FOR));
    loop {
        let scan = *scans.borrow_and_update();
        let answer = bluetooth::wanted(&hub.store.paired_devices().await?, scan);
        if call.query("version") != answer["version"].as_str() {
            return Ok(reply::data(StatusCode::OK, &answer));
        }
        loop {
            tokio::select! {
                event = events.recv() => match event {
                    Ok(recorded) if !recorded.event.kind.starts_with(DEVICE_EVENTS) => {}
                    Ok(_) | Err(RecvError::Lagged(_)) => break,
                    Err(RecvError::Closed) => return Ok(reply::data(StatusCode::OK, &answer)),
                },
                asked = scans.changed() => if asked.is_ok() { break },
                () = &mut held => return Ok(reply::data(StatusCode::OK, &answer)),
                () = hub.stop.cancelled() => return Ok(reply::data(StatusCode::OK, &answer)),
            }
        }
    }
}

/// Whose a device is; what nobody said of is the first resident's.
fn wearer(devices: &[Device], address: Address) -> i64 {
    devices.iter().find(|device| device.address == address).map_or(RESIDENT, |device| device.subject)
}

async fn status(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let devices = hub.store.devices().await?;
    let is_shown = |address| call.may_see(wearer(&devices, address));
    let paired: Vec<_> =
        devices.iter().filter(|device| device.is_paired && call.may_see(device.subject)).cloned().collect();
    Ok(reply::json(StatusCode::OK, &hub.bluetooth.status(&paired, is_shown, Instant::now())))
}

async fn paired(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let mut paired = hub.store.paired_devices().await?;
    paired.retain(|device| call.may_see(device.subject));
    Ok(reply::json(StatusCode::OK, &hub.bluetooth.paired(&paired, Instant::now())))
}

async fn scan(hub: Arc<Hub>, _: Call) -> Result<Response, Problem> {
    let message = match begin_scan(&hub) {
        Ok(true) => "Scan started",
        Ok(false) => "A scan is running already",
        Err(error) => return Err(Problem::bad_request(error)),
    };
    let body = json!({"success": true, "message": message, "duration": LASTS.as_millis()});
    Ok(reply::json(StatusCode::OK, &body))
}

/// Begins a scan and tells of it, also when it is over; whether it is a new one.
fn begin_scan(hub: &Arc<Hub>) -> Result<bool, String> {
    let begun = hub.bluetooth.begin_scan(Instant::now(), Timestamp::now());
    let asked_at = match begun {
        Ok(Some(asked_at)) => asked_at,
        Ok(None) => return Ok(false),
        Err(error) => {
            hub.live.tell(Rule::Read(Area::Devices), &told::scan(&Err(error.clone())));
            return Err(error);
        }
    };
    hub.live.tell(Rule::Read(Area::Devices), &told::scan(&Ok(None)));
    let hub = hub.clone();
    tokio::spawn(async move {
        tokio::select! {
            () = sleep(LASTS) => {}
            () = hub.stop.cancelled() => return,
        }
        if let Some(found) = hub.bluetooth.end_scan(asked_at) {
            hub.live.tell(Rule::Read(Area::Devices), &told::scan(&Ok(Some(found))));
        }
    });
    Ok(true)
}

async fn pair(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let body = call.json::<Value>()?;
    field::require(&body, &["macAddress"])?;
    let written = field::text(&body, "macAddress")?.unwrap_or_default();
    let address: Address = written.parse().map_err(|error| Problem::bad_request(format!("macAddress {error}")))?;
    if let Some(wearer) = hub.store.wearer_of(Some(&written)).await? {
        call.about(wearer)?;
    }
    let sighting = hub.bluetooth.near(address).map(|near| near.sighting).unwrap_or_default();
    let sighting = Seen { at: None, ..sighting };
    let (name, kind) = (field::text(&body, "name")?, field::text(&body, "deviceType")?);
    if hub.store.paired_devices().await?.is_empty() {
        // With the first one, looking for devices begins; why it cannot is told, and is no reason not to pair.
        let _ = begin_scan(&hub);
    }
    let device = hub.store.pair(Pairing { address, written, name, kind, sighting }, Timestamp::now()).await?;
    let message = format!("Device {} paired successfully", device.title());
    Ok(reply::json(StatusCode::OK, &json!({"success": true, "message": message, "device": show::device(&device)})))
}

async fn unpair(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let body = call.json::<Value>()?;
    field::require(&body, &["macAddress"])?;
    let written = field::text(&body, "macAddress")?.unwrap_or_default();
    let address = written.parse().map_err(|_| DeviceError::Unknown)?;
    if let Some(wearer) = hub.store.wearer_of(Some(&written)).await? {
        call.about(wearer).map_err(|_| DeviceError::Unknown)?;
    }
    let device = hub.store.unpair(address, written, Timestamp::now()).await?;
    Ok(reply::message(StatusCode::OK, &format!("Device {} unpaired successfully", device.title())))
}
