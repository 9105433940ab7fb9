//! A device in the shape that existing clients know.

use kit::clock;
use serde_json::{Value, json};

use crate::store::devices::Device;

/// The row as it is. What nobody changed yet was changed, in SQLite's words, when it was made.
pub fn device(device: &Device) -> Value {
    let created_at = clock::sql(device.recorded_at);
    json!({
        "id": device.compat_id,
        "macAddress": device.address_entered,
        "macNormalized": device.address.compact(),
        "name": device.seen.name,
        "deviceType": device.kind,
        "manufacturer": null,
        "isPaired": device.is_paired,
        "isTrusted": device.is_paired,
        "assignedUser": device.subject,
        "lastRssi": device.seen.rssi,
        "lastSeen": device.seen.at.map(clock::iso),
        "config": null,
        "updatedAt": device.changed_at.map_or_else(|| created_at.clone(), clock::iso),
        "createdAt": created_at,
    })
}
