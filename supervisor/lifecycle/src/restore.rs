//! From an app to what is kept of it, and back.

use crate::{Goal, Invocation, Moment, Snapshot, State, StopReason, Turn, app::App, crash_record::CrashRecord};

impl App {
    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot {
            goal: self.goal,
            state: self.state,
            beside: self.beside,
            turn: self.turn,
            extended: self.extended,
            end_by: self.end_by,
            untold: self.untold,
            ready_for: self.ready_for,
            failures: self.crashes.failures.iter().copied().collect(),
            short_runs: self.crashes.short_runs,
            ailing_runs: self.crashes.ailing_runs,
            tripped: self.crashes.tripped,
            restarts: self.restarts,
            last_exit: self.last_exit.map(|(_, exit)| exit),
            exited_run: self.last_exit.map(|(run, _)| run),
            last_failure: self.last_failure,
            failed_try: self.failed_try,
            tried_run: self.tried_run,
            newest_run: self.newest_run,
            finished_run: self.finished_run,
            ready_run: self.ready_run,
            failed_start: self.failed_start,
            leaving: self.leaving,
            follows: self.follows.clone(),
            reload: self.reload,
        }
    }

    /// Becomes what was kept. Nothing that is alive is touched; what the keeper does not know of is not alive.
    pub(crate) fn restore(&mut self, now: Moment, snapshot: Snapshot, exists: impl Fn(Invocation) -> bool) {
        self.goal = snapshot.goal;
        (self.state, self.beside) = (snapshot.state, snapshot.beside);
        self.turn = self.turn_from(snapshot.turn, now);
        (self.extended, self.end_by) = (snapshot.extended, snapshot.end_by);
        (self.untold, self.ready_for) = (snapshot.untold, snapshot.ready_for);
        // Whether a kill was sent before the supervisor died, nobody knows: once more.
        (self.kill_again_at, self.kill_beside_again_at) = (now, now);
        self.crashes = CrashRecord {
            failures: snapshot.failures.into(),
            short_runs: snapshot.short_runs,
            ailing_runs: snapshot.ailing_runs,
            tripped: snapshot.tripped,
        };
        self.restarts = snapshot.restarts;
        self.last_exit = snapshot.exited_run.zip(snapshot.last_exit);
        (self.last_failure, self.failed_try) = (snapshot.last_failure, snapshot.failed_try);
        self.tried_run = snapshot.tried_run;
        self.newest_run = snapshot.newest_run;
        self.finished_run = snapshot.finished_run;
        (self.ready_run, self.failed_start) = (snapshot.ready_run, snapshot.failed_start);
        (self.leaving, self.follows, self.reload) = (snapshot.leaving, snapshot.follows, snapshot.reload);
        self.forget_beside(&exists);
        if let Some(run) = self.alive().filter(|run| !exists(*run)) {
            self.forget_run(now, run);
        }
    }

    /// Only what is alive and was not told has a turn, and what is wanted down always has one.
    fn turn_from(&self, remembered: Option<Turn>, now: Moment) -> Option<Turn> {
        match (self.state, self.goal) {
            (State::Starting { .. } | State::Running { .. }, Goal::Up) => remembered,
            (State::Starting { .. } | State::Running { .. }, Goal::Down) => {
                remembered.or(Some(Turn { tell_by: now, kill_by: None }))
            }
            (
                State::Stopped
                | State::Stopping { .. }
                | State::Backoff { .. }
                | State::Cooling { .. }
                | State::Finished,
                Goal::Up | Goal::Down,
            ) => None,
        }
    }

    /// What follows if the keeper does not know of the run that was thought alive.
    fn forget_run(&mut self, now: Moment, run: Invocation) {
        match self.state {
            // The order to spawn it died with the supervisor: due again, and no failure of the app's.
            State::Starting { .. } => {
                self.turn = None;
                self.state = State::Stopped;
            }
            State::Running { .. } | State::Stopping { why: StopReason::Itself, .. } => {
                self.vanished(now, run);
            }
            State::Stopping { why, .. } => {
                self.gone(now, run, why);
            }
            State::Stopped | State::Backoff { .. } | State::Cooling { .. } | State::Finished => {}
        }
    }
}
