//! What is announced, by examples.

use std::collections::BTreeSet;

use jiff::{Timestamp, tz::TimeZone};

use super::*;
use crate::doses::{
    Record,
    occurrence::within,
    remind::{Announced, Next, Situation, next},
};

/// Two medicines in the evening and at night.
fn plans() -> Vec<Plan> {
    let mut heart = Plan { medication: "heart".into(), ..daily("h", &["22:00", "03:00", "06:00"]) };
    heart.policy.critical = true;
    let eyes = Plan { medication: "eyes".into(), ..daily("e", &["01:00", "05:50"]) };
    [eyes, heart].map(|plan| followed("2031-01-05T21:00:00Z", plan)).into()
}

/// A plan that was entered then.
fn followed(from: &str, mut plan: Plan) -> Plan {
    plan.phases[0].rules[0].followed_from = Some(at(from));
    plan
}

fn look(plans: &[Plan], records: &[Record], announced: &BTreeSet<Announced>, now: &str, last: &str) -> Next {
    let last_looked_at = (!last.is_empty()).then(|| at(last));
    next(&Situation { plans, records, zone: &TimeZone::UTC, announced, now: at(now), last_looked_at })
}

fn said(next: &Next) -> (Vec<String>, Vec<String>) {
    let names = |announcements: &[super::super::remind::Announcement]| {
        let named =
            announcements.iter().map(|one| Announced { dose: one.occurrence.key.clone(), what: one.what.clone() });
        named.map(|announced| announced.to_string()).collect()
    };
    (names(&next.announce), names(&next.summary))
}

#[test]
fn announcements_are_read_as_they_are_written() {
    for text in ["late a/2031-01-31/0", "snooze_over:by anna, again a/2031-01-31/0", "snooze_over: a/2031-01-31/7"] {
        assert_eq!(text.parse::<Announced>().unwrap().to_string(), text);
    }
    for text in ["", "late", "late a", "soon a/2031-01-31/0", "snooze_over a/2031-01-31/0"] {
        assert!(text.parse::<Announced>().is_err(), "{text}");
    }
}

#[test]
fn after_a_night_without_power_one_summary_says_what_was_missed() {
    let plans = plans();
    let mut told = BTreeSet::from(["due h/2031-01-05/0".parse().unwrap()]);
    let morning = look(&plans, &[], &told, "2031-01-06T06:10:00Z", "2031-01-05T22:10:00Z");
    let (announced, summary) = said(&morning);
    assert_eq!(announced, ["due e/2031-01-06/1", "due h/2031-01-06/2"], "what can still be taken in time");
    assert_eq!(summary, ["missed h/2031-01-05/0", "late h/2031-01-06/1", "missed e/2031-01-06/0"], "critical first");
    told.extend(morning.keep);
    let again = look(&plans, &[], &told, "2031-01-06T06:10:30Z", "2031-01-06T06:10:00Z");
    assert_eq!(said(&again), (vec![], vec![]), "once, also after another start");
    assert_eq!(again.wake_at, at("2031-01-06T06:20:00Z"), "the next one is late then");
    let later = look(&plans, &[], &told, "2031-01-06T06:20:00Z", "2031-01-06T06:10:30Z");
    assert_eq!(said(&later).0, ["late e/2031-01-06/1"]);
}

#[test]
fn one_late_dose_after_a_pause_is_announced_by_itself() {
    let plans = vec![followed("2031-01-06T00:00:00Z", daily("a", &["08:00"]))];
    for (last, now) in [
        ("", "2031-01-06T08:40:00Z"),
        ("2031-01-05T08:00:00Z", "2031-01-06T08:40:00Z"),
        ("2031-01-06T08:39:59Z", "2031-01-06T08:40:00Z"),
    ] {
        assert_eq!(said(&look(&plans, &[], &BTreeSet::new(), now, last)).0, ["late a/2031-01-06/0"], "{last}");
    }
    let four_minutes = look(&plans, &[], &BTreeSet::new(), "2031-01-06T07:56:01Z", "2031-01-06T07:56:00Z");
    assert_eq!(four_minutes.announce[0].minutes_until, 4, "entered late, reminded at once");
}

#[test]
fn several_medicines_at_one_time_are_announced_one_by_one_whenever_somebody_looked_in_time() {
    let three = || Plan {
        medication: "m".into(),
        ..followed("2031-01-06T00:00:00Z", daily("a", &["08:00", "08:01", "08:02"]))
    };
    // Asleep until the alarm, awake some minutes late, and without power.
    for (last, now, summary) in [
        ("2031-01-06T07:32:00Z", "2031-01-06T08:32:00Z", 0),
        ("2031-01-06T08:02:00Z", "2031-01-06T08:40:00Z", 0),
        ("2031-01-06T08:02:00Z", "2031-01-06T08:50:00Z", 3),
        ("2031-01-06T08:49:00Z", "2031-01-06T08:50:00Z", 0),
    ] {
        let next = look(&[three()], &[], &BTreeSet::new(), now, last);
        assert_eq!((next.announce.len(), next.summary.len()), (3 - summary, summary), "{last} {now}");
    }
}

#[test]
fn a_flood_is_a_summary_in_any_case() {
    let times: Vec<String> = (0..13).map(|minute| format!("08:{minute:02}")).collect();
    let times: Vec<&str> = times.iter().map(String::as_str).collect();
    let plans = vec![followed("2031-01-06T00:00:00Z", daily("a", &times))];
    let many = look(&plans, &[], &BTreeSet::new(), "2031-01-06T09:00:00Z", "2031-01-06T08:59:00Z");
    assert_eq!((many.announce.len(), many.summary.len()), (0, 13));
}

/// A dose at eight that is put off at five past.
fn snoozed(until: &str, critical: bool) -> (Vec<Plan>, Vec<Record>, BTreeSet<Announced>) {
    let mut plan = followed("2031-01-06T00:00:00Z", daily("a", &["08:00"]));
    plan.policy.critical = critical;
    let dose = within(
        std::slice::from_ref(&plan),
        &[],
        &TimeZone::UTC,
        at("2031-01-06T00:00:00Z"),
        at("2031-01-06T09:00:00Z"),
    )
    .remove(0);
    let mut record = Record::of(&dose);
    let snooze = command("s1", "anna", Act::Snooze { until: at(until) });
    record.apply(&snooze, at("2031-01-06T08:05:00Z")).unwrap();
    (vec![plan], vec![record], BTreeSet::from(["due a/2031-01-06/0".parse().unwrap()]))
}

/// Everything that is said from five past eight until one, looking at every alarm.
fn morning(until: &str, critical: bool) -> Vec<String> {
    let (plans, records, mut told) = snoozed(until, critical);
    let mut now: Timestamp = at("2031-01-06T08:05:00Z");
    let mut heard = Vec::new();
    while now < at("2031-01-06T13:00:00Z") {
        let next = look(&plans, &records, &told, &now.to_string(), &now.to_string());
        heard.extend(
            said(&next)
                .0
                .into_iter()
                .map(|said| format!("{} {}", now.strftime("%H:%M"), said.split(' ').next().unwrap())),
        );
        told.extend(next.keep);
        now = next.wake_at;
    }
    heard
}

#[test]
fn a_snooze_is_quiet_until_it_is_over_but_not_about_what_is_critical() {
    assert_eq!(morning("2031-01-06T08:15:00Z", false), ["08:15 snooze_over:s1", "08:30 late", "12:00 missed"]);
    assert_eq!(
        morning("2031-01-06T09:00:00Z", false),
        ["09:00 late", "12:00 missed"],
        "one of the two at once is enough"
    );
    assert_eq!(morning("2031-01-06T09:00:00Z", true), ["08:30 late", "09:00 snooze_over:s1", "12:00 missed"]);
}

#[test]
fn a_dose_that_is_put_off_before_it_is_due_is_quiet_at_its_minute() {
    let (plans, mut records, _) = snoozed("2031-01-06T08:20:00Z", false);
    records[0].entries[0].recorded_at = at("2031-01-06T07:50:00Z");
    let told = BTreeSet::new();
    for (now, expected) in
        [("07:56", None), ("08:00", None), ("08:19", None), ("08:20", Some("snooze_over:s1 a/2031-01-06/0"))]
    {
        let next = look(&plans, &records, &told, &format!("2031-01-06T{now}:00Z"), "2031-01-06T07:50:00Z");
        assert_eq!(said(&next).0.first().map(String::as_str), expected, "{now}");
    }
}

#[test]
fn a_dose_that_is_put_off_after_it_was_late_is_asked_for_again() {
    let (plans, mut records, mut told) = snoozed("2031-01-06T09:00:00Z", false);
    records[0].entries[0].recorded_at = at("2031-01-06T08:35:00Z");
    told.insert("late a/2031-01-06/0".parse().unwrap());
    let next = look(&plans, &records, &told, "2031-01-06T09:00:00Z", "2031-01-06T08:35:00Z");
    assert_eq!(said(&next).0, ["snooze_over:s1 a/2031-01-06/0"]);
}

#[test]
fn what_was_said_by_a_clock_that_was_wrong_is_not_said_again_and_the_rest_is() {
    let plans = vec![followed("2031-01-06T00:00:00Z", daily("a", &["08:00"]))];
    let mut told = BTreeSet::new();
    let mut last = at("2031-01-06T06:00:00Z").to_string();
    let mut heard = Vec::new();
    // Three hours ahead, then right again.
    for now in ["06:00", "09:00", "06:01", "07:55", "08:00", "08:30", "12:00"] {
        let now = format!("2031-01-06T{now}:00Z");
        let next = look(&plans, &[], &told, &now, &last);
        heard.extend(
            said(&next).0.into_iter().map(|said| format!("{} {}", &now[11..16], said.split(' ').next().unwrap())),
        );
        told.extend(next.keep);
        last = now;
    }
    assert_eq!(heard, ["09:00 late", "07:55 reminder", "08:00 due", "12:00 missed"]);
}
