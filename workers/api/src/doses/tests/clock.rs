//! Clock rules.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp, ToSpan, civil::Date, tz::TimeZone};
use proptest::prelude::*;

use super::*;
use crate::doses::{
    local,
    occurrence::{on_date, within},
};

#[test]
fn keys_are_read_as_they_are_written_and_in_no_other_way() {
    for text in ["schedule-17/2031-01-31/0", "a/2024-02-29/1439"] {
        assert_eq!(key(text).to_string(), text);
    }
    for text in [
        "",
        "a",
        "a/2031-01-31",
        "/2031-01-31/0",
        "a/2031-02-30/0",
        "a/2031-01-31/00",
        "a/2031-01-31/-1",
        "a/2031-1-31/0",
    ] {
        assert!(text.parse::<Key>().is_err(), "{text}");
    }
}

#[test]
fn clocks_that_jump_move_a_dose_to_the_first_valid_minute_and_never_double_it() {
    for (name, day, time, expected) in [
        // An hour at two in the morning.
        ("America/New_York", "2031-03-09", "02:30", "2031-03-09T07:00:00Z"),
        ("America/New_York", "2031-03-09", "02:00", "2031-03-09T07:00:00Z"),
        ("America/New_York", "2031-03-09", "03:00", "2031-03-09T07:00:00Z"),
        ("America/New_York", "2031-03-09", "01:59", "2031-03-09T06:59:00Z"),
        ("America/New_York", "2031-11-02", "01:30", "2031-11-02T05:30:00Z"),
        ("America/New_York", "2031-11-02", "02:00", "2031-11-02T07:00:00Z"),
        // Half an hour.
        ("Australia/Lord_Howe", "2026-10-04", "02:10", "2026-10-03T15:30:00Z"),
        ("Australia/Lord_Howe", "2026-04-05", "01:45", "2026-04-04T14:45:00Z"),
        // At midnight: the day begins at one.
        ("America/Santiago", "2024-09-08", "00:15", "2024-09-08T04:00:00Z"),
        ("Asia/Beirut", "2024-03-31", "00:00", "2024-03-30T22:00:00Z"),
        ("Africa/Cairo", "2024-04-26", "00:30", "2024-04-25T22:00:00Z"),
        ("America/Havana", "2025-03-09", "00:30", "2025-03-09T05:00:00Z"),
        ("America/Havana", "2025-03-09", "01:00", "2025-03-09T05:00:00Z"),
        // At one back to midnight: the first hour of the day comes twice.
        ("America/Havana", "2025-11-02", "00:00", "2025-11-02T04:00:00Z"),
        ("America/Havana", "2025-11-02", "00:30", "2025-11-02T04:30:00Z"),
        ("America/Havana", "2025-11-02", "01:00", "2025-11-02T06:00:00Z"),
        // At midnight back: the evening before comes twice.
        ("America/Santiago", "2024-04-06", "23:30", "2024-04-07T02:30:00Z"),
        ("Asia/Beirut", "2024-10-26", "23:30", "2024-10-26T20:30:00Z"),
        ("Africa/Cairo", "2024-10-31", "23:30", "2024-10-31T20:30:00Z"),
        ("Africa/Cairo", "2024-11-01", "00:00", "2024-10-31T22:00:00Z"),
    ] {
        let found = on_date(&[daily("a", &[time])], &[], &zone(name), date(day));
        assert_eq!(shown(&found), [format!("a/{day}/0 {expected}")], "{name} {day} {time}");
    }
}

#[test]
fn a_date_that_never_was_leaves_a_weekly_dose_to_the_next_day_and_doubles_no_daily_one() {
    // Samoa had no Friday, 30 December 2011.
    let apia = zone("Pacific/Apia");
    assert!(!local::exists(&apia, date("2011-12-30")));
    let (from, until) = (at("2011-12-29T00:00:00Z"), at("2012-01-01T00:00:00Z"));
    let friday = plan(vec![rule(
        "w",
        clock(Days::Weekdays { weekdays: Weekdays::of([jiff::civil::Weekday::Friday]) }, &["08:00"]),
    )]);
    assert_eq!(
        shown(&within(std::slice::from_ref(&friday), &[], &apia, from, until)),
        ["w/2011-12-30/0 2011-12-30T18:00:00Z"]
    );
    // Also for whoever asks from the beginning of that next day on.
    let saturday = local::start_of_day(&apia, date("2011-12-31"));
    assert_eq!(within(&[friday], &[], &apia, saturday, until).len(), 1);
    // The last day of a phase that never was: the next day is not the phase's.
    let mut until_friday = daily("d", &["08:00"]);
    until_friday.phases[0].until = Some(date("2011-12-30"));
    let last = within(&[until_friday], &[], &apia, from, until);
    assert_eq!(shown(&last), ["d/2011-12-29/0 2011-12-29T18:00:00Z", "d/2011-12-30/0 2011-12-30T18:00:00Z"]);
    let days = within(&[daily("d", &["08:00"])], &[], &apia, from, until);
    assert_eq!(
        shown(&days),
        [
            "d/2011-12-29/0 2011-12-29T18:00:00Z",
            "d/2011-12-31/0 2011-12-30T18:00:00Z",
            "d/2012-01-01/0 2011-12-31T18:00:00Z"
        ]
    );
}

#[test]
fn rules_fall_on_the_dates_that_they_say() {
    let anchor = date("2031-01-30");
    let cases: [(Days, Option<Cycle>, &[&str]); 5] = [
        (
            Days::Weekdays { weekdays: super::super::compat::weekdays("mon,fri").unwrap() },
            None,
            &["2031-01-27", "2031-01-31", "2031-02-03"],
        ),
        (Days::Every { days: 3, anchor }, None, &["2031-01-30", "2031-02-02", "2031-02-05"]),
        // In February the last day stands in, once.
        (
            Days::Month { days: vec![1, 30, 31] },
            None,
            &["2031-01-30", "2031-01-31", "2031-02-01", "2031-02-28", "2031-03-01"],
        ),
        (every_day(), Some(Cycle { on: 2, off: 5, anchor }), &["2031-01-30", "2031-01-31", "2031-02-06", "2031-02-07"]),
        (Days::Every { days: 1, anchor: date("2031-02-28") }, None, &["2031-02-28", "2031-03-01"]),
    ];
    for (days, cycle, expected) in cases {
        let falls = super::super::days::Falls::new(&days, cycle);
        let all = date("2031-01-26").series(1.day()).filter(|date| falls.on(*date)).map(|date| date.to_string());
        assert_eq!(all.take(expected.len()).collect::<Vec<_>>(), expected, "{days:?}");
    }
    let month = Days::Month { days: vec![31] };
    let falls = super::super::days::Falls::new(&month, None);
    let all: Vec<_> = date("2031-01-01").series(1.day()).take(365).filter(|date| falls.on(*date)).collect();
    assert_eq!(all.len(), 12, "once a month: {all:?}");
}

#[test]
fn a_taper_follows_its_phases_and_a_rule_only_what_is_followed() {
    let phase = |from: &str, until: Option<&str>, id: &str, amount: f64| {
        let slots = vec![Slot { number: 0, time: "08:00".parse().unwrap(), amount }];
        let schedule = Schedule::Clock { days: every_day(), cycle: None, slots };
        Phase { from: Some(date(from)), until: until.map(date), rules: vec![rule(id, schedule)] }
    };
    let mut taper = Plan {
        phases: vec![phase("2031-01-01", Some("2031-01-02"), "a", 20.0), phase("2031-01-03", None, "b", 10.0)],
        ..plan(vec![])
    };
    let amounts = |taper: &Plan| {
        let (from, until) = (at("2030-12-30T00:00:00Z"), at("2031-01-06T00:00:00Z"));
        within(std::slice::from_ref(taper), &[], &TimeZone::UTC, from, until)
            .iter()
            .map(|dose| dose.amount)
            .collect::<Vec<_>>()
    };
    assert_eq!(amounts(&taper), [20.0, 20.0, 10.0, 10.0, 10.0]);
    // Entered on the second day, stopped on the fifth half an hour after a dose that nobody took.
    taper.phases[0].rules[0].followed_from = Some(at("2031-01-02T00:00:00Z"));
    taper.phases[1].rules[0].retired_at = Some(at("2031-01-05T08:30:00Z"));
    assert_eq!(amounts(&taper), [20.0, 10.0, 10.0]);
}

/// The first minute at which the clocks show this or later: found by looking at every minute.
fn first_valid_minute(zone: &TimeZone, date: Date, time: jiff::civil::Time) -> Timestamp {
    let wanted = date.to_datetime(time);
    let start = jiff::tz::Offset::constant(15).to_timestamp(wanted).unwrap();
    (0..40 * 60)
        .map(|minute| start + SignedDuration::from_mins(minute))
        .find(|at| zone.to_datetime(*at) >= wanted)
        .unwrap()
}

/// Dates on which the clocks jump, and their neighbours.
fn near_a_jump(zone: &TimeZone, from: Timestamp, until: Timestamp) -> BTreeSet<Date> {
    let jumps = zone.following(from).take_while(|jump| jump.timestamp() < until);
    let dates = jumps.map(|jump| zone.to_datetime(jump.timestamp()).date());
    dates.flat_map(|date| (-2..=2).map(move |days| date.saturating_add(days.days()))).collect()
}

proptest! {
    #![proptest_config(cases(48))]

    #[test]
    fn over_a_year_every_dose_is_there_once_at_its_time(
        ((zone, year), days, cycle, slots) in a_zone().prop_flat_map(|(zone, year)| {
            (Just((zone, year)), some_days(year), some_cycle(year), some_slots())
        }),
        cut in 0_i64..366 * 24 * 60,
    ) {
        let first = date(&format!("{year}-01-01"));
        let last = date(&format!("{year}-12-31"));
        let (from, until) = (local::start_of_day(&zone, first), local::start_of_day(&zone, last.tomorrow().unwrap()));
        let plans = [plan(vec![rule("r", Schedule::Clock { days: days.clone(), cycle, slots: slots.clone() })])];
        let found = within(&plans, &[], &zone, from, until);

        prop_assert!(found.is_sorted_by_key(|dose| dose.due_at), "in order");
        let keys: BTreeSet<_> = found.iter().map(|dose| dose.key.clone()).collect();
        prop_assert_eq!(keys.len(), found.len(), "no key twice");

        // However the year is cut, the parts are the whole.
        let middle = (from + SignedDuration::from_mins(cut)).min(until);
        let mut parts = within(&plans, &[], &zone, from, middle);
        parts.extend(within(&plans, &[], &zone, middle, until));
        prop_assert_eq!(shown(&parts), shown(&found));

        // Date by date, what the rule says and nothing else.
        let falls = super::super::days::Falls::new(&days, cycle);
        let jumps = near_a_jump(&zone, from, until);
        let mut expected = BTreeSet::new();
        for day in first.series(1.day()).take_while(|day| *day <= last) {
            let exists = local::exists(&zone, day);
            let next = day.tomorrow().unwrap();
            if !falls.on(day) || (!exists && falls.on(next)) {
                continue;
            }
            for slot in &slots {
                let due_at = if jumps.contains(&day) {
                    first_valid_minute(&zone, if exists { day } else { next }, slot.time)
                } else {
                    zone.to_zoned_datetime(day.to_datetime(slot.time)).unwrap().timestamp()
                };
                expected.insert(format!("r/{day}/{} {due_at}", slot.number));
            }
        }
        let found: BTreeSet<_> = shown(&found).into_iter().collect();
        prop_assert_eq!(&found, &expected, "{:?}", found.symmetric_difference(&expected).collect::<Vec<_>>());
    }

    #[test]
    fn the_days_of_a_year_hold_what_the_year_holds(
        ((zone, year), days, slots) in a_zone().prop_flat_map(|(zone, year)| (Just((zone, year)), some_days(year), some_slots())),
    ) {
        let first = date(&format!("{year}-01-01"));
        let plans = [plan(vec![rule("r", Schedule::Clock { days, cycle: None, slots })])];
        let by_day: Vec<_> = first.series(1.day()).take(365).flat_map(|day| on_date(&plans, &[], &zone, day)).collect();
        let whole = super::super::occurrence::on_dates(&plans, &[], &zone, first, first.saturating_add(364.days()));
        let in_order = |mut doses: Vec<Occurrence>| { doses.sort_by(|one, other| one.key.cmp(&other.key)); shown(&doses) };
        prop_assert_eq!(in_order(by_day), in_order(whole));
    }
}
