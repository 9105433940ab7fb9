//! What a sensor's token does at the real worker: it brings what was measured, and changes and sees nothing else.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "sensors/changes.rs"]
mod changes;
#[path = "../../../tests/recordings/worker.rs"]
mod worker;

use std::{path::Path, process::Command};

use jiff::{SignedDuration, Timestamp};
use rusqlite::Connection;
use serde_json::{Value, json};
use worker::{Answer, Running};

const API: &str = env!("CARGO_BIN_EXE_betti-api");
const CUFF: &str = "AA:BB:CC:00:00:07";

struct Home {
    folder: tempfile::TempDir,
    api: Running,
}

impl Home {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { api: Running::start(API, folder.path(), &[]), folder }
    }

    fn token(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(API);
        let output = command
            .arg("token")
            .args(arguments)
            .env_clear()
            .env("BETTI_DATA_DIR", self.folder.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    fn ask(&self, token: &str, (method, path): (&str, &str), body: &Value) -> Answer {
        self.api.exchange(method, path, &[("Authorization", &format!("Bearer {token}"))], Some(body))
    }

    fn changes(&self) -> i64 {
        ["api.db", "access.db"].into_iter().map(|file| events(&self.folder.path().join(file))).sum()
    }
}

/// Whatever changes leaves an event.
fn events(file: &Path) -> i64 {
    Connection::open(file).unwrap().query_row("SELECT count(*) FROM outbox", [], |row| row.get(0)).unwrap()
}

/// A path with something that could stand at each of its places.
fn filled(pattern: &str, thing: &str) -> String {
    let filled = pattern.split('/').map(|part| if part.starts_with('{') { thing } else { part });
    filled.collect::<Vec<_>>().join("/")
}

/// What is sent there, as sensors and programs send it.
fn measured(pattern: &str, now: Timestamp) -> Value {
    let (from, until) = ((now - SignedDuration::from_mins(30)).to_string(), now.to_string());
    let reading = json!({"vital_type": "heart_rate", "value_primary": 72, "unit": "bpm", "device_address": CUFF});
    match pattern {
        "/api/accelerometer/save" => json!({"data": [{"timestamp": 0, "x": 0, "y": 0, "z": 1}]}),
        "/api/fitness/daily" => json!({"steps": 4000, "source": "phone"}),
        "/api/fitness/device/activity" | "/api/fitness/device/sync" => json!({"deviceAddress": CUFF, "steps": 4100}),
        "/api/fitness/device/register" => json!({"address": CUFF, "name": "Band", "type": "fitness_band"}),
        "/api/fitness/device/timezone" => json!({"offsetMinutes": -300}),
        "/api/fitness/workout" => json!({"workout_type": "walking", "duration_min": 30, "started_at": from}),
        "/api/v1/activity" => {
            json!({"source": "band", "intervals": [{"started_at": from, "ended_at": until, "steps": 900}]})
        }
        "/api/v1/assessments" => json!({"kind": "timed_up_and_go", "seconds": 11.5}),
        "/api/v1/readings" | "/api/vitals" => reading,
        other => panic!("nothing is known to bring to {other}"),
    }
}

#[test]
fn a_sensor_brings_what_it_measures_on_every_route_that_takes_it() {
    let home = Home::start();
    let (sensor, now) = (home.token(&["--role", "device", "--name", "Scale"]), Timestamp::now());
    for line in changes::BROUGHT {
        let (status, answer) = home.ask(&sensor, line, &measured(line.1, now));
        assert!(matches!(status, 200 | 201), "{line:?}: {status} {answer}");
    }
    let brought = home.api.get("/api/vitals/latest").1["data"][0].clone();
    assert_eq!((&brought["vitalType"], &brought["value"]), (&json!("heart_rate"), &json!("72")), "{brought}");
    assert_eq!(home.api.get("/api/accelerometer/list").1["count"], 1);
    // What it says again is answered again, which is how it looks whether the hub has its last.
    let again = || {
        let headers = [("Authorization", &*format!("Bearer {sensor}")), ("Idempotency-Key", "7")];
        home.api.exchange("POST", "/api/vitals", &headers, Some(&measured("/api/vitals", now)))
    };
    let (first, before) = (again(), home.changes());
    assert_eq!((again(), home.changes()), (first, before));
}

#[test]
fn a_sensor_changes_nothing_that_is_there_and_sees_nothing_but_which_devices_there_are() {
    let home = Home::start();
    let sensor = home.token(&["--role", "device"]);
    let (_, reading) = home.ask(&sensor, ("POST", "/api/v1/readings"), &measured("/api/v1/readings", Timestamp::now()));
    let id = reading["data"]["id"].as_str().unwrap().to_owned();
    home.ask(&sensor, ("GET", "/api/v1/devices"), &Value::Null); // Its first use is kept.
    let before = home.changes();
    for (method, pattern) in changes::REFUSED {
        for thing in ["1", CUFF, &id] {
            let (status, answer) = home.ask(&sensor, (method, &filled(pattern, thing)), &json!({}));
            assert_eq!(status, 403, "{method} {pattern}: {answer}");
        }
    }
    for body in [json!({"limits": []}), json!([]), json!({"people": []}), json!({"steps": []})] {
        for path in ["/api/v1/limits", "/api/v1/people", "/api/v1/ladder"] {
            assert_eq!(home.ask(&sensor, ("PUT", path), &body).0, 403, "{path} {body}");
        }
    }
    assert_eq!(home.changes(), before, "nothing of it changed anything");
    // It raises an alert, as whatever measures may, and neither sees nor answers it.
    let severe = json!({"vital_type": "heart_rate", "value_primary": 145, "unit": "bpm", "symptom": true});
    assert_eq!(home.ask(&sensor, ("POST", "/api/v1/readings"), &severe).0, 201);
    let alert = home.api.get("/api/v1/alerts").1["data"][0]["id"].as_str().unwrap().to_owned();
    let before = home.changes();
    for (method, pattern) in changes::DECIDED_BEHIND {
        if pattern == "/api/v1/access/me" {
            continue; // It may give itself up.
        }
        let (status, answer) = home.ask(&sensor, (method, &filled(pattern, &alert)), &json!({"minutes": 5}));
        assert!(matches!(status, 400 | 403 | 404 | 409), "{method} {pattern}: {status} {answer}");
    }
    assert_eq!(home.changes(), before, "and nothing of that");
    for path in ["/api/v1/alerts", "/api/vitals", "/api/v1/limits", "/api/v1/people", "/api/fitness/today"] {
        assert_eq!(home.ask(&sensor, ("GET", path), &Value::Null).0, 403, "{path}");
    }
    assert_eq!(home.ask(&sensor, ("GET", &format!("/api/v1/readings/{id}")), &Value::Null).0, 403, "not even its own");
    assert_eq!(home.ask(&sensor, ("GET", "/api/ble/status"), &Value::Null).0, 200);
}

#[test]
fn what_a_sensor_is_refused_is_a_matter_of_its_role() {
    let home = Home::start();
    let (resident, carer) = (home.token(&["--role", "resident"]), home.token(&["--role", "carer"]));
    for line @ (method, pattern) in changes::REFUSED {
        let (status, answer) = home.ask(&resident, (method, &filled(pattern, "1")), &json!({}));
        let is_workers_only = line == ("POST", "/api/ble/state");
        assert_eq!(status == 403, is_workers_only, "{method} {pattern}: {status} {answer}");
    }
    let carer_was_let_out = home.ask(&carer, ("GET", "/api/v1/access/me"), &Value::Null).0;
    assert_eq!(carer_was_let_out, 401, "the walk went by all of them");
}

#[test]
fn a_sensor_is_let_in_to_change_by_no_grant() {
    let home = Home::start();
    let (resident, sensor) = (home.token(&["--role", "resident"]), home.token(&["--role", "device"]));
    let me = home.ask(&sensor, ("GET", "/api/v1/access/me"), &Value::Null).1;
    let device = me["data"]["device"].as_str().unwrap().to_owned();
    for area in ["vitals", "medication", "appointments", "nutrition", "activity", "video", "devices", "sharing"] {
        let path = format!("/api/v1/access/grants/{device}/{area}");
        let (status, answer) = home.ask(&resident, ("PUT", &path), &json!({"level": "write"}));
        let brings = matches!(area, "vitals" | "activity");
        assert_eq!(status, if brings { 200 } else { 400 }, "{area}: {answer}");
    }
    // A grant of an earlier version, which was given with the token.
    let file = Connection::open(home.folder.path().join("access.db")).unwrap();
    file.execute("UPDATE grants SET level = 'write' WHERE device = ?", [&device]).unwrap();
    for (method, pattern) in changes::REFUSED {
        let status = home.ask(&sensor, (method, &filled(pattern, "1")), &json!({})).0;
        assert_eq!(status, 403, "{method} {pattern}");
    }
    assert_eq!(home.ask(&sensor, ("GET", "/api/v1/devices"), &Value::Null).0, 200, "it still sees which there are");
    let path = format!("/api/v1/access/grants/{device}/vitals");
    assert_eq!(home.ask(&resident, ("DELETE", &path), &Value::Null).0, 200);
    let reading = measured("/api/vitals", Timestamp::now());
    assert_eq!(home.ask(&sensor, ("POST", "/api/vitals"), &reading).0, 403, "what was withdrawn it does not bring");
    assert_eq!(home.ask(&resident, ("PUT", &path), &json!({"level": "write"})).0, 200);
    for path in ["/api/vitals?resident=2", "/api/v1/readings?resident=2"] {
        assert_eq!(home.ask(&sensor, ("POST", path), &reading).0, 403, "{path}: it is another resident's");
    }
}
