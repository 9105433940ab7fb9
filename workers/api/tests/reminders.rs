//! Doses are announced once, at their time, and not those that nobody is to take.

#[path = "medication/noon.rs"]
mod noon;
#[path = "../../../tests/recordings/sockets.rs"]
mod sockets;
#[path = "../../../tests/recordings/worker.rs"]
mod worker;

use std::path::Path;

use futures_util::StreamExt;
use jiff::{SignedDuration, Timestamp};
use rusqlite::Connection;
use serde_json::{Value, json};
use sockets::Client;
use tokio_tungstenite::tungstenite::Message;
use worker::{Running, ZONE, replay};

const API: &str = env!("CARGO_BIN_EXE_betti-api");

fn start(data: &tempfile::TempDir) -> Running {
    Running::start(API, data.path(), &[("TZ", noon::zone_name())])
}

async fn listen(api: &Running) -> Client {
    let mut client = sockets::connect(api, "/ws").await;
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

/// The frames of reminders that the original sent, by type.
fn recorded() -> Vec<Value> {
    let lines = include_str!("../../../tests/recordings/ws.jsonl").lines();
    let mut scenes = lines.map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let scene = scenes.find(|scene| scene["id"] == "ws-10").expect("the scene of reminders");
    let frames = scene["steps"].as_array().expect("steps").iter().map(|step| step["recv"].clone());
    frames.filter(|frame| frame["type"].as_str().is_some_and(|kind| kind.starts_with("medication-"))).collect()
}

/// Fails unless a frame has the recorded fields, each with what was recorded. What depends on the moment is `known`, an
/// integer, or a time.
fn assert_as_recorded(frame: &Value, known: &[(&str, Value)]) {
    let recorded = recorded().into_iter().find(|recorded| recorded["type"] == frame["type"]).expect("a recorded type");
    let names = |value: &Value| value.as_object().expect("an object").keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(frame), names(&recorded), "{frame}");
    for (name, recorded) in recorded.as_object().expect("an object") {
        let (value, known) = (&frame[name], known.iter().find(|(known, _)| known == name));
        match (recorded.as_str(), known) {
            (_, Some((_, known))) => assert_eq!(value, known, "{name} of {frame}"),
            (Some("<int>"), None) => assert!(value.as_i64().is_some_and(|number| number > 0), "{name} of {frame}"),
            (Some("<iso8601>"), None) => {
                let text = value.as_str().unwrap_or_default();
                let is_time = text.len() == "2031-01-31T12:00:00.000Z".len() && text.parse::<Timestamp>().is_ok();
                assert!(is_time && text.ends_with('Z'), "{name} of {frame}");
            }
            (Some(text), None) if text.starts_with(['<', '{']) => panic!("{name} ({text}) has to be known"),
            _ => assert_eq!(value, recorded, "{name} of {frame}"),
        }
    }
}

#[tokio::test]
async fn each_frame_is_whole_as_it_was_recorded() {
    let data = tempfile::tempdir().unwrap();
    let api = start(&data);
    let mut client = listen(&api).await;
    // On the same medicines as in the scene, without its waiting: a minute that began is due.
    for (name, minutes) in [("Overdue", 40), ("Soon", -4), ("Right now", 0)] {
        let time = noon::minutes_ago(minutes);
        let body = json!({"name": name, "schedules": [{"time": time}], "dosage": "10mg", "instructions": "with food"});
        let (status, answer) = api.post("/api/medications", &body);
        assert_eq!(status, 201, "{answer}");
        let mut known = vec![
            ("medicationId", answer["data"]["id"].clone()),
            ("scheduleId", answer["data"]["schedules"][0]["id"].clone()),
            ("scheduledTime", json!(time)),
        ];
        let frame = next(&mut client).await;
        match name {
            "Overdue" => {
                let shown = time.parse::<jiff::civil::Time>().unwrap().strftime("%-I:%M %p").to_string();
                known.push(("message", json!(format!("Overdue was scheduled for {shown} and has not been taken"))));
                assert_eq!((&frame["type"], &frame["severity"]), (&json!("medication-late"), &json!("warning")));
            }
            "Soon" => {
                let minutes = frame["minutesUntil"].as_i64().unwrap();
                assert!([3, 4].contains(&minutes), "{frame}");
                known.push(("message", json!(format!("Soon is due in {minutes} minutes"))));
            }
            _ => {}
        }
        assert_as_recorded(&frame, &known);
    }
    let kinds = ["medication-late", "medication-reminder", "medication-due"];
    assert_eq!(
        recorded().iter().map(|frame| frame["type"].as_str().unwrap()).collect::<Vec<_>>(),
        kinds,
        "no more kinds"
    );
}

/// A critical medicine with doses at these times, asked for since long ago while nobody looked; its id.
fn critical(data: &Path, name: &str, times: &[&str]) -> i64 {
    let off = [("MEDICATION_REMINDERS_ENABLED", "false"), ("TZ", noon::zone_name())];
    let api = Running::start(API, data, &off);
    let id = add(&api, &json!({"name": name, "dosage": "5mg"})).as_i64().expect("an id");
    let slot = |(number, time): (u32, &&str)| json!({"number": number, "time": format!("{time}:00"), "amount": 1.0});
    let slots: Vec<_> = (0..).zip(times).map(slot).collect();
    let schedule = json!({"kind": "clock", "days": {"kind": "weekdays", "weekdays": 127}, "slots": slots});
    let plan = json!({"policy": {"critical": true}, "phases": [{"rules": [{"id": name, "schedule": schedule}]}]});
    let (status, answer) = api.request("PUT", &format!("/api/v1/medications/{id}/plan"), &[], Some(&plan));
    assert_eq!(status, 200, "{answer}");
    api.kill();
    let sql = "UPDATE medication_plans SET plan = json_set(plan, '$.phases[0].rules[0].followed_from', ?)";
    let long_ago = (Timestamp::now() - SignedDuration::from_hours(24 * 30)).to_string();
    let connection = Connection::open(data.join("api.db")).expect("a database");
    connection.execute(sql, [long_ago]).expect("a plan");
    id
}

/// The alerts that are open, by occurrence: `occurrence severity status value`.
fn alerts(api: &Running) -> Vec<String> {
    let (_, answer) = api.get("/api/v1/alerts");
    let words = |alert: &Value| {
        assert_eq!((&alert["kind"], &alert["direction"]), (&json!("dose"), &json!("late")), "{alert}");
        ["occurrence", "severity", "status", "value"].map(|name| alert[name].as_str().expect("text")).join(" ")
    };
    let mut alerts: Vec<_> = answer["data"].as_array().expect("a list").iter().map(words).collect();
    alerts.sort();
    alerts
}

/// Until these alerts are open. They follow in a transaction of their own, of which nothing tells existing clients.
fn until_open(api: &Running, expected: &[String]) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while alerts(api) != expected {
        assert!(std::time::Instant::now() < deadline, "{:?}, not {expected:?}", alerts(api));
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

#[test]
fn a_critical_dose_that_nobody_took_is_an_alert_until_it_is_taken_or_nobody_asks_for_it() {
    let data = tempfile::tempdir().unwrap();
    let (late_at, missed_at) = (noon::minutes_ago(40), noon::minutes_ago(250));
    let late = critical(data.path(), "Late", &[&late_at, &missed_at]);
    critical(data.path(), "Missed", &[&missed_at]);
    let api = start(&data);
    let today = noon::zone().to_datetime(Timestamp::now()).date();
    // After a pause, only the newest of each medicine, and nothing of the days before.
    let words = |rule: &str, severity: &str, time: &str| {
        format!("{rule}/{today}/0 {severity} open {rule} 5mg, due {today} {time}")
    };
    let both = [words("Late", "urgent", &late_at), words("Missed", "critical", &missed_at)];
    until_open(&api, &both);
    // A restart raises nothing again.
    api.kill();
    let api = start(&data);
    add(&api, &json!({"name": "Other", "schedules": [{"time": noon::minutes_ago(10)}]}));
    until_open(&api, &both);
    let (_, open) = api.get("/api/v1/alerts");
    let open = open["data"].as_array().unwrap();
    let id = open.iter().find(|alert| alert["severity"] == "critical").unwrap()["id"].as_str().unwrap();
    let (status, known) = api.post(&format!("/api/v1/alerts/{id}/ack"), &json!({"by": "Eva"}));
    assert_eq!((status, &known["data"]["status"]), (200, &json!("acknowledged")), "{known}");
    let say = |body: &Value| api.request("PUT", &format!("/api/v1/doses/Missed/{today}/0"), &[], Some(body));
    assert_eq!(say(&json!({"action": "take", "by": "Eva", "id": "t"})).0, 200);
    assert_eq!(alerts(&api), both[..1], "at once");
    // Whoever takes it back says that it was not taken: there is nobody else who would say so.
    assert_eq!(say(&json!({"action": "undo", "id": "u"})).0, 200);
    assert_eq!(alerts(&api), both);
    assert_eq!(say(&json!({"action": "skip", "by": "Eva"})).0, 200);
    assert_eq!(alerts(&api), both[..1]);
    // Limits decide nothing about doses.
    assert_eq!(api.request("PUT", "/api/v1/limits", &[], Some(&json!({}))).0, 200);
    assert_eq!(alerts(&api), both[..1]);
    assert_eq!(api.request("DELETE", &format!("/api/medications/{late}"), &[], None).0, 200);
    until_open(&api, &[]);
    let (_, all) = api.get("/api/v1/alerts?status=all");
    let because: Vec<_> = all["data"].as_array().unwrap().iter().map(|alert| &alert["cleared_because"]).collect();
    assert_eq!(because, ["over", "over", "limits_changed"]);
    drop(api);
    let connection = Connection::open(data.path().join("api.db")).unwrap();
    let left: i64 = connection.query_row("SELECT count(*) FROM conditions", [], |row| row.get(0)).unwrap();
    assert_eq!(left, 0, "what is over leaves nothing to wait for");
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
    assert_eq!(replay("ws.jsonl", &api, "ws-10"), 1);
}
