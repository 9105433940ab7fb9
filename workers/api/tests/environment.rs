//! What is set for the worker: wrong values end it with an error that says what to do, blank ones are as good as not set.
#![allow(clippy::unwrap_used, reason = "what fails in a test is to end it")]

#[path = "../../../tests/recordings/worker.rs"]
mod worker;

use std::process::{Command, Stdio};

use worker::Running;

const PROGRAM: &str = env!("CARGO_BIN_EXE_betti-api");

/// What a worker says that ends by itself.
fn ended(variable: &str, value: &str) -> String {
    let data = tempfile::tempdir().unwrap();
    let output = Command::new(PROGRAM)
        .env_clear()
        .env("PORT", "0")
        .env("BETTI_DATA_DIR", data.path())
        .env(variable, value)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{variable}={value}");
    String::from_utf8_lossy(&output.stderr).trim().to_owned()
}

#[test]
fn what_cannot_be_is_refused_by_its_name_with_what_would_do() {
    for (variable, value, does) in [
        ("PORT", "http", "is not a port: set it to a number from 1 to 65535"),
        ("NUTRITION_PORT", "70000", "is not a port: set it to a number from 1 to 65535"),
        ("MEDICATION_REMINDERS_ENABLED", "flase", "is neither yes nor no: set it to true or false"),
        (
            "TZ",
            "America/New_Yrok",
            "is not a time zone: set it to a name like America/New_York, or unset it to take the system's zone",
        ),
    ] {
        assert_eq!(ended(variable, value), format!("betti-api: {variable}={value} {does}"));
    }
}

#[test]
fn a_variable_that_says_nothing_is_as_good_as_not_set() {
    let data = tempfile::tempdir().unwrap();
    let blank = [("HOST", ""), ("NUTRITION_PORT", ""), ("MEDICATION_REMINDERS_ENABLED", "")];
    let api = Running::start(PROGRAM, data.path(), &blank);
    assert!(api.address.ip().is_loopback());
    assert_eq!(api.get("/api/health").0, 200);
}
