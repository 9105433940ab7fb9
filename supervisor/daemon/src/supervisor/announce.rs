//! One line in plain words for each change in an app's life: when, which app, what, why.

use lifecycle::{AppId, Beside, Invocation, Snapshot, State, StopReason};

use protocol::control::Actor;

use super::chronicle::{self, Record};
use super::memory::Notes;
use super::{Supervisor, now, reason};
use crate::clock;

impl Supervisor {
    /// To the log, and to whoever asks why: what changed at once is remembered at once.
    pub(super) fn announce(&mut self, id: AppId, before: Option<&Snapshot>, after: &Snapshot) {
        let Some(key) = self.unit(id).map(|unit| unit.key()) else { return };
        let changes = self.changes(id, before, after);
        for change in &changes {
            say!("{} {key}: {}", clock::stamp(), change.what);
        }
        let chronicle = self.chronicles.entry(id).or_default();
        if chronicle.add(changes) {
            let order = chronicle.remember(&key);
            self.order(&order);
        }
    }

    /// Of the run that serves or is to, then of the one beside it.
    fn changes(&self, id: AppId, before: Option<&Snapshot>, after: &Snapshot) -> Vec<Record> {
        let notes = self.notes.get(&id).cloned().unwrap_or_default();
        let (at_ns, status) = (clock::now_ns(), super::status::word(self.fleet.status(id)));
        let record = |run: Option<Invocation>, what: String, actor: Actor| Record {
            at_ns,
            status,
            run: run.map(|run| run.0),
            what,
            actor,
        };
        if let Some(old) = before.and_then(|before| gives_place(before, after)) {
            let what = what_gave_place(after, &notes);
            return vec![record(Some(old), what, chronicle::actor_of_end(after))];
        }
        let changed = is_news(before, after).then(|| {
            let actor = chronicle::actor(after, &notes, self.stopping);
            record(after.state.run(), self.what_changed(id, before, after), actor)
        });
        let beside = before.and_then(|before| before.beside);
        let changed_beside = self.what_changed_beside(id, beside, after).map(|what| {
            let run = after.beside.or(beside).map(Beside::run);
            record(run, what, chronicle::actor_beside(after, &notes))
        });
        changed.into_iter().chain(changed_beside).collect()
    }

    fn what_changed_beside(&self, id: AppId, before: Option<Beside>, after: &Snapshot) -> Option<String> {
        let notes = self.notes.get(&id).map(Notes::of_try).unwrap_or_default();
        let failure = || after.failed_try.map(|failure| reason::of_failure(failure, &notes));
        let failed = |run: Invocation| match failure() {
            Some(failure) => format!("reload failed: {failure}; ending run {}, and the one before goes on", run.0),
            None => format!("run {} is not needed any more; ending it", run.0),
        };
        match (before, after.beside) {
            (None, Some(Beside::Trying { run, .. })) => {
                Some(format!("reloading: run {} beside the one that serves", run.0))
            }
            (Some(Beside::Trying { run, .. }), Some(Beside::Leaving { run: same, .. })) if run == same => {
                Some(failed(run))
            }
            (Some(Beside::Trying { run, .. }), None) if after.state.run() != Some(run) => Some(failed(run)),
            (Some(Beside::Trying { .. }) | None, Some(Beside::Leaving { run, .. })) => {
                Some(format!("run {} is not needed any more; it may finish what it is doing", run.0))
            }
            (Some(Beside::Leaving { kill_at: Some(_), .. }), Some(Beside::Leaving { run, kill_at: None, .. })) => {
                Some(format!("run {} is still there after its kill_timeout; killing it", run.0))
            }
            (Some(Beside::Leaving { run, .. }), None) => Some(format!("run {} is gone", run.0)),
            _ => None,
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

/// The run that served and ends, while the one that was tried beside it takes its place.
fn gives_place(before: &Snapshot, after: &Snapshot) -> Option<Invocation> {
    match (before.state, before.beside, after.state) {
        (State::Running { run: old, .. }, Some(Beside::Trying { run: tried, .. }), State::Starting { run, .. }) => {
            Some(old).filter(|_| run == tried)
        }
        _ => None,
    }
}

/// What becomes of the run that served. It is told now or never: once the next one is ready, nothing is wrong any more.
fn what_gave_place(after: &Snapshot, notes: &Notes) -> String {
    let exit = match after.beside {
        Some(Beside::Leaving { exit, .. }) => exit,
        Some(Beside::Trying { .. }) | None => None,
    };
    let end = match (after.last_failure, exit) {
        (Some(failure), _) => reason::of_failure(failure, notes),
        (None, Some(exit)) => reason::of_exit(exit),
        (None, None) => "ending by itself, as it says".to_owned(),
    };
    let next = after.state.run().map_or(0, |run| run.0);
    format!("{end}; run {next}, which is tried beside it, takes its place")
}

/// Whether this is the moment in which a run begins.
pub fn begins(before: Option<&Snapshot>, after: &Snapshot) -> bool {
    matches!(after.state, State::Starting { .. }) && is_news(before, after)
}

/// Another state, and not the same one with another deadline.
fn is_news(before: Option<&Snapshot>, after: &Snapshot) -> bool {
    let Some(before) = before.map(|before| before.state) else { return true };
    match (before, after.state) {
        (State::Starting { run: old, .. }, State::Starting { run, .. }) => old != run,
        (
            State::Stopping { run: old, kill_at: Some(_), why: before },
            State::Stopping { run, kill_at: Some(_), why },
        ) => (old, before) != (run, why),
        (before, after) => before != after,
    }
}

/// Whether nothing that was asked of it is still to happen: what becomes of its run from now on is nobody's wish.
pub fn has_done_as_asked(after: &Snapshot) -> bool {
    let is_up = matches!(after.state, State::Starting { .. } | State::Running { .. });
    is_up && after.turn.is_none() && after.reload.is_none_or(|reload| reload.begun)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use lifecycle::{Ailment, Exit, Failure, Fleet, Moment, Policy, Reload, Turn};

    use super::*;

    const LATER: Moment = Moment::at(Duration::from_secs(9));

    fn stopped() -> Snapshot {
        Fleet::new([(AppId(0), Policy::default(), Vec::new())], Invocation(0)).unwrap().snapshot(AppId(0))
    }

    fn running(run: u64) -> State {
        State::Running { run: Invocation(run), since: LATER }
    }

    fn starting(run: u64) -> State {
        State::Starting { run: Invocation(run), ready_by: LATER }
    }

    fn leaving(run: u64, exit: Option<Exit>) -> Option<Beside> {
        let untold = exit.is_none();
        Some(Beside::Leaving { run: Invocation(run), kill_at: Some(LATER), end_by: None, untold, exit })
    }

    #[test]
    fn whatever_ends_while_another_is_tried_is_told_with_its_reason() {
        let trying = Some(Beside::Trying { run: Invocation(2), ready_by: LATER, extended: Duration::ZERO });
        let before = Snapshot { state: running(1), beside: trying, ..stopped() };
        let notes = Notes { lasted_ms: Some(300), ..Notes::default() };
        let (crash, well) = (Exit::Code(3), Exit::Code(0));
        let ailing = Failure::Unhealthy(Ailment::Watchdog);
        for (beside, last_failure, words, actor) in [
            (leaving(1, Some(crash)), Some(Failure::Exited(crash)), "exited with code 3 after 0.3 s", Actor::App),
            (leaving(1, Some(well)), None, "exited with code 0", Actor::App),
            (leaving(1, None), None, "ending by itself, as it says", Actor::App),
            (leaving(1, None), Some(ailing), "missed its watchdog", Actor::Hub),
            (None, Some(Failure::Vanished), "ended while nobody looked", Actor::App),
        ] {
            let after = Snapshot { state: starting(2), beside, last_failure, ..stopped() };
            assert_eq!(gives_place(&before, &after), Some(Invocation(1)));
            let all = format!("{words}; run 2, which is tried beside it, takes its place");
            assert_eq!((what_gave_place(&after, &notes), chronicle::actor_of_end(&after)), (all, actor));
        }
        let ready = Snapshot { state: running(2), beside: leaving(1, None), ..stopped() };
        assert_eq!(gives_place(&before, &ready), None, "the new one is ready");
        let alone = Snapshot { beside: None, ..before };
        assert_eq!(gives_place(&alone, &Snapshot { state: starting(2), ..stopped() }), None);
    }

    #[test]
    fn more_time_is_no_news() {
        let soon = Moment::START;
        let starting_by = |ready_by| State::Starting { run: Invocation(1), ready_by };
        let stopping_by = |kill_at, why| State::Stopping { run: Invocation(1), kill_at, why };
        for (before, after, expected) in [
            (starting_by(soon), starting_by(LATER), false),
            (starting(1), starting(2), true),
            (stopping_by(Some(soon), StopReason::Asked), stopping_by(Some(LATER), StopReason::Asked), false),
            (stopping_by(Some(soon), StopReason::Asked), stopping_by(Some(soon), StopReason::Restart), true),
            (stopping_by(Some(soon), StopReason::Asked), stopping_by(None, StopReason::Asked), true),
            (running(1), running(1), false),
            (State::Backoff { retry_at: LATER }, State::Backoff { retry_at: soon }, true),
        ] {
            let (before, after) = (Snapshot { state: before, ..stopped() }, Snapshot { state: after, ..stopped() });
            assert_eq!(is_news(Some(&before), &after), expected, "{before:?}, {after:?}");
            let begins_anew = expected && matches!(after.state, State::Starting { .. });
            assert_eq!(begins(Some(&before), &after), begins_anew);
        }
        assert!(is_news(None, &stopped()));
    }

    #[test]
    fn a_wish_holds_until_nothing_of_it_is_still_to_happen() {
        let in_reload = |begun| Some(Reload { place: 0, begun });
        let turn = Some(Turn { tell_by: LATER, kill_by: None });
        let stopping = |why| State::Stopping { run: Invocation(1), kill_at: Some(LATER), why };
        for (state, turn, reload, expected) in [
            (running(1), None, None, true),
            (starting(1), None, None, true),
            (running(1), turn, None, false),
            (starting(1), turn, None, false),
            (running(1), None, in_reload(false), false),
            (running(1), None, in_reload(true), true),
            (stopping(StopReason::Restart), None, None, false),
            (stopping(StopReason::Asked), None, None, false),
            (State::Backoff { retry_at: LATER }, None, None, false),
            (State::Stopped, None, None, false),
        ] {
            let after = Snapshot { state, turn, reload, ..stopped() };
            assert_eq!(has_done_as_asked(&after), expected, "{after:?}");
        }
    }
}
