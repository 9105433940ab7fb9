//! When a log is put aside, and how much is kept of it.

use std::time::Duration;

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
