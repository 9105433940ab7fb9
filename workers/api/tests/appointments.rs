//! Appointments over HTTP: what the original did wrong is right here, and what existing clients do not know.

#[path = "../../../tests/recordings/worker.rs"]
mod worker;

use std::path::Path;

use jiff::{Timestamp, ToSpan, tz::TimeZone};
use rusqlite::Connection;
use serde_json::{Value, json};
use worker::{Answer, Running};

fn start(data: &Path) -> Running {
    Running::start(env!("CARGO_BIN_EXE_betti-api"), data, &[])
}

fn made(api: &Running, body: &Value) -> i64 {
    let (status, answer) = api.post("/api/appointments", body);
    assert_eq!(status, 201, "{answer}");
    answer["data"]["id"].as_i64().expect("a number")
}

fn series(api: &Running, starts_at: &str, rule: &Value) -> i64 {
    let body =
        json!({"title": "Physio", "starts_at": starts_at, "is_recurring": 1, "recurrence_rule": rule.to_string()});
    made(api, &body)
}

/// The days of a month on which there is something.
fn days(api: &Running, month: &str) -> String {
    let (status, answer) = api.get(&format!("/api/appointments/month/{month}"));
    assert_eq!(status, 200, "{answer}");
    let days = answer["data"].as_object().expect("days").keys();
    days.map(|date| date[8..].to_owned()).collect::<Vec<_>>().join(" ")
}

fn put(api: &Running, path: &str, body: &Value) -> Answer {
    api.request("PUT", path, &[], Some(body))
}

/// The id that `/api/v1` knows an appointment by.
fn id_of(api: &Running, compat_id: i64, on: &str) -> String {
    let (_, answer) = api.get(&format!("/api/v1/appointments?from={on}&to={on}"));
    let visit = answer["data"].as_array().expect("a list").iter().find(|visit| visit["compat_id"] == compat_id);
    visit.unwrap_or_else(|| panic!("{compat_id} in {answer}"))["id"].as_str().expect("an id").to_owned()
}

/// The kinds of what was left in the outbox.
fn events(data: &Path) -> Vec<String> {
    let file = Connection::open(data.join("api.db")).expect("the database");
    let mut statement =
        file.prepare("SELECT kind FROM outbox WHERE kind LIKE 'appointment.%' ORDER BY home_seq").expect("an outbox");
    statement.query_map([], |row| row.get(0)).expect("kinds").collect::<Result<_, _>>().expect("texts")
}

#[test]
fn every_second_week_is_every_second_week() {
    let data = tempfile::tempdir().unwrap();
    let api = start(data.path());
    series(
        &api,
        "2032-02-02T10:00",
        &json!({"frequency": "weekly", "interval": 2, "daysOfWeek": [1, 4], "endType": "never"}),
    );
    assert_eq!(days(&api, "2032/2"), "02 05 16 19");
    assert_eq!(days(&api, "2032/3"), "01 04 15 18 29");
}

#[test]
fn a_weekly_rule_without_days_is_on_the_day_of_its_start() {
    let data = tempfile::tempdir().unwrap();
    let api = start(data.path());
    series(
        &api,
        "2032-02-03T10:00",
        &json!({"frequency": "weekly", "interval": 1, "daysOfWeek": [], "endType": "never"}),
    );
    assert_eq!(days(&api, "2032/2"), "03 10 17 24");
}

#[test]
fn a_count_counts_from_the_start_of_the_series() {
    let data = tempfile::tempdir().unwrap();
    let api = start(data.path());
    series(
        &api,
        "2032-02-20T10:00",
        &json!({"frequency": "daily", "interval": 5, "endType": "after_count", "count": 4}),
    );
    assert_eq!(
        (days(&api, "2032/2"), days(&api, "2032/3"), days(&api, "2032/4")),
        ("20 25".into(), "01 06".into(), String::new())
    );
}

#[test]
fn the_31st_stays_the_31st_and_a_month_without_one_is_left_out() {
    let data = tempfile::tempdir().unwrap();
    let api = start(data.path());
    series(&api, "2032-01-31T10:00", &json!({"frequency": "monthly", "interval": 1, "endType": "never"}));
    let months = ["1", "2", "3", "4", "5"].map(|month| days(&api, &format!("2032/{month}")));
    assert_eq!(months, ["31", "", "31", "", "31"]);
}

#[test]
fn a_rule_that_cannot_be_read_is_there_once_and_says_so() {
    let data = tempfile::tempdir().unwrap();
    let api = start(data.path());
    let body = json!({"title": "Physio", "starts_at": "2032-02-02T10:00", "is_recurring": true, "recurrence_rule": "now and then"});
    let id = made(&api, &body);
    assert_eq!(
        (days(&api, "2032/1"), days(&api, "2032/2"), days(&api, "2032/3")),
        (String::new(), "02".into(), String::new())
    );
    let (_, row) = api.get(&format!("/api/appointments/{id}"));
    assert_eq!(row["data"]["recurrence_rule"], "now and then");
    let (_, answer) = api.get("/api/v1/appointments?from=2032-02-01&to=2032-02-28");
    let problem = answer["data"][0]["recurrence_problem"].as_str().unwrap();
    assert!(problem.contains("FREQ=WEEKLY"), "{problem}");
    put(&api, &format!("/api/appointments/{id}"), &json!({"recurrence_rule": "FREQ=WEEKLY;COUNT=2"}));
    assert_eq!(days(&api, "2032/2"), "02 09", "an RRULE will do as well");
}

#[test]
fn an_evening_series_is_on_the_residents_days() {
    let data = tempfile::tempdir().unwrap();
    let api = start(data.path());
    let id =
        series(&api, "2032-02-11T01:30:00.000Z", &json!({"frequency": "daily", "interval": 7, "endType": "never"}));
    assert_eq!(days(&api, "2032/2"), "10 17 24", "half past eight in the evening in New York");
    let (_, answer) = api.get("/api/appointments/month/2032/2");
    let first = &answer["data"]["2032-02-10"][0];
    assert_eq!(
        (&first["starts_at"], &first["recurring_instance_date"]),
        (&json!("2032-02-11T01:30:00.000Z"), &json!("2032-02-10"))
    );
    assert_eq!((&first["id"], &first["is_recurring_instance"]), (&json!(id), &json!(true)));
}

#[test]
fn today_is_the_residents_day() {
    let data = tempfile::tempdir().unwrap();
    let api = start(data.path());
    let zone = TimeZone::get(worker::ZONE).unwrap();
    let midnight = zone.to_zoned_datetime(zone.to_datetime(Timestamp::now()).date().into()).unwrap();
    for (title, at) in [
        ("yesterday", midnight.timestamp() - 1.millisecond()),
        ("first", midnight.timestamp()),
        ("last", midnight.tomorrow().unwrap().timestamp() - 1.millisecond()),
        ("tomorrow", midnight.tomorrow().unwrap().timestamp()),
    ] {
        made(&api, &json!({"title": title, "starts_at": at.to_string()}));
    }
    let (_, today) = api.get("/api/appointments/today");
    let titles: Vec<_> = today["data"].as_array().unwrap().iter().map(|row| row["title"].as_str().unwrap()).collect();
    assert_eq!(titles, ["first", "last"]);
}

#[test]
fn a_visit_of_a_series_is_completed_and_only_that_one() {
    let data = tempfile::tempdir().unwrap();
    let api = start(data.path());
    let id = series(&api, "2032-02-02T10:00", &json!({"frequency": "weekly", "interval": 1, "endType": "never"}));
    let post = |what: &str, body: &Value| api.post(&format!("/api/appointments/{id}/{what}"), body);
    let shown = || {
        let (_, month) = api.get("/api/appointments/month/2032/2");
        let rows = month["appointments"].as_array().unwrap().clone();
        rows.iter().map(|row| format!("{} {}", row["status"].as_str().unwrap(), row["notes"])).collect::<Vec<_>>()
    };
    let (status, answer) = post("complete", &json!({"instance_date": "2032-02-09", "notes": "went well"}));
    assert_eq!((status, &answer["message"]), (200, &json!("Recurring appointment instance marked as completed")));
    assert_eq!(shown(), ["scheduled null", "completed \"went well\"", "scheduled null", "scheduled null"]);
    let (_, month) = api.get("/api/appointments/month/2032/2");
    assert!(month["data"]["2032-02-09"][0]["completed_at"].is_string());
    assert_eq!(post("complete", &json!({"instance_date": "2032-02-09", "notes": "went well"})).0, 200);
    assert_eq!(events(data.path()), ["appointment.created", "appointment.completed"], "saying it again is no news");
    let (status, answer) = post("uncomplete", &json!({"instance_date": "2032-02-09"}));
    assert_eq!((status, &answer["message"]), (200, &json!("Recurring appointment instance marked as scheduled")));
    assert_eq!(shown(), ["scheduled null", "scheduled \"went well\"", "scheduled null", "scheduled null"]);
    let (status, answer) = post("complete", &json!({"instance_date": "2032-02-10"}));
    assert_eq!(status, 404, "{answer}");
    assert_eq!(post("complete", &json!({"instance_date": "soon"})).0, 400);
    assert_eq!(post("cancel", &json!({"reason": "moved away"})).0, 200);
    assert_eq!(shown()[1], "cancelled \"went well\"", "an open visit goes with its series");
}

#[test]
fn no_minutes_are_none_and_flags_are_flags() {
    let data = tempfile::tempdir().unwrap();
    let api = start(data.path());
    let (_, answer) =
        api.post("/api/appointments", &json!({"title": "Walk", "starts_at": "2031-06-01T10:00", "reminder_min": 0}));
    assert_eq!(answer["data"]["reminder_min"], 0);
    let path = format!("/api/appointments/{}", answer["data"]["id"]);
    assert_eq!(api.get(&path).1["data"]["reminder_min"], 0);
    for (sent, kept) in [(json!(true), 1), (json!(false), 0), (json!(1), 1), (json!("0"), 0)] {
        let (status, answer) = put(&api, &path, &json!({"all_day": sent}));
        assert_eq!((status, &answer["data"]["all_day"]), (200, &sent));
        assert_eq!(api.get(&path).1["data"]["all_day"], kept);
    }
    let (status, answer) = put(&api, &path, &json!({"reminder_min": -1}));
    assert_eq!(
        (status, &answer["error"]),
        (400, &json!("reminder_min cannot be -1: it is at least 0 and at most 40320"))
    );
    assert_eq!(put(&api, &path, &json!({"title": ""})).0, 400);
    assert_eq!(put(&api, &path, &json!({"starts_at": "soon"})).0, 400);
    assert_eq!(put(&api, &path, &json!([1])).0, 200, "nothing of ours in it");
}

#[test]
fn nobody_is_whom_the_query_says() {
    let data = tempfile::tempdir().unwrap();
    let api = start(data.path());
    let soon = (Timestamp::now() + 2.hours()).to_string();
    let today = (Timestamp::now() + 1.milliseconds()).to_string();
    made(&api, &json!({"title": "Lab", "starts_at": soon}));
    made(&api, &json!({"title": "Now", "starts_at": today}));
    for path in ["/api/appointments?", "/api/appointments?startDate=2000&endDate=2999&", "/api/appointments/upcoming?"]
    {
        assert_ne!(api.get(&format!("{path}userId=1")).1["count"], 0, "{path}");
        assert_eq!(api.get(&format!("{path}userId=3")).1, json!({"success": true, "data": [], "count": 0}), "{path}");
    }
    assert_eq!(api.get("/api/appointments/today?userId=3").1["count"], 0);
    let (_, made_for) =
        api.post("/api/appointments?userId=3", &json!({"title": "Mine", "starts_at": soon, "user_id": 3}));
    assert_eq!(made_for["data"]["user_id"], 1);
}

#[test]
fn a_new_appointment_that_is_sent_again_is_one_appointment() {
    let data = tempfile::tempdir().unwrap();
    let api = start(data.path());
    let send = |path: &str, title: &str| {
        let body = json!({"title": title, "starts_at": "2031-06-01T10:00"});
        api.request("POST", path, &[("Idempotency-Key", &format!("{path}-7"))], Some(&body))
    };
    for path in ["/api/appointments", "/api/v1/appointments"] {
        let first = send(path, "Lab");
        assert_eq!((first.0, send(path, "Lab")), (201, first.clone()));
        assert_eq!(send(path, "Another").0, 422);
    }
    assert_eq!(events(data.path()).len(), 2);
}

#[test]
fn what_was_answered_is_kept_as_it_was_and_nothing_is_deleted() {
    let data = tempfile::tempdir().unwrap();
    let api = start(data.path());
    let id = made(&api, &json!({"title": "Dentist", "starts_at": "2031-05-06T15:00:00.000Z"}));
    let path = format!("/api/appointments/{id}");
    let uuid = id_of(&api, id, "2031-05-06");
    put(&api, &path, &json!({"title": "Dentist, upper floor"}));
    put(&api, &path, &json!({"title": "Dentist, upper floor"}));
    let (_, history) = api.get(&format!("/api/v1/appointments/{uuid}/history"));
    assert_eq!(history["data"]["appointment"].as_array().unwrap().len(), 1, "the same again is no change");
    assert_eq!(history["data"]["appointment"][0]["title"], "Dentist");
    api.kill();
    let api = start(data.path());
    assert_eq!(api.get(&path).1["data"]["title"], "Dentist, upper floor");
    assert_eq!(api.request("DELETE", &path, &[], None).0, 200);
    assert_eq!(api.request("DELETE", &path, &[], None).0, 404);
    assert_eq!(api.get(&format!("/api/v1/appointments/{uuid}")).0, 404);
    let file = Connection::open(data.path().join("api.db")).unwrap();
    let row = file.query_row(
        "SELECT status, version, starts_at, starts_at_written, zone, local_date FROM appointments",
        [],
        |row| {
            let (status, version): (String, i64) = (row.get(0)?, row.get(1)?);
            let times: [String; 4] = [row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?];
            Ok((status, version, times))
        },
    );
    let at = "2031-05-06T15:00:00.000Z";
    let times = [at, at, "America/New_York", "2031-05-06"].map(str::to_owned);
    assert_eq!(row.unwrap(), ("entered-in-error".into(), 3, times));
    assert_eq!(events(data.path()), ["appointment.created", "appointment.changed", "appointment.cancelled"]);
}

#[test]
fn details_are_kept_and_the_compat_shape_does_not_change() {
    let data = tempfile::tempdir().unwrap();
    let api = start(data.path());
    let id =
        made(&api, &json!({"title": "Cardiology", "starts_at": "2031-05-07T09:30", "ends_at": "2031-05-07T10:15"}));
    let before = api.get(&format!("/api/appointments/{id}")).1;
    let path = format!("/api/v1/appointments/{}", id_of(&api, id, "2031-05-07"));
    let patch = |body: &Value| api.request("PATCH", &path, &[], Some(body));
    let (status, answer) = patch(&json!({
        "provider_place": "Main Street 5", "travel_min": 25, "preparation_min": 20, "driver": "Anna",
        "prepare": [{"text": "insurance card"}, {"text": "fast", "kind": "do"}],
    }));
    assert_eq!(status, 200, "{answer}");
    let data_of = |answer: Value| answer["data"].clone();
    let shown = data_of(answer);
    assert_eq!(
        (&shown["leave_by"], &shown["prepare_from"]),
        (&json!("2031-05-07T13:05:00.000Z"), &json!("2031-05-07T12:45:00.000Z"))
    );
    assert_eq!((&shown["driver"], &shown["driver_confirmed_at"]), (&json!("Anna"), &Value::Null));
    assert_eq!(shown["prepare"][0], json!({"text": "insurance card", "kind": "bring", "done": false}));
    let confirmed = data_of(patch(&json!({"driver_confirmed_by": "Anna"})).1);
    assert!(confirmed["driver_confirmed_at"].is_string());
    let mut after = api.get(&format!("/api/appointments/{id}")).1;
    after["data"]["updated_at"] = before["data"]["updated_at"].clone();
    assert_eq!(after, before, "existing clients see what they always saw");
    let moved = api.post(&format!("/api/appointments/{id}/reschedule"), &json!({"starts_at": "2031-05-08T09:30"}));
    assert_eq!(moved.0, 200);
    let shown = data_of(api.get(&path).1);
    assert_eq!(
        (&shown["driver"], &shown["driver_confirmed_by"]),
        (&json!("Anna"), &Value::Null),
        "that was for another day"
    );
    let late = data_of(patch(&json!({"outcome": "no-show", "outcome_notes": "bus was late"})).1);
    assert_eq!((&late["status"], &late["outcome"]), (&json!("no-show"), &json!("no-show")));
    assert_eq!(api.get(&format!("/api/appointments/{id}")).1["data"]["status"], "cancelled", "a word that they know");
    let came = data_of(patch(&json!({"outcome": "fulfilled"})).1);
    assert_eq!((&came["status"], &came["outcome_notes"]), (&json!("completed"), &json!("bus was late")));
    for body in
        [json!({"travel_min": 100_000}), json!({"prepare": "card"}), json!({"colour": "red"}), json!({"outcome": 5})]
    {
        assert_eq!(patch(&body).0, 400, "{body}");
    }
    let kinds = events(data.path());
    assert_eq!(kinds[kinds.len() - 2..], ["appointment.cancelled", "appointment.completed"]);
}

#[test]
fn one_visit_of_a_series_is_moved_ticked_and_taken_out() {
    let data = tempfile::tempdir().unwrap();
    let api = start(data.path());
    let id = series(
        &api,
        "2032-02-02T10:00",
        &json!({"frequency": "weekly", "interval": 1, "endType": "after_count", "count": 4}),
    );
    let path = format!("/api/v1/appointments/{}/instances", id_of(&api, id, "2032-02-02"));
    let moved = json!({"starts_at": "2032-03-03T08:00", "driver": "Ben", "driver_confirmed_by": "Ben", "prepare": [{"text": "towel", "done": true}]});
    let (status, answer) = put(&api, &format!("{path}/2032-02-09"), &moved);
    assert_eq!(status, 200, "{answer}");
    assert_eq!(
        (&answer["data"]["starts_at"], &answer["data"]["instance_date"]),
        (&json!("2032-03-03T13:00:00.000Z"), &json!("2032-02-09"))
    );
    assert_eq!(put(&api, &format!("{path}/2032-02-09"), &moved), (status, answer), "put again");
    assert_eq!((days(&api, "2032/2"), days(&api, "2032/3")), ("02 16 23".into(), "03".into()));
    assert_eq!(put(&api, &format!("{path}/2032-02-10"), &moved).0, 404, "there is no such visit");
    assert_eq!(put(&api, &format!("{path}/soon"), &moved).0, 400);
    assert_eq!(put(&api, &format!("{path}/2032-02-16"), &json!({"is_recurring": false})).0, 400);
    for _ in 0..2 {
        assert_eq!(api.request("DELETE", &format!("{path}/2032-02-16"), &[], None).0, 200);
    }
    assert_eq!(days(&api, "2032/2"), "02 23", "the count counts what was taken out");
    assert_eq!(put(&api, &format!("{path}/2032-02-09"), &json!({"notes": "side door"})).0, 200);
    assert_eq!(
        (days(&api, "2032/2"), days(&api, "2032/3")),
        ("02 09 23".into(), String::new()),
        "as its series has it"
    );
    let kinds = ["created", "changed", "cancelled", "changed"].map(|kind| format!("appointment.{kind}"));
    assert_eq!(events(data.path()), kinds);
}

#[test]
fn conflicts_are_shown_also_with_visits_of_a_series_and_on_the_way() {
    let data = tempfile::tempdir().unwrap();
    let api = start(data.path());
    series(&api, "2032-02-02T10:00", &json!({"frequency": "weekly", "interval": 1, "endType": "never"}));
    let lab = made(&api, &json!({"title": "Lab", "starts_at": "2032-02-16T11:30"}));
    made(&api, &json!({"title": "Lunch", "starts_at": "2032-02-16T12:00"}));
    let path = format!("/api/v1/appointments/{}", id_of(&api, lab, "2032-02-16"));
    api.request("PATCH", &path, &[], Some(&json!({"travel_min": 40})));
    let (_, answer) = api.get("/api/v1/appointments?from=2032-02-09&to=2032-02-16");
    let shown: Vec<_> = answer["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|visit| {
            let conflicts = visit["conflicts"].as_array().unwrap().iter();
            let named = conflicts
                .map(|other| format!("{} {}", other["kind"].as_str().unwrap(), other["title"].as_str().unwrap()));
            format!(
                "{} {}: {}",
                visit["date"].as_str().unwrap(),
                visit["title"].as_str().unwrap(),
                named.collect::<Vec<_>>().join(", ")
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            "2032-02-09 Physio: ",
            "2032-02-16 Physio: leave_by Lab",
            "2032-02-16 Lab: leave_by Physio, overlap Lunch",
            "2032-02-16 Lunch: overlap Lab",
        ]
    );
    for query in ["from=soon", "from=2032-02-16&to=2032-02-01", "from=2032-02-16&to=2040-02-01"] {
        assert_eq!(api.get(&format!("/api/v1/appointments?{query}")).0, 400, "{query}");
    }
}

#[test]
fn whoever_was_seen_before_is_known_with_phone_and_place() {
    let data = tempfile::tempdir().unwrap();
    let api = start(data.path());
    for (name, phone, location, starts_at) in [
        ("Dr. Example", "555-0100", "Clinic B", "2031-05-07T09:30"),
        ("Dr. Example", "555-0199", "Clinic C", "2031-06-07T09:30"),
        ("Dr. Another", "555-0101", "Clinic D", "2031-01-07T09:30"),
    ] {
        let body = json!({"title": "Check", "starts_at": starts_at, "provider_name": name, "provider_phone": phone, "location": location});
        made(&api, &body);
    }
    let expected = json!([
        {"name": "Dr. Another", "phone": "555-0101", "place": "Clinic D"},
        {"name": "Dr. Example", "phone": "555-0199", "place": "Clinic C"},
    ]);
    assert_eq!(api.get("/api/v1/appointments/providers").1["data"], expected);
}

#[test]
fn this_visit_and_all_that_follow_become_a_series_of_their_own() {
    let data = tempfile::tempdir().unwrap();
    let api = start(data.path());
    let id = series(
        &api,
        "2032-02-02T10:00",
        &json!({"frequency": "weekly", "interval": 1, "endType": "after_count", "count": 6}),
    );
    let path = format!("/api/v1/appointments/{}/instances", id_of(&api, id, "2032-02-02"));
    for date in ["2032-02-02", "2032-02-23"] {
        api.post(&format!("/api/appointments/{id}/complete"), &json!({"instance_date": date}));
    }
    let (status, later) = api.post(&format!("{path}/2032-02-16/split"), &json!({"location": "Clinic C"}));
    assert_eq!((status, &later["data"]["recurrence"]["rrule"]), (201, &json!("FREQ=WEEKLY;COUNT=4")), "{later}");
    let (_, answer) = api.get("/api/v1/appointments?from=2032-02-01&to=2032-03-31");
    let shown: Vec<_> = answer["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|visit| {
            format!("{} {} {}", visit["date"].as_str().unwrap(), visit["status"].as_str().unwrap(), visit["location"])
        })
        .collect();
    assert_eq!(
        shown,
        [
            "2032-02-02 completed null",
            "2032-02-09 scheduled null",
            "2032-02-16 scheduled \"Clinic C\"",
            "2032-02-23 completed \"Clinic C\"",
            "2032-03-01 scheduled \"Clinic C\"",
            "2032-03-08 scheduled \"Clinic C\"",
        ]
    );
    let later = format!("/api/v1/appointments/{}/instances", later["data"]["id"].as_str().unwrap());
    api.request("PATCH", later.trim_end_matches("/instances"), &[], Some(&json!({"ends_at": "2032-02-16T10:45"})));
    let body = json!({"starts_at": "2032-03-02T14:00"});
    let (_, moved) = api.post(&format!("{later}/2032-03-01/split"), &body);
    assert_eq!(moved["data"]["ends_at"], "2032-03-02T19:45:00.000Z", "as long as before: {moved}");
    for (date, status) in [("2032-02-02", 400), ("2032-02-10", 404), ("2032-02-16", 404)] {
        assert_eq!(api.post(&format!("{path}/{date}/split"), &json!({})).0, status, "{date}");
    }
    assert_eq!(events(data.path())[3..5], ["appointment.changed", "appointment.created"]);
}

#[test]
fn nothing_ends_before_it_begins() {
    let data = tempfile::tempdir().unwrap();
    let api = start(data.path());
    let id = series(&api, "2032-02-02T10:00", &json!({"frequency": "weekly", "interval": 1, "endType": "never"}));
    let path = format!("/api/v1/appointments/{}", id_of(&api, id, "2032-02-02"));
    let patch = |body: &Value| api.request("PATCH", &path, &[], Some(body)).0;
    assert_eq!(patch(&json!({"ends_at": "2032-02-02T09:59"})), 400);
    assert_eq!(patch(&json!({"ends_at": "2032-02-02T10:45"})), 200);
    assert_eq!(patch(&json!({"starts_at": "2032-02-03T10:00"})), 400);
    assert_eq!(put(&api, &format!("{path}/instances/2032-02-09"), &json!({"ends_at": "2032-02-09T09:00"})).0, 400);
    assert_eq!(put(&api, &format!("{path}/instances/2032-02-09"), &json!({"ends_at": "2032-02-09T11:00"})).0, 200);
}

#[test]
fn a_year_of_days_is_shown_and_one_more_is_said_to_be_left_out() {
    let data = tempfile::tempdir().unwrap();
    let api = start(data.path());
    series(&api, "2020-01-01T10:00", &json!({"frequency": "daily", "interval": 1, "endType": "never"}));
    let asked = |to: &str| {
        let (_, answer) = api.get(&format!("/api/v1/appointments?from=2031-01-01&to={to}"));
        let last = answer["data"].as_array().unwrap().last().unwrap()["date"].clone();
        (last, answer["count"].clone(), answer["truncated"].clone())
    };
    assert_eq!(asked("2031-12-31"), (json!("2031-12-31"), json!(365), json!(false)));
    assert_eq!(asked("2032-01-01"), (json!("2031-12-31"), json!(365), json!(true)));
    assert_eq!(api.get("/api/appointments/upcoming?days=3000&limit=3000").1["count"], 365);
}

#[test]
fn another_resident_has_appointments_of_their_own_in_their_zone() {
    let data = tempfile::tempdir().unwrap();
    let api = start(data.path());
    let (status, resident) = api.post("/api/v1/residents", &json!({"name": "Karl", "zone": "Europe/Berlin"}));
    assert_eq!(status, 201, "{resident}");
    let (status, made) = api.post("/api/v1/appointments?resident=2", &json!({
        "title": "Physio", "starts_at": "2031-03-28T02:30", "is_recurring": true, "recurrence_rule": "FREQ=DAILY;COUNT=4",
        "travel_min": 10,
    }));
    assert_eq!((status, &made["data"]["subject"]), (201, &json!(2)), "{made}");
    let (_, list) = api.get("/api/v1/appointments?resident=2&from=2031-03-01&to=2031-04-01");
    let starts: Vec<_> =
        list["data"].as_array().unwrap().iter().map(|visit| visit["starts_at"].as_str().unwrap()).collect();
    let expected = ["28T01:30", "29T01:30", "30T01:30", "31T00:30"].map(|at| format!("2031-03-{at}:00.000Z"));
    assert_eq!(starts, expected, "half past two is half past three in the night of the change");
    assert_eq!(days(&api, "2031/3"), "", "not the one whom existing clients mean");
    assert_eq!(api.get(&format!("/api/appointments/{}", made["data"]["compat_id"])).0, 404);
    assert_eq!(api.get("/api/v1/appointments?resident=9").0, 404);
}

#[test]
fn who_has_not_seen_the_newest_version_changes_nothing() {
    let data = tempfile::tempdir().unwrap();
    let api = start(data.path());
    let id = series(&api, "2032-02-02T10:00", &json!({"frequency": "weekly", "interval": 1, "endType": "never"}));
    let path = format!("/api/v1/appointments/{}", id_of(&api, id, "2032-02-02"));
    let send = |method: &str, path: &str, seen: &str, body: Value| {
        let body = (method != "DELETE").then_some(&body);
        api.request(method, path, &[("If-Match", seen)], body)
    };
    let (status, answer) = send("PATCH", &path, "\"1\"", json!({"title": "Physio with Ann"}));
    assert_eq!((status, &answer["data"]["version"]), (200, &json!(2)));
    let (status, answer) = send("PATCH", &path, "\"1\"", json!({"title": "Physio with Bob"}));
    let text = "this appointment is at version 2 by now: look at it, then send that version with If-Match";
    assert_eq!((status, answer["error"].as_str()), (412, Some(text)));
    assert_eq!(
        send("PATCH", &path, "\"1\"", json!({"title": "Physio with Ann"})).0,
        200,
        "what is so already, sent again"
    );
    assert_eq!(send("PATCH", &path, "*", json!({"location": "Room 2"})).0, 200);
    assert_eq!(send("PATCH", &path, "new", json!({"location": "Room 3"})).0, 400);

    // A visit has a version of its own: 0 while it is as its series has it, which may change without it.
    let visit = format!("{path}/instances/2032-02-09");
    let (_, list) = api.get("/api/v1/appointments?from=2032-02-09&to=2032-02-09");
    assert_eq!(list["data"][0]["visit_version"], 0);
    let (status, answer) = send("PUT", &visit, "\"0\"", json!({"driver": "Ann"}));
    assert_eq!((status, &answer["data"]["visit_version"]), (200, &json!(1)), "{answer}");
    let (status, answer) = send("PUT", &visit, "\"0\"", json!({"driver": "Bob"}));
    assert_eq!(status, 412, "{answer}");
    let (status, answer) = send("PUT", &visit, "\"0\"", json!({"driver": "Ann"}));
    assert_eq!((status, &answer["data"]["visit_version"]), (200, &json!(1)), "the same again: {answer}");
    assert_eq!(send("DELETE", &visit, "\"0\"", Value::Null).0, 412);
    assert_eq!(send("DELETE", &visit, "\"1\"", Value::Null).0, 200);

    let split = format!("{path}/instances/2032-02-16/split");
    assert_eq!(send("POST", &split, "\"2\"", json!({})).0, 412);
    assert_eq!(send("POST", &split, "\"3\"", json!({})).0, 201);
    let (_, list) = api.get("/api/v1/appointments?from=2032-02-02&to=2032-02-16");
    let drivers: Vec<_> = list["data"].as_array().unwrap().iter().map(|visit| visit["driver"].clone()).collect();
    assert_eq!(drivers, [Value::Null, Value::Null], "one was taken out");
}

#[test]
fn two_who_change_the_same_version_at_once_do_not_both_win() {
    let data = tempfile::tempdir().unwrap();
    let api = start(data.path());
    let id = made(&api, &json!({"title": "Physio", "starts_at": "2032-02-02T10:00"}));
    let path = format!("/api/v1/appointments/{}", id_of(&api, id, "2032-02-02"));
    let mut outcomes: Vec<u16> = std::thread::scope(|scope| {
        let change = |name: usize| {
            let body = json!({"driver": format!("driver {name}")});
            api.request("PATCH", &path, &[("If-Match", "\"1\"")], Some(&body)).0
        };
        let all: Vec<_> = (0..8).map(|name| scope.spawn(move || change(name))).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    outcomes.sort_unstable();
    assert_eq!(outcomes, [200, 412, 412, 412, 412, 412, 412, 412]);
}

#[test]
fn what_a_series_goes_on_as_does_not_end_before_it_begins_either() {
    let data = tempfile::tempdir().unwrap();
    let api = start(data.path());
    let id = series(&api, "2032-02-02T10:00", &json!({"frequency": "weekly", "interval": 1, "endType": "never"}));
    let path = format!("/api/v1/appointments/{}/instances", id_of(&api, id, "2032-02-02"));
    let (status, answer) = api.post(&format!("{path}/2032-02-16/split"), &json!({"ends_at": "2032-02-16T09:00"}));
    assert_eq!((status, answer["error"].as_str()), (400, Some("ends_at must not be before starts_at")));
    assert_eq!(days(&api, "2032/2"), "02 09 16 23", "nothing was split");
}

#[test]
fn a_key_is_of_one_resident_and_of_an_appointment_that_is_still_there() {
    let data = tempfile::tempdir().unwrap();
    let api = start(data.path());
    assert_eq!(api.post("/api/v1/residents", &json!({"name": "Karl"})).0, 201);
    let body = json!({"title": "Eyes", "starts_at": "2032-02-02T10:00"});
    let send = |query: &str| {
        api.request("POST", &format!("/api/v1/appointments{query}"), &[("Idempotency-Key", "eyes")], Some(&body))
    };
    let (status, first) = send("");
    assert_eq!((status, send("").1), (201, first.clone()));
    assert_eq!(send("?resident=2").0, 422, "the first resident's appointment is no answer to the second one");
    assert_eq!(api.request("DELETE", &format!("/api/appointments/{}", first["data"]["compat_id"]), &[], None).0, 200);
    let (status, answer) = send("");
    assert_eq!(status, 409, "{answer}");
    assert!(answer["error"].as_str().unwrap().contains("was deleted"), "{answer}");
}

#[test]
fn two_who_move_both_ends_at_once_do_not_turn_it_around() {
    let data = tempfile::tempdir().unwrap();
    let api = start(data.path());
    let times = json!({"title": "Physio", "starts_at": "2032-02-02T10:00", "ends_at": "2032-02-02T13:00"});
    for round in 0..20 {
        let (_, made) = api.post("/api/v1/appointments", &times);
        let path = format!("/api/v1/appointments/{}", made["data"]["id"].as_str().unwrap());
        let patch = |body: Value| api.request("PATCH", &path, &[], Some(&body)).0;
        let (one, other) = std::thread::scope(|scope| {
            let one = scope.spawn(|| patch(json!({"starts_at": "2032-02-02T12:00"})));
            let other = scope.spawn(|| patch(json!({"ends_at": "2032-02-02T11:00"})));
            (one.join().unwrap(), other.join().unwrap())
        });
        assert_eq!(one + other, 200 + 400, "one of them comes first, in round {round}");
    }
}
