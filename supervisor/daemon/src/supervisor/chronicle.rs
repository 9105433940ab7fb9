//! What became of each instance lately, and who brought that about. The keeper remembers it, so that it outlives the supervisor;
//! it does not outlive the hub.
//!
//! The records of a change are remembered, together, before the change itself. Killed in between, the successor comes to the same
//! change again, and the same records are not kept twice.

use std::collections::VecDeque;
use std::time::Duration;

use lifecycle::{Beside, Failure, Snapshot, State, StopReason};
use protocol::control::{Actor, CLOCK_NOT_SET, Happening, Word};
use protocol::keeper::Order;
use serde::{Deserialize, Serialize};

use super::memory::{Memory, Notes, remember};
use crate::clock;
use crate::synchronised::clock_is_synchronised;

const WHY: &str = "why";
/// The most records that are kept of an instance.
const MOST_KEPT: usize = 20;
/// The most that is kept of a record's words, in bytes: an app's own words may be long.
const LONGEST_WORDS: usize = 400;

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Nanoseconds of `CLOCK_BOOTTIME`.
    pub at_ns: u64,
    pub status: Word,
    pub run: Option<u64>,
    pub what: String,
    pub actor: Actor,
}

/// The last ones of an instance, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chronicle(VecDeque<Record>);

impl Chronicle {
    pub fn remembered(memory: &Memory, key: &str) -> Self {
        memory.get(&format!("{WHY}/{key}")).and_then(|kept| serde_json::from_str(kept).ok()).unwrap_or_default()
    }

    /// Adds what changed at once; the oldest ones make room. Answers whether it was new.
    pub fn add(&mut self, mut changes: Vec<Record>) -> bool {
        for record in &mut changes {
            record.what.truncate(record.what.floor_char_boundary(LONGEST_WORDS));
        }
        let is_same = |(last, new): (&Record, &Record)| Record { at_ns: new.at_ns, ..last.clone() } == *new;
        let is_known = self.0.len() >= changes.len() && self.0.iter().rev().zip(changes.iter().rev()).all(is_same);
        if is_known {
            return false;
        }
        self.0.extend(changes);
        self.0.drain(..self.0.len().saturating_sub(MOST_KEPT));
        true
    }

    pub fn remember(&self, key: &str) -> Order {
        remember(format!("{WHY}/{key}"), serde_json::to_string(self).ok())
    }

    /// Oldest first, with times as the wall clock has them by now.
    pub fn told(&self) -> Vec<Happening> {
        let doubt = (!clock_is_synchronised()).then(|| CLOCK_NOT_SET.to_owned());
        let happening = |record: &Record| {
            let moment = Duration::from_nanos(record.at_ns);
            Happening {
                at: clock::wall_at(moment).strftime("%FT%T.%3fZ").to_string(),
                clock: doubt.clone(),
                boot: clock::boot().to_owned(),
                after_boot_ms: record.at_ns / 1_000_000,
                status: record.status,
                run: record.run,
                what: record.what.clone(),
                actor: record.actor,
            }
        };
        self.0.iter().map(happening).collect()
    }
}

pub fn forget(key: &str) -> Order {
    remember(format!("{WHY}/{key}"), None)
}

/// Who brought a change about. `hub_ends` says that everything is being stopped.
pub fn actor(after: &Snapshot, notes: &Notes, hub_ends: bool) -> Actor {
    let wish = match (notes.asked || hub_ends, notes.cause.is_some()) {
        (true, _) => Actor::Operator,
        (false, true) => Actor::Hub,
        (false, false) => Actor::File,
    };
    match after.state {
        State::Starting { .. } if notes.asked => Actor::Operator,
        State::Running { .. } => Actor::App,
        State::Stopping { kill_at: None, .. } => Actor::Hub,
        State::Stopping { why, .. } => match why {
            StopReason::Asked | StopReason::Restart => wish,
            StopReason::NotReady | StopReason::Unhealthy => Actor::Hub,
            StopReason::Exited | StopReason::Itself => Actor::App,
        },
        State::Stopped if notes.asked || hub_ends => Actor::Operator,
        State::Finished => Actor::App,
        State::Starting { .. } | State::Stopped | State::Backoff { .. } | State::Cooling { .. } => Actor::Hub,
    }
}

/// Who brought about that the run that served ends, while another one is tried.
pub fn actor_of_end(after: &Snapshot) -> Actor {
    match after.last_failure {
        Some(Failure::Unhealthy(_) | Failure::NotReady { .. }) => Actor::Hub,
        Some(Failure::Exited(_) | Failure::Vanished) | None => Actor::App,
    }
}

/// Who brought a change of the run about that is beside another.
pub fn actor_beside(after: &Snapshot, notes: &Notes) -> Actor {
    match (after.beside, after.failed_try) {
        (Some(Beside::Trying { .. }), _) if notes.asked => Actor::Operator,
        (Some(Beside::Trying { .. }), _) if notes.cause.is_none() => Actor::File,
        (Some(Beside::Leaving { .. }), Some(Failure::Exited(_) | Failure::Vanished)) => Actor::App,
        _ => Actor::Hub,
    }
}

#[cfg(test)]
mod tests {
    use lifecycle::{AppId, Fleet, Invocation, Moment, Policy};

    use super::*;

    fn record(at_ns: u64, what: &str) -> Record {
        Record { at_ns, status: Word::Online, run: Some(7), what: what.to_owned(), actor: Actor::App }
    }

    fn words(chronicle: &Chronicle) -> Vec<&str> {
        chronicle.0.iter().map(|record| record.what.as_str()).collect()
    }

    #[test]
    fn the_oldest_makes_room_and_what_is_told_again_is_kept_once() {
        let mut chronicle = Chronicle::default();
        for number in 0..2 * MOST_KEPT as u64 {
            assert!(chronicle.add(vec![record(number, &number.to_string())]));
            assert!(!chronicle.add(vec![record(number + 1, &number.to_string())]), "told again by a successor");
        }
        assert_eq!(words(&chronicle).len(), MOST_KEPT);
        assert_eq!((words(&chronicle)[0], words(&chronicle)[MOST_KEPT - 1]), ("20", "39"));
        assert!(chronicle.add(vec![record(1, &"é".repeat(LONGEST_WORDS))]));
        assert_eq!(words(&chronicle)[MOST_KEPT - 1].len(), LONGEST_WORDS);
    }

    #[test]
    fn what_changes_in_pairs_is_told_again_in_pairs() {
        let pair = |at_ns| vec![record(at_ns, "online"), record(at_ns, "run 6 is not needed any more")];
        let mut chronicle = Chronicle::default();
        assert!(chronicle.add(pair(1)));
        assert!(!chronicle.add(pair(2)), "told again by a successor");
        assert_eq!(words(&chronicle), ["online", "run 6 is not needed any more"]);
        assert!(chronicle.add(vec![record(3, "online")]), "the same words later are another change");
        assert!(!chronicle.add(Vec::new()), "nothing is nothing new");
    }

    #[test]
    fn it_is_read_as_it_was_written() {
        let mut chronicle = Chronicle::default();
        chronicle.add(vec![record(5, "online after 1 s")]);
        let Order::Remember { key, value: Some(value) } = chronicle.remember("web/1") else { panic!("an order") };
        let text = r#"[{"at_ns":5,"status":"online","run":7,"what":"online after 1 s","actor":"app"}]"#;
        assert_eq!((key.as_str(), value.as_str()), ("why/web/1", text));
        assert_eq!(Chronicle::remembered(&[(key, value)].into(), "web/1"), chronicle);
        assert_eq!(Chronicle::remembered(&Memory::new(), "web"), Chronicle::default());
        assert_eq!(chronicle.told()[0].after_boot_ms, 0);
    }

    #[test]
    fn it_is_known_who_brought_a_change_about() {
        let fleet = Fleet::new([(AppId(0), Policy::default(), Vec::new())], Invocation(0)).unwrap();
        let (run, later) = (Invocation(1), Moment::at(Duration::from_secs(1)));
        let asked = Notes { asked: true, ..Notes::default() };
        let caused = Notes { cause: Some("app.js changed".into()), ..Notes::default() };
        let none = Notes::default();
        let stopping = |why| State::Stopping { run, kill_at: Some(later), why };
        for (state, notes, hub_ends, expected) in [
            (State::Starting { run, ready_by: later }, &asked, false, Actor::Operator),
            (State::Starting { run, ready_by: later }, &none, false, Actor::Hub),
            (State::Running { run, since: later }, &asked, false, Actor::App),
            (stopping(StopReason::Asked), &asked, false, Actor::Operator),
            (stopping(StopReason::Asked), &none, true, Actor::Operator),
            (stopping(StopReason::Asked), &none, false, Actor::File),
            (stopping(StopReason::Restart), &asked, false, Actor::Operator),
            (stopping(StopReason::Restart), &caused, false, Actor::Hub),
            (stopping(StopReason::Restart), &none, false, Actor::File),
            (stopping(StopReason::NotReady), &asked, false, Actor::Hub),
            (stopping(StopReason::Unhealthy), &none, false, Actor::Hub),
            (stopping(StopReason::Exited), &none, false, Actor::App),
            (stopping(StopReason::Itself), &none, false, Actor::App),
            (State::Stopping { run, kill_at: None, why: StopReason::Asked }, &asked, false, Actor::Hub),
            (State::Stopped, &asked, false, Actor::Operator),
            (State::Stopped, &none, false, Actor::Hub),
            (State::Backoff { retry_at: later }, &none, false, Actor::Hub),
            (State::Finished, &none, false, Actor::App),
        ] {
            let after = Snapshot { state, ..fleet.snapshot(AppId(0)) };
            assert_eq!(actor(&after, notes, hub_ends), expected, "{state:?}, {notes:?}");
        }
    }
}
