//! Whatever betti-api acknowledged is in its database, at whatever instant the power is cut.
//!
//! The real program is recorded while it is written to. Then everything that the disk may hold at each instant is opened as
//! the next start would, and looked at.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::io::{BufRead, BufReader};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Barrier, mpsc};

use rusqlite::Connection;
use scenarios::power::{Files, Operation, power_cuts_at_every_instant, settled, trace};
use scenarios::{binaries, http, wait};
use serde_json::{Value, json};

/// Readings that are sent one after another, and then at once.
const ONE_BY_ONE: i64 = 3;
const AT_ONCE: i64 = 4;
/// `HTTP/1.1 201`, as strace writes it.
const CREATED: &str = r"\x48\x54\x54\x50\x2f\x31\x2e\x31\x20\x32\x30\x31";
/// `"id":`, the number behind which is what was acknowledged.
const ID: &str = r"\x22\x69\x64\x22\x3a";

/// What SQLite makes anew from the others, and the note of when a caller was last there, which nobody was promised.
fn is_left_out(path: &Path) -> bool {
    let is_of_callers = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("access.db"));
    is_of_callers || path.extension().is_some_and(|extension| extension == "db-shm")
}

fn on_disk(folder: &Path) -> Files {
    let files = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("a file"));
    let files = files.map(|file| (file.file_name().into(), std::fs::read(file.path()).expect("its bytes")));
    files.filter(|(name, _): &(std::path::PathBuf, _)| !is_left_out(name)).collect()
}

/// How betti-api is reached, and by whom.
struct Door {
    port: u16,
    token: String,
}

/// betti-api with its data there, until `use_it` has done what it wants; `record` makes of its command another one.
fn run(data: &Path, record: impl Fn(&Command) -> Command, use_it: impl FnOnce(&Door)) {
    let mut command = Command::new(binaries::built("betti-api"));
    command.env_clear().env("TZ", "UTC").env("PORT", "0").env("BETTI_DATA_DIR", data);
    // Only who says that it is ready takes the end of its input for the end of its keeper. The copy is inherited.
    let (_ready, writer) = std::io::pipe().expect("a pipe");
    let inherited = nix::unistd::dup(&writer).expect("a descriptor");
    command.env(protocol::worker::READY_FD, inherited.as_raw_fd().to_string());
    let mut api = record(&command).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a process");
    let mut lines = BufReader::new(api.stdout.take().expect("piped")).lines().map_while(Result::ok);
    let port = lines.find_map(|line| {
        let line: Value = serde_json::from_str(&line).ok()?;
        line["address"].as_str()?.rsplit_once(':')?.1.parse().ok()
    });
    let (ended, has_ended) = mpsc::channel();
    std::thread::spawn(move || {
        lines.for_each(drop);
        let _ = ended.send(()); // Nobody waits for it if the test failed.
    });
    let token = std::fs::read_to_string(data.join("service.key")).expect("the hub's own credential");
    use_it(&Door { port: port.expect("a line that says where it listens"), token: token.trim_end().to_owned() });
    drop(api.stdin.take()); // Its lifeline: it leaves by itself.
    has_ended.recv_timeout(wait::PATIENCE).expect("its end");
    api.wait().expect("its end");
}

fn post(api: &Door, number: i64) {
    let body = json!({"vital_type": "heart_rate", "value_primary": 50 + number, "unit": "bpm"});
    let answer = http::post_as(&api.token, api.port, "/api/vitals", &body).expect("an answer");
    assert_eq!(answer.status, 201, "{}", answer.text());
}

fn write_readings(api: &Door) {
    (0..ONE_BY_ONE).for_each(|number| post(api, number));
    let all = Barrier::new(usize::try_from(AT_ONCE).expect("a few"));
    std::thread::scope(|scope| {
        for number in ONE_BY_ONE..ONE_BY_ONE + AT_ONCE {
            let all = &all;
            scope.spawn(move || {
                all.wait();
                post(api, number);
            });
        }
    });
}

/// What was acknowledged, each with how many operations had been done by then.
fn acknowledged(trace: &str, folder: &Path) -> BTreeMap<i64, usize> {
    let lines: Vec<&str> = trace.lines().collect();
    let mut acknowledged = BTreeMap::new();
    for (place, line) in lines.iter().enumerate().filter(|(_, line)| line.contains(CREATED)) {
        let done = trace::operations(&lines[..place].join("\n"), folder, is_left_out).len();
        let digits = line.split_once(ID).expect("an id").1.split(r"\x").skip(1);
        let digits = digits.map_while(|digit| digit.get(..2)?.strip_prefix('3')?.parse::<i64>().ok());
        acknowledged.insert(digits.fold(0, |number, digit| number * 10 + digit), done);
    }
    acknowledged
}

/// Numbers of the readings in a database that was left so. Each has its event.
fn readings(when: &str, files: &Files) -> BTreeSet<i64> {
    let folder = tempfile::tempdir().expect("a folder");
    for (path, bytes) in files {
        std::fs::write(folder.path().join(path), bytes).expect("a file");
    }
    let database = Connection::open(folder.path().join("api.db")).expect("a database");
    let is_sound: String = database
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap_or_else(|error| panic!("{when}: {error}"));
    assert_eq!(is_sound, "ok", "{when}");
    let numbers = |sql: &str| {
        let mut rows = database.prepare(sql).unwrap_or_else(|error| panic!("{when}: {error}"));
        let rows = rows.query_map([], |row| row.get(0)).expect("rows");
        rows.map(|row| row.expect("a number")).collect::<Vec<i64>>()
    };
    let readings = numbers("SELECT compat_id FROM readings ORDER BY compat_id");
    let events = "SELECT payload ->> 'compat_id' FROM outbox WHERE kind = 'reading.recorded' ORDER BY 1";
    assert_eq!(readings, numbers(events), "{when}: each has its event");
    readings.into_iter().collect()
}

#[test]
fn whatever_was_acknowledged_is_there_whenever_the_power_is_cut() {
    if !trace::is_there() {
        return; // What was recorded would be a megabyte of pages; the kills of the worker's own tests remain.
    }
    let folder = tempfile::tempdir().expect("a folder");
    let (data, recording) = (folder.path().join("data"), folder.path().join("trace"));
    std::fs::create_dir(&data).expect("a folder");
    let data = data.canonicalize().expect("its path");
    let plain = |command: &Command| {
        let mut plain = Command::new(command.get_program());
        plain.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        plain
    };
    run(&data, plain, |_| {}); // Makes the tables.
    let before = on_disk(&data);
    let (mut text, mut operations) = (String::new(), Vec::new());
    run(
        &data,
        |command| trace::recorded(command, &recording),
        |api| {
            write_readings(api);
            // While it waits for more: nothing is half done then, and the recorder may still have to write what it saw.
            (text, operations) = wait::until("what was recorded is what is on the disk", || {
                let text = std::fs::read_to_string(&recording).expect("a recording");
                let operations = trace::operations(&text, &data, is_left_out);
                Ok::<_, String>((text, settled(&before, &operations, &on_disk(&data))?))
            });
        },
    );
    let recording = text;
    let acknowledged = acknowledged(&recording, &data);
    assert_eq!(acknowledged.len() as i64, ONE_BY_ONE + AT_ONCE, "{acknowledged:?}");
    assert!(operations.iter().any(|operation| matches!(operation, Operation::Sync { .. })));
    let (lost, states) = lost(&before, &operations, &acknowledged);
    assert_eq!(lost, None);
    assert!(states > 50, "a power cut leaves many states: {states}");

    // And it would be noticed: the same without waiting for the disk.
    let is_sync = |operation: &&Operation| matches!(operation, Operation::Sync { .. });
    let unsynced: Vec<_> = operations.iter().filter(|operation| !is_sync(operation)).cloned().collect();
    let syncs_before = |done: usize| operations[..done].iter().filter(is_sync).count();
    let acknowledged = acknowledged.into_iter().map(|(id, done)| (id, done - syncs_before(done))).collect();
    assert!(self::lost(&before, &unsynced, &acknowledged).0.is_some(), "nothing was lost without a single sync");
}

/// The first reading that was acknowledged and is not there after some power cut, and how many states such cuts leave.
fn lost(before: &Files, operations: &[Operation], acknowledged: &BTreeMap<i64, usize>) -> (Option<String>, usize) {
    let hash = BuildHasherDefault::<DefaultHasher>::default();
    let mut known: BTreeMap<u64, BTreeSet<i64>> = BTreeMap::new();
    let mut lost = None;
    power_cuts_at_every_instant(before, operations, |done, when, files| {
        if lost.is_some() {
            return;
        }
        let there = known.entry(hash.hash_one(files)).or_insert_with(|| readings(when, files));
        let gone = acknowledged.iter().find(|(id, by_then)| done >= **by_then && !there.contains(id));
        lost = gone.map(|(id, _)| format!("{when}: {id} was acknowledged, and {there:?} are there"));
    });
    (lost, known.len())
}
