//! Appointments: what they are, when they are, what collides with what. Pure: no clock, no database.
//!
//! ```text
//!   body ──► change (checked fields) ──► content ──► agenda (series become visits) ──► conflicts
//! ```

pub mod agenda;
pub mod change;
pub mod conflicts;
pub mod content;
pub mod moment;
pub mod recurrence;
pub mod split;
pub mod status;

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use kit::Home;

use self::{
    content::Content,
    moment::Moment,
    recurrence::{Rule, Series, rule::RuleError},
};

/// An appointment as it is kept; of a series, what all of its visits have in common.
#[derive(Clone, Debug, PartialEq)]
pub struct Appointment {
    pub compat_id: i64,
    pub id: String,
    pub subject: i64,
    pub content: Content,
    /// When it begins, or the first of its series does.
    pub starts: Moment,
    pub ends: Option<Moment>,
    /// Where the clock is by which it was made.
    pub zone: String,
    pub version: i64,
    pub recorded_at: Timestamp,
    pub updated_at: Timestamp,
}

/// One visit of a series that is not as the series has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Edit {
    pub compat_id: i64,
    pub id: String,
    /// The series, by its `compat_id`.
    pub appointment: i64,
    /// The date that the rule gives it (RECURRENCE-ID).
    pub date: Date,
    /// What is different: fields of [`Content`], as a merge patch (RFC 7396).
    pub changes: serde_json::Map<String, serde_json::Value>,
    /// Taken out of the series (EXDATE).
    pub removed: bool,
    pub version: i64,
}

impl Edit {
    /// When the visit begins now, if it was moved.
    pub fn moved_to(&self) -> Option<&str> {
        self.changes.get("starts_at").and_then(|at| at.as_str())
    }
}

impl Appointment {
    /// The rule of a series. One that cannot be read makes none: the appointment is then there once, at its own time.
    pub fn rule(&self) -> Option<Result<Rule, RuleError>> {
        let text = self.content.recurrence_rule.as_deref().filter(|_| self.content.is_recurring)?;
        Some(Rule::read(text))
    }

    /// The series, without the visits that were taken out of it.
    pub fn series(&self, edits: &[&Edit], home: &Home) -> Option<Series> {
        let zone = self.zone(home);
        Some(Series {
            rule: self.rule()?.ok()?,
            clock: self.starts.on_the_clock(self.content.all_day, &zone),
            first: self.starts.at,
            zone,
            all_day: self.content.all_day,
            without: edits.iter().filter(|edit| edit.removed).map(|edit| edit.date).collect(),
        })
    }

    /// Where its clock is.
    pub fn zone(&self, home: &Home) -> TimeZone {
        Home::of_name(&self.zone).unwrap_or_else(|| home.clone()).zone().clone()
    }
}
