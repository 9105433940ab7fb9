//! Devices of this home: paired, named, worn by somebody, seen, and told of.
#![allow(clippy::unwrap_used, reason = "what fails in a test is to end it")]

#[path = "../../../tests/recordings/sockets.rs"]
mod sockets;
#[path = "../../../tests/recordings/worker.rs"]
mod worker;

use std::{thread, time::Instant};

use futures_util::StreamExt;
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use sockets::Client;
use tokio_tungstenite::tungstenite::Message;
use worker::Running;

const CUFF: &str = "AA:BB:CC:00:00:01";

fn start(data: &tempfile::TempDir) -> Running {
    Running::start(env!("CARGO_BIN_EXE_betti-api"), data.path(), &[])
}

async fn listen(api: &Running) -> Client {
    let mut client = sockets::connect(api, "/ws").await;
    assert_eq!(next(&mut client).await["type"], "connection");
    client
}

async fn next(client: &mut Client) -> Value {
    loop {
        if let Message::Text(text) = client.next().await.unwrap().unwrap() {
            return serde_json::from_str(&text).unwrap();
        }
    }
}

fn pair(api: &Running, address: &str, name: &str) -> Value {
    let (status, answer) = api.post("/api/ble/pair", &json!({"macAddress": address, "name": name}));
    assert_eq!(status, 200, "{answer}");
    answer
}

fn paired(api: &Running) -> Value {
    api.get("/api/ble/paired").1["devices"].clone()
}

fn devices(api: &Running) -> Vec<Value> {
    api.get("/api/v1/devices").1["data"].as_array().unwrap().clone()
}

fn change(api: &Running, address: &str, body: &Value) -> (u16, Value) {
    api.request("PATCH", &format!("/api/v1/devices/{address}"), &[], Some(body))
}

fn report(api: &Running, devices: &Value) {
    let body = json!({"state": "scanning", "words": "scanning", "adapter": "hci0", "devices": devices});
    assert_eq!(api.post("/api/ble/state", &body).0, 200);
}

fn near(status: &str, battery: Option<i64>) -> Value {
    json!([{
        "id": CUFF, "address": CUFF, "name": "BP-7", "rssi": -60, "lastSeen": "2031-01-31T12:00:00.000Z",
        "status": status, "adopted": status != "new", "battery": battery,
    }])
}

fn pressure(address: &str) -> Value {
    json!({
        "vital_type": "blood_pressure", "value_primary": 121, "value_secondary": 79, "unit": "mmHg",
        "source": "ble_device", "device_address": address,
    })
}

#[test]
fn what_is_paired_stays_paired_after_kill_9() {
    let data = tempfile::tempdir().unwrap();
    let api = start(&data);
    pair(&api, CUFF, "Cuff");
    let before = paired(&api);
    assert_eq!((&before[0]["isPaired"], &before[0]["isConnected"]), (&json!(true), &json!(false)));
    api.kill();
    let api = start(&data);
    assert_eq!(paired(&api), before);
    assert_eq!(api.get("/api/ble/wanted").1["data"]["devices"], json!([CUFF]));
}

#[test]
fn a_device_is_the_same_in_any_case_and_with_any_separators() {
    let data = tempfile::tempdir().unwrap();
    let api = start(&data);
    let first = pair(&api, "aa-bb-cc-00-00-01", "Cuff");
    for written in [CUFF, "aabbcc000001", "AA.BB.CC.00.00.01"] {
        let again = pair(&api, written, "Cuff");
        assert_eq!(again["device"]["id"], first["device"]["id"]);
        assert_eq!(again["device"]["macAddress"], "aa-bb-cc-00-00-01", "as it was written first");
    }
    assert_eq!(api.post("/api/vitals", &pressure("aabbcc000001")).0, 201);
    let known = devices(&api);
    assert_eq!((known.len(), &known[0]["address"]), (1, &json!(CUFF)));
    let (status, answer) = api.post("/api/ble/pair", &json!({"macAddress": "the cuff"}));
    let text = "macAddress \"the cuff\" is not a Bluetooth address. Write it like AA:BB:CC:DD:EE:FF";
    assert_eq!((status, &answer["error"]), (400, &json!(text)));
}

#[test]
fn a_device_without_a_name_is_called_by_what_it_said_or_by_its_address() {
    let data = tempfile::tempdir().unwrap();
    let api = start(&data);
    let message = |address: &str| api.post("/api/ble/pair", &json!({"macAddress": address})).1["message"].clone();
    assert_eq!(message("AA:BB:CC:00:00:09"), "Device AA:BB:CC:00:00:09 paired successfully");
    report(&api, &near("new", None));
    assert_eq!(message(CUFF), "Device BP-7 paired successfully");
    let long = "n".repeat(201);
    let (status, answer) = api.post("/api/ble/pair", &json!({"macAddress": CUFF, "name": long}));
    assert_eq!((status, &answer["error"]), (400, &json!("name must be 1 to 200 characters long")));
}

#[test]
fn readings_of_a_device_are_theirs_who_wear_it() {
    let data = tempfile::tempdir().unwrap();
    let api = start(&data);
    let zone = json!({"name": "Ada", "zone": "Asia/Tokyo"});
    let other = api.post("/api/v1/residents", &zone).1["data"]["subject"].clone();
    assert_eq!(api.post("/api/vitals", &pressure(CUFF)).1["data"]["userId"], 1);
    let known = devices(&api);
    assert_eq!((&known[0]["kind"], &known[0]["subject"]), (&json!("blood_pressure"), &json!(1)));
    let (status, changed) = change(&api, "aa-bb-cc-00-00-01", &json!({"subject": other, "name": "Ada's cuff"}));
    assert_eq!((status, &changed["data"]["name"]), (200, &json!("Ada's cuff")));
    let key = [("Idempotency-Key", "cuff-1")];
    let mut body = pressure(CUFF);
    body["recorded_at"] = "2031-01-31T08:00".into();
    let (status, theirs) = api.request("POST", "/api/vitals", &key, Some(&body));
    assert_eq!((status, &theirs["data"]["userId"]), (201, &other));
    let (_, whole) = api.get(&format!("/api/v1/readings/{}", theirs["data"]["id"]));
    assert_eq!(whole["data"]["effective_at"], "2031-01-30T23:00:00.000Z", "on the wearer's clock");
    assert_eq!(api.get("/api/vitals/latest").1["data"].as_array().unwrap().len(), 1, "not the first resident's");
    let newer = api.post("/api/v1/readings", &pressure(CUFF)).1;
    assert_eq!(newer["data"]["subject"], other);
    let said = api.post("/api/v1/readings?resident=1", &pressure(CUFF)).1;
    assert_eq!(said["data"]["subject"], 1, "who says whose it is knows better");
    change(&api, CUFF, &json!({"subject": 1}));
    let (status, again) = api.request("POST", "/api/vitals", &key, Some(&body));
    assert_eq!((status, &again["data"]["userId"]), (201, &other), "what was taken stays whose it was");
    assert_eq!(change(&api, CUFF, &json!({"subject": 9})).0, 404);
    assert_eq!(change(&api, CUFF, &json!({"subject": 0})).0, 400);
    assert_eq!(change(&api, "AA:BB:CC:00:00:77", &json!({"name": "x"})).0, 404);
}

#[test]
fn a_device_gives_way_to_another_one_of_its_kind_of_the_same_resident_only() {
    let data = tempfile::tempdir().unwrap();
    let api = start(&data);
    api.post("/api/v1/residents", &json!({"name": "Bertha"}));
    let other = "AA:BB:CC:00:00:02";
    pair(&api, CUFF, "Bertha's");
    assert_eq!(change(&api, CUFF, &json!({"subject": 2})).0, 200);
    pair(&api, other, "Anna's");
    let are_paired = || {
        let device = |address| devices(&api).into_iter().find(|device| device["address"] == address).unwrap();
        [CUFF, other].map(|address| device(address)["paired"] == true)
    };
    assert_eq!(are_paired(), [true, true], "each has a cuff");
    assert_eq!(change(&api, other, &json!({"subject": 2})).0, 200);
    assert_eq!(are_paired(), [false, true], "one of each is enough for Bertha too");
}

#[test]
fn a_device_of_this_home_is_kept_as_it_was_seen_and_a_neighbours_is_not() {
    let data = tempfile::tempdir().unwrap();
    let api = start(&data);
    report(&api, &near("new", Some(70)));
    assert_eq!(devices(&api), Vec::<Value>::new());
    report(&api, &near("waiting", Some(70)));
    let known = devices(&api);
    assert_eq!((&known[0]["name"], &known[0]["kind"]), (&json!("BP-7"), &json!("unknown")));
    assert_eq!(known[0]["battery"], json!({"value": 70, "unit": "%"}));
    assert_eq!((&known[0]["last_seen_at"], &known[0]["paired"]), (&json!("2031-01-31T12:00:00.000Z"), &json!(false)));
    let mut beat = json!({"vital_type": "heart_rate", "value_primary": 61, "unit": "bpm", "device_address": CUFF});
    beat["recorded_at"] = "2026-01-01T00:00:00Z".into();
    assert_eq!(api.post("/api/vitals", &beat).0, 201);
    assert_eq!(devices(&api)[0]["kind"], "heart_rate", "it is what it measures");
    report(&api, &near("connected", Some(69)));
    api.kill();
    let api = start(&data);
    assert_eq!(devices(&api)[0]["battery"]["value"], 69);
    let device = pair(&api, CUFF, "Cuff")["device"].clone();
    assert_eq!((&device["deviceType"], &device["lastRssi"]), (&json!("heart_rate"), &json!(-60)));
    // And a neighbour's address that is no address says nothing.
    assert_eq!(api.post("/api/vitals", &pressure("AA:BB")).0, 201);
    assert_eq!(devices(&api).len(), 1);
}

#[tokio::test]
async fn the_first_pairing_starts_a_scan_which_is_told_before() {
    let data = tempfile::tempdir().unwrap();
    let api = start(&data);
    let mut client = listen(&api).await;
    report(&api, &json!([]));
    assert_eq!(next(&mut client).await, json!({"type": "ble-state", "state": "poweredOn"}));
    pair(&api, "aabbcc000001", "Cuff");
    assert_eq!(next(&mut client).await, json!({"type": "ble-scan-status", "status": "scanning"}));
    let told = json!({"type": "ble-pairing-status", "macAddress": "aabbcc000001", "name": "Cuff", "paired": true});
    assert_eq!(next(&mut client).await, told);
    assert_eq!(api.get("/api/ble/status").1["isScanning"], true);
    report(&api, &near("connecting", None));
    let found = next(&mut client).await;
    let device = json!({
        "id": CUFF, "name": "BP-7", "address": CUFF, "rssi": -60, "lastSeen": "2031-01-31T12:00:00.000Z",
        "manufacturer": null,
    });
    assert_eq!(found, json!({"type": "ble-device", "device": device}));
    for (status, word) in [("connecting", "connecting"), ("connected", "connected"), ("waiting", "disconnected")] {
        report(&api, &near(status, None));
        let told = json!({"type": "ble-connection-status", "macAddress": CUFF, "name": "BP-7", "status": word});
        assert_eq!(next(&mut client).await, told);
        let shown = api.get("/api/ble/paired").1;
        assert_eq!(shown["devices"][0]["isConnected"], status == "connected");
        assert_eq!(shown["connectionManager"]["connectedCount"], i32::from(status == "connected"));
    }
    report(&api, &near("needs_pairing", None));
    let told = next(&mut client).await;
    assert_eq!((&told["type"], &told["macAddress"]), (&json!("ble-connection-error"), &json!(CUFF)));
    // Another cuff takes the first one's place, of which nobody asked; there is no scan, because it is not the first.
    pair(&api, "AA:BB:CC:00:00:02", "Cuff 2");
    let told =
        json!({"type": "ble-pairing-status", "macAddress": "AA:BB:CC:00:00:02", "name": "Cuff 2", "paired": true});
    assert_eq!(next(&mut client).await, told);
    assert_eq!(paired(&api).as_array().unwrap().len(), 1);
}

#[test]
fn a_scan_says_how_long_it_takes_and_there_is_one_at_a_time() {
    let data = tempfile::tempdir().unwrap();
    let api = start(&data);
    let (status, answer) = api.post("/api/ble/scan", &json!({}));
    let text = "Bluetooth cannot be used: betti-ble has not said anything yet";
    assert_eq!((status, answer), (400, json!({"success": false, "error": text})));
    report(&api, &json!([]));
    let began = json!({"success": true, "message": "Scan started", "duration": 30_000});
    assert_eq!(api.post("/api/ble/scan", &json!({})), (200, began));
    assert_eq!(api.post("/api/ble/scan", &json!({})).1["message"], "A scan is running already");
}

#[test]
fn who_waits_for_what_is_wanted_is_answered_when_that_changes_and_when_the_worker_leaves() {
    let data = tempfile::tempdir().unwrap();
    let mut api = start(&data);
    report(&api, &json!([]));
    let wanted = |version: &Value| {
        let version = version.as_str().unwrap_or_default();
        api.get(&format!("/api/ble/wanted?version={version}")).1["data"].clone()
    };
    let nothing = wanted(&Value::Null);
    assert_eq!((&nothing["devices"], &nothing["scan"]), (&json!([]), &Value::Null));
    thread::scope(|scope| {
        let waits = scope.spawn(|| wanted(&nothing["version"]));
        // Whether it waits already or asks only afterwards, it is answered with the scan or with both.
        pair(&api, CUFF, "Cuff");
        let scanned = waits.join().unwrap();
        assert!(scanned["scan"].is_string(), "{scanned}");
    });
    let paired = wanted(&Value::Null);
    assert_eq!(paired["devices"], json!([CUFF]));
    thread::scope(|scope| {
        let waits = scope.spawn(|| wanted(&paired["version"]));
        api.post("/api/ble/unpair", &json!({"macAddress": CUFF}));
        assert_eq!(waits.join().unwrap()["devices"], json!([]));
    });
    let nothing = wanted(&Value::Null);
    let began = Instant::now();
    let path = format!("/api/ble/wanted?version={}", nothing["version"].as_str().unwrap());
    let (address, waits) = (api.address, path);
    let authorization = api.authorization();
    let waits = thread::spawn(move || raw_get(address, &authorization, &waits));
    while api.get("/api/health").0 != 200 {}
    api.signal(Signal::SIGTERM);
    assert_eq!(api.wait(), Some(0));
    // Answered, or never begun; in no case is the worker held up.
    let _ = waits.join().unwrap();
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
}

fn raw_get(address: std::net::SocketAddr, authorization: &str, path: &str) -> std::io::Result<String> {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(address)?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n{authorization}\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
