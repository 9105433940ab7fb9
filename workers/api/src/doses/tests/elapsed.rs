//! Elapsed rules.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp, ToSpan, tz::TimeZone};
use proptest::prelude::*;

use super::*;
use crate::doses::{
    Record, local,
    occurrence::within,
    plan::{Anchor, Window},
};

fn every(hours: u32, first: &str, anchor: Anchor, window: Option<(&str, &str)>) -> Plan {
    let window =
        window.map(|(opens, closes)| Window { opens: opens.parse().unwrap(), closes: closes.parse().unwrap() });
    plan(vec![rule("e", Schedule::Elapsed { every_hours: hours, first: at(first), anchor, window, amount: 1.0 })])
}

fn found(plan: &Plan, records: &[Record], zone: &TimeZone, from: &str, until: &str) -> Vec<Occurrence> {
    within(std::slice::from_ref(plan), records, zone, at(from), at(until))
}

fn dues(occurrences: &[Occurrence]) -> Vec<String> {
    occurrences.iter().map(|dose| dose.due_at.strftime("%dT%H:%M").to_string()).collect()
}

#[test]
fn hours_that_pass_are_counted_whatever_the_clocks_show() {
    let plan = every(8, "2031-03-08T12:00:00Z", Anchor::Fixed, None);
    let night = found(&plan, &[], &zone("America/New_York"), "2031-03-08T00:00:00Z", "2031-03-10T00:00:00Z");
    assert_eq!(dues(&night), ["08T12:00", "08T20:00", "09T04:00", "09T12:00", "09T20:00"]);
    // 09T12:00Z is eight o'clock of a day that is an hour short: seven hours after it began.
    assert_eq!(night[3].key.to_string(), "e/2031-03-09/420");
}

#[test]
fn a_window_holds_a_fixed_rule_in_the_day_and_moves_one_that_follows_the_last() {
    let fixed = every(3, "2031-01-01T00:00:00Z", Anchor::Fixed, Some(("08:00", "20:00")));
    let day = found(&fixed, &[], &TimeZone::UTC, "2031-01-05T00:00:00Z", "2031-01-06T09:00:00Z");
    assert_eq!(dues(&day), ["05T08:00", "05T11:00", "05T14:00", "05T17:00", "05T20:00", "06T08:00"]);
    let night = every(4, "2031-01-05T00:00:00Z", Anchor::Fixed, Some(("22:00", "06:00")));
    let nights = found(&night, &[], &TimeZone::UTC, "2031-01-05T00:00:00Z", "2031-01-06T12:00:00Z");
    assert_eq!(dues(&nights), ["05T02:00", "05T06:00", "05T22:00", "06T02:00", "06T06:00"]);
    let last = every(5, "2031-01-05T06:30:00Z", Anchor::LastTaken, Some(("08:00", "20:00")));
    let days = found(&last, &[], &TimeZone::UTC, "2031-01-05T00:00:00Z", "2031-01-06T12:00:00Z");
    assert_eq!(dues(&days), ["05T08:00", "05T13:00", "05T18:00", "06T08:00"]);
}

#[test]
fn the_next_one_follows_when_the_last_one_was_really_taken() {
    let plan = every(8, "2031-01-05T08:00:00Z", Anchor::LastTaken, None);
    let list = |records: &[Record]| {
        dues(&found(&plan, records, &TimeZone::UTC, "2031-01-05T00:00:00Z", "2031-01-06T09:00:00Z"))
    };
    assert_eq!(list(&[]), ["05T08:00", "05T16:00", "06T00:00", "06T08:00"]);
    let first = found(&plan, &[], &TimeZone::UTC, "2031-01-05T00:00:00Z", "2031-01-05T09:00:00Z").remove(0);
    let mut record = Record::of(&first);
    record.apply(&take("1", at("2031-01-05T09:10:20Z")), at("2031-01-05T09:10:20Z")).unwrap();
    assert_eq!(list(&[record.clone()]), ["05T08:00", "05T17:11", "06T01:11"]);
    // Another one was recorded; then the first one's time is corrected: what was recorded stays, nothing is doubled.
    let second =
        found(&plan, &[record.clone()], &TimeZone::UTC, "2031-01-05T17:00:00Z", "2031-01-05T18:00:00Z").remove(0);
    let mut next = Record::of(&second);
    next.apply(&take("2", at("2031-01-05T17:11:00Z")), at("2031-01-05T17:11:00Z")).unwrap();
    record
        .apply(&command("3", "anna", Act::Correct { taken_at: at("2031-01-05T08:30:00Z") }), at("2031-01-05T18:00:00Z"))
        .unwrap();
    assert_eq!(list(&[next.clone(), record.clone()]), ["05T08:00", "05T17:11", "06T01:11"]);
    // A part of the time asks for the same doses.
    let evening = found(&plan, &[next, record], &TimeZone::UTC, "2031-01-05T20:00:00Z", "2031-01-06T09:00:00Z");
    assert_eq!(dues(&evening), ["06T01:11"]);
}

#[test]
fn a_chain_is_followed_for_thousands_of_years_at_once_and_with_a_window_for_some() {
    let plan = every(1, "2031-01-05T08:00:00Z", Anchor::LastTaken, None);
    let far = found(&plan, &[], &TimeZone::UTC, "9990-01-01T00:30:00Z", "9990-01-01T03:00:00Z");
    assert_eq!(dues(&far), ["01T01:00", "01T02:00"]);
    let odd = every(7, "2031-01-05T08:00:00Z", Anchor::LastTaken, None);
    let whole = found(&odd, &[], &TimeZone::UTC, "2031-01-01T00:00:00Z", "2031-03-01T00:00:00Z");
    let part = found(&odd, &[], &TimeZone::UTC, "2031-02-20T00:00:00Z", "2031-03-01T00:00:00Z");
    assert_eq!(shown(&whole[whole.len() - part.len()..]), shown(&part), "the same doses, whoever asks from when");
    let window = every(1, "2031-01-05T08:00:00Z", Anchor::LastTaken, Some(("08:00", "20:00")));
    let near = found(&window, &[], &TimeZone::UTC, "2034-01-01T00:00:00Z", "2034-01-01T10:30:00Z");
    assert_eq!(dues(&near), ["01T08:00", "01T09:00", "01T10:00"]);
    assert_eq!(found(&window, &[], &TimeZone::UTC, "9990-01-01T00:00:00Z", "9990-01-02T00:00:00Z"), []);
}

proptest! {
    #![proptest_config(cases(32))]

    #[test]
    fn fixed_doses_are_exactly_so_far_apart_all_year((zone, year) in a_zone(), hours in prop_oneof![1 => Just(1_u32), 3 => 1_u32..100], start in 0_i64..100_000, cut in 0_i64..366 * 24) {
        let from = local::start_of_day(&zone, date(&format!("{year}-01-01")));
        let until = local::start_of_day(&zone, date(&format!("{}-01-01", year + 1)));
        let first = (from + SignedDuration::from_secs(start)).to_string();
        let plans = [every(hours, &first, Anchor::Fixed, None)];
        let all = within(&plans, &[], &zone, from, until);
        let step = SignedDuration::from_hours(i64::from(hours));
        prop_assert_eq!(all.first().map(|dose| dose.due_at.to_string()), Some(first));
        prop_assert!(all.windows(2).all(|pair| pair[1].due_at.duration_since(pair[0].due_at) == step));
        prop_assert!(all.last().is_some_and(|last| last.due_at + step >= until));
        prop_assert_eq!(all.iter().map(|dose| &dose.key).collect::<BTreeSet<_>>().len(), all.len());
        let middle = from + SignedDuration::from_hours(cut);
        let mut parts = within(&plans, &[], &zone, from, middle.min(until));
        parts.extend(within(&plans, &[], &zone, middle.min(until), until));
        prop_assert_eq!(shown(&parts), shown(&all));
    }

    /// Somebody takes, skips or forgets doses over weeks of any season, at any delay, and corrects what was said before.
    #[test]
    fn doses_that_follow_the_last_taken_are_never_doubled_and_never_dropped(
        (zone, year) in a_zone(),
        day in 0_i64..350,
        hours in 2_u32..30,
        window in prop::option::of((0_i8..12, 12_i8..24)),
        deeds in prop::collection::vec((0_u8..5, 0_i64..110), 1..60),
    ) {
        let start = local::start_of_day(&zone, date(&format!("{year}-01-01")).saturating_add(day.days()));
        let window = window.map(|(opens, closes)| (format!("{opens:02}:00"), format!("{closes:02}:00")));
        let window = window.as_ref().map(|(opens, closes)| (opens.as_str(), closes.as_str()));
        let plan = every(hours, &start.to_string(), Anchor::LastTaken, window);
        let plans = std::slice::from_ref(&plan);
        let step = SignedDuration::from_hours(i64::from(hours));
        let (mut records, mut after): (Vec<Record>, Timestamp) = (Vec::new(), start);
        let mut last_taken: Option<Timestamp> = None;
        for (deed, delay) in deeds {
            let coming = within(plans, &records, &zone, after, after + SignedDuration::from_hours(24 * 5));
            let Some(dose) = coming.first() else { panic!("nothing follows {after}") };
            if let Some(last) = last_taken.filter(|_| window.is_none()) {
                let late = dose.due_at.duration_since(last);
                prop_assert!(late >= step && late < step + SignedDuration::from_mins(1), "{} after {}", dose.due_at, last);
            }
            // Sooner than the next one would be due, as people do.
            let when = dose.due_at + SignedDuration::from_secs(delay * i64::from(hours) * 18);
            let mut record = Record::of(dose);
            last_taken = None;
            match deed {
                0 | 1 | 4 => {
                    let before = records.last_mut().filter(|before| deed == 4 && before.taken_at().is_some());
                    if let Some(before) = before {
                        let taken_at = before.due_at - SignedDuration::from_mins(delay * i64::from(hours) / 4);
                        before.apply(&command("c", "anna", Act::Correct { taken_at }), when).unwrap();
                    }
                    record.apply(&take("t", when), when).unwrap();
                    records.push(record);
                    last_taken = Some(when);
                }
                2 => {
                    record.apply(&command("s", "anna", Act::Skip { reason: None }), when).unwrap();
                    records.push(record);
                }
                _ => {}
            }
            after = dose.due_at + SignedDuration::from_mins(1);
        }
        let all = within(plans, &records, &zone, start, after);
        let keys: BTreeSet<_> = all.iter().map(|dose| dose.key.clone()).collect();
        prop_assert_eq!(keys.len(), all.len(), "no key twice");
        prop_assert!(records.iter().all(|record| keys.contains(&record.key)), "what was recorded is there");
        prop_assert!(all.is_sorted_by_key(|dose| dose.due_at));
        let near = |pair: &[Occurrence]| pair[1].due_at.duration_since(pair[0].due_at) < step / 2;
        prop_assert!(!all.windows(2).any(near), "two for one: {:?}", shown(&all));
        // Any part of it is what the whole has there.
        let middle = start + after.duration_since(start) / 2;
        let mut parts = within(plans, &records, &zone, start, middle);
        parts.extend(within(plans, &records, &zone, middle, after));
        prop_assert_eq!(shown(&parts), shown(&all));
    }
}
