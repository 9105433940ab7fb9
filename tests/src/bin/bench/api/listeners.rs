//! Many who follow the stream while things become true.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::{Barrier, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::answers::{Client, Question, percentile};
use super::heart_rate;
use super::server::Server;
use crate::memory::Memory;

const LISTENERS: usize = 200;
/// Events that become true each second, by so many who write.
const EVENTS_A_SECOND: u32 = 100;
const WRITERS: u32 = 4;
const SECONDS: u32 = 5;
const EVENTS: u32 = EVENTS_A_SECOND * SECONDS;

pub fn measure(api: &Server) {
    let without = Memory::of(api.pid()).pss_kib;
    let (sent, arrived) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    let all_listen = Barrier::new(LISTENERS + 1);
    let mut with = 0;
    std::thread::scope(|scope| {
        for _ in 0..LISTENERS {
            scope.spawn(|| {
                let heard = listen(api, &all_listen);
                arrived.lock().expect("no listener failed").push(heard);
            });
        }
        all_listen.wait();
        let began = Instant::now();
        for writer in 0..WRITERS {
            let sent = &sent;
            scope.spawn(move || {
                let posted = write(api, began, writer);
                sent.lock().expect("no writer failed").extend(posted);
            });
        }
        std::thread::sleep(Duration::from_secs(u64::from(SECONDS) / 2));
        with = Memory::of(api.pid()).pss_kib;
    });
    let (sent, arrived) = (sent.into_inner().expect("all wrote"), arrived.into_inner().expect("all listened"));
    let sent_at = |id: i64| sent.iter().find(|(known, _)| *known == id).map(|(_, at)| *at);
    let waits =
        arrived.iter().flatten().filter_map(|(id, at)| Some(at.duration_since(sent_at(*id)?).as_secs_f64() * 1e3));
    let waits: Vec<f64> = waits.collect();
    println!(
        "\n{LISTENERS} listeners, {EVENTS_A_SECOND} events a second for {SECONDS} s: {} of {} told",
        waits.len(),
        LISTENERS * EVENTS as usize
    );
    println!(
        "  sent by its device, to told to a listener: p50 {:.2} ms, p99 {:.2} ms",
        percentile(&waits, 50),
        percentile(&waits, 99)
    );
    println!("  PSS {with} KiB, {without} KiB without listeners");
}

/// What each event was about, and when it came.
fn listen(api: &Server, all_listen: &Barrier) -> Vec<(i64, Instant)> {
    let mut stream = TcpStream::connect(api.address()).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a socket");
    let authorization = api.authorization();
    let head = format!("GET /api/v1/stream HTTP/1.0\r\nhost: hub\r\n{authorization}accept: text/event-stream\r\n\r\n");
    stream.write_all(head.as_bytes()).expect("a request");
    let mut lines = BufReader::new(stream).lines().map(|line| line.expect("a line"));
    assert!(lines.by_ref().take_while(|line| !line.is_empty()).count() > 1, "a head");
    // Whoever asks for something in turn knows that everybody before was answered.
    super::answers::once(api, &Question::get("/api/vitals/latest"));
    all_listen.wait();
    let mut heard = Vec::new();
    while heard.len() < EVENTS as usize {
        let line = lines.next().expect("an event");
        let Some(data) = line.strip_prefix("data:") else { continue };
        let at = Instant::now();
        let event: Value = serde_json::from_str(data).expect("JSON");
        if event["type"] == "reading.recorded" {
            heard.push((event["data"]["compat_id"].as_i64().expect("an id"), at));
        }
    }
    heard
}

/// At an even pace; what was kept, and when it was sent.
fn write(api: &Server, began: Instant, writer: u32) -> Vec<(i64, Instant)> {
    let (mut client, question) = (Client::of(api), Question::post("/api/vitals", &heart_rate()));
    let mine = (0..EVENTS).filter(|number| number % WRITERS == writer);
    let posted = mine.map(|number| {
        let due = began + Duration::from_secs(1) * number / EVENTS_A_SECOND;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let sent = Instant::now();
        let answer: Value = serde_json::from_slice(&client.ask(&question)).expect("JSON");
        (answer["data"]["id"].as_i64().expect("an id"), sent)
    });
    posted.collect()
}
