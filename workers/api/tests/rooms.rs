//! What sensors say of their rooms: told as existing clients know it, answered with its age, and nobody's reading.
#![allow(clippy::unwrap_used, reason = "what fails in a test is to end it")]

#[path = "../../../tests/recordings/sockets.rs"]
mod sockets;
#[path = "../../../tests/recordings/worker.rs"]
mod worker;

use futures_util::StreamExt;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sockets::Client;
use tokio_tungstenite::tungstenite::Message;
use worker::Running;

const SENSOR: &str = "AA:BB:CC:00:00:05";

async fn next(client: &mut Client) -> Value {
    loop {
        if let Message::Text(text) = client.next().await.unwrap().unwrap() {
            return serde_json::from_str(&text).unwrap();
        }
    }
}

fn report(api: &Running, status: &str, is_ours: bool, environment: &Value) {
    let sensor = json!({
        "id": SENSOR, "address": SENSOR, "name": "Halo", "rssi": -60, "lastSeen": null, "status": status,
        "adopted": is_ours, "battery": null, "environment": environment,
    });
    let body = json!({"state": "scanning", "words": "scanning", "adapter": "hci0", "devices": [sensor]});
    assert_eq!(api.post("/api/ble/state", &body).0, 200);
}

fn written(at: Timestamp) -> Value {
    at.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string().into()
}

#[tokio::test]
async fn a_sensor_is_told_of_as_halo_and_answered_with_its_age() {
    let data = tempfile::tempdir().unwrap();
    let api = Running::start(env!("CARGO_BIN_EXE_betti-api"), data.path(), &[]);
    let mut client = sockets::connect(&api, "/ws").await;
    assert_eq!(next(&mut client).await["type"], "connection");
    let (warm, pressed) = (Timestamp::now() - SignedDuration::from_mins(10), Timestamp::now());
    let nothing = json!({"temperature": null, "humidity": null, "button": null, "pressedAt": null});
    report(&api, "connected", true, &nothing);
    assert_eq!(next(&mut client).await["type"], "ble-state");
    assert_eq!(next(&mut client).await["type"], "ble-connection-status");
    let mut connected = next(&mut client).await;
    let at: Timestamp = connected["timestamp"].as_str().unwrap().parse().unwrap();
    assert!(at >= pressed - SignedDuration::from_secs(1), "{connected}");
    connected["timestamp"].take();
    let expected = json!({
        "type": "halo-connection-status", "macAddress": SENSOR, "name": "Halo", "status": "connected",
        "deviceAddress": SENSOR, "timestamp": null,
    });
    assert_eq!(connected, expected);
    assert_eq!(api.get("/api/v1/environment"), (200, json!({"success": true, "data": []})));

    let sensed = json!({
        "temperature": {"value": 21.53, "at": written(warm)}, "humidity": {"value": null, "at": written(warm)},
        "button": {"value": false, "at": written(pressed)}, "pressedAt": null,
    });
    report(&api, "connected", true, &sensed);
    let update = json!({
        "type": "halo-sensor-update", "temperature": 70.75, "temperatureC": 21.53, "humidity": null, "light": null,
        "imu": null, "button": false, "deviceAddress": SENSOR, "timestamp": written(pressed),
    });
    assert_eq!(next(&mut client).await, update);
    report(&api, "connected", true, &sensed);
    let mut and_pressed = sensed.clone();
    and_pressed["pressedAt"] = written(pressed);
    report(&api, "connected", true, &and_pressed);
    let press = json!({"type": "halo-button-press", "deviceAddress": SENSOR, "timestamp": written(pressed)});
    assert_eq!(next(&mut client).await, press, "what is said again is not told again");

    // betti-ble has started anew.
    report(&api, "connected", true, &nothing);
    let room = api.get("/api/v1/environment").1["data"][0].clone();
    assert_eq!((&room["address"], &room["name"]), (&json!(SENSOR), &json!("Halo")));
    let temperature = &room["temperature"];
    assert_eq!((&temperature["value"], &temperature["unit"]), (&json!(21.53), &json!("Cel")));
    assert_eq!(temperature["measured_at"], written(warm));
    let age = temperature["age_s"].as_i64().unwrap();
    assert!((600..660).contains(&age), "{room}");
    assert!(room["age_s"].as_i64().unwrap() < 60, "{room}");
    assert_eq!((&room["humidity"]["value"], &room["button"]["down"]), (&Value::Null, &json!(false)));
    assert_eq!(room["button"]["pressed_at"], written(pressed));
    assert_eq!(api.get("/api/vitals").1["data"], json!([]), "the room has no fever");
    assert_eq!(api.get("/api/v1/devices").1["data"][0]["kind"], "unknown", "and is no thermometer");

    report(&api, "waiting", true, &nothing);
    assert_eq!(next(&mut client).await["status"], "disconnected");
    assert_eq!(next(&mut client).await["status"], "disconnected");
    report(&api, "new", false, &sensed);
    assert_eq!(api.get("/api/v1/environment").1["data"], json!([]), "a neighbour's room is not ours to know");
}
