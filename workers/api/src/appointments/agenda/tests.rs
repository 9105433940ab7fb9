use serde_json::{Value, json};

use super::*;
use crate::appointments::{change, content::Content};

pub fn home() -> Home {
    Home::of_name("America/New_York").unwrap()
}

pub fn appointment(compat_id: i64, body: &Value) -> Appointment {
    let changes = change::create(body, change::Scope::Compat, &home()).unwrap();
    let content: Content = serde_json::from_value(Value::Object(changes)).unwrap();
    let moment = |written: &str| Moment::of(written, content.all_day, &home()).unwrap();
    Appointment {
        compat_id,
        id: compat_id.to_string(),
        subject: 1,
        starts: moment(&content.starts_at),
        ends: content.ends_at.as_deref().map(moment),
        content,
        zone: "America/New_York".into(),
        version: 1,
        recorded_at: Timestamp::UNIX_EPOCH,
        updated_at: Timestamp::UNIX_EPOCH,
    }
}

pub fn series(rule: &str, starts_at: &str, ends_at: &str) -> Appointment {
    let body = json!({"title": "Physio", "starts_at": starts_at, "ends_at": ends_at, "is_recurring": 1,
        "recurrence_rule": rule});
    appointment(7, &body)
}

pub fn edit(date: &str, changes: &Value) -> Edit {
    let (date, changes) = (date.parse().unwrap(), changes.as_object().unwrap().clone());
    Edit { compat_id: 1, id: "1".into(), appointment: 7, date, changes, removed: false, version: 1 }
}

pub fn window(from: &str, until: &str) -> Window {
    Window { from: from.parse().unwrap(), until: until.parse().unwrap() }
}

fn shown(appointment: &Appointment, edits: &[Edit], window: Window) -> Vec<String> {
    let line = |visit: &Visit| {
        let end = visit.ends_at.map_or_else(String::new, |end| end.strftime("-%H:%M").to_string());
        let status = visit.appointment.content.status.name();
        format!("{} {}{end} {status}", visit.date, visit.starts_at.strftime("%H:%M"))
    };
    visits(std::slice::from_ref(appointment), edits, &home(), window, 365).iter().map(line).collect()
}

#[test]
fn visits_are_edited_one_by_one() {
    let series = series("FREQ=WEEKLY", "2032-02-02T10:00", "2032-02-02T10:45");
    let month = window("2032-02-01T05:00Z", "2032-03-01T04:59Z");
    let mut removed = edit("2032-02-23", &json!({}));
    removed.removed = true;
    let edits = [
        edit("2032-02-02", &json!({"status": "completed"})),
        edit("2032-02-09", &json!({"starts_at": "2032-02-10T14:00"})),
        edit("2032-02-16", &json!({"status": "cancelled", "ends_at": null})),
        removed,
        edit("2032-02-24", &json!({"starts_at": "2032-02-25T14:00"})), // No such visit: its rule changed.
    ];
    let expected =
        ["2032-02-02 15:00-15:45 completed", "2032-02-10 19:00-19:45 scheduled", "2032-02-16 15:00 cancelled"];
    assert_eq!(shown(&series, &edits, month), expected);
}

#[test]
fn a_visit_is_where_it_was_moved_to_and_nowhere_else() {
    let series = series("FREQ=WEEKLY;COUNT=5", "2032-02-02T10:00", "2032-02-02T10:45");
    let moved = [edit("2032-02-16", &json!({"starts_at": "2032-03-03T08:00", "ends_at": "2032-03-03T09:30"}))];
    let around = |from: &str, until: &str| shown(&series, &moved, window(from, until));
    assert_eq!(around("2032-02-16T00:00Z", "2032-02-17T00:00Z"), Vec::<String>::new());
    assert_eq!(around("2032-03-02T00:00Z", "2032-03-04T00:00Z"), ["2032-03-03 13:00-14:30 scheduled"]);
    let before = [edit("2032-02-02", &json!({"starts_at": "2032-01-30T10:00"}))];
    let january = window("2032-01-01T00:00Z", "2032-02-01T00:00Z");
    assert_eq!(shown(&series, &before, january), ["2032-01-30 15:00-15:45 scheduled"], "before the series itself");
}

#[test]
fn each_visit_has_the_status_of_its_series_unless_it_has_its_own() {
    let mut series = series("FREQ=WEEKLY", "2032-02-02T10:00", "2032-02-02T10:45");
    series.content.status = super::super::status::Status::Cancelled;
    let edits = [edit("2032-02-02", &json!({"status": "completed"}))];
    let expected = ["2032-02-02 15:00-15:45 completed", "2032-02-09 15:00-15:45 cancelled"];
    assert_eq!(shown(&series, &edits, window("2032-02-01T00:00Z", "2032-02-10T00:00Z")), expected);
}

#[test]
fn an_evening_is_on_the_residents_day_and_ends_on_the_clock() {
    let evening = series("FREQ=DAILY", "2031-03-07T21:30", "2031-03-08T07:00");
    let days = window("2031-03-08T02:00Z", "2031-03-10T12:00Z");
    let expected =
        ["2031-03-07 02:30-12:00 scheduled", "2031-03-08 02:30-11:00 scheduled", "2031-03-09 01:30-11:00 scheduled"];
    assert_eq!(shown(&evening, &[], days), expected);
    let across = series("FREQ=DAILY", "2031-03-08T01:30", "2031-03-08T02:30");
    let expected = ["2031-03-09 06:30-07:30 scheduled"];
    assert_eq!(
        shown(&across, &[], window("2031-03-09T06:00Z", "2031-03-09T12:00Z")),
        expected,
        "half past two is half past three"
    );
}

#[test]
fn a_rule_that_cannot_be_read_is_one_visit_at_its_own_time() {
    for rule in ["every other week", "", "FREQ=HOURLY", "{}"] {
        let unreadable = series(rule, "2032-02-02T10:00", "2032-02-02T10:45");
        assert_eq!(shown(&unreadable, &[], window("2032-02-01T00:00Z", "2032-02-28T00:00Z")).len(), 1, "{rule}");
        assert_eq!(shown(&unreadable, &[], window("2032-03-01T00:00Z", "2032-03-28T00:00Z")).len(), 0, "{rule}");
    }
}

#[test]
fn whole_days_stay_on_their_dates() {
    let body = json!({"title": "Fast", "starts_at": "2031-03-08T00:00:00.000Z", "all_day": 1, "is_recurring": 1,
        "recurrence_rule": "FREQ=DAILY;UNTIL=20310310"});
    let shown = shown(&appointment(7, &body), &[], window("2031-03-01T00:00Z", "2031-04-01T00:00Z"));
    assert_eq!(shown, ["2031-03-08 05:00 scheduled", "2031-03-09 05:00 scheduled", "2031-03-10 04:00 scheduled"]);
}
