//! What people said of one dose, as it was said: nothing is overwritten, what holds is computed from it.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Key, Occurrence, Policy, check::MOST_POLICY_MINUTES};

mod apply;
mod holds;

/// Most entries that one dose's record holds: a tablet on which somebody leans must not fill the disk.
pub const MOST_ENTRIES: usize = 64;
/// How many of them are left to saying that it was taken or skipped, or taking that back: however often a dose was put off and
/// written about, what became of it can be said.
pub const KEPT_FOR_SETTLING: usize = 16;
/// A dose may be recorded as taken this much after now: clocks of devices differ.
pub const CLOCKS_AGREE_WITHIN_SECONDS: i64 = 5 * 60;
/// How long before it is due a dose may be recorded as taken, also with a reason: as long as the longest early window. Anything
/// earlier is another dose, or a clock that is wrong.
pub const EARLIEST_BEFORE: SignedDuration = SignedDuration::from_mins(MOST_POLICY_MINUTES as i64);

/// One dose's record. As JSON it is kept as it is here; the newest row of its history is the record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    pub key: Key,
    pub medication: String,
    /// As it was planned when the record began.
    pub due_at: Timestamp,
    /// As it was planned.
    pub amount: f64,
    /// As it was when the record began: a dose is judged by the rules that held for it.
    pub policy: Policy,
    /// Whether it was taken as needed: nobody was asked to take it.
    #[serde(default)]
    pub as_needed: bool,
    /// In the order in which they were accepted.
    pub entries: Vec<Entry>,
    /// When it was first noticed to be late. Kept whatever follows.
    #[serde(default)]
    pub late_at: Option<Timestamp>,
    /// When it was first noticed to be missed. Kept whatever follows.
    #[serde(default)]
    pub missed_at: Option<Timestamp>,
}

/// A person's wish about one dose.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Command {
    /// Chosen by whoever asks; the same id again is the same wish, and is done once.
    pub id: String,
    /// Who asks.
    pub by: String,
    pub act: Act,
    /// If given, the [`Record::version`] that the person saw.
    #[serde(default)]
    pub seen_version: Option<usize>,
    /// Why it is to be done in spite of a refusal that allows it ([`Refused::may_be_overridden`]).
    #[serde(default)]
    pub override_reason: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Act {
    /// Taken at that time; the planned amount if none is given.
    Take {
        at: Timestamp,
        #[serde(default)]
        amount: Option<f64>,
        #[serde(default)]
        note: Option<String>,
    },
    Skip {
        #[serde(default)]
        reason: Option<String>,
    },
    /// Ask again then.
    Snooze { until: Timestamp },
    /// It was taken at another time than recorded.
    Correct { taken_at: Timestamp },
    /// Says something about it, and changes nothing else.
    Note { text: String },
    /// Takes back the newest act that holds; only if it is this command's, if one is named.
    Undo {
        #[serde(default)]
        of: Option<String>,
    },
}

/// A command that was accepted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    pub command: Command,
    pub recorded_at: Timestamp,
}

/// What holds of a dose.
#[derive(Clone, Debug, PartialEq)]
pub enum Resolution {
    Taken {
        /// When; as corrected, if it was.
        at: Timestamp,
        /// All of it, if an override took a second one.
        amount: f64,
        by: String,
        /// From when it was due until it was taken; below 0 if before. An entry that is corrected
        /// keeps its own time, and so its own lateness ([`Record::was_ever_late`]).
        lateness_seconds: i64,
    },
    Skipped {
        at: Timestamp,
        by: String,
    },
}

/// What became of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// The record is another one now.
    Changed,
    /// It was done before: nothing changed.
    Already,
}

/// Why a command is not done, for the one who asked.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Refused {
    #[error("{by} recorded this dose as taken at {at}; if another one was really taken, say why in override_reason")]
    AlreadyTaken { by: String, at: Timestamp },
    #[error("{by} recorded this dose as skipped at {at}; to change that, say why in override_reason")]
    AlreadySkipped { by: String, at: Timestamp },
    #[error(
        "this dose is not due before {due_at}, and may be taken from {earliest} on; to take it before, say why in override_reason"
    )]
    TooEarly { due_at: Timestamp, earliest: Timestamp },
    #[error("a dose cannot be recorded as taken in the future ({at})")]
    InTheFuture { at: Timestamp },
    #[error("a dose that is due at {due_at} cannot be recorded as taken at {at}, more than 7 days before")]
    LongBefore { due_at: Timestamp, at: Timestamp },
    #[error("an amount must be above 0, not {amount}")]
    Amount { amount: f64 },
    #[error(
        "a dose that is due at {due_at} can be put off until before {latest}, when it counts as missed, and not into the past"
    )]
    Snooze { due_at: Timestamp, latest: Timestamp },
    #[error("this dose was not taken, so there is no time to correct")]
    NotTaken,
    #[error("there is nothing to take back")]
    NothingToUndo,
    #[error("{by} changed this dose at {at}; look at it again")]
    Changed { by: String, at: Timestamp },
    #[error("this command's id was used for another one")]
    IdUsed,
    #[error(
        "this dose has been changed {most} times, which is as often as one can be; to say what became of it, there are {left} more"
    )]
    TooOften { most: usize, left: usize },
}

impl Refused {
    /// Whether the same command with a reason is done.
    pub fn may_be_overridden(&self) -> bool {
        matches!(self, Self::AlreadyTaken { .. } | Self::AlreadySkipped { .. } | Self::TooEarly { .. })
    }
}

impl Record {
    /// A dose of which nothing was said yet.
    pub fn of(occurrence: &Occurrence) -> Self {
        Self {
            key: occurrence.key.clone(),
            medication: occurrence.medication.clone(),
            due_at: occurrence.due_at,
            amount: occurrence.amount,
            policy: occurrence.policy.clone(),
            as_needed: false,
            entries: Vec::new(),
            late_at: None,
            missed_at: None,
        }
    }

    /// Grows with every command that was done.
    pub fn version(&self) -> usize {
        self.entries.len()
    }

    /// The entry that this command made, if it was done.
    pub fn entry(&self, command_id: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.command.id == command_id)
    }

    /// Notes that it was late, once: whatever follows, it stays known.
    pub fn notice_late(&mut self, now: Timestamp) {
        self.late_at.get_or_insert(now);
    }

    /// Notes that it was missed, once.
    pub fn notice_missed(&mut self, now: Timestamp) {
        self.missed_at.get_or_insert(now);
    }
}
