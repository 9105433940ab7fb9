//! Days merged from several sources, the goals of a week, tests of strength and balance.

#[path = "../../../tests/recordings/worker.rs"]
mod worker;

use std::path::Path;

use rusqlite::Connection;
use serde_json::{Value, json};
use worker::Running;

fn start(data: &Path) -> Running {
    Running::start(env!("CARGO_BIN_EXE_betti-api"), data, &[])
}

fn count(data: &Path, sql: &str) -> i64 {
    let file = Connection::open(data.join("api.db")).expect("the database");
    file.query_row(sql, [], |row| row.get(0)).expect("a number")
}

fn counted(source: &str, from: &str, until: &str, steps: u32) -> Value {
    json!({"source": source, "intervals": [{"started_at": from, "ended_at": until, "steps": steps}]})
}

#[test]
fn a_phone_and_a_watch_are_neither_added_nor_is_one_of_them_forgotten() {
    let data = tempfile::tempdir().unwrap();
    let api = start(data.path());
    // On the resident's clock; the last one is over midnight.
    for body in [
        counted("phone", "2030-06-02T10:00", "2030-06-02T11:00", 600),
        counted("watch", "2030-06-02T10:30", "2030-06-02T11:30", 900),
        counted("watch", "2030-06-02T23:30", "2030-06-03T00:30", 100),
    ] {
        let (status, answer) = api.post("/api/v1/activity", &body);
        assert_eq!((status, &answer["data"]["changed"]), (201, &json!(1)), "{answer}");
        let (_, again) = api.post("/api/v1/activity", &body);
        assert_eq!(again["data"], json!({"received": 1, "changed": 0}), "told again");
    }
    let day = |date: &str| {
        let (status, answer) = api.get(&format!("/api/v1/activity?from={date}&to={date}"));
        assert_eq!(status, 200, "{answer}");
        answer["data"]["days"][0].clone()
    };
    let first = day("2030-06-02");
    assert_eq!(first["figures"]["steps"], 1_250);
    assert_eq!(first["merged"]["steps"], json!({"phone": 300.0, "watch": 950.0}));
    assert_eq!(day("2030-06-03")["figures"]["steps"], 50);
    // A device that only knows the day has more, or less.
    let put = |steps: u32| {
        let body = json!({"date": "2030-06-02", "steps": steps, "distance_miles": 1});
        assert_eq!(api.request("PUT", "/api/fitness/daily", &[], Some(&body)).0, 200);
        day("2030-06-02")["figures"].clone()
    };
    assert_eq!((&put(9_000)["steps"], &put(1_000)["steps"]), (&json!(9_000), &json!(1_250)));
    assert_eq!(day("2030-06-02")["figures"]["distance_m"], 1_609);
    // Another count of the same time by the same source is the newer word.
    api.post("/api/v1/activity", &counted("watch", "2030-06-02T10:30", "2030-06-02T11:30", 300));
    assert_eq!(day("2030-06-02")["figures"]["steps"], 1_000);
    assert_eq!(count(data.path(), "SELECT count(*) FROM history WHERE table_name = 'activity_intervals'"), 1);
    assert_eq!(api.get("/api/v1/activity?from=2030-01-01&to=2031-01-01").0, 400);
    assert_eq!(api.get("/api/v1/activity?from=2030-01-02&to=2030-01-01").0, 400);
    assert_eq!(api.post("/api/v1/activity", &counted("w", "2030-06-02T10:30", "2030-06-02T10:30", 1)).0, 400);
}

#[test]
fn existing_clients_see_the_merged_day_too() {
    let data = tempfile::tempdir().unwrap();
    let api = start(data.path());
    let now = jiff::Timestamp::now();
    let zone = jiff::tz::TimeZone::get(worker::ZONE).unwrap();
    let midnight = zone.to_zoned_datetime(zone.to_datetime(now).date().into()).unwrap().timestamp();
    let (from, until) = (midnight.to_string(), (midnight + jiff::SignedDuration::from_mins(10)).to_string());
    api.post("/api/v1/activity", &counted("phone", &from, &until, 700));
    api.post("/api/v1/activity", &counted("watch", &from, &until, 800));
    assert_eq!(api.get("/api/fitness/today").1["data"]["steps"], 800);
    assert_eq!(api.get("/api/fitness/weekly").1["data"]["totals"]["steps"], 800);
}

#[test]
fn a_week_is_held_against_what_is_asked_of_people_of_65() {
    let data = tempfile::tempdir().unwrap();
    let api = start(data.path());
    for (kind, at, intensity) in [
        ("walking", "2030-06-03T10:00", "moderate"),
        ("swimming", "2030-06-04T10:00", "vigorous"),
        ("Strength", "2030-06-05T10:00", "moderate"),
        ("tai chi", "2030-06-05T12:00", "moderate"),
        ("walking", "2030-06-10T10:00", "moderate"),
    ] {
        let body = json!({"workout_type": kind, "duration_min": 40, "started_at": at, "intensity": intensity});
        assert_eq!(api.post("/api/fitness/workout", &body).0, 201);
    }
    let body = json!({"date": "2030-06-09", "active_minutes": 30});
    assert_eq!(api.request("PUT", "/api/fitness/daily", &[], Some(&body)).0, 200);
    let (_, week) = api.get("/api/v1/goals/activity?date=2030-06-05");
    let week = &week["data"];
    assert_eq!((&week["from"], &week["to"]), (&json!("2030-06-03"), &json!("2030-06-09")));
    assert_eq!(week["moderate_minutes"], json!({"done": 150, "target": 150, "enough": 300}));
    assert_eq!((&week["strength_days"]["done"], &week["balance_days"]["done"]), (&json!(1), &json!(1)));
    assert_eq!(week["is_met"], false);
}

#[test]
fn a_result_is_kept_once_with_what_is_known_about_it() {
    let data = tempfile::tempdir().unwrap();
    let api = start(data.path());
    let body = json!({"kind": "timed_up_and_go", "seconds": 13.4, "performed_at": "2030-06-05T10:00"});
    let send = |body: &Value| api.request("POST", "/api/v1/assessments", &[("Idempotency-Key", "a")], Some(body));
    let first = send(&body);
    assert_eq!((first.0, send(&body)), (201, first.clone()));
    assert_eq!(send(&json!({"kind": "timed_up_and_go", "unable": true})).0, 422);
    let reached = |at: usize| first.1["data"]["cut_offs"][at]["is_reached"].as_bool();
    assert_eq!((reached(0), reached(1)), (Some(true), Some(false)));
    let list = || api.get("/api/v1/assessments?from=2030-06-05&to=2030-06-05").1["data"].as_array().unwrap().len();
    assert_eq!(list(), 1);
    let path = format!("/api/v1/assessments/{}/strike-out", first.1["data"]["id"].as_str().unwrap());
    let (status, struck) = api.post(&path, &json!({}));
    assert_eq!((status, &struck["data"]["status"]), (200, &json!("entered-in-error")));
    assert_eq!((api.post(&path, &json!({})).1, list()), (struck, 0));
    assert_eq!(api.post("/api/v1/assessments/none/strike-out", &json!({})).0, 404);
    assert_eq!(api.post("/api/v1/assessments", &json!({"kind": "timed_up_and_go", "seconds": 0})).0, 400);
    assert_eq!(count(data.path(), "SELECT count(*) FROM outbox WHERE kind LIKE 'assessment.%'"), 2);
}
