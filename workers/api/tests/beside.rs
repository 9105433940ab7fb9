//! Two processes on one file, as in a reload: the old one finishes while the new one begins.
#![allow(clippy::unwrap_used, reason = "what fails in a test is to end it")]

#[path = "../../../tests/recordings/sockets.rs"]
mod sockets;
#[path = "../../../tests/recordings/worker.rs"]
mod worker;

use std::{sync::Barrier, thread};

use futures_util::StreamExt;
use nix::sys::signal::Signal;
use rusqlite::Connection;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use worker::Running;

/// Readings that each of two writes at once.
const READINGS: usize = 60;

fn start(data: &tempfile::TempDir) -> Running {
    Running::start(env!("CARGO_BIN_EXE_betti-api"), data.path(), &[])
}

fn heart_rate(value: usize) -> Value {
    json!({"vital_type": "heart_rate", "value_primary": value, "unit": "bpm"})
}

/// Every place in the outbox.
fn places(data: &tempfile::TempDir) -> Vec<i64> {
    let database = Connection::open(data.path().join("api.db")).unwrap();
    let mut rows = database.prepare("SELECT home_seq FROM outbox ORDER BY home_seq").unwrap();
    rows.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

/// What the outbox says of readings, in its order: place and value. Some of these raise alerts, which are not counted here.
fn outbox(data: &tempfile::TempDir) -> Vec<(i64, f64)> {
    let database = Connection::open(data.path().join("api.db")).unwrap();
    let mut rows =
        database.prepare("SELECT home_seq, payload FROM outbox WHERE kind LIKE 'reading.%' ORDER BY home_seq").unwrap();
    let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get::<_, String>(1)?))).unwrap();
    rows.map(|row| {
        let (place, payload) = row.unwrap();
        let payload: Value = serde_json::from_str(&payload).unwrap();
        let compat_id = payload["compat_id"].as_i64().unwrap();
        let value = "SELECT entered_primary FROM readings WHERE compat_id = ?";
        (place, database.query_row(value, [compat_id], |row| row.get(0)).unwrap())
    })
    .collect()
}

#[test]
fn both_keep_what_they_are_sent_and_the_outbox_has_no_gap() {
    let data = tempfile::tempdir().unwrap();
    let mut old = start(&data);
    thread::scope(|scope| {
        let writes = |api: &Running, from: usize| {
            for value in from..from + READINGS {
                assert_eq!(api.post("/api/vitals", &heart_rate(value)).0, 201, "{value}");
            }
        };
        let old = &old;
        scope.spawn(move || writes(old, 100));
        // It begins, and brings the schema to the newest, while the old one writes.
        let new = start(&data);
        scope.spawn(move || writes(&new, 300));
    });
    old.signal(Signal::SIGTERM);
    assert_eq!(old.wait(), Some(0));
    let kept = outbox(&data);
    assert_eq!(kept.len(), 2 * READINGS);
    let places = places(&data);
    assert_eq!(places, (1..=places.len() as i64).collect::<Vec<_>>());
    for from in [100, 300] {
        let of_one = kept.iter().map(|(_, value)| *value as usize).filter(|value| (from..from + 200).contains(value));
        assert_eq!(of_one.collect::<Vec<_>>(), (from..from + READINGS).collect::<Vec<_>>(), "each in its order");
    }
}

#[test]
fn a_key_that_the_old_one_took_is_known_to_the_new_one() {
    let data = tempfile::tempdir().unwrap();
    let (old, new) = (start(&data), start(&data));
    let key = [("Idempotency-Key", "strap-7")];
    let kept = old.request("POST", "/api/vitals", &key, Some(&heart_rate(61)));
    assert_eq!(kept.0, 201);
    assert_eq!(new.request("POST", "/api/vitals", &key, Some(&heart_rate(61))), kept);
    assert_eq!(outbox(&data).len(), 1);
}

#[tokio::test]
async fn who_listens_to_the_new_one_is_told_what_the_old_one_keeps() {
    let data = tempfile::tempdir().unwrap();
    let (old, new) = (start(&data), start(&data));
    old.post("/api/vitals", &heart_rate(60));
    let mut client = sockets::connect(&new, "/").await;
    let mut told = Vec::new();
    for value in 61..70 {
        let api = if value % 2 == 0 { &old } else { &new };
        assert_eq!(api.post("/api/vitals", &heart_rate(value)).0, 201);
    }
    while told.last() != Some(&"69".to_owned()) {
        if let Message::Text(text) = client.next().await.unwrap().unwrap() {
            let frame: Value = serde_json::from_str(&text).unwrap();
            told.extend(frame["vital"]["value"].as_str().map(str::to_owned));
        }
    }
    // What was kept just before the connection may be told as well.
    told.retain(|value| value != "60");
    assert_eq!(told, (61..70).map(|value| value.to_string()).collect::<Vec<_>>(), "each once, in order");
    // And what comes last of all is told without anything that happens here.
    assert_eq!(old.post("/api/vitals", &heart_rate(80)).0, 201);
    loop {
        if let Message::Text(text) = client.next().await.unwrap().unwrap() {
            assert!(text.contains(r#""value":"80""#), "{text}");
            break;
        }
    }
}

#[test]
fn a_stored_record_that_both_are_sent_at_the_same_moment_is_one_reading() {
    let data = tempfile::tempdir().unwrap();
    let (old, new) = (start(&data), start(&data));
    for record in 0..20 {
        let key = format!("AA:BB:CC:00:00:01-{record}");
        let both_ready = Barrier::new(2);
        let send = |api: &Running| {
            both_ready.wait();
            api.request("POST", "/api/vitals", &[("Idempotency-Key", &key)], Some(&heart_rate(60 + record)))
        };
        let (first, second) = thread::scope(|scope| {
            let first = scope.spawn(|| send(&old));
            let second = send(&new);
            (first.join().unwrap(), second)
        });
        assert_eq!((first.0, &first.1["data"]), (201, &second.1["data"]), "record {record}");
    }
    assert_eq!(outbox(&data).len(), 20);
}

#[test]
fn a_redirect_of_another_worker_is_followed_nowhere() {
    use std::io::{ErrorKind, Read, Write};
    let (stub, elsewhere) = (bound(), bound());
    let (at, target) = (stub.local_addr().unwrap(), elsewhere.local_addr().unwrap());
    let served = thread::spawn(move || {
        let (mut stream, _) = stub.accept().unwrap();
        let mut head = [0; 4096];
        let read = stream.read(&mut head).unwrap();
        let answer = format!("HTTP/1.1 307 Moved\r\nLocation: http://{target}/taken\r\nContent-Length: 0\r\n\r\n");
        stream.write_all(answer.as_bytes()).unwrap();
        String::from_utf8_lossy(&head[..read]).into_owned()
    });
    let data = tempfile::tempdir().unwrap();
    let url = format!("http://{at}");
    let api = Running::start(env!("CARGO_BIN_EXE_betti-api"), data.path(), &[("BETTI_NUTRITION_URL", &url)]);
    let (status, _) = api.post("/api/nutrition/log-meal", &json!({"foods": []}));
    assert_eq!(status, 307, "it is handed back as it came");
    assert!(
        served.join().unwrap().to_lowercase().contains("authorization: bearer betti_"),
        "the other worker was asked"
    );
    elsewhere.set_nonblocking(true).unwrap();
    assert_eq!(elsewhere.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "nobody came with the hub's credential");
}

fn bound() -> std::net::TcpListener {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap()
}
