//! A new resident lives where the hub is, and stays there when the hub's own zone changes.
#![allow(clippy::unwrap_used, reason = "what fails in a test is to end it")]

#[path = "../../../tests/recordings/worker.rs"]
mod worker;

use serde_json::json;
use worker::Running;

fn start(data: &tempfile::TempDir, zone: &str) -> Running {
    Running::start(env!("CARGO_BIN_EXE_betti-api"), data.path(), &[("TZ", zone)])
}

fn zones(api: &Running) -> Vec<String> {
    let (_, residents) = api.get("/api/v1/residents");
    let residents = residents["data"].as_array().unwrap().iter();
    residents.map(|resident| resident["zone"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_restart_in_another_zone_moves_nobody_who_is_there() {
    let data = tempfile::tempdir().unwrap();
    let api = start(&data, "Asia/Kathmandu");
    assert_eq!(zones(&api), ["Asia/Kathmandu"]);
    api.kill();
    let api = start(&data, "Europe/Vienna");
    assert_eq!(zones(&api), ["Asia/Kathmandu"]);
    let reading = json!({
        "vital_type": "heart_rate", "value_primary": 61, "unit": "bpm", "recorded_at": "2031-01-31T18:30:00Z",
    });
    let (_, reading) = api.post("/api/v1/readings", &reading);
    assert_eq!(reading["data"]["local_date"], "2031-02-01", "it is past midnight where they live");
    assert_eq!(api.post("/api/v1/residents", &json!({"name": "Ada"})).0, 201);
    assert_eq!(zones(&api), ["Asia/Kathmandu", "Europe/Vienna"], "who comes later lives where the hub is by then");
}
