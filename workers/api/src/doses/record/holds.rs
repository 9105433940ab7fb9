//! What the entries of a record amount to.

use jiff::Timestamp;

use super::{Act, Command, Entry, Record, Resolution};
use crate::doses::prn::Taking;

impl Record {
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

    /// Whether the newest thing that holds is that the same person said just this. Notes change nothing, so that what was said
    /// before one is still the newest.
    pub fn said_last(&self, command: &Command) -> bool {
        let is_note = |act: &Act| matches!(act, Act::Note { .. });
        let holding = self.holding();
        let newest = holding.into_iter().rev().find(|entry| is_note(&entry.command.act) == is_note(&command.act));
        newest.is_some_and(|entry| entry.command.act == command.act && entry.command.by == command.by)
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
    pub(super) fn holding(&self) -> Vec<&Entry> {
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
