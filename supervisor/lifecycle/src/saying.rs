//! What a run says of itself: that it is ready, that it needs more time, that it is ending.

use crate::{Action, App, Invocation, Moment, State, StopReason};

impl App {
    pub(crate) fn ready(&mut self, now: Moment, run: Invocation) -> Option<Action> {
        (self.last_failure, self.failed_try) = (None, None);
        self.ready_run = Some(run);
        self.state = State::Running { run, since: now };
        None
    }

    /// More time to become ready, if there is some left.
    pub(crate) fn extend_start(
        &mut self,
        now: Moment,
        run: Invocation,
        ready_by: Moment,
        until: Moment,
    ) -> Option<Action> {
        if ready_by > now {
            self.extended = self.extended.saturating_add(until.since(ready_by));
            self.state = State::Starting { run, ready_by: ready_by.max(until) };
        }
        None
    }

    /// More time to end, if there is some left; but a stop of everything has one deadline.
    pub(crate) fn extend_stop(
        &mut self,
        now: Moment,
        run: Invocation,
        kill_at: Moment,
        why: StopReason,
        until: Moment,
    ) -> Option<Action> {
        if kill_at > now {
            let until = self.end_by.map_or(until, |by| by.min(until));
            self.state = State::Stopping { run, kill_at: Some(kill_at.max(until)), why };
        }
        None
    }

    /// It is ending by itself, so it is not told to, and has the time that one has who was. What is to end anyway is told
    /// in its turn.
    pub(crate) fn leaves(&mut self, now: Moment, run: Invocation) -> Option<Action> {
        if self.is_to_end() {
            return None;
        }
        if self.is_trying() {
            return self.leaves_while_trying(now, run);
        }
        self.ready_for = self.uptime(now);
        self.untold = true;
        let kill_at = Some(now.after(self.policy.kill_timeout));
        self.state = State::Stopping { run, kill_at, why: StopReason::Itself };
        None
    }
}
