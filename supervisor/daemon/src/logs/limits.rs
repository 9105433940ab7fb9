//! When a log is put aside, and how much is kept of it.

use std::time::Duration;

/// Mode of a log that is made, and of what lies beside it: what apps say is about people. One that is there keeps its own.
pub const FILE_MODE: u32 = 0o600;
/// Mode of a folder that is made for logs: their names say what somebody has. One that is there keeps its own.
pub const FOLDER_MODE: u32 = 0o700;

/// When a log is put aside, and how many of those that were are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// When it has so many bytes; an index that gets as long counts too.
    pub bytes: u64,
    /// When its first bytes are so old.
    pub age: Option<Duration>,
    /// How many old ones are kept beside it, at least one.
    pub kept: u32,
}
