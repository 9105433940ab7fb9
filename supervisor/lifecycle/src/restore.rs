//! From an app to what is kept of it, and back.

use crate::{Goal, Invocation, Moment, Snapshot, State, Turn, app::App, crash_record::CrashRecord};

impl App {
    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot {
            goal: self.goal,
            state: self.state,
            turn: self.turn,
            failures: self.crashes.failures.iter().copied().collect(),
            short_runs: self.crashes.short_runs,
            tripped: self.crashes.tripped,
            restarts: self.restarts,
            last_exit: self.last_exit.map(|(_, exit)| exit),
            exited_run: self.last_exit.map(|(run, _)| run),
            last_failure: self.last_failure,
            newest_run: self.newest_run,
            finished_run: self.finished_run,
        }
    }

    /// Becomes what was kept. Nothing that is alive is touched; what the keeper does not know of is not alive.
    pub(crate) fn restore(&mut self, now: Moment, snapshot: Snapshot, exists: impl Fn(Invocation) -> bool) {
        self.goal = snapshot.goal;
        self.state = snapshot.state;
        self.turn = snapshot.turn.or(Some(Turn { tell_by: now, kill_by: None })).filter(|_| self.waits_to_be_told());
        self.kill_again_at = now; // Whether the kill was sent before the supervisor died, nobody knows: once more.
        self.crashes = CrashRecord {
            failures: snapshot.failures.into(),
            short_runs: snapshot.short_runs,
            tripped: snapshot.tripped,
        };
        self.restarts = snapshot.restarts;
        self.last_exit = snapshot.exited_run.zip(snapshot.last_exit);
        self.last_failure = snapshot.last_failure;
        self.newest_run = snapshot.newest_run;
        self.finished_run = snapshot.finished_run;
        if let Some(run) = self.alive().filter(|run| !exists(*run)) {
            self.forget_run(now, run);
        }
    }

    /// Wanted down, alive, and not told: only this has a turn.
    fn waits_to_be_told(&self) -> bool {
        self.goal == Goal::Down && matches!(self.state, State::Starting { .. } | State::Running { .. })
    }

    /// What follows if the keeper does not know of the run that was thought alive.
    fn forget_run(&mut self, now: Moment, run: Invocation) {
        match self.state {
            // The order to spawn it died with the supervisor: due again, and no failure of the app's.
            State::Starting { .. } => {
                self.turn = None;
                self.state = State::Stopped;
            }
            State::Running { .. } => {
                self.vanished(now, run);
            }
            State::Stopping { why, .. } => {
                self.gone(now, run, why);
            }
            State::Stopped | State::Backoff { .. } | State::Cooling { .. } | State::Finished => {}
        }
    }
}
