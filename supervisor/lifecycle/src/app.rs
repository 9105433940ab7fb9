//! One app: what is known of it. What is ordered is in `orders`, and what happens to it in `transitions`.

use std::time::Duration;

use crate::{
    AppId, Beside, Exit, Failure, Goal, Invocation, Moment, Policy, Reload, State, Turn, crash_record::CrashRecord,
};

/// How long after a kill what is still left of a tree is killed again: a process may have forked under the first one.
pub const KILL_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// One app: what is wanted of it, what it is doing, and what is remembered of its runs.
#[derive(Clone, Debug)]
pub struct App {
    pub(crate) policy: Policy,
    pub(crate) goal: Goal,
    pub(crate) state: State,
    /// The second run, while it is reloaded with overlap.
    pub(crate) beside: Option<Beside>,
    /// Set while it is to end and has not been told: wanted down, or wanted anew after what needs it is gone.
    pub(crate) turn: Option<Turn>,
    /// How much longer than `listen_timeout` its run asked to have for becoming ready.
    pub(crate) extended: Duration,
    /// The one deadline of a stop of everything that its run is being ended by: no run gets more time than that.
    pub(crate) end_by: Option<Moment>,
    /// Its run is ending because it said so, and nobody has told it or the rest of its tree to.
    pub(crate) untold: bool,
    /// How long the run that said that it is ending had been ready, if it ever was.
    pub(crate) ready_for: Option<Duration>,
    /// Counts only in a `Stopping` whose kill was ordered.
    pub(crate) kill_again_at: Moment,
    /// The same for a run beside that is leaving.
    pub(crate) kill_beside_again_at: Moment,
    pub(crate) crashes: CrashRecord,
    pub(crate) restarts: u64,
    pub(crate) last_exit: Option<(Invocation, Exit)>,
    pub(crate) last_failure: Option<Failure>,
    /// What the last run failed of that was tried beside another.
    pub(crate) failed_try: Option<Failure>,
    /// The newest run that was tried beside another and did not take its place.
    pub(crate) tried_run: Option<Invocation>,
    pub(crate) newest_run: Option<Invocation>,
    pub(crate) finished_run: Option<Invocation>,
    /// The newest run that was ever ready.
    pub(crate) ready_run: Option<Invocation>,
    /// The newest run that failed before it was ever ready.
    pub(crate) failed_start: Option<Invocation>,
    /// It is none of the fleet's apps any more, and is dropped when nothing of it is alive.
    pub(crate) leaving: bool,
    /// Runs of others that have to be gone before its next one is spawned.
    pub(crate) follows: Vec<(AppId, Invocation)>,
    pub(crate) reload: Option<Reload>,
}

impl App {
    pub(crate) fn new(policy: Policy) -> Self {
        Self {
            policy,
            goal: Goal::Down,
            state: State::Stopped,
            beside: None,
            turn: None,
            extended: Duration::ZERO,
            end_by: None,
            untold: false,
            ready_for: None,
            kill_again_at: Moment::START,
            kill_beside_again_at: Moment::START,
            crashes: CrashRecord::default(),
            restarts: 0,
            last_exit: None,
            last_failure: None,
            failed_try: None,
            tried_run: None,
            newest_run: None,
            finished_run: None,
            ready_run: None,
            failed_start: None,
            leaving: false,
            follows: Vec::new(),
            reload: None,
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

    /// The run of which something is alive, as far as we have been told: of two, the one that serves or is to.
    #[must_use]
    pub fn alive(&self) -> Option<Invocation> {
        self.state.run()
    }

    /// Whether it said that it is ready, and is not about to end.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        !self.is_to_end() && matches!(self.state, State::Running { .. })
    }

    /// Whether what depends on it may start: it is ready, or was and is done. A job that ended as its policy accepts runs
    /// no second time, so whoever needs it must not wait for that.
    #[must_use]
    pub fn lets_dependants_start(&self) -> bool {
        let is_done = matches!(self.state, State::Finished) && self.last_failure.is_none();
        // A run is tried only beside one that is ready.
        let is_newest = self.ready_run == self.newest_run || self.tried_run == self.newest_run;
        let was_ready = self.ready_run.is_some() && is_newest;
        self.is_ready() || (!self.is_to_end() && is_done && was_ready)
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

    /// The newest run that was ever ready.
    #[must_use]
    pub fn ready_run(&self) -> Option<Invocation> {
        self.ready_run
    }

    /// When it next needs a tick for the run that serves or for the next one, if nothing happens before and nothing holds it
    /// back. What is to be spawned waits until no run is left beside.
    pub(crate) fn deadline(&self) -> Option<Moment> {
        let tell_by = self.turn.map(|turn| turn.tell_by);
        match (self.state, self.goal) {
            (State::Stopped | State::Backoff { .. } | State::Cooling { .. }, Goal::Up) if self.is_half_gone() => None,
            (State::Stopped, Goal::Up) => Some(Moment::START),
            (State::Starting { ready_by, .. }, Goal::Up) => tell_by.or(Some(ready_by)),
            (State::Running { .. }, Goal::Up) => tell_by,
            (State::Starting { .. } | State::Running { .. }, Goal::Down) => tell_by,
            (State::Stopping { kill_at, .. }, Goal::Up | Goal::Down) => Some(kill_at.unwrap_or(self.kill_again_at)),
            (State::Backoff { retry_at } | State::Cooling { retry_at, .. }, Goal::Up) => Some(retry_at),
            (State::Finished, Goal::Up | Goal::Down)
            | (State::Stopped | State::Backoff { .. } | State::Cooling { .. }, Goal::Down) => None,
        }
    }

    /// Whether it is to be spawned now. What holds it back has the last word.
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

    /// Whether its run, if there is one, is to end: now or in its turn, for good or to begin anew.
    pub(crate) fn is_to_end(&self) -> bool {
        self.goal == Goal::Down || self.turn.is_some()
    }
}
