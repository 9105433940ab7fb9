use std::time::Duration;

use crate::{AppId, Beside, Exit, Failure, Goal, Invocation, Moment, State};

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
    /// What the second of two runs is doing, while there are two.
    pub beside: Option<Beside>,
    /// When it is told to end, while it waits for its turn: wanted down, or up and to begin anew.
    pub turn: Option<Turn>,
    /// How much longer than `listen_timeout` its run asked to have for becoming ready.
    pub extended: Duration,
    /// The one deadline of a stop of everything that its run is being ended by.
    pub end_by: Option<Moment>,
    /// Its run is ending because it said so, and nobody has told it or the rest of its tree to.
    pub untold: bool,
    /// How long the run that said that it is ending had been ready, if it ever was.
    pub ready_for: Option<Duration>,
    /// When it failed of late, oldest first.
    pub failures: Vec<Moment>,
    /// Failed runs in a row that were shorter than `min_uptime`.
    pub short_runs: u32,
    /// Runs that were ended for an ailment since the last one that was healthy long enough.
    pub ailing_runs: u32,
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
    /// What the last run failed of that was tried beside another.
    pub failed_try: Option<Failure>,
    /// The newest run that was tried beside another and did not take its place.
    pub tried_run: Option<Invocation>,
    /// The newest run that was ordered.
    pub newest_run: Option<Invocation>,
    /// The newest run of which nothing is left.
    pub finished_run: Option<Invocation>,
    /// The newest run that was ever ready.
    pub ready_run: Option<Invocation>,
    /// The newest run that failed before it was ever ready.
    pub failed_start: Option<Invocation>,
    /// It is none of the fleet's apps any more; see [`Fleet::restore_leaving`](crate::Fleet::restore_leaving).
    pub leaving: bool,
    /// Runs of others that have to be gone before its next one is spawned.
    pub follows: Vec<(AppId, Invocation)>,
    /// Its place in a reload that is under way.
    pub reload: Option<Reload>,
}

/// An app's place in a reload, in which one app after the other begins anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Reload {
    /// The lowest comes next.
    pub place: u64,
    /// Its old run was told to end, or a new one is tried beside it; the others wait until the new one serves alone.
    pub begun: bool,
}

/// An app's place in an orderly stop or restart, until it is told: what needs it goes first.
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
