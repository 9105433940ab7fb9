//! Everyone who listens is told, and told goodbye.

#[path = "../../../tests/recordings/sockets.rs"]
mod sockets;
#[path = "../../../tests/recordings/worker.rs"]
mod worker;

use futures_util::StreamExt;
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use sockets::Client;
use tokio_tungstenite::tungstenite::Message;
use worker::Running;

fn start(data: &tempfile::TempDir) -> Running {
    Running::start(env!("CARGO_BIN_EXE_betti-api"), data.path(), &[])
}

async fn listen(api: &Running) -> Client {
    let mut client = sockets::connect(api, "/ws").await;
    let first = json!({"type": "connection", "message": "Connected to Betti backend"});
    assert_eq!(next(&mut client).await, first);
    client
}

/// The next frame with something in it.
async fn next(client: &mut Client) -> Value {
    loop {
        match client.next().await.expect("a frame").expect("a whole frame") {
            Message::Text(text) => return serde_json::from_str(&text).expect("JSON"),
            Message::Ping(_) | Message::Pong(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn every_reading_is_told_once_to_everyone_in_the_order_in_which_it_was_kept() {
    let data = tempfile::tempdir().unwrap();
    let api = start(&data);
    let (mut one, mut other) = (listen(&api).await, listen(&api).await);
    let cuff = json!({
        "vital_type": "blood_pressure", "value_primary": 131, "value_secondary": 84, "unit": "mmHg",
        "source": "ble_device", "device_address": "AA:BB:CC:00:00:01", "recorded_at": "2031-01-31T12:00:00.000Z",
    });
    let key = [("Idempotency-Key", "cuff-1")];
    let (_, kept) = api.request("POST", "/api/vitals", &key, Some(&cuff));
    let (_, again) = api.request("POST", "/api/vitals", &key, Some(&cuff));
    assert_eq!(kept, again);
    api.post("/api/vitals", &json!({"vital_type": "heart_rate", "value_primary": 72, "unit": "bpm"}));
    for client in [&mut one, &mut other] {
        let told = next(client).await;
        let expected = json!({
            "type": "vital-update", "vitalType": "blood_pressure", "deviceAddress": "AA:BB:CC:00:00:01",
            "vital": {
                "id": kept["data"]["id"], "icon": "❤️", "label": "BLOOD PRESSURE", "value": "131/84", "unit": "mmHg",
                "status": "Elevated", "updated": told["vital"]["updated"], "recordedAt": "2031-01-31T12:00:00.000Z",
                "source": "ble_device", "notes": null, "vitalType": "blood_pressure",
            },
            "timestamp": told["timestamp"],
        });
        assert_eq!(told, expected);
        let told = next(client).await;
        assert_eq!((&told["vitalType"], &told["deviceAddress"]), (&json!("heart_rate"), &Value::Null));
        assert_eq!(told["vital"]["updated"], "just now");
    }
}

#[tokio::test]
async fn what_a_device_counted_is_told_and_what_people_write_is_not() {
    let data = tempfile::tempdir().unwrap();
    let api = start(&data);
    let mut client = listen(&api).await;
    for source in ["manual", "ble_device:AA:01"] {
        let body = json!({"steps": 4_000, "source": source});
        assert_eq!(api.request("PUT", "/api/fitness/daily", &[], Some(&body)).0, 200);
    }
    let now = jiff::Timestamp::now().to_string();
    api.post("/api/fitness/workout", &json!({"workout_type": "walking", "duration_min": 30, "started_at": now}));
    api.post("/api/hydration/log", &json!({"amount_oz": 8}));
    let (_, row) = api.post("/api/fitness/device/activity", &json!({"deviceAddress": "aa:01", "steps": 5_000}));
    let told = next(&mut client).await;
    assert_eq!((&told["type"], &told["deviceAddress"]), (&json!("activity-update"), &json!("AA:01")));
    assert_eq!((&told["activity"], &told["date"]), (&row["data"], &row["data"]["activity_date"]));
}

#[tokio::test]
async fn what_a_device_sends_and_cannot_be_kept_is_told_since_nobody_sees_its_answer() {
    let data = tempfile::tempdir().unwrap();
    let api = start(&data);
    let mut client = listen(&api).await;
    let refused = |path: &str, body: Value| {
        let (status, answer) = api.post(path, &body);
        assert_eq!(status, 400, "{path}: {answer}");
        answer["error"].clone()
    };
    let band = "/api/fitness/device/activity";
    for path in [band, "/api/fitness/device/sync"] {
        let error = refused(path, json!({"deviceAddress": "aa:01", "steps": "many"}));
        let told = next(&mut client).await;
        let expected = json!({
            "type": "activity-error", "deviceAddress": "AA:01", "error": error, "timestamp": told["timestamp"],
        });
        assert_eq!(told, expected);
        assert!(told["timestamp"].is_string());
    }
    refused(band, json!({"steps": 5}));
    let pulse = |value: f64, source: &str| json!({"vital_type": "heart_rate", "value_primary": value, "unit": "bpm", "device_address": source});
    let error = refused("/api/vitals", pulse(9_000.0, "AA:BB:CC:00:00:01"));
    let told = next(&mut client).await;
    let expected = json!({
        "type": "vital-error", "vitalType": "heart_rate", "deviceAddress": "AA:BB:CC:00:00:01", "error": error,
        "timestamp": told["timestamp"],
    });
    assert_eq!(told, expected, "and nothing of what names no device");
    refused("/api/vitals", json!({"vital_type": "heart_rate", "value_primary": 9_000, "unit": "bpm"}));
    let worn = "AA:BB:CC:00:00:02";
    api.post("/api/vitals", &pulse(72.0, worn));
    assert_eq!(next(&mut client).await["type"], "vital-update", "whoever writes by hand sees the answer");
    let other = api.post("/api/v1/residents", &json!({"name": "Ada"})).1["data"]["subject"].clone();
    let path = format!("/api/v1/devices/{worn}");
    assert_eq!(api.request("PATCH", &path, &[], Some(&json!({"subject": other}))).0, 200);
    refused("/api/vitals", pulse(9_000.0, worn));
    api.post("/api/vitals", &json!({"vital_type": "heart_rate", "value_primary": 72, "unit": "bpm"}));
    assert_eq!(next(&mut client).await["type"], "vital-update", "what others wear is not told of");
}

#[tokio::test]
async fn another_state_of_the_radio_is_told_and_shown() {
    let data = tempfile::tempdir().unwrap();
    let api = start(&data);
    let mut client = listen(&api).await;
    let report = |state: &str, words: &str| api.post("/api/ble/state", &json!({"state": state, "words": words}));
    assert_eq!(report("no_adapter", "no adapter").0, 200);
    let (_, status) = api.get("/api/ble/status");
    assert_eq!((&status["bluetoothState"], &status["message"]), (&json!("unknown"), &json!("no adapter")));
    report("scanning", "scanning");
    report("scanning", "scanning");
    report("off", "the adapter is switched off");
    assert_eq!(next(&mut client).await, json!({"type": "ble-state", "state": "poweredOn"}));
    assert_eq!(next(&mut client).await, json!({"type": "ble-state", "state": "poweredOff"}));
}

#[tokio::test]
async fn listeners_are_told_goodbye_at_sigterm() {
    let data = tempfile::tempdir().unwrap();
    let mut api = start(&data);
    let mut client = listen(&api).await;
    api.signal(Signal::SIGTERM);
    hear_goodbye(&mut client).await;
    assert_eq!(api.wait(), Some(0));
}

#[tokio::test]
async fn a_worker_whose_keeper_is_gone_says_goodbye_and_leaves_by_itself() {
    let data = tempfile::tempdir().unwrap();
    let mut api = start(&data);
    let mut client = listen(&api).await;
    api.end_lifeline();
    hear_goodbye(&mut client).await;
    assert_eq!(api.wait(), Some(0));
}

async fn hear_goodbye(client: &mut Client) {
    let goodbye = loop {
        match client.next().await {
            Some(Ok(Message::Close(frame))) => break frame.expect("a code"),
            Some(Ok(_)) => {}
            other => panic!("no goodbye: {other:?}"),
        }
    };
    assert_eq!((u16::from(goodbye.code), goodbye.reason.as_str()), (1000, "Server shutting down"));
    // The client's part of the goodbye, without which the server waits a moment for it.
    while let Some(Ok(_)) = client.next().await {}
}
