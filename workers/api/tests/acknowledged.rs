//! Acknowledged means kept: the real worker is killed again and again while it is written to and listened to.
#![allow(clippy::unwrap_used, reason = "what fails in a test is to end it")]

#[path = "../../../tests/recordings/worker.rs"]
mod worker;

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::{
        Mutex,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};
use worker::Running;

/// Ends of the worker, unless `BETTI_LOOPS` asks for ten times as many.
const KILLS: usize = 50;
/// How many write at once.
const WRITERS: usize = 4;
/// A kill comes at any moment up to this one after the writers began.
const LATEST_KILL: Duration = Duration::from_millis(30);
/// Nothing here takes this long, unless it hangs.
const DEADLINE: Duration = Duration::from_secs(60);

/// A request that creates something, and where it is to be found afterwards.
struct Maker {
    path: &'static str,
    /// Of which number, so that each is another.
    body: fn(usize) -> Value,
    /// Answers every key with which something was kept, one row for each thing.
    keys: &'static str,
    /// What is told of it.
    event: &'static str,
}

/// What is posted, in turn.
const MAKERS: &[Maker] = &[
    Maker {
        path: "/api/vitals",
        body: |number| json!({"vital_type": "heart_rate", "value_primary": 40 + number % 160, "unit": "bpm"}),
        keys: "SELECT idempotency_key FROM readings WHERE idempotency_key IS NOT NULL",
        event: "reading.recorded",
    },
    Maker {
        path: "/api/vitals",
        body: |number| {
            json!({"vital_type": "blood_pressure", "value_primary": 100 + number % 80,
                   "value_secondary": 60 + number % 30, "unit": "mmHg", "notes": format!("number {number}")})
        },
        keys: "SELECT idempotency_key FROM readings WHERE idempotency_key IS NOT NULL",
        event: "reading.recorded",
    },
];

fn kills() -> usize {
    // As elsewhere, where 20 is the usual number and 200 the full one.
    let loops = std::env::var("BETTI_LOOPS").ok().and_then(|loops| loops.parse::<usize>().ok());
    loops.map_or(KILLS, |loops| loops * 5 / 2)
}

/// Everything that was asked for so far.
#[derive(Default)]
struct Asked {
    next: AtomicUsize,
    /// Sent, and not answered: to be sent again.
    pending: Mutex<Vec<usize>>,
    /// Answered, with what.
    acknowledged: Mutex<BTreeMap<usize, Value>>,
}

fn key(number: usize) -> String {
    format!("key-{number}")
}

/// The whole answer, or nothing.
fn post(address: SocketAddr, number: usize) -> Option<Value> {
    let maker = &MAKERS[number % MAKERS.len()];
    let body = (maker.body)(number).to_string();
    let (path, key, length) = (maker.path, key(number), body.len());
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(DEADLINE)).ok()?;
    let request = format!(
        "POST {path} HTTP/1.0\r\nHost: hub\r\nIdempotency-Key: {key}\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let body: Value = serde_json::from_str(body).ok()?;
    assert!(head.contains(" 201 "), "{head}: {body}");
    Some(body["data"].clone())
}

impl Asked {
    /// Writes until the worker is gone; first of all what it did not answer before.
    fn write(&self, address: SocketAddr) {
        loop {
            let again = self.pending.lock().unwrap().pop();
            let number = again.unwrap_or_else(|| self.next.fetch_add(1, Ordering::Relaxed));
            match post(address, number) {
                Some(answer) => drop(self.acknowledged.lock().unwrap().insert(number, answer)),
                None => return self.pending.lock().unwrap().push(number),
            }
        }
    }

    /// Sends what was never answered.
    fn finish(&self, address: SocketAddr) {
        for number in std::mem::take(&mut *self.pending.lock().unwrap()) {
            let answer = post(address, number).expect("an answer");
            self.acknowledged.lock().unwrap().insert(number, answer);
        }
    }
}

/// Follows the stream until the worker is gone: each event is the next one.
fn follow(address: SocketAddr, seen: &AtomicI64, told: &Mutex<Vec<String>>) {
    let Ok(mut stream) = TcpStream::connect(address) else { return };
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let last = seen.load(Ordering::Relaxed);
    let head = format!("GET /api/v1/stream?since={last} HTTP/1.0\r\nHost: hub\r\nAccept: text/event-stream\r\n\r\n");
    if stream.write_all(head.as_bytes()).is_err() {
        return;
    }
    let mut data = None;
    for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8(line).unwrap();
        if let Some(text) = line.strip_prefix("data:") {
            data = Some(text.to_owned());
        }
        // An event counts when it is whole: after its empty line.
        let Some(text) = data.take_if(|_| line.is_empty()) else { continue };
        let event: Value = serde_json::from_str(&text).unwrap();
        let next = seen.load(Ordering::Relaxed) + 1;
        assert_eq!(event["seq"], next, "without gap or repeat: {event}");
        told.lock().unwrap().push(event["type"].as_str().unwrap().to_owned());
        seen.store(next, Ordering::Relaxed);
    }
}

/// Keys of everything that is kept, each as often as it is there.
fn kept(database: &Connection) -> BTreeMap<String, usize> {
    let mut queries: Vec<_> = MAKERS.iter().map(|maker| maker.keys).collect();
    queries.sort_unstable();
    queries.dedup();
    let mut kept = BTreeMap::new();
    for query in queries {
        let mut rows = database.prepare(query).unwrap();
        let keys = rows.query_map([], |row| row.get::<_, String>(0)).unwrap();
        keys.for_each(|key| *kept.entry(key.unwrap()).or_default() += 1);
    }
    kept
}

/// A number that nobody foresees, up to `most`.
fn any(most: Duration, round: usize) -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().subsec_nanos();
    let mixed = u64::from(now).wrapping_add(round as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    most.mul_f64(mixed as f64 / f64::from(u32::MAX))
}

#[test]
fn whatever_was_acknowledged_is_there_once_and_the_stream_goes_on_whenever_the_worker_is_killed() {
    let data = tempfile::tempdir().unwrap();
    let start = || Running::start(env!("CARGO_BIN_EXE_betti-api"), data.path(), &[]);
    let (asked, seen, told) = (Asked::default(), AtomicI64::new(0), Mutex::new(Vec::new()));
    for round in 0..kills() {
        let api = start();
        let database = open(&data);
        let there = kept(&database);
        let acknowledged = asked.acknowledged.lock().unwrap().keys().copied().collect::<Vec<_>>();
        for number in acknowledged {
            assert_eq!(there.get(&key(number)), Some(&1), "kill {round}: number {number} was acknowledged");
        }
        drop(database);
        let address = api.address;
        thread::scope(|scope| {
            for _ in 0..WRITERS {
                scope.spawn(|| asked.write(address));
            }
            scope.spawn(|| follow(address, &seen, &told));
            thread::sleep(any(LATEST_KILL, round)); // Not waited for anything: the moment is to be any.
            api.kill();
        });
    }
    let api = start();
    asked.finish(api.address);
    let (database, acknowledged) = (open(&data), asked.acknowledged.into_inner().unwrap());
    assert!(acknowledged.len() > kills(), "something was written between the kills: {}", acknowledged.len());
    let expected: BTreeMap<_, _> = acknowledged.keys().map(|number| (key(*number), 1)).collect();
    assert!(kept(&database) == expected, "each is there once, and nothing else");
    for (number, answer) in &acknowledged {
        assert_eq!(post(api.address, *number).as_ref(), Some(answer), "the same key has the same answer");
    }
    let newest: i64 = database.query_row("SELECT max(home_seq) FROM outbox", [], |row| row.get(0)).unwrap();
    let address = api.address;
    thread::scope(|scope| {
        scope.spawn(|| follow(address, &seen, &told));
        while seen.load(Ordering::Relaxed) < newest {
            thread::yield_now();
        }
        api.kill();
    });
    assert_eq!(seen.into_inner(), newest);
    let told = told.into_inner().unwrap();
    for maker in MAKERS {
        let made = |number: &&usize| MAKERS[**number % MAKERS.len()].event == maker.event;
        let told = told.iter().filter(|kind| *kind == maker.event).count();
        assert_eq!(told, acknowledged.keys().filter(made).count(), "each {} is told once", maker.event);
    }
}

fn open(data: &tempfile::TempDir) -> Connection {
    let database = Connection::open_with_flags(data.path().join("api.db"), OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    database.busy_timeout(DEADLINE).unwrap();
    database
}
