//! How runs end: by themselves, by being given up on, by being killed; and what follows.

use std::time::Duration;

use crate::{
    Action, Ailment, App, Exit, Failure, Goal, Invocation, KILL_AGAIN_AFTER, Moment, Signal, State, StopReason,
    crash_record::Retry,
};

impl App {
    /// Its first process ended although it had not been told to. What was to end soon and ends before has not failed, and
    /// what is left of it need not wait for its turn.
    pub(crate) fn exited(&mut self, now: Moment, run: Invocation, exit: Exit) -> Option<Action> {
        if self.is_trying() {
            return self.exited_while_trying(now, run, exit);
        }
        self.note_exit(run, exit);
        if self.is_to_end() {
            return self.tell_the_rest(now, run, self.why_it_is_to_end());
        }
        self.judge(now, exit);
        self.tell_the_rest(now, run, StopReason::Exited)
    }

    /// Its first process ended while it was being ended, or was ending by itself.
    pub(crate) fn exited_at_last(
        &mut self,
        now: Moment,
        run: Invocation,
        kill_at: Option<Moment>,
        why: StopReason,
        exit: Exit,
    ) -> Option<Action> {
        self.note_exit(run, exit);
        let why = match why {
            StopReason::Itself => {
                self.judge(now, exit);
                StopReason::Exited
            }
            StopReason::Asked
            | StopReason::Restart
            | StopReason::NotReady
            | StopReason::Unhealthy
            | StopReason::Exited => why,
        };
        if self.untold {
            return self.tell_the_rest(now, run, why);
        }
        self.state = State::Stopping { run, kill_at, why };
        None
    }

    /// It ended by itself: as its policy accepts, or not.
    fn judge(&mut self, now: Moment, exit: Exit) {
        if self.policy.accepts(exit) {
            self.crashes.note_uptime(self.uptime(now));
            self.last_failure = None;
        } else {
            self.fail(now, Failure::Exited(exit));
        }
    }

    fn tell_the_rest(&mut self, now: Moment, run: Invocation, why: StopReason) -> Option<Action> {
        self.terminate(run, now.after(self.policy.kill_timeout), why)
    }

    /// The first word counts: an end that is told again is the same end.
    fn note_exit(&mut self, run: Invocation, exit: Exit) {
        if self.last_exit.is_none_or(|(exited, _)| exited != run) {
            self.last_exit = Some((run, exit));
        }
    }

    /// What is to end anyway is told so in its turn, however it is.
    pub(crate) fn unhealthy(&mut self, now: Moment, run: Invocation, ailment: Ailment) -> Option<Action> {
        if self.is_to_end() {
            return None;
        }
        if self.is_trying() {
            return self.unhealthy_while_trying(now, run, ailment);
        }
        self.fail(now, Failure::Unhealthy(ailment));
        self.terminate(run, now.after(self.policy.kill_timeout), StopReason::Unhealthy)
    }

    /// A ready timeout is a failure with a reason, unless nobody waits for it any more.
    pub(crate) fn check_ready(&mut self, now: Moment, run: Invocation, ready_by: Moment) -> Option<Action> {
        if self.is_to_end() || ready_by > now {
            return None;
        }
        self.fail(now, Failure::NotReady { within: self.policy.listen_timeout.saturating_add(self.extended) });
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
        self.untold = false;
        self.state = State::Stopping { run, kill_at: None, why };
        Some(Action::Send(run, Signal::Kill))
    }

    fn fail(&mut self, now: Moment, failure: Failure) {
        let uptime = self.uptime(now);
        if uptime.is_none() {
            self.failed_start = self.alive();
        }
        self.last_failure = Some(failure);
        self.crashes.note(&self.policy, now, uptime, failure);
    }

    /// How long its run has been ready, or had been when it said that it is ending. A run that never became ready held out
    /// for no time at all, however long it took over it.
    pub(crate) fn uptime(&self, now: Moment) -> Option<Duration> {
        match self.state {
            State::Running { since, .. } => Some(now.since(since)),
            State::Stopping { .. } => self.ready_for,
            State::Stopped
            | State::Starting { .. }
            | State::Backoff { .. }
            | State::Cooling { .. }
            | State::Finished => None,
        }
    }

    /// Nothing of it is left, and nobody had said that it ended.
    pub(crate) fn vanished(&mut self, now: Moment, run: Invocation) -> Option<Action> {
        if self.is_trying() {
            return self.vanished_while_trying(now, run);
        }
        if self.is_to_end() {
            return self.gone(now, run, self.why_it_is_to_end());
        }
        self.fail(now, Failure::Vanished);
        self.gone(now, run, StopReason::Exited)
    }

    /// Nothing of it is left: what follows, the goal and the reason decide.
    pub(crate) fn gone(&mut self, now: Moment, run: Invocation, why: StopReason) -> Option<Action> {
        (self.turn, self.end_by, self.untold, self.ready_for) = (None, None, false, None);
        self.finished_run = self.finished_run.max(Some(run));
        self.last_exit = self.last_exit.filter(|(exited, _)| *exited == run); // Unknown is not the one before.
        self.state = match (self.goal, why) {
            (
                Goal::Down,
                StopReason::Asked
                | StopReason::Restart
                | StopReason::NotReady
                | StopReason::Unhealthy
                | StopReason::Itself
                | StopReason::Exited,
            )
            | (Goal::Up, StopReason::Asked) => State::Stopped,
            (Goal::Up, StopReason::Restart) => State::Backoff { retry_at: now },
            (Goal::Up, StopReason::NotReady | StopReason::Unhealthy | StopReason::Itself | StopReason::Exited) => {
                self.after_end(now)
            }
        };
        None
    }

    /// What follows a run that ended or was ended for its own doing.
    fn after_end(&self, now: Moment) -> State {
        let Some(failure) = self.last_failure.filter(|_| !self.is_over()) else { return State::Finished };
        match self.crashes.retry(&self.policy, now, failure) {
            Retry::Soon(retry_at) => State::Backoff { retry_at },
            Retry::Late(retry_at) => State::Cooling { retry_at, failure },
        }
    }

    /// Whether no run is to follow by itself: it ended as its policy accepts, which is no failure, or is not restarted.
    pub(crate) fn is_over(&self) -> bool {
        self.last_failure.is_none() || !self.policy.autorestart
    }
}
