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

#[test]
fn a_pressure_without_a_diastolic_is_not_low_and_shows_what_is_missing() {
    let data = tempfile::tempdir().unwrap();
    let api = Running::start(env!("CARGO_BIN_EXE_betti-api"), data.path(), &[]);
    for missing in [json!(null), json!(0), json!("")] {
        let body =
            json!({"vital_type": "blood_pressure", "value_primary": 118, "value_secondary": missing, "unit": "mmHg"});
        let (_, answer) = api.post("/api/vitals", &body);
        assert_eq!((&answer["data"]["status"], &answer["data"]["valueSecondary"]), (&json!("normal"), &json!(null)));
        let (_, latest) = api.get("/api/vitals/latest");
        assert_eq!((&latest["data"][0]["value"], &latest["data"][0]["status"]), (&json!("118/–"), &json!("Normal")));
    }
    let (_, trend) = api.get("/api/v1/trends/blood_pressure");
    assert_eq!(trend["data"]["series"][0]["points"][0]["count"], 3);
    assert_eq!(trend["data"]["series"][1]["points"], json!([]), "and it is not summed as 0");
}

#[test]
fn of_several_readings_from_the_future_the_first_to_come_is_shown() {
    let data = tempfile::tempdir().unwrap();
    let api = Running::start(env!("CARGO_BIN_EXE_betti-api"), data.path(), &[]);
    for (value, at) in [(98, "2099-06-01T00:00:00Z"), (97, "2098-01-01T00:00:00Z"), (96, "2099-12-01T00:00:00Z")] {
        let body = json!({"vital_type": "spo2", "value_primary": value, "unit": "%", "recorded_at": at});
        assert_eq!(api.post("/api/vitals", &body).0, 201);
    }
    assert_eq!(api.get("/api/vitals/spo2").1["data"]["valuePrimary"], 97);
}

#[test]
fn existing_clients_neither_see_nor_send_kinds_that_they_do_not_know() {
    let data = tempfile::tempdir().unwrap();
    let api = Running::start(env!("CARGO_BIN_EXE_betti-api"), data.path(), &[]);
    for (kind, value, unit) in [
        ("respiratory_rate", json!(16), "/min"),
        ("oxygen_supplement", json!(2), "L/min"),
        ("consciousness", json!("alert"), "{ACVPU}"),
        ("height", json!(172), "cm"),
    ] {
        let body = json!({"vital_type": kind, "value_primary": value, "unit": unit});
        assert_eq!(api.post("/api/vitals", &body).0, 400, "{kind}");
        let (status, answer) = api.post("/api/v1/readings", &body);
        assert_eq!((status, &answer["data"]["kind"]), (201, &json!(kind)));
        for path in ["", "history/"] {
            assert_eq!(api.get(&format!("/api/vitals/{path}{kind}")).0, 400, "{kind}");
        }
        assert_eq!(api.get(&format!("/api/v1/trends/{kind}")).1["data"]["series"][0]["points"][0]["count"], 1);
    }
    for list in ["", "/latest", "/today"] {
        assert_eq!(api.get(&format!("/api/vitals{list}")).1["data"], json!([]), "{list}");
    }
}
