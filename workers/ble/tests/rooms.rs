//! What sensors say of their rooms reaches clients of the real betti-api, and nobody's readings.
#![allow(clippy::unwrap_used)] // As in the harness.

mod harness;
#[path = "../../../tests/recordings/sockets.rs"]
mod sockets;
#[path = "../../../tests/recordings/worker.rs"]
mod worker;

use fakebluez::{Characteristic, Device, Model, Service, interface};
use futures_util::StreamExt;
use harness::{ADAPTER, DEADLINE, SENSOR, STRAP, Worker, World, api_program, sensor, strap, wait_for};
use serde_json::{Value, json};
use sockets::Client;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use worker::Running;

fn with(device: Device) -> World {
    World::with(|model| {
        let adapter = model.add_adapter("hci0", true);
        model.add_device(&adapter, device);
    })
}

async fn listen(api: &Running) -> Client {
    sockets::connect(api, "/ws").await
}

/// All halo messages until one is so, with that one.
async fn halo_until(client: &mut Client, is_so: impl Fn(&Value) -> bool) -> Vec<Value> {
    let mut heard = Vec::new();
    let listening = async {
        while let Some(message) = client.next().await {
            let Ok(Message::Text(text)) = message else { continue };
            let message: Value = serde_json::from_str(&text).unwrap();
            if message["type"].as_str().unwrap().starts_with("halo-") {
                heard.push(message);
                if is_so(heard.last().unwrap()) {
                    return;
                }
            }
        }
    };
    let in_time = timeout(DEADLINE, listening).await.is_ok();
    assert!(in_time, "never heard, only {heard:#?}");
    heard
}

fn is_update(message: &Value, field: &str, value: &Value) -> bool {
    message["type"] == "halo-sensor-update" && message[field] == *value
}

#[tokio::test]
async fn a_sensor_that_is_paired_tells_of_its_room_and_of_its_button_and_is_nobodys_reading() {
    let world = with(sensor());
    let data = world.folder.path().join("data");
    let api = Running::start(api_program().to_str().unwrap(), &data, &[]);
    let _ble = Worker::start_at(&world.folder, &api.url(), "");
    wait_for("the sensor is found", || api.get("/api/ble/status").1["devices"][0]["status"] == "new");
    assert_eq!(api.get("/api/v1/environment").1["data"], json!([]));
    assert_eq!(world.calls("Connect"), 0);
    let mut client = listen(&api).await;
    let pairing = json!({"macAddress": SENSOR, "name": "Bedroom", "deviceType": "halo"});
    assert_eq!(api.post("/api/ble/pair", &pairing).0, 200);

    let heard = halo_until(&mut client, |message| {
        is_update(message, "humidity", &json!(45.0)) && message["button"] == json!(false)
    })
    .await;
    let states: Vec<_> = heard.iter().filter(|message| message["type"] == "halo-connection-status").collect();
    assert!(states.iter().all(|state| state["macAddress"] == SENSOR && state["timestamp"].is_string()), "{states:?}");
    let update = heard.last().unwrap();
    assert_eq!((&update["temperature"], &update["temperatureC"]), (&json!(70.75), &json!(21.53)));
    assert_eq!(
        (&update["light"], &update["imu"], &update["deviceAddress"]),
        (&Value::Null, &Value::Null, &json!(SENSOR))
    );

    // Down and up before anybody looks is a press all the same.
    world.sends(SENSOR, "2a56", &[1]);
    world.sends(SENSOR, "2a56", &[0]);
    let heard = halo_until(&mut client, |message| message["type"] == "halo-button-press").await;
    let press = heard.last().unwrap();
    assert!(press["deviceAddress"] == SENSOR && press["timestamp"].is_string(), "{press}");

    // The sensor does not know. With the button it is told at once.
    world.sends(SENSOR, "2a6e", &[0x00, 0x80]);
    world.sends(SENSOR, "2a56", &[1]);
    let heard = halo_until(&mut client, |message| is_update(message, "button", &json!(true))).await;
    let update = heard.last().unwrap();
    assert_eq!((&update["temperature"], &update["temperatureC"]), (&Value::Null, &Value::Null));
    assert_eq!(update["humidity"], 45.0);
    halo_until(&mut client, |message| message["type"] == "halo-button-press").await;

    let rooms = api.get("/api/v1/environment").1["data"].clone();
    let room = &rooms[0];
    assert_eq!((&room["name"], &room["address"]), (&json!("Bedroom"), &json!(SENSOR)), "{rooms}");
    assert_eq!((&room["humidity"]["value"], &room["humidity"]["unit"]), (&json!(45.0), &json!("%")));
    assert!(room["humidity"]["age_s"].as_i64().unwrap() <= DEADLINE.as_secs().cast_signed(), "{rooms}");
    assert_eq!((&room["temperature"]["value"], &room["button"]["down"]), (&Value::Null, &json!(true)));
    assert_eq!(api.get("/api/vitals").1["data"], json!([]));

    assert_eq!(api.post("/api/ble/unpair", &json!({"macAddress": SENSOR})).0, 200);
    let path = Model::device_path(ADAPTER, SENSOR);
    world
        .bluez
        .wait_for("the end of its connection", DEADLINE, move |model| !model.is(&path, interface::DEVICE, "Connected"));
    wait_for("it is forgotten", || api.get("/api/v1/environment").1["data"] == json!([]));
}

#[test]
fn a_button_that_is_held_while_it_is_connected_was_not_pressed() {
    let mut device = sensor();
    device.services[1].characteristics[0].value = vec![1];
    let world = with(device);
    let _worker = world.worker(SENSOR);
    let room = |state: &Value| state["devices"][0]["environment"].clone();
    let told = world.api.wait_for_state("the button", |state| room(state)["button"]["value"] == true);
    assert_eq!(room(&told)["pressedAt"], Value::Null);
    world.sends(SENSOR, "2a56", &[0]);
    world.sends(SENSOR, "2a56", &[1]);
    world.api.wait_for_state("a press", |state| room(state)["pressedAt"].is_string());
    assert!(world.api.posts().is_empty(), "none of it is a reading: {:?}", world.api.posts());
}

/// Some straps know how warm they are.
#[test]
fn a_strap_that_senses_its_room_is_a_strap_first() {
    let mut device = strap();
    let temperature =
        Characteristic { uuid: "2a6e", flags: vec!["notify"], secured: true, ..Characteristic::default() };
    device.services.push(Service { uuid: "181a", characteristics: vec![temperature] });
    device.can_pair = false;
    let world = with(device);
    let _worker = world.worker(STRAP);
    world.sends(STRAP, "2a37", &[0, 66]);
    assert_eq!(world.api.wait_for_vital("heart_rate")["value_primary"], 66);
    world.api.wait_for_state("connected", |state| state["devices"][0]["status"] == "connected");
    assert_eq!(world.api.posts().len(), 1);
}

#[test]
fn a_sensor_that_does_not_speak_is_asked_again_and_a_temperature_of_another_service_is_not_the_rooms() {
    let mut device = sensor();
    device.services[0].characteristics[0].flags = vec!["read"];
    let other = Characteristic { uuid: "2a6f", flags: vec!["notify"], ..Characteristic::default() };
    device.services[0].characteristics.truncate(1);
    device.services.push(Service { uuid: "1809", characteristics: vec![other] });
    let world = with(device);
    let _worker = world.worker(SENSOR);
    let room = |state: &Value| state["devices"][0]["environment"].clone();
    let is_known = |state: &Value| room(state)["temperature"]["value"] == 21.53;
    let first = room(&world.api.wait_for_state("the temperature", is_known));
    assert_eq!(first["humidity"], Value::Null);
    world.bluez.wait_for("another question", 2 * DEADLINE, |model| {
        // One for the warmth and one for the button; then only the warmth, because the button speaks.
        model.log.iter().filter(|line| line.starts_with("ReadValue")).count() == 3
    });
    let is_newer = |state: &Value| is_known(state) && room(state)["temperature"]["at"] != first["temperature"]["at"];
    world.api.wait_for_state("a newer temperature", is_newer);
}
