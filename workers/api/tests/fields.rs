//! Fields that nobody asked for: what is sent beside what a route reads changes nothing, and what is secret stands in no answer.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../../../tests/recordings/worker.rs"]
mod worker;

use std::collections::BTreeMap;

use jiff::Timestamp;
use kit::{Access, access::Invitation, role::Role};
use rusqlite::Connection;
use serde_json::{Map, Value, json};
use worker::Running;

const CUFF: &str = "AA:BB:CC:00:00:09";
/// What tables call their owner.
const OWNERS: [&str; 2] = ["subject", "resident"];
/// When the worker last looked for doses to announce: it does so for each resident, whatever is sent.
const NOTED_OF_EACH: &str = "dose_looks";

/// What no client says, under every name that answers, tables and other programs have for it.
fn more() -> Map<String, Value> {
    let words = json!({
        "id": "forged", "compat_id": 999, "subject": 2, "resident": 2, "user_id": 2, "userId": 2, "owner": 2, "patient_id": 2,
        "status": "entered-in-error", "version": 77, "seen_version": 77, "is_hub": true, "isHub": true, "admin": true,
        "grants": [[2, "sharing", "write"]], "recorded_by": "forged", "changed_by": "forged", "by_device": "forged",
        "local_date": "1999-01-01", "created_at": "1999-01-01T00:00:00Z", "updated_at": "1999-01-01T00:00:00Z",
        "revoked_at": null, "paired_at": "1999-01-01T00:00:00Z", "key_hash": "forged", "token": "forged", "pin": "0000",
        "__proto__": {"role": "service"}, "constructor": {"prototype": {"role": "service"}},
    });
    words.as_object().unwrap().clone()
}

/// With more than a client says, where the client itself says nothing of it.
fn with_more(body: &Value) -> Value {
    let mut all = more();
    all.extend(body.as_object().unwrap().clone());
    all.into()
}

/// Whatever answers is of the first resident, good, and has an id and a version of the hub's own.
fn is_untouched(path: &str, answer: &Value) {
    let said = answer.to_string();
    for forged in ["forged", "1999-01-01", "\"entered-in-error\"", "\"service\""] {
        assert!(!said.contains(forged), "{path} took over {forged}: {said}");
    }
    let data = &answer["data"];
    for (name, sent) in
        [("subject", 2), ("resident", 2), ("user_id", 2), ("userId", 2), ("compat_id", 999), ("version", 77)]
    {
        assert_ne!(data[name], sent, "{path} took over {name}: {said}");
    }
}

/// Every row of every table of a database that says that it is the second resident's.
fn rows_of_the_second(api: &Connection) -> BTreeMap<String, i64> {
    let sql = "SELECT tables.name, columns.name FROM sqlite_schema AS tables, pragma_table_info(tables.name) AS columns
        WHERE tables.type = 'table'";
    let mut statement = api.prepare(sql).unwrap();
    let all = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    let is_owned = |(table, column): &(String, String)| OWNERS.contains(&&**column) && table != NOTED_OF_EACH;
    let owned: Vec<_> = all.map(Result::unwrap).filter(is_owned).collect();
    assert!(owned.len() > 10, "{owned:?}");
    let count = |(table, column): &(String, String)| {
        let sql = format!("SELECT count(*) FROM {table} WHERE {column} = 2");
        (format!("{table}.{column}"), api.query_row(&sql, [], |row| row.get(0)).unwrap())
    };
    owned.iter().map(count).collect()
}

#[test]
fn what_is_sent_beside_what_a_route_reads_changes_nothing() {
    let data = tempfile::tempdir().unwrap();
    let api = Running::start(env!("CARGO_BIN_EXE_betti-api"), data.path(), &[]);
    assert_eq!(api.post("/api/v1/residents", &json!({"name": "Bertha"})).0, 201);
    let file = Connection::open(data.path().join("api.db")).unwrap();
    let before = rows_of_the_second(&file);
    let sent = |method: &str, path: &str, body: &Value| {
        let (status, answer) = api.request(method, path, &[], Some(&with_more(body)));
        assert!(matches!(status, 200 | 201), "{method} {path}: {status} {answer}");
        is_untouched(path, &answer);
        answer["data"].clone()
    };
    let now = Timestamp::now().to_string();
    let heart = json!({"vital_type": "heart_rate", "value_primary": 72, "unit": "bpm", "device_address": CUFF});
    sent("POST", "/api/vitals", &heart);
    let reading = sent("POST", "/api/v1/readings", &heart);
    let path = format!("/api/v1/readings/{}", reading["id"].as_str().unwrap());
    // Where what is unknown could be meant to change something, it is refused.
    for (name, value) in more() {
        let body = json!({"value_primary": 73, "reason": "misread", &name: value});
        let (status, answer) = api.request("PATCH", &path, &[], Some(&body));
        assert_eq!(status, 400, "{name}: {answer}");
    }
    assert_eq!(api.get(&path).1["data"]["version"], 1);
    sent("POST", "/api/fitness/workout", &json!({"workout_type": "walking", "duration_min": 20, "started_at": now}));
    sent("POST", "/api/v1/assessments", &json!({"kind": "timed_up_and_go", "seconds": 11}));
    sent("POST", "/api/v1/drinks", &json!({"amount": 200, "unit": "mL"}));
    let visit = json!({"title": "Eyes", "starts_at": "2031-03-01T09:00:00Z", "appointment_type": "doctor", "status": "scheduled"});
    sent("POST", "/api/appointments", &visit);
    sent("POST", "/api/medications", &json!({"name": "Pills", "dosage": "5mg"}));
    sent("PATCH", "/api/v1/residents/1", &json!({"name": "Anton"}));
    let worn = sent("PATCH", &format!("/api/v1/devices/{CUFF}"), &json!({"name": "Cuff", "subject": 1}));
    assert_eq!(worn["address"], CUFF);
    assert_eq!(rows_of_the_second(&file), before, "nothing became another resident's");
}

#[tokio::test]
async fn a_code_gives_what_was_decided_when_it_was_made_whatever_is_sent_with_it() {
    let data = tempfile::tempdir().unwrap();
    let api = Running::start(env!("CARGO_BIN_EXE_betti-api"), data.path(), &[]);
    let access = Access::open(data.path()).unwrap();
    let carer = access.add_program(Invitation::of(Role::Carer), Timestamp::now()).await.unwrap();
    let bearer = format!("Bearer {}", carer.token.reveal());
    let ask = |token: &str, method: &str, path: &str, body: &Value| {
        api.exchange(method, path, &[("Authorization", token)], Some(body))
    };
    let mut asked = with_more(&json!({"role": "clinician", "resident": 1}));
    asked["grants"] = json!([["sharing", "write"], ["medication", "write"]]);
    let (status, invited) = ask(&bearer, "POST", "/api/v1/access/invitations", &asked);
    assert_eq!((status, &invited["data"]["role"]), (201, &json!("clinician")), "{invited}");
    let granted = invited["data"]["grants"].to_string();
    assert!(!granted.contains("sharing") && !granted.contains(r#"["medication","write"]"#), "{granted}");
    let code = &invited["data"]["code"];
    let taken = with_more(
        &json!({"code": code, "name": "Doctor", "as": "token", "role": "service", "resident": 2, "kiosk": true}),
    );
    let (status, paired) = api.exchange("POST", "/api/v1/access/pair", &[], Some(&taken));
    assert_eq!(status, 201, "{paired}");
    let doctor = format!("Bearer {}", paired["data"]["token"].as_str().unwrap());
    let me = ask(&doctor, "GET", "/api/v1/access/me", &Value::Null).1["data"].clone();
    assert_eq!((&me["role"], &me["resident"], &me["kiosk"]), (&json!("clinician"), &json!(1), &json!(false)), "{me}");
    let allowed = me["grants"].as_array().unwrap();
    assert!(allowed.iter().all(|grant| grant["resident"] == 1), "{me}");
    let writes: Vec<_> = allowed.iter().filter(|grant| grant["level"] == "write").map(|grant| &grant["area"]).collect();
    assert_eq!(writes, ["video"], "what a clinician is given, and nothing of what was sent");
    // What is granted is the level of the body and the area of the address, of the device of the address.
    let grant = format!("/api/v1/access/grants/{}/vitals", me["device"].as_str().unwrap());
    let proxy =
        Invitation { grants: vec![(kit::Area::Sharing, kit::rule::Level::Write)], ..Invitation::of(Role::Carer) };
    let proxy = access.add_program(proxy, Timestamp::now()).await.unwrap();
    let speaks = format!("Bearer {}", proxy.token.reveal());
    let body = with_more(&json!({"level": "read", "area": "sharing", "device": carer.device, "role": "service"}));
    assert_eq!(ask(&speaks, "PUT", &grant, &body).0, 200);
    let now = ask(&doctor, "GET", "/api/v1/access/me", &Value::Null).1["data"].clone();
    assert_eq!(now["role"], "clinician");
    assert_eq!(now["grants"].as_array().unwrap().len(), allowed.len(), "read again, and nothing more: {now}");
}

#[tokio::test]
async fn nothing_secret_stands_in_an_answer_not_even_the_residents() {
    let data = tempfile::tempdir().unwrap();
    let api = Running::start(env!("CARGO_BIN_EXE_betti-api"), data.path(), &[]);
    let access = Access::open(data.path()).unwrap();
    let resident = access.add_program(Invitation::of(Role::Resident), Timestamp::now()).await.unwrap();
    let bearer = format!("Bearer {}", resident.token.reveal());
    let ask = |method: &str, path: &str, body: Option<&Value>| {
        api.exchange(method, path, &[("Authorization", &bearer), ("X-Forwarded-Host", "hub.local:5173")], body)
    };
    assert_eq!(ask("PUT", "/api/v1/access/pin", Some(&json!({"pin": "73914"}))).0, 200);
    assert_eq!(ask("POST", "/api/v1/access/invitations", Some(&json!({"role": "carer"}))).0, 201);
    let file = Connection::open(data.path().join("access.db")).unwrap();
    let mut secrets = vec![resident.token.reveal().to_owned(), api.token().to_owned(), "73914".to_owned()];
    for sql in ["SELECT hex(key_hash) FROM devices", "SELECT hex(code_hash) FROM codes", "SELECT hex(hash) FROM pins"] {
        let mut statement = file.prepare(sql).unwrap();
        secrets.extend(statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap));
    }
    assert!(secrets.len() >= 7, "{}", secrets.len());
    for path in
        ["me", "devices", "report", "audit", "passkeys", "passkeys/here"].map(|name| format!("/api/v1/access/{name}"))
    {
        let (status, answer) = ask("GET", &path, None);
        let said = answer.to_string();
        assert_eq!(status, 200, "{path}: {said}");
        for secret in &secrets {
            assert!(!said.to_uppercase().contains(&secret.to_uppercase()), "{path} says a secret");
        }
        for name in ["hash", "salt", "token", "secret", "code", "key"] {
            assert!(!said.contains(&format!("{name}\":")), "{path} has a field for {name}: {said}");
        }
    }
}
