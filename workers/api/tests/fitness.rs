//! Workouts and days: the resident's, kept, told of, and struck out instead of deleted.

#[path = "../../../tests/recordings/worker.rs"]
mod worker;

use std::path::Path;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
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

fn walk(at: Timestamp) -> Value {
    json!({"workout_type": "walking", "duration_min": 30, "started_at": at.to_string()})
}

/// Midnight of the resident's day.
fn midnight() -> Timestamp {
    let zone = TimeZone::get(worker::ZONE).expect("a zone");
    zone.to_zoned_datetime(zone.to_datetime(Timestamp::now()).date().into()).expect("a midnight").timestamp()
}

#[test]
fn a_day_is_the_residents() {
    let data = tempfile::tempdir().unwrap();
    let api = start(data.path());
    for at in [midnight() - SignedDuration::from_secs(1), midnight()] {
        assert_eq!(api.post("/api/fitness/workout", &walk(at)).0, 201);
    }
    let date = TimeZone::get(worker::ZONE).unwrap().to_datetime(midnight()).date().to_string();
    let (_, today) = api.get("/api/fitness/today");
    assert_eq!((&today["data"]["workouts_count"], &today["data"]["date"]), (&json!(1), &json!(date)));
    let (_, week) = api.get("/api/fitness/weekly");
    let counts: Vec<_> =
        week["data"]["days"].as_array().unwrap().iter().map(|day| day["workouts_count"].as_i64().unwrap()).collect();
    assert_eq!(counts, [0, 0, 0, 0, 0, 1, 1]);
    // A client's idea of the zone moves nobody's days.
    let offset = api.request("PUT", "/api/fitness/device/timezone", &[], Some(&json!({"offsetMinutes": 840})));
    assert_eq!((offset.0, &offset.1["data"]["currentDate"]), (200, &json!(date)));
    let (_, row) = api.post("/api/fitness/device/activity", &json!({"deviceAddress": "a", "steps": 1}));
    assert_eq!(row["data"]["activity_date"], json!(date));
}

#[test]
fn what_cannot_be_is_the_clients_mistake() {
    let data = tempfile::tempdir().unwrap();
    let api = start(data.path());
    let mut broken = walk(Timestamp::now());
    broken["started_at"] = json!("yesterday");
    assert_eq!(api.post("/api/fitness/workout", &broken).0, 400);
    let put = |body: Value| api.request("PUT", "/api/fitness/daily", &[], Some(&body)).0;
    for body in [json!({"steps": "many"}), json!({"steps": -1}), json!({"date": "noon"}), json!({"source": 7})] {
        assert_eq!(put(body.clone()), 400, "{body}");
    }
    let report = |body: Value| api.post("/api/fitness/device/sync", &body).0;
    assert_eq!(report(json!({"deviceAddress": "a", "steps": 1e9})), 400);
    assert_eq!(api.post("/api/fitness/device/register", &json!({"address": "a", "name": {}})).0, 400);
    assert_eq!(api.get("/api/fitness/workouts?startDate=soon").0, 400);
    assert_eq!(api.get("/api/fitness/workout/abc").0, 404);
    assert_eq!(count(data.path(), "SELECT count(*) FROM workouts"), 0);
}

#[test]
fn a_workout_is_taken_once_and_struck_out_instead_of_deleted() {
    let data = tempfile::tempdir().unwrap();
    let api = start(data.path());
    let body = walk(Timestamp::now());
    let send = |body: &Value| api.request("POST", "/api/fitness/workout", &[("Idempotency-Key", "walk")], Some(body));
    let first = send(&body);
    assert_eq!((first.0, send(&body)), (201, first.clone()));
    assert_eq!(send(&walk(midnight())).0, 422);
    let path = format!("/api/fitness/workout/{}", first.1["data"]["id"]);
    let strike = || api.request("DELETE", &path, &[], None).0;
    assert_eq!((strike(), strike(), api.get(&path).0), (200, 404, 404));
    assert_eq!(api.get("/api/fitness/today").1["data"]["workouts_count"], 0);
    assert_eq!(count(data.path(), "SELECT count(*) FROM workouts WHERE status = 'entered-in-error'"), 1);
    assert_eq!(count(data.path(), "SELECT count(*) FROM history WHERE table_name = 'workouts'"), 1);
    assert_eq!(count(data.path(), "SELECT count(*) FROM outbox"), 2);
}

#[test]
fn devices_and_what_they_said_outlive_the_worker() {
    let data = tempfile::tempdir().unwrap();
    let api = start(data.path());
    api.post("/api/fitness/device/register", &json!({"address": "aa:01", "name": "Band", "userId": 2}));
    let put = json!({"floors_climbed": 6});
    assert_eq!(api.request("PUT", "/api/fitness/daily", &[], Some(&put)).0, 200);
    api.post("/api/fitness/device/activity", &json!({"deviceAddress": "aa:01", "steps": 5_000}));
    api.kill();
    let api = start(data.path());
    let (_, devices) = api.get("/api/fitness/devices");
    assert_eq!((&devices["count"], &devices["data"][0]["userId"]), (&json!(1), &json!(1)), "nobody else is believed");
    assert!(devices["data"][0]["lastSeen"].is_string());
    // The band says less about something else: what it said before stays, and the other one's steps are more.
    api.post("/api/fitness/device/activity", &json!({"deviceAddress": "AA:01", "calories": 90}));
    let (_, row) = api.post("/api/fitness/device/activity", &json!({"deviceAddress": "aa:02", "steps": 4_000}));
    assert_eq!((&row["data"]["steps"], &row["data"]["calories_burned"]), (&json!(5_000), &json!(90)));
    let (_, row) = api.post("/api/fitness/device/sync", &json!({"deviceAddress": "aa:01", "steps": 6_000}));
    assert_eq!((&row["data"]["steps"], &row["data"]["calories_burned"]), (&json!(6_000), &json!(0)));
    // What a person had written is kept as it was.
    assert_eq!(count(data.path(), "SELECT count(*) FROM history WHERE table_name = 'activity_days'"), 1);
    assert_eq!(count(data.path(), "SELECT count(*) FROM activity_device_days"), 2);
}
