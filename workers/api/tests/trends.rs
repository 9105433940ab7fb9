//! Trends: days and hours of the resident's, however the readings came to be as they are.

#![allow(clippy::unwrap_used, reason = "what fails in a test is to end it")]

#[path = "../../../tests/recordings/worker.rs"]
mod worker;

use rusqlite::Connection;
use serde_json::{Value, json};
use worker::Running;

fn start(data: &tempfile::TempDir) -> Running {
    Running::start(env!("CARGO_BIN_EXE_betti-api"), data.path(), &[])
}

fn take(api: &Running, kind: &str, values: [f64; 2], unit: &str, at: &str) {
    let body = json!({
        "vital_type": kind, "value_primary": values[0], "value_secondary": values[1], "unit": unit, "recorded_at": at,
    });
    let (status, answer) = api.post("/api/v1/readings", &body);
    assert_eq!(status, 201, "{answer}");
}

fn trend(api: &Running, path: &str) -> Value {
    let (status, answer) = api.get(&format!("/api/v1/trends/{path}"));
    assert_eq!(status, 200, "{answer}");
    answer["data"].clone()
}

#[test]
fn a_day_is_the_residents_and_values_are_canonical() {
    let data = tempfile::tempdir().unwrap();
    let api = start(&data);
    take(&api, "temperature", [98.6, 0.0], "°F", "2030-06-02T03:59:59.999Z");
    take(&api, "temperature", [38.0, 0.0], "°C", "2030-06-02T04:00:00Z");
    take(&api, "temperature", [36.5, 0.0], "°C", "2030-06-03T03:00:00Z");
    let answer = trend(&api, "temperature?from=2030-06-01&to=2030-06-03");
    let expected = json!({
        "resident": 1, "kind": "temperature", "loinc": ["8310-5"], "zone": "America/New_York",
        "from": "2030-06-01", "to": "2030-06-03", "resolution": "day",
        "series": [{"name": "temperature", "loinc": ["8310-5"], "unit": "Cel", "points": [
            {"date": "2030-06-01", "count": 1, "min": 37, "mean": 37, "max": 37},
            {"date": "2030-06-02", "count": 2, "min": 36.5, "mean": 37.25, "max": 38},
        ]}],
    });
    assert_eq!(answer, expected);
    let hours = trend(&api, "temperature?from=2030-06-02&to=2030-06-02&resolution=hour");
    let points = json!([
        {"date": "2030-06-02", "begins_at": "2030-06-02T04:00:00.000Z", "count": 1, "min": 38, "mean": 38, "max": 38},
        {"date": "2030-06-02", "begins_at": "2030-06-03T03:00:00.000Z", "count": 1, "min": 36.5, "mean": 36.5, "max": 36.5},
    ]);
    assert_eq!(hours["series"][0]["points"], points);
    assert_eq!(trend(&api, "spo2")["loinc"], json!(["59408-5", "2708-6"]));
    assert_eq!(trend(&api, "temperature")["series"][0]["points"], json!([]), "long ago is not in the last 30 days");
}

#[test]
fn a_blood_pressure_has_both_values_and_the_mean_arterial_one_and_a_missing_diastolic_is_not_zero() {
    let data = tempfile::tempdir().unwrap();
    let api = start(&data);
    for values in [[120.0, 90.0], [150.0, 60.0], [180.0, 0.0]] {
        take(&api, "blood_pressure", values, "mmHg", "2030-06-02T12:00:00Z");
    }
    let answer = trend(&api, "blood_pressure?from=2030-06-02&to=2030-06-02");
    let line = |name: &str, code: &str, point: Value| json!({"name": name, "loinc": [code], "unit": "mm[Hg]", "points": [point]});
    let expected = json!([
        line("systolic", "8480-6", json!({"date": "2030-06-02", "count": 3, "min": 120, "mean": 150, "max": 180})),
        line("diastolic", "8462-4", json!({"date": "2030-06-02", "count": 2, "min": 60, "mean": 75, "max": 90})),
        line("mean_arterial", "8478-0", json!({"date": "2030-06-02", "count": 2, "min": 90, "mean": 95, "max": 100})),
    ]);
    assert_eq!(answer["series"], expected);
}

#[test]
fn what_cannot_be_charted_is_said() {
    let data = tempfile::tempdir().unwrap();
    let api = start(&data);
    for (path, text) in [
        ("mood", "Invalid vital_type. Must be one of: blood_pressure"),
        ("weight?from=soon", r#"from "soon" is not a date"#),
        ("weight?from=2030-02-01&to=2030-01-01", "from 2030-02-01 is after to 2030-01-01"),
        ("weight?resolution=minute", r#"resolution "minute" is not known"#),
        ("weight?from=2020-01-01&to=2030-12-31", "more than 3653 days"),
        ("weight?from=2030-01-01&to=2031-01-02&resolution=hour", "more than 366 days"),
    ] {
        let (status, answer) = api.get(&format!("/api/v1/trends/{path}"));
        assert_eq!(status, 400, "{path}");
        assert!(
            answer["error"].as_str().unwrap().starts_with(text) || answer["error"].as_str().unwrap().contains(text),
            "{answer}"
        );
    }
}

#[test]
fn a_year_of_heart_rates_by_the_minute_is_one_request() {
    let data = tempfile::tempdir().unwrap();
    drop(start(&data)); // Makes the file.
    // A tenth of the minutes, unless all are asked for: the days and hours are as many.
    let every = if std::env::var_os("BETTI_LOOPS").is_some() { 1 } else { 10 };
    let sql = "WITH RECURSIVE minutes (minute) AS (SELECT 0 UNION ALL SELECT minute + ?1 FROM minutes WHERE minute + ?1 < 525600)
        INSERT INTO readings (id, subject, kind, entered_primary, entered_unit, canonical_primary, canonical_unit, word,
            effective_at, effective_at_entered, zone, local_date, source, source_kind, recorded_at)
        SELECT 'reading-' || minute, 1, 'heart_rate', 60 + minute % 40, 'bpm', 60 + minute % 40, '/min', 'normal',
            strftime('%Y-%m-%dT%H:%M:00.000Z', 1861920000 + minute * 60, 'unixepoch'), '', 'UTC',
            strftime('%Y-%m-%d', 1861920000 + minute * 60, 'unixepoch'), 'manual', 'manual', ''
        FROM minutes";
    let file = Connection::open(data.path().join("api.db")).unwrap();
    let rows = file.execute(sql, [every]).unwrap();
    drop(file);
    let api = start(&data);
    let total = |trend: &Value| {
        let points = trend["series"][0]["points"].as_array().unwrap();
        (points.len(), points.iter().map(|point| point["count"].as_u64().unwrap() as usize).sum::<usize>())
    };
    assert_eq!(total(&trend(&api, "heart_rate?from=2029-01-01&to=2029-12-31")), (365, rows));
    assert_eq!(total(&trend(&api, "heart_rate?from=2029-01-01&to=2029-12-31&resolution=hour")), (8_760, rows));
}
