//! Sleeps until a dose is to be announced, and has it announced. Nothing is done while nothing is due.
//!
//! ```text
//!   what changes doses ──┐
//!   the wall clock is set ├─► look ──► store: decide, keep, tell in one transaction ──► outbox ──► feed
//!   the next due time ────┘    └── sleep until what comes next
//! ```

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use kit::{Area, Rule, alarm::Alarm, live::Live, outbox::Recorded};
use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use crate::{
    feed,
    store::{
        Store,
        medications::{
            DOSE_CORRECTED, DOSE_NOTED, DOSE_SKIPPED, DOSE_SNOOZED, DOSE_TAKEN, DOSE_UNDONE, MEDICATION_ADDED,
            MEDICATION_CHANGED, MEDICATION_STOPPED, MedicationError,
        },
        residents::{RESIDENT_ADDED, RESIDENT_CHANGED},
    },
};

/// Whether doses are announced; they are, unless this says `false`, `0`, `no` or `off`. Other words than these and
/// `true`, `1`, `yes`, `on` are refused: a slip must not decide.
pub const ENABLED: &str = "MEDICATION_REMINDERS_ENABLED";

/// How soon to try again what failed.
const TRY_AGAIN_AFTER: SignedDuration = SignedDuration::from_secs(30);

/// [`ENABLED`] says neither yes nor no.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{ENABLED}={0} is neither yes nor no: set it to true or false")]
pub struct NeitherYesNorNo(String);

/// Whether this value of [`ENABLED`] asks for announcements.
pub fn are_enabled(value: Option<&str>) -> Result<bool, NeitherYesNorNo> {
    match value.unwrap_or_default().trim().to_ascii_lowercase().as_str() {
        "" | "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err(NeitherYesNorNo(value.unwrap_or_default().into())),
    }
}

/// Announces doses until the worker stops or the database is closed. `events` is subscribed before the first request is served.
///
/// The process that this one replaces may still write for `beside_for`, unheard by this one, so that it looks once more then.
pub async fn run(
    mut events: Receiver<Recorded>,
    alarm: Alarm,
    store: Store,
    live: Arc<Live>,
    beside_for: Duration,
    stop: CancellationToken,
) {
    let mut beside_until = Some(Instant::now() + beside_for);
    loop {
        let wake_at = match look(&store).await {
            Ok(wake_at) => wake_at,
            Err(error) => {
                tracing::error!("doses could not be looked at: {error}");
                live.tell(
                    Rule::Read(Area::Medication),
                    &feed::medication::failed(&"Medication reminders do not work at the moment"),
                );
                Timestamp::now().saturating_add(TRY_AGAIN_AFTER).unwrap_or(Timestamp::MAX)
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            goes_on = changed(&mut events) => if !goes_on { return },
            rang = alarm.at(Some(wake_at), Timestamp::now()) => if let Err(error) = rang {
                tracing::error!("the alarm for doses does not ring: {error}");
                live.tell(Rule::Read(Area::Medication), &feed::medication::failed(&error));
                tokio::time::sleep(TRY_AGAIN_AFTER.unsigned_abs()).await; // by the runtime's clock, until the alarm works again
            },
            () = over(beside_until) => beside_until = None,
        }
    }
}

/// Announces everybody's doses; when to look again.
async fn look(store: &Store) -> Result<Timestamp, MedicationError> {
    let mut wake_at = Ok(Timestamp::MAX);
    for resident in store.residents().await? {
        // What cannot be done for one is done for the others all the same.
        let found = store.look_at_doses(resident.subject, Timestamp::now()).await;
        wake_at = wake_at.and_then(|wake_at| Ok(wake_at.min(found?)));
    }
    wake_at
}

/// Waits until something is different that decides about doses; false when nothing will be any more.
async fn changed(events: &mut Receiver<Recorded>) -> bool {
    loop {
        match events.recv().await {
            Ok(recorded) if decides_about_doses(recorded.event.kind) => return true,
            Ok(_) => {}
            Err(RecvError::Lagged(_)) => return true,
            Err(RecvError::Closed) => return false,
        }
    }
}

fn decides_about_doses(kind: &str) -> bool {
    matches!(
        kind,
        MEDICATION_ADDED
            | MEDICATION_CHANGED
            | MEDICATION_STOPPED
            | DOSE_TAKEN
            | DOSE_SKIPPED
            | DOSE_SNOOZED
            | DOSE_CORRECTED
            | DOSE_NOTED
            | DOSE_UNDONE
            | RESIDENT_ADDED
            | RESIDENT_CHANGED
    )
}

async fn over(until: Option<Instant>) {
    match until {
        Some(until) => tokio::time::sleep_until(until).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doses_are_announced_unless_somebody_says_no() {
        for (value, enabled) in [
            (None, true),
            (Some("true"), true),
            (Some(""), true),
            (Some("1"), true),
            (Some("false"), false),
            (Some(" OFF "), false),
            (Some("0"), false),
            (Some("no"), false),
        ] {
            assert_eq!(are_enabled(value), Ok(enabled), "{value:?}");
        }
        let error = are_enabled(Some("flase")).unwrap_err().to_string();
        assert_eq!(error, "MEDICATION_REMINDERS_ENABLED=flase is neither yes nor no: set it to true or false");
    }
}
