//! What the owner of the state hands over to be measured and written: copies, so that nobody waits for the writing.

use std::path::PathBuf;
use std::time::Duration;

use protocol::control;
use protocol::keeper::Predecessors;

use super::epoch::Epoch;
use crate::supervisor::runs::Census;
use crate::supervisor::tally::Tally;

/// All that is known without measuring.
pub struct Facts {
    pub hub: HubFacts,
    pub apps: Vec<AppFacts>,
    pub census: Census,
    pub epoch: Epoch,
}

pub struct HubFacts {
    pub keeper: i32,
    pub predecessors: Predecessors,
    pub profile: String,
    /// Where the file is, and the certificates beside it.
    pub folder: PathBuf,
    /// The file as it was saved last can be taken on.
    pub file_is_good: bool,
    /// The saved file's profile was tried and taken back.
    pub is_refused: bool,
    pub is_on_trial: bool,
    /// When the file in force was taken on.
    pub applied_at: Duration,
}

pub struct AppFacts {
    /// As `status` tells it.
    pub status: control::App,
    /// Which instance it is, also of an app with only one.
    pub instance: u32,
    pub is_wanted: bool,
    /// The run that is alive, and when it was spawned.
    pub run: Option<(u64, Duration)>,
    /// What the run was already seen to have used, in clock ticks.
    pub least_ticks: u64,
    pub recent_failures: usize,
    pub exited_at: Option<Duration>,
    pub memory_limit_bytes: Option<u64>,
    pub tally: Tally,
    /// As `describe` tells it.
    pub logs: control::Logs,
}
