//! Devices of the resident's.

use serde_json::{Value, json};

use super::{Home, resource};

/// The system of addresses that EUI-48 numbers are from.
const EUI_48: &str = "urn:ieee:std:802:eui-48";

/// One that counts days, unless it is among those that are read.
pub fn another(row: &Value, home: &Home) -> Option<Value> {
    let is_it = |known: &Value| {
        let (one, other) = (known["address"].as_str(), row["address"].as_str());
        one.zip(other).is_some_and(|(one, other)| one.eq_ignore_ascii_case(other))
    };
    (!home.devices.iter().any(is_it)).then(|| device(row, home))
}

/// One that is read.
pub fn device(row: &Value, home: &Home) -> Value {
    let name = row["name"].as_str().map(|name| json!([{"name": name, "type": "user-friendly-name"}]));
    let status = if row["status"] == "active" { "active" } else { "inactive" };
    let elements = [
        ("identifier", row["address"].as_str().map(|address| json!([{"system": EUI_48, "value": address}]))),
        ("status", Some(status.into())),
        ("deviceName", name),
        ("type", row["kind"].as_str().map(|kind| json!({"text": kind}))),
        ("patient", Some(home.patient.clone())),
    ];
    resource("Device", row, elements)
}
