//! The stream: in order, resumed where one was, and nobody's slowness is anybody else's.
#![allow(clippy::unwrap_used, reason = "what fails in a test is to end it")]

#[path = "../../../tests/recordings/sockets.rs"]
mod sockets;
#[path = "../../../tests/recordings/worker.rs"]
mod worker;

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    time::Duration,
};

use futures_util::{SinkExt, StreamExt};
use nix::sys::signal::Signal;
use rusqlite::Connection;
use serde_json::{Value, json};
use sockets::Client;
use tokio_tungstenite::tungstenite::{Message, protocol::CloseFrame};
use worker::Running;

fn start(data: &tempfile::TempDir) -> Running {
    Running::start(env!("CARGO_BIN_EXE_betti-api"), data.path(), &[])
}

async fn listen(api: &Running, query: &str) -> Client {
    sockets::connect(api, &format!("/api/v1/stream{query}")).await
}

/// Listens to what happens from now on. When its ping was answered, the database was asked for the newest place, and it answers
/// in turn.
async fn listen_from_now(api: &Running) -> Client {
    let mut client = listen(api, "").await;
    client.send(Message::Ping(Vec::new().into())).await.expect("a ping");
    while !matches!(client.next().await, Some(Ok(Message::Pong(_)))) {}
    assert_eq!(api.get("/api/vitals").0, 200);
    client
}

enum Heard {
    Event(Value),
    Close(Option<CloseFrame>),
}

async fn hear(client: &mut Client) -> Heard {
    loop {
        match client.next().await.expect("a frame").expect("a whole frame") {
            Message::Text(text) => return Heard::Event(serde_json::from_str(&text).expect("JSON")),
            Message::Close(frame) => return Heard::Close(frame),
            Message::Ping(_) | Message::Pong(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

async fn event(client: &mut Client) -> Value {
    match hear(client).await {
        Heard::Event(event) => event,
        Heard::Close(frame) => panic!("closed: {frame:?}"),
    }
}

async fn close(client: &mut Client) -> CloseFrame {
    loop {
        if let Heard::Close(frame) = hear(client).await {
            return frame.expect("a reason");
        }
    }
}

/// `until` is not included.
async fn assert_told(client: &mut Client, from: i64, until: i64) {
    for seq in from..until {
        assert_eq!(event(client).await["seq"], seq);
    }
}

fn post(api: &Running, readings: u32) {
    for bpm in 0..readings {
        let body = json!({"vital_type": "heart_rate", "value_primary": 50 + bpm % 100, "unit": "bpm"});
        assert_eq!(api.post("/api/vitals", &body).0, 201);
    }
}

/// The place of the newest event: what the worker keeps of its own at its start is in the stream too.
fn newest(data: &tempfile::TempDir) -> i64 {
    let file = Connection::open(data.path().join("api.db")).unwrap();
    file.query_row("SELECT coalesce(max(home_seq), 0) FROM outbox", [], |row| row.get(0)).unwrap()
}

/// Events as a far larger home would have written them, in one transaction.
fn fill(data: &tempfile::TempDir, events: i64) {
    let file = Connection::open(data.path().join("api.db")).unwrap();
    file.execute(
        "INSERT INTO outbox (kind, payload, recorded_at)
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
         SELECT 'reading.recorded', json_object('subject', 1, 'filler', printf('%2000d', i)),
                strftime('%Y-%m-%dT%H:%M:%fZ') FROM n",
        [events],
    )
    .unwrap();
}

#[tokio::test]
async fn an_event_has_its_place_its_time_its_kind_its_resident_and_the_whole_of_it() {
    let data = tempfile::tempdir().unwrap();
    let api = start(&data);
    let before = newest(&data);
    let mut client = listen(&api, &format!("?since={before}")).await;
    let (_, kept) = api.post("/api/vitals", &json!({"vital_type": "weight", "value_primary": 12, "unit": "st"}));
    let told = event(&mut client).await;
    let keys: Vec<_> = told.as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["data", "resident", "seq", "ts", "type"]);
    assert_eq!(
        (&told["seq"], &told["type"], &told["resident"]),
        (&json!(before + 1), &json!("reading.recorded"), &json!(1))
    );
    assert_eq!(told["data"]["compat_id"], kept["data"]["id"]);
    assert!(told["ts"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok());
}

#[tokio::test]
async fn whoever_resumes_is_told_what_was_missed_without_gap_or_repeat() {
    let data = tempfile::tempdir().unwrap();
    let api = start(&data);
    let before = newest(&data);
    let mut fresh = listen_from_now(&api).await;
    post(&api, 1);
    assert_eq!(event(&mut fresh).await["seq"], before + 1);
    drop(fresh);
    post(&api, 199); // More than are read at once.
    let mut resumed = listen(&api, &format!("?since={}", before + 1)).await;
    post(&api, 10);
    assert_told(&mut resumed, before + 2, before + 211).await;
    let mut from_the_beginning = listen(&api, "?since=0").await;
    assert_told(&mut from_the_beginning, 1, before + 211).await;
    api.kill();
    let api = start(&data);
    let mut resumed = listen(&api, &format!("?since={}", before + 200)).await;
    assert_told(&mut resumed, before + 201, before + 211).await;
}

#[tokio::test]
async fn where_the_gap_cannot_be_told_a_resync_says_so_and_the_stream_goes_on_from_now() {
    let data = tempfile::tempdir().unwrap();
    let api = start(&data);
    post(&api, 20);
    let newest = newest(&data);
    let file = Connection::open(data.path().join("api.db")).unwrap();
    file.execute("DELETE FROM outbox WHERE home_seq <= ?1", [newest - 5]).unwrap();
    for (since, reason) in [(newest - 7, "gone"), (0, "gone"), (newest + 1, "ahead"), (i64::MAX, "ahead")] {
        let mut client = listen(&api, &format!("?since={since}")).await;
        let told = event(&mut client).await;
        assert_eq!((&told["type"], &told["seq"]), (&json!("resync"), &json!(newest)), "{since}");
        assert_eq!((&told["data"]["reason"], &told["data"]["since"]), (&json!(reason), &json!(since)));
    }
    let mut client = listen(&api, &format!("?since={}", newest + 7)).await;
    assert_eq!(event(&mut client).await["type"], "resync");
    post(&api, 1);
    assert_eq!(event(&mut client).await["seq"], newest + 1);
    let mut whole = listen(&api, &format!("?since={}", newest - 5)).await;
    assert_told(&mut whole, newest - 4, newest + 2).await;
}

#[tokio::test]
async fn a_place_that_is_none_is_refused_with_the_reason() {
    let data = tempfile::tempdir().unwrap();
    let api = start(&data);
    for since in ["soon", "-1", "1.5"] {
        let mut client = listen(&api, &format!("?since={since}")).await;
        let refusal = event(&mut client).await;
        assert!(refusal["data"]["reason"].as_str().unwrap().contains("is not a seq"), "{refusal}");
        assert_eq!(u16::from(close(&mut client).await.code), 1008);
        let (status, answer) = api.get(&format!("/api/v1/stream?since={since}"));
        assert_eq!(status, 400, "{answer}");
    }
}

#[tokio::test]
async fn who_leaves_is_told_to_come_back() {
    let data = tempfile::tempdir().unwrap();
    let mut api = start(&data);
    let mut client = listen(&api, "").await;
    let mut events = Events::open(&api, "", &[]);
    api.signal(Signal::SIGTERM);
    assert_eq!(u16::from(close(&mut client).await.code), 1012);
    assert!(events.next().is_empty(), "it ends, and browsers come back by themselves");
    assert_eq!(api.wait(), Some(0));
}

#[tokio::test]
async fn who_reads_nothing_is_dropped_with_a_reason_and_holds_nobody() {
    let data = tempfile::tempdir().unwrap();
    let api = start(&data);
    let (mut slow, mut quick) = (listen_from_now(&api).await, listen_from_now(&api).await);
    let slow_events = Events::open(&api, "", &[]);
    post(&api, 1);
    let first = event(&mut quick).await["seq"].as_i64().unwrap();
    assert_eq!(event(&mut slow).await["seq"], first);
    // More than the kernel takes for a client that does not read, and then more than anybody may lag behind.
    for _ in 0..20 {
        fill(&data, 500);
        post(&api, 1);
        let last = newest(&data);
        while event(&mut quick).await["seq"] != last {}
    }
    // One is a WebSocket, the other one is sent events.
    (0..2).for_each(|_| api.wait_until_it_says("a follower was too slow and is dropped"));
    let mut heard = first;
    let frame = loop {
        match hear(&mut slow).await {
            Heard::Event(event) => {
                assert_eq!(event["seq"], heard + 1, "what it was told has no gap");
                heard += 1;
            }
            Heard::Close(frame) => break frame.expect("a reason"),
        }
    };
    assert_eq!((u16::from(frame.code), frame.reason.contains("too slow")), (1008, true));
    let mut again = listen(&api, &format!("?since={heard}")).await;
    assert_told(&mut again, heard + 1, newest(&data) + 1).await;
    let last = slow_events.last();
    assert!(last.contains(r#""type":"dropped""#) && last.contains("too slow"), "{last}");
}

#[tokio::test]
async fn what_comes_all_at_once_drops_nobody_who_reads() {
    let data = tempfile::tempdir().unwrap();
    let api = start(&data);
    let mut client = listen_from_now(&api).await;
    let before = newest(&data);
    fill(&data, 8_000); // as when years are imported
    post(&api, 1);
    assert_told(&mut client, before + 1, before + 8_002).await;
}

#[tokio::test]
async fn whoever_sends_without_end_holds_nobody_up() {
    let data = tempfile::tempdir().unwrap();
    let api = start(&data);
    fill(&data, 3_000);
    for path in ["/api/v1/stream?since=1", "/"] {
        let mut stream = TcpStream::connect(api.address).unwrap();
        let head = "Host: hub\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13";
        let (key, who) = ("Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", api.authorization());
        stream.write_all(format!("GET {path} HTTP/1.1\r\n{head}\r\n{key}\r\n{who}\r\n\r\n").as_bytes()).unwrap();
        let (mut reads, whole) = (stream.try_clone().unwrap(), stream.try_clone().unwrap());
        std::thread::spawn(move || std::io::copy(&mut reads, &mut std::io::sink()));
        let a_letter = [0x81, 0x81, 0, 0, 0, 0, b'a'];
        std::thread::spawn(move || while stream.write_all(&a_letter.repeat(1_000)).is_ok() {});
        let began = std::time::Instant::now();
        (0..10).for_each(|_| assert_eq!(api.get("/api/vitals/latest").0, 200));
        assert!(began.elapsed() < Duration::from_secs(15), "{path}: {:?}", began.elapsed());
        whole.shutdown(std::net::Shutdown::Both).unwrap();
    }
}

#[tokio::test]
async fn whoever_says_goodbye_is_answered() {
    let data = tempfile::tempdir().unwrap();
    let api = start(&data);
    for path in ["/api/v1/stream", "/"] {
        let mut client = sockets::connect(&api, path).await;
        client.close(None).await.unwrap();
        loop {
            if let Message::Close(_) = client.next().await.expect("an answer").expect("a whole one") {
                break;
            }
        }
    }
}

/// Server-sent events as a plain client reads them.
struct Events(BufReader<TcpStream>);

impl Events {
    fn open(api: &Running, query: &str, headers: &[(&str, &str)]) -> Self {
        let mut stream = TcpStream::connect(api.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let mut head = format!("GET /api/v1/stream{query} HTTP/1.0\r\nHost: hub\r\nAccept: text/event-stream\r\n");
        head += &format!("{}\r\n", api.authorization());
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        stream.write_all((head + "\r\n").as_bytes()).unwrap();
        let mut events = Self(BufReader::new(stream));
        let head = events.next();
        assert!(head[0].contains("200"), "{head:?}");
        assert!(head.iter().any(|line| line == "content-type: text/event-stream"), "{head:?}");
        events
    }

    /// Lines up to an empty one.
    fn next(&mut self) -> Vec<String> {
        let lines = self.0.by_ref().lines().map(|line| line.expect("a line"));
        lines.take_while(|line| !line.is_empty()).collect()
    }

    fn seq(&mut self) -> i64 {
        let lines = self.next();
        let data: Value = serde_json::from_str(lines[0].strip_prefix("data:").expect("data")).unwrap();
        assert_eq!(lines[1], format!("id:{}", data["seq"]));
        data["seq"].as_i64().unwrap()
    }

    /// The last of all.
    fn last(mut self) -> String {
        let mut last = Vec::new();
        loop {
            let lines = self.next();
            if lines.is_empty() {
                return last.join("\n");
            }
            last = lines;
        }
    }
}

#[test]
fn who_prefers_server_sent_events_is_told_the_same_and_resumes_by_the_last_id() {
    let data = tempfile::tempdir().unwrap();
    let api = start(&data);
    let before = newest(&data);
    post(&api, 5);
    let mut events = Events::open(&api, &format!("?since={before}"), &[]);
    let told: Vec<_> = (0..5).map(|_| events.seq()).collect();
    assert_eq!(told, (before + 1..before + 6).collect::<Vec<_>>());
    let last = (before + 3).to_string();
    let mut resumed = Events::open(&api, "?since=0", &[("Last-Event-ID", &last)]);
    post(&api, 1);
    let told: Vec<_> = (0..3).map(|_| resumed.seq()).collect();
    assert_eq!(told, [before + 4, before + 5, before + 6], "the header says more than the address");
    let mut resumed = Events::open(&api, &format!("?since={}", before + 5), &[("Last-Event-ID", "")]);
    assert_eq!(resumed.seq(), before + 6, "unless it says nothing");
}
