//! Readings that turn out to be wrong: what counts then, what is kept, and what everybody is told.

#![allow(clippy::unwrap_used, reason = "what fails in a test is to end it")]

#[path = "../../../tests/recordings/sockets.rs"]
mod sockets;
#[path = "../../../tests/recordings/worker.rs"]
mod worker;

use futures_util::StreamExt;
use rusqlite::Connection;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use worker::{Answer, Running};

fn start(data: &tempfile::TempDir) -> Running {
    Running::start(env!("CARGO_BIN_EXE_betti-api"), data.path(), &[])
}

/// Takes a reading, and finds it with all that is known about it.
fn taken(api: &Running, body: &Value) -> Value {
    let (status, answer) = api.post("/api/v1/readings", body);
    assert_eq!(status, 201, "{answer}");
    answer["data"].clone()
}

fn pressure(systolic: u32, diastolic: u32, at: &str) -> Value {
    json!({
        "vital_type": "blood_pressure", "value_primary": systolic, "value_secondary": diastolic, "unit": "mmHg",
        "recorded_at": at,
    })
}

fn amend(api: &Running, id: &Value, amendment: &Value) -> Answer {
    api.request("PATCH", &path(id, ""), &[], Some(amendment))
}

fn strike_out(api: &Running, id: &Value, body: &Value) -> Answer {
    api.post(&path(id, "/strike-out"), body)
}

fn path(id: &Value, rest: &str) -> String {
    format!("/api/v1/readings/{}{rest}", id.as_str().map_or_else(|| id.to_string(), str::to_owned))
}

/// The values of one kind that clients are shown, newest first.
fn shown(api: &Running, path: &str) -> Vec<Value> {
    let (status, answer) = api.get(path);
    assert_eq!(status, 200, "{answer}");
    answer["data"].as_array().unwrap().iter().map(|row| row["value"].clone()).collect()
}

#[test]
fn a_pressure_whose_ends_were_swapped_is_neither_taken_nor_made_so_by_an_amendment() {
    let data = tempfile::tempdir().unwrap();
    let api = start(&data);
    for path in ["/api/vitals", "/api/v1/readings"] {
        let (status, answer) = api.post(path, &pressure(76, 118, "2031-01-11T03:30:00Z"));
        assert!(status == 400 && answer["error"].as_str().unwrap().contains("swapped"), "{answer}");
    }
    let right = taken(&api, &pressure(118, 76, "2031-01-11T03:30:00Z"));
    for amendment in [json!({"value_primary": 76}), json!({"value_secondary": "118"})] {
        assert_eq!(amend(&api, &right["id"], &amendment).0, 400, "{amendment}");
    }
    // One that was taken before this was looked at can be put right, or struck out.
    let file = Connection::open(data.path().join("api.db")).unwrap();
    file.execute("UPDATE readings SET entered_primary = 76, entered_secondary = 118", []).unwrap();
    assert_eq!(amend(&api, &right["id"], &json!({"value_primary": 118, "value_secondary": 76})).0, 200);
    file.execute("UPDATE readings SET entered_primary = 76, entered_secondary = 118", []).unwrap();
    assert_eq!(strike_out(&api, &right["id"], &json!({})).0, 200);
}

#[test]
fn an_amended_reading_says_what_it_should_have_said_and_is_kept_as_it_was() {
    let data = tempfile::tempdir().unwrap();
    let api = start(&data);
    let first = taken(&api, &pressure(88, 76, "2031-01-11T03:30:00Z"));
    assert_eq!((&first["status"], &first["version"], &first["word"]), (&json!("final"), &json!(1), &json!("low")));
    let amendment = json!({"value_primary": 24.0, "value_secondary": 12, "unit": "kPa", "recorded_at": "2031-01-11T09:00", "reason": "slip"});
    let (status, answer) = amend(&api, &first["id"], &amendment);
    assert_eq!(status, 200, "{answer}");
    let mut expected = first.clone();
    for (field, value) in [
        ("entered", json!({"primary": 24.0, "secondary": 12.0, "unit": "kPa"})),
        ("canonical", json!({"primary": 180.01480392, "secondary": 90.00740196, "unit": "mm[Hg]"})),
        ("word", json!("critical")),
        ("effective_at", json!("2031-01-11T14:00:00.000Z")),
        ("local_date", json!("2031-01-11")),
        ("status", json!("amended")),
        ("reason", json!("slip")),
        ("version", json!(2)),
    ] {
        expected[field] = value;
    }
    assert_eq!(answer["data"], expected);
    assert_eq!(first["local_date"], "2031-01-10", "half past ten in the evening before");
    assert_eq!(amend(&api, &first["id"], &amendment), (status, answer), "the same again changes nothing");
    assert_eq!(amend(&api, &first["compat_id"], &json!({"notes": "after the stairs"})).0, 200, "by its number too");

    let (_, history) = api.get(&path(&first["id"], "/history"));
    let versions = history["data"].as_array().unwrap();
    assert_eq!(versions.len(), 3);
    let mut oldest = versions[0].clone();
    assert!(oldest.as_object_mut().unwrap().remove("replaced_at").unwrap().is_string());
    assert_eq!(oldest, first, "as it was, to the last field");
    assert_eq!((&versions[1]["entered"], &versions[1]["notes"]), (&expected["entered"], &Value::Null));
    assert_eq!((&versions[2]["notes"], &versions[2]["replaced_at"]), (&json!("after the stairs"), &Value::Null));
    assert_eq!(api.get(&path(&first["id"], "")).1["data"]["version"], 3);
}

#[test]
fn a_reading_that_was_struck_out_counts_nowhere_and_is_still_there() {
    let data = tempfile::tempdir().unwrap();
    let api = start(&data);
    let now = jiff::Timestamp::now();
    let minutes_ago = |minutes| (now - jiff::SignedDuration::from_mins(minutes)).to_string();
    let right = taken(&api, &pressure(118, 76, &minutes_ago(2)));
    let wrong = taken(&api, &pressure(218, 76, &minutes_ago(1)));
    let (status, answer) = strike_out(&api, &wrong["id"], &json!({"reason": "the neighbour's"}));
    let struck = &answer["data"];
    assert_eq!((status, &struck["status"], &struck["version"]), (200, &json!("entered-in-error"), &json!(2)));
    assert_eq!(struck["reason"], "the neighbour's");
    assert_eq!(strike_out(&api, &wrong["id"], &json!({})), (200, answer.clone()), "once more changes nothing");

    for list in ["latest", "history/blood_pressure"] {
        assert_eq!(shown(&api, &format!("/api/vitals/{list}")), ["118/76"], "{list}");
    }
    assert!(!shown(&api, "/api/vitals/today").contains(&json!("218/76")));
    assert_eq!(api.get("/api/vitals/blood_pressure").1["data"]["id"], right["compat_id"]);
    let (_, trend) = api.get("/api/v1/trends/blood_pressure");
    let points = trend["data"]["series"][0]["points"].as_array().unwrap();
    let total: i64 = points.iter().map(|point| point["count"].as_i64().unwrap()).sum();
    assert_eq!((total, &points[points.len() - 1]["max"]), (1, &json!(118)));

    let (status, answer) = amend(&api, &wrong["id"], &json!({"value_primary": 118}));
    assert_eq!((status, &answer["error"]), (409, &json!("this reading was struck out: record it anew instead")));
    assert_eq!(api.get(&path(&wrong["id"], "/history")).1["data"].as_array().map(Vec::len), Some(2));
    assert_eq!(strike_out(&api, &right["id"], &json!({})).0, 200);
    assert_eq!(api.get("/api/vitals/blood_pressure").0, 404, "nothing is left");
}

#[test]
fn two_people_do_not_amend_over_each_other_unawares() {
    let data = tempfile::tempdir().unwrap();
    let api = start(&data);
    let reading = taken(&api, &json!({"vital_type": "weight", "value_primary": 80, "unit": "kg"}));
    let amend_seen = |seen: &str, kg: u32| {
        let headers = [("If-Match", seen)];
        api.request("PATCH", &path(&reading["id"], ""), &headers, Some(&json!({"value_primary": kg})))
    };
    assert_eq!(amend_seen(r#""1""#, 81).0, 200);
    let (status, answer) = amend_seen(r#""1""#, 82);
    assert_eq!(status, 412, "{answer}");
    assert_eq!(
        answer["error"],
        "this reading is at version 2 by now: look at it, then send that version with If-Match"
    );
    assert_eq!(amend_seen(r#""1""#, 81).0, 200, "who repeats it because the answer was lost is right");
    assert_eq!((amend_seen(r#"W/"2""#, 82).0, amend_seen("*", 83).0, amend_seen("new", 84).0), (200, 200, 400));
}

#[test]
fn what_is_not_there_or_cannot_be_is_said() {
    let data = tempfile::tempdir().unwrap();
    let api = start(&data);
    let reading = taken(&api, &json!({"vital_type": "spo2", "value_primary": 97, "unit": "%"}));
    for id in [json!("00000000-0000-7000-8000-000000000000"), json!(99), json!("x")] {
        assert_eq!(amend(&api, &id, &json!({"value_primary": 98})).0, 404);
        assert_eq!(strike_out(&api, &id, &json!({})).0, 404);
        assert_eq!((api.get(&path(&id, "")).0, api.get(&path(&id, "/history")).0), (404, 404));
    }
    for body in [json!({"value_primary": 101}), json!({"source": "me"}), json!({}), json!([]), json!({"unit": "kg"})] {
        let (status, answer) = amend(&api, &reading["id"], &body);
        assert_eq!(status, 400, "{body}: {answer}");
    }
    assert_eq!(api.get(&path(&reading["id"], "")).1["data"], reading, "and nothing changed");
}

#[test]
fn a_device_that_sends_a_reading_again_does_not_bring_back_what_was_amended() {
    let data = tempfile::tempdir().unwrap();
    let api = start(&data);
    let send = |kg: f64| {
        let body = json!({"vital_type": "weight", "value_primary": kg, "unit": "kg"});
        api.request("POST", "/api/vitals", &[("Idempotency-Key", "scale-7")], Some(&body))
    };
    let id = send(90.0).1["data"]["id"].clone();
    assert_eq!(amend(&api, &id, &json!({"value_primary": 80})).0, 200);
    let (status, again) = send(90.0);
    assert_eq!((status, &again["data"]["id"], &again["data"]["valuePrimary"]), (201, &id, &json!(80)));
    assert_eq!(strike_out(&api, &id, &json!({})).0, 200);
    assert_eq!(send(90.0).1["data"]["id"], id);
    assert_eq!(send(80.0).0, 422, "that was never sent with this key");
    assert_eq!(api.get("/api/vitals/weight").0, 404);
}

#[tokio::test]
async fn existing_clients_are_told_what_the_newest_is_now() {
    let data = tempfile::tempdir().unwrap();
    let api = start(&data);
    let old = taken(&api, &pressure(118, 76, "2025-01-01T12:00:00Z"));
    let new = taken(&api, &pressure(218, 76, "2025-01-02T12:00:00Z"));
    let mut client = sockets::connect(&api, "/").await;
    amend(&api, &old["id"], &json!({"value_primary": 120}));
    amend(&api, &new["id"], &json!({"value_primary": 128}));
    // Nothing of it is for existing clients, who do not know the kind.
    let breaths = taken(&api, &json!({"vital_type": "respiratory_rate", "value_primary": 16, "unit": "/min"}));
    strike_out(&api, &breaths["id"], &json!({}));
    strike_out(&api, &new["id"], &json!({}));
    strike_out(&api, &old["id"], &json!({}));
    taken(&api, &json!({"vital_type": "spo2", "value_primary": 97, "unit": "%"}));
    let mut told = Vec::new();
    while told.last() != Some(&json!("97")) {
        if let Message::Text(text) = client.next().await.unwrap().unwrap() {
            let frame: Value = serde_json::from_str(&text).unwrap();
            if frame["type"] == "vital-update" {
                told.push(frame["vital"]["value"].clone());
            }
        }
    }
    // What is told is read when it is told, so what was true only for a moment may be left out.
    assert!(!told.contains(&json!("16")), "{told:?}");
    let pressures: Vec<_> = told.iter().filter(|value| value.as_str().unwrap().contains('/')).collect();
    let expected = [json!("218/76"), json!("128/76"), json!("120/76")];
    assert!(pressures.iter().all(|value| expected.contains(value)), "{told:?}");
}
