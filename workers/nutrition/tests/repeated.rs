//! A request that is sent again does nothing again.

#[path = "../../../tests/recordings/worker.rs"]
mod worker;

use serde_json::json;
use worker::Running;

#[test]
fn a_meal_that_was_deleted_is_not_logged_again_by_the_same_request() {
    let data = tempfile::tempdir().unwrap();
    let nutrition = Running::start(env!("CARGO_BIN_EXE_betti-nutrition"), data.path(), &[]);
    let meal = json!({"mealType": "lunch", "foods": [{"name": "Apple", "calories": 95}]});
    let log = || nutrition.request("POST", "/api/nutrition/log-meal", &[("Idempotency-Key", "lunch-1")], Some(&meal));
    let (status, first) = log();
    assert_eq!(status, 200);
    let path = format!("/api/nutrition/meal/{}", first["data"]["id"]);
    assert_eq!(nutrition.request("DELETE", &path, &[], None).0, 200);
    let (status, again) = log();
    assert_eq!((status, &again["data"]["id"]), (200, &first["data"]["id"]));
    assert_eq!(nutrition.get(&path).0, 404, "it stays deleted");
}
