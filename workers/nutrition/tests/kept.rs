//! What was acknowledged is kept, and taken once.

#[path = "../../../tests/recordings/worker.rs"]
mod worker;

use std::{collections::HashSet, path::Path, thread};

use rusqlite::Connection;
use serde_json::{Value, json};
use worker::Running;

fn start(data: &Path) -> Running {
    Running::start(env!("CARGO_BIN_EXE_betti-nutrition"), data, &[])
}

fn dinner(kcal: u32) -> Value {
    json!({"mealType": "dinner", "foods": [{"name": "Brown Rice", "quantity": 2, "calories": kcal, "brand": "own"}]})
}

/// A number out of the database file itself.
fn count(data: &Path, sql: &str) -> i64 {
    let file = Connection::open(data.join("nutrition.db")).expect("the database");
    file.query_row(sql, [], |row| row.get(0)).expect("a number")
}

#[test]
fn a_meal_survives_kill_9_right_after_its_answer() {
    let data = tempfile::tempdir().unwrap();
    for kcal in 100..105 {
        let nutrition = start(data.path());
        let (status, answer) = nutrition.post("/api/nutrition/log-meal", &dinner(kcal));
        assert_eq!((status, &answer["data"]["totalCalories"]), (200, &json!(2 * kcal)));
        nutrition.kill();
        let nutrition = start(data.path());
        let (_, meal) = nutrition.get(&format!("/api/nutrition/meal/{}", answer["data"]["id"]));
        assert_eq!(meal["data"]["totalCalories"], answer["data"]["totalCalories"]);
    }
    assert_eq!(count(data.path(), "SELECT count(*) FROM outbox WHERE kind = 'meal.logged'"), 5);
}

#[test]
fn a_meal_that_is_sent_by_many_at_once_is_one_meal() {
    let data = tempfile::tempdir().unwrap();
    let nutrition = start(data.path());
    let key = [("Idempotency-Key", "dinner-1")];
    let send = |kcal: u32| nutrition.request("POST", "/api/nutrition/log-meal", &key, Some(&dinner(kcal)));
    let answers: HashSet<_> = thread::scope(|scope| {
        let senders: Vec<_> = (0..16).map(|more| scope.spawn(move || send(100 + more))).collect();
        senders.into_iter().map(|sender| sender.join().unwrap().1.to_string()).collect()
    });
    assert_eq!(answers.len(), 1, "everyone is answered with the first: {answers:?}");
    assert_eq!(count(data.path(), "SELECT count(*) FROM meals"), 1);
    assert_eq!(count(data.path(), "SELECT count(*) FROM meal_foods"), 1);
    assert_eq!(count(data.path(), "SELECT count(*) FROM outbox"), 1);
}

#[test]
fn nothing_is_lost_by_amending_or_deleting() {
    let data = tempfile::tempdir().unwrap();
    let nutrition = start(data.path());
    let (_, logged) = nutrition.post("/api/nutrition/log-meal", &dinner(220));
    let path = format!("/api/nutrition/meal/{}", logged["data"]["id"]);
    let (_, amended) = nutrition.request("PUT", &path, &[], Some(&json!({"foods": [{"name": "Soup"}]})));
    assert_eq!(amended["data"]["mealType"], "dinner", "what is not mentioned stays");
    let (_, meal) = nutrition.get(&path);
    assert_eq!(meal["data"]["foods"].as_array().unwrap().len(), 1);
    assert_eq!(count(data.path(), "SELECT count(*) FROM meal_foods"), 2, "the first version is still there");
    assert_eq!(nutrition.request("DELETE", &path, &[], None).0, 200);
    assert_eq!(nutrition.request("DELETE", &path, &[], None).0, 404);
    assert_eq!(nutrition.get(&path).0, 404);
    assert_eq!(nutrition.request("PUT", &path, &[], Some(&json!({"foods": []}))).0, 404);
    assert_eq!(nutrition.get("/api/nutrition/daily").1["data"]["todaysMeals"], json!([]));
    assert_eq!(count(data.path(), "SELECT count(*) FROM meals WHERE status = 'entered-in-error'"), 1);
    let file = Connection::open(data.path().join("nutrition.db")).unwrap();
    let mut kinds = file.prepare("SELECT kind FROM outbox ORDER BY home_seq").unwrap();
    let kinds: Vec<String> = kinds.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    assert_eq!(kinds, ["meal.logged", "meal.amended", "meal.entered-in-error"]);
}

#[test]
fn an_unknown_nutrient_is_kept_as_unknown() {
    let data = tempfile::tempdir().unwrap();
    let nutrition = start(data.path());
    nutrition.post("/api/nutrition/log-meal", &dinner(220));
    let unknown = "SELECT count(*) FROM meal_foods WHERE calories = 220 AND quantity = 2 AND protein IS NULL
        AND json_extract(entered, '$.brand') = 'own'";
    assert_eq!(count(data.path(), unknown), 1);
}

#[test]
fn the_same_goals_again_are_no_news() {
    let data = tempfile::tempdir().unwrap();
    let nutrition = start(data.path());
    for _ in 0..3 {
        let (status, _) = nutrition.request("PUT", "/api/nutrition/goals", &[], Some(&json!({"calories": 1800})));
        assert_eq!(status, 200);
    }
    assert_eq!(count(data.path(), "SELECT count(*) FROM goals"), 2, "the first ones and these");
    assert_eq!(count(data.path(), "SELECT count(*) FROM outbox WHERE kind = 'nutrition-goals.set'"), 1);
}

/// Somewhere in this list it is another day than in UTC, whatever the hour.
#[test]
fn a_meals_day_and_time_are_the_residents() {
    for name in ["Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Kathmandu", "America/New_York", "UTC"] {
        let data = tempfile::tempdir().unwrap();
        let program = env!("CARGO_BIN_EXE_betti-nutrition");
        let nutrition = Running::start(program, data.path(), &[("TZ", name)]);
        let zone = jiff::tz::TimeZone::get(name).unwrap();
        let before = zone.to_datetime(jiff::Timestamp::now());
        let (_, answer) = nutrition.post("/api/nutrition/log-meal", &dinner(220));
        let after = zone.to_datetime(jiff::Timestamp::now());
        let said = [&answer["data"]["date"], &answer["data"]["time"]].map(|text| text.as_str().unwrap().to_owned());
        let shown = |at: jiff::civil::DateTime| [at.date().to_string(), at.strftime("%-I:%M %p").to_string()];
        assert!(said == shown(before) || said == shown(after), "{name}: {said:?}");
    }
}
