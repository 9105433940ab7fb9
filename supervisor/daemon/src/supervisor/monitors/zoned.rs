//! Cron patterns on the clock of a zone: when a pattern comes next, strictly after an instant.
//!
//! A pattern that names hours means times on the wall. When the clock goes back, each of them comes once, the first time
//! around; when it goes forward, what the gap swallowed comes right after it, once. A pattern for every hour goes by elapsed
//! time, as Vixie's cron has it: something that is due every quarter of an hour does not pause while the clock repeats one.

use std::cmp::Ordering;

use croner::errors::CronError;
use croner::parser::{CronParser, Seconds, Year};
use croner::{CivilDate, CivilDateTime, CivilTime, Cron, CronDateTime, Resolution, Weekday};
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp, ZonedDateTime};

const HOURS: u32 = 24;
/// The most times on the wall that are tried for one that is not over. Only those of an hour that is repeated are.
const MOST_TRIES: u32 = 2 * 60 * 60;

/// A pattern and the zone that it is meant in.
#[derive(Clone, Debug)]
pub struct Pattern {
    cron: Cron,
    every_hour: bool,
    zone: TimeZone,
}

impl Pattern {
    /// Five fields, or six with seconds first. The zone is an IANA name; else that of `TZ`, else the system's.
    ///
    /// # Errors
    /// In words, if the pattern or the zone is none.
    pub fn new(pattern: &str, zone: Option<&str>) -> Result<Self, String> {
        let parser = CronParser::builder().seconds(Seconds::Optional).year(Year::Disallowed).build();
        let cron = parser.parse(pattern).map_err(|error| format!("`{pattern}` is no cron pattern: {error}"))?;
        let every_hour = (0..HOURS).all(|hour| cron.pattern.hour_match(hour).unwrap_or(false));
        let zone = match zone {
            Some(name) => TimeZone::get(name).map_err(|_| format!("there is no time zone `{name}`"))?,
            None => TimeZone::system(),
        };
        Ok(Self { cron, every_hour, zone })
    }

    /// The first time after this one; `None` if there is none within the calendar.
    pub fn after(&self, now: Timestamp) -> Option<Timestamp> {
        if self.every_hour {
            let next =
                self.cron.find_next_occurrence(&OnClock(now.to_zoned_datetime(self.zone.clone())), false).ok()?;
            return Some(next.0.timestamp());
        }
        let mut wall = OnWall(self.zone.to_datetime(now));
        for _ in 0..MOST_TRIES {
            wall = self.cron.find_next_occurrence(&wall, false).ok()?;
            let instant = self.instant(wall.0)?;
            if instant > now {
                return Some(instant);
            }
        }
        None
    }

    /// When the wall shows this for the first time, or right after it would have.
    fn instant(&self, wall: DateTime) -> Option<Timestamp> {
        let ambiguous = self.zone.to_ambiguous_timestamp(wall);
        match ambiguous.offset() {
            AmbiguousOffset::Unambiguous { .. } => ambiguous.unambiguous().ok(),
            AmbiguousOffset::Fold { .. } => ambiguous.earlier().ok(),
            // Read with the later offset, it lies before the clock went forward.
            AmbiguousOffset::Gap { after, .. } => {
                let before = after.to_timestamp(wall).ok()?;
                self.zone.following(before).next().map(|change| change.timestamp())
            }
        }
    }
}

/// Times on a wall that no clock is set on.
#[derive(Clone, Copy)]
struct OnWall(DateTime);

impl CronDateTime for OnWall {
    fn to_civil(&self) -> CivilDateTime {
        civil(self.0)
    }

    fn civil_weekday(&self) -> Weekday {
        weekday(self.0)
    }

    fn resolve_civil(&self, civil: CivilDateTime) -> Result<Resolution<Self>, CronError> {
        datetime(civil).map(|datetime| Resolution::Single(Self(datetime)))
    }

    fn checked_add_seconds(&self, seconds: i64) -> Option<Self> {
        self.0.checked_add(SignedDuration::from_secs(seconds)).ok().map(Self)
    }

    fn cmp_instant(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}

/// Times on a clock that goes forward and back.
#[derive(Clone)]
struct OnClock(ZonedDateTime);

impl CronDateTime for OnClock {
    fn to_civil(&self) -> CivilDateTime {
        civil(self.0.datetime())
    }

    fn civil_weekday(&self) -> Weekday {
        weekday(self.0.datetime())
    }

    fn resolve_civil(&self, civil: CivilDateTime) -> Result<Resolution<Self>, CronError> {
        let ambiguous = self.0.time_zone().to_ambiguous_zoned_datetime(datetime(civil)?);
        let resolved = match ambiguous.offset() {
            AmbiguousOffset::Gap { .. } => return Ok(Resolution::Gap),
            AmbiguousOffset::Unambiguous { .. } => ambiguous.unambiguous().map(|one| Resolution::Single(Self(one))),
            AmbiguousOffset::Fold { .. } => match (ambiguous.clone().earlier(), ambiguous.later()) {
                (Ok(earlier), Ok(later)) => return Ok(Resolution::Ambiguous(Self(earlier), Self(later))),
                (Err(error), _) | (_, Err(error)) => Err(error),
            },
        };
        resolved.map_err(|_| CronError::InvalidTime)
    }

    fn checked_add_seconds(&self, seconds: i64) -> Option<Self> {
        self.0.checked_add(SignedDuration::from_secs(seconds)).ok().map(Self)
    }

    fn cmp_instant(&self, other: &Self) -> Ordering {
        self.0.timestamp().cmp(&other.0.timestamp())
    }
}

/// A date's or time's part is never negative.
fn part(part: i8) -> u32 {
    u32::from(part.unsigned_abs())
}

fn civil(at: DateTime) -> CivilDateTime {
    let date = CivilDate::from_parts_unchecked(i32::from(at.year()), part(at.month()), part(at.day()));
    CivilDateTime::new(date, CivilTime::from_parts_unchecked(part(at.hour()), part(at.minute()), part(at.second())))
}

fn weekday(at: DateTime) -> Weekday {
    Weekday::from_days_from_sunday(part(at.weekday().to_sunday_zero_offset()))
}

fn datetime(civil: CivilDateTime) -> Result<DateTime, CronError> {
    let part = |part: u32| i8::try_from(part).map_err(|_| CronError::InvalidDate);
    let year = i16::try_from(civil.year()).map_err(|_| CronError::InvalidDate)?;
    let (month, day) = (part(civil.month())?, part(civil.day())?);
    let (hour, minute, second) = (part(civil.hour())?, part(civil.minute())?, part(civil.second())?);
    DateTime::new(year, month, day, hour, minute, second, 0).map_err(|_| CronError::InvalidDate)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn runs(pattern: &str, zone: &str, from: &str, count: usize) -> Vec<String> {
        let pattern = Pattern::new(pattern, Some(zone)).unwrap();
        let begin: Timestamp = from.parse().unwrap();
        let times = std::iter::successors(pattern.after(begin), |at| pattern.after(*at));
        times
            .take(count)
            .map(|at| at.to_zoned_datetime(pattern.zone.clone()).strftime("%d %H:%M %z").to_string())
            .collect()
    }

    #[test]
    fn a_time_that_the_clock_shows_twice_comes_once() {
        let vienna = |pattern| runs(pattern, "Europe/Vienna", "2025-10-25T12:00:00Z", 3);
        assert_eq!(vienna("30 2 * * *"), ["26 02:30 +0200", "27 02:30 +0100", "28 02:30 +0100"]);
        assert_eq!(vienna("0,30 2 * * *"), ["26 02:00 +0200", "26 02:30 +0200", "27 02:00 +0100"]);
        assert_eq!(vienna("30 1-3 * * *"), ["26 01:30 +0200", "26 02:30 +0200", "26 03:30 +0100"]);
        let johns = runs("45 1 * * *", "America/St_Johns", "2025-11-01T12:00:00Z", 2);
        assert_eq!(johns, ["02 01:45 -0230", "03 01:45 -0330"]);
        // Lord Howe's clock goes back by half an hour, from 02:00 to 01:30.
        let howe = runs("45 1 * * *", "Australia/Lord_Howe", "2025-04-05T00:00:00Z", 2);
        assert_eq!(howe, ["06 01:45 +1100", "07 01:45 +1030"]);
    }

    #[test]
    fn a_time_that_the_clock_leaves_out_comes_right_after_the_gap_and_once() {
        let vienna = |pattern| runs(pattern, "Europe/Vienna", "2025-03-29T12:00:00Z", 3);
        assert_eq!(vienna("30 2 * * *"), ["30 03:00 +0200", "31 02:30 +0200", "01 02:30 +0200"]);
        assert_eq!(vienna("0,30 2 * * *"), ["30 03:00 +0200", "31 02:00 +0200", "31 02:30 +0200"]);
        assert_eq!(vienna("0 2,3 * * *"), ["30 03:00 +0200", "31 02:00 +0200", "31 03:00 +0200"]);
        let johns = runs("15 2 * * *", "America/St_Johns", "2025-03-08T12:00:00Z", 2);
        assert_eq!(johns, ["09 03:00 -0230", "10 02:15 -0230"]);
        let howe = runs("15 2 * * *", "Australia/Lord_Howe", "2025-10-04T00:00:00Z", 2);
        assert_eq!(howe, ["05 02:30 +1100", "06 02:15 +1100"]);
    }

    #[test]
    fn what_is_due_every_hour_goes_by_elapsed_time() {
        let vienna = |from| runs("0 * * * *", "Europe/Vienna", from, 4);
        let back = ["26 01:00 +0200", "26 02:00 +0200", "26 02:00 +0100", "26 03:00 +0100"];
        assert_eq!(vienna("2025-10-25T22:30:00Z"), back);
        let forward = ["30 00:00 +0100", "30 01:00 +0100", "30 03:00 +0200", "30 04:00 +0200"];
        assert_eq!(vienna("2025-03-29T22:30:00Z"), forward);
    }

    #[test]
    fn a_start_within_the_repeated_hour_does_not_repeat_it() {
        let second_half = runs("30 2 * * *", "Europe/Vienna", "2025-10-26T01:10:00Z", 1);
        assert_eq!(second_half, ["27 02:30 +0100"]);
        let seconds = runs("*/1 * 2 * * *", "Europe/Vienna", "2025-10-26T01:00:00Z", 1);
        assert_eq!(seconds, ["27 02:00 +0100"]);
    }

    #[test]
    fn fields_and_zones_that_are_none_are_named() {
        assert!(Pattern::new("61 * * * *", None).unwrap_err().contains("`61 * * * *` is no cron pattern"));
        assert_eq!(Pattern::new("* * * * *", Some("Mars/Base")).unwrap_err(), "there is no time zone `Mars/Base`");
        assert!(Pattern::new("@daily", None).is_ok() && Pattern::new("*/5 * * * * *", None).is_ok());
    }

    proptest! {
        /// From any instant: later than it, never one local time twice, and never one left out that a smaller step finds.
        #[test]
        fn times_only_go_forward_and_nothing_comes_between(
            seconds in 1_700_000_000_i64..1_900_000_000,
            pattern in prop::sample::select(vec!["30 2 * * *", "*/20 1-3 * * *", "15 1,2 * * 0", "*/30 * * * *", "0 0 1 * *"]),
            zone in prop::sample::select(vec!["Europe/Vienna", "America/St_Johns", "Australia/Lord_Howe", "UTC"]),
        ) {
            let pattern = Pattern::new(pattern, Some(zone)).unwrap();
            let now = Timestamp::from_second(seconds).unwrap();
            let next = pattern.after(now).unwrap();
            prop_assert!(next > now);
            let just_before = next - SignedDuration::from_secs(1);
            prop_assert_eq!(pattern.after(just_before.max(now)), Some(next));
            let half_way = Timestamp::from_second(i64::midpoint(seconds, next.as_second())).unwrap();
            prop_assert!(half_way >= next || pattern.after(half_way) == Some(next));
            let following = pattern.after(next).unwrap();
            prop_assert!(following > next);
            if !pattern.every_hour {
                prop_assert!(pattern.zone.to_datetime(following) != pattern.zone.to_datetime(next));
            }
        }
    }
}
