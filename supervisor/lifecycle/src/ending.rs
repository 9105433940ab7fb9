//! How runs end: by themselves, by being given up on, by being killed; and what follows.

use crate::{
    Action, App, Exit, Failure, Goal, Invocation, KILL_AGAIN_AFTER, Moment, Signal, State, StopReason,
    crash_record::Retry,
};

impl App {
    /// Its first process ended although it had not been told to.
    pub(crate) fn exited(&mut self, now: Moment, run: Invocation, exit: Exit) -> Option<Action> {
        self.note_exit(run, exit);
        if self.goal == Goal::Down {
            return self.terminate_early(now, run);
        }
        if self.policy.accepts(exit) {
            self.last_failure = None;
        } else {
            self.fail(now, Failure::Exited(exit));
        }
        self.terminate(run, now.after(self.policy.kill_timeout), StopReason::Exited)
    }

    /// It was to be told to end, and ended before: what is left of it need not wait for its turn.
    fn terminate_early(&mut self, now: Moment, run: Invocation) -> Option<Action> {
        let own = now.after(self.policy.kill_timeout);
        let kill_at = self.turn.and_then(|turn| turn.kill_by).map_or(own, |by| by.min(own));
        self.terminate(run, kill_at, StopReason::Asked)
    }

    pub(crate) fn unhealthy(&mut self, now: Moment, run: Invocation) -> Option<Action> {
        if self.goal == Goal::Down {
            return None; // It will be told in its turn.
        }
        self.fail(now, Failure::Unhealthy);
        self.terminate(run, now.after(self.policy.kill_timeout), StopReason::Unhealthy)
    }

    /// A ready timeout is a failure with a reason, unless nobody waits for it any more.
    pub(crate) fn check_ready(&mut self, now: Moment, run: Invocation, ready_by: Moment) -> Option<Action> {
        if self.goal == Goal::Down || ready_by > now {
            return None;
        }
        self.fail(now, Failure::NotReady { within: self.policy.listen_timeout });
        self.terminate(run, now.after(self.policy.kill_timeout), StopReason::NotReady)
    }

    pub(crate) fn check_gone(
        &mut self,
        now: Moment,
        run: Invocation,
        kill_at: Option<Moment>,
        why: StopReason,
    ) -> Option<Action> {
        if kill_at.unwrap_or(self.kill_again_at) > now {
            return None;
        }
        self.kill_again_at = now.after(KILL_AGAIN_AFTER);
        self.state = State::Stopping { run, kill_at: None, why };
        Some(Action::Send(run, Signal::Kill))
    }

    fn fail(&mut self, now: Moment, failure: Failure) {
        let uptime = match self.state {
            State::Running { since, .. } => Some(now.since(since)),
            // A run that never became ready held out for no time at all, however long it took over it.
            State::Starting { .. } | State::Stopping { .. } => None,
            State::Stopped | State::Backoff { .. } | State::Cooling { .. } | State::Finished => None,
        };
        self.last_failure = Some(failure);
        self.crashes.note(&self.policy, now, uptime);
    }

    /// The first word counts: an end that is told again is the same end.
    pub(crate) fn note_exit(&mut self, run: Invocation, exit: Exit) -> Option<Action> {
        if self.last_exit.is_none_or(|(exited, _)| exited != run) {
            self.last_exit = Some((run, exit));
        }
        None
    }

    /// Nothing of it is left, and nobody had said that it ended.
    pub(crate) fn vanished(&mut self, now: Moment, run: Invocation) -> Option<Action> {
        if self.goal == Goal::Up {
            self.fail(now, Failure::Vanished);
        }
        self.gone(now, run, StopReason::Exited)
    }

    /// Nothing of it is left: what follows, the goal and the reason decide.
    pub(crate) fn gone(&mut self, now: Moment, run: Invocation, why: StopReason) -> Option<Action> {
        self.turn = None;
        self.finished_run = Some(run);
        self.last_exit = self.last_exit.filter(|(exited, _)| *exited == run); // Unknown is not the one before.
        self.state = match (self.goal, why) {
            (
                Goal::Down,
                StopReason::Asked
                | StopReason::Restart
                | StopReason::NotReady
                | StopReason::Unhealthy
                | StopReason::Exited,
            )
            | (Goal::Up, StopReason::Asked) => State::Stopped,
            (Goal::Up, StopReason::Restart) => State::Backoff { retry_at: now },
            (Goal::Up, StopReason::NotReady | StopReason::Unhealthy | StopReason::Exited) => self.after_end(now),
        };
        None
    }

    /// What follows a run that ended or was ended for its own doing.
    fn after_end(&self, now: Moment) -> State {
        let Some(failure) = self.last_failure.filter(|_| !self.is_over()) else { return State::Finished };
        match self.crashes.retry(&self.policy, now) {
            Retry::Soon(retry_at) => State::Backoff { retry_at },
            Retry::Late(retry_at) => State::Cooling { retry_at, failure },
        }
    }

    /// Whether no run is to follow by itself: it ended as its policy accepts, which is no failure, or is not restarted.
    pub(crate) fn is_over(&self) -> bool {
        self.last_failure.is_none() || !self.policy.autorestart
    }
}
