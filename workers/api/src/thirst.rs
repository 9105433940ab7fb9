//! Sleeps until somebody should have drunk more, and has it told. Nothing is done while nothing is due: what was told of which
//! day is in the database.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use kit::{alarm::Alarm, database::DatabaseError, outbox::Recorded};
use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    time::{Instant, sleep, sleep_until},
};

use crate::store::{Store, residents::ResidentError};

/// How soon to try again what failed.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(30);
/// Events that decide about it begin with one of these.
const DECIDING: [&str; 3] = ["drink.", "drink-goal.", "resident."];

/// Watches until the database is closed. `events` is subscribed before the first request is served.
///
/// The process that this one replaces may still write for `beside_for`, unheard by this one, so that it looks once more then.
pub async fn run(mut events: Receiver<Recorded>, store: Store, alarm: Alarm, beside_for: Duration) {
    let mut beside = Some(Instant::now() + beside_for);
    loop {
        let wake_at = match look(&store).await {
            Ok(wake_at) => wake_at,
            Err(ResidentError::Database(DatabaseError::Closed)) => return,
            Err(error) => {
                tracing::error!("what was drunk could not be looked at, it is tried again: {error}");
                let pause = SignedDuration::try_from(TRY_AGAIN_AFTER).unwrap_or_default();
                Timestamp::now().saturating_add(pause).unwrap_or(Timestamp::MAX)
            }
        };
        let over = beside.unwrap_or_else(Instant::now);
        tokio::select! {
            is_open = changed(&mut events) => if !is_open { return },
            rang = alarm.at(Some(wake_at), Timestamp::now()) => if let Err(error) = rang {
                tracing::error!("the alarm for drinks does not work: {error}");
                sleep(TRY_AGAIN_AFTER).await;
            },
            () = sleep_until(over), if beside.is_some() => beside = None,
        }
    }
}

/// Looks at everybody's day; when to look again.
async fn look(store: &Store) -> Result<Timestamp, ResidentError> {
    let mut wake_at = Timestamp::MAX;
    for resident in store.residents().await? {
        wake_at = wake_at.min(store.look_at_drinks(resident.subject, Timestamp::now()).await?);
    }
    Ok(wake_at)
}

/// Until something was recorded that decides about it; `false` when the database is closed.
async fn changed(events: &mut Receiver<Recorded>) -> bool {
    loop {
        match events.recv().await {
            Ok(recorded) if DECIDING.iter().any(|begin| recorded.event.kind.starts_with(begin)) => return true,
            Ok(_) => {}
            Err(RecvError::Lagged(_)) => return true,
            Err(RecvError::Closed) => return false,
        }
    }
}
