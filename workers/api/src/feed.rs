//! Tells everyone who listens what became true, in the order in which it did. What existing clients are told of an event is
//! written in a file for each domain.

pub mod activity;
pub mod area;
pub mod devices;
mod environment;
pub mod medication;
mod residents;
pub mod vitals;

use std::{sync::Arc, time::Duration};

use kit::{
    database::DatabaseError,
    live::Live,
    outbox::{Kept, Recorded},
    stream::Stream,
};
use serde_json::Value;
use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    time::{Instant, interval},
};

use crate::store::{
    Store,
    activity::ACTIVITY_RECORDED,
    devices::{DEVICE_PAIRED, DEVICE_UNPAIRED},
    medications::{DOSE_DUE, DOSE_LATE, DOSE_REMINDED},
    readings::{READING_AMENDED, READING_RECORDED, READING_STRUCK_OUT},
    residents::{RESIDENT_ADDED, RESIDENT_CHANGED},
};

/// How long the process that this one replaces may still write: as long as this one may take to be ready (10 s in
/// `ecosystem.toml`), and that one to stop (5 s).
pub const BESIDE_FOR: Duration = Duration::from_secs(15);
/// How often to look in that time for what the other one wrote: late is no reading's loss, but a person waits for it.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Events that are read at once.
const MOST_AT_ONCE: u32 = 256;

/// Tells what became true after `told`, an event's place in the home's history, until the database is closed.
///
/// It reads from the outbox what is to be told, and `events` only say when: so nothing is told twice, out of order or not
/// at all, also not what the process wrote that this one replaces. That one may finish for [`BESIDE_FOR`], in which it is
/// looked for; afterwards nobody else writes, and nothing is done while nothing happens.
///
/// `events` is subscribed, and `told` read, before the first request is served.
pub async fn run(mut events: Receiver<Recorded>, mut told: i64, store: Store, live: Arc<Live>, stream: Stream) {
    let alone = Instant::now() + BESIDE_FOR;
    let mut look = interval(LOOK_EVERY);
    loop {
        tokio::select! {
            event = events.recv() => match event {
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            },
            _ = look.tick(), if Instant::now() < alone => {}
        }
        told = tell_after(told, &store, &live, &stream).await;
    }
}

/// Returns the place of the last one that was told.
async fn tell_after(mut told: i64, store: &Store, live: &Live, stream: &Stream) -> i64 {
    loop {
        let news = match store.events_after(told, MOST_AT_ONCE).await {
            Ok(news) if news.is_empty() => return told,
            Ok(news) => news,
            Err(error) => {
                tracing::error!(told, "what happened could not be read: {error}");
                return told;
            }
        };
        news.iter().for_each(|event| stream.tell(event));
        for event in news {
            told = event.home_seq;
            if !live.is_heard() {
                continue;
            }
            match frame(&event, store).await {
                Ok(Some(frame)) => live.tell(area::rule(&event), &frame),
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
        DOSE_REMINDED | DOSE_DUE | DOSE_LATE => Ok(medication::announced(event)),
        ACTIVITY_RECORDED => Ok(activity::recorded(event)),
        RESIDENT_ADDED | RESIDENT_CHANGED => residents::moved(store).await,
        DEVICE_PAIRED => Ok(devices::pairing(event, true)),
        DEVICE_UNPAIRED => Ok(devices::pairing(event, false)),
        _ => Ok(None),
    }
}
