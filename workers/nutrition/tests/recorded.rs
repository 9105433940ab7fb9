//! Existing clients are answered as they always were.

#[path = "../../../tests/recordings/worker.rs"]
mod worker;

use serde_json::{Value, json};
use worker::{Running, replay};

fn start(data: &tempfile::TempDir) -> Running {
    Running::start(env!("CARGO_BIN_EXE_betti-nutrition"), data.path(), &[])
}

#[test]
fn food_is_answered_as_recorded() {
    let data = tempfile::tempdir().unwrap();
    let nutrition = start(&data);
    assert_eq!(replay("rest.jsonl", &nutrition, "nutrition-"), 34);
}

#[test]
fn health_has_this_workers_own_shape() {
    let data = tempfile::tempdir().unwrap();
    let (status, health) = start(&data).get("/api/health");
    assert_eq!(status, 200);
    assert_eq!(health, json!({"status": "ok", "service": "nutrition-api", "timestamp": health["timestamp"]}));
}

#[test]
fn foods_are_found_by_what_people_call_them() {
    let data = tempfile::tempdir().unwrap();
    let nutrition = start(&data);
    let names = |query: &str| {
        let (status, answer) = nutrition.get(&format!("/api/nutrition/foods?{query}"));
        assert_eq!(status, 200, "{answer}");
        let foods = answer["data"].as_array().unwrap().clone();
        foods.iter().map(|food| food["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names("query=bananna")[0], "Banana");
    assert_eq!(names("query=a+cup+of+tea")[0], "Tea, black");
    assert_eq!(names("query=vegetable").len(), 20, "the usual limit");
    assert_eq!(names("query=vegetable&limit=3").len(), 3);
    assert_eq!(names("query=vegetable&limit=many").len(), 20);
    let (_, answer) = nutrition.get("/api/nutrition/foods?query=waffle&limit=1");
    assert_eq!(answer["data"][0]["fiber"], Value::Null, "nobody has measured it: unknown is not zero");
}

#[test]
fn recent_foods_are_those_that_are_eaten_most() {
    let data = tempfile::tempdir().unwrap();
    let nutrition = start(&data);
    let mistaken = json!({"mealType": "lunch", "foods": [{"name": "Orange"}]});
    let (_, logged) = nutrition.post("/api/nutrition/log-meal", &mistaken);
    let path = format!("/api/nutrition/meal/{}", logged["data"]["id"]);
    nutrition.request("PUT", &path, &[], Some(&json!({"foods": []})));
    for names in [["Banana", "apple"], ["APPLE", "Something of my own"], ["Broccoli", "Almonds"]] {
        let foods: Vec<_> = names.iter().map(|name| json!({"name": name})).collect();
        nutrition.post("/api/nutrition/log-meal", &json!({"mealType": "lunch", "foods": foods}));
    }
    let (_, recent) = nutrition.get("/api/nutrition/recent-foods");
    let names: Vec<_> = recent["data"].as_array().unwrap().iter().map(|food| food["name"].clone()).collect();
    assert_eq!(names, ["Apple", "Almonds", "Broccoli", "Banana"], "and not what was amended away");
    let (_, two) = nutrition.get("/api/nutrition/recent-foods?limit=2");
    assert_eq!(two["data"].as_array().unwrap().len(), 2);
}

#[test]
fn what_cannot_be_taken_is_refused_and_leaves_nothing() {
    let data = tempfile::tempdir().unwrap();
    let nutrition = start(&data);
    let nameless = json!({"mealType": "lunch", "foods": [{"name": "Apple"}, {"calories": 80}]});
    let (status, answer) = nutrition.post("/api/nutrition/log-meal", &nameless);
    assert_eq!((status, &answer["error"]), (400, &json!("foods[1] needs a name")));
    let (_, daily) = nutrition.get("/api/nutrition/daily");
    assert_eq!(daily["data"]["todaysMeals"], json!([]));
    let (status, answer) = nutrition.get("/api/nutrition/daily?date=tomorrow");
    assert_eq!(status, 400);
    assert_eq!(answer["error"], r#"date "tomorrow" is not a date. Write it like 2031-01-31"#);
    assert_eq!(nutrition.get("/api/nutrition/meal/first").0, 404);
    let goals = json!({"calories": 1800, "fat": "little"});
    assert_eq!(nutrition.request("PUT", "/api/nutrition/goals", &[], Some(&goals)).0, 400);
    assert_eq!(nutrition.get("/api/nutrition/goals").1["data"]["calories"], 2000, "nothing of it was taken");
}

#[test]
fn a_meal_that_is_not_there_is_not_our_fault_and_a_new_one_counts_every_portion() {
    let data = tempfile::tempdir().unwrap();
    let nutrition = start(&data);
    let foods = json!({"mealType": "dinner", "foods": [{"name": "Brown Rice", "quantity": 2, "calories": 220}]});
    for (method, body) in [("GET", None), ("PUT", Some(&foods)), ("DELETE", None)] {
        let answer = nutrition.request(method, "/api/nutrition/meal/9999", &[], body);
        assert_eq!(answer, (404, json!({"success": false, "error": "Meal not found"})), "{method}");
    }
    let (_, logged) = nutrition.post("/api/nutrition/log-meal", &foods);
    let path = format!("/api/nutrition/meal/{}", logged["data"]["id"]);
    let (_, changed) = nutrition.request("PUT", &path, &[], Some(&foods));
    for answer in [logged, changed, nutrition.get(&path).1] {
        assert_eq!(answer["data"]["totalCalories"], 440, "{answer}");
    }
}
