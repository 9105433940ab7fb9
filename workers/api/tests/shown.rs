//! Which reading is shown, and which is kept.

#[path = "../../../tests/recordings/worker.rs"]
mod worker;

use serde_json::json;
use worker::Running;

#[test]
fn a_reading_from_a_clock_that_runs_ahead_does_not_hide_what_is_true_now() {
    let data = tempfile::tempdir().unwrap();
    let api = Running::start(env!("CARGO_BIN_EXE_betti-api"), data.path(), &[]);
    let weight = |value: f64| json!({"vital_type": "weight", "value_primary": value, "unit": "lbs"});
    let mut ahead = weight(999.0);
    ahead["recorded_at"] = json!("2099-01-01T00:00:00Z");
    assert_eq!(api.post("/api/vitals", &ahead).0, 201);
    assert_eq!(api.get("/api/vitals/weight").1["data"]["valuePrimary"], 999, "better than nothing");
    assert_eq!(api.post("/api/vitals", &weight(171.4)).0, 201);
    assert_eq!(api.get("/api/vitals/weight").1["data"]["valuePrimary"], 171.4);
    assert_eq!(api.get("/api/vitals/latest").1["data"][0]["value"], "171.4");
}

#[test]
fn a_span_at_the_end_of_time_is_refused_and_not_our_fault() {
    let data = tempfile::tempdir().unwrap();
    let api = Running::start(env!("CARGO_BIN_EXE_betti-api"), data.path(), &[]);
    for end in ["9999-12-30T22:00:00.999999999Z", "9999-12-31", "-009999-01-01"] {
        let (status, answer) = api.get(&format!("/api/vitals/history/weight?startDate={end}"));
        assert!(status == 200 || status == 400, "{end}: {status} {answer}");
    }
}

#[test]
fn a_key_that_was_another_readings_is_refused_and_nothing_is_lost_silently() {
    let data = tempfile::tempdir().unwrap();
    let api = Running::start(env!("CARGO_BIN_EXE_betti-api"), data.path(), &[]);
    let post = |value: f64| {
        let weight = json!({"vital_type": "weight", "value_primary": value, "unit": "lbs"});
        api.request("POST", "/api/vitals", &[("Idempotency-Key", "scale-1")], Some(&weight)).0
    };
    assert_eq!((post(150.0), post(150.0), post(151.0)), (201, 201, 422));
}

#[test]
fn a_history_until_the_end_of_time_is_all_there_is() {
    let data = tempfile::tempdir().unwrap();
    let api = Running::start(env!("CARGO_BIN_EXE_betti-api"), data.path(), &[]);
    assert_eq!(api.post("/api/vitals", &json!({"vital_type": "spo2", "value_primary": 97, "unit": "%"})).0, 201);
    let (status, answer) = api.get("/api/vitals/history/spo2?startDate=2020-01-01&endDate=9999-12-31");
    assert_eq!((status, answer["data"].as_array().map(Vec::len)), (200, Some(1)));
}
