//! One app's state machine.

use std::time::Duration;

use crate::{
    Action, Event, Exit, Failure, Goal, Invocation, Moment, Policy, Signal, State, StopReason, Turn,
    crash_record::{CrashRecord, Retry},
};

/// How long after a kill what is still left of a tree is killed again: a process may have forked under the first one.
pub const KILL_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// One app: what is wanted of it, what it is doing, and what is remembered of its runs.
#[derive(Clone, Debug)]
pub struct App {
    pub(crate) policy: Policy,
    pub(crate) goal: Goal,
    pub(crate) state: State,
    /// Set while it is wanted down and has not been told.
    pub(crate) turn: Option<Turn>,
    /// Counts only in a `Stopping` whose kill was ordered.
    pub(crate) kill_again_at: Moment,
    pub(crate) crashes: CrashRecord,
    pub(crate) restarts: u64,
    pub(crate) last_exit: Option<(Invocation, Exit)>,
    pub(crate) last_failure: Option<Failure>,
    pub(crate) newest_run: Option<Invocation>,
    pub(crate) finished_run: Option<Invocation>,
}

impl App {
    pub(crate) fn new(policy: Policy) -> Self {
        Self {
            policy,
            goal: Goal::Down,
            state: State::Stopped,
            turn: None,
            kill_again_at: Moment::START,
            crashes: CrashRecord::default(),
            restarts: 0,
            last_exit: None,
            last_failure: None,
            newest_run: None,
            finished_run: None,
        }
    }

    /// What is wanted of it.
    #[must_use]
    pub fn goal(&self) -> Goal {
        self.goal
    }

    /// What it is doing.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// How it is started, stopped and retried.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The run of which something is alive, as far as we have been told.
    #[must_use]
    pub fn alive(&self) -> Option<Invocation> {
        match self.state {
            State::Starting { run, .. } | State::Running { run, .. } | State::Stopping { run, .. } => Some(run),
            State::Stopped | State::Backoff { .. } | State::Cooling { .. } | State::Finished => None,
        }
    }

    /// Whether what depends on it may start: it said that it is ready, and is not on its way down.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.goal == Goal::Up && matches!(self.state, State::Running { .. })
    }

    /// How often it was spawned again, by itself or by a restart; not by a start.
    #[must_use]
    pub fn restarts(&self) -> u64 {
        self.restarts
    }

    /// How the last run whose end was seen ended; `None` too if that run vanished unseen.
    #[must_use]
    pub fn last_exit(&self) -> Option<Exit> {
        self.last_exit.map(|(_, exit)| exit)
    }

    /// What went wrong last; stays until the next time it is ready.
    #[must_use]
    pub fn last_failure(&self) -> Option<Failure> {
        self.last_failure
    }

    /// The newest run that was ordered.
    #[must_use]
    pub fn newest_run(&self) -> Option<Invocation> {
        self.newest_run
    }

    /// The newest run of which nothing is left.
    #[must_use]
    pub fn finished_run(&self) -> Option<Invocation> {
        self.finished_run
    }

    /// When it next needs an [`Event::Tick`], if nothing happens before and its dependencies are ready.
    #[must_use]
    pub fn deadline(&self) -> Option<Moment> {
        match (self.state, self.goal) {
            (State::Stopped, Goal::Up) => Some(Moment::START),
            (State::Starting { ready_by, .. }, Goal::Up) => Some(ready_by),
            (State::Starting { .. } | State::Running { .. }, Goal::Down) => self.turn.map(|turn| turn.tell_by),
            (State::Stopping { kill_at, .. }, Goal::Up | Goal::Down) => Some(kill_at.unwrap_or(self.kill_again_at)),
            (State::Backoff { retry_at } | State::Cooling { retry_at, .. }, Goal::Up) => Some(retry_at),
            (State::Running { .. }, Goal::Up)
            | (State::Finished, Goal::Up | Goal::Down)
            | (State::Stopped | State::Backoff { .. } | State::Cooling { .. }, Goal::Down) => None,
        }
    }

    /// Takes one event. Every event leads to at most one action. This is the table; what it does not say about a stop
    /// in order, [`App::tell`] says, and about a start in order, [`App::spawn`].
    pub(crate) fn handle(&mut self, now: Moment, event: Event) -> Option<Action> {
        use {Event as E, State as S};
        if event.run().is_some() && event.run() != self.alive() {
            return None; // About an earlier run.
        }
        match (self.state, event) {
            (S::Stopped | S::Finished, E::Wanted(Goal::Up)) => self.revive(S::Stopped),
            (S::Starting { .. } | S::Running { .. }, E::Wanted(Goal::Up)) => self.carry_on(),
            (S::Stopping { run, kill_at, .. }, E::Wanted(Goal::Up)) => {
                self.revive(S::Stopping { run, kill_at, why: StopReason::Restart })
            }
            (S::Backoff { .. } | S::Cooling { .. }, E::Wanted(Goal::Up)) => self.revive(S::Backoff { retry_at: now }),

            (S::Stopped | S::Backoff { .. } | S::Cooling { .. } | S::Finished, E::Wanted(Goal::Down)) => {
                self.lay_down(S::Stopped)
            }
            (S::Starting { .. } | S::Running { .. }, E::Wanted(Goal::Down)) => {
                self.take_turn(Turn { tell_by: now, kill_by: None })
            }
            (S::Stopping { run, kill_at, .. }, E::Wanted(Goal::Down)) => {
                self.lay_down(S::Stopping { run, kill_at, why: StopReason::Asked })
            }

            (S::Starting { run, .. }, E::Ready(_)) => self.ready(now, run),
            (S::Running { .. } | S::Stopping { .. }, E::Ready(_)) => None,

            (S::Starting { run, .. }, E::Exited(_, exit)) => self.exited(now, run, None, exit),
            (S::Running { run, since }, E::Exited(_, exit)) => self.exited(now, run, Some(now.since(since)), exit),
            (S::Stopping { run, .. }, E::Exited(_, exit)) => self.note_exit(run, exit),

            (S::Starting { run, .. }, E::Gone(_)) => self.vanished(now, run, None),
            (S::Running { run, since }, E::Gone(_)) => self.vanished(now, run, Some(now.since(since))),
            (S::Stopping { run, why, .. }, E::Gone(_)) => self.gone(now, run, why),

            (S::Starting { run, .. }, E::Unhealthy(_)) => self.unhealthy(now, run, None),
            (S::Running { run, since }, E::Unhealthy(_)) => self.unhealthy(now, run, Some(now.since(since))),
            (S::Stopping { .. }, E::Unhealthy(_)) => None,

            (S::Backoff { .. } | S::Cooling { .. }, E::CauseMayBeGone) => self.retry_at_once(now),
            (
                S::Stopped | S::Starting { .. } | S::Running { .. } | S::Stopping { .. } | S::Finished,
                E::CauseMayBeGone,
            ) => None,

            (S::Starting { run, ready_by }, E::Tick) => self.check_ready(now, run, ready_by),
            (S::Stopping { run, kill_at, why }, E::Tick) => self.check_gone(now, run, kill_at, why),
            // Whether these are due, their dependencies decide as well: see `App::is_due`.
            (S::Stopped | S::Running { .. } | S::Backoff { .. } | S::Cooling { .. } | S::Finished, E::Tick) => None,

            // Nothing is alive, so it was about an earlier run.
            (
                S::Stopped | S::Backoff { .. } | S::Cooling { .. } | S::Finished,
                E::Ready(_) | E::Exited(..) | E::Gone(_) | E::Unhealthy(_),
            ) => None,
        }
    }

    /// Ends this run, if there is one, to begin another.
    pub(crate) fn restart(&mut self, now: Moment) -> Option<Action> {
        match self.state {
            State::Starting { run, .. } | State::Running { run, .. } => {
                self.revive(self.state);
                self.terminate(run, now.after(self.policy.kill_timeout), StopReason::Restart)
            }
            State::Stopped
            | State::Stopping { .. }
            | State::Backoff { .. }
            | State::Cooling { .. }
            | State::Finished => self.handle(now, Event::Wanted(Goal::Up)),
        }
    }

    /// Wanted down: in an orderly stop, if it has to be told to end.
    pub(crate) fn descend(&mut self, now: Moment, turn: Turn) {
        match self.state {
            State::Starting { .. } | State::Running { .. } => self.take_turn(turn),
            State::Stopping { run, kill_at, .. } => {
                let kill_at = kill_at.map(|at| turn.kill_by.map_or(at, |by| at.min(by)));
                self.lay_down(State::Stopping { run, kill_at, why: StopReason::Asked })
            }
            State::Stopped | State::Backoff { .. } | State::Cooling { .. } | State::Finished => {
                self.handle(now, Event::Wanted(Goal::Down))
            }
        };
    }

    /// Whether it is to be spawned now. Its dependencies have the last word.
    pub(crate) fn is_due(&self, now: Moment) -> bool {
        self.wants_spawn() && self.deadline().is_some_and(|due| due <= now)
    }

    /// Whether it is to be spawned, now or later.
    pub(crate) fn wants_spawn(&self) -> bool {
        match self.state {
            State::Stopped | State::Backoff { .. } | State::Cooling { .. } => self.goal == Goal::Up,
            State::Starting { .. } | State::Running { .. } | State::Stopping { .. } | State::Finished => false,
        }
    }

    /// Begins a run. The caller knows that it is due and that its dependencies are ready.
    pub(crate) fn spawn(&mut self, now: Moment, run: Invocation) -> Action {
        debug_assert!(self.is_due(now), "spawned out of turn: {self:?}");
        if !matches!(self.state, State::Stopped) {
            self.restarts += 1;
        }
        self.newest_run = Some(run);
        self.state = State::Starting { run, ready_by: now.after(self.policy.listen_timeout) };
        Action::Spawn(run)
    }

    /// Tells a run that is wanted down to end: its turn has come.
    pub(crate) fn tell(&mut self, now: Moment) -> Option<Action> {
        let turn = self.turn?;
        let run = self.alive()?;
        self.terminate(run, turn.kill_by.unwrap_or(now.after(self.policy.kill_timeout)), StopReason::Asked)
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

    /// Wanted down, and is or soon will be.
    fn lay_down(&mut self, state: State) -> Option<Action> {
        self.goal = Goal::Down;
        self.state = state;
        None
    }

    /// Wanted down, and to be told so in its turn. Asking twice makes it no later.
    fn take_turn(&mut self, turn: Turn) -> Option<Action> {
        self.goal = Goal::Down;
        self.turn = Some(self.turn.map_or(turn, |earlier| earlier.earliest(turn)));
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

    /// Its first process ended although it had not been told to.
    fn exited(&mut self, now: Moment, run: Invocation, uptime: Option<Duration>, exit: Exit) -> Option<Action> {
        self.note_exit(run, exit);
        if self.goal == Goal::Down {
            return self.terminate_early(now, run);
        }
        if self.policy.accepts(exit) {
            self.last_failure = None;
        } else {
            self.fail(now, uptime, Failure::Exited(exit));
        }
        self.terminate(run, now.after(self.policy.kill_timeout), StopReason::Exited)
    }

    /// It was to be told to end, and ended before: what is left of it need not wait for its turn.
    fn terminate_early(&mut self, now: Moment, run: Invocation) -> Option<Action> {
        let own = now.after(self.policy.kill_timeout);
        let kill_at = self.turn.and_then(|turn| turn.kill_by).map_or(own, |by| by.min(own));
        self.terminate(run, kill_at, StopReason::Asked)
    }

    fn unhealthy(&mut self, now: Moment, run: Invocation, uptime: Option<Duration>) -> Option<Action> {
        if self.goal == Goal::Down {
            return None; // It will be told in its turn.
        }
        self.fail(now, uptime, Failure::Unhealthy);
        self.terminate(run, now.after(self.policy.kill_timeout), StopReason::Unhealthy)
    }

    /// A ready timeout is a failure with a reason, unless nobody waits for it any more.
    fn check_ready(&mut self, now: Moment, run: Invocation, ready_by: Moment) -> Option<Action> {
        if self.goal == Goal::Down || ready_by > now {
            return None;
        }
        self.fail(now, None, Failure::NotReady { within: self.policy.listen_timeout });
        self.terminate(run, now.after(self.policy.kill_timeout), StopReason::NotReady)
    }

    fn check_gone(&mut self, now: Moment, run: Invocation, kill_at: Option<Moment>, why: StopReason) -> Option<Action> {
        if kill_at.unwrap_or(self.kill_again_at) > now {
            return None;
        }
        self.kill_again_at = now.after(KILL_AGAIN_AFTER);
        self.state = State::Stopping { run, kill_at: None, why };
        Some(Action::Send(run, Signal::Kill))
    }

    fn terminate(&mut self, run: Invocation, kill_at: Moment, why: StopReason) -> Option<Action> {
        self.turn = None;
        self.state = State::Stopping { run, kill_at: Some(kill_at), why };
        Some(Action::Send(run, Signal::Terminate))
    }

    fn fail(&mut self, now: Moment, uptime: Option<Duration>, failure: Failure) {
        self.last_failure = Some(failure);
        self.crashes.note(&self.policy, now, uptime);
    }

    /// The first word counts: an end that is told again is the same end.
    fn note_exit(&mut self, run: Invocation, exit: Exit) -> Option<Action> {
        if self.last_exit.is_none_or(|(exited, _)| exited != run) {
            self.last_exit = Some((run, exit));
        }
        None
    }

    /// Nothing of it is left, and nobody had said that it ended.
    pub(crate) fn vanished(&mut self, now: Moment, run: Invocation, uptime: Option<Duration>) -> Option<Action> {
        if self.goal == Goal::Down {
            return self.gone(now, run, StopReason::Asked);
        }
        self.fail(now, uptime, Failure::Vanished);
        self.gone(now, run, StopReason::Exited)
    }

    /// Nothing of it is left: what follows, the reason decides.
    pub(crate) fn gone(&mut self, now: Moment, run: Invocation, why: StopReason) -> Option<Action> {
        self.turn = None;
        self.finished_run = Some(run);
        self.last_exit = self.last_exit.filter(|(exited, _)| *exited == run); // Unknown is not the one before.
        self.state = match why {
            StopReason::Asked => State::Stopped,
            StopReason::Restart => State::Backoff { retry_at: now },
            StopReason::NotReady | StopReason::Unhealthy => self.after_failure(now),
            StopReason::Exited => match self.last_exit() {
                Some(exit) if self.policy.accepts(exit) => State::Finished,
                Some(_) | None => self.after_failure(now),
            },
        };
        None
    }

    fn after_failure(&self, now: Moment) -> State {
        if !self.policy.autorestart {
            return State::Finished;
        }
        match self.crashes.retry(&self.policy, now) {
            Retry::Soon(retry_at) => State::Backoff { retry_at },
            Retry::Late(retry_at) => {
                State::Cooling { retry_at, failure: self.last_failure.unwrap_or(Failure::Vanished) }
            }
        }
    }
}
