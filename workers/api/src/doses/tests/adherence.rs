//! Counting doses.

use jiff::{SignedDuration, tz::TimeZone};
use proptest::prelude::*;

use super::*;
use crate::doses::{
    Record,
    adherence::{Adherence, Tally, adherence, listed},
    occurrence::{on_date, on_dates},
    plan::Prn,
    prn,
};

const DAYS: (&str, &str) = ("2031-01-04", "2031-01-06");

fn counted(plans: &[Plan], records: &[Record], now: &str) -> Adherence {
    adherence(plans, records, &TimeZone::UTC, (date(DAYS.0), date(DAYS.1)), at(now))
}

/// Of the dose of that key.
fn said(plans: &[Plan], day: &str, slot: usize, now: &str, act: Act) -> Record {
    let dose = on_date(plans, &[], &TimeZone::UTC, date(day)).remove(slot);
    let mut record = Record::of(&dose);
    let command = Command { override_reason: Some("so".into()), ..command("c", "anna", act) };
    record.apply(&command, at(now)).unwrap();
    record
}

fn took(plans: &[Plan], day: &str, slot: usize, time: &str) -> Record {
    let now = format!("{day}T{time}:00Z");
    said(plans, day, slot, &now, Act::Take { at: at(&now), amount: None, note: None })
}

#[test]
fn a_dose_of_which_nobody_said_anything_counts() {
    let plans = [daily("a", &["08:00", "20:00"])];
    let silent = counted(&plans, &[], "2031-01-06T08:10:00Z");
    assert_eq!(silent.total, Tally { due: 5, missed: 4, pending: 1, ..Tally::default() });
    assert_eq!(silent.total.taken_percent(), Some(0.0));
    let records = [
        took(&plans, "2031-01-04", 0, "08:20"),
        took(&plans, "2031-01-04", 1, "23:00"),
        said(&plans, "2031-01-05", 0, "2031-01-05T08:00:00Z", Act::Skip { reason: None }),
        said(&plans, "2031-01-06", 0, "2031-01-06T08:10:00Z", Act::Snooze { until: at("2031-01-06T09:00:00Z") }),
        // Taken with today's first ones, because of a journey.
        took(&plans, "2031-01-06", 1, "08:10"),
    ];
    let some = counted(&plans, &records, "2031-01-06T08:40:00Z");
    assert_eq!(some.total, Tally { due: 6, taken: 2, taken_late: 1, skipped: 1, missed: 1, late: 1, pending: 0 });
    assert_eq!(some.total.taken_percent(), Some(50.0));
    let by_day: Vec<u32> = some.by_day.values().map(|tally| tally.due).collect();
    assert_eq!(by_day, [2, 2, 2]);
    assert_eq!(some.by_medication.get("1"), Some(&some.total));
}

#[test]
fn days_without_a_dose_are_there_and_have_no_rate() {
    let nothing = counted(&[], &[], "2031-01-06T08:10:00Z");
    assert_eq!(nothing.by_day.len(), 3);
    assert_eq!((nothing.total.taken_percent(), nothing.by_medication.len()), (None, 0));
    // Entered after the last of these days.
    let mut later = daily("a", &["08:00"]);
    later.phases[0].rules[0].followed_from = Some(at("2031-01-06T09:00:00Z"));
    assert_eq!(counted(&[later], &[], "2031-01-06T23:00:00Z").total, Tally::default());
}

#[test]
fn what_hangs_on_a_dose_that_nobody_took_is_not_due() {
    let linked = rule("y", Schedule::Linked { after: "x".into(), minutes: 30, amount: 1.0 });
    let plans = [plan(vec![rule("x", clock(every_day(), &["08:00"])), linked])];
    let total = counted(&plans, &[took(&plans, "2031-01-05", 0, "08:00")], "2031-01-06T07:00:00Z").total;
    assert_eq!(
        total,
        Tally { due: 3, taken: 1, missed: 2, ..Tally::default() },
        "two tablets, and what follows the taken one"
    );
}

#[test]
fn what_was_said_stays_when_its_rule_is_gone_and_as_needed_does_not_count() {
    let mut plans = vec![daily("a", &["08:00", "20:00"])];
    let taken = took(&plans, "2031-01-05", 0, "08:00");
    let skipped = said(&plans, "2031-01-06", 0, "2031-01-06T08:05:00Z", Act::Skip { reason: None });
    plans[0].phases[0].rules[0].retired_at = Some(at("2031-01-06T09:00:00Z"));
    plans.push(plan(vec![rule("p", Schedule::Prn(Prn::default()))]));
    let now = at("2031-01-06T10:00:00Z");
    let mut headache =
        prn::record(&prn::occurrence(&plans[1], &plans[1].phases[0].rules[0], &[], &TimeZone::UTC, now, 1.0));
    headache.apply(&take("h", now), now).unwrap();
    let records = [taken, skipped, headache];
    let list: Vec<String> = listed(&plans, &records, &TimeZone::UTC, date("2031-01-05"), date("2031-01-06"))
        .iter()
        .map(|dose| format!("{} {}", dose.occurrence.key, dose.record.is_some()))
        .collect();
    assert_eq!(list, ["a/2031-01-05/0 true", "a/2031-01-05/1 false", "a/2031-01-06/0 true"]);
    let total = counted(&plans, &records, "2031-01-06T23:00:00Z").total;
    assert_eq!(total, Tally { due: 5, taken: 1, skipped: 1, missed: 3, ..Tally::default() });
    // Half an hour after it was due it was noticed to be late; only then the rule went.
    let mut late = Record::of(&on_date(&[daily("a", &["09:00"])], &[], &TimeZone::UTC, date("2031-01-06"))[0]);
    late.notice_late(at("2031-01-06T09:30:00Z"));
    assert_eq!(counted(&[], &[late], "2031-01-06T23:00:00Z").total, Tally { due: 1, missed: 1, ..Tally::default() });
    // The rule is not even known any more.
    let total = counted(&[], &records, "2031-01-06T23:00:00Z").total;
    assert_eq!(total, Tally { due: 2, taken: 1, skipped: 1, ..Tally::default() });
}

proptest! {
    #![proptest_config(cases(48))]

    #[test]
    fn every_due_dose_is_counted_once(
        (zone, year) in a_zone(),
        slots in some_slots(),
        deeds in prop::collection::vec(0_u8..5, 60),
        hours in 0_i64..24 * 14,
    ) {
        let first = date(&format!("{year}-03-25"));
        let last = first.saturating_add(jiff::Span::new().days(13));
        let plans = [plan(vec![rule("r", Schedule::Clock { days: every_day(), cycle: None, slots })])];
        let doses = on_dates(&plans, &[], &zone, first, last);
        let now = doses[0].due_at + SignedDuration::from_hours(hours);
        let mut records = Vec::new();
        for (dose, deed) in doses.iter().zip(deeds) {
            let act = match deed {
                0 => Act::Take { at: dose.due_at, amount: None, note: None },
                1 => Act::Take { at: dose.due_at + SignedDuration::from_mins(31), amount: None, note: None },
                2 => Act::Skip { reason: None },
                _ => continue,
            };
            let mut record = Record::of(dose);
            record.apply(&command("c", "anna", act), dose.due_at + SignedDuration::from_hours(1)).unwrap();
            records.push(record);
        }
        let counted = adherence(&plans, &records, &zone, (first, last), now);
        let Tally { due, taken, taken_late, skipped, missed, late, pending } = counted.total;
        prop_assert_eq!(due, taken + taken_late + skipped + missed + late + pending);
        let settled = |dose: &&Occurrence| records.iter().any(|record| record.key == dose.key);
        prop_assert_eq!(due as usize, doses.iter().filter(|dose| dose.due_at <= now || settled(dose)).count());
        prop_assert_eq!((taken + taken_late + skipped) as usize, records.len());
        prop_assert_eq!(counted.by_day.values().map(|tally| tally.due).sum::<u32>(), due);
        prop_assert_eq!(counted.by_medication.values().map(|tally| tally.due).sum::<u32>(), due);
    }
}
