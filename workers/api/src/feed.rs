//! Tells everyone who listens what became true, in the order in which it did. What existing clients are told of an event is
//! written in a file for each domain.

pub mod area;
mod residents;
mod vitals;

use std::sync::Arc;

use kit::{database::DatabaseError, live::Live, outbox::Kept, stream::Stream};
use serde_json::Value;

use crate::store::{
    Store,
    readings::{READING_AMENDED, READING_RECORDED, READING_STRUCK_OUT},
    residents::{RESIDENT_ADDED, RESIDENT_CHANGED},
};

/// Everyone who is told what becomes true.
#[derive(Clone)]
pub struct Feed {
    pub store: Store,
    pub stream: Stream,
    /// Existing clients.
    pub live: Arc<Live>,
}

impl Feed {
    /// Tells what has become true, in this order.
    pub async fn tell(self, events: Vec<Kept>) {
        self.stream.tell(&events);
        for event in events.iter().filter(|_| self.live.is_heard()) {
            match frame(event, &self.store).await {
                Ok(Some(frame)) => self.live.tell(&frame),
                Ok(None) => {}
                Err(error) => tracing::error!(home_seq = event.home_seq, "an event could not be told: {error}"),
            }
        }
    }
}

/// What existing clients are told of an event, if anything.
async fn frame(event: &Kept, store: &Store) -> Result<Option<Value>, DatabaseError> {
    match event.kind.as_str() {
        READING_RECORDED => vitals::recorded(event, store).await,
        READING_AMENDED | READING_STRUCK_OUT => vitals::changed(event, store).await,
        RESIDENT_ADDED | RESIDENT_CHANGED => residents::moved(store).await,
        _ => Ok(None),
    }
}
