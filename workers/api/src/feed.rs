//! Tells everyone who listens about every reading that was kept, in the order in which they were kept.

use std::sync::Arc;

use jiff::Timestamp;
use kit::{clock, live::Live, outbox::Recorded};
use serde::Serialize;
use tokio::sync::broadcast::{Receiver, error::RecvError};

use crate::{
    show::{self, Formatted},
    store::{READING_RECORDED, Reading, Store},
};

/// A frame that existing clients know.
#[derive(Serialize)]
#[serde(tag = "type", rename = "vital-update", rename_all = "camelCase")]
struct VitalUpdate<'a> {
    vital_type: &'static str,
    vital: Formatted<'a>,
    device_address: Option<&'a str>,
    timestamp: String,
}

impl<'a> VitalUpdate<'a> {
    fn of(reading: &'a Reading, now: Timestamp) -> Self {
        Self {
            vital_type: reading.kind.name(),
            vital: show::formatted(reading, now),
            device_address: reading.device_address.as_deref(),
            timestamp: clock::iso(now),
        }
    }
}

/// Runs until the database is closed. `events` is subscribed before the first request is served, so that none is missed.
pub async fn run(mut events: Receiver<Recorded>, store: Store, live: Arc<Live>) {
    loop {
        match events.recv().await {
            Ok(recorded) if recorded.event.kind == READING_RECORDED => tell(&recorded, &store, &live).await,
            Ok(_) => {}
            Err(RecvError::Lagged(missed)) => tracing::warn!(missed, "readings came faster than they could be told"),
            Err(RecvError::Closed) => return,
        }
    }
}

async fn tell(recorded: &Recorded, store: &Store, live: &Live) {
    let Some(compat_id) = recorded.event.payload["compat_id"].as_i64() else { return };
    match store.reading(compat_id).await {
        Ok(reading) => live.tell(&VitalUpdate::of(&reading, Timestamp::now())),
        Err(error) => tracing::error!(home_seq = recorded.home_seq, "a reading could not be told: {error}"),
    }
}
