//! As needed: whether another one may be taken, and when. The answer is information; what was taken is recorded in any case.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use super::{
    Key, Occurrence, Plan, Record,
    plan::{Prn, Rule},
    state::later,
};

/// The length of the window in which doses are counted: any 24 hours, not a calendar day.
pub const WINDOW: SignedDuration = SignedDuration::from_hours(24);
/// Sums of amounts may differ by this much and still be the same: 0.1 mL has no exact binary form.
const SAME_AMOUNT: f64 = 1e-9;

/// An amount that was really taken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Taking {
    pub at: Timestamp,
    /// In the medicine's own unit.
    pub amount: f64,
}

/// When another amount may be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextSafe {
    Now,
    At(Timestamp),
    /// The amount alone is more than a day allows.
    Never,
}

/// What was taken in the last 24 hours, and what may follow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Standing {
    pub doses: u32,
    pub amount: f64,
    /// Doses that the maximum leaves for now; none without a maximum.
    pub doses_left: Option<u32>,
    pub next_safe: NextSafe,
}

/// Where things stand at `now` for somebody who wants to take `amount`. `takings` are all of this medicine, planned ones too, in
/// any order; one from the future (a clock was wrong) is waited for.
pub fn standing(prn: &Prn, takings: &[Taking], amount: f64, now: Timestamp) -> Standing {
    let recent = || takings.iter().filter(|taking| in_window(taking, now));
    let doses = u32::try_from(recent().count()).unwrap_or(u32::MAX);
    Standing {
        doses,
        // Not `sum`: that of nothing is -0.
        amount: recent().fold(0.0, |sum, taking| sum + taking.amount),
        doses_left: prn.most_doses.map(|most| most.saturating_sub(doses)),
        next_safe: next_safe(prn, takings, amount, now),
    }
}

/// From `now` on, the first instant at which taking `amount` keeps the gap and both maxima.
pub fn next_safe(prn: &Prn, takings: &[Taking], amount: f64, now: Timestamp) -> NextSafe {
    if prn.most_doses == Some(0) || prn.most_amount.is_some_and(|most| amount > most + SAME_AMOUNT) {
        return NextSafe::Never;
    }
    let gap = i64::from(prn.minimum_gap_minutes);
    let mut at = takings.iter().map(|taking| later(taking.at, gap)).fold(now, Timestamp::max);
    // Each round waits until the oldest dose in the window has left it, so there are no more rounds than doses.
    while !has_room(prn, takings, amount, at) {
        let oldest = takings.iter().filter(|taking| in_window(taking, at)).map(|taking| taking.at).min();
        let Some(leaves) = oldest.and_then(|oldest| oldest.checked_add(WINDOW).ok()) else { return NextSafe::Never };
        at = leaves;
    }
    if at == now { NextSafe::Now } else { NextSafe::At(at) }
}

/// Why an amount is not to be taken then, for the one who asks.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Unsafe {
    #[error(
        "this medicine is not to be taken as needed now: it is not prescribed so, not at this date, or was stopped. If it was really taken, say why in override_reason"
    )]
    NotAsNeeded,
    #[error(
        "{amount} is more than may be taken as needed then ({}). Doses in the 24 hours before: {doses}, their amount: {taken}; {}. If it was really taken, say why in override_reason",
        .bounds.in_words(), .next_safe.in_words()
    )]
    Bounds { amount: f64, bounds: Prn, doses: u32, taken: f64, next_safe: NextSafe },
}

/// Whether an amount may be taken, or was taken, at `at`, beside all that was taken before and after it: the gap is kept on both
/// sides, and any 24 hours have room. If not, the error says when the next one is safe from `now` on.
pub fn check(prn: &Prn, takings: &[Taking], amount: f64, at: Timestamp, now: Timestamp) -> Result<(), Unsafe> {
    let gap = SignedDuration::from_mins(i64::from(prn.minimum_gap_minutes));
    let apart = takings.iter().all(|taking| taking.at.duration_since(at).abs() >= gap);
    let later = takings.iter().map(|taking| taking.at).filter(|end| at < *end && end.duration_since(at) < WINDOW);
    let fits = std::iter::once(at).chain(later).all(|end| has_room(prn, takings, amount, end));
    if apart && fits {
        return Ok(());
    }
    let before = standing(prn, takings, amount, at);
    let next_safe = next_safe(prn, takings, amount, now);
    Err(Unsafe::Bounds { amount, bounds: *prn, doses: before.doses, taken: before.amount, next_safe })
}

impl Prn {
    fn in_words(&self) -> String {
        let doses = self.most_doses.map(|most| format!("at most {most} doses in any 24 hours"));
        let amount = self.most_amount.map(|most| format!("an amount of at most {most} in any 24 hours"));
        let gap = (self.minimum_gap_minutes > 0)
            .then(|| format!("at least {} minutes between two doses", self.minimum_gap_minutes));
        [gap, doses, amount].into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

impl NextSafe {
    fn in_words(self) -> String {
        match self {
            Self::Now => "one that is taken now is safe".into(),
            Self::At(at) => format!("the next one is safe from {:.0} on", whole_second(at)),
            Self::Never => "so much is never safe".into(),
        }
    }
}

/// Everything that was taken of a medicine, planned or as needed, oldest first.
pub fn takings(records: &[Record], medication: &str) -> Vec<Taking> {
    let of_it = records.iter().filter(|record| record.medication == medication);
    let mut takings: Vec<Taking> = of_it.flat_map(Record::takings).collect();
    takings.sort_by_key(|taking| taking.at);
    takings
}

/// The dose that is about to be taken as needed at `at`, under a key that no record has yet. Whoever repeats a command must be
/// told so before ([`record_of`]), or it is another dose.
pub fn occurrence(
    plan: &Plan,
    rule: &Rule,
    records: &[Record],
    zone: &TimeZone,
    at: Timestamp,
    amount: f64,
) -> Occurrence {
    let date = zone.to_datetime(at).date();
    let used = records.iter().filter(|record| record.key.rule == rule.id && record.key.date == date);
    let slot = used.map(|record| record.key.slot + 1).max().unwrap_or(0);
    Occurrence {
        key: Key { rule: rule.id.clone(), date, slot },
        medication: plan.medication.clone(),
        due_at: at,
        amount,
        policy: plan.policy.clone(),
        provisional: false,
    }
}

/// A new record for [`occurrence`]: nobody was asked to take it.
pub fn record(occurrence: &Occurrence) -> Record {
    Record { as_needed: true, ..Record::of(occurrence) }
}

/// The record that a command changed, if it was done before.
pub fn record_of<'a>(records: &'a [Record], command_id: &str) -> Option<&'a Record> {
    records.iter().find(|record| record.entry(command_id).is_some())
}

/// The first whole second from then on: who comes at the time that was named is not sent away again.
fn whole_second(at: Timestamp) -> Timestamp {
    let beyond = i64::from(at.subsec_nanosecond() != 0);
    Timestamp::from_second(at.as_second() + beyond).unwrap_or(at)
}

fn has_room(prn: &Prn, takings: &[Taking], amount: f64, at: Timestamp) -> bool {
    let recent = || takings.iter().filter(|taking| in_window(taking, at));
    let doses_fit = prn.most_doses.is_none_or(|most| recent().count() < most as usize);
    let taken: f64 = recent().map(|taking| taking.amount).sum();
    doses_fit && prn.most_amount.is_none_or(|most| taken + amount <= most + SAME_AMOUNT)
}

/// Whether it was taken within the 24 hours that end then; what is exactly 24 hours old has left.
fn in_window(taking: &Taking, end: Timestamp) -> bool {
    taking.at <= end && end.duration_since(taking.at) < WINDOW
}
