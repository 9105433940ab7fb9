//! Whoever listens hears of whom they may see, and of nobody else: over the stream, server-sent events and the WebSocket of existing
//! clients.

#[path = "walk/home.rs"]
#[allow(dead_code, reason = "the walk over all routes uses the rest")]
mod home;
#[path = "../../../tests/recordings/sockets.rs"]
mod sockets;
#[path = "../../../tests/recordings/worker.rs"]
mod worker;

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    time::Duration,
};

use futures_util::{SinkExt, StreamExt};
use home::{Home, WORDS};
use kit::{Area, role::Role, rule::Level};
use serde_json::{Value, json};
use sockets::Client;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use worker::Running;

const STREAM: &str = "/api/v1/stream";
/// The WebSocket of existing clients.
const EXISTING: &str = "/ws";
/// Stands in everything that is written of the second resident.
const OTHERS_WORDS: &str = "second-person";
const OTHERS_CUFF: &str = "AA:BB:CC:00:00:07";
/// Nothing here takes this long, unless it hangs.
const DEADLINE: Duration = Duration::from_secs(30);
/// How often somebody who hears nothing is asked whether they are still there: each time, what waits could be sent instead.
const PINGS: usize = 20;

async fn next(client: &mut Client) -> String {
    loop {
        match timeout(DEADLINE, client.next()).await.expect("a frame in time").expect("a frame").expect("a whole one") {
            Message::Text(text) => return text.to_string(),
            Message::Ping(_) | Message::Pong(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

/// All that is heard until these words, with them.
async fn until(client: &mut Client, words: &str) -> String {
    let mut heard = String::new();
    while !heard.contains(words) {
        heard += &next(client).await;
    }
    heard
}

fn read(heard: &str) -> Vec<Value> {
    serde_json::Deserializer::from_str(heard).into_iter().map(|line| line.expect("JSON")).collect()
}

/// What is heard before so many pings are answered.
async fn meanwhile(client: &mut Client) -> String {
    let mut heard = String::new();
    for _ in 0..PINGS {
        client.send(Message::Ping(Vec::new().into())).await.expect("a ping that is taken");
        loop {
            match timeout(DEADLINE, client.next())
                .await
                .expect("a frame in time")
                .expect("a frame")
                .expect("a whole one")
            {
                Message::Text(text) => heard += &text,
                Message::Pong(_) => break,
                _ => {}
            }
        }
    }
    heard
}

/// Follows from now on: when its ping was answered the newest place was asked for, and the database answers in turn.
async fn follow(api: &Running, token: &str) -> Client {
    let mut client = sockets::connect_as(api, STREAM, token).await;
    assert_eq!(meanwhile(&mut client).await, "");
    assert_eq!(api.get("/api/vitals").0, 200);
    client
}

/// Something about the second resident, last of all a reading.
fn live_as_second(api: &Running) {
    let post = |path: &str, body: Value| {
        let (status, answer) = api.post(path, &body);
        assert!([200, 201].contains(&status), "{path}: {answer}");
    };
    let said = |words: &str| format!("{OTHERS_WORDS} {words}");
    post("/api/ble/pair", json!({"macAddress": OTHERS_CUFF, "name": said("cuff"), "deviceType": "scale"}));
    let worn = json!({"subject": 2});
    let path = format!("/api/v1/devices/{OTHERS_CUFF}");
    assert_eq!(api.request("PATCH", &path, &[], Some(&worn)).0, 200);
    let near = json!({"address": OTHERS_CUFF, "name": said("cuff"), "lastSeen": home::now(), "status": "connected", "adopted": true});
    post("/api/ble/state", json!({"state": "scanning", "words": "scanning", "devices": [near]}));
    post("/api/v1/appointments?resident=2", json!({"title": said("dentist"), "starts_at": "2032-03-01T10:00:00Z"}));
    post("/api/v1/drinks?resident=2", json!({"amount": 100, "beverage": said("tea")}));
    let people = json!({"people": [{"name": said("son")}]});
    assert_eq!(api.request("PUT", "/api/v1/people?resident=2", &[], Some(&people)).0, 200);
    post("/api/ble/unpair", json!({"macAddress": OTHERS_CUFF}));
    let weight = json!({"vital_type": "weight", "value_primary": 60, "unit": "kg", "notes": said("weight")});
    post("/api/v1/readings?resident=2", weight);
}

#[tokio::test]
async fn nobody_hears_of_a_resident_whom_they_may_not_see() {
    let home = Home::start();
    home.api.post("/api/v1/residents", &json!({"name": "Bertha"}));
    let first = home.device(Role::Resident, 1, "Anna's tablet", &[]).await;
    let second = home.device(Role::Resident, 2, "Bertha's tablet", &[]).await;
    let walker = home.device(Role::Carer, 1, "who sees activity", &[(Area::Activity, Level::Read)]).await;
    let (first, second, walker) = (first.token.reveal(), second.token.reveal(), walker.token.reveal());
    let mut all = follow(&home.api, home.api.token()).await;
    let mut of_second = follow(&home.api, second).await;
    let mut of_walker = follow(&home.api, walker).await;
    let mut old_of_second = sockets::connect_as(&home.api, EXISTING, second).await;
    let mut old_of_walker = sockets::connect_as(&home.api, EXISTING, walker).await;
    assert!(
        next(&mut old_of_second).await.contains("connection") && next(&mut old_of_walker).await.contains("connection")
    );
    home.live().await;
    let (mut of_first, mut old_of_first) =
        (follow(&home.api, first).await, sockets::connect_as(&home.api, EXISTING, first).await);
    live_as_second(&home.api);
    // The second one hears their own, and nothing of the first one.
    let heard = until(&mut of_second, "second-person weight").await;
    assert!(!heard.contains(WORDS) && heard.contains("second-person dentist"), "{heard}");
    let heard = events(&home.api, second);
    assert!(!heard.contains(WORDS) && heard.contains("second-person dentist"), "{heard}");
    // Then something happens that the others hear.
    let device = json!({"deviceAddress": "aa:01", "steps": 6000});
    home.api.post("/api/fitness/device/activity", &device);
    let heard = until(&mut of_walker, "6000").await;
    let kinds = ["workout", "activity", "activity-intervals", "assessment", "fitness-device"];
    let named =
        |line: &Value| kinds.contains(&line["type"].as_str().unwrap_or_default().split('.').next().unwrap_or_default());
    let lines = read(&heard);
    assert!(lines.iter().all(named) && !heard.contains(OTHERS_WORDS), "{heard}");
    let heard = until(&mut old_of_walker, "6000").await;
    let lines = read(&heard);
    assert!(lines.iter().all(|line| line["type"] == "activity-update"), "{heard}");
    for heard in [until(&mut of_first, "6000").await, until(&mut old_of_first, "6000").await] {
        // A device is the first one's until somebody says whose it is.
        let others: Vec<_> =
            ["second-person dentist", "second-person tea", "second-person son", "second-person weight"]
                .iter()
                .filter(|words| heard.contains(**words))
                .collect();
        assert!(others.is_empty(), "{others:?} in {heard}");
        for kind in ["ble-connection-status", "device.unpaired", "\"paired\":false,\"type\":\"ble-pairing-status"] {
            assert!(!heard.contains(kind), "{kind} in {heard}");
        }
    }
    assert_eq!(meanwhile(&mut old_of_second).await, "");
    // Whatever names nobody would be the first one's.
    let heard = until(&mut all, "6000").await;
    for line in read(&heard) {
        assert!(line["resident"].is_i64(), "{line} says of nobody that it is theirs");
    }
}

/// What server-sent events tell of all that was, up to the second resident's last reading.
fn events(api: &Running, token: &str) -> String {
    let mut stream = TcpStream::connect(api.address).expect("a connection");
    stream.set_read_timeout(Some(DEADLINE)).expect("a timeout");
    let head = format!("GET {STREAM}?since=0 HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer {token}\r\n\r\n");
    stream.write_all(head.as_bytes()).expect("a request that is taken");
    let (mut lines, mut heard) = (BufReader::new(stream), String::new());
    while !heard.contains("second-person weight") {
        assert!(lines.read_line(&mut heard).expect("a line") > 0, "it ended: {heard}");
    }
    heard
}
