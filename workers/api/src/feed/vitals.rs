//! Readings that were kept, amended and struck out. Existing clients know one resident and six kinds.

use jiff::Timestamp;
use kit::{clock, database::DatabaseError, outbox::Kept};
use serde_json::{Value, json};

use crate::{
    show,
    store::{RESIDENT, Store, readings::Reading},
};

/// `vital-update`, with the reading as clients show it; nothing if it was struck out since.
pub async fn recorded(event: &Kept, store: &Store) -> Result<Option<Value>, DatabaseError> {
    let reading = known_to_clients(event, store).await?;
    Ok(reading.filter(|reading| !reading.is_struck_out()).map(|reading| update(&reading)))
}

/// `vital-update` with what is the newest of that kind now: clients show the last one that they are told of.
pub async fn changed(event: &Kept, store: &Store) -> Result<Option<Value>, DatabaseError> {
    let Some(reading) = known_to_clients(event, store).await? else { return Ok(None) };
    Ok(store.latest_of(RESIDENT, reading.kind).await?.map(|newest| update(&newest)))
}

async fn known_to_clients(event: &Kept, store: &Store) -> Result<Option<Reading>, DatabaseError> {
    let Some(compat_id) = event.payload["compat_id"].as_i64() else { return Ok(None) };
    let reading = store.reading(compat_id).await?;
    Ok(Some(reading).filter(|reading| reading.subject == RESIDENT && reading.kind.is_known_to_clients()))
}

fn update(reading: &Reading) -> Value {
    let now = Timestamp::now();
    json!({
        "type": "vital-update",
        "vitalType": reading.kind.name(),
        "vital": show::formatted(reading, now),
        "deviceAddress": reading.device_address,
        "timestamp": clock::iso(now),
    })
}

/// `vital-error`: what a device measured was not kept. Kind and address are as a client wrote them.
pub fn refused(kind: Option<&str>, address: &str, error: &str) -> Value {
    json!({
        "type": "vital-error",
        "vitalType": kind,
        "deviceAddress": address,
        "error": error,
        "timestamp": clock::iso(Timestamp::now()),
    })
}
