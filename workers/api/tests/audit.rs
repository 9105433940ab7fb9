//! Who looked at or changed what: told over HTTP and on the command line, by two workers in one file, and still there after kill -9.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../../../tests/recordings/worker.rs"]
mod worker;

use std::{
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Output},
    thread,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;
use rusqlite::Connection;
use serde_json::{Value, json};
use worker::Running;

const API: &str = env!("CARGO_BIN_EXE_betti-api");
const AUDIT: &str = "/api/v1/access/audit";
/// Nothing here takes this long, unless it hangs.
const DEADLINE: Duration = Duration::from_secs(30);
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

fn run(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(API);
    command.args(arguments).env_clear().env("TZ", worker::ZONE).env("BETTI_DATA_DIR", folder);
    command.output().unwrap()
}

fn printed(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn token(folder: &Path, role: &str, name: &str) -> String {
    printed(folder, &["token", "--role", role, "--name", name]).trim_end().to_owned()
}

fn ask(worker: &Running, token: &str, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
    let headers = [("Authorization", &*format!("Bearer {token}")), ("X-Forwarded-For", "192.168.1.7")];
    worker.request(method, path, &headers, body)
}

/// The entries, once one says this: another process may be writing it. There is no event for that.
fn until_told(worker: &Running, resident: &str, words: &str) -> Vec<Value> {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let (status, answer) = ask(worker, resident, "GET", AUDIT, None);
        assert_eq!(status, 200, "{answer}");
        let entries = answer["data"].as_array().unwrap().clone();
        if entries.iter().any(|entry| entry["words"].as_str().unwrap().starts_with(words)) {
            return entries;
        }
        assert!(Instant::now() < deadline, "{words:?} is not among {entries:#?}");
        thread::sleep(BETWEEN_LOOKS);
    }
}

#[test]
fn the_resident_is_told_in_plain_words_who_did_what_from_where() {
    let folder = tempfile::tempdir().unwrap();
    let worker = Running::start(API, folder.path(), &[]);
    let resident = token(folder.path(), "resident", "Tablet");
    let (carer, clinician) =
        (token(folder.path(), "carer", "Anna's phone"), token(folder.path(), "clinician", "Nurse's tablet"));
    let medicine = json!({"name": "Metformin", "dosage": "5mg"});
    assert_eq!(ask(&worker, &resident, "POST", "/api/medications", Some(&medicine)).0 / 100, 2);
    assert_eq!(ask(&worker, &carer, "GET", "/api/vitals/history/blood_pressure", None).0, 200);
    assert_eq!(ask(&worker, &carer, "PUT", "/api/medications/1", Some(&json!({"notes": "in-private"}))).0, 200);
    assert_eq!(ask(&worker, &clinician, "POST", "/api/vitals", Some(&json!({}))).0, 403);
    assert_eq!(ask(&worker, "betti_wrong", "GET", "/api/vitals/latest", None).0, 401);
    until_told(&worker, &resident, "Tablet added a medicine at");
    until_told(&worker, &resident, "Anna's phone looked at blood pressure at");
    until_told(&worker, &resident, "Nurse's tablet was not let in to readings at");
    until_told(&worker, &resident, "Somebody with a wrong key was not let in to readings at");
    let entries = until_told(&worker, &resident, "Anna's phone changed Metformin at");
    let changed = entries.iter().find(|entry| entry["what"] == "change" && entry["role"] == "carer").unwrap();
    let shown = (&changed["area"], &changed["address"], &changed["status"], &changed["routes"][0], &changed["name"]);
    let expected = (
        json!("medication"),
        json!("192.168.1.7"),
        json!(200),
        json!("PUT /api/medications/{id}"),
        json!("Anna's phone"),
    );
    assert_eq!(shown, (&expected.0, &expected.1, &expected.2, &expected.3, &expected.4));
    assert!(!json!(entries).to_string().contains("in-private"), "nothing of what was sent");
    // Only the resident, and who speaks for them.
    assert_eq!(ask(&worker, &carer, "GET", AUDIT, None).0, 403);
    let proxy = printed(folder.path(), &["token", "--role", "carer", "--proxy"]);
    assert_eq!(
        ask(&worker, proxy.trim_end(), "GET", &format!("{AUDIT}?limit=1"), None).1["data"].as_array().unwrap().len(),
        1
    );
    for wrong in ["limit=0", "limit=1001", "before=x", "from=yesterday", "to=1"] {
        assert_eq!(ask(&worker, &resident, "GET", &format!("{AUDIT}?{wrong}"), None).0, 400, "{wrong}");
    }
    let mode = folder.path().join("audit.db").metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let said = printed(folder.path(), &["audit", "--resident", "1", "--since", "1 hour"]);
    assert!(said.contains("Anna's phone changed Metformin at") && said.contains("(from 192.168.1.7)"), "{said}");
}

#[test]
fn what_is_done_at_the_hub_itself_is_told_too() {
    let folder = tempfile::tempdir().unwrap();
    let worker = Running::start(API, folder.path(), &[]);
    let resident = token(folder.path(), "resident", "Tablet");
    printed(folder.path(), &["pair", "--role", "carer"]);
    let file = folder.path().join("export.zip");
    printed(folder.path(), &["export", "--resident", "1", "--to", file.to_str().unwrap()]);
    // Nothing was done, so there is nothing to tell.
    assert!(!run(folder.path(), &["export", "--resident", "1", "--to", file.to_str().unwrap()]).status.success());
    until_told(&worker, &resident, "Tablet looked at who looked at what at");
    assert_eq!(ask(&worker, &resident, "GET", "/api/v1/access/export", None).0, 200);
    until_told(&worker, &resident, "Tablet took a copy of everything that is kept at");
    let entries =
        until_told(&worker, &resident, "Somebody at the hub itself took a copy of everything that is kept at");
    let by_hand = entries.iter().filter(|entry| entry["role"] == "operator");
    let told: Vec<_> = by_hand.map(|entry| entry["words"].as_str().unwrap().rsplit_once(" at ").unwrap().0).collect();
    let expected =
        ["took a copy of everything that is kept", "let another device in, by a code", "made a key for a program"];
    assert_eq!(told, expected.map(|done| format!("Somebody at the hub itself {done}")));
    // Each kind alone, for whoever asks for it.
    worker.exchange("GET", "/api/vitals/latest", &[("Authorization", "Bearer betti_wrong")], None);
    until_told(&worker, &resident, "Somebody with a wrong key");
    for (kind, count) in [("operator", 3), ("unknown", 1)] {
        let (_, alone) = ask(&worker, &resident, "GET", &format!("{AUDIT}?device={kind}"), None);
        let alone = alone["data"].as_array().unwrap();
        assert!(alone.len() == count && alone.iter().all(|entry| entry["role"] == kind), "{kind}: {alone:#?}");
    }
    printed(folder.path(), &["erase", "--resident", "1", "--confirm", "1"]);
    let said = printed(folder.path(), &["audit"]);
    assert!(said.contains("Somebody at the hub itself erased everything that was kept at"), "{said}");
}

#[test]
fn what_was_noted_is_there_after_kill_9_and_two_workers_write_one_chain() {
    let folder = tempfile::tempdir().unwrap();
    let workers = [Running::start(API, folder.path(), &[]), Running::start(API, folder.path(), &[])];
    let resident = token(folder.path(), "resident", "Tablet");
    let reading = json!({"vital_type": "heart_rate", "value_primary": 72, "unit": "bpm"});
    for worker in &workers {
        for _ in 0..20 {
            assert_eq!(ask(worker, &resident, "POST", "/api/vitals", Some(&reading)).0 / 100, 2);
        }
    }
    let deadline = Instant::now() + DEADLINE;
    loop {
        let entries = until_told(&workers[0], &resident, "Tablet recorded a reading");
        if entries.iter().filter(|entry| entry["area"] == "vitals" && entry["what"] == "change").count() == 40 {
            break;
        }
        assert!(Instant::now() < deadline, "{entries:#?}");
    }
    let [one, mut other] = workers;
    one.kill();
    other.signal(Signal::SIGTERM);
    assert_eq!(other.wait(), Some(0));
    let said = printed(folder.path(), &["audit", "--check"]);
    assert!(said.contains("are as they were written"), "{said}");
    // Stopped in the ordinary way, what was noted in the last second is there.
    let mut worker = Running::start(API, folder.path(), &[]);
    assert_eq!(ask(&worker, &resident, "POST", "/api/v1/symptoms", Some(&json!({}))).0 / 100, 2);
    worker.signal(Signal::SIGTERM);
    assert_eq!(worker.wait(), Some(0));
    let said = printed(folder.path(), &["audit"]);
    assert!(said.contains("Tablet recorded a symptom") && said.matches("recorded a reading").count() == 40, "{said}");
    let connection = Connection::open(folder.path().join("audit.db")).unwrap();
    assert!(connection.execute_batch("UPDATE entries SET address = NULL").is_err());
    let tampering = "DROP TRIGGER entries_stay_as_they_are; UPDATE entries SET role = 'device' WHERE seq = 3";
    connection.execute_batch(tampering).unwrap();
    let output = run(folder.path(), &["audit", "--check"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && said.contains("entry 3 was changed"), "{said}");
}

#[test]
fn a_connection_is_told_when_it_opens_and_when_it_closes_and_requests_go_on_without_an_audit() {
    let folder = tempfile::tempdir().unwrap();
    let worker = Running::start(API, folder.path(), &[]);
    let resident = token(folder.path(), "resident", "Tablet");
    {
        use std::io::{Read, Write};
        let mut stream = std::net::TcpStream::connect(worker.address).unwrap();
        let head = format!("GET /api/v1/stream HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer {resident}\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let mut begun = [0; 12];
        stream.read_exact(&mut begun).unwrap();
        until_told(&worker, &resident, "Tablet watched live from");
    }
    until_told(&worker, &resident, "Tablet watched live until");
    // As when the disk is full.
    let connection = Connection::open(folder.path().join("audit.db")).unwrap();
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(ask(&worker, &resident, "GET", "/api/vitals/latest", None).0, 200);
    connection.execute_batch("COMMIT").unwrap();
    until_told(&worker, &resident, "Tablet looked at readings");
}
