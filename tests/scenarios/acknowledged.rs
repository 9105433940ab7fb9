//! Whatever betti-api acknowledged is in its database, at whatever instant the power is cut.
//!
//! The real program is recorded while it is written to. Then everything that the disk may hold at each instant is opened as
//! the next start would, and looked at. A checkpoint lies within.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::io::{BufRead, BufReader};
use std::ops::ControlFlow;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Barrier, mpsc};

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use scenarios::power::{Files, Operation, power_cuts_at_every_instant, settled, trace};
use scenarios::{binaries, http, wait};
use serde_json::{Value, json};

/// Readings that are sent one after another, and then at once.
const ONE_BY_ONE: i64 = 5;
const AT_ONCE: i64 = 4;
const DATABASE: &str = "api.db";
const LOG: &str = "api.db-wal";
/// In bytes: SQLite's smallest, so that a log of [`CHECKPOINT_AT`] pages is little.
const PAGE: u32 = 512;
/// Pages in the log at which SQLite brings them into the database.
const CHECKPOINT_AT: u64 = 1000;
/// And so many are left until then when the recording begins: those of two or three readings.
const LEFT: u64 = 40;
/// What precedes the pages in the log, and each of them, in bytes.
const LOG_HEAD: u64 = 32;
const PAGE_HEAD: u64 = 24;
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

/// A database of small pages, for the worker to find.
fn begin(data: &Path) {
    let database = Connection::open(data.join(DATABASE)).expect("a database");
    database.pragma_update(None, "page_size", PAGE).expect("small pages");
    database.pragma_update(None, "journal_mode", "WAL").expect("a log");
    database.execute_batch("VACUUM").expect("what is kept");
}

/// Fills the log with what changes nothing, until little is left before it is brought into the database.
fn fill_the_log(data: &Path) {
    let database = Connection::open(data.join(DATABASE)).expect("a database");
    // What is there already is brought there now, so that a few pages are to be written later.
    database.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).expect("an empty log");
    database.pragma_update(None, "wal_autocheckpoint", 0).expect("no checkpoint");
    database.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).expect("none at the end either");
    let full = LOG_HEAD + (CHECKPOINT_AT - LEFT) * (PAGE_HEAD + u64::from(PAGE));
    let is_full = || std::fs::metadata(data.join(LOG)).expect("a log").len() >= full;
    // A number in the first page that nobody reads. What is written as it was before would not be written at all.
    for number in (0..i32::MAX).take_while(|_| !is_full()) {
        database.pragma_update(None, "application_id", number).expect("a change");
    }
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

/// Numbers of the readings in a database that was left so, or what is wrong with it. Each has its event.
fn readings(files: &Files) -> Result<BTreeSet<i64>, String> {
    let folder = tempfile::tempdir().expect("a folder");
    for (path, bytes) in files {
        std::fs::write(folder.path().join(path), bytes).expect("a file");
    }
    let read = || {
        let database = Connection::open(folder.path().join(DATABASE))?;
        let is_sound: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
        let numbers = |sql: &str| {
            let mut rows = database.prepare(sql)?;
            let numbers = rows.query_map([], |row| row.get(0))?;
            numbers.collect::<rusqlite::Result<Vec<i64>>>()
        };
        let kept = numbers("SELECT compat_id FROM readings ORDER BY compat_id")?;
        let told = numbers("SELECT payload ->> 'compat_id' FROM outbox WHERE kind = 'reading.recorded' ORDER BY 1")?;
        Ok((is_sound, kept, told))
    };
    match read().map_err(|error: rusqlite::Error| error.to_string())? {
        (is_sound, ..) if is_sound != "ok" => Err(is_sound),
        (_, kept, told) if kept != told => Err(format!("{kept:?} are kept, and {told:?} were to be told")),
        (_, kept, _) => Ok(kept.into_iter().collect()),
    }
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
    begin(&data);
    run(&data, plain, |_| {}); // Makes the tables.
    fill_the_log(&data);
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
    let checkpoint = assert_checkpoint_is_recorded(&operations, &acknowledged);
    let mut known = Known::new();
    let lost_there = |operations: &[Operation], known: &mut Known| lost(&before, operations, &acknowledged, known);
    assert_eq!(lost_there(&operations, &mut known), None);
    assert!(known.len() > 50, "a power cut leaves many states: {}", known.len());

    // And it would be noticed, whatever is not waited for: the disk at all, each change, the database before the log is used anew.
    let is_of_log = |path: &Path| path == Path::new(LOG);
    let without = |what: &str, is_left_out: &dyn Fn(usize, &Path) -> bool, known: &mut Known| {
        let is_left_out = |at: usize| matches!(&operations[at], Operation::Sync { path } if is_left_out(at, path));
        let left = |until: usize| (0..until).filter(|at| !is_left_out(*at));
        let operations: Vec<_> = left(operations.len()).map(|at| operations[at].clone()).collect();
        let acknowledged = acknowledged.iter().map(|(id, done)| (*id, left(*done).count())).collect();
        assert!(lost(&before, &operations, &acknowledged, known).is_some(), "nothing is lost without {what}");
    };
    without("a single sync", &|_, _| true, &mut known);
    // As `synchronous=NORMAL` does: only before the pages are brought into the database.
    without("a sync of each change", &|at, path| is_of_log(path) && at + 1 != checkpoint, &mut known);
    without("a sync of the database", &|_, path| path == Path::new(DATABASE), &mut known);
}

/// A checkpoint is there, and the log was used anew for something that was acknowledged. Returns where the database began to be
/// written.
fn assert_checkpoint_is_recorded(operations: &[Operation], acknowledged: &BTreeMap<i64, usize>) -> usize {
    let find = |from: usize, is_it: &dyn Fn(&Operation) -> bool| {
        operations.iter().skip(from).position(is_it).map(|at| from + at).expect("change how much is left in the log")
    };
    let writes = |file: &'static str, offset: Option<u64>| {
        move |operation: &Operation| match operation {
            Operation::Write { path, at, .. } => path == Path::new(file) && (offset.is_none() || *at == offset),
            _ => false,
        }
    };
    let begun = find(0, &writes(DATABASE, None));
    let synced = find(begun, &|operation| *operation == Operation::Sync { path: DATABASE.into() });
    let anew = find(synced, &writes(LOG, Some(0)));
    assert!(acknowledged.values().any(|done| *done < begun), "something was acknowledged before: {acknowledged:?}");
    assert!(acknowledged.values().any(|done| *done > anew), "something was acknowledged since: {acknowledged:?}");
    begun
}

/// What is in the databases that power cuts left.
type Known = BTreeMap<u64, Result<BTreeSet<i64>, String>>;

/// The first reading that was acknowledged and is not there after some power cut, or what is wrong with the database.
fn lost(
    before: &Files,
    operations: &[Operation],
    acknowledged: &BTreeMap<i64, usize>,
    known: &mut Known,
) -> Option<String> {
    let hash = BuildHasherDefault::<DefaultHasher>::default();
    let mut lost = None;
    power_cuts_at_every_instant(before, operations, |done, when, files| {
        lost = match known.entry(hash.hash_one(files)).or_insert_with(|| readings(files)) {
            Ok(there) => {
                let gone = acknowledged.iter().find(|(id, by_then)| done >= **by_then && !there.contains(id));
                gone.map(|(id, _)| format!("{when}: {id} was acknowledged, and {there:?} are there"))
            }
            Err(wrong) => Some(format!("{when}: {wrong}")),
        };
        if lost.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    lost
}
