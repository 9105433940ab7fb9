//! Doses are announced once, at their time, and not those that nobody is to take.

#[path = "medication/noon.rs"]
mod noon;
#[path = "../../../tests/recordings/worker.rs"]
mod worker;

use std::path::Path;

use futures_util::StreamExt;
use jiff::{SignedDuration, Timestamp};
use rusqlite::Connection;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Message};
use worker::{Running, ZONE, replay};

type Client = WebSocketStream<MaybeTlsStream<TcpStream>>;

const API: &str = env!("CARGO_BIN_EXE_betti-api");

fn start(data: &tempfile::TempDir) -> Running {
    Running::start(API, data.path(), &[("TZ", noon::zone_name())])
}

async fn listen(api: &Running) -> Client {
    let (mut client, _) = connect_async(format!("ws://{}/ws", api.address)).await.expect("a WebSocket");
    assert_eq!(next(&mut client).await["type"], "connection");
    client
}

/// The next frame with something in it.
async fn next(client: &mut Client) -> Value {
    loop {
        match client.next().await.expect("a frame").expect("a whole frame") {
            Message::Text(text) => return serde_json::from_str(&text).expect("JSON"),
            Message::Ping(_) | Message::Pong(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

/// Adds a medicine; its id.
fn add(api: &Running, body: &Value) -> Value {
    let (status, answer) = api.post("/api/medications", body);
    assert_eq!(status, 201, "{answer}");
    answer["data"]["id"].clone()
}

fn told(data: &Path, kind: &str) -> i64 {
    let connection = Connection::open(data.join("api.db")).expect("a database");
    let sql = "SELECT count(*) FROM outbox WHERE kind = ?";
    connection.query_row(sql, [kind], |row| row.get(0)).expect("a count")
}

#[tokio::test]
async fn a_dose_is_announced_when_its_time_comes() {
    let data = tempfile::tempdir().unwrap();
    let api = start(&data);
    let mut client = listen(&api).await;
    let id = add(&api, &json!({"name": "Soon", "dosage": "10mg", "instructions": "with food"}));
    let first = Timestamp::now() + SignedDuration::from_secs(3);
    let schedule = json!({"kind": "elapsed", "every_hours": 24, "first": first, "anchor": "fixed", "amount": 1.0});
    let plan = json!({"phases": [{"rules": [{"id": "soon", "schedule": schedule}]}]});
    let (status, answer) = api.request("PUT", &format!("/api/v1/medications/{id}/plan"), &[], Some(&plan));
    assert_eq!(status, 200, "{answer}");
    let reminder = next(&mut client).await;
    let expected = json!({
        "type": "medication-reminder", "alertId": reminder["alertId"], "medicationId": id, "medicationName": "Soon",
        "dosage": "10mg", "instructions": "with food", "scheduledTime": reminder["scheduledTime"], "scheduleId": null,
        "minutesUntil": 1, "severity": "info", "message": "Soon is due in 1 minute", "timestamp": reminder["timestamp"],
    });
    assert_eq!(reminder, expected);
    let due = next(&mut client).await;
    assert!(Timestamp::now() >= first, "before its time");
    assert_eq!((&due["type"], &due["message"]), (&json!("medication-due"), &json!("Take 10mg of Soon now")));
    assert!(due.get("minutesUntil").is_none() && due["alertId"].as_i64() > reminder["alertId"].as_i64());
}

#[tokio::test]
async fn a_dose_that_was_put_off_comes_again_then_and_not_before() {
    let data = tempfile::tempdir().unwrap();
    let api = start(&data);
    let mut client = listen(&api).await;
    add(&api, &json!({"name": "Put off", "schedules": [{"time": noon::minutes_ago(10)}]}));
    let due = next(&mut client).await;
    let date = noon::zone().to_datetime(Timestamp::now()).date();
    let path = format!("/api/v1/doses/schedule-{}/{date}/0", due["scheduleId"]);
    let until = Timestamp::now() + SignedDuration::from_secs(3);
    let (status, answer) = api.request("PUT", &path, &[], Some(&json!({"action": "snooze", "until": until})));
    assert_eq!((status, &answer["data"]["state"]), (200, &json!("snoozed")), "{answer}");
    let again = next(&mut client).await;
    assert!(Timestamp::now() >= until, "before its time");
    assert_eq!((&again["type"], &again["medicationName"]), (&json!("medication-due"), &json!("Put off")));
    assert!(again["alertId"].as_i64() > due["alertId"].as_i64());
}

#[tokio::test]
async fn only_what_is_to_be_taken_today_is_announced_and_a_minute_that_was_missed_too() {
    let data = tempfile::tempdir().unwrap();
    let api = start(&data);
    let mut client = listen(&api).await;
    let (late, due) = (noon::minutes_ago(40), noon::minutes_ago(10));
    let today = noon::zone().to_datetime(Timestamp::now()).date();
    let (yesterday, tomorrow) = (today.yesterday().unwrap(), today.tomorrow().unwrap());
    let other_day = tomorrow.strftime("%a").to_string().to_ascii_lowercase();
    let row = json!({"time": late});
    let id = add(&api, &json!({"name": "Another day"}));
    let body = json!({"schedules": [{"time": late, "doses": {other_day: 1}}]});
    assert_eq!(api.request("PUT", &format!("/api/medications/{id}/schedule"), &[], Some(&body)).0, 200);
    let interval = json!({"time": late, "frequency_type": "interval", "interval_days": 2, "interval_start": yesterday});
    add(&api, &json!({"name": "Every other day", "schedules": [interval]}));
    add(&api, &json!({"name": "Ended", "end_date": yesterday, "schedules": [row]}));
    add(&api, &json!({"name": "Not yet", "start_date": tomorrow, "schedules": [row]}));
    add(&api, &json!({"name": "As needed", "is_prn": true, "schedules": [row]}));
    let id = add(&api, &json!({"name": "Overdue", "schedules": [row]}));
    let told = next(&mut client).await;
    assert_eq!((&told["type"], &told["medicationName"]), (&json!("medication-late"), &json!("Overdue")));
    assert!(told.get("instructions").is_none() && told.get("minutesUntil").is_none(), "{told}");
    let (_, history) = api.get(&format!("/api/medications/{id}/history"));
    assert_eq!((&history["data"][0]["status"], &history["data"][0]["taken_at"]), (&json!("late"), &Value::Null));
    add(&api, &json!({"name": "Missed minute", "schedules": [{"time": due}]}));
    let told = next(&mut client).await;
    assert_eq!((&told["type"], &told["message"]), (&json!("medication-due"), &json!("Take Missed minute now")));
}

#[tokio::test]
async fn a_restart_repeats_nothing() {
    let data = tempfile::tempdir().unwrap();
    let api = start(&data);
    let mut client = listen(&api).await;
    add(&api, &json!({"name": "First", "schedules": [{"time": noon::minutes_ago(10)}]}));
    assert_eq!(next(&mut client).await["medicationName"], "First");
    api.kill();
    for name in ["Second", "Third"] {
        let api = start(&data);
        let mut client = listen(&api).await;
        add(&api, &json!({"name": name, "schedules": [{"time": noon::minutes_ago(10)}]}));
        assert_eq!(next(&mut client).await["medicationName"], name);
        api.kill();
    }
    assert_eq!(told(data.path(), "dose.due"), 3);
}

#[tokio::test]
async fn two_processes_of_a_reload_announce_a_dose_once_between_them() {
    let data = tempfile::tempdir().unwrap();
    let (old, new) = (start(&data), start(&data));
    let (mut of_old, mut of_new) = (listen(&old).await, listen(&new).await);
    for (through, name) in [(&old, "Through the old"), (&new, "Through the new")] {
        add(through, &json!({"name": name, "schedules": [{"time": noon::minutes_ago(10)}]}));
        assert_eq!(next(&mut of_old).await["medicationName"], name);
        assert_eq!(next(&mut of_new).await["medicationName"], name);
    }
    drop((old, new));
    assert_eq!(told(data.path(), "dose.due"), 2);
}

#[tokio::test]
async fn a_morning_without_power_is_one_summary() {
    let data = tempfile::tempdir().unwrap();
    let off = [("MEDICATION_REMINDERS_ENABLED", "false"), ("TZ", noon::zone_name())];
    let api = Running::start(API, data.path(), &off);
    for name in ["One", "Two", "Three"] {
        add(&api, &json!({"name": name, "schedules": [{"time": noon::minutes_ago(50)}]}));
    }
    api.kill();
    assert_eq!((told(data.path(), "dose.late"), told(data.path(), "doses.missed")), (0, 0), "they were switched off");
    for name in ["After", "Again"] {
        let api = start(&data);
        let mut client = listen(&api).await;
        add(&api, &json!({"name": name, "schedules": [{"time": noon::minutes_ago(10)}]}));
        let heard = next(&mut client).await;
        assert_eq!((&heard["type"], &heard["medicationName"]), (&json!("medication-due"), &json!(name)));
        let (_, today) = api.get("/api/medications/today");
        let late =
            today["data"]["scheduled"].as_array().unwrap().iter().filter(|dose| dose["status"] == "late").count();
        assert_eq!(late, 3);
        api.kill();
    }
    assert_eq!((told(data.path(), "dose.late"), told(data.path(), "doses.missed")), (0, 1));
}

#[test]
fn reminders_are_as_recorded() {
    // It waits for whole minutes, and the day must have some hours before and some minutes after it.
    let local = jiff::tz::TimeZone::get(ZONE).unwrap().to_datetime(Timestamp::now());
    let in_time = local.time() > jiff::civil::time(0, 45, 0, 0) && local.time() < jiff::civil::time(23, 45, 0, 0);
    if std::env::var_os("BETTI_LOOPS").is_none() || !in_time {
        return;
    }
    let data = tempfile::tempdir().unwrap();
    let api = Running::start(API, data.path(), &[]);
    assert_eq!(replay("ws.jsonl", &api.url(), "ws-10"), 1);
}
