//! Linked rules.

use jiff::tz::TimeZone;

use super::*;
use crate::doses::{
    Record,
    occurrence::{on_date, within},
};

fn breakfast_after_the_tablet() -> [Plan; 2] {
    let tablet = Plan { medication: "tablet".into(), ..daily("x", &["07:00"]) };
    let after = Schedule::Linked { after: "x".into(), minutes: 45, amount: 2.0 };
    [tablet, Plan { medication: "powder".into(), ..plan(vec![rule("y", after)]) }]
}

fn powders(records: &[Record]) -> Vec<(String, bool)> {
    let (from, until) = (at("2031-01-05T00:00:00Z"), at("2031-01-07T00:00:00Z"));
    let found = within(&breakfast_after_the_tablet(), records, &TimeZone::UTC, from, until);
    let powders = found.iter().filter(|dose| dose.medication == "powder");
    powders.map(|dose| (format!("{} {}", dose.key, dose.due_at), dose.provisional)).collect()
}

#[test]
fn a_dose_follows_another_ones_taking_under_that_ones_key() {
    let expected = |first: &str, provisional| {
        vec![(format!("y/2031-01-05/0 {first}"), provisional), ("y/2031-01-06/0 2031-01-06T07:45:00Z".into(), true)]
    };
    assert_eq!(powders(&[]), expected("2031-01-05T07:45:00Z", true));
    let (from, until) = (at("2031-01-05T00:00:00Z"), at("2031-01-05T07:30:00Z"));
    let tablet = within(&breakfast_after_the_tablet(), &[], &TimeZone::UTC, from, until).remove(0);
    let now = at("2031-01-05T07:20:00Z");
    let mut record = Record::of(&tablet);
    record.apply(&take("1", now), now).unwrap();
    assert_eq!(powders(&[record.clone()]), expected("2031-01-05T08:05:00Z", false));
    record.apply(&command("2", "anna", Act::Correct { taken_at: at("2031-01-05T07:10:00Z") }), now).unwrap();
    assert_eq!(powders(&[record.clone()]), expected("2031-01-05T07:55:00Z", false));
    record.apply(&command("3", "anna", Act::Undo { of: None }), now).unwrap();
    record.apply(&command("4", "anna", Act::Undo { of: None }), now).unwrap();
    assert_eq!(powders(&[record.clone()]), expected("2031-01-05T07:45:00Z", true));
    record.apply(&command("5", "anna", Act::Skip { reason: None }), now).unwrap();
    assert_eq!(powders(&[record]), expected("", true)[1..], "nothing follows what was skipped");
}

#[test]
fn what_follows_a_dose_that_was_taken_the_evening_before_or_a_day_late_is_on_that_doses_date() {
    let plans = [plan(vec![
        rule("x", clock(every_day(), &["00:30"])),
        rule("y", Schedule::Linked { after: "x".into(), minutes: 10, amount: 1.0 }),
    ])];
    let day = date("2031-01-06");
    let first = on_date(&plans, &[], &TimeZone::UTC, day).remove(0);
    for (when, due) in
        [("2031-01-05T23:40:00Z", "2031-01-05T23:50:00Z"), ("2031-01-07T00:20:00Z", "2031-01-07T00:30:00Z")]
    {
        let mut record = Record::of(&first);
        record.apply(&take("1", at(when)), at(when)).unwrap();
        let found = on_date(&plans, &[record], &TimeZone::UTC, day);
        let followed = found.iter().find(|dose| dose.key.rule.0 == "y").map(|dose| (dose.due_at, dose.provisional));
        assert_eq!(followed, Some((at(due), false)));
    }
}

#[test]
fn what_was_said_of_a_dose_stays_when_the_one_before_it_is_corrected() {
    let (from, until) = (at("2031-01-05T00:00:00Z"), at("2031-01-06T00:00:00Z"));
    let plans = breakfast_after_the_tablet();
    let tablet = within(&plans, &[], &TimeZone::UTC, from, until).remove(0);
    let now = at("2031-01-05T08:30:00Z");
    let mut first = Record::of(&tablet);
    first.apply(&take("1", at("2031-01-05T07:20:00Z")), now).unwrap();
    let powder = within(&plans, std::slice::from_ref(&first), &TimeZone::UTC, from, until).remove(1);
    let mut second = Record::of(&powder);
    second.apply(&command("2", "anna", Act::Snooze { until: at("2031-01-05T08:50:00Z") }), now).unwrap();
    first.apply(&command("3", "anna", Act::Correct { taken_at: at("2031-01-05T08:20:00Z") }), now).unwrap();
    assert_eq!(powders(&[first, second])[0], ("y/2031-01-05/0 2031-01-05T08:05:00Z".into(), false));
}
