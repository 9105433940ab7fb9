//! Waits for what alerts wait for: the next step of a ladder, a repeat that does not come, a reading that is missing. It sleeps
//! until the next of them, and asks anew when something was recorded. Where everything stands is in the database, so that
//! nothing is forgotten over a restart, or done twice by the process that this one replaces.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use kit::{
    alarm::{Alarm, Woken},
    database::DatabaseError,
    outbox::Recorded,
};
use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    time::{Instant, sleep, sleep_until},
};

use crate::store::Store;

/// What the process that this one replaces recorded until it left is not announced here: it is asked for once more then.
const BESIDE_FOR: Duration = Duration::from_secs(15);
/// How long to wait with the next try when the database cannot be written, as on a full disk.
const AFTER_AN_ERROR: Duration = Duration::from_secs(10);
/// A clock that goes ahead by more than this at once was set, or the machine slept. Nothing could reach the hub meanwhile.
const UNHEARD_FOR: SignedDuration = SignedDuration::from_mins(5);
/// Events that change what is waited for begin with one of these.
const CHANGING: [&str; 6] = ["reading.", "alert.", "repeat.", "limits.", "ladder.", "resident."];

/// Watches until the database is closed. `events` is subscribed before the first request is served.
pub async fn run(mut events: Receiver<Recorded>, store: Store, alarm: Alarm) {
    let mut beside = Some(Instant::now() + BESIDE_FOR);
    let (mut clocks, mut was_set) = (Clocks::now(), false);
    look_again(&store, true).await;
    loop {
        let before = std::mem::replace(&mut clocks, Clocks::now());
        let is_back = clocks.is_back_since(before);
        if std::mem::take(&mut was_set) || is_back {
            look_again(&store, is_back).await;
        }
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
                Ok(Woken::ClockSet) => was_set = true,
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

/// `is_back`: what could not reach the hub gets time to arrive.
async fn look_again(store: &Store, is_back: bool) {
    if let Err(error) = store.look_at_all_alerts(is_back, Timestamp::now()).await {
        tracing::error!("what alerts wait for could not be looked at: {error}");
    }
}

/// The wall clock, and the one that only counts while the machine is awake.
#[derive(Clone, Copy)]
struct Clocks {
    wall: Timestamp,
    awake: Instant,
}

impl Clocks {
    fn now() -> Self {
        Self { wall: Timestamp::now(), awake: Instant::now() }
    }

    /// Whether more time has passed on the wall than this process can have seen pass.
    fn is_back_since(self, before: Self) -> bool {
        let awake = SignedDuration::try_from(self.awake.saturating_duration_since(before.awake));
        awake.is_ok_and(|awake| self.wall.duration_since(before.wall).saturating_sub(awake) > UNHEARD_FOR)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_that_slept_is_back_and_one_that_waited_was_never_away() {
        let before = Clocks::now();
        for (wall, awake, expected) in [
            (0, 0, false),
            (10 * 3600, 10 * 3600, false),
            (300, 0, false),
            (301, 0, true),
            (8 * 3600, 60, true),
            (-365 * 86_400, 60, false),
            (60, 3600, false),
        ] {
            let wall = before.wall + SignedDuration::from_secs(wall);
            let after = Clocks { wall, awake: before.awake + Duration::from_secs(awake) };
            assert_eq!(after.is_back_since(before), expected, "{wall} {awake}");
        }
    }
}
