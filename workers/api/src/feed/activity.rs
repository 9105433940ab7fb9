//! Days that a device counted. What people write is not told.

use jiff::Timestamp;
use kit::{clock, outbox::Kept};
use serde_json::{Map, Value, json};

use crate::store::RESIDENT;

/// `activity-update`, with the day as it was then: a later report is told by itself.
pub fn recorded(event: &Kept) -> Option<Value> {
    let day = &event.payload;
    if day["subject"] != RESIDENT || day["device_address"].is_null() {
        return None;
    }
    let sql = |name: &str| {
        let at = day[name].as_str().and_then(|text| text.parse::<Timestamp>().ok());
        json!(at.map(clock::sql))
    };
    let mut activity = Map::new();
    activity.insert("id".into(), day["compat_id"].clone());
    activity.insert("user_id".into(), day["subject"].clone());
    activity.insert("activity_date".into(), day["local_date"].clone());
    activity.extend(day["figures"].as_object().cloned().unwrap_or_default());
    activity.insert("source".into(), day["source"].clone());
    activity.insert("created_at".into(), sql("recorded_at"));
    activity.insert("updated_at".into(), sql("changed_at"));
    Some(json!({
        "type": "activity-update",
        "userId": day["subject"],
        "date": day["local_date"],
        "activity": activity,
        "deviceAddress": day["device_address"],
        "source": "ble_device",
        "timestamp": clock::iso_now(),
    }))
}

/// `activity-error`: what a device said of the day was not kept. The address is in upper case, as with `activity-update`.
pub fn refused(address: &str, error: &str) -> Value {
    json!({"type": "activity-error", "deviceAddress": address, "error": error, "timestamp": clock::iso_now()})
}
