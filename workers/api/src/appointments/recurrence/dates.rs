//! The dates of a rule. The only place that knows the crate rrule, and the chrono dates that it is made of.
//!
//! The crate is asked for dates only, at midnight UTC, where every midnight is there once: which instant a time of day is on
//! such a date, in the gap of spring or the overlap of autumn, is decided by whoever asks.

use std::{collections::BTreeSet, ops::RangeInclusive};

use chrono::{Datelike, TimeZone};
use jiff::{Span, ToSpan, civil::Date};
use rrule::{NWeekday, RRule, RRuleSet, Tz};

use super::rule::{End, Frequency, Rule};

/// The dates in `span`, at most so many, of a series that begins on `start`, without those that were taken out.
/// A count counts from the start, also what was taken out; an end on a date is left to the caller, who knows the time of day.
///
/// A month without the day, or a year without 29 February, is left out, as calendars do it (RFC 5545, 3.3.10).
pub fn dates(rule: &Rule, start: Date, without: &BTreeSet<Date>, span: RangeInclusive<Date>, most: usize) -> Vec<Date> {
    let Some(set) = near(rule, start, *span.start()).and_then(|near| set(rule, start, &near, without)) else {
        return Vec::new();
    };
    let dates = (&set).into_iter().map_while(of_chrono);
    dates.skip_while(|date| date < span.start()).take_while(|date| date <= span.end()).take(most).collect()
}

/// A later beginning of the same series.
struct Near {
    start: Date,
    count: Option<u32>,
}

/// The last beginning at or before `from` that needs no calendar to find, so that an old series costs no more than a new one;
/// `None` if its count is over by then.
fn near(rule: &Rule, start: Date, from: Date) -> Option<Near> {
    let step = i32::from(rule.interval);
    let (start, skipped) = match rule.frequency {
        Frequency::Daily => {
            let steps = days_between(start, from) / step;
            (start.checked_add((steps * step).days()).ok()?, steps)
        }
        Frequency::Weekly => {
            let steps = days_between(monday(start)?, monday(from)?) / (7 * step);
            let days = days(rule, start);
            let first_week = days.iter().filter(|day| **day >= start.weekday().to_monday_zero_offset()).count();
            match steps {
                0 => (start, 0),
                _ => {
                    let skipped = i32::try_from(first_week).ok()? + (steps - 1) * i32::try_from(days.len()).ok()?;
                    (monday(start)?.checked_add((steps * step * 7).days()).ok()?, skipped)
                }
            }
        }
        Frequency::Monthly | Frequency::Yearly => (start, 0),
    };
    let count = match rule.end {
        End::After(count) => Some(count.checked_sub(u32::try_from(skipped).ok()?).filter(|left| *left > 0)?),
        End::Never | End::On(_) => None,
    };
    Some(Near { start, count })
}

fn set(rule: &Rule, start: Date, near: &Near, without: &BTreeSet<Date>) -> Option<RRuleSet> {
    let frequency = match rule.frequency {
        Frequency::Daily => rrule::Frequency::Daily,
        Frequency::Weekly => rrule::Frequency::Weekly,
        Frequency::Monthly => rrule::Frequency::Monthly,
        Frequency::Yearly => rrule::Frequency::Yearly,
    };
    let mut asked = RRule::new(frequency).interval(rule.interval).week_start(rrule::Weekday::Mon);
    if rule.frequency == Frequency::Weekly {
        asked = asked.by_weekday(days(rule, start).into_iter().filter_map(weekday).map(NWeekday::Every).collect());
    }
    if let Some(count) = near.count {
        asked = asked.count(count);
    }
    let set = asked.build(to_chrono(near.start)?).ok()?;
    Some(without.iter().filter_map(|date| to_chrono(*date)).fold(set, RRuleSet::exdate))
}

/// The weekdays of a weekly rule, counted from Monday.
fn days(rule: &Rule, start: Date) -> Vec<i8> {
    let start = [start.weekday()];
    let days = if rule.days.is_empty() { &start[..] } else { &rule.days };
    days.iter().map(|day| day.to_monday_zero_offset()).collect()
}

fn weekday(from_monday: i8) -> Option<rrule::Weekday> {
    u8::try_from(from_monday).ok()?.try_into().ok()
}

fn monday(date: Date) -> Option<Date> {
    date.checked_sub(Span::new().days(i64::from(date.weekday().to_monday_zero_offset()))).ok()
}

/// 0 if `later` is not later.
fn days_between(date: Date, later: Date) -> i32 {
    (later - date).get_days().max(0)
}

fn to_chrono(date: Date) -> Option<chrono::DateTime<Tz>> {
    let (month, day) = (date.month().try_into().ok()?, date.day().try_into().ok()?);
    Tz::UTC.with_ymd_and_hms(date.year().into(), month, day, 0, 0, 0).single()
}

fn of_chrono(date: chrono::DateTime<Tz>) -> Option<Date> {
    Date::new(date.year().try_into().ok()?, date.month().try_into().ok()?, date.day().try_into().ok()?).ok()
}
