//! When something that goes by the wall clock is due, although that clock is set from time to time. Pure: told both clocks.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::zoned::Pattern;

/// What is late by more than this is not made up: the clock was wrong before, or the machine slept.
pub const MOST_LATE: Duration = Duration::from_secs(5 * 60);
/// A clock that is set back by more than this was wrong before, and what seemed to be done may be due again. By less, and
/// what is done stays done.
pub const LONGEST_REPETITION: Duration = Duration::from_secs(3 * 60 * 60);

/// What both clocks show at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The clock that people set.
    pub wall: Timestamp,
    /// The one that only goes forward.
    pub steady: Duration,
}

/// The times of one pattern.
#[derive(Clone, Debug)]
pub struct Planner {
    pattern: Pattern,
    last: Reading,
    next: Option<Timestamp>,
}

impl Planner {
    /// What came after `since`, which a predecessor saw to, is due if it is not late; else what comes after now.
    pub fn new(pattern: Pattern, since: Option<Timestamp>, now: Reading) -> Self {
        let is_believed = |since: &Timestamp| since.duration_since(now.wall) <= signed(LONGEST_REPETITION);
        let from = since.filter(is_believed).map_or(now.wall, |since| since.max(oldest(now)));
        let next = pattern.after(from);
        Self { pattern, last: now, next }
    }

    /// When it is due next, by the wall clock.
    pub fn next(&self) -> Option<Timestamp> {
        self.next
    }

    /// The time that is due now, if one is: at most one, however many were passed over, and the last of them.
    pub fn due(&mut self, now: Reading) -> Option<Timestamp> {
        let jump = jump(self.last, now);
        self.last = now;
        if jump > signed(MOST_LATE) || jump < -signed(LONGEST_REPETITION) {
            self.next = self.pattern.after(now.wall);
            return None;
        }
        let first = self.next.filter(|next| *next <= now.wall)?;
        let first = if first < oldest(now) { self.pattern.after(oldest(now)) } else { Some(first) };
        let in_order = std::iter::successors(first, |time| self.pattern.after(*time));
        let due = in_order.take_while(|time| *time <= now.wall).last();
        self.next = self.pattern.after(now.wall);
        due
    }
}

/// What was due before is too late by now.
fn oldest(now: Reading) -> Timestamp {
    now.wall.checked_sub(signed(MOST_LATE)).unwrap_or(now.wall)
}

/// By how much the wall clock was set forward between two readings; negative, if back.
fn jump(before: Reading, after: Reading) -> SignedDuration {
    let steady = signed(after.steady.saturating_sub(before.steady));
    after.wall.duration_since(before.wall).saturating_sub(steady)
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: u64 = 60;

    /// The wall clock that begins at 02:00 UTC and is set by so many seconds.
    fn reading(steady: u64, set: i64) -> Reading {
        let wall =
            "2026-03-01T02:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(steady as i64 + set);
        Reading { wall, steady: Duration::from_secs(steady) }
    }

    fn planner(pattern: &str) -> Planner {
        Planner::new(Pattern::new(pattern, Some("UTC")).unwrap(), None, reading(0, 0))
    }

    fn time(text: &str) -> Option<Timestamp> {
        Some(format!("2026-03-01T{text}:00Z").parse().unwrap())
    }

    #[test]
    fn it_is_due_at_its_time_and_then_not_before_the_next() {
        let mut daily = planner("0 3 * * *");
        assert_eq!(daily.next(), time("03:00"));
        assert_eq!(daily.due(reading(59 * MINUTE, 0)), None);
        assert_eq!(daily.due(reading(60 * MINUTE, 0)), time("03:00"));
        assert_eq!(daily.due(reading(60 * MINUTE, 0)), None);
        assert_eq!(daily.next(), Some("2026-03-02T03:00:00Z".parse().unwrap()));
    }

    #[test]
    fn a_clock_that_is_set_neither_misses_nor_doubles_what_is_near() {
        let hours = |hours: i64| hours * 3600;
        // Each look: minutes that have passed, seconds that the clock was set by, what is due then.
        type Look = (u64, i64, Option<&'static str>);
        let cases: [(&str, &[Look]); 8] = [
            ("forward over it by two minutes", &[(59, 0, None), (59, 120, Some("03:00"))]),
            ("forward over it by an hour", &[(59, 0, None), (59, hours(1), None)]),
            (
                "forward to it by years: the first time that it is right",
                &[(1, -hours(50_000), None), (1, hours(1), None)],
            ),
            (
                "back before it, when it is done",
                &[(60, 0, Some("03:00")), (61, -hours(1), None), (121, -hours(1), None)],
            ),
            (
                "back by half a day, when it is done",
                &[(60, 0, Some("03:00")), (61, -hours(12), None), (780, -hours(12), Some("03:00"))],
            ),
            ("back and forward again", &[(58, 0, None), (59, -240, None), (60, 0, Some("03:00")), (61, 0, None)]),
            ("looked at four minutes late", &[(59, 0, None), (64, 0, Some("03:00"))]),
            ("looked at an hour late", &[(59, 0, None), (120, 0, None)]),
        ];
        for (what, looks) in cases {
            let mut daily = planner("0 3 * * *");
            for (minutes, set, expected) in looks {
                let due = daily.due(reading(minutes * MINUTE, *set));
                assert_eq!(due, expected.and_then(time), "{what}, after {minutes} minutes");
            }
        }
    }

    #[test]
    fn many_that_were_passed_over_are_one() {
        let mut often = planner("* * * * *");
        assert_eq!(often.due(reading(200, 0)), time("02:03"), "the last of three");
        assert_eq!(often.due(reading(200, 0)), None);
        assert_eq!(often.next(), time("02:04"));
    }

    #[test]
    fn a_clock_that_was_years_ahead_does_not_silence_it_for_years() {
        let mut daily = planner("0 3 * * *");
        let ahead = 5 * 365 * 24 * 3600;
        assert_eq!(daily.due(reading(10, ahead)), None);
        assert_eq!(daily.due(reading(20, 0)), None);
        assert_eq!(daily.next(), time("03:00"));
    }

    #[test]
    fn a_successor_goes_on_where_its_predecessor_was() {
        let pattern = || Pattern::new("0 2 * * *", Some("UTC")).unwrap();
        let a_moment_late = reading(3, 0);
        let seen_to = |since| Planner::new(pattern(), since, a_moment_late).due(a_moment_late);
        assert_eq!(seen_to(time("01:59")), time("02:00"), "it came while nobody looked");
        assert_eq!(seen_to(time("02:00")), None, "it was seen to");
        assert_eq!(seen_to(None), None, "who begins, begins now");
        assert_eq!(seen_to(time("02:01")), None, "it was seen to, and the clock was set back since");
        let hours_late = reading(7200, 0);
        assert_eq!(Planner::new(pattern(), time("01:00"), hours_late).due(hours_late), None);
    }

    proptest! {
        /// However the clock is set by little: no time is due twice, and in order.
        #[test]
        fn nothing_is_due_twice(steps in prop::collection::vec((1_u64..200, -200_i64..200), 1..200)) {
            let mut planner = planner("*/2 * * * *");
            let (mut steady, mut set, mut last) = (0, 0, None);
            for (passed, change) in steps {
                steady += passed;
                set = (set + change).clamp(-3600, 3600);
                if let Some(due) = planner.due(reading(steady, set)) {
                    prop_assert!(last.is_none_or(|last| due > last), "{due} after {last:?}");
                    last = Some(due);
                }
            }
        }

        /// Where the clock is not set, everything is due that is looked at often enough.
        #[test]
        fn nothing_is_missed(steps in prop::collection::vec(1_u64..60, 1..300)) {
            let mut planner = planner("* * * * *");
            let (mut steady, mut count) = (0, 0);
            for passed in steps {
                steady += passed;
                count += u64::from(planner.due(reading(steady, 0)).is_some());
            }
            prop_assert_eq!(count, steady / MINUTE);
        }
    }
}
