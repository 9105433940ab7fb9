//! Records of one resident, asked for by somebody of another: they are not there, and stay as they are.

#[path = "../../../tests/recordings/worker.rs"]
mod worker;

use jiff::Timestamp;
use kit::{Access, access::Invitation, role::Role};
use serde_json::{Value, json};
use worker::Running;

const WORDS: &str = "first-person";
const UNKNOWN: &str = "019c0000-0000-7000-8000-000000000000";

fn made(api: &Running, path: &str, body: &Value) -> String {
    let (status, answer) = api.post(path, body);
    assert_eq!(status, 201, "{path}: {answer}");
    answer["data"]["id"].as_str().map_or_else(|| answer["data"]["id"].to_string(), str::to_owned)
}

#[tokio::test]
async fn a_record_of_another_resident_is_as_one_that_is_not_there() {
    let data = tempfile::tempdir().expect("a folder");
    let api = Running::start(env!("CARGO_BIN_EXE_betti-api"), data.path(), &[]);
    made(&api, "/api/v1/residents", &json!({"name": "Bertha"}));
    let weight = json!({"vital_type": "weight", "value_primary": 70.5, "unit": "kg", "notes": WORDS});
    let reading = made(&api, "/api/v1/readings", &weight);
    let visit = json!({"title": WORDS, "starts_at": "2031-03-01T09:00:00Z", "appointment_type": "doctor"});
    let visit = made(&api, "/api/v1/appointments", &visit);
    let tablet = made(&api, "/api/medications", &json!({"name": WORDS, "dosage": "5mg"}));
    let access = Access::open(data.path()).expect("who has access");
    let invitation = |role| Invitation { resident: 2, ..Invitation::of(role) };
    let nothing = Value::Null;
    let (slip, amended) = (json!({"reason": "a slip"}), json!({"value_primary": 69, "reason": "a slip"}));
    let (renamed, one) = (json!({"title": "changed"}), json!({"amount": 1}));
    for role in [Role::Resident, Role::Carer, Role::Clinician, Role::Device] {
        let device = access.add_program(invitation(role), Timestamp::now()).await.expect("a token");
        let bearer = format!("Bearer {}", device.token.reveal());
        let ask = |method: &str, path: &str, body: &Value| {
            api.exchange(method, path, &[("Authorization", &bearer)], Some(body).filter(|body| !body.is_null()))
        };
        for (method, pattern, id, body) in [
            ("GET", "/api/v1/readings/{id}?resident=2", &reading, &nothing),
            ("GET", "/api/v1/readings/{id}/history?resident=2", &reading, &nothing),
            ("PATCH", "/api/v1/readings/{id}?resident=2", &reading, &amended),
            ("POST", "/api/v1/readings/{id}/strike-out?resident=2", &reading, &slip),
            ("GET", "/api/v1/appointments/{id}?resident=2", &visit, &nothing),
            ("GET", "/api/v1/appointments/{id}/history?resident=2", &visit, &nothing),
            ("PATCH", "/api/v1/appointments/{id}?resident=2", &visit, &renamed),
            ("DELETE", "/api/v1/appointments/{id}/instances/2031-03-01?resident=2", &visit, &nothing),
            ("GET", "/api/v1/medications/{id}/stock?resident=2", &tablet, &nothing),
            ("GET", "/api/v1/medications/{id}/as-needed?resident=2", &tablet, &nothing),
            ("POST", "/api/v1/medications/{id}/as-needed?resident=2", &tablet, &one),
        ] {
            let (status, answer) = ask(method, &pattern.replace("{id}", id), body);
            let (none, unknown) = ask(method, &pattern.replace("{id}", UNKNOWN), body);
            assert!([403, 404].contains(&status), "{role:?} {method} {pattern}: {status} {answer}");
            let alike = answer.to_string().replace(id.as_str(), UNKNOWN);
            assert_eq!((status, alike), (none, unknown.to_string()), "{role:?} {method} {pattern}");
        }
        for path in [
            "/api/vitals/latest",
            "/api/vitals/history/weight",
            "/api/medications",
            "/api/appointments",
            "/api/v1/medications",
            "/api/v1/doses",
            "/api/v1/adherence",
            "/api/v1/alerts?status=all",
            "/api/v1/people",
            "/api/v1/devices",
            "/api/v1/access/report",
            "/api/nutrition/daily",
        ] {
            for named in ["", "resident=1", "userId=1&resident=2"] {
                let (_, answer) =
                    ask("GET", &format!("{path}{}{named}", if path.contains('?') { "&" } else { "?" }), &nothing);
                assert!(!answer.to_string().contains(WORDS), "{role:?} {path} {named}: {answer}");
            }
        }
    }
    let after = api.get(&format!("/api/v1/readings/{reading}")).1;
    assert_eq!((&after["data"]["version"], &after["data"]["notes"]), (&json!(1), &json!(WORDS)));
    assert_eq!(api.get(&format!("/api/v1/appointments/{visit}")).1["data"]["title"], WORDS);
}
