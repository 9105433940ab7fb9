//! Limits and alerts, as whoever looks after a resident meets them.

#![allow(clippy::unwrap_used, reason = "what fails in a test is to end it")]

#[path = "../../../tests/recordings/worker.rs"]
mod worker;

use std::{path::Path, thread, time::Duration};

use jiff::{SignedDuration, Timestamp};
use rusqlite::Connection;
use serde_json::{Value, json};
use worker::Running;

/// Nothing here takes this long, unless it hangs.
const DEADLINE: Duration = Duration::from_secs(30);

fn start(data: &Path) -> Running {
    Running::start(env!("CARGO_BIN_EXE_betti-api"), data, &[])
}

fn reading(kind: &str, value: f64, unit: &str) -> Value {
    json!({"vital_type": kind, "value_primary": value, "unit": unit})
}

fn ago(mut reading: Value, ago: SignedDuration) -> Value {
    reading["recorded_at"] = (Timestamp::now() - ago).to_string().into();
    reading
}

fn post(api: &Running, reading: &Value) -> Value {
    let (status, answer) = api.post("/api/v1/readings", reading);
    assert_eq!(status, 201, "{answer}");
    answer["data"].clone()
}

fn put(api: &Running, path: &str, body: &Value) -> (u16, Value) {
    api.request("PUT", path, &[], Some(body))
}

/// `kind direction severity status`, of those that are not over.
fn open(api: &Running) -> Vec<String> {
    let (status, answer) = api.get("/api/v1/alerts");
    assert_eq!(status, 200, "{answer}");
    let word = |alert: &Value| {
        ["kind", "direction", "severity", "status"].map(|field| alert[field].as_str().unwrap().to_owned()).join(" ")
    };
    answer["data"].as_array().unwrap().iter().map(word).collect()
}

/// What happened, by kind, beside readings.
fn events(data: &Path) -> Vec<(String, Value)> {
    let file = Connection::open(data.join("api.db")).unwrap();
    let mut rows =
        file.prepare("SELECT kind, payload FROM outbox WHERE kind NOT LIKE 'reading.%' ORDER BY home_seq").unwrap();
    let rows = rows.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))).unwrap();
    rows.map(|row| row.map(|(kind, payload)| (kind, serde_json::from_str(&payload).unwrap())).unwrap()).collect()
}

fn kinds(data: &Path) -> Vec<String> {
    events(data).into_iter().map(|(kind, _)| kind).collect()
}

/// Makes what is waited for due by so much earlier, as if that time had passed while the worker was off.
fn later(data: &Path, by: SignedDuration) {
    let file = Connection::open(data.join("api.db")).unwrap();
    let mut rows = file.prepare("SELECT subject, kind, direction, state FROM conditions").unwrap();
    let rows = rows.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get(1)?, row.get(2)?, row.get(3)?))).unwrap();
    let rows: Vec<(i64, String, String, String)> = rows.map(Result::unwrap).collect();
    for (subject, kind, direction, state) in rows {
        let mut state: Value = serde_json::from_str(&state).unwrap();
        earlier(&mut state, by);
        let sql = "UPDATE conditions SET state = ?, due_at = ? WHERE subject = ? AND kind = ? AND direction = ?";
        let due_at = (Timestamp::now() - SignedDuration::from_secs(1)).strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string();
        file.execute(sql, rusqlite::params![state.to_string(), due_at, subject, kind, direction]).unwrap();
    }
}

fn earlier(value: &mut Value, by: SignedDuration) {
    match value {
        Value::String(text) => {
            if let Ok(at) = text.parse::<Timestamp>() {
                *text = at.checked_sub(by).unwrap_or(at).to_string();
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| earlier(value, by)),
        Value::Object(fields) => fields.values_mut().for_each(|value| earlier(value, by)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Until this is so; timers announce themselves by what they leave in the database only.
fn until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = std::time::Instant::now() + DEADLINE;
    while !is_so() {
        assert!(std::time::Instant::now() < deadline, "{what}");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_severe_pressure_is_repeated_before_it_alarms_and_existing_clients_see_nothing_new() {
    let data = tempfile::tempdir().unwrap();
    let api = start(data.path());
    let severe = json!({"vital_type": "blood_pressure", "value_primary": 190, "value_secondary": 100, "unit": "mmHg"});
    let (status, answer) = api.post("/api/vitals", &ago(severe.clone(), SignedDuration::from_mins(2)));
    assert_eq!((status, answer["data"].as_object().map(serde_json::Map::len)), (201, Some(11)));
    assert!(open(&api).is_empty());
    let (_, repeats) = api.get("/api/v1/repeats");
    assert_eq!(
        (&repeats["data"][0]["kind"], &repeats["data"][0]["severity"]),
        (&json!("blood_pressure"), &json!("critical"))
    );
    assert_eq!(api.post("/api/vitals", &severe).0, 201);
    assert_eq!(open(&api), ["blood_pressure high critical open"]);
    assert_eq!(api.get("/api/v1/repeats").1["data"], json!([]));
    let alert = &api.get("/api/v1/alerts").1["data"][0];
    assert_eq!(
        (&alert["value"], &alert["unit"], &alert["cause"]),
        (&json!("190/100"), &json!("mmHg"), &json!("limit"))
    );
    assert_eq!(alert["limit"], "blood_pressure.systolic.high.critical");
    assert!(alert["source"].as_str().unwrap().starts_with("AHA"));
    assert_eq!(kinds(data.path()), ["repeat.asked", "alert.opened"]);
}

#[test]
fn a_symptom_does_not_wait_for_the_repeat() {
    let data = tempfile::tempdir().unwrap();
    let api = start(data.path());
    post(&api, &reading("spo2", 80.0, "%"));
    assert!(open(&api).is_empty());
    let (status, answer) = api.post("/api/v1/symptoms", &json!({"by": "Anna"}));
    assert_eq!((status, &answer["data"]["opened"][0]["cause"]), (200, &json!("symptom")));
    let (_, again) = api.post("/api/v1/symptoms", &json!({}));
    assert_eq!(again["data"]["opened"], json!([]));
    let mut fast = reading("heart_rate", 150.0, "bpm");
    fast["symptom"] = true.into();
    post(&api, &fast);
    assert_eq!(open(&api), ["heart_rate high urgent open", "spo2 low urgent open"]);
}

#[test]
fn a_severe_reading_that_is_not_repeated_in_time_makes_somebody_look_also_after_a_restart() {
    let data = tempfile::tempdir().unwrap();
    let api = start(data.path());
    post(&api, &reading("glucose", 50.0, "mg/dL"));
    api.kill();
    later(data.path(), SignedDuration::from_mins(5));
    let api = start(data.path());
    until("the repeat that did not come", || open(&api) == ["glucose low warn open"]);
    let alert = &api.get("/api/v1/alerts").1["data"][0];
    assert_eq!((&alert["cause"], &alert["limit"]), (&json!("unrepeated"), &json!("glucose.low.critical")));
    // And what is due while it runs is done while it runs.
    post(&api, &reading("spo2", 80.0, "%"));
    later(data.path(), SignedDuration::from_mins(5));
    post(&api, &reading("height", 170.0, "cm"));
    until("the other repeat", || open(&api) == ["glucose low warn open", "spo2 low warn open"]);
}

#[test]
fn the_ladder_is_climbed_by_the_clock_and_an_acknowledgement_ends_it() {
    let data = tempfile::tempdir().unwrap();
    let api = start(data.path());
    let (_, people) =
        put(&api, "/api/v1/people", &json!({"people": [{"name": "Anna"}, {"name": "Ben", "phone": "112"}]}));
    let anna = people["data"][0]["id"].clone();
    let again = json!({"people": [{"name": "Anna"}, {"name": "Ben", "phone": "112"}]});
    assert_eq!(put(&api, "/api/v1/people", &again).1, people, "they are known already");
    let ladder = json!({"steps": [
        {"after": 0, "who": "Anna", "channel": "push"}, {"after": 10, "who": "Ben", "channel": "sms", "until_ack": true},
    ]});
    let (status, answer) = put(&api, "/api/v1/ladder", &ladder);
    assert_eq!((status, &answer["data"]["steps"][0]["who"]), (200, &anna), "{answer}");
    assert_eq!(put(&api, "/api/v1/ladder", &api.get("/api/v1/ladder").1["data"]).1, answer, "it was so already");
    post(&api, &reading("temperature", 38.0, "°C"));
    let id = api.get("/api/v1/alerts").1["data"][0]["id"].as_str().unwrap().to_owned();
    let told = |api: &Running| {
        let (_, answer) = api.get(&format!("/api/v1/alerts/{id}"));
        let attempts = answer["data"]["attempts"].as_array().unwrap().clone();
        let told = |attempt: &Value| {
            format!("{} {}", attempt["person_name"].as_str().unwrap(), attempt["channel"].as_str().unwrap())
        };
        attempts.iter().map(told).collect::<Vec<_>>()
    };
    assert_eq!(told(&api), ["Anna push"]);
    api.kill();
    // A night without power: the steps that were missed follow one by one.
    later(data.path(), SignedDuration::from_hours(9));
    let api = start(data.path());
    until("the next step", || told(&api).len() > 1);
    assert_eq!(told(&api), ["Anna push", "Ben sms"]);
    let (status, answer) = api.post(&format!("/api/v1/alerts/{id}/ack"), &json!({"by": "Ben"}));
    assert_eq!(
        (status, &answer["data"]["status"], &answer["data"]["acknowledged_by"]),
        (200, &json!("acknowledged"), &json!("Ben"))
    );
    assert_eq!(
        api.post(&format!("/api/v1/alerts/{id}/ack"), &json!({"by": "Anna"})).1,
        answer,
        "somebody knew already"
    );
    api.kill();
    later(data.path(), SignedDuration::from_hours(9));
    let api = start(data.path());
    // What is due at the start is done before the first event after it.
    post(&api, &reading("glucose", 60.0, "mg/dL"));
    until("the next alert", || open(&api).len() == 2);
    assert_eq!(told(&api).len(), 2);
    let expected = [
        "people.changed",
        "ladder.changed",
        "alert.opened",
        "alert.escalated",
        "alert.escalated",
        "alert.acknowledged",
        "alert.opened",
        "alert.escalated",
    ];
    assert_eq!(kinds(data.path()), expected);
    let (_, escalated) = &events(data.path())[4];
    assert_eq!(
        (&escalated["attempt"]["person_name"], &escalated["attempt"]["channel"]),
        (&json!("Ben"), &json!("sms"))
    );
    assert_eq!(escalated["attempt"]["outcome"], "announced", "no channel delivers it yet");
    let (status, answer) = put(&api, "/api/v1/people", &json!({"people": [{"name": "Anna", "id": anna}]}));
    assert_eq!((status, &answer["error"]), (409, &json!("Ben is on the ladder: take them off it first")));
}

#[test]
fn snoozing_what_is_high_hides_neither_what_is_low_nor_what_is_worse() {
    let data = tempfile::tempdir().unwrap();
    let api = start(data.path());
    put(&api, "/api/v1/people", &json!([{"name": "Anna"}]));
    put(&api, "/api/v1/ladder", &json!({"steps": [{"after": 0, "who": "Anna", "channel": "push"}]}));
    post(&api, &ago(reading("glucose", 260.0, "mg/dL"), SignedDuration::from_mins(30)));
    post(&api, &ago(reading("glucose", 260.0, "mg/dL"), SignedDuration::from_mins(25)));
    let path = format!("/api/v1/alerts/{}/snooze", api.get("/api/v1/alerts").1["data"][0]["id"].as_str().unwrap());
    let (status, answer) = api.post(&path, &json!({"minutes": 1440, "by": "Anna"}));
    assert_eq!((status, &answer["data"]["snoozed_by"]), (200, &json!("Anna")), "{answer}");
    assert_eq!(api.post(&path, &json!({"minutes": 1441})).0, 400);
    post(&api, &ago(reading("glucose", 60.0, "mg/dL"), SignedDuration::from_mins(20)));
    assert_eq!(open(&api), ["glucose low warn open"]);
    let escalated = |data: &Path| kinds(data).iter().filter(|kind| *kind == "alert.escalated").count();
    assert_eq!(escalated(data.path()), 2, "the low one is told");
    assert_eq!(api.post(&path, &json!({"minutes": 5})).0, 409, "it is over");
    for minutes in [15, 10] {
        post(&api, &ago(reading("glucose", 260.0, "mg/dL"), SignedDuration::from_mins(minutes)));
    }
    assert_eq!(open(&api), ["glucose high warn open"], "the low one is over");
    assert_eq!(escalated(data.path()), 2, "the high one is still snoozed");
    assert!(api.get("/api/v1/alerts").1["data"][0]["snoozed_until"].is_string());
}

#[test]
fn a_reading_that_is_struck_out_takes_its_alert_along() {
    let data = tempfile::tempdir().unwrap();
    let api = start(data.path());
    post(&api, &ago(reading("temperature", 36.8, "°C"), SignedDuration::from_hours(1)));
    let slip = post(&api, &reading("temperature", 38.9, "°C"));
    assert_eq!(open(&api), ["temperature high warn open"]);
    let path = format!("/api/v1/readings/{}/strike-out", slip["id"].as_str().unwrap());
    assert_eq!(api.post(&path, &json!({"reason": "36.9 was meant"})).0, 200);
    assert!(open(&api).is_empty());
    let (_, all) = api.get("/api/v1/alerts?status=all");
    assert_eq!((&all["data"][0]["status"], &all["data"][0]["cleared_because"]), (&json!("cleared"), &json!("over")));
}

#[test]
fn a_note_to_a_severe_reading_does_not_begin_the_wait_for_its_repeat_anew() {
    let data = tempfile::tempdir().unwrap();
    let api = start(data.path());
    let severe = post(&api, &reading("spo2", 80.0, "%"));
    let repeats = api.get("/api/v1/repeats");
    let path = format!("/api/v1/readings/{}", severe["id"].as_str().unwrap());
    assert_eq!(api.request("PATCH", &path, &[], Some(&json!({"notes": "pale"}))).1["data"]["version"], 2);
    assert_eq!(api.get("/api/v1/repeats"), repeats);
    assert_eq!(kinds(data.path()), ["repeat.asked"]);
    assert_eq!(api.request("PATCH", &path, &[], Some(&json!({"value_primary": 98}))).1["data"]["version"], 3);
    assert_eq!(api.get("/api/v1/repeats").1["data"], json!([]));
}

#[test]
fn a_slip_of_the_pen_that_others_were_compared_with_takes_their_alert_along() {
    let data = tempfile::tempdir().unwrap();
    let api = start(data.path());
    let slip = post(&api, &ago(reading("weight", 60.0, "kg"), SignedDuration::from_hours(24)));
    post(&api, &reading("weight", 80.0, "kg"));
    assert_eq!(open(&api), ["weight gain warn open"]);
    let path = format!("/api/v1/readings/{}", slip["id"].as_str().unwrap());
    assert_eq!(api.request("PATCH", &path, &[], Some(&json!({"value_primary": 79.5}))).0, 200);
    assert!(open(&api).is_empty(), "half a kilogram is none");
    assert_eq!(api.request("PATCH", &path, &[], Some(&json!({"value_primary": 77}))).0, 200);
    assert_eq!(open(&api), ["weight gain warn open"]);
    assert_eq!(api.post(&format!("{path}/strike-out"), &json!({})).0, 200);
    assert!(open(&api).is_empty());
}

#[test]
fn whoever_moves_has_quiet_hours_on_the_other_clock_and_old_readings_can_be_struck_out_all_the_same() {
    let data = tempfile::tempdir().unwrap();
    let api = start(data.path());
    put(&api, "/api/v1/people", &json!([{"name": "Anna"}]));
    // The hour that it is in New York, and the next.
    let here = Timestamp::now().in_tz("America/New_York").unwrap();
    let clock = |hours: i8| format!("{:02}:00", (here.hour() + hours).rem_euclid(24));
    let quiet = json!({"from": clock(0), "until": clock(2), "mutes": "warn"});
    let step = json!({"after": 0, "who": "Anna", "channel": "push"});
    assert_eq!(put(&api, "/api/v1/ladder", &json!({"steps": [step], "quiet": quiet})).0, 200);
    let slip = post(&api, &ago(reading("temperature", 38.0, "°C"), SignedDuration::from_hours(1)));
    let told = || kinds(data.path()).iter().filter(|kind| *kind == "alert.escalated").count();
    assert_eq!((open(&api).len(), told()), (1, 0), "it is quiet");
    assert_eq!(api.request("PATCH", "/api/v1/residents/1", &[], Some(&json!({"zone": "Asia/Tokyo"}))).0, 200);
    assert_eq!(told(), 1, "it is not quiet there");
    // As of a machine whose zones were other ones.
    let file = Connection::open(data.path().join("api.db")).unwrap();
    file.execute("UPDATE readings SET zone = 'Nowhere/At_All'", []).unwrap();
    let path = format!("/api/v1/readings/{}/strike-out", slip["id"].as_str().unwrap());
    let (status, answer) = api.post(&path, &json!({}));
    assert_eq!(status, 200, "{answer}");
    assert!(open(&api).is_empty());
}

#[test]
fn weight_is_compared_with_the_days_before_and_fever_with_what_is_usual() {
    let data = tempfile::tempdir().unwrap();
    let api = start(data.path());
    for (days, kg) in [(3, 80.0), (2, 80.5), (1, 81.0)] {
        post(&api, &ago(reading("weight", kg, "kg"), SignedDuration::from_hours(24 * days)));
    }
    post(&api, &reading("weight", 82.1, "kg"));
    assert_eq!(open(&api), ["weight gain warn open"]);
    for days in 1..=8 {
        post(&api, &ago(reading("temperature", 36.0, "°C"), SignedDuration::from_hours(24 * days)));
    }
    let (_, usual) = api.get("/api/v1/baseline/temperature");
    assert_eq!((&usual["data"]["baseline"]["median"], &usual["data"]["baseline"]["days"]), (&json!(36.0), &json!(8)));
    post(&api, &reading("temperature", 37.2, "°C"));
    assert_eq!(open(&api), ["temperature high warn open", "weight gain warn open"]);
    assert_eq!(api.get("/api/v1/alerts").1["data"][0]["limit"], "temperature.high.warn.above_baseline");
    let (_, few) = api.get("/api/v1/baseline/weight");
    assert_eq!((&few["data"]["baseline"], &few["data"]["least_days"]), (&Value::Null, &json!(7)));
}

#[test]
fn limits_are_chosen_changed_with_their_source_and_refused_when_they_cannot_be() {
    let data = tempfile::tempdir().unwrap();
    let api = start(data.path());
    let (_, usual) = api.get("/api/v1/limits");
    let limits = usual["data"]["limits"].as_array().unwrap();
    assert!(limits.iter().all(|limit| !limit["source"].as_str().unwrap().is_empty()));
    assert_eq!((&usual["data"]["version"], &usual["data"]["choices"]["spo2_scale"]), (&json!(0), &json!(1)));
    assert_eq!(
        put(&api, "/api/v1/limits", &usual["data"]).1["data"],
        usual["data"],
        "what is sent back changes nothing"
    );
    let text = json!({
        "choices": {"blood_pressure": "eu", "spo2_scale": 2},
        "limits": [{"kind": "heart_rate", "direction": "high", "severity": "warn", "rule": "beyond", "value": 100,
                    "source": "Dr Lee, 2031-01-10"}],
        "expected": [],
    });
    let (status, changed) = put(&api, "/api/v1/limits", &text);
    assert_eq!((status, &changed["data"]["version"]), (200, &json!(1)), "{changed}");
    post(&api, &reading("heart_rate", 101.0, "bpm"));
    post(&api, &reading("spo2", 89.0, "%"));
    assert_eq!(open(&api), ["heart_rate high warn open"], "89 % is what a resident of scale 2 should have");
    assert_eq!(put(&api, "/api/v1/limits", &json!({"choices": {"blood_pressure": "eu"}})).0, 200);
    assert_eq!(open(&api), ["heart_rate high warn open"], "there is still a limit: the next reading decides");
    for (wrong, said) in [
        (
            json!({"limits": [{"kind": "spo2", "direction": "low", "severity": "warn", "rule": "beyond", "value": 101, "source": "x"}]}),
            "spo2.low.warn: 101 cannot be: it is at least 10 and at most 100 %",
        ),
        (
            json!({"limits": [{"kind": "spo2", "direction": "low", "severity": "warn", "rule": "beyond", "value": 90}]}),
            "The limits are not valid: missing field `source`",
        ),
        (json!({"choices": {"spo2_scale": 3}}), "The limits are not valid: there is no SpO2 scale 3: it is 1 or 2"),
    ] {
        let (status, answer) = put(&api, "/api/v1/limits", &wrong);
        assert_eq!((status, answer["error"].as_str().unwrap()), (400, said));
    }
    let (_, before) = api.get("/api/v1/limits");
    for lost in [None, Some(json!([])), Some(json!("")), Some(Value::Null)] {
        for path in ["/api/v1/limits", "/api/v1/ladder"] {
            assert_eq!(api.request("PUT", path, &[], lost.as_ref()).0, 400, "{path} {lost:?}");
        }
    }
    let slip = json!({"limits": [{"kind": "spo2", "direction": "low", "severity": "warn", "rule": "beyond", "value": 90,
                                  "readngs": 2, "source": "x"}]});
    let (status, answer) = put(&api, "/api/v1/limits", &slip);
    assert!(status == 400 && answer["error"].as_str().unwrap().contains("unknown field `readngs`"), "{answer}");
    assert_eq!(put(&api, "/api/v1/limits", &json!({"choices": {"scale": 2}})).0, 400);
    assert_eq!(api.get("/api/v1/limits").1, before, "a body that was lost takes nothing away");
    // Read, chosen otherwise, and sent back.
    let mut whole = before["data"].clone();
    whole["choices"]["spo2_scale"] = 2.into();
    let (_, changed) = put(&api, "/api/v1/limits", &whole);
    let of = |name: &str| {
        let limits = changed["data"]["limits"].as_array().unwrap();
        limits.iter().find(|limit| limit["name"] == name).map(|limit| limit["value"].clone())
    };
    assert_eq!((of("spo2.low.warn"), of("spo2.high.warn.on_oxygen")), (Some(json!(88.0)), Some(json!(92.0))));
    let stale = api.request("PUT", "/api/v1/limits", &[("If-Match", "\"1\"")], Some(&json!({})));
    assert_eq!(stale.0, 412, "{}", stale.1);
    assert_eq!(api.get("/api/v1/limits?resident=9").0, 404);
}

#[test]
fn nothing_measured_for_too_long_is_an_alert_of_its_own_that_ends_with_a_reading() {
    let data = tempfile::tempdir().unwrap();
    let api = start(data.path());
    post(&api, &reading("weight", 80.0, "kg"));
    post(&api, &reading("glucose", 100.0, "mg/dL"));
    api.kill();
    later(data.path(), SignedDuration::from_hours(72));
    let api = start(data.path());
    post(&api, &reading("glucose", 100.0, "mg/dL"));
    assert!(open(&api).is_empty(), "the hub was off: readings have an hour to arrive");
    let shorter = json!({"expected": [{"kind": "spo2", "within_hours": 1, "severity": "warn"}]});
    assert_eq!(put(&api, "/api/v1/limits", &shorter).0, 200);
    post(&api, &ago(reading("spo2", 97.0, "%"), SignedDuration::from_mins(61)));
    assert_eq!(open(&api), ["spo2 no_data warn open"]);
    post(&api, &reading("spo2", 97.0, "%"));
    assert!(open(&api).is_empty());
    let newest = post(&api, &reading("spo2", 98.0, "%"));
    let strike_out = |id: &Value| {
        let path = format!("/api/v1/readings/{}/strike-out", id.as_i64().unwrap());
        assert_eq!(api.post(&path, &json!({})).0, 200);
    };
    strike_out(&newest["compat_id"]);
    strike_out(&json!(newest["compat_id"].as_i64().unwrap() - 1));
    assert_eq!(open(&api), ["spo2 no_data warn open"], "what is struck out was not measured");
}

#[test]
fn news2_is_shown_with_what_is_missing_and_raises_nothing() {
    let data = tempfile::tempdir().unwrap();
    let api = start(data.path());
    for (kind, value, unit) in [
        ("respiratory_rate", 22.0, "/min"),
        ("spo2", 95.0, "%"),
        ("oxygen_supplement", 0.0, "L/min"),
        ("heart_rate", 95.0, "bpm"),
        ("consciousness", 0.0, "{ACVPU}"),
        ("temperature", 37.0, "°C"),
    ] {
        post(&api, &reading(kind, value, unit));
    }
    let (_, score) = api.get("/api/v1/news2");
    let data_of = &score["data"];
    assert_eq!((&data_of["total"], &data_of["incomplete"]), (&Value::Null, &json!(true)));
    assert_eq!((&data_of["missing"], &data_of["age_limit_hours"]), (&json!(["blood_pressure"]), &json!(12)));
    post(&api, &json!({"vital_type": "blood_pressure", "value_primary": 118, "unit": "mmHg"}));
    let (_, score) = api.get("/api/v1/news2");
    assert_eq!((&score["data"]["total"], &score["data"]["risk"]), (&json!(4), &json!("low")));
    assert!(open(&api).is_empty());
}

#[test]
fn a_state_that_is_lost_loses_no_reading_and_leaves_no_alert_that_nobody_can_answer() {
    let data = tempfile::tempdir().unwrap();
    let api = start(data.path());
    let lose = || {
        let file = Connection::open(data.path().join("api.db")).unwrap();
        file.execute("UPDATE conditions SET state = '{\"open\": 7}'", []).unwrap();
    };
    post(&api, &reading("temperature", 38.0, "°C"));
    lose();
    post(&api, &reading("temperature", 38.0, "°C"));
    assert_eq!(open(&api), ["temperature high warn open"]);
    lose();
    let id = api.get("/api/v1/alerts").1["data"][0]["compat_id"].clone();
    assert_eq!(api.post(&format!("/api/v1/alerts/{id}/ack"), &json!({})).1["data"]["status"], "cleared");
    assert!(open(&api).is_empty());
}

#[test]
fn each_resident_has_limits_and_alerts_of_their_own() {
    let data = tempfile::tempdir().unwrap();
    let api = start(data.path());
    assert_eq!(api.post("/api/v1/residents", &json!({"name": "Ada", "zone": "Asia/Kolkata"})).0, 201);
    assert_eq!(put(&api, "/api/v1/limits?resident=2", &json!({"choices": {"spo2_scale": 2}})).0, 200);
    assert_eq!(api.get("/api/v1/limits").1["data"]["choices"]["spo2_scale"], 1);
    assert_eq!(api.post("/api/v1/readings?resident=2", &reading("temperature", 38.0, "°C")).0, 201);
    assert!(open(&api).is_empty());
    assert_eq!(api.get("/api/v1/alerts?resident=2").1["data"][0]["subject"], 2);
    assert_eq!(api.get("/api/v1/alerts/7").0, 404);
}
