//! What is wished of one app: to be up, to be down, to begin anew, to be forgiven.

use crate::{Action, App, Event, Goal, Moment, State, StopReason, Turn};

impl App {
    /// Ends this run, if there is one, to begin another.
    pub(crate) fn restart(&mut self, now: Moment) -> Option<Action> {
        match self.state {
            State::Starting { run, .. } | State::Running { run, .. } => {
                (self.goal, self.turn) = (Goal::Up, None);
                self.crashes.clear();
                if let Some(action) = self.end_both(now) {
                    return Some(action);
                }
                self.terminate(run, now.after(self.policy.kill_timeout), StopReason::Restart)
            }
            State::Stopped
            | State::Stopping { .. }
            | State::Backoff { .. }
            | State::Cooling { .. }
            | State::Finished => self.handle(now, Event::Wanted(Goal::Up)),
        }
    }

    /// Ends this run in its turn, if there is one, to begin another.
    pub(crate) fn restart_in_turn(&mut self, now: Moment, turn: Turn) -> Option<Action> {
        match self.state {
            State::Starting { .. } | State::Running { .. } => {
                let earlier = self.turn.filter(|_| self.goal == Goal::Up);
                self.goal = Goal::Up;
                self.turn = Some(earlier.map_or(turn, |earlier| earlier.earliest(turn)));
                self.crashes.clear();
                self.abandon(now)
            }
            State::Stopped
            | State::Stopping { .. }
            | State::Backoff { .. }
            | State::Cooling { .. }
            | State::Finished => self.handle(now, Event::Wanted(Goal::Up)),
        }
    }

    /// Wanted down. What is alive and does not know is told in its turn; asking twice makes that no later. A run that is
    /// only tried serves nobody yet, and is told at once.
    pub(crate) fn descend(&mut self, now: Moment, turn: Turn) -> Option<Action> {
        self.goal = Goal::Down;
        let action = self.abandon(now);
        self.hurry_beside(turn.kill_by);
        match self.state {
            State::Starting { .. } | State::Running { .. } => {
                self.turn = Some(self.turn.map_or(turn, |earlier| earlier.earliest(turn)));
            }
            State::Stopping { run, kill_at, .. } => {
                self.end_by = [self.end_by, turn.kill_by].into_iter().flatten().min();
                let kill_at = kill_at.map(|at| self.end_by.map_or(at, |by| at.min(by)));
                self.state = State::Stopping { run, kill_at, why: StopReason::Asked };
            }
            State::Stopped | State::Backoff { .. } | State::Cooling { .. } | State::Finished => {
                self.state = State::Stopped;
            }
        }
        action
    }

    /// Forgets what went wrong and how often it was begun again. What waits for another try has it now; what runs, runs on.
    pub(crate) fn reset(&mut self, now: Moment) -> Option<Action> {
        if self.failed_in_reload() {
            self.reload = None;
        }
        self.failed_try = None;
        self.crashes.clear();
        self.restarts = 0;
        self.handle(now, Event::CauseMayBeGone)
    }

    /// Wanted up, with everything forgiven.
    pub(super) fn revive(&mut self, state: State) -> Option<Action> {
        self.goal = Goal::Up;
        self.end_by = None;
        self.crashes.clear();
        self.state = state;
        None
    }

    /// Wanted up, and is. What is to begin anew in its turn still is.
    pub(super) fn carry_on(&mut self) -> Option<Action> {
        self.turn = self.turn.filter(|_| self.goal == Goal::Up);
        self.goal = Goal::Up;
        None
    }
}
