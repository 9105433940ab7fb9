//! The table: what each event means in each state.

use crate::{Action, App, Event, Goal, Invocation, Moment, State, StopReason, Turn};

impl App {
    /// Takes one event that is not stale. Every event leads to at most one action. This is the table; what it does not say
    /// about a stop in order, [`App::tell`] says, and about a start in order, [`App::spawn`].
    pub(crate) fn handle(&mut self, now: Moment, event: Event) -> Option<Action> {
        use {Event as E, State as S};
        debug_assert!(!self.is_stale(event), "{event:?} is not about a run of {self:?}");
        if let Some(beside) = self.beside.filter(|beside| event.run() == Some(beside.run())) {
            return self.handle_beside(now, beside, event);
        }
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
            ) => self.descend(now, Turn { tell_by: now, kill_by: None }),

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
        event.run().is_some_and(|run| !self.has(run))
    }

    /// Begins anew, unless it is to end anyway. Nobody has asked for it, so nothing is forgiven.
    fn refresh(&mut self, now: Moment, run: Invocation) -> Option<Action> {
        if self.is_to_end() {
            return None;
        }
        self.crashes.note_uptime(self.uptime(now));
        if let Some(action) = self.end_both(now) {
            return Some(action);
        }
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
