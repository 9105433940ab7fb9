//! Devices of the resident's.

use serde_json::{Value, json};

use super::{Home, resource};

/// The system of addresses that EUI-48 numbers are from.
const EUI_48: &str = "urn:ieee:std:802:eui-48";

/// Those that are read, and those that count days without being among them.
pub fn all(home: &Home<'_>) -> Vec<Value> {
    let known: Vec<_> = home.rows("devices").iter().filter_map(|row| row["address"].as_str()).collect();
    let is_another =
        |row: &&Value| !row["address"].as_str().is_some_and(|own| known.iter().any(|it| it.eq_ignore_ascii_case(own)));
    home.rows("devices")
        .iter()
        .chain(home.rows("fitness_devices").iter().filter(is_another))
        .map(|row| device(row, home))
        .collect()
}

fn device(row: &Value, home: &Home<'_>) -> Value {
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
