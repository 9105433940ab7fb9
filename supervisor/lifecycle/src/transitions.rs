//! The table: what each event means in each state.

use crate::{Action, App, Event, Goal, Invocation, Moment, State, StopReason, Turn};

impl App {
    /// Takes one event that is not stale. Every event leads to at most one action. This is the table; what it does not say about a stop
    /// in order, [`App::tell`] says, and about a start in order, [`App::spawn`].
    pub(crate) fn handle(&mut self, now: Moment, event: Event) -> Option<Action> {
        use {Event as E, State as S};
        debug_assert!(!self.is_stale(event), "{event:?} is not about this run of {self:?}");
        match (self.state, event) {
            (S::Stopped | S::Finished, E::Wanted(Goal::Up)) => self.revive(S::Stopped),
            (S::Starting { .. } | S::Running { .. }, E::Wanted(Goal::Up)) => self.carry_on(),
            (S::Stopping { run, kill_at, .. }, E::Wanted(Goal::Up)) => {
                self.revive(S::Stopping { run, kill_at, why: StopReason::Restart })
            }
            (S::Backoff { .. } | S::Cooling { .. }, E::Wanted(Goal::Up)) => self.revive(S::Backoff { retry_at: now }),

            (
                S::Stopped
                | S::Starting { .. }
                | S::Running { .. }
                | S::Stopping { .. }
                | S::Backoff { .. }
                | S::Cooling { .. }
                | S::Finished,
                E::Wanted(Goal::Down),
            ) => self.descend(Turn { tell_by: now, kill_by: None }),

            (S::Starting { run, .. }, E::Ready(_)) => self.ready(now, run),
            (S::Running { .. } | S::Stopping { .. }, E::Ready(_)) => None,

            (S::Starting { run, .. } | S::Running { run, .. }, E::Exited(_, exit)) => self.exited(now, run, exit),
            (S::Stopping { run, .. }, E::Exited(_, exit)) => self.note_exit(run, exit),

            (S::Starting { run, .. } | S::Running { run, .. }, E::Gone(_)) => self.vanished(now, run),
            (S::Stopping { run, why, .. }, E::Gone(_)) => self.gone(now, run, why),

            (S::Starting { run, .. } | S::Running { run, .. }, E::Unhealthy(_)) => self.unhealthy(now, run),
            (S::Stopping { .. }, E::Unhealthy(_)) => None,

            (S::Backoff { .. } | S::Cooling { .. }, E::CauseMayBeGone) => self.retry_at_once(now),
            (S::Stopping { run, kill_at, why }, E::CauseMayBeGone) => self.retry_when_gone(run, kill_at, why),
            (S::Stopped | S::Starting { .. } | S::Running { .. } | S::Finished, E::CauseMayBeGone) => None,

            (S::Starting { run, ready_by }, E::Tick) => self.check_ready(now, run, ready_by),
            (S::Stopping { run, kill_at, why }, E::Tick) => self.check_gone(now, run, kill_at, why),
            // Whether these are due, their dependencies decide as well: see `App::is_due`.
            (S::Stopped | S::Running { .. } | S::Backoff { .. } | S::Cooling { .. } | S::Finished, E::Tick) => None,

            // Nothing is alive, so it is about an earlier run.
            (
                S::Stopped | S::Backoff { .. } | S::Cooling { .. } | S::Finished,
                E::Ready(_) | E::Exited(..) | E::Gone(_) | E::Unhealthy(_),
            ) => None,
        }
    }

    /// Whether the event is about a run that is not alive; nothing may come of it.
    pub(crate) fn is_stale(&self, event: Event) -> bool {
        event.run().is_some() && event.run() != self.alive()
    }

    /// Ends this run, if there is one, to begin another.
    pub(crate) fn restart(&mut self, now: Moment) -> Option<Action> {
        match self.state {
            State::Starting { run, .. } | State::Running { run, .. } => {
                self.carry_on();
                self.crashes.clear();
                self.terminate(run, now.after(self.policy.kill_timeout), StopReason::Restart)
            }
            State::Stopped
            | State::Stopping { .. }
            | State::Backoff { .. }
            | State::Cooling { .. }
            | State::Finished => self.handle(now, Event::Wanted(Goal::Up)),
        }
    }

    /// Wanted down. What is alive and does not know is told in its turn; asking twice makes that no later.
    pub(crate) fn descend(&mut self, turn: Turn) -> Option<Action> {
        self.goal = Goal::Down;
        match self.state {
            State::Starting { .. } | State::Running { .. } => {
                self.turn = Some(self.turn.map_or(turn, |earlier| earlier.earliest(turn)));
            }
            State::Stopping { run, kill_at, .. } => {
                let kill_at = kill_at.map(|at| turn.kill_by.map_or(at, |by| at.min(by)));
                self.state = State::Stopping { run, kill_at, why: StopReason::Asked };
            }
            State::Stopped | State::Backoff { .. } | State::Cooling { .. } | State::Finished => {
                self.state = State::Stopped;
            }
        }
        None
    }

    /// Wanted up, with everything forgiven.
    fn revive(&mut self, state: State) -> Option<Action> {
        self.carry_on();
        self.crashes.clear();
        self.state = state;
        None
    }

    /// Wanted up, and is.
    fn carry_on(&mut self) -> Option<Action> {
        self.goal = Goal::Up;
        self.turn = None;
        None
    }

    fn ready(&mut self, now: Moment, run: Invocation) -> Option<Action> {
        self.last_failure = None;
        self.state = State::Running { run, since: now };
        None
    }

    fn retry_at_once(&mut self, now: Moment) -> Option<Action> {
        self.state = State::Backoff { retry_at: now };
        None
    }

    /// The failure that it is being ended for need not be waited out.
    fn retry_when_gone(&mut self, run: Invocation, kill_at: Option<Moment>, why: StopReason) -> Option<Action> {
        let why = match why {
            StopReason::Asked | StopReason::Restart => why,
            StopReason::NotReady | StopReason::Unhealthy | StopReason::Exited if self.is_over() => why,
            StopReason::NotReady | StopReason::Unhealthy | StopReason::Exited => StopReason::Restart,
        };
        self.state = State::Stopping { run, kill_at, why };
        None
    }
}
