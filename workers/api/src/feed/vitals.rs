//! Readings that were kept.

use jiff::Timestamp;
use kit::{clock, database::DatabaseError, outbox::Kept};
use serde_json::{Value, json};

use crate::{show, store::Store};

/// `vital-update`, with the reading as clients show it.
pub async fn update(event: &Kept, store: &Store) -> Result<Option<Value>, DatabaseError> {
    let Some(compat_id) = event.payload["compat_id"].as_i64() else { return Ok(None) };
    let (reading, now) = (store.reading(compat_id).await?, Timestamp::now());
    Ok(Some(json!({
        "type": "vital-update",
        "vitalType": reading.kind.name(),
        "vital": show::formatted(&reading, now),
        "deviceAddress": reading.device_address,
        "timestamp": clock::iso(now),
    })))
}
