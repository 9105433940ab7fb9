//! As needed.

use jiff::{SignedDuration, tz::TimeZone};
use proptest::prelude::*;

use super::*;
use crate::doses::{
    DoseState,
    plan::Prn,
    prn::{NextSafe, Taking, Unsafe, WINDOW, check, next_safe, occurrence, record, record_of, standing, takings},
    state,
};

fn bounds(minimum_gap_minutes: u32, most_doses: Option<u32>, most_amount: Option<f64>) -> Prn {
    Prn { minimum_gap_minutes, most_doses, most_amount }
}

fn taken(times: &[(&str, f64)]) -> Vec<Taking> {
    times.iter().map(|(time, amount)| Taking { at: at(&format!("2031-01-{time}:00Z")), amount: *amount }).collect()
}

#[test]
fn the_next_safe_time_keeps_the_gap_and_any_24_hours() {
    let now = at("2031-01-06T12:00:00Z");
    let two = [("05T20:00", 1.0), ("06T10:00", 1.0)];
    let then = |text: &str| NextSafe::At(at(&format!("2031-01-{text}:00Z")));
    for (prn, before, amount, expected) in [
        (bounds(240, Some(4), None), &[][..], 1.0, NextSafe::Now),
        (bounds(240, Some(4), None), &two[..], 1.0, then("06T14:00")),
        (bounds(120, Some(4), None), &two[..], 1.0, NextSafe::Now),
        (bounds(0, Some(2), None), &two[..], 1.0, then("06T20:00")),
        (bounds(0, None, Some(3.0)), &two[..], 1.0, NextSafe::Now),
        (bounds(0, None, Some(3.0)), &two[..], 2.0, then("06T20:00")),
        (bounds(0, None, Some(3.0)), &two[..], 3.0, then("07T10:00")),
        (bounds(0, None, Some(3.0)), &two[..], 3.1, NextSafe::Never),
        (bounds(0, Some(0), None), &[][..], 1.0, NextSafe::Never),
        // Exactly 24 hours ago does not count any more.
        (bounds(0, Some(1), None), &[("05T12:00", 1.0)][..], 1.0, NextSafe::Now),
        // Three times 0.1 and 0.7 are 1, whatever binary fractions say.
        (
            bounds(0, None, Some(1.0)),
            &[("06T01:00", 0.1), ("06T02:00", 0.1), ("06T03:00", 0.1)][..],
            0.7,
            NextSafe::Now,
        ),
        // Taken by a clock that was ahead.
        (bounds(60, None, None), &[("06T15:00", 1.0)][..], 1.0, then("06T16:00")),
    ] {
        assert_eq!(next_safe(&prn, &taken(before), amount, now), expected, "{prn:?} {before:?} {amount}");
    }
    let standing = standing(&bounds(0, Some(2), None), &taken(&two), 1.0, now);
    assert_eq!((standing.doses, standing.amount, standing.doses_left), (2, 2.0, Some(0)));
}

#[test]
fn doses_of_a_day_are_numbered_and_a_repeated_command_is_found() {
    let plan = plan(vec![rule("p", Schedule::Prn(bounds(60, None, None)))]);
    let (rule, _) = plan.prn_on(date("2031-01-06")).unwrap();
    let mut records = Vec::new();
    for number in 0..3 {
        let now = at("2031-01-06T12:00:00Z") + SignedDuration::from_hours(number);
        let dose = occurrence(&plan, rule, &records, &TimeZone::UTC, now, 1.5);
        assert_eq!(dose.key.to_string(), format!("p/2031-01-06/{number}"));
        let mut taken = record(&dose);
        taken.apply(&take(&format!("c{number}"), now), now).unwrap();
        let earlier = command("earlier", "anna", Act::Correct { taken_at: now - SignedDuration::from_mins(50) });
        let later = command("later", "anna", Act::Correct { taken_at: now + SignedDuration::from_mins(50) });
        taken.apply(&later, now + SignedDuration::from_hours(1)).unwrap();
        assert_eq!(
            (state::of_record(&taken, now), taken.was_ever_late()),
            (DoseState::Taken, false),
            "it was never asked for"
        );
        taken.apply(&earlier, now + SignedDuration::from_hours(1)).unwrap();
        records.push(taken);
    }
    assert_eq!(record_of(&records, "c1").map(|record| record.key.slot), Some(1));
    assert!(record_of(&records, "c9").is_none());
    assert_eq!(takings(&records, "1").iter().map(|taking| taking.amount).sum::<f64>(), 4.5);
}

#[test]
fn what_was_taken_before_is_held_against_what_was_taken_after_it() {
    let now = at("2031-01-06T20:00:00Z");
    let two = [("06T04:00", 1.0), ("06T12:00", 1.0)];
    for (prn, when, fits) in [
        (bounds(240, Some(3), None), "06T08:00", true),
        (bounds(241, Some(3), None), "06T08:00", false),
        (bounds(240, Some(3), None), "06T08:01", false),
        (bounds(0, Some(2), None), "06T08:00", false),
        // The window that ends with the last one has three of them by then.
        (bounds(0, Some(2), None), "06T03:00", false),
        (bounds(0, Some(2), None), "05T12:01", false),
        (bounds(0, Some(2), None), "05T11:00", true),
        (bounds(0, None, Some(2.5)), "06T00:00", false),
        (bounds(0, None, Some(3.0)), "06T00:00", true),
    ] {
        let when = at(&format!("2031-01-{when}:00Z"));
        assert_eq!(check(&prn, &taken(&two), 1.0, when, now).is_ok(), fits, "{prn:?} {when}");
    }
    let refused = check(&bounds(240, Some(2), Some(2.0)), &taken(&two), 1.0, now, now).unwrap_err();
    let words = "1 is more than may be taken as needed then (at least 240 minutes between two doses, at most 2 doses in any \
                 24 hours, an amount of at most 2 in any 24 hours). Doses in the 24 hours before: 2, their amount: 2; the \
                 next one is safe from 2031-01-07T04:00:00Z on. If it was really taken, say why in override_reason";
    assert_eq!(refused.to_string(), words);
    let never = check(&bounds(0, None, Some(2.0)), &[], 3.0, now, now).unwrap_err();
    assert!(matches!(never, Unsafe::Bounds { next_safe: NextSafe::Never, .. }), "{never}");
}

proptest! {
    #![proptest_config(cases(128))]

    /// Who may take one now, by the rule that looks forward, may also by the rule that looks both ways; and whatever is let
    /// through in any order, no 24 hours hold more than they may.
    #[test]
    fn what_is_let_through_in_any_order_never_exceeds_a_bound(
        gap in 0_u32..600,
        most_doses in prop::option::of(1_u32..6),
        most_amount in prop::option::of(2.0_f64..8.0),
        wishes in prop::collection::vec((0_i64..4 * 24 * 60, 0.25_f64..2.0), 1..60),
    ) {
        let prn = bounds(gap, most_doses, most_amount);
        let mut takings: Vec<Taking> = Vec::new();
        for (minute, amount) in wishes {
            let when = at("2031-01-06T12:00:00Z") + SignedDuration::from_mins(minute);
            let fits = check(&prn, &takings, amount, when, when).is_ok();
            if takings.iter().all(|taking| taking.at <= when) {
                prop_assert_eq!(fits, next_safe(&prn, &takings, amount, when) == NextSafe::Now);
            }
            if fits {
                takings.push(Taking { at: when, amount });
            }
        }
        takings.sort_by_key(|taking| taking.at);
        for (index, last) in takings.iter().enumerate() {
            let window = || takings[..=index].iter().filter(|taking| last.at.duration_since(taking.at) < WINDOW);
            prop_assert!(most_doses.is_none_or(|most| window().count() <= most as usize));
            let amount: f64 = window().map(|taking| taking.amount).sum();
            prop_assert!(most_amount.is_none_or(|most| amount <= most + 1e-6));
            let before = index.checked_sub(1).map(|before| takings[before].at);
            let gap = SignedDuration::from_mins(i64::from(gap));
            prop_assert!(before.is_none_or(|before| last.at.duration_since(before) >= gap));
        }
    }

    #[test]
    fn whoever_waits_until_it_is_safe_never_exceeds_a_bound_and_never_waits_for_nothing(
        gap in 0_u32..600,
        most_doses in prop::option::of(1_u32..6),
        most_amount in prop::option::of(2.0_f64..8.0),
        wishes in prop::collection::vec((0_i64..40_000, 0.25_f64..2.0), 1..40),
    ) {
        let prn = bounds(gap, most_doses, most_amount);
        let mut takings: Vec<Taking> = Vec::new();
        let mut now = at("2031-01-06T12:00:00Z");
        for (pause, amount) in wishes {
            now += SignedDuration::from_secs(pause);
            let when = match next_safe(&prn, &takings, amount, now) {
                NextSafe::Now => now,
                NextSafe::At(when) => {
                    prop_assert!(when > now);
                    let sooner = next_safe(&prn, &takings, amount, when - SignedDuration::from_secs(1));
                    prop_assert_eq!(sooner, NextSafe::At(when), "not a second too late");
                    when
                }
                NextSafe::Never => { prop_assert!(false, "less than a day's amount"); now }
            };
            takings.push(Taking { at: when, amount });
            now = when;
        }
        for (index, last) in takings.iter().enumerate() {
            let window = takings[..=index].iter().filter(|taking| last.at.duration_since(taking.at) < WINDOW);
            let (doses, amount) = window.fold((0, 0.0), |(doses, amount), taking| (doses + 1, amount + taking.amount));
            prop_assert!(most_doses.is_none_or(|most| doses <= most));
            prop_assert!(most_amount.is_none_or(|most| amount <= most + 1e-6));
            let before = index.checked_sub(1).map(|before| takings[before].at);
            prop_assert!(before.is_none_or(|before| last.at.duration_since(before) >= SignedDuration::from_mins(i64::from(gap))));
        }
    }
}
