//! The credential that a hub's workers show to each other, lost while they run or before they start.
#![allow(clippy::unwrap_used, reason = "what fails in a test is to end it")]

#[path = "../../../tests/recordings/worker.rs"]
mod worker;

use std::{
    fs,
    path::{Path, PathBuf},
    thread,
};

use serde_json::json;
use worker::Running;

/// As betti-api passes it on to betti-nutrition, with the key of this hub's workers.
const PASSED_ON: &str = "/api/nutrition/goals";

/// The other worker's binary, beside this one's.
fn nutrition_program() -> PathBuf {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_betti-api")).with_file_name("betti-nutrition");
    assert!(program.exists(), "{} is missing: cargo build --workspace --bins", program.display());
    program
}

fn start_nutrition(data: &Path, port: u16) -> Running {
    let port = port.to_string();
    Running::start(nutrition_program().to_str().unwrap(), data, &[("NUTRITION_PORT", &port)])
}

fn start_api(data: &Path, nutrition: u16) -> Running {
    let url = format!("http://127.0.0.1:{nutrition}");
    Running::start(env!("CARGO_BIN_EXE_betti-api"), data, &[("BETTI_NUTRITION_URL", &url)])
}

/// How often a counted loop is run: `BETTI_LOOPS`, else this many times.
fn loops(unless_asked: usize) -> usize {
    std::env::var("BETTI_LOOPS").ok().and_then(|loops| loops.parse().ok()).unwrap_or(unless_asked)
}

#[test]
fn a_key_that_is_made_anew_or_exchanged_is_found_by_who_runs() {
    let data = tempfile::tempdir().unwrap();
    let nutrition = start_nutrition(data.path(), 0);
    let port = nutrition.address.port();
    let api = start_api(data.path(), port);
    assert_eq!(api.get(PASSED_ON).0, 200);

    // Lost, and made anew by the next one that starts: the former is nobody's, also for this one that showed it.
    let key = data.path().join("service.key");
    fs::remove_file(&key).unwrap();
    nutrition.kill();
    let nutrition = start_nutrition(data.path(), port);
    assert_ne!(nutrition.token(), api.token());
    assert_eq!(api.get(PASSED_ON).0, 401, "the former");
    let asked = |path: &str| {
        let bearer = format!("Bearer {}", nutrition.token());
        api.exchange("GET", path, &[("Authorization", &bearer)], None).0
    };
    assert_eq!(asked(PASSED_ON), 200, "betti-api shows the new one, though nobody restarted it");
    let post = json!({"calories": 2000});
    let bearer = format!("Bearer {}", nutrition.token());
    let told = api.exchange("PUT", PASSED_ON, &[("Authorization", &bearer)], Some(&post)).0;
    assert_eq!(told, 200, "what has a body too");

    // Another hub's, brought here with a copy: the next one that starts takes it on.
    let other = tempfile::tempdir().unwrap();
    let another = start_nutrition(other.path(), 0);
    fs::copy(other.path().join("service.key"), &key).unwrap();
    nutrition.kill();
    let nutrition = start_nutrition(data.path(), port);
    assert_eq!(nutrition.token(), another.token());
    let bearer = format!("Bearer {}", nutrition.token());
    assert_eq!(api.exchange("GET", PASSED_ON, &[("Authorization", &bearer)], None).0, 200);
}

#[test]
fn workers_that_start_at_once_without_a_key_know_each_other() {
    let data = tempfile::tempdir().unwrap();
    for turn in 0..loops(4) {
        // The first time nothing is there, and then only the key is lost.
        let _ = fs::remove_file(data.path().join("service.key"));
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let (nutrition, api) = thread::scope(|scope| {
            let nutrition = scope.spawn(|| start_nutrition(data.path(), port));
            let api = scope.spawn(|| start_api(data.path(), port));
            (nutrition.join().unwrap(), api.join().unwrap())
        });
        assert_eq!(nutrition.token(), api.token(), "turn {turn}");
        assert_eq!(api.get(PASSED_ON).0, 200, "turn {turn}");
    }
}
