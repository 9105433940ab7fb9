//! One planned dose, and all of them in a range.

use std::{collections::BTreeMap, fmt, str::FromStr};

use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};

use super::{
    Plan, Policy, Record, RuleId, days, elapsed, linked, local,
    plan::{Phase, Rule, Schedule},
};

/// What a dose is known by, for ever: unique, and the same however often it is computed. As text `rule/2031-01-31/0`.
///
/// The slot is the slot's number for clock rules; for elapsed ones the minutes since that local day began; for linked ones,
/// date and slot are those of the dose that it follows; as needed, the doses of the day are numbered ([`super::prn::key`]).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Key {
    pub rule: RuleId,
    /// The resident's date for which it is planned.
    pub date: Date,
    pub slot: u32,
}

/// A dose that the plan asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Occurrence {
    pub key: Key,
    /// [`Plan::medication`].
    pub medication: String,
    pub due_at: Timestamp,
    /// In the medicine's own unit.
    pub amount: f64,
    pub policy: Policy,
    /// Follows a dose that has not been taken yet, so it may never come: for forecasts only. Neither announced nor counted.
    pub provisional: bool,
}

/// A key that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} names no dose: it is written RULE/YYYY-MM-DD/SLOT")]
pub struct KeyError(String);

impl KeyError {
    pub(super) fn of(text: &str) -> Self {
        Self(text.into())
    }
}

/// Everything that these plans ask for with `from <= due_at < until`, by due time, then key. As needed is not among it.
///
/// What was taken or skipped under a rule that is retired is not among it either ([`listed`](super::adherence::listed) has it).
///
/// `records` are what is known of these plans' doses, in any order. Only two kinds of rule look at them: elapsed ones that follow
/// the last taken need those in the range and the newest before it, linked ones those of the doses that they follow.
pub fn within(
    plans: &[Plan],
    records: &[Record],
    zone: &TimeZone,
    from: Timestamp,
    until: Timestamp,
) -> Vec<Occurrence> {
    let asked = Asked { plans, records, zone, from, until };
    // By key, because a rule whose phases share a date asks for each dose once.
    let mut found = BTreeMap::new();
    for plan in plans {
        for phase in &plan.phases {
            for rule in &phase.rules {
                for dose in asked.of_rule(plan, phase, rule) {
                    let occurrence = plan_dose(plan, rule, dose);
                    found.entry(occurrence.key.clone()).or_insert(occurrence);
                }
            }
        }
    }
    let mut occurrences: Vec<_> = found.into_values().collect();
    occurrences.sort_by(|one, other| (one.due_at, &one.key).cmp(&(other.due_at, &other.key)));
    occurrences
}

/// Everything that these plans ask for on one of the resident's dates, by due time, then key.
pub fn on_date(plans: &[Plan], records: &[Record], zone: &TimeZone, date: Date) -> Vec<Occurrence> {
    on_dates(plans, records, zone, date, date)
}

/// As [`on_date`], for several dates, both ends included.
pub fn on_dates(plans: &[Plan], records: &[Record], zone: &TimeZone, first: Date, last: Date) -> Vec<Occurrence> {
    // What follows another dose, and what is planned for an hour that a day lacks, may be due on another date than its own.
    let from = local::start_of_day(zone, first.saturating_sub(1.day()));
    let until = local::start_of_day(zone, last.saturating_add(DATES_AFTER.days()));
    let mut occurrences = within(plans, records, zone, from, until);
    occurrences.retain(|occurrence| first <= occurrence.key.date && occurrence.key.date <= last);
    occurrences
}

/// How many dates after its own a dose may be due: a linked one follows by at most [`super::check::MOST_LINK_MINUTES`], a dose
/// that was itself taken a day late.
const DATES_AFTER: i64 = 4;

/// What is asked of the rules.
pub(super) struct Asked<'a> {
    pub plans: &'a [Plan],
    pub records: &'a [Record],
    pub zone: &'a TimeZone,
    pub from: Timestamp,
    pub until: Timestamp,
}

/// A dose of one rule.
pub(super) struct Dose {
    pub date: Date,
    pub slot: u32,
    pub due_at: Timestamp,
    pub amount: f64,
    pub provisional: bool,
}

impl Asked<'_> {
    pub fn contains(&self, at: Timestamp) -> bool {
        self.from <= at && at < self.until
    }

    /// The doses of one rule in one phase, within the range, in any order.
    pub fn of_rule(&self, plan: &Plan, phase: &Phase, rule: &Rule) -> Vec<Dose> {
        let mut doses = match &rule.schedule {
            Schedule::Clock { days, cycle, slots } => days::doses(self, phase, &days::Falls::new(days, *cycle), slots),
            Schedule::Elapsed { every_hours, first, anchor, window, amount } => {
                elapsed::doses(self, phase, rule, &elapsed::Every::new(*every_hours, *first, *anchor, *window, *amount))
            }
            Schedule::Linked { after, minutes, amount } => {
                linked::doses(self, (phase, &rule.id), after, *minutes, *amount)
            }
            Schedule::Prn(_) => Vec::new(),
        };
        doses.retain(|dose| rule.is_followed(dose.due_at, &plan.policy));
        doses
    }
}

fn plan_dose(plan: &Plan, rule: &Rule, dose: Dose) -> Occurrence {
    Occurrence {
        key: Key { rule: rule.id.clone(), date: dose.date, slot: dose.slot },
        medication: plan.medication.clone(),
        due_at: dose.due_at,
        amount: dose.amount,
        policy: plan.policy.clone(),
        provisional: dose.provisional,
    }
}

impl fmt::Display for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}/{}", self.rule, self.date, self.slot)
    }
}

impl FromStr for Key {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let read = || {
            let mut parts = text.rsplitn(3, '/');
            let (slot, date, rule) = (parts.next()?, parts.next()?, parts.next()?);
            let key = Self { rule: rule.into(), date: date.parse().ok()?, slot: slot.parse().ok()? };
            // One way of writing it only, or one dose would have two names.
            (!rule.is_empty() && key.to_string() == text).then_some(key)
        };
        read().ok_or_else(|| KeyError(text.into()))
    }
}

impl TryFrom<String> for Key {
    type Error = KeyError;

    fn try_from(text: String) -> Result<Self, KeyError> {
        text.parse()
    }
}

impl From<Key> for String {
    fn from(key: Key) -> Self {
        key.to_string()
    }
}
