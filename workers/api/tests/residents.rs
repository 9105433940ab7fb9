//! Several residents: each has days and readings of their own.

#![allow(clippy::unwrap_used, reason = "what fails in a test is to end it")]

#[path = "../../../tests/recordings/worker.rs"]
mod worker;

use serde_json::{Value, json};
use worker::Running;

fn start(data: &tempfile::TempDir) -> Running {
    Running::start(env!("CARGO_BIN_EXE_betti-api"), data.path(), &[])
}

fn heart_rate(bpm: u32, at: &str) -> Value {
    json!({"vital_type": "heart_rate", "value_primary": bpm, "unit": "bpm", "recorded_at": at})
}

fn change(api: &Running, resident: &str, body: &Value) -> (u16, Value) {
    api.request("PATCH", &format!("/api/v1/residents/{resident}"), &[], Some(body))
}

#[test]
fn residents_are_added_named_and_move() {
    let data = tempfile::tempdir().unwrap();
    let api = start(&data);
    let (_, list) = api.get("/api/v1/residents");
    let one = &list["data"][0];
    assert_eq!((&one["subject"], &one["name"], &one["zone"]), (&json!(1), &Value::Null, &json!(worker::ZONE)));
    let (status, answer) = api.post("/api/v1/residents", &json!({"name": " Ada ", "zone": "asia/kolkata"}));
    let ada = &answer["data"];
    assert_eq!(status, 201, "{answer}");
    assert_eq!((&ada["subject"], &ada["name"], &ada["zone"]), (&json!(2), &json!("Ada"), &json!("Asia/Kolkata")));
    let (status, answer) = change(&api, "1", &json!({"name": "Grace"}));
    let grace = &answer["data"];
    assert_eq!((status, &grace["name"], &grace["version"]), (200, &json!("Grace"), &json!(2)));
    assert_eq!(change(&api, "1", &json!({"name": "Grace"})).1["data"]["version"], 2, "it was so already");
    assert_eq!(api.get("/api/v1/residents").1["data"].as_array().map(Vec::len), Some(2));
    for (resident, body, status) in [
        ("3", json!({"name": "Nobody"}), 404),
        ("ada", json!({"name": "Nobody"}), 404),
        ("1", json!({"zone": "Mars/Base"}), 400),
        ("1", json!({"zone": "+02"}), 400),
        ("1", json!({"name": "   "}), 400),
        ("1", json!({"name": 7}), 400),
    ] {
        assert_eq!(change(&api, resident, &body).0, status, "{resident} {body}");
    }
    assert_eq!(api.post("/api/v1/residents", &json!({"zone": "UTC"})).0, 400);
}

#[test]
fn readings_belong_to_one_resident_and_existing_clients_see_the_first_ones_only() {
    let data = tempfile::tempdir().unwrap();
    let api = start(&data);
    api.post("/api/v1/residents", &json!({"name": "Ada", "zone": "Asia/Kolkata"}));
    // Before midnight in New York, and the next morning in Kolkata.
    let at = "2030-06-02T02:00:00Z";
    let of_ada = api.post("/api/v1/readings?resident=2", &heart_rate(90, at));
    let of_first = api.post("/api/v1/readings", &heart_rate(60, at));
    assert_eq!((of_ada.0, of_first.0), (201, 201));
    assert_eq!((&of_ada.1["data"]["subject"], &of_ada.1["data"]["local_date"]), (&json!(2), &json!("2030-06-02")));
    assert_eq!((&of_first.1["data"]["subject"], &of_first.1["data"]["local_date"]), (&json!(1), &json!("2030-06-01")));
    assert_eq!(api.get("/api/vitals/heart_rate").1["data"]["valuePrimary"], 60);
    for list in ["/api/vitals/history/heart_rate", "/api/vitals"] {
        assert_eq!(api.get(list).1["data"].as_array().map(Vec::len), Some(1), "{list}");
    }
    let trend = |query: &str| {
        let (status, answer) = api.get(&format!("/api/v1/trends/heart_rate?from=2030-06-01&to=2030-06-02{query}"));
        assert_eq!(status, 200, "{answer}");
        let point = &answer["data"]["series"][0]["points"][0];
        (answer["data"]["zone"].clone(), point["date"].clone(), point["min"].clone())
    };
    assert_eq!(trend(""), (json!(worker::ZONE), json!("2030-06-01"), json!(60)));
    assert_eq!(trend("&resident=2"), (json!("Asia/Kolkata"), json!("2030-06-02"), json!(90)));
    for path in ["/api/v1/readings?resident=3", "/api/v1/readings?resident=me"] {
        assert_eq!(api.post(path, &heart_rate(60, at)).0, 404);
    }
    assert_eq!(api.get("/api/v1/trends/heart_rate?resident=3").0, 404);
}

#[test]
fn whoever_moves_has_other_days_from_then_on_and_keeps_those_that_were() {
    let data = tempfile::tempdir().unwrap();
    let api = start(&data);
    let at = "2030-06-02T02:00:00Z";
    let before = api.post("/api/v1/readings", &heart_rate(60, at)).1;
    assert_eq!(change(&api, "1", &json!({"zone": "Asia/Kolkata"})).0, 200);
    let after = api.post("/api/v1/readings", &heart_rate(61, at)).1;
    let day = |answer: &Value| (answer["data"]["zone"].clone(), answer["data"]["local_date"].clone());
    assert_eq!(day(&before), (json!(worker::ZONE), json!("2030-06-01")));
    assert_eq!(day(&after), (json!("Asia/Kolkata"), json!("2030-06-02")));
    // What is amended was taken where they lived then.
    let path = format!("/api/v1/readings/{}", before["data"]["id"].as_str().unwrap());
    let amended = api.request("PATCH", &path, &[], Some(&json!({"recorded_at": "2030-06-01T12:00"}))).1;
    assert_eq!(day(&amended), (json!(worker::ZONE), json!("2030-06-01")));
    assert_eq!(amended["data"]["effective_at"], "2030-06-01T16:00:00.000Z");
    api.kill();
    let api = start(&data);
    assert_eq!(day(&api.post("/api/v1/readings", &heart_rate(62, at)).1), day(&after), "also after a restart");
}

#[test]
fn whoever_moved_by_word_of_another_process_lives_there_for_this_one_too() {
    let data = tempfile::tempdir().unwrap();
    let (old, new) = (start(&data), start(&data));
    assert_eq!(change(&old, "1", &json!({"zone": "Asia/Kolkata"})).0, 200);
    let (status, ada) = old.post("/api/v1/residents", &json!({"name": "Ada", "zone": "Europe/Berlin"}));
    assert_eq!(status, 201, "{ada}");
    assert_eq!(new.get("/api/v1/trends/weight?resident=2").1["data"]["zone"], "Europe/Berlin");
    // Asking for somebody who is new here has read where everybody lives.
    assert_eq!(new.get("/api/v1/trends/weight").1["data"]["zone"], "Asia/Kolkata");
}
