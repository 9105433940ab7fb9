use jiff::{ToSpan, tz::AmbiguousOffset};
use proptest::prelude::*;

use super::{rule::tests::any_rule, *};

const ZONES: [&str; 6] =
    ["America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "America/Sao_Paulo", "Africa/Cairo", "Asia/Kathmandu"];

fn series(rule: &str, clock: &str, zone: &str) -> Series {
    let zone = TimeZone::get(zone).unwrap();
    let clock: DateTime = clock.parse().unwrap();
    let first = zone.to_zoned_datetime(clock).unwrap().timestamp();
    Series { rule: Rule::read(rule).unwrap(), clock, first, zone, all_day: false, without: BTreeSet::new() }
}

fn slots(series: &Series, from: &str, until: &str) -> String {
    let slots = series.slots(from.parse().unwrap(), until.parse().unwrap(), MOST_SLOTS);
    slots.iter().map(|slot| slot.starts_at.strftime("%m-%dT%H:%M").to_string()).collect::<Vec<_>>().join(" ")
}

#[test]
fn rules_give_the_dates_that_calendars_give() {
    let new_york = "America/New_York";
    for (rule, clock, from, until, expected) in [
        // Every second week, on two days, from the middle of a week: a week begins on Monday.
        (
            "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE",
            "2032-02-04T10:00",
            "2032-02-01T00:00Z",
            "2032-03-05T00:00Z",
            "02-04T15:00 02-16T15:00 02-18T15:00 03-01T15:00 03-03T15:00",
        ),
        (
            "FREQ=WEEKLY",
            "2032-02-05T10:00",
            "2032-02-01T00:00Z",
            "2032-02-20T00:00Z",
            "02-05T15:00 02-12T15:00 02-19T15:00",
        ),
        // The start is no Monday, so it is none of them.
        (
            "FREQ=WEEKLY;BYDAY=MO;COUNT=2",
            "2032-02-01T10:00",
            "2032-01-01T00:00Z",
            "2033-01-01T00:00Z",
            "02-02T15:00 02-09T15:00",
        ),
        // A month without the day is left out, and the day stays the 31st.
        (
            "FREQ=MONTHLY",
            "2032-01-31T10:00",
            "2032-01-01T00:00Z",
            "2032-08-01T00:00Z",
            "01-31T15:00 03-31T14:00 05-31T14:00 07-31T14:00",
        ),
        ("FREQ=MONTHLY;COUNT=3", "2032-01-31T10:00", "2032-05-01T00:00Z", "2032-12-31T00:00Z", "05-31T14:00"),
        ("FREQ=YEARLY", "2032-02-29T10:00", "2033-01-01T00:00Z", "2041-01-01T00:00Z", "02-29T15:00 02-29T15:00"),
        // A count counts from the start of the series, not from the start of the question.
        ("FREQ=DAILY;INTERVAL=10;COUNT=2", "2032-02-01T10:00", "2032-02-05T00:00Z", "2032-12-31T00:00Z", "02-11T15:00"),
        ("FREQ=DAILY;INTERVAL=10;COUNT=2", "2032-02-01T10:00", "2032-02-12T00:00Z", "2032-12-31T00:00Z", ""),
        // The end is midnight UTC of its date: seven in the evening before, in New York.
        (
            "FREQ=DAILY;UNTIL=20320203T000000Z",
            "2032-02-01T19:00",
            "2032-01-01T00:00Z",
            "2032-12-31T00:00Z",
            "02-02T00:00 02-03T00:00",
        ),
        (
            "FREQ=DAILY;UNTIL=20320203T000000Z",
            "2032-02-01T19:01",
            "2032-01-01T00:00Z",
            "2032-12-31T00:00Z",
            "02-02T00:01",
        ),
        ("FREQ=DAILY;UNTIL=20310203T000000Z", "2032-02-01T19:01", "2032-01-01T00:00Z", "2032-12-31T00:00Z", ""),
    ] {
        assert_eq!(slots(&series(rule, clock, new_york), from, until), expected, "{rule} from {clock}");
    }
}

#[test]
fn in_the_gap_a_slot_is_later_and_in_the_overlap_it_is_the_first() {
    let gap = series("FREQ=DAILY", "2031-03-08T02:30", "America/New_York");
    let expected = "03-08T07:30 03-09T07:30 03-10T06:30";
    assert_eq!(slots(&gap, "2031-03-08T00:00Z", "2031-03-11T00:00Z"), expected, "half past three, once");
    let begins_in_it = series("FREQ=DAILY", "2031-03-09T02:30", "America/New_York");
    let expected = "03-09T07:30 03-10T06:30";
    assert_eq!(
        slots(&begins_in_it, "2031-03-08T00:00Z", "2031-03-11T00:00Z"),
        expected,
        "half past two again the day after"
    );
    let overlap = series("FREQ=DAILY", "2031-11-01T01:30", "America/New_York");
    let expected = "11-01T05:30 11-02T05:30 11-03T06:30";
    assert_eq!(slots(&overlap, "2031-11-01T00:00Z", "2031-11-04T00:00Z"), expected, "the first of the two");
    let mut second = series("FREQ=DAILY", "2031-11-02T01:30", "America/New_York");
    second.first = "2031-11-02T06:30:00Z".parse().unwrap();
    let expected = "11-02T06:30 11-03T06:30";
    assert_eq!(slots(&second, "2031-11-01T00:00Z", "2031-11-04T00:00Z"), expected, "the second, when it was said so");
    let half_an_hour = series("FREQ=DAILY", "2031-10-04T02:15", "Australia/Lord_Howe");
    let expected = "10-03T15:45 10-04T15:45 10-05T15:15";
    assert_eq!(slots(&half_an_hour, "2031-10-03T00:00Z", "2031-10-06T00:00Z"), expected);
}

#[test]
fn whole_days_end_with_their_date() {
    let mut days = series("FREQ=DAILY;UNTIL=20320203", "2032-02-01T00:00", "America/New_York");
    days.all_day = true;
    assert_eq!(slots(&days, "2032-01-01T00:00Z", "2033-01-01T00:00Z"), "02-01T05:00 02-02T05:00 02-03T05:00");
}

#[test]
fn what_was_taken_out_is_counted_and_not_there() {
    let mut four = series("FREQ=DAILY;COUNT=4", "2032-02-01T10:00", "America/New_York");
    four.without = ["2032-02-02".parse().unwrap()].into();
    assert_eq!(slots(&four, "2032-01-01T00:00Z", "2033-01-01T00:00Z"), "02-01T15:00 02-03T15:00 02-04T15:00");
    assert_eq!(four.slot("2032-02-02".parse().unwrap()), None);
}

#[test]
fn an_answer_has_an_end() {
    let daily = series("FREQ=DAILY", "1990-01-01T10:00", "America/New_York");
    let slots = daily.slots("2031-01-01T00:00Z".parse().unwrap(), Timestamp::MAX, MOST_SLOTS);
    assert_eq!(slots.len(), MOST_SLOTS);
    assert_eq!(slots[0].date.to_string(), "2031-01-01");
}

fn any_series() -> impl Strategy<Value = Series> {
    let clock = (2029..2032_i16, 1..=12_i8, 1..=31_i8, 0..24_i8, prop::sample::select(&[0, 15, 30, 59][..]));
    (any_rule(), clock, prop::sample::select(&ZONES[..]), prop::collection::btree_set(0..800_i32, 0..4)).prop_map(
        |(rule, (year, month, day, hour, minute), zone, without)| {
            let month = Date::new(year, month, 1).unwrap();
            let date = month.with().day(day.min(month.days_in_month())).build().unwrap();
            let (clock, zone) = (date.at(hour, minute, 0, 0), TimeZone::get(zone).unwrap());
            let first = zone.to_zoned_datetime(clock).unwrap().timestamp();
            let without = without.into_iter().map(|days| date + days.days()).collect();
            Series { rule, clock, first, zone, all_day: false, without }
        },
    )
}

/// Every slot from the beginning, one by one, without the crate and without jumping ahead.
fn by_hand(series: &Series, until: Timestamp) -> Vec<Slot> {
    let (rule, start) = (&series.rule, series.clock.date());
    let monday = |date: Date| date - i64::from(date.weekday().to_monday_zero_offset()).days();
    let months = |date: Date| i32::from(date.year()) * 12 + i32::from(date.month());
    let interval = i32::from(rule.interval);
    let is_of_rule = |date: Date| match rule.frequency {
        rule::Frequency::Daily => (date - start).get_days() % interval == 0,
        rule::Frequency::Weekly => {
            let days = if rule.days.is_empty() { vec![start.weekday()] } else { rule.days.clone() };
            (monday(date) - monday(start)).get_days() / 7 % interval == 0 && days.contains(&date.weekday())
        }
        rule::Frequency::Monthly => date.day() == start.day() && (months(date) - months(start)) % interval == 0,
        rule::Frequency::Yearly => {
            (date.month(), date.day()) == (start.month(), start.day())
                && i32::from(date.year() - start.year()) % interval == 0
        }
    };
    let last = series.zone.to_datetime(until).date().tomorrow().unwrap();
    let dates = std::iter::successors(Some(start), |date| date.tomorrow().ok()).take_while(|date| *date <= last);
    let most = if let End::After(count) = rule.end { count as usize } else { usize::MAX };
    dates
        .filter(|date| is_of_rule(*date))
        .take(most)
        .filter(|date| !series.without.contains(date))
        .map(|date| Slot {
            date,
            starts_at: series.zone.to_zoned_datetime(date.to_datetime(series.clock.time())).unwrap().timestamp(),
        })
        .filter(|slot| slot.starts_at <= until && series.goes_on(slot))
        .collect()
}

proptest! {
    #[test]
    fn a_range_has_what_a_larger_one_has_in_it(series in any_series(), begin in 0..900_i64, length in 0..300_i64) {
        let day = |days: i64| series.first + (24 * (days - 30)).hours();
        let (from, until) = (day(begin), day(begin + length));
        let all = by_hand(&series, until);
        let expected: Vec<_> = all.iter().copied().filter(|slot| slot.starts_at >= from).collect();
        prop_assert_eq!(series.slots(from, until, MOST_SLOTS), expected.clone());
        let larger: Vec<_> = series.slots(from - 100.hours(), until + 100.hours(), 400);
        let inside = larger.into_iter().filter(|slot| slot.starts_at >= from && slot.starts_at <= until);
        prop_assert_eq!(inside.collect::<Vec<_>>(), expected.clone());
        for slot in expected {
            prop_assert_eq!(series.slot(slot.date), Some(slot));
        }
    }

    #[test]
    fn there_are_never_more_than_the_count_in_all_ranges_together(series in any_series(), step in 20..200_i64) {
        let End::After(count) = series.rule.end else { return Ok(()) };
        let starts = std::iter::successors(Some(series.first), |at| Some(*at + (24 * step).hours())).take(20);
        let found: usize = starts.map(|from| series.slots(from, from + (24 * step).hours() - 1.milliseconds(), MOST_SLOTS).len()).sum();
        prop_assert!(found <= count as usize, "{} of {}", found, count);
    }

    #[test]
    fn the_time_on_the_clock_stays_the_same_all_year(series in any_series()) {
        let slots = series.slots(series.first, series.first + (24 * 400).hours(), 401);
        prop_assert!(slots.windows(2).all(|pair| pair[0].date < pair[1].date && pair[0].starts_at < pair[1].starts_at));
        for slot in slots {
            let asked = slot.date.to_datetime(series.clock.time());
            let there = series.zone.to_datetime(slot.starts_at);
            let is_gap = matches!(series.zone.to_ambiguous_timestamp(asked).offset(), AmbiguousOffset::Gap { .. });
            prop_assert!(there == asked || is_gap, "{} on {}", there, slot.date);
            prop_assert!(!is_gap || there > asked, "later, not earlier");
        }
    }
}
