//! Which copies are kept. Pure: names and files are somebody else's.

use std::{collections::BTreeSet, str::FromStr};

use jiff::{Timestamp, civil::Date, tz::TimeZone};

/// How many are kept whatever their day: copies that are made by hand one after the other do not replace each other.
const LAST: usize = 3;
/// For how many of the last days that have a copy, one is kept.
const DAILY: usize = 7;
/// For how many of the last weeks.
const WEEKLY: usize = 4;
/// For how many of the last months: with these, a year back.
const MONTHLY: usize = 12;

/// How many copies are kept: the last ones, and of each of the last so many days, weeks and months that have any, the newest one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    pub last: usize,
    pub daily: usize,
    pub weekly: usize,
    pub monthly: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { last: LAST, daily: DAILY, weekly: WEEKLY, monthly: MONTHLY }
    }
}

/// Why a budget is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no budget of copies: write it like \"3 last, 7 daily, 4 weekly, 12 monthly\"")]
pub struct NoBudget(String);

impl FromStr for Budget {
    type Err = NoBudget;

    /// `3 last, 7 daily, 4 weekly, 12 monthly`. What is not named is not kept for its own sake.
    fn from_str(text: &str) -> Result<Self, NoBudget> {
        let none = || NoBudget(text.to_owned());
        let mut budget = Self { last: 0, daily: 0, weekly: 0, monthly: 0 };
        for part in text.split(',') {
            let (count, period) = part.trim().split_once(' ').ok_or_else(none)?;
            let count = count.parse().map_err(|_| none())?;
            match period.trim() {
                "last" => budget.last = count,
                "daily" => budget.daily = count,
                "weekly" => budget.weekly = count,
                "monthly" => budget.monthly = count,
                _ => return Err(none()),
            }
        }
        Ok(budget)
    }
}

/// The copies that are not kept, of these times. Days are the home's. The newest one is always kept.
pub fn to_remove(copies: &[Timestamp], zone: &TimeZone, budget: Budget) -> Vec<Timestamp> {
    let newest_first: BTreeSet<_> = copies.iter().map(|at| std::cmp::Reverse(*at)).collect();
    let newest_first: Vec<_> = newest_first.into_iter().map(|at| (at.0, zone.to_datetime(at.0).date())).collect();
    let mut kept: BTreeSet<_> = newest_first.iter().take(budget.last.max(1)).map(|(at, _)| *at).collect();
    kept.extend(newest_of_each(&newest_first, budget.daily, |day| {
        (i32::from(day.year()), i32::from(day.day_of_year()))
    }));
    kept.extend(newest_of_each(&newest_first, budget.weekly, |day| {
        let week = day.iso_week_date();
        (i32::from(week.year()), i32::from(week.week()))
    }));
    kept.extend(newest_of_each(&newest_first, budget.monthly, |day| (i32::from(day.year()), i32::from(day.month()))));
    newest_first.into_iter().map(|(at, _)| at).filter(|at| !kept.contains(at)).collect()
}

/// The newest copy of each of the newest `most` periods that have one.
fn newest_of_each(
    newest_first: &[(Timestamp, Date)],
    most: usize,
    period: impl Fn(Date) -> (i32, i32),
) -> Vec<Timestamp> {
    let mut seen = BTreeSet::new();
    newest_first.iter().filter(|(_, day)| seen.insert(period(*day))).map(|(at, _)| *at).take(most).collect()
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan;
    use proptest::prelude::*;

    use super::*;

    fn nights(count: i64) -> Vec<Timestamp> {
        let last: Timestamp = "2031-12-31T03:00:00Z".parse().unwrap();
        (0..count).map(|back| last - (24 * back).hours()).collect()
    }

    fn kept(copies: &[Timestamp], budget: Budget) -> Vec<String> {
        let removed = to_remove(copies, &TimeZone::UTC, budget);
        let kept = copies.iter().filter(|at| !removed.contains(at));
        kept.map(|at| at.to_string()[..10].to_owned()).collect()
    }

    #[test]
    fn after_a_year_there_are_days_weeks_and_months() {
        let kept = kept(&nights(365), Budget::default());
        assert_eq!(
            kept[..7],
            ["2031-12-31", "2031-12-30", "2031-12-29", "2031-12-28", "2031-12-27", "2031-12-26", "2031-12-25"]
        );
        // Sundays, of which the last one is among the days already; then the last of each month.
        assert_eq!(kept[7..11], ["2031-12-21", "2031-12-14", "2031-11-30", "2031-10-31"]);
        assert_eq!((kept.len(), kept.last().unwrap().as_str()), (20, "2031-01-31"));
    }

    #[test]
    fn several_of_one_day_count_once_and_a_pause_costs_nothing() {
        let day: Vec<Timestamp> = (0..9).map(|hour| format!("2031-05-01T0{hour}:00:00Z").parse().unwrap()).collect();
        assert_eq!(kept(&day, Budget::default()).len(), 3, "the last ones");
        assert_eq!(kept(&day, Budget { last: 1, ..Budget::default() }).len(), 1);
        let old: Vec<Timestamp> = nights(3).into_iter().map(|at| at - (24 * 700).hours()).collect();
        let both = [nights(3), old].concat();
        assert!(to_remove(&both, &TimeZone::UTC, Budget::default()).is_empty(), "fewer than the budget are all kept");
    }

    #[test]
    fn a_budget_is_written_in_words() {
        assert_eq!("3 last, 7 daily, 4 weekly, 12 monthly".parse(), Ok(Budget::default()));
        assert_eq!("30 daily".parse(), Ok(Budget { last: 0, daily: 30, weekly: 0, monthly: 0 }));
        for bad in ["", "7", "daily", "-1 daily", "7 hourly", "7 daily 4 weekly"] {
            assert_eq!(bad.parse::<Budget>(), Err(NoBudget(bad.into())), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn the_newest_stays_nothing_is_removed_twice_and_the_budget_is_kept(hours in prop::collection::vec(0_i64..20_000, 0..200)) {
            let first: Timestamp = "2031-01-01T00:00:00Z".parse().unwrap();
            let copies: Vec<_> = hours.iter().map(|hour| first + hour.hours()).collect();
            let distinct: BTreeSet<_> = copies.iter().copied().collect();
            let budget = Budget::default();
            let removed = to_remove(&copies, &TimeZone::UTC, budget);
            let kept: BTreeSet<_> = distinct.iter().copied().filter(|at| !removed.contains(at)).collect();
            prop_assert_eq!(kept.len() + removed.len(), distinct.len());
            prop_assert!(kept.len() <= budget.last + budget.daily + budget.weekly + budget.monthly);
            prop_assert_eq!(kept.last(), distinct.last());
            let kept: Vec<_> = kept.into_iter().collect();
            prop_assert!(to_remove(&kept, &TimeZone::UTC, budget).is_empty(), "what is kept is kept again");
        }
    }
}
