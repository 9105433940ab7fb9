//! betti-nutrition answers behind betti-api, under the paths that existing clients know.

#[path = "../../../tests/recordings/worker.rs"]
mod worker;

use std::path::PathBuf;

use serde_json::json;
use worker::{Running, replay};

/// The other worker's binary, beside this one's.
fn nutrition() -> PathBuf {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_betti-api")).with_file_name("betti-nutrition");
    assert!(program.exists(), "{} is missing: cargo build --workspace --bins", program.display());
    program
}

fn start_api(data: &tempfile::TempDir, nutrition_url: &str) -> Running {
    let environment = [("BETTI_NUTRITION_URL", nutrition_url)];
    Running::start(env!("CARGO_BIN_EXE_betti-api"), data.path(), &environment)
}

#[test]
fn food_is_answered_as_recorded_through_this_worker_too() {
    let data = tempfile::tempdir().unwrap();
    let program = nutrition();
    let nutrition = Running::start(program.to_str().unwrap(), data.path(), &[]);
    let api = start_api(&data, &nutrition.url());
    assert_eq!(replay("rest.jsonl", &api, "nutrition-"), 34);
    let (status, answer) = api.get("/api/nutrition/foods?query=brown%20rice&limit=1");
    assert_eq!((status, &answer["data"][0]["name"]), (200, &json!("Brown Rice")));
    let meal = json!({"mealType": "lunch", "foods": []});
    let key = [("Idempotency-Key", "lunch-1")];
    let first = api.request("POST", "/api/nutrition/log-meal", &key, Some(&meal));
    assert_eq!(api.request("POST", "/api/nutrition/log-meal", &key, Some(&meal)), first, "the key is handed on");
    assert_eq!(api.get("/api/nutrition/nothing").0, 404);
    assert_eq!(api.request("PUT", "/api/nutrition/daily", &[], None).0, 405);
}

/// Scene 6 says what the original did not tell; what is written here is told by the stream, and drinks, doses and appointments
/// by no frame that existing clients know.
#[test]
fn what_is_written_over_http_is_answered_beside_a_listener_as_recorded() {
    let data = tempfile::tempdir().unwrap();
    let nutrition = Running::start(nutrition().to_str().unwrap(), data.path(), &[]);
    let api = start_api(&data, &nutrition.url());
    assert_eq!(replay("ws.jsonl", &api, "ws-06"), 1);
}

#[test]
fn one_variable_decides_where_the_other_worker_listens_and_where_it_is_looked_for() {
    let data = tempfile::tempdir().unwrap();
    // Bound and let go: free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let environment = [("NUTRITION_PORT", free.as_str())];
    let nutrition = Running::start(nutrition().to_str().unwrap(), data.path(), &environment);
    assert_eq!(nutrition.address.port().to_string(), free);
    let api = Running::start(env!("CARGO_BIN_EXE_betti-api"), data.path(), &environment);
    assert_eq!(api.get("/api/nutrition/daily").0, 200);
}

#[test]
fn without_the_other_worker_the_answer_says_so_and_everything_else_goes_on() {
    let data = tempfile::tempdir().unwrap();
    // Bound and let go: nobody listens there.
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let api = start_api(&data, &format!("http://{nobody}"));
    let (status, answer) = api.get("/api/nutrition/daily");
    assert_eq!(status, 502);
    let text = "betti-nutrition does not answer at the moment. Try again in a few seconds.";
    assert_eq!(answer, json!({"success": false, "error": text}));
    assert_eq!(api.get("/api/vitals").0, 200);
}
