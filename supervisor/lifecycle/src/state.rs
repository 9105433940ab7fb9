//! The words that an app's life is told in: what is wanted, what is, what happened, what to do.

use crate::{Ailment, Exit, Failure, Invocation, Moment};

/// What the operator wants of an app. Kept apart from what is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Goal {
    /// To run, and to be run again when it fails.
    Up,
    /// To be gone, and to stay gone.
    Down,
}

/// What an app is doing now. Each state carries what is true only in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Nothing of it is alive. If it is wanted up, it is spawned as soon as its dependencies are ready.
    Stopped,
    /// Spawned; has not said that it is ready.
    Starting {
        /// The run that is alive.
        run: Invocation,
        /// When it is given up on.
        ready_by: Moment,
    },
    /// Said that it is ready.
    Running {
        /// The run that is alive.
        run: Invocation,
        /// When it said so.
        since: Moment,
    },
    /// Told to end, or ended with something of its tree left. It leaves this state only when nothing is left.
    Stopping {
        /// The run that is alive, in part at least.
        run: Invocation,
        /// When what is left is killed; `None` once that was ordered.
        kill_at: Option<Moment>,
        /// Why, which decides what comes next.
        why: StopReason,
    },
    /// Nothing of it is alive; to be spawned again.
    Backoff {
        /// When.
        retry_at: Moment,
    },
    /// Nothing of it is alive. It failed too often to be retried soon, but never too often to be retried.
    Cooling {
        /// When, unless the cause may be gone before.
        retry_at: Moment,
        /// What went wrong last.
        failure: Failure,
    },
    /// Nothing of it is alive: it ended by itself, and its policy leaves it at that until somebody asks for it.
    Finished,
}

impl State {
    /// The run of which something is alive, if there is one.
    #[must_use]
    pub const fn run(self) -> Option<Invocation> {
        match self {
            Self::Starting { run, .. } | Self::Running { run, .. } | Self::Stopping { run, .. } => Some(run),
            Self::Stopped | Self::Backoff { .. } | Self::Cooling { .. } | Self::Finished => None,
        }
    }
}

/// Why a run is being ended, which decides what follows when it is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StopReason {
    /// It is wanted down: nothing follows.
    Asked,
    /// It is wanted anew: the next run follows without delay.
    Restart,
    /// It did not become ready in time.
    NotReady,
    /// It suffered from an [`Ailment`].
    Unhealthy,
    /// It said that it is ending by itself, and was not told to.
    Itself,
    /// Its first process ended by itself; the rest of its tree is being ended.
    Exited,
}

/// Something that happened. A fact, not an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// The operator wants this from now on.
    Wanted(Goal),
    /// The run said that it is ready.
    Ready(Invocation),
    /// The run's first process ended. Others of its tree may be left.
    Exited(Invocation, Exit),
    /// Nothing of the run's tree is left.
    Gone(Invocation),
    /// The run is not as it should be.
    Unhealthy(Invocation, Ailment),
    /// The run asked for time until then: to become ready, or to stop. sd_notify's `EXTEND_TIMEOUT_USEC`.
    Extend(Invocation, Moment),
    /// The run said that it is ending by itself. sd_notify's `STOPPING=1`.
    Leaving(Invocation),
    /// It should begin anew if it is wanted up: its files changed, its hour has come.
    Refresh,
    /// What made the app fail may be mended: a file was edited, a disk freed, a dependency came up.
    CauseMayBeGone,
    /// Time has passed; a deadline may be due.
    Tick,
}

impl Event {
    /// The run that it is about, if it is about one.
    #[must_use]
    pub const fn run(self) -> Option<Invocation> {
        match self {
            Self::Ready(run)
            | Self::Exited(run, _)
            | Self::Gone(run)
            | Self::Unhealthy(run, _)
            | Self::Extend(run, _)
            | Self::Leaving(run) => Some(run),
            Self::Wanted(_) | Self::Refresh | Self::CauseMayBeGone | Self::Tick => None,
        }
    }
}

/// Something for the daemon to do. An order, not a wish.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Start a process for this run.
    Spawn(Invocation),
    /// Signal everything that is alive of this run's tree.
    Send(Invocation, Signal),
}

/// What is meant by a signal; which one it is, the daemon knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Signal {
    /// Please end.
    Terminate,
    /// End.
    Kill,
}
