//! What a new `betti-supervisor` is asked before it replaces the one that runs.
//!
//! `NEW --self-check MOMENT --config …` has on its standard input a socket like a supervisor's to its keeper. There it is told
//! what a keeper would tell it ([`Fact`](crate::keeper::Fact)): all the runs, without their descriptors, and all that was
//! remembered. It makes of that what it would make of it as a supervisor, does none of it, and prints one line of JSON, an
//! [`Understood`]. `MOMENT` is when that was so, in nanoseconds of `CLOCK_BOOTTIME`. Whatever goes wrong ends it with a code that
//! is not 0, and words on standard error.

use serde::{Deserialize, Serialize};

/// The flag, without its dashes.
pub const SELF_CHECK: &str = "self-check";

/// What a supervisor made of what it was told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Understood {
    /// Its own version.
    pub version: String,
    /// Its program's file: device and inode.
    pub file: String,
    /// Everybody it would look after, by id.
    pub apps: Vec<App>,
    /// The runs that it knows.
    pub runs: Vec<u64>,
    /// What it would do at once: spawn, end, forget. In words, each with the run that it is about.
    pub at_once: Vec<String>,
}

/// One instance of an app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct App {
    /// Its number.
    pub id: u32,
    /// What it is called.
    pub key: String,
    /// Whether it is wanted up.
    pub up: bool,
    /// The word for its state.
    pub state: String,
    /// The run that is alive.
    pub run: Option<u64>,
    /// The run beside it, while there are two.
    #[serde(default)]
    pub beside: Option<u64>,
    /// How often it was started again.
    pub restarts: u64,
}
