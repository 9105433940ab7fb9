//! Series: a rule, and when its first one begins; out of it come the slots. Pure: the zone is handed in, there is no clock.
//!
//! A slot keeps the time of day on the clock of the place. Where daylight saving leaves that time out (half past two, in a
//! night of spring), the slot is as much later as the clock was put forward; where it is there twice, the first is meant.

mod dates;
pub mod rule;

use std::{collections::BTreeSet, ops::RangeInclusive};

use jiff::{
    Timestamp,
    civil::{Date, DateTime},
    tz::TimeZone,
};

use self::rule::End;
pub use self::rule::Rule;

/// How many slots an answer has at most: a year of days, as existing clients expect it.
pub const MOST_SLOTS: usize = 365;
/// How many slots begin on the dates of a span, and not in the span itself, at most: one on each day beside it.
const MARGIN: usize = 4;

/// A series.
#[derive(Clone, Debug)]
pub struct Series {
    pub rule: Rule,
    /// When the first one begins, as it was written on the clock: in the gap of spring this is no time at all.
    pub clock: DateTime,
    /// The instant at which it does.
    pub first: Timestamp,
    pub zone: TimeZone,
    pub all_day: bool,
    /// Dates that were taken out (EXDATE). A count counts them too.
    pub without: BTreeSet<Date>,
}

/// One of a series, as the rule has it. The date is its name for ever (RECURRENCE-ID), also when this one is moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slot {
    pub date: Date,
    pub starts_at: Timestamp,
}

impl Series {
    /// The slots that begin from `from` to `until`, both included: the first so many of them.
    pub fn slots(&self, from: Timestamp, until: Timestamp, most: usize) -> Vec<Slot> {
        // A day more on both sides: the one who asks for instants lives in another zone, perhaps.
        let date = |at: Timestamp| self.zone.to_datetime(at).date();
        let from_date = date(from).yesterday().unwrap_or(Date::MIN);
        let until_date = date(until).tomorrow().unwrap_or(Date::MAX);
        self.between(from_date..=until_date, most + MARGIN)
            .filter(|slot| slot.starts_at >= from && slot.starts_at <= until)
            .take(most)
            .collect()
    }

    /// The slot of that date, if there is one.
    pub fn slot(&self, date: Date) -> Option<Slot> {
        self.between(date..=date, 1).next()
    }

    /// How many slots there are before that date, also those that were taken out.
    pub fn count_before(&self, date: Date) -> u32 {
        let Ok(last) = date.yesterday() else { return 0 };
        let all = Self { without: BTreeSet::new(), ..self.clone() };
        let count = all.between(self.clock.date()..=last, usize::MAX).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    fn between(&self, span: RangeInclusive<Date>, most: usize) -> impl Iterator<Item = Slot> {
        dates::dates(&self.rule, self.clock.date(), &self.without, span, most)
            .into_iter()
            .map_while(|date| Some(Slot { date, starts_at: self.instant(date)? }))
            .take_while(|slot| self.goes_on(slot))
    }

    fn instant(&self, date: Date) -> Option<Timestamp> {
        if date == self.clock.date() {
            return Some(self.first);
        }
        Some(self.zone.to_zoned_datetime(date.to_datetime(self.clock.time())).ok()?.timestamp())
    }

    /// Whole days end with the date, whatever the zone.
    fn goes_on(&self, slot: &Slot) -> bool {
        match self.rule.end {
            End::Never | End::After(_) => true,
            End::On(end) if self.all_day => slot.date <= TimeZone::UTC.to_datetime(end).date(),
            End::On(end) => slot.starts_at <= end,
        }
    }
}

#[cfg(test)]
mod tests;
