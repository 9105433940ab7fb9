//! Acknowledged means kept: whoever writes, and whoever follows, while the worker is killed again and again.

#![allow(clippy::unwrap_used, reason = "what fails in a test is to end it")]

#[path = "../../../tests/recordings/worker.rs"]
mod worker;

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rusqlite::Connection;
use serde_json::{Value, json};
use worker::Running;

/// In `make test`; ten times as many in `make soak`.
const KILLS: u64 = 50;
/// As `BETTI_LOOPS` counts them: 20 are as many as in `make test`, 200 are all.
const LOOPS: u64 = 20;
/// Who write at once, so that changes are committed together.
const WRITERS: usize = 4;
/// After so many answers at most somebody kills the worker.
const MOST_ANSWERS: u64 = 12;
/// And after so much more time at most.
const LONGEST_DELAY_US: u64 = 4_000;
/// Nothing here takes this long, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is written, in turn.
struct Kind {
    path: &'static str,
    /// The event that it leaves.
    event: &'static str,
    table: &'static str,
    body: fn(usize) -> Value,
}

const KINDS: &[Kind] = &[
    Kind {
        path: "/api/vitals",
        event: "reading.recorded",
        table: "readings",
        body: |number| json!({"vital_type": "heart_rate", "value_primary": 40 + number % 100, "unit": "bpm"}),
    },
    Kind {
        path: "/api/vitals",
        event: "reading.recorded",
        table: "readings",
        body: |number| {
            let (systolic, diastolic) = (100 + number % 60, 60 + number % 30);
            json!({"vital_type": "blood_pressure", "value_primary": systolic, "value_secondary": diastolic, "unit": "mmHg"})
        },
    },
    Kind {
        path: "/api/hydration/log",
        event: "drink.recorded",
        table: "drinks",
        body: |number| json!({"amount_oz": 1 + number % 12, "beverage_type": "tea"}),
    },
    Kind {
        path: "/api/medications/1/take",
        event: "dose.taken",
        table: "doses",
        body: |number| json!({"notes": format!("number {number}")}),
    },
];

/// How a worker is reached, also when it is gone.
struct Door {
    address: SocketAddr,
    authorization: String,
}

impl Door {
    fn of(api: &Running) -> Self {
        Self { address: api.address, authorization: api.authorization() }
    }
}

/// Whoever writes: what was sent, and what of it was acknowledged, by the number of the request, which is its key too.
#[derive(Default)]
struct Written {
    next: AtomicUsize,
    /// Sent, and the answer is not known.
    open: Mutex<BTreeSet<usize>>,
    /// The id that it was acknowledged with.
    acknowledged: Mutex<BTreeMap<usize, i64>>,
}

impl Written {
    /// Writes until the worker is gone; what was left open is sent again first.
    fn write(&self, api: &Door, answers: &Sender<()>) {
        loop {
            let left = self.open.lock().unwrap().pop_first();
            let number = left.unwrap_or_else(|| self.next.fetch_add(1, Ordering::Relaxed));
            match post(api, number) {
                Ok(id) => {
                    let before = self.acknowledged.lock().unwrap().insert(number, id);
                    assert!(before.is_none_or(|before| before == id), "{number} was {before:?} and is {id} now");
                    let _ = answers.send(()); // enough came already
                }
                Err(_) => {
                    self.open.lock().unwrap().insert(number);
                    return;
                }
            }
        }
    }

    fn send_what_is_left(&self, api: &Door) {
        while let Some(number) = { self.open.lock().unwrap().pop_first() } {
            self.acknowledged.lock().unwrap().insert(number, post(api, number).expect("an answer"));
        }
    }
}

/// The id of what is kept.
fn post(api: &Door, number: usize) -> std::io::Result<i64> {
    let kind = &KINDS[number % KINDS.len()];
    let body = (kind.body)(number).to_string();
    let mut stream = TcpStream::connect(api.address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let (path, authorization, length) = (kind.path, &api.authorization, body.len());
    let head = format!("POST {path} HTTP/1.1\r\nHost: hub\r\nConnection: close\r\nIdempotency-Key: key-{number}\r\n");
    stream.write_all(format!("{head}{authorization}\r\nContent-Length: {length}\r\n\r\n{body}").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body).unwrap_or_default();
    let id = serde_json::from_str(body).ok().and_then(|body: Value| body["data"]["id"].as_i64());
    assert!(id.is_some() || !answer.starts_with("HTTP/1.1 4"), "{number}: {answer}");
    id.ok_or_else(|| std::io::Error::other("no whole answer"))
}

/// Follows from where it was until the worker is gone, or until it has this one.
fn follow(api: &Door, told: &mut Vec<(i64, Value)>, until: Option<i64>) {
    let since = told.last().map_or(0, |(seq, _)| *seq);
    let Ok(mut stream) = TcpStream::connect(api.address) else { return };
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let head = format!("Host: hub\r\nAccept: text/event-stream\r\n{}\r\n", api.authorization);
    if stream.write_all(format!("GET /api/v1/stream?since={since} HTTP/1.1\r\n{head}\r\n").as_bytes()).is_err() {
        return;
    }
    for line in BufReader::new(stream).lines().map_while(Result::ok) {
        let Some(data) = line.strip_prefix("data:") else { continue };
        // A kill may tear the last one.
        let Ok(event) = serde_json::from_str::<Value>(data) else { continue };
        let seq = event["seq"].as_i64().expect("a seq");
        told.push((seq, event));
        if until.is_some_and(|until| seq >= until) {
            return;
        }
    }
}

/// Numbers that nobody knows before. The seed is said, so that a run can be looked at again.
struct Chance(u64);

impl Chance {
    fn new() -> Self {
        let seed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64 | 1;
        eprintln!("seed {seed}");
        Self(seed)
    }

    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }
}

/// Until so many answers came, and a moment that nobody chose.
fn wait_for_the_moment(chance: &mut Chance, answers: &Receiver<()>) {
    for _ in 0..=chance.below(MOST_ANSWERS) {
        answers.recv_timeout(PATIENCE).expect("an answer");
    }
    thread::sleep(Duration::from_micros(chance.below(LONGEST_DELAY_US)));
}

#[test]
fn what_was_acknowledged_is_there_once_and_the_stream_goes_on_without_gap_or_repeat_whenever_it_is_killed() {
    let loops = std::env::var("BETTI_LOOPS").ok().and_then(|loops| loops.parse().ok()).unwrap_or(LOOPS);
    let kills = (KILLS * loops).div_ceil(LOOPS);
    let data = tempfile::tempdir().unwrap();
    let start = || Running::start(env!("CARGO_BIN_EXE_betti-api"), data.path(), &[]);
    let (mut chance, written, mut told) = (Chance::new(), Written::default(), Vec::new());
    let medicine = json!({"name": "Paracetamol", "is_prn": true});
    assert_eq!(start().post("/api/medications", &medicine).0, 201);
    for _ in 0..kills {
        let api = start();
        let door = Door::of(&api);
        let (answered, answers) = channel();
        thread::scope(|scope| {
            for _ in 0..WRITERS {
                let (written, door, answered) = (&written, &door, answered.clone());
                scope.spawn(move || written.write(door, &answered));
            }
            scope.spawn(|| follow(&door, &mut told, None));
            wait_for_the_moment(&mut chance, &answers);
            api.kill();
        });
    }
    let api = start();
    written.send_what_is_left(&Door::of(&api));
    assert_once(data.path(), &written);
    let file = Connection::open(data.path().join("api.db")).unwrap();
    let newest: i64 = file.query_row("SELECT max(home_seq) FROM outbox", [], |row| row.get(0)).unwrap();
    follow(&Door::of(&api), &mut told, Some(newest));
    let mut events = file.prepare("SELECT home_seq, payload FROM outbox ORDER BY home_seq").unwrap();
    let events = events.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    let events: Vec<(i64, String)> = events.map(Result::unwrap).collect();
    let seqs: Vec<i64> = told.iter().map(|(seq, _)| *seq).collect();
    assert_eq!(seqs, events.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), "each once, in order");
    for ((_, told), (_, kept)) in told.iter().zip(&events) {
        assert_eq!(told["data"], serde_json::from_str::<Value>(kept).unwrap());
    }
}

fn assert_once(data: &Path, written: &Written) {
    let file = Connection::open(data.join("api.db")).unwrap();
    let acknowledged = written.acknowledged.lock().unwrap();
    assert_eq!(acknowledged.len(), written.next.load(Ordering::Relaxed), "everything was acknowledged in the end");
    let mut ids: BTreeMap<&str, BTreeSet<i64>> = BTreeMap::new();
    for (number, id) in acknowledged.iter() {
        let kind = &KINDS[number % KINDS.len()];
        let is_new = ids.entry(kind.table).or_default().insert(*id);
        assert!(is_new, "{number} is not another's {id}");
        let sql = "SELECT count(*) FROM outbox WHERE kind = ? AND payload ->> 'compat_id' = ?";
        let events: i64 = file.query_row(sql, (kind.event, id), |row| row.get(0)).unwrap();
        assert_eq!(events, 1, "{number} was {} {id}", kind.event);
    }
    for (table, ids) in ids {
        let mut rows = file.prepare(&format!("SELECT compat_id FROM {table}")).unwrap();
        let rows: BTreeSet<i64> = rows.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        assert_eq!(rows, ids, "{table}");
    }
    let is_sound: String = file.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(is_sound, "ok");
}
