//! One of a run's two streams and where it is to go.

use std::os::fd::OwnedFd;
use std::path::PathBuf;

use manifest::LogFormat;

use super::limits::Limits;

/// Which of the two streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Standard output.
    Out,
    /// Standard error.
    Error,
}

/// One stream of a run, from its pipe to its file.
pub struct Outlet {
    pub run: u64,
    pub kind: Kind,
    /// The read end of what the run writes to.
    pub pipe: OwnedFd,
    pub path: PathBuf,
    /// When the file is put aside.
    pub limits: Limits,
    /// Whether others write to the same file.
    pub shared: bool,
    pub format: LogFormat,
    /// The app's name, as it is written into JSON lines.
    pub app: String,
    /// The app's number that operators know (PM2's `pm_id`), as it is written into JSON lines.
    pub id: u32,
    /// Text whose first appearance in the run's output is told.
    pub expect: Option<String>,
}

/// Whose bytes they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Writer {
    pub run: u64,
    pub kind: Kind,
    /// The app's number that operators know.
    pub app: u32,
}
