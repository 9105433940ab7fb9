use crate::{Exit, Failure, Goal, Invocation, Moment, State};

/// All that is known of an app, to be kept by the keeper for a successor of this supervisor.
///
/// It is taken after every call into the fleet that changed something, and handed to the keeper *before* the actions
/// of that call are performed: a successor then knows of every run that may exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// What is wanted of it; [`Goal::Down`] is the operator's hold.
    pub goal: Goal,
    /// What it is doing.
    pub state: State,
    /// When it is told to stop, while it is wanted down and waits for its turn.
    pub turn: Option<Turn>,
    /// When it failed of late, oldest first.
    pub failures: Vec<Moment>,
    /// Failed runs in a row that were shorter than `min_uptime`.
    pub short_runs: u32,
    /// Failed too often, and has not held out for `min_uptime` since.
    pub tripped: bool,
    /// How often it was spawned again.
    pub restarts: u64,
    /// How `exited_run` ended.
    pub last_exit: Option<Exit>,
    /// The run that `last_exit` is about.
    pub exited_run: Option<Invocation>,
    /// What went wrong last.
    pub last_failure: Option<Failure>,
    /// The newest run that was ordered.
    pub newest_run: Option<Invocation>,
    /// The newest run of which nothing is left.
    pub finished_run: Option<Invocation>,
}

/// An app's place in an orderly stop, until it is told: what needs it goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Turn {
    /// When it is told at the latest, even if something that needs it is still alive.
    pub tell_by: Moment,
    /// The one deadline of a stop of everything; `None` if it has its own `kill_timeout`, counted from when it is told.
    pub kill_by: Option<Moment>,
}

impl Turn {
    /// The earlier of both, in each respect.
    pub(crate) fn earliest(self, other: Self) -> Self {
        let kill_by = match (self.kill_by, other.kill_by) {
            (Some(one), Some(another)) => Some(one.min(another)),
            (one, another) => one.or(another),
        };
        Self { tell_by: self.tell_by.min(other.tell_by), kill_by }
    }
}
