//! The table: what each event means in each state.

use crate::{Action, App, Event, Goal, Invocation, Moment, State, StopReason, Turn};

impl App {
    /// Takes one event that is not stale. Every event leads to at most one action. This is the table; what it does not say
    /// about a stop in order, [`App::tell`] says, and about a start in order, [`App::spawn`].
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
            (S::Stopping { run, kill_at, why }, E::Exited(_, exit)) => {
                self.exited_at_last(now, run, kill_at, why, exit)
            }

            (
                S::Starting { run, .. } | S::Running { run, .. } | S::Stopping { run, why: StopReason::Itself, .. },
                E::Gone(_),
            ) => self.vanished(now, run),
            (S::Stopping { run, why, .. }, E::Gone(_)) => self.gone(now, run, why),

            (S::Starting { run, .. } | S::Running { run, .. }, E::Unhealthy(_, ailment)) => {
                self.unhealthy(now, run, ailment)
            }
            (S::Stopping { .. }, E::Unhealthy(..)) => None,

            (S::Starting { run, ready_by }, E::Extend(_, until)) => self.extend_start(now, run, ready_by, until),
            (S::Stopping { run, kill_at: Some(kill_at), why }, E::Extend(_, until)) => {
                self.extend_stop(now, run, kill_at, why, until)
            }
            (S::Running { .. } | S::Stopping { kill_at: None, .. }, E::Extend(..)) => None,

            (S::Starting { run, .. } | S::Running { run, .. }, E::Leaving(_)) => self.leaves(now, run),
            (S::Stopping { .. }, E::Leaving(_)) => None,

            (S::Starting { run, .. } | S::Running { run, .. }, E::Refresh) => self.refresh(now, run),
            (S::Stopping { run, kill_at, .. }, E::Refresh) => self.refresh_when_gone(run, kill_at),
            (S::Backoff { .. } | S::Cooling { .. } | S::Finished, E::Refresh) => self.retry_at_once(now),
            (S::Stopped, E::Refresh) => None,

            (S::Backoff { .. } | S::Cooling { .. }, E::CauseMayBeGone) => self.retry_at_once(now),
            (S::Stopping { run, kill_at, why }, E::CauseMayBeGone) => self.retry_when_gone(run, kill_at, why),
            (S::Stopped | S::Starting { .. } | S::Running { .. } | S::Finished, E::CauseMayBeGone) => None,

            (S::Starting { run, ready_by }, E::Tick) => self.check_ready(now, run, ready_by),
            (S::Stopping { run, kill_at, why }, E::Tick) => self.check_gone(now, run, kill_at, why),
            // Whether these are due, what holds them back decides as well: see `App::is_due`.
            (S::Stopped | S::Running { .. } | S::Backoff { .. } | S::Cooling { .. } | S::Finished, E::Tick) => None,

            // Nothing is alive, so it is about an earlier run.
            (
                S::Stopped | S::Backoff { .. } | S::Cooling { .. } | S::Finished,
                E::Ready(_) | E::Exited(..) | E::Gone(_) | E::Unhealthy(..) | E::Extend(..) | E::Leaving(_),
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
                (self.goal, self.turn) = (Goal::Up, None);
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

    /// Ends this run in its turn, if there is one, to begin another.
    pub(crate) fn restart_in_turn(&mut self, now: Moment, turn: Turn) -> Option<Action> {
        match self.state {
            State::Starting { .. } | State::Running { .. } => {
                let earlier = self.turn.filter(|_| self.goal == Goal::Up);
                self.goal = Goal::Up;
                self.turn = Some(earlier.map_or(turn, |earlier| earlier.earliest(turn)));
                self.crashes.clear();
                None
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
                self.end_by = [self.end_by, turn.kill_by].into_iter().flatten().min();
                let kill_at = kill_at.map(|at| self.end_by.map_or(at, |by| at.min(by)));
                self.state = State::Stopping { run, kill_at, why: StopReason::Asked };
            }
            State::Stopped | State::Backoff { .. } | State::Cooling { .. } | State::Finished => {
                self.state = State::Stopped;
            }
        }
        None
    }

    /// Forgets what went wrong and how often it was begun again. What waits for another try has it now; what runs, runs on.
    pub(crate) fn reset(&mut self, now: Moment) -> Option<Action> {
        if self.failed_in_reload() {
            self.reload = None;
        }
        self.crashes.clear();
        self.restarts = 0;
        self.handle(now, Event::CauseMayBeGone)
    }

    /// Wanted up, with everything forgiven.
    fn revive(&mut self, state: State) -> Option<Action> {
        self.goal = Goal::Up;
        self.end_by = None;
        self.crashes.clear();
        self.state = state;
        None
    }

    /// Wanted up, and is. What is to begin anew in its turn still is.
    pub(crate) fn carry_on(&mut self) -> Option<Action> {
        self.turn = self.turn.filter(|_| self.goal == Goal::Up);
        self.goal = Goal::Up;
        None
    }

    fn ready(&mut self, now: Moment, run: Invocation) -> Option<Action> {
        self.last_failure = None;
        self.ready_run = Some(run);
        self.state = State::Running { run, since: now };
        None
    }

    /// More time to become ready, if there is some left.
    fn extend_start(&mut self, now: Moment, run: Invocation, ready_by: Moment, until: Moment) -> Option<Action> {
        if ready_by > now {
            self.extended = self.extended.saturating_add(until.since(ready_by));
            self.state = State::Starting { run, ready_by: ready_by.max(until) };
        }
        None
    }

    /// More time to end, if there is some left; but a stop of everything has one deadline.
    fn extend_stop(
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

    /// Begins anew, unless it is to end anyway. Nobody has asked for it, so nothing is forgiven.
    fn refresh(&mut self, now: Moment, run: Invocation) -> Option<Action> {
        if self.is_to_end() {
            return None;
        }
        self.crashes.note_uptime(self.uptime(now));
        self.terminate(run, now.after(self.policy.kill_timeout), StopReason::Restart)
    }

    fn refresh_when_gone(&mut self, run: Invocation, kill_at: Option<Moment>) -> Option<Action> {
        if self.goal == Goal::Up {
            self.state = State::Stopping { run, kill_at, why: StopReason::Restart };
        }
        None
    }

    fn retry_at_once(&mut self, now: Moment) -> Option<Action> {
        self.state = State::Backoff { retry_at: now };
        None
    }

    /// The failure that it is being ended for need not be waited out. One that is ending by itself has not failed yet.
    fn retry_when_gone(&mut self, run: Invocation, kill_at: Option<Moment>, why: StopReason) -> Option<Action> {
        let why = match why {
            StopReason::Asked | StopReason::Restart | StopReason::Itself => why,
            StopReason::NotReady | StopReason::Unhealthy | StopReason::Exited if self.is_over() => why,
            StopReason::NotReady | StopReason::Unhealthy | StopReason::Exited => StopReason::Restart,
        };
        self.state = State::Stopping { run, kill_at, why };
        None
    }
}
