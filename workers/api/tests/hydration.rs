//! Drinks: of the resident's day, within a maximum, on pace, and struck out instead of deleted.

#[path = "../../../tests/recordings/worker.rs"]
mod worker;

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    path::Path,
    time::Duration,
};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use rusqlite::Connection;
use serde_json::{Value, json};
use worker::Running;

fn start(data: &Path) -> Running {
    Running::start(env!("CARGO_BIN_EXE_betti-api"), data, &[])
}

fn count(data: &Path, sql: &str) -> i64 {
    let file = Connection::open(data.join("api.db")).expect("the database");
    file.query_row(sql, [], |row| row.get(0)).expect("a number")
}

fn drink(api: &Running, ounces: f64, at: Timestamp) -> i64 {
    let (status, answer) = api.post("/api/hydration/log", &json!({"amount_oz": ounces, "recorded_at": at.to_string()}));
    assert_eq!(status, 201, "{answer}");
    answer["data"]["id"].as_i64().expect("a number")
}

/// Midnight of the resident's day.
fn midnight() -> Timestamp {
    let zone = TimeZone::get(worker::ZONE).expect("a zone");
    zone.to_zoned_datetime(zone.to_datetime(Timestamp::now()).date().into()).expect("a midnight").timestamp()
}

#[test]
fn today_is_the_residents_day() {
    let data = tempfile::tempdir().unwrap();
    let api = start(data.path());
    drink(&api, 8.0, midnight() - SignedDuration::from_secs(1));
    drink(&api, 16.0, midnight());
    let (_, today) = api.get("/api/hydration/today");
    assert_eq!((&today["data"]["consumed"], today["data"]["drinks"].as_array().unwrap().len()), (&json!(16), 1));
    let (_, history) = api.get("/api/hydration/history?days=2");
    let days = history["data"].as_array().unwrap().iter().map(|day| day["total_oz"].clone()).collect::<Vec<_>>();
    assert_eq!(days, [16, 8]);
    for days in ["0", "many", "-3", "99999999999"] {
        let (status, history) = api.get(&format!("/api/hydration/history?days={days}"));
        assert_eq!((status, &history["count"]), (200, &json!(2)), "{days} days are the usual ones");
    }
}

#[test]
fn nobody_else_is_believed_in_the_query() {
    let data = tempfile::tempdir().unwrap();
    let api = start(data.path());
    drink(&api, 8.0, Timestamp::now());
    let (_, today) = api.get("/api/hydration/today?userId=2");
    assert_eq!((&today["data"]["consumed"], &today["data"]["drinks"]), (&json!(0), &json!([])));
    assert_eq!(api.get("/api/hydration/history?userId=2").1["count"], 0);
    let (status, answer) = api.request("PUT", "/api/hydration/goal?userId=2", &[], Some(&json!({"daily_goal_oz": 50})));
    assert_eq!(status, 404, "neither 500, nor said to be kept while it is not: {answer}");
    assert!(answer["error"].as_str().unwrap().contains("/api/v1/goals/hydration?resident="), "{answer}");
    assert_eq!(api.get("/api/hydration/goal").1["data"]["daily_goal_oz"], 64);
}

#[test]
fn what_is_no_amount_is_the_clients_mistake() {
    let data = tempfile::tempdir().unwrap();
    let api = start(data.path());
    for body in [
        json!({"amount_oz": "abc"}),
        json!({"amount_oz": {}}),
        json!({"amount_oz": 1e9}),
        json!({"amount_oz": 8, "recorded_at": "noon"}),
        json!({"amount_oz": 8, "beverage_type": ["tea"]}),
        json!([8]),
    ] {
        assert_eq!(api.post("/api/hydration/log", &body).0, 400, "{body}");
    }
    let (status, answer) = api.post("/api/v1/drinks", &json!({"amount": 1e-7, "unit": "L"}));
    let text = "amount cannot be 0.0000001: it is at least 0.01 and at most 5";
    assert_eq!((status, answer["error"].as_str()), (400, Some(text)));
    let put = |body: Value| api.request("PUT", "/api/hydration/goal", &[], Some(&body));
    assert_eq!(put(json!({"daily_goal_oz": "lots"})).0, 400);
    let (status, answer) = put(json!({"daily_goal_oz": 5_000}));
    let text = "daily_goal_oz cannot be 5000: it is at least 0.01 and at most 338.1";
    assert_eq!((status, answer["error"].as_str()), (400, Some(text)));
    assert_eq!(count(data.path(), "SELECT count(*) FROM drinks"), 0);
}

#[test]
fn a_drink_is_taken_once_and_struck_out_instead_of_deleted() {
    let data = tempfile::tempdir().unwrap();
    let api = start(data.path());
    let glass = json!({"amount_oz": 8, "beverage_type": "tea"});
    let send = || api.request("POST", "/api/hydration/log", &[("Idempotency-Key", "glass-1")], Some(&glass));
    let first = send();
    assert_eq!(send(), first);
    let other = json!({"amount_oz": 9});
    assert_eq!(api.request("POST", "/api/hydration/log", &[("Idempotency-Key", "glass-1")], Some(&other)).0, 422);
    let id = first.1["data"]["id"].as_i64().unwrap();
    let strike = |id: &str| api.request("DELETE", &format!("/api/hydration/{id}"), &[], None).0;
    assert_eq!((strike(&id.to_string()), strike(&id.to_string()), strike("abc")), (200, 404, 404));
    assert_eq!(api.get("/api/hydration/today").1["data"]["consumed"], 0);
    api.kill();
    assert_eq!(count(data.path(), "SELECT count(*) FROM drinks WHERE status = 'entered-in-error'"), 1);
    assert_eq!(count(data.path(), "SELECT count(*) FROM history WHERE table_name = 'drinks'"), 1);
    assert_eq!(count(data.path(), "SELECT count(*) FROM outbox WHERE kind = 'drink.recorded'"), 1);
    assert_eq!(count(data.path(), "SELECT count(*) FROM outbox WHERE kind = 'drink.struck'"), 1);
}

#[test]
fn a_day_shows_total_target_maximum_and_pace_and_a_maximum_refuses_nothing() {
    let data = tempfile::tempdir().unwrap();
    let api = start(data.path());
    let put = |body: Value| api.request("PUT", "/api/v1/goals/hydration", &[], Some(&body));
    let (status, goal) = put(json!({"sex": "female", "maximum": 1.5, "maximum_unit": "L", "wakes_at": "06:30"}));
    assert_eq!((status, &goal["data"]["target_ml"], &goal["data"]["wakes_at"]), (200, &json!(1500), &json!("06:30")));
    let at = "2030-06-02T18:00:00Z";
    let body = json!({"amount": 0.9, "unit": "L", "beverage": "broth", "drunk_at": at});
    let (status, answer) = api.post("/api/v1/drinks", &body);
    assert_eq!((status, &answer["data"]["warning"], &answer["data"]["amount_ml"]), (201, &Value::Null, &json!(900)));
    let (status, answer) = api.post("/api/hydration/log", &json!({"amount_oz": 24, "recorded_at": at}));
    let text = "110 mL above the maximum of 1500 mL for the day: ask a clinician before giving more";
    assert_eq!((status, answer["warning"].as_str()), (201, Some(text)), "{answer}");
    let (_, day) = api.get("/api/v1/hydration?date=2030-06-02");
    let day = &day["data"];
    assert_eq!(
        (&day["total_ml"], &day["maximum_ml"], &day["above_maximum_ml"]),
        (&json!(1610), &json!(1500), &json!(110))
    );
    assert_eq!((&day["pace"]["state"], &day["zone"]), (&json!("reached"), &json!("America/New_York")));
    assert_eq!(day["drinks"][1]["entered"], json!({"value": 0.9, "unit": "L"}));
    let (_, before) = api.get("/api/v1/hydration?date=2001-01-01");
    assert_eq!((&before["data"]["pace"]["state"], &before["data"]["total_ml"]), (&json!("missed"), &json!(0)));
    let (_, ahead) = api.get("/api/v1/hydration?date=2199-01-01");
    assert_eq!(ahead["data"]["pace"]["state"], "asleep");
    assert_eq!(api.get("/api/v1/hydration?date=today").0, 400);
    assert_eq!(api.get("/api/v1/hydration?resident=9").0, 404);
    // The same goal again is no other version.
    assert_eq!(put(json!({"sex": "female"})).1["data"]["version"], 1);
    assert_eq!(put(json!({"maximum": null})).1["data"]["target_ml"], 1600);
    assert_eq!(count(data.path(), "SELECT count(*) FROM history WHERE table_name = 'drink_goals'"), 1);
}

#[test]
fn every_resident_has_drinks_and_goals_of_their_own() {
    let data = tempfile::tempdir().unwrap();
    let api = start(data.path());
    let (_, other) = api.post("/api/v1/residents", &json!({"name": "Edda", "zone": "Asia/Tokyo"}));
    let path = |path: &str| format!("{path}resident={}", other["data"]["subject"]);
    let body = json!({"amount": 250, "drunk_at": "2030-06-02T20:00:00Z"});
    assert_eq!(api.post(&path("/api/v1/drinks?"), &body).0, 201);
    let (_, day) = api.get(&path("/api/v1/hydration?date=2030-06-03&"));
    assert_eq!(day["data"]["total_ml"], 250, "it was the next morning in Tokyo");
    assert_eq!(api.get("/api/v1/hydration?date=2030-06-02").1["data"]["total_ml"], 0);
    let struck = api.request("DELETE", &format!("/api/hydration/{}", day["data"]["drinks"][0]["compat_id"]), &[], None);
    assert_eq!(struck.0, 404, "existing clients mean the first resident");
}

/// A zone of whole hours in which it is between two and three in the afternoon; at midnight UTC it is the farthest there is.
fn in_the_afternoon() -> String {
    let hour = TimeZone::UTC.to_datetime(Timestamp::now()).hour();
    let ahead = 14 - hour;
    // The database of zones counts westwards.
    format!("Etc/GMT{}{}", if ahead > 0 { "-" } else { "+" }, ahead.abs())
}

#[test]
fn the_stream_tells_once_a_day_of_a_day_that_is_behind() {
    let data = tempfile::tempdir().unwrap();
    let api = start(data.path());
    let (status, edda) = api.post("/api/v1/residents", &json!({"name": "Edda", "zone": in_the_afternoon()}));
    assert_eq!(status, 201, "{edda}");
    let resident = edda["data"]["subject"].clone();
    let path = |path: &str| format!("{path}?resident={resident}");
    let told = |api: &Running| {
        let mut stream = TcpStream::connect(api.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let authorization = api.authorization();
        write!(stream, "GET /api/v1/stream?since=0 HTTP/1.1\r\nHost: hub\r\n{authorization}\r\n\r\n").unwrap();
        let lines = BufReader::new(stream).lines().map(|line| line.expect("an event within a minute"));
        let mut events = lines.filter_map(|line| serde_json::from_str::<Value>(line.strip_prefix("data:")?).ok());
        events.find(|event| event["type"] == "drink.behind").expect("an event")
    };
    // Somebody keeps account, and there is too little.
    assert_eq!(api.post(&path("/api/v1/drinks"), &json!({"amount": 100})).0, 201);
    let event = told(&api);
    assert_eq!((&event["resident"], &event["data"]["total_ml"]), (&resident, &json!(100)), "{event}");
    let (_, day) = api.get(&path("/api/v1/hydration"));
    assert_eq!((&day["data"]["pace"]["state"], &day["data"]["date"]), (&json!("behind"), &event["data"]["date"]));
    api.kill();
    let api = start(data.path());
    assert_eq!(api.post(&path("/api/v1/drinks"), &json!({"amount": 101})).0, 201);
    assert_eq!(told(&api)["seq"], event["seq"], "told already");
    // Whoever else is there keeps no account: of them nothing is known.
    assert_eq!(count(data.path(), "SELECT count(*) FROM outbox WHERE kind = 'drink.behind'"), 1);
    assert_eq!(count(data.path(), "SELECT count(*) FROM drinks_behind"), 1);
}
