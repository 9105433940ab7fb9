//! `betti-ctl backup` and `restore`, with the real workers: what was answered before is answered again.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;

use protocol::control::Word;
use scenarios::hub::Hub;
use scenarios::platform::Platform;
use scenarios::wait;
use serde_json::{Value, json};

const API: u16 = 3001;
const FOOD: u16 = 3002;

fn started() -> Platform {
    let platform = Platform::new(None);
    platform.hub.ctl(&["start"]).succeeded();
    platform
}

/// Makes a copy; the first one's key is kept in `key.txt`. The copy's path.
fn copy(hub: &Hub) -> String {
    let made = hub.ctl(&["backup", "--json"]).succeeded();
    let made: Value = serde_json::from_str(&made.stdout).expect("one document");
    if let Some(key) = made["key"].as_str() {
        hub.write("key.txt", key);
    }
    made["file"].as_str().expect("a path").to_owned()
}

fn post(platform: &Platform, port: u16, path: &str, body: &Value) -> Value {
    let answer = platform.post(port, path, body).expect("an answer");
    assert!([200, 201].contains(&answer.status), "{answer:?}");
    answer.json()
}

fn heart_rate(bpm: u32) -> Value {
    json!({ "vital_type": "heart_rate", "value_primary": bpm, "unit": "bpm" })
}

/// What clients are shown of what is kept.
fn answers(platform: &Platform) -> Vec<Value> {
    let asked = [
        (API, "/api/vitals/history/heart_rate"),
        (API, "/api/medications"),
        (API, "/api/v1/residents"),
        (FOOD, "/api/nutrition/daily"),
        (FOOD, "/api/nutrition/goals"),
    ];
    let answer = |(port, path)| {
        let answer = platform.get(port, path).expect("an answer");
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.json()
    };
    asked.map(answer).into()
}

fn says(hub: &Hub) -> String {
    hub.app("betti-backup").says.unwrap_or_default()
}

#[test]
fn a_restore_gives_the_same_answers_as_before() {
    let platform = started();
    let hub = &platform.hub;
    hub.until_app("betti-backup", "says that there is no copy", |app| {
        app.says.as_ref().is_some_and(|says| says.contains("betti-ctl backup"))
    });
    post(&platform, API, "/api/vitals", &heart_rate(71));
    post(&platform, API, "/api/medications", &json!({ "name": "Ramipril", "dosage": "5mg" }));
    let meal = json!({ "mealType": "breakfast", "foods": [{ "name": "porridge", "calories": 150 }] });
    post(&platform, FOOD, "/api/nutrition/log-meal", &meal);
    let before = answers(&platform);
    let file = copy(hub);
    hub.until_app("betti-backup", "says that there is one", |app| {
        app.says.as_ref().is_some_and(|says| says.starts_with("last copy "))
    });

    post(&platform, API, "/api/vitals", &heart_rate(140));
    let dry = hub.ctl(&["restore", "--dry-run", &file]).succeeded();
    assert!(dry.stdout.contains("Whole:  yes"), "{dry}");
    let dry: Value = serde_json::from_str(&hub.ctl(&["restore", "--dry-run", "--json", &file]).succeeded().stdout)
        .expect("one document");
    assert_eq!((&dry["ok"], &dry["databases"]["data/api.db"]["readings"]), (&true.into(), &1.into()));
    assert_ne!(answers(&platform), before);

    hub.ctl(&["stop", "betti-webrtc"]).succeeded();
    let restored = hub.ctl(&["restore", "--key-file", "key.txt", &file]).succeeded();
    assert!(restored.stdout.contains("Restored."), "{restored}");
    let status = hub.status();
    for app in &status.apps {
        let expected = if app.name == "betti-webrtc" { Word::Stopped } else { Word::Online };
        assert_eq!(app.status, expected, "what an operator stopped stays so: {app:?}");
    }
    assert_eq!(answers(&platform), before);
    let kept = std::fs::read_dir(hub.path("data")).expect("a folder").map(|entry| entry.expect("an entry").file_name());
    assert!(
        kept.into_iter().any(|name| name.to_string_lossy().starts_with("before-restore-")),
        "the data from before are kept"
    );
}

#[test]
fn what_cannot_be_restored_stops_nothing() {
    let platform = started();
    let hub = &platform.hub;
    post(&platform, API, "/api/vitals", &heart_rate(71));
    let file = copy(hub);
    let pid = hub.pid("betti-backend");
    let mut bytes = std::fs::read(&file).expect("a file");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(hub.path("damaged.age"), bytes).expect("a file");
    let refusals = [
        (vec!["restore", "--key-file", "key.txt", "damaged.age"], 1),
        (vec!["restore", "--key-file", "key.txt", "nosuch.age"], 1),
        (vec!["restore", "--key-file", "nosuch.txt", &file], 1),
        (vec!["restore", &file], 1),
        (vec!["restore", "--dry-run", "damaged.age"], 1),
        (vec!["restore"], 2),
        (vec!["backup", "--to"], 2),
        (vec!["backup", "--to", "/media/nobody/stick"], 1),
    ];
    for (arguments, code) in refusals {
        let refused = hub.ctl(&arguments).with_code(code);
        assert!(!refused.stderr.is_empty(), "{refused}");
    }
    let json = hub.ctl(&["restore", "--json", "--key-file", "key.txt", "damaged.age"]).with_code(1);
    let document: Value = serde_json::from_str(&json.stdout).expect("one document");
    assert_eq!(document["ok"], false);
    assert_eq!(hub.pid("betti-backend"), pid, "it runs on");
    assert!(says(hub).starts_with("last copy "), "another place is the operator's own business: {}", says(hub));
}

#[test]
fn without_a_supervisor_the_same_is_done_on_the_files() {
    let platform = started();
    let hub = &platform.hub;
    post(&platform, API, "/api/vitals", &heart_rate(71));
    let before = answers(&platform);
    hub.ctl(&["kill"]).succeeded();
    let file = copy(hub);
    std::fs::write(hub.path("data/api.db"), "no database any more").expect("a file");
    hub.ctl(&["restore", "--key-file", "key.txt", &file]).succeeded();
    hub.ctl(&["start"]).succeeded();
    assert_eq!(answers(&platform), before);
}

#[test]
fn a_copy_made_while_readings_come_has_every_one_that_was_acknowledged_before() {
    let platform = started();
    let hub = &platform.hub;
    let (over, acknowledged) = (AtomicBool::new(false), AtomicU32::new(0));
    post(&platform, API, "/api/vitals", &heart_rate(30));
    let (before, file) = thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Acquire) {
                let next = acknowledged.load(Ordering::Acquire) + 1;
                post(&platform, API, "/api/vitals", &heart_rate(30 + next % 200));
                acknowledged.store(next, Ordering::Release);
            }
        });
        wait::until(
            "there is load",
            || if acknowledged.load(Ordering::Acquire) > 20 { Ok(()) } else { Err("not yet") },
        );
        let before = acknowledged.load(Ordering::Acquire);
        let file = copy(hub);
        over.store(true, Ordering::Release);
        (before, file)
    });
    let report: Value = serde_json::from_str(
        &hub.ctl(&["restore", "--dry-run", "--json", "--key-file", "key.txt", &file]).succeeded().stdout,
    )
    .expect("one document");
    let tables = &report["databases"]["data/api.db"];
    let readings = tables["readings"].as_u64().expect("a number");
    assert!(readings > before.into(), "{before} and the first one were acknowledged before: {readings}");
    assert!(readings <= u64::from(acknowledged.load(Ordering::Acquire)) + 1);
    hub.ctl(&["restore", "--key-file", "key.txt", &file]).succeeded();
    let kept = platform.get(API, "/api/vitals/history/heart_rate?limit=10000").expect("an answer").json();
    let ids: BTreeSet<_> =
        kept["data"].as_array().expect("a list").iter().map(|reading| reading["id"].to_string()).collect();
    assert_eq!(ids.len() as u64, readings.min(ids.len() as u64));
    assert!(!ids.is_empty());
}

#[test]
fn nightly_copies_are_made_without_anybody_and_a_family_sees_when_they_are_not() {
    let file = |to: &str| {
        format!(
            "[[apps]]\nname = \"betti-backend\"\nscript = \"betti-api\"\nwait_ready = true\nenv = {{ PORT = \"0\" }}\n
             [[apps]]\nname = \"betti-backup\"\nscript = \"betti-backup\"\nwait_ready = true\nenv = {{ BETTI_BACKUP_TO = \"{to}\" }}\n"
        )
    };
    let hub = Hub::with_file(&file("/media/nobody/stick"));
    hub.ctl(&["start"]).succeeded();
    let until_said = |words: &str| {
        hub.until_app("betti-backup", words, |app| app.says.as_ref().is_some_and(|says| says.contains(words)));
    };
    until_said("no copies are made yet");
    // By hand, to another place: that makes the key, and then the worker wants copies of its own.
    hub.ctl(&["backup", "--to", "elsewhere"]).succeeded();
    until_said("NO COPY YET: /media/nobody/stick is no mounted stick");
    hub.save_text(&file("copies"));
    until_said("last copy ");
    let copies = std::fs::read_dir(hub.path("copies")).expect("a folder").count();
    assert_eq!(copies, 1);
    let status = hub.ctl(&["status"]).succeeded();
    assert!(status.stdout.contains("last copy ") && status.stdout.contains("tested"), "{status}");
}

#[test]
fn a_restore_cut_off_by_a_power_cut_is_finished_before_any_worker_opens_anything() {
    let platform = started();
    let hub = &platform.hub;
    post(&platform, API, "/api/vitals", &heart_rate(71));
    let before = answers(&platform);
    let file = copy(hub);
    post(&platform, API, "/api/vitals", &heart_rate(140));
    let mut unpack = hub.command(&scenarios::binaries::built("betti-backup"));
    unpack.args(["restore", "--unpack", "--key-file", "key.txt", &file]);
    assert!(unpack.status().expect("it runs").success());
    hub.ctl(&["kill"]).succeeded();
    // The power fails when the present database has been moved aside and the copy's is not there yet.
    let aside = hub.path("data/before-restore-x");
    std::fs::create_dir(&aside).expect("a folder");
    std::fs::rename(hub.path("data/api.db"), aside.join("api.db")).expect("moved");
    hub.write("data/restore-unfinished.json", r#"{"step":"moving-aside","before":"before-restore-x"}"#);
    hub.ctl(&["start", "--no-wait"]).succeeded();
    for app in ["betti-backup", "betti-backend", "betti-nutrition", "betti-frontend"] {
        hub.until_status(app, Word::Online);
    }
    assert_eq!(answers(&platform), before);
}
