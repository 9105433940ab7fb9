//! One app, and how it is begun and told to end. What happens to it meanwhile is in `transitions`.

use std::time::Duration;

use crate::{
    Action, Exit, Failure, Goal, Invocation, Moment, Policy, Signal, State, StopReason, Turn, crash_record::CrashRecord,
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

    /// When it next needs an [`Event::Tick`](crate::Event::Tick), if nothing happens before and its dependencies are ready.
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

    /// Tells a run to end, and remembers why.
    pub(crate) fn terminate(&mut self, run: Invocation, kill_at: Moment, why: StopReason) -> Option<Action> {
        self.turn = None;
        self.state = State::Stopping { run, kill_at: Some(kill_at), why };
        Some(Action::Send(run, Signal::Terminate))
    }
}
