//! What people said of one dose, as it was said: nothing is overwritten, what holds is computed from it.

use std::mem::discriminant;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Key, Occurrence, Policy, prn::Taking};

/// Most entries that one dose's record holds: a tablet on which somebody leans must not fill the disk.
pub const MOST_ENTRIES: usize = 64;
/// A dose may be recorded as taken this much after now: clocks of devices differ.
pub const CLOCKS_AGREE_WITHIN_SECONDS: i64 = 5 * 60;

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
    #[error("{by} recorded this dose as taken at {at}; if another one was really taken, say so with a reason")]
    AlreadyTaken { by: String, at: Timestamp },
    #[error("{by} recorded this dose as skipped at {at}; to change that, give a reason")]
    AlreadySkipped { by: String, at: Timestamp },
    #[error("this dose is not due before {due_at}, and may be taken from {earliest} on; to take it now, give a reason")]
    TooEarly { due_at: Timestamp, earliest: Timestamp },
    #[error("a dose cannot be recorded as taken in the future ({at})")]
    InTheFuture { at: Timestamp },
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
    #[error("this dose has been changed {MOST_ENTRIES} times, which is as often as one can be")]
    TooOften,
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

    /// Does what a person asks, once. Refused commands change nothing.
    pub fn apply(&mut self, command: &Command, now: Timestamp) -> Result<Done, Refused> {
        if let Some(entry) = self.entry(&command.id) {
            // A repeated wish may bear another default time, but it is of the same kind.
            let same = discriminant(&entry.command.act) == discriminant(&command.act);
            return if same { Ok(Done::Already) } else { Err(Refused::IdUsed) };
        }
        if command.seen_version.is_some_and(|version| version != self.version()) {
            return Err(self.changed(self.entries.last()));
        }
        if self.entries.len() >= MOST_ENTRIES {
            return Err(Refused::TooOften);
        }
        self.allow(command, now)?;
        self.entries.push(Entry { command: command.clone(), recorded_at: now });
        Ok(Done::Changed)
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

    /// What holds: taken or skipped, if anything.
    pub fn resolution(&self) -> Option<Resolution> {
        self.holds().resolution(self.due_at)
    }

    /// When it was taken, if it was; the last time, if an override took a second one.
    pub fn taken_at(&self) -> Option<Timestamp> {
        self.holds().takings.last().map(|taking| taking.at)
    }

    /// What was really taken: usually one, none if it was skipped, more if overrides took more.
    pub fn takings(&self) -> Vec<Taking> {
        self.holds().takings
    }

    /// Until when it is put off, if the newest thing that holds is that somebody put it off.
    pub fn snoozed_until(&self) -> Option<Timestamp> {
        self.snooze().map(|(_, until)| until)
    }

    /// The same, with the id of the command, so that each snooze is told apart from the one before.
    pub fn snooze(&self) -> Option<(&str, Timestamp)> {
        let holding = self.holding();
        let entry = holding.into_iter().rev().find(|entry| !matches!(entry.command.act, Act::Note { .. }))?;
        match entry.command.act {
            Act::Snooze { until } => Some((&entry.command.id, until)),
            Act::Take { .. } | Act::Skip { .. } | Act::Correct { .. } | Act::Note { .. } | Act::Undo { .. } => None,
        }
    }

    /// The newest thing that was said about it and holds: a note, or the reason of a skip.
    pub fn note(&self) -> Option<&str> {
        self.holding().into_iter().rev().find_map(|entry| match &entry.command.act {
            Act::Take { note: text, .. } | Act::Skip { reason: text } => text.as_deref(),
            Act::Note { text } => Some(text.as_str()),
            Act::Snooze { .. } | Act::Correct { .. } | Act::Undo { .. } => None,
        })
    }

    /// Whether it was ever late, however it was corrected: noticed to be, or recorded as taken after its grace.
    pub fn was_ever_late(&self) -> bool {
        let late_at = self.policy.late_at(self.due_at);
        let said_late = |entry: &Entry| match &entry.command.act {
            Act::Take { at, .. } | Act::Correct { taken_at: at } => *at > late_at,
            Act::Skip { .. } | Act::Snooze { .. } | Act::Note { .. } | Act::Undo { .. } => false,
        };
        self.late_at.is_some() || (!self.as_needed && self.entries.iter().any(said_late))
    }

    /// The entries that were not taken back, in their order.
    fn holding(&self) -> Vec<&Entry> {
        let mut holding = Vec::new();
        for entry in &self.entries {
            match entry.command.act {
                Act::Undo { .. } => drop(holding.pop()),
                Act::Take { .. } | Act::Skip { .. } | Act::Snooze { .. } | Act::Correct { .. } | Act::Note { .. } => {
                    holding.push(entry);
                }
            }
        }
        holding
    }

    fn holds(&self) -> Holds<'_> {
        let mut holds = Holds { takings: Vec::new(), settled: None };
        for entry in self.holding() {
            match &entry.command.act {
                Act::Take { at, amount, .. } => {
                    holds.takings.push(Taking { at: *at, amount: amount.unwrap_or(self.amount) });
                    holds.settled = Some(entry);
                }
                Act::Skip { .. } => {
                    holds.takings.clear();
                    holds.settled = Some(entry);
                }
                Act::Correct { taken_at } => {
                    if let Some(taking) = holds.takings.last_mut() {
                        taking.at = *taken_at;
                    }
                }
                Act::Snooze { .. } | Act::Note { .. } | Act::Undo { .. } => {}
            }
        }
        holds
    }

    fn allow(&self, command: &Command, now: Timestamp) -> Result<(), Refused> {
        let overridden = command.override_reason.is_some();
        let settled = self.settled();
        match &command.act {
            Act::Take { at, amount, .. } => {
                not_in_the_future(*at, now)?;
                if let Some(amount) = amount.filter(|amount| !(amount.is_finite() && *amount > 0.0)) {
                    return Err(Refused::Amount { amount });
                }
                let earliest = self.policy.earliest(self.due_at);
                match settled {
                    _ if overridden => Ok(()),
                    // Who skipped it may think better of it; somebody else asks first.
                    Some(Refused::AlreadySkipped { by, .. }) if by == command.by => Ok(()),
                    Some(refused) => Err(refused),
                    None if *at < earliest && !self.as_needed => {
                        Err(Refused::TooEarly { due_at: self.due_at, earliest })
                    }
                    None => Ok(()),
                }
            }
            Act::Skip { .. } => match settled {
                _ if overridden => Ok(()),
                Some(Refused::AlreadySkipped { by, .. }) if by == command.by => Ok(()),
                Some(refused) => Err(refused),
                None => Ok(()),
            },
            Act::Snooze { until } => {
                let latest = self.policy.missed_at(self.due_at);
                match settled {
                    Some(refused) => Err(refused),
                    None if *until <= now || latest <= *until => Err(Refused::Snooze { due_at: self.due_at, latest }),
                    None => Ok(()),
                }
            }
            Act::Correct { taken_at } => {
                not_in_the_future(*taken_at, now)?;
                self.taken_at().map(|_| ()).ok_or(Refused::NotTaken)
            }
            Act::Note { .. } => Ok(()),
            Act::Undo { of } => {
                let newest = self.holding().last().copied().ok_or(Refused::NothingToUndo)?;
                let meant = of.as_ref().is_none_or(|id| *id == newest.command.id);
                if meant { Ok(()) } else { Err(self.changed(Some(newest))) }
            }
        }
    }

    /// Who settled it, as a refusal to settle it again.
    fn settled(&self) -> Option<Refused> {
        let refused = match self.resolution()? {
            Resolution::Taken { at, by, .. } => Refused::AlreadyTaken { by, at },
            Resolution::Skipped { at, by, .. } => Refused::AlreadySkipped { by, at },
        };
        Some(refused)
    }

    fn changed(&self, entry: Option<&Entry>) -> Refused {
        entry.map_or(Refused::NothingToUndo, |entry| Refused::Changed {
            by: entry.command.by.clone(),
            at: entry.recorded_at,
        })
    }
}

/// What the entries that hold amount to.
struct Holds<'a> {
    takings: Vec<Taking>,
    /// The newest entry that took or skipped.
    settled: Option<&'a Entry>,
}

impl Holds<'_> {
    fn resolution(&self, due_at: Timestamp) -> Option<Resolution> {
        let Entry { command, recorded_at } = self.settled?;
        match &command.act {
            Act::Take { .. } => {
                let at = self.takings.last()?.at;
                Some(Resolution::Taken {
                    at,
                    amount: self.takings.iter().map(|taking| taking.amount).sum(),
                    by: command.by.clone(),
                    lateness_seconds: at.duration_since(due_at).as_secs(),
                })
            }
            Act::Skip { .. } => Some(Resolution::Skipped { at: *recorded_at, by: command.by.clone() }),
            Act::Snooze { .. } | Act::Correct { .. } | Act::Note { .. } | Act::Undo { .. } => None,
        }
    }
}

fn not_in_the_future(at: Timestamp, now: Timestamp) -> Result<(), Refused> {
    let ahead = at.duration_since(now).as_secs();
    if ahead > CLOCKS_AGREE_WITHIN_SECONDS { Err(Refused::InTheFuture { at }) } else { Ok(()) }
}
