//! The tablet on the wall: what it may do without the PIN, with it, and how the PIN is set, typed and guessed.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../../../tests/recordings/worker.rs"]
mod worker;

use std::{
    io::Write,
    process::{Command, Stdio},
    sync::Arc,
};

use jiff::{SignedDuration, Timestamp};
use kit::{
    Access,
    access::pin::{Pin, PinChange, Unlocking},
    role::Role,
    rule::Caller,
};
use serde_json::{Value, json};
use worker::{Answer, Running};

const API: &str = env!("CARGO_BIN_EXE_betti-api");
const LIMITS: &str = "/api/v1/limits";
const UNLOCK: &str = "/api/v1/access/unlock";
const PIN: &str = "/api/v1/access/pin";

/// Two processes of one hub: what one learns, the other knows.
struct Hub {
    worker: Running,
    other: Running,
    folder: tempfile::TempDir,
}

impl Hub {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let start = || Running::start(API, folder.path(), &[]);
        Self { worker: start(), other: start(), folder }
    }

    fn token(&self, arguments: &[&str]) -> String {
        let arguments = [&["token", "--role", "resident"], arguments].concat();
        let output = Command::new(API).args(arguments).env("BETTI_DATA_DIR", self.folder.path()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    fn ask(&self, token: &str, method: &str, path: &str, body: &Value) -> Answer {
        self.worker.exchange(method, path, &[("Authorization", &format!("Bearer {token}"))], Some(body))
    }

    fn ask_other(&self, token: &str, method: &str, path: &str, body: &Value) -> Answer {
        self.other.exchange(method, path, &[("Authorization", &format!("Bearer {token}"))], Some(body))
    }

    /// Whether what changes treatment is let through to its handler, in both workers.
    fn may_change_treatment(&self, token: &str) -> bool {
        let asked = [self.ask(token, "PUT", LIMITS, &json!({})), self.ask_other(token, "PUT", LIMITS, &json!({}))];
        let is_let_in = |answer: &Answer| answer.1["needs"] != json!("pin");
        assert_eq!(is_let_in(&asked[0]), is_let_in(&asked[1]), "all workers know at once");
        is_let_in(&asked[0])
    }

    fn pin_by_command(&self, typed: &str) -> bool {
        let mut command = Command::new(API);
        command.args(["pin", "--resident", "1"]).env("BETTI_DATA_DIR", self.folder.path());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(format!("{typed}\n").as_bytes()).unwrap();
        child.wait().unwrap().success()
    }

    fn caller(&self, token: &str) -> Arc<Caller> {
        let me = self.ask(token, "GET", "/api/v1/access/me", &json!({})).1;
        let device = me["data"]["device"].as_str().unwrap().to_owned();
        let is_kiosk = me["data"]["kiosk"] == json!(true);
        Arc::new(Caller { device, name: "n".into(), role: Role::Resident, resident: 1, is_kiosk, grants: Vec::new() })
    }
}

#[test]
fn the_tablet_on_the_wall_does_what_is_done_every_day_and_needs_the_pin_for_treatment() {
    let hub = Hub::start();
    let (kiosk, phone) = (hub.token(&["--kiosk"]), hub.token(&[]));
    let reading = json!({"vital_type": "heart_rate", "value_primary": 72, "unit": "bpm"});
    assert_eq!(hub.ask(&kiosk, "POST", "/api/vitals", &reading).0 / 100, 2);
    assert_eq!(hub.ask(&kiosk, "GET", "/api/medications", &json!({})).0, 200);
    let (status, refused) = hub.ask(&kiosk, "POST", "/api/medications", &json!({"name": "X"}));
    assert_eq!((status, &refused["needs"], &refused["pin"]), (403, &json!("pin"), &json!("unset")), "{refused}");
    assert_eq!(hub.ask(&kiosk, "POST", UNLOCK, &json!({"pin": "2580"})).1["pin"], json!("unset"));
    for weak in ["1234", "0000", "123", "12a4"] {
        assert_eq!(hub.ask(&phone, "PUT", PIN, &json!({"pin": weak})).0, 400, "{weak}");
    }
    assert_eq!(hub.ask(&phone, "PUT", PIN, &json!({"pin": 2580})).0, 400, "a number loses its zeros");
    assert_eq!(hub.ask(&phone, "PUT", PIN, &json!({"pin": "2580"})).0, 200);
    assert!(hub.may_change_treatment(&phone) && !hub.may_change_treatment(&kiosk));
    // To betti-nutrition every request from here is the hub's own, so it is decided here.
    for path in ["/api/nutrition/goals", "/API/Nutrition/GOALS/", "/api/nutrition/%67oals"] {
        assert_eq!(hub.ask(&kiosk, "PUT", path, &json!({})).1["needs"], json!("pin"), "{path}");
    }
    assert_eq!(hub.ask(&phone, "POST", UNLOCK, &json!({"pin": "2580"})).0, 409, "it needs none");
    let (status, wrong) = hub.ask(&kiosk, "POST", UNLOCK, &json!({"pin": "2581"}));
    assert_eq!((status, &wrong["needs"]), (403, &json!("pin")));
    let (status, unlocked) = hub.ask(&kiosk, "POST", UNLOCK, &json!({"pin": "2580"}));
    assert_eq!((status, &unlocked["data"]["unlocked_for_seconds"]), (200, &json!(300)), "{unlocked}");
    assert!(hub.may_change_treatment(&kiosk));
    assert!(!hub.may_change_treatment(&hub.token(&["--kiosk"])), "only where it was typed");
    let me = &hub.ask_other(&kiosk, "GET", "/api/v1/access/me", &json!({})).1["data"];
    assert_eq!((&me["kiosk"], &me["pin"]), (&json!(true), &json!("set")));
    assert!((1..=300).contains(&me["unlocked_for_seconds"].as_i64().unwrap()), "{me}");
    assert_eq!(hub.ask_other(&kiosk, "POST", "/api/v1/access/lock", &json!({})).0, 200);
    assert!(!hub.may_change_treatment(&kiosk));
    let devices = &hub.ask(&kiosk, "GET", "/api/v1/access/devices", &json!({})).1["data"];
    assert_eq!(devices.as_array().unwrap().iter().filter(|device| device["kiosk"] == json!(true)).count(), 2);
}

#[test]
fn only_the_resident_has_such_a_tablet_and_it_is_paired_by_its_code() {
    let hub = Hub::start();
    let phone = hub.token(&[]);
    let invite = |body| hub.ask(&phone, "POST", "/api/v1/access/invitations", &body);
    assert_eq!(invite(json!({"role": "carer", "kiosk": true})).0, 400);
    assert_eq!(invite(json!({"role": "resident", "kiosk": "yes"})).0, 400);
    let code = invite(json!({"role": "resident", "kiosk": true})).1["data"]["code"].clone();
    let paired = hub.worker.exchange("POST", "/api/v1/access/pair", &[], Some(&json!({"code": code, "as": "token"})));
    assert_eq!((paired.0, &paired.1["data"]["kiosk"]), (201, &json!(true)));
    let kiosk = paired.1["data"]["token"].as_str().unwrap();
    assert!(!hub.may_change_treatment(kiosk));
    // It was just paired, and is perhaps the only device of the house.
    let left = || hub.ask(kiosk, "GET", "/api/v1/access/me", &json!({})).1["data"]["first_pin_within_seconds"].clone();
    assert!((1..=15 * 60).contains(&left().as_i64().unwrap()), "{}", left());
    assert_eq!(hub.ask(kiosk, "PUT", PIN, &json!({"pin": "2580"})).0, 200);
    assert_eq!(left(), Value::Null, "there is one");
    assert_eq!(hub.ask(kiosk, "PUT", PIN, &json!({"pin": "7391"})).0, 400, "now the present one is needed");
    assert_eq!(hub.ask(kiosk, "PUT", PIN, &json!({"pin": "7391", "present": "9999"})).0, 403);
    assert_eq!(hub.ask(kiosk, "PUT", PIN, &json!({"pin": "7391", "present": "2580"})).0, 200);
    assert_eq!(hub.ask(kiosk, "POST", UNLOCK, &json!({"pin": "2580"})).0, 403);
    assert_eq!(hub.ask(kiosk, "POST", UNLOCK, &json!({"pin": "7391"})).0, 200);
    assert!(hub.pin_by_command("5028") && !hub.pin_by_command("4321"), "the way back when it is forgotten");
    assert!(!hub.may_change_treatment(kiosk), "another PIN locks it");
    assert_eq!(hub.ask(kiosk, "POST", UNLOCK, &json!({"pin": "5028"})).0, 200);
}

#[tokio::test]
async fn the_pin_is_good_for_five_minutes_and_guessing_takes_longer_and_longer_also_after_a_restart() {
    let hub = Hub::start();
    let token = hub.token(&["--kiosk"]);
    // As it is kept.
    let now = Timestamp::from_millisecond(Timestamp::now().as_millisecond()).unwrap();
    let (kiosk, access) = (hub.caller(&token), Access::open(hub.folder.path()).unwrap());
    let (pin, late) = (Pin::new("2580").unwrap(), now + SignedDuration::from_mins(16));
    let by = || Some((&*kiosk, None));
    assert_eq!(access.set_pin(1, &pin, by(), late).await.unwrap(), PinChange::TooLate);
    assert_eq!(access.first_pin_within(&kiosk, late).await.unwrap(), None);
    assert_eq!(access.set_pin(1, &pin, by(), now).await.unwrap(), PinChange::Set);
    for (ago, is_open) in [(SignedDuration::from_mins(4), true), (SignedDuration::from_secs(300), false)] {
        assert!(matches!(access.unlock(&kiosk, "2580", now - ago).await.unwrap(), Unlocking::Unlocked(_)));
        assert_eq!(hub.may_change_treatment(&token), is_open, "{ago:#}");
    }
    let guess = async |typed, now| Access::open(hub.folder.path()).unwrap().unlock(&kiosk, typed, now).await.unwrap();
    for _ in 0..4 {
        assert_eq!(guess("9051", now).await, Unlocking::Wrong);
    }
    let (minute, second) = (SignedDuration::from_mins(1), SignedDuration::from_secs(1));
    assert_eq!(guess("9051", now).await, Unlocking::LockedOut(minute));
    assert_eq!(guess("2580", now + minute - second).await, Unlocking::LockedOut(second), "not even the right one");
    assert_eq!(guess("9051", now + minute).await, Unlocking::LockedOut(minute * 2));
    // Another tablet of the same resident has tries of its own, up to all of the resident's.
    let other = hub.caller(&hub.token(&["--kiosk"]));
    let mut answers = Vec::new();
    for _ in 0..4 {
        answers.push(access.unlock(&other, "9051", now + minute).await.unwrap());
    }
    assert_eq!(answers[..3], [Unlocking::Wrong; 3]);
    assert_eq!(answers[3], Unlocking::LockedOut(minute), "the tenth of the resident");
    assert!(matches!(guess("2580", now + minute * 3).await, Unlocking::Unlocked(_)));
    assert_eq!(guess("9051", now + minute * 3).await, Unlocking::Wrong, "whoever was right begins anew");
    for _ in 0..4 {
        guess("9051", now).await;
    }
    let (status, answer) = hub.ask(&token, "POST", UNLOCK, &json!({"pin": "2580"}));
    assert_eq!(status, 429, "{answer}");
}
