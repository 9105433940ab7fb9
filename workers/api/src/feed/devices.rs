//! Devices: paired and unpaired, found, connected; and scans.

use std::iter;

use jiff::Timestamp;
use kit::{clock, outbox::Kept};
use serde_json::{Value, json};

use super::environment;
use crate::{
    bluetooth::{Link, Near, News},
    store::RESIDENT,
};

/// `ble-pairing-status` of a device of existing clients' resident, if somebody asked for it: a device that another one took the
/// place of was not asked about.
pub fn pairing(event: &Kept, is_paired: bool) -> Option<Value> {
    let device = &event.payload;
    if device["subject"] != RESIDENT {
        return None;
    }
    let written = device["asked_address"].as_str()?;
    let name = device["name"].as_str().unwrap_or(written);
    Some(json!({"type": "ble-pairing-status", "macAddress": written, "name": name, "paired": is_paired}))
}

/// What is told of a report of betti-ble's, in order.
pub fn news(news: &News, now: Timestamp) -> Vec<Value> {
    match news {
        News::Radio(state) => vec![json!({"type": "ble-state", "state": state})],
        News::Found(near) => vec![json!({"type": "ble-device", "device": found(near)})],
        News::Link(near) => iter::once(link(near)).chain(environment::link(near, now)).collect(),
        News::Room(near, change) => environment::changed(near, change),
    }
}

fn found(near: &Near) -> Value {
    let address = near.address.to_string();
    json!({
        "id": address,
        "name": near.sighting.name,
        "address": address,
        "rssi": near.sighting.rssi,
        "lastSeen": near.sighting.at.map(clock::iso),
        "manufacturer": null,
    })
}

fn link(near: &Near) -> Value {
    let address = near.address.to_string();
    let name = near.sighting.name.as_deref().unwrap_or(&address);
    let status = match near.link {
        Link::None => "disconnected",
        Link::Connecting => "connecting",
        Link::Connected => "connected",
        Link::Refused => {
            let error = format!(
                "{name} wants to be paired with the adapter first: bluetoothctl pair {address}, then bluetoothctl trust {address}"
            );
            return json!({"type": "ble-connection-error", "macAddress": address, "name": name, "error": error});
        }
    };
    json!({"type": "ble-connection-status", "macAddress": address, "name": name, "status": status})
}

/// `ble-scan-status`: that it began, what it found, or why there is none.
pub fn scan(outcome: &Result<Option<usize>, String>) -> Value {
    match outcome {
        Ok(None) => json!({"type": "ble-scan-status", "status": "scanning"}),
        Ok(Some(found)) => json!({"type": "ble-scan-status", "status": "idle", "devicesFound": found}),
        Err(error) => json!({"type": "ble-scan-status", "status": "error", "error": error}),
    }
}
