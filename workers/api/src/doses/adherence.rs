//! How many of the doses that were due were taken. Every due dose counts, also one of which nobody said anything; those taken
//! as needed do not.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use serde::Serialize;

use super::{DoseState, Key, Occurrence, Plan, Record, occurrence::on_dates, state};

/// Counted doses. `due` is the sum of the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    pub due: u32,
    /// On time.
    pub taken: u32,
    pub taken_late: u32,
    pub skipped: u32,
    pub missed: u32,
    /// Nothing was said yet, the grace is over, and it is not missed yet.
    pub late: u32,
    /// Nothing was said yet, and there is still time.
    pub pending: u32,
}

/// Counted over some of the resident's dates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Adherence {
    pub total: Tally,
    /// Every date of the range.
    pub by_day: BTreeMap<Date, Tally>,
    /// By [`Plan::medication`]; those of which something was due.
    pub by_medication: BTreeMap<String, Tally>,
}

/// A planned dose beside what was said of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed<'a> {
    /// Of a dose whose rule is gone, made of its record.
    pub occurrence: Occurrence,
    pub record: Option<&'a Record>,
}

/// The doses of these dates (both included) by due time, then key: what the plans ask for, and what was recorded although they
/// do not ask for it any more. As needed is not among it.
pub fn listed<'a>(plans: &[Plan], records: &'a [Record], zone: &TimeZone, first: Date, last: Date) -> Vec<Listed<'a>> {
    let by_key: BTreeMap<&Key, &Record> = records.iter().map(|record| (&record.key, record)).collect();
    let asked = on_dates(plans, records, zone, first, last);
    let asked_keys: BTreeSet<Key> = asked.iter().map(|occurrence| occurrence.key.clone()).collect();
    let kept = records.iter().filter(|record| {
        // That it was late is a fact too: a changed plan does not undo it.
        let says_something = record.resolution().is_some() || record.late_at.or(record.missed_at).is_some();
        let in_range = first <= record.key.date && record.key.date <= last;
        in_range && says_something && !record.as_needed && !asked_keys.contains(&record.key)
    });
    let mut listed: Vec<Listed<'a>> =
        kept.map(|record| Listed { occurrence: planned(record), record: Some(record) }).collect();
    listed.extend(asked.into_iter().map(|occurrence| {
        let record = by_key.get(&occurrence.key).copied();
        Listed { occurrence, record }
    }));
    listed.sort_by(|one, other| {
        (one.occurrence.due_at, &one.occurrence.key).cmp(&(other.occurrence.due_at, &other.occurrence.key))
    });
    listed
}

/// Counts the doses of these dates, both included, that are due by now, or of which something was said before.
pub fn adherence(
    plans: &[Plan],
    records: &[Record],
    zone: &TimeZone,
    (first, last): (Date, Date),
    now: Timestamp,
) -> Adherence {
    let dates = first.series(1.day()).take_while(|date| *date <= last);
    let mut adherence =
        Adherence { by_day: dates.map(|date| (date, Tally::default())).collect(), ..Adherence::default() };
    for dose in listed(plans, records, zone, first, last) {
        if dose.occurrence.provisional {
            continue;
        }
        let state = state::of(&dose.occurrence, dose.record, now);
        let late = state::is_late(&dose.occurrence, dose.record, now);
        adherence.total.count(state, late);
        adherence.by_day.entry(dose.occurrence.key.date).or_default().count(state, late);
        if state != DoseState::Upcoming {
            adherence.by_medication.entry(dose.occurrence.medication).or_default().count(state, late);
        }
    }
    adherence
}

impl Tally {
    /// Taken of due, in per cent; none if nothing was due.
    pub fn taken_percent(&self) -> Option<f64> {
        (self.due > 0).then(|| f64::from(self.taken + self.taken_late) * 100.0 / f64::from(self.due))
    }

    fn count(&mut self, state: DoseState, late: bool) {
        let counter = match state {
            DoseState::Upcoming => return,
            DoseState::Due | DoseState::Snoozed if late => &mut self.late,
            DoseState::Due | DoseState::Snoozed => &mut self.pending,
            DoseState::Taken => &mut self.taken,
            DoseState::TakenLate => &mut self.taken_late,
            DoseState::Skipped => &mut self.skipped,
            DoseState::Missed => &mut self.missed,
        };
        *counter += 1;
        self.due += 1;
    }
}

/// A dose as its record has it, whatever became of its rule.
pub fn planned(record: &Record) -> Occurrence {
    Occurrence {
        key: record.key.clone(),
        medication: record.medication.clone(),
        due_at: record.due_at,
        amount: record.amount,
        policy: record.policy.clone(),
        provisional: false,
    }
}
