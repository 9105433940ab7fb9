//! Linked rules.

use jiff::tz::TimeZone;

use super::*;
use crate::doses::{Record, occurrence::within};

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
