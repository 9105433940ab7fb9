//! What happens to a condition, and what is to be done then.

use jiff::{SignedDuration, Timestamp};

use crate::alerts::{Severity, judge::Finding, ladder::Step};

/// What happens to a condition.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A reading was measured then.
    Judged {
        finding: Finding,
        at: Timestamp,
        symptom: bool,
    },
    /// A reading that was measured then says something else by now, or nothing; the newest one that is left says this.
    Corrected {
        touched_at: Timestamp,
        newest: Option<(Finding, Timestamp)>,
        /// A limit compares the newest one with earlier ones, so that it may say something else, too.
        looks_back: bool,
    },
    /// The resident has symptoms, said after a severe reading that was not repeated yet, or not in time.
    Symptom,
    /// The newest reading was measured then, and the next is expected within this.
    Heard {
        at: Timestamp,
        within: SignedDuration,
        severity: Severity,
    },
    /// The hub has begun: what could not reach it meanwhile gets this long to arrive.
    Started {
        grace: SignedDuration,
    },
    /// Nobody said that this dose of a critical medicine was taken, and it is late (urgent) or missed (critical).
    NotTaken {
        severity: Severity,
    },
    /// Somebody said what became of the dose.
    Settled,
    Acknowledged,
    Snoozed {
        until: Timestamp,
    },
    /// Nothing watches for it any more.
    Lifted,
    /// Time has passed.
    Time,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    AskRepeat {
        severity: Severity,
        from: Timestamp,
        until: Timestamp,
    },
    /// Nobody is told before the snooze of the one before is over, if this is not worse.
    Open {
        severity: Severity,
        cause: Cause,
        snoozed_until: Option<Timestamp>,
    },
    /// It is less bad, and not over.
    Ease {
        severity: Severity,
    },
    /// Somebody is told.
    Escalate {
        step: Step,
    },
    Acknowledge,
    Snooze {
        until: Timestamp,
    },
    Clear {
        because: Because,
    },
}

/// Why an alert opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// As many readings as the limit asks for.
    Limit,
    /// A severe reading with a symptom.
    Symptom,
    /// A severe reading that was not repeated in time.
    Unrepeated,
    /// Nothing was measured for too long.
    NoData,
    /// A dose of a critical medicine was not taken in time.
    NotTaken,
}

/// Why an alert is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Because {
    /// What was measured is well inside the limit, or something was measured again, or the dose was taken or skipped.
    Over,
    /// It got worse; another one opens.
    Worsened,
    /// Its limit is gone, or the plan that asked for the dose.
    LimitsChanged,
}

impl Cause {
    pub fn name(self) -> &'static str {
        match self {
            Self::Limit => "limit",
            Self::Symptom => "symptom",
            Self::Unrepeated => "unrepeated",
            Self::NoData => "no_data",
            Self::NotTaken => "not_taken",
        }
    }
}

impl Because {
    pub fn name(self) -> &'static str {
        match self {
            Self::Over => "over",
            Self::Worsened => "worsened",
            Self::LimitsChanged => "limits_changed",
        }
    }
}
