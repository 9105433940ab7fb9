//! Waits for what alerts wait for: the next step of a ladder, a repeat that does not come, a reading that is missing. It sleeps
//! until the next of them, and asks anew when something was recorded. Where everything stands is in the database, so that
//! nothing is forgotten over a restart, or done twice by the process that this one replaces.

use std::time::Duration;

use jiff::Timestamp;
use kit::{database::DatabaseError, outbox::Recorded};
use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    time::{Instant, sleep, sleep_until},
};

use crate::{
    alarm::{Alarm, Woken},
    store::Store,
};

/// What the process that this one replaces recorded until it left is not announced here: it is asked for once more then.
const BESIDE_FOR: Duration = Duration::from_secs(15);
/// How long to wait with the next try when the database cannot be written, as on a full disk.
const AFTER_AN_ERROR: Duration = Duration::from_secs(10);
/// Events that change what is waited for begin with one of these.
const CHANGING: [&str; 6] = ["reading.", "alert.", "repeat.", "limits.", "ladder.", "resident."];

/// Watches until the database is closed. `events` is subscribed before the first request is served.
pub async fn run(mut events: Receiver<Recorded>, store: Store, alarm: Alarm) {
    let mut beside = Some(Instant::now() + BESIDE_FOR);
    if let Err(error) = store.look_at_all_alerts(true, Timestamp::now()).await {
        tracing::error!("what alerts wait for could not be looked at: {error}");
    }
    loop {
        let due = match take_due(&store).await {
            Ok(due) => due,
            Err(DatabaseError::Closed) => return,
            Err(error) => {
                tracing::error!("what is due could not be done, it is tried again: {error}");
                sleep(AFTER_AN_ERROR).await;
                continue;
            }
        };
        let over = beside.unwrap_or_else(Instant::now);
        tokio::select! {
            woken = alarm.at(due, Timestamp::now()) => match woken {
                Ok(Woken::Due) => {}
                Ok(Woken::ClockSet) => look_again(&store).await,
                Err(error) => {
                    tracing::error!("the alarm for alerts does not work: {error}");
                    sleep(AFTER_AN_ERROR).await;
                }
            },
            is_open = changed(&mut events) => if !is_open { return },
            () = sleep_until(over), if beside.is_some() => beside = None,
        }
    }
}

/// Does what is due; when the next is.
async fn take_due(store: &Store) -> Result<Option<Timestamp>, DatabaseError> {
    loop {
        let (due, now) = (store.next_alert_due().await?, Timestamp::now());
        if due.is_none_or(|due| due > now) {
            return Ok(due);
        }
        if !store.take_due_alerts(now).await? {
            // Due, and nothing that this version knows.
            return Ok(now.checked_add(AFTER_AN_ERROR).ok());
        }
    }
}

async fn look_again(store: &Store) {
    if let Err(error) = store.look_at_all_alerts(false, Timestamp::now()).await {
        tracing::error!("the clock was set, and what alerts wait for could not be looked at: {error}");
    }
}

/// Until something was recorded that may change what is waited for; `false` when the database is closed.
async fn changed(events: &mut Receiver<Recorded>) -> bool {
    loop {
        match events.recv().await {
            Ok(recorded) if CHANGING.iter().any(|begin| recorded.event.kind.starts_with(begin)) => return true,
            Ok(_) => {}
            Err(RecvError::Lagged(_)) => return true,
            Err(RecvError::Closed) => return false,
        }
    }
}
