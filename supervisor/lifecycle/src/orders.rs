//! How a run is begun and told to end.

use std::time::Duration;

use crate::{Action, App, Goal, Invocation, Moment, Signal, State, StopReason};

impl App {
    /// Begins a run. The caller knows that it is due and that nothing holds it back.
    pub(crate) fn spawn(&mut self, now: Moment, run: Invocation) -> Action {
        debug_assert!(self.is_due(now), "spawned out of turn: {self:?}");
        if !matches!(self.state, State::Stopped) {
            self.restarts += 1;
        }
        self.follows.clear();
        self.tried_run = None;
        self.extended = Duration::ZERO;
        self.newest_run = Some(run);
        self.state = State::Starting { run, ready_by: now.after(self.policy.listen_timeout) };
        Action::Spawn(run)
    }

    /// Tells a run that is to end: its turn has come.
    pub(crate) fn tell(&mut self, now: Moment) -> Option<Action> {
        let turn = self.turn?;
        let run = self.alive()?;
        let kill_at = turn.kill_by.unwrap_or(now.after(self.policy.kill_timeout));
        self.terminate(run, kill_at, self.why_it_is_to_end())
    }

    /// Why a run that is to end in its turn is to.
    pub(crate) fn why_it_is_to_end(&self) -> StopReason {
        match self.goal {
            Goal::Up => StopReason::Restart,
            Goal::Down => StopReason::Asked,
        }
    }

    /// Tells a run to end, and remembers why. Its time is up by the one deadline of a stop of everything, if there is one.
    pub(crate) fn terminate(&mut self, run: Invocation, kill_at: Moment, why: StopReason) -> Option<Action> {
        let kill_by = self.turn.take().and_then(|turn| turn.kill_by);
        self.end_by = self.end_by.or(kill_by);
        self.untold = false;
        let kill_at = self.end_by.map_or(kill_at, |by| by.min(kill_at));
        self.state = State::Stopping { run, kill_at: Some(kill_at), why };
        Some(Action::Send(run, Signal::Terminate))
    }
}
