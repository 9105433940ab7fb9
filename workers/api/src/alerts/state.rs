//! One condition of one resident, and what follows from what happens to it: (state, event, now) → (state, actions).
//!
//! ```text
//!            severe, first          severe again, or a symptom
//!   quiet ─────────────► repeat ───────────────────────► open ── acknowledged, snoozed ──► open, and nobody is told
//!     │                    └── not repeated in time: open as a warning ──┘   │
//!     └── as many readings in a row as the limit asks for ──────────► open ──┴── well inside the limit ──► quiet
//! ```
//!
//! An alert that gets worse is closed and opened anew, so that an acknowledged one never goes on by itself.

mod happening;
mod reading;
#[cfg(test)]
mod tests;
mod time;

use jiff::{SignedDuration, Timestamp};
use kit::Home;
use serde::{Deserialize, Serialize};

pub use self::happening::{Action, Because, Cause, Event};
use super::{Direction, Severity, ladder::Ladder};

/// A repeat is asked for after this rest. Readings that are closer together are one.
pub const REST: SignedDuration = SignedDuration::from_mins(1);
/// Until then it has to be there.
pub const REPEAT_WITHIN: SignedDuration = SignedDuration::from_mins(5);
/// A reading that is older when it arrives raises nothing: it is history.
pub const RAISES_WITHIN: SignedDuration = SignedDuration::from_hours(24);
/// What a severe reading comes to that nobody repeated: somebody should look.
const UNREPEATED: Severity = Severity::Warn;

/// Where a condition stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// When it was looked at last, by the clock of that moment.
    pub at: Timestamp,
    /// When the newest reading was measured that was judged.
    pub judged_at: Option<Timestamp>,
    /// When the newest reading was measured that counts in a row.
    pub counted_at: Option<Timestamp>,
    /// How many readings in a row were as bad as this, or worse.
    pub in_a_row: [u32; 4],
    pub repeat: Option<Repeat>,
    /// The one that nobody repeated in time, until something else is measured.
    pub unrepeated: Option<Repeat>,
    pub silence: Option<Silence>,
    pub snooze: Option<Snooze>,
    pub open: Option<Open>,
}

/// Rest and a repeat are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Repeat {
    pub severity: Severity,
    /// When the first reading was measured.
    pub first_at: Timestamp,
    pub until: Timestamp,
}

/// The next reading is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Silence {
    /// When the newest reading was measured.
    pub heard_at: Timestamp,
    pub until: Timestamp,
    pub severity: Severity,
}

/// Nobody is told for a while.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snooze {
    pub until: Timestamp,
    /// What was known when it was snoozed; anything worse ends it.
    pub severity: Severity,
}

/// An alert is open.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Open {
    pub severity: Severity,
    /// The severity with which it opened; that decides about its ladder.
    pub opened_as: Severity,
    /// How many steps of the ladder were taken.
    pub taken: u32,
    /// When the last one was, or when it opened.
    pub last_at: Timestamp,
    pub acknowledged: bool,
}

/// What a resident's conditions have in common.
#[derive(Clone, Copy)]
pub struct Policy<'a> {
    pub ladder: &'a Ladder,
    pub direction: Direction,
    pub home: &'a Home,
}

impl State {
    /// What follows from an event, and from the time that has passed.
    pub fn step(mut self, event: Event, policy: &Policy<'_>, now: Timestamp) -> (Self, Vec<Action>) {
        self.follow_clock(now);
        let mut actions = Vec::new();
        match event {
            Event::Judged { finding, at, symptom } => self.judged(&finding, at, symptom, now, &mut actions),
            Event::Corrected { touched_at, newest, looks_back } => {
                self.corrected(touched_at, newest, looks_back, now, &mut actions);
            }
            Event::Symptom => self.symptom(now, &mut actions),
            Event::Heard { at, within, severity } => self.heard(at, within, severity, now, &mut actions),
            Event::Started { grace } => self.started(now + grace),
            Event::NotTaken { severity } => self.not_taken(severity, now, &mut actions),
            Event::Settled => self.clear(Because::Over, &mut actions),
            Event::Acknowledged => self.acknowledged(&mut actions),
            Event::Snoozed { until } => self.snoozed(until, &mut actions),
            Event::Lifted => self.lifted(&mut actions),
            Event::Time => {}
        }
        self.time(policy, now, &mut actions);
        (self, actions)
    }

    /// Whether a symptom that is ticked now would alarm somebody.
    pub fn waits_for_symptom(&self) -> bool {
        self.repeat.or(self.unrepeated).is_some()
    }

    /// When it has to be looked at again if nothing happens before.
    pub fn deadline(&self, policy: &Policy<'_>) -> Option<Timestamp> {
        let repeat = self.repeat.map(|repeat| repeat.until);
        let silence = self.silence.filter(|_| self.open.is_none()).map(|silence| silence.until);
        let ladder = self.next_step(policy, self.at).map(|(_, due)| due);
        [repeat, silence, ladder].into_iter().flatten().min()
    }

    /// A missed dose is worse than a late one: who acknowledged that it was late is told anew.
    fn not_taken(&mut self, severity: Severity, now: Timestamp, actions: &mut Vec<Action>) {
        if self.open.is_none_or(|open| open.severity < severity) {
            self.open(severity, Cause::NotTaken, now, actions);
        }
    }

    fn acknowledged(&mut self, actions: &mut Vec<Action>) {
        if let Some(open) = self.open.as_mut().filter(|open| !open.acknowledged) {
            open.acknowledged = true;
            actions.push(Action::Acknowledge);
        }
    }

    fn snoozed(&mut self, until: Timestamp, actions: &mut Vec<Action>) {
        if let Some(open) = self.open {
            self.snooze = Some(Snooze { until, severity: open.severity });
            actions.push(Action::Snooze { until });
        }
    }

    fn lifted(&mut self, actions: &mut Vec<Action>) {
        (self.repeat, self.unrepeated, self.silence, self.in_a_row) = (None, None, None, [0; 4]);
        self.clear(Because::LimitsChanged, actions);
    }

    fn open(&mut self, severity: Severity, cause: Cause, now: Timestamp, actions: &mut Vec<Action>) {
        if self.open.is_some() {
            self.clear(Because::Worsened, actions);
        }
        self.snooze = self.snooze.filter(|snooze| severity <= snooze.severity);
        self.open = Some(Open { severity, opened_as: severity, taken: 0, last_at: now, acknowledged: false });
        let snoozed_until = self.snooze.map(|snooze| snooze.until);
        actions.push(Action::Open { severity, cause, snoozed_until });
    }

    /// To what still holds, if that is less than before.
    fn ease(&mut self, holds: Option<Severity>, actions: &mut Vec<Action>) {
        match (holds, &mut self.open) {
            (None, Some(_)) => self.clear(Because::Over, actions),
            (Some(severity), Some(open)) if severity < open.severity => {
                open.severity = severity;
                actions.push(Action::Ease { severity });
            }
            (_, _) => {}
        }
    }

    fn clear(&mut self, because: Because, actions: &mut Vec<Action>) {
        if self.open.take().is_some() {
            actions.push(Action::Clear { because });
        }
    }
}
