//! One line in plain words for each change in an app's life: when, which app, what, why.

use lifecycle::{AppId, Snapshot, State, StopReason};

use super::chronicle::{self, Record};
use super::{Supervisor, now, reason};
use crate::clock;

impl Supervisor {
    pub(super) fn announce(&mut self, id: AppId, before: Option<&Snapshot>, after: &Snapshot) {
        if before.is_some_and(|before| before.state == after.state) {
            return;
        }
        let Some(key) = self.unit(id).map(|unit| unit.key()) else { return };
        let what = self.what_changed(id, before, after);
        say!("{} {key}: {what}", clock::stamp());
        let notes = self.notes.get(&id).cloned().unwrap_or_default();
        let record = Record {
            at_ns: clock::now_ns(),
            status: super::status::word(self.fleet.status(id)),
            run: super::perform::run_in(after.state).map(|run| run.0),
            what,
            actor: chronicle::actor(after, &notes, self.stopping),
        };
        let chronicle = self.chronicles.entry(id).or_default();
        if chronicle.add(record) {
            let order = chronicle.remember(&key);
            self.order(&order);
        }
    }

    fn what_changed(&self, id: AppId, before: Option<&Snapshot>, after: &Snapshot) -> String {
        let notes = self.notes.get(&id).cloned().unwrap_or_default();
        let failure = || after.last_failure.map(|failure| reason::of_failure(failure, &notes));
        let exit = || after.last_exit.map_or_else(|| "ended".to_owned(), reason::of_exit);
        match after.state {
            State::Stopped if after.newest_run.is_none() => "not started".to_owned(),
            State::Stopped => "stopped".to_owned(),
            State::Starting { run, .. } => match notes.cause.filter(|_| !is_ending(before)) {
                Some(cause) => format!("starting (run {}): {cause}", run.0),
                None => format!("starting (run {})", run.0),
            },
            State::Running { .. } => match notes.ready_ms {
                Some(ms) => format!("online after {}", reason::span(std::time::Duration::from_millis(ms))),
                None => "online".to_owned(),
            },
            State::Stopping { kill_at: None, .. } => "still there after its kill_timeout; killing it".to_owned(),
            State::Stopping { why, .. } => match why {
                StopReason::Asked => "stopping, as asked".to_owned(),
                StopReason::Restart => match &notes.cause {
                    Some(cause) => format!("restarting: {cause}"),
                    None => "restarting, as asked".to_owned(),
                },
                StopReason::NotReady | StopReason::Unhealthy => {
                    format!("ending it: {}", failure().unwrap_or_default())
                }
                StopReason::Itself => "ending by itself, as it says".to_owned(),
                StopReason::Exited => failure().unwrap_or_else(exit),
            },
            State::Backoff { .. } | State::Cooling { .. } => {
                let next = reason::of_retry(after.state, after.failures.len(), now());
                next.unwrap_or_else(|| "starting again".to_owned())
            }
            State::Finished => format!("{}; left at that", failure().unwrap_or_else(exit)),
        }
    }
}

/// Why it is begun anew was told when the run before this one was told to end.
fn is_ending(before: Option<&Snapshot>) -> bool {
    before.is_some_and(|before| matches!(before.state, State::Stopping { .. }))
}

/// Whether this is the moment in which a run begins.
pub fn begins(before: Option<&Snapshot>, after: &Snapshot) -> bool {
    matches!(after.state, State::Starting { .. }) && before.is_none_or(|before| before.state != after.state)
}
