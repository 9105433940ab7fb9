//! What a dose is at an instant: upcoming → due → (snoozed) → taken | taken late | skipped | missed.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::{Occurrence, Policy, Record, record::Resolution};

/// As it is written on the wire and in tables: `upcoming`, `taken_late`, ….
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DoseState {
    Upcoming,
    Due,
    Snoozed,
    Taken,
    TakenLate,
    Skipped,
    Missed,
}

impl DoseState {
    pub fn name(self) -> &'static str {
        match self {
            Self::Upcoming => "upcoming",
            Self::Due => "due",
            Self::Snoozed => "snoozed",
            Self::Taken => "taken",
            Self::TakenLate => "taken_late",
            Self::Skipped => "skipped",
            Self::Missed => "missed",
        }
    }
}

/// What the dose is now. A record is judged by its own due time and policy: those that held when it began.
pub fn of(occurrence: &Occurrence, record: Option<&Record>, now: Timestamp) -> DoseState {
    record.map_or_else(|| unsaid(&occurrence.policy, occurrence.due_at, None, now), |record| of_record(record, now))
}

/// The same, of a dose that has a record.
pub fn of_record(record: &Record, now: Timestamp) -> DoseState {
    match record.resolution() {
        Some(Resolution::Taken { .. }) if record.as_needed => DoseState::Taken,
        Some(Resolution::Taken { at, .. }) if at > record.policy.late_at(record.due_at) => DoseState::TakenLate,
        Some(Resolution::Taken { .. }) => DoseState::Taken,
        Some(Resolution::Skipped { .. }) => DoseState::Skipped,
        None => unsaid(&record.policy, record.due_at, record.snoozed_until(), now),
    }
}

/// Whether nothing was said of it and its grace is over: due, snoozed or missed.
pub fn is_late(occurrence: &Occurrence, record: Option<&Record>, now: Timestamp) -> bool {
    let (policy, due_at) =
        record.map_or((&occurrence.policy, occurrence.due_at), |record| (&record.policy, record.due_at));
    match of(occurrence, record, now) {
        DoseState::Due | DoseState::Snoozed | DoseState::Missed => policy.late_at(due_at) <= now,
        DoseState::Upcoming | DoseState::Taken | DoseState::TakenLate | DoseState::Skipped => false,
    }
}

fn unsaid(policy: &Policy, due_at: Timestamp, snoozed_until: Option<Timestamp>, now: Timestamp) -> DoseState {
    if policy.missed_at(due_at) <= now {
        DoseState::Missed
    } else if snoozed_until.is_some_and(|until| now < until) {
        DoseState::Snoozed
    } else if due_at <= now {
        DoseState::Due
    } else {
        DoseState::Upcoming
    }
}

impl Policy {
    /// From when on it may be taken without asking back.
    pub fn earliest(&self, due_at: Timestamp) -> Timestamp {
        later(due_at, -i64::from(self.early_minutes))
    }

    /// When an unsaid dose is late. Taken at that instant it is still on time.
    pub fn late_at(&self, due_at: Timestamp) -> Timestamp {
        later(due_at, i64::from(self.grace_minutes))
    }

    /// When an unsaid dose is missed; never before it is late.
    pub fn missed_at(&self, due_at: Timestamp) -> Timestamp {
        later(due_at, i64::from(self.missed_after_minutes.max(self.grace_minutes)))
    }
}

pub(super) fn later(at: Timestamp, minutes: i64) -> Timestamp {
    at.saturating_add(SignedDuration::from_mins(minutes)).unwrap_or(at)
}
