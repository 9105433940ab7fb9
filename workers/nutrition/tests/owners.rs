//! Meals and goals are the first resident's: nobody reaches them by naming another one.

#[path = "../../../tests/recordings/worker.rs"]
mod worker;

use std::collections::BTreeSet;

use jiff::Timestamp;
use kit::{Access, access::Invitation, role::Role};
use serde_json::{Value, json};
use worker::Running;

/// Where a meal is, before its id.
const MEAL: &str = "/api/nutrition/meal/";
const WORDS: &str = "porridge of the first";

fn asks() -> Vec<(&'static str, String, Value)> {
    let meal = json!({"mealType": "dinner", "foods": [{"name": "Rice", "quantity": 1, "calories": 100}]});
    let goal = json!({"calories": 1234});
    vec![
        ("GET", "/api/nutrition/daily".into(), Value::Null),
        ("GET", "/api/nutrition/foods".into(), Value::Null),
        ("GET", "/api/nutrition/recent-foods".into(), Value::Null),
        ("GET", "/api/nutrition/history".into(), Value::Null),
        ("GET", "/api/nutrition/goals".into(), Value::Null),
        ("GET", "/api/nutrition/meal/1".into(), Value::Null),
        ("GET", "/api/nutrition/meal/99".into(), Value::Null),
        ("PUT", "/api/nutrition/meal/1".into(), meal.clone()),
        ("DELETE", "/api/nutrition/meal/1".into(), Value::Null),
        ("POST", "/api/nutrition/log-meal".into(), meal),
        ("PUT", "/api/nutrition/goals".into(), goal),
    ]
}

/// A unit test of the worker compares the file with the real table of routes.
#[test]
fn every_route_is_asked_for_another_residents() {
    let pattern = |path: String| if path.starts_with(MEAL) { format!("{MEAL}{{id}}") } else { path };
    let asked: BTreeSet<_> =
        asks().into_iter().map(|(method, path, _)| format!("{method} {}", pattern(path))).collect();
    let routes = include_str!("routes.txt").lines().filter_map(|line| line.strip_suffix(" nutrition"));
    assert_eq!(asked, routes.map(str::to_owned).collect(), "each route is asked in asks()");
}

#[tokio::test]
async fn nobody_reaches_the_first_residents_meals_by_naming_another_one() {
    let data = tempfile::tempdir().expect("a folder");
    let nutrition = Running::start(env!("CARGO_BIN_EXE_betti-nutrition"), data.path(), &[]);
    let meal = json!({"mealType": "breakfast", "foods": [{"name": WORDS, "quantity": 1, "calories": 150}]});
    assert_eq!(nutrition.post("/api/nutrition/log-meal", &meal).0, 200);
    let before = (nutrition.get("/api/nutrition/meal/1"), nutrition.get("/api/nutrition/goals"));
    assert!(before.0.1.to_string().contains(WORDS), "{:?}", before.0);
    let access = Access::open(data.path()).expect("who has access");
    let invitation = Invitation { resident: 2, ..Invitation::of(Role::Resident) };
    let second = access.add_program(invitation, Timestamp::now()).await.expect("a token");
    let bearer = format!("Bearer {}", second.token.reveal());
    for (method, path, body) in asks() {
        for query in ["?resident=2", "?userId=1&resident=2", "?resident=1&resident=2", ""] {
            let body = Some(&body).filter(|body| !body.is_null());
            let (status, answer) =
                nutrition.exchange(method, &format!("{path}{query}"), &[("Authorization", &bearer)], body);
            assert_eq!(status, 403, "{method} {path}{query}: {answer}");
            assert!(!answer.to_string().contains(WORDS), "{method} {path}{query}: {answer}");
        }
    }
    assert_eq!((nutrition.get("/api/nutrition/meal/1"), nutrition.get("/api/nutrition/goals")), before);
}
