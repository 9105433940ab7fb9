//! What was acknowledged is kept, and taken once.

#[path = "../../../tests/recordings/worker.rs"]
mod worker;

use std::{collections::HashSet, path::Path, thread};

use rusqlite::Connection;
use serde_json::{Value, json};
use worker::Running;

fn start(data: &Path) -> Running {
    Running::start(env!("CARGO_BIN_EXE_betti-api"), data, &[])
}

fn heart_rate(bpm: u32) -> Value {
    json!({"vital_type": "heart_rate", "value_primary": bpm, "unit": "bpm"})
}

/// A number out of the database file itself.
fn count(data: &Path, sql: &str) -> i64 {
    let file = Connection::open(data.join("api.db")).expect("the database");
    file.query_row(sql, [], |row| row.get(0)).expect("a number")
}

#[test]
fn a_reading_survives_kill_9_right_after_its_answer() {
    let data = tempfile::tempdir().unwrap();
    for bpm in 60..70 {
        let api = start(data.path());
        let (status, answer) = api.post("/api/vitals", &heart_rate(bpm));
        assert_eq!(status, 201, "{answer}");
        api.kill();
        let api = start(data.path());
        let (_, latest) = api.get("/api/vitals/heart_rate");
        assert_eq!(latest["data"], answer["data"]);
    }
    assert_eq!(count(data.path(), "SELECT count(*) FROM readings"), 10);
    assert_eq!(count(data.path(), "SELECT count(*) FROM outbox WHERE kind = 'reading.recorded'"), 10);
}

#[test]
fn a_reading_that_is_sent_by_many_at_once_is_one_reading() {
    let data = tempfile::tempdir().unwrap();
    let api = start(data.path());
    let send = || api.request("POST", "/api/vitals", &[("Idempotency-Key", "cuff-7")], Some(&heart_rate(99)));
    let answers: Vec<_> = thread::scope(|scope| {
        let senders: Vec<_> = (0..16).map(|_| scope.spawn(send)).collect();
        senders.into_iter().map(|sender| sender.join().unwrap()).collect()
    });
    assert!(answers.iter().all(|(status, _)| *status == 201));
    let distinct: HashSet<_> = answers.iter().map(|(_, answer)| answer.to_string()).collect();
    assert_eq!(distinct.len(), 1, "everyone is answered with the first: {distinct:?}");
    api.kill();
    let api = start(data.path());
    let again = api.request("POST", "/api/vitals", &[("Idempotency-Key", "cuff-7")], Some(&heart_rate(99)));
    assert_eq!(again, answers[0], "also after a restart");
    assert_eq!(count(data.path(), "SELECT count(*) FROM readings"), 1);
    assert_eq!(count(data.path(), "SELECT count(*) FROM outbox"), 1);
    let (status, answer) =
        api.request("POST", "/api/vitals", &[("Idempotency-Key", "Manschette-ü")], Some(&heart_rate(60)));
    assert_eq!((status, &answer["error"]), (400, &json!("Idempotency-Key must be ASCII text, such as a UUID")));
    let other = api.request("POST", "/api/vitals", &[("Idempotency-Key", "cuff-8")], Some(&heart_rate(60)));
    assert_ne!(other.1["data"]["id"], again.1["data"]["id"], "another key is another reading");
}

#[test]
fn what_was_entered_stands_beside_the_canonical_value() {
    let data = tempfile::tempdir().unwrap();
    let api = start(data.path());
    let body = json!({
        "vital_type": "temperature", "value_primary": 37.3, "unit": "°C",
        "recorded_at": "2031-01-11T03:30:00Z", "source": "ble_device", "device_address": "AA:BB:CC:00:00:01",
    });
    let (_, answer) = api.post("/api/vitals", &body);
    assert_eq!((&answer["data"]["valuePrimary"], &answer["data"]["unit"]), (&json!(37.3), &json!("°C")));
    assert_eq!(answer["data"]["status"], "fever", "99.1 °F");
    let file = Connection::open(data.path().join("api.db")).unwrap();
    let row = file
        .query_row(
            "SELECT entered_primary, entered_unit, canonical_primary, canonical_unit, zone, local_date, source_kind
             FROM readings",
            [],
            |row| {
                let entered: (f64, String) = (row.get(0)?, row.get(1)?);
                let canonical: (f64, String) = (row.get(2)?, row.get(3)?);
                let texts: [String; 3] = [row.get(4)?, row.get(5)?, row.get(6)?];
                Ok((entered, canonical, texts))
            },
        )
        .unwrap();
    let texts = ["America/New_York", "2031-01-10", "device"].map(str::to_owned);
    assert_eq!(row, ((37.3, "°C".into()), (37.3, "Cel".into()), texts));
}

#[test]
fn today_is_the_residents_day() {
    let data = tempfile::tempdir().unwrap();
    let api = start(data.path());
    let now = jiff::Timestamp::now();
    let zone = jiff::tz::TimeZone::get(worker::ZONE).unwrap();
    let midnight = zone.to_zoned_datetime(zone.to_datetime(now).date().into()).unwrap().timestamp();
    let before = midnight - jiff::SignedDuration::from_secs(1);
    for (bpm, at) in [(61, before), (62, midnight), (63, now)] {
        let mut body = heart_rate(bpm);
        body["recorded_at"] = at.to_string().into();
        assert_eq!(api.post("/api/vitals", &body).0, 201);
    }
    let (_, today) = api.get("/api/vitals/today");
    let values: Vec<_> = today["data"].as_array().unwrap().iter().map(|vital| vital["value"].clone()).collect();
    assert_eq!(values, ["63", "62"]);
}

#[test]
fn a_history_ends_with_the_end_date_and_whole_days_are_the_residents() {
    let data = tempfile::tempdir().unwrap();
    let api = start(data.path());
    for (bpm, at) in [(61, "2030-06-02T03:59:59.999Z"), (62, "2030-06-02T04:00:00Z"), (63, "2030-06-03T03:59:59.999Z")]
    {
        let mut body = heart_rate(bpm);
        body["recorded_at"] = at.into();
        assert_eq!(api.post("/api/vitals", &body).0, 201);
    }
    let values = |query: &str| {
        let (status, answer) = api.get(&format!("/api/vitals/history/heart_rate?{query}"));
        assert_eq!(status, 200, "{answer}");
        let rows = answer["data"].as_array().unwrap().iter();
        rows.map(|row| row["value"].as_str().unwrap().to_owned()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(values("startDate=2030-06-02&endDate=2030-06-02"), "63 62");
    assert_eq!(values("endDate=2030-06-01"), "61");
    assert_eq!(values("startDate=2030-06-02T04:00:00Z&limit=1"), "63");
    assert_eq!(values("limit=many&startDate="), "63 62 61");
    let (status, answer) = api.get("/api/vitals/history/heart_rate?startDate=soon");
    assert_eq!(status, 400);
    assert_eq!(answer["error"], r#"startDate "soon" is neither a date nor a time. Write it like 2031-01-31"#);
}

#[test]
fn what_cannot_be_kept_is_refused_with_what_would_do() {
    let data = tempfile::tempdir().unwrap();
    let api = start(data.path());
    let (status, answer) = api.post("/api/vitals", &json!({"vital_type": "weight", "value_primary": 12, "unit": "oz"}));
    assert_eq!(status, 400);
    assert_eq!(answer["error"], r#"unit "oz" is not known for weight. Must be one of: lbs, kg, g, st"#);
    let long = "k".repeat(256);
    let (status, _) = api.request("POST", "/api/vitals", &[("Idempotency-Key", &long)], Some(&heart_rate(60)));
    assert_eq!(status, 400);
    assert_eq!(count(data.path(), "SELECT count(*) FROM readings"), 0);
}
