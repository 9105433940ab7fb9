//! The second run of an app that is reloaded with overlap: one that is tried beside the run that serves, or one on its way
//! out beside its successor.
//!
//! ```text
//!                 ready: it serves from now on, and the run before it leaves
//!   Trying ─────────────────────────────────────────────────────────────────► Leaving ──► gone
//!      │   failed, or not wanted any more: it leaves, and the run that serves goes on     ▲
//!      └──────────────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! Only what runs and is to go on has another one tried. If it ends meanwhile, the one that is tried takes its place at once
//! and has the rest of its time to become ready. What fails while it is tried is no crash of the app's: the one that serves
//! never stopped doing so.

use std::time::Duration;

use crate::{
    Action, Ailment, App, Event, Exit, Failure, Invocation, KILL_AGAIN_AFTER, Moment, Reload, Signal, State,
    StopReason, Turn,
};

/// What the second of an app's two runs is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Beside {
    /// Spawned beside the run that serves; has not said that it is ready.
    Trying {
        /// The run that is tried.
        run: Invocation,
        /// When it is given up on.
        ready_by: Moment,
        /// How much longer than `listen_timeout` it asked to have.
        extended: Duration,
    },
    /// Told to end, or ending by itself.
    Leaving {
        /// The run that is alive, in part at least.
        run: Invocation,
        /// When what is left is killed; `None` once that was ordered.
        kill_at: Option<Moment>,
        /// The one deadline of a stop of everything.
        end_by: Option<Moment>,
        /// It is ending because it said so, and nobody has told it or the rest of its tree to.
        untold: bool,
        /// How its first process ended, once it has.
        exit: Option<Exit>,
    },
}

impl Beside {
    /// The run that it is about.
    #[must_use]
    pub const fn run(self) -> Invocation {
        match self {
            Self::Trying { run, .. } | Self::Leaving { run, .. } => run,
        }
    }

    /// The same in the words for an app's only run.
    #[must_use]
    pub const fn state(self) -> State {
        match self {
            Self::Trying { run, ready_by, .. } => State::Starting { run, ready_by },
            Self::Leaving { run, kill_at, untold, .. } => {
                State::Stopping { run, kill_at, why: if untold { StopReason::Itself } else { StopReason::Restart } }
            }
        }
    }
}

impl App {
    /// The second run, while there are two.
    #[must_use]
    pub fn beside(&self) -> Option<Beside> {
        self.beside
    }

    /// What is alive of it, as far as we have been told: the run that serves or is to, then the one beside it.
    pub fn runs(&self) -> impl Iterator<Item = Invocation> + use<> {
        self.alive().into_iter().chain(self.beside.map(Beside::run))
    }

    /// What one of its living runs is doing. One that is on its way out beside its successor is stopping, like one that is
    /// restarted.
    #[must_use]
    pub fn state_of(&self, run: Invocation) -> Option<State> {
        let state = Some(self.state).filter(|_| self.alive() == Some(run));
        state.or_else(|| self.beside.filter(|beside| beside.run() == run).map(Beside::state))
    }

    /// What the last run failed of that was tried beside another. Stays until the next time a run is ready or tried.
    #[must_use]
    pub fn failed_try(&self) -> Option<Failure> {
        self.failed_try
    }

    /// Whether its next run is begun beside the present one, which is ended only when that is ready.
    pub(crate) fn overlaps(&self) -> bool {
        self.policy.overlap && !self.is_to_end() && matches!(self.state, State::Running { .. })
    }

    /// Begins a run beside the one that serves. The caller knows that there is no other one and that nothing holds it back.
    pub(crate) fn try_beside(&mut self, now: Moment, run: Invocation) -> Action {
        debug_assert!(self.overlaps() && self.beside.is_none(), "a run too many: {self:?}");
        self.crashes.clear(); // Somebody asked for it.
        self.follows.clear();
        self.failed_try = None;
        (self.newest_run, self.tried_run) = (Some(run), Some(run));
        let ready_by = now.after(self.policy.listen_timeout);
        self.beside = Some(Beside::Trying { run, ready_by, extended: Duration::ZERO });
        Action::Spawn(run)
    }

    /// Takes one event that is about the run beside. This is its table.
    pub(crate) fn handle_beside(&mut self, now: Moment, beside: Beside, event: Event) -> Option<Action> {
        use {Beside as B, Event as E};
        match (beside, event) {
            (B::Trying { .. }, E::Ready(_)) if self.is_to_end() => self.abandon(now),
            (B::Trying { run, .. }, E::Ready(_)) => self.take_over(now, run),
            (B::Trying { run, .. }, E::Exited(_, exit)) => {
                self.failed_try = Some(Failure::Exited(exit));
                self.leave_beside(now, run, Some(exit))
            }
            (B::Trying { run, .. }, E::Gone(_)) => {
                self.failed_try = Some(Failure::Vanished);
                self.beside_is_gone(run, None)
            }
            (B::Trying { run, .. }, E::Unhealthy(_, ailment)) => {
                self.failed_try = Some(Failure::Unhealthy(ailment));
                self.leave_beside(now, run, None)
            }
            (B::Trying { run, ready_by, extended }, E::Extend(_, until)) if ready_by > now => {
                let extended = extended.saturating_add(until.since(ready_by));
                self.beside = Some(B::Trying { run, ready_by: ready_by.max(until), extended });
                None
            }
            // It has not been of use yet: how it fails is known when it ends, or when its time is up.
            (B::Trying { .. }, E::Leaving(_) | E::Extend(..)) => None,

            (B::Leaving { run, kill_at, end_by, untold, exit: None }, E::Exited(_, exit)) => {
                if untold {
                    return self.leave_beside(now, run, Some(exit));
                }
                self.beside = Some(B::Leaving { run, kill_at, end_by, untold, exit: Some(exit) });
                None
            }
            (B::Leaving { run, exit, .. }, E::Gone(_)) => self.beside_is_gone(run, exit),
            (B::Leaving { run, kill_at: Some(kill_at), end_by, untold, exit }, E::Extend(_, until))
                if kill_at > now =>
            {
                let until = end_by.map_or(until, |by| by.min(until));
                self.beside = Some(B::Leaving { run, kill_at: Some(kill_at.max(until)), end_by, untold, exit });
                None
            }
            (B::Leaving { .. }, E::Ready(_) | E::Exited(..) | E::Unhealthy(..) | E::Extend(..) | E::Leaving(_)) => None,

            // About no run, so it is about the app.
            (B::Trying { .. } | B::Leaving { .. }, E::Wanted(_) | E::Refresh | E::CauseMayBeGone | E::Tick) => None,
        }
    }

    /// The one that was tried is ready: it serves from now on, and the one before it is told to end.
    fn take_over(&mut self, now: Moment, run: Invocation) -> Option<Action> {
        let old = self.alive()?;
        self.crashes.note_uptime(self.uptime(now));
        self.restarts += 1;
        self.tried_run = None;
        self.ready(now, run);
        self.leave_beside(now, old, None)
    }

    /// The one that serves ends before the one that is tried is ready, which takes its place as it is.
    fn give_place(&mut self, now: Moment) {
        let Some(Beside::Trying { run, ready_by, extended }) = self.beside.take() else { return };
        self.crashes.note_uptime(self.uptime(now));
        self.restarts += 1;
        self.tried_run = None;
        self.extended = extended;
        self.state = State::Starting { run, ready_by };
    }

    /// Whether another run is tried beside the one that serves, to take its place.
    pub(crate) fn is_trying(&self) -> bool {
        !self.is_to_end() && matches!(self.beside, Some(Beside::Trying { .. }))
    }

    /// The first process of the one that serves ended while another is tried.
    pub(crate) fn exited_while_trying(&mut self, now: Moment, run: Invocation, exit: Exit) -> Option<Action> {
        self.last_failure = Some(Failure::Exited(exit)).filter(|_| !self.policy.accepts(exit));
        self.give_place(now);
        self.leave_beside(now, run, Some(exit))
    }

    /// Nothing is left of the one that serves while another is tried, and nobody had said that it ended.
    pub(crate) fn vanished_while_trying(&mut self, now: Moment, run: Invocation) -> Option<Action> {
        self.last_failure = Some(Failure::Vanished);
        self.give_place(now);
        self.beside_is_gone(run, None)
    }

    /// The one that serves is not as it should be, and another is on its way already.
    pub(crate) fn unhealthy_while_trying(&mut self, now: Moment, run: Invocation, ailment: Ailment) -> Option<Action> {
        self.last_failure = Some(Failure::Unhealthy(ailment));
        self.give_place(now);
        self.leave_beside(now, run, None)
    }

    /// The one that serves is ending by itself while another is tried.
    pub(crate) fn leaves_while_trying(&mut self, now: Moment, run: Invocation) -> Option<Action> {
        self.give_place(now);
        let kill_at = Some(now.after(self.policy.kill_timeout));
        self.beside = Some(Beside::Leaving { run, kill_at, end_by: None, untold: true, exit: None });
        None
    }

    /// Tells a run that it is to end beside the other one; or the rest of its tree, if it has exited.
    fn leave_beside(&mut self, now: Moment, run: Invocation, exit: Option<Exit>) -> Option<Action> {
        let end_by = match self.beside {
            Some(Beside::Leaving { end_by, .. }) => end_by,
            Some(Beside::Trying { .. }) | None => None,
        };
        let own = now.after(self.policy.kill_timeout);
        let kill_at = Some(end_by.map_or(own, |by| by.min(own)));
        self.beside = Some(Beside::Leaving { run, kill_at, end_by, untold: false, exit });
        Some(Action::Send(run, Signal::Terminate))
    }

    /// The one that is tried is not wanted any more.
    pub(crate) fn abandon(&mut self, now: Moment) -> Option<Action> {
        match self.beside {
            Some(Beside::Trying { run, .. }) => self.leave_beside(now, run, None),
            Some(Beside::Leaving { .. }) | None => None,
        }
    }

    /// What is beside has to be gone by the one deadline of a stop of everything.
    pub(crate) fn hurry_beside(&mut self, kill_by: Option<Moment>) {
        if let Some(Beside::Leaving { run, kill_at, end_by, untold, exit }) = self.beside {
            let end_by = [end_by, kill_by].into_iter().flatten().min();
            let kill_at = kill_at.map(|at| end_by.map_or(at, |by| at.min(by)));
            self.beside = Some(Beside::Leaving { run, kill_at, end_by, untold, exit });
        }
    }

    /// Ends both runs, the one that serves in its turn, which is now.
    pub(crate) fn end_both(&mut self, now: Moment) -> Option<Action> {
        let action = self.abandon(now)?;
        self.turn = Some(Turn { tell_by: now, kill_by: None });
        Some(action)
    }

    /// How it ended is on show unless the end of the other one, which is not gone yet, is newer.
    fn beside_is_gone(&mut self, run: Invocation, exit: Option<Exit>) -> Option<Action> {
        self.beside = None;
        self.finished_run = self.finished_run.max(Some(run));
        if self.last_exit.is_none_or(|(exited, _)| Some(exited) != self.alive()) {
            self.last_exit = exit.map(|exit| (run, exit));
        }
        None
    }

    /// When the run beside needs a look.
    pub(crate) fn deadline_beside(&self) -> Option<Moment> {
        match self.beside? {
            Beside::Trying { .. } if self.is_to_end() => Some(Moment::START),
            Beside::Trying { ready_by, .. } => Some(ready_by),
            Beside::Leaving { kill_at, .. } => Some(kill_at.unwrap_or(self.kill_beside_again_at)),
        }
    }

    /// Does what is due about the run beside.
    pub(crate) fn tick_beside(&mut self, now: Moment) -> Option<Action> {
        if self.deadline_beside()? > now {
            return None;
        }
        match self.beside? {
            Beside::Trying { .. } if self.is_to_end() => self.abandon(now),
            Beside::Trying { run, extended, .. } => {
                let within = self.policy.listen_timeout.saturating_add(extended);
                self.failed_try = Some(Failure::NotReady { within });
                self.leave_beside(now, run, None)
            }
            Beside::Leaving { run, end_by, exit, .. } => {
                self.kill_beside_again_at = now.after(KILL_AGAIN_AFTER);
                self.beside = Some(Beside::Leaving { run, kill_at: None, end_by, untold: false, exit });
                Some(Action::Send(run, Signal::Kill))
            }
        }
    }

    /// What follows if the keeper does not know of the run beside.
    pub(crate) fn forget_beside(&mut self, exists: impl Fn(Invocation) -> bool) {
        let Some(beside) = self.beside.filter(|beside| !exists(beside.run())) else { return };
        match beside {
            // The order to spawn it died with the supervisor: its turn is yet to come.
            Beside::Trying { .. } => {
                self.beside = None;
                self.reload = self.reload.map(|reload| Reload { begun: false, ..reload });
            }
            Beside::Leaving { run, exit, .. } => {
                self.beside_is_gone(run, exit);
            }
        }
    }

    /// Whether something of it is alive.
    pub(crate) fn is_alive(&self) -> bool {
        self.alive().is_some() || self.beside.is_some()
    }

    /// Only the run beside is left of it.
    pub(crate) fn is_half_gone(&self) -> bool {
        self.alive().is_none() && self.beside.is_some()
    }

    /// Whether one of its runs is this one.
    pub(crate) fn has(&self, run: Invocation) -> bool {
        self.alive() == Some(run) || self.beside.is_some_and(|beside| beside.run() == run)
    }
}
