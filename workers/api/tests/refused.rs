//! What existing clients ask, asked without a credential, on this machine: nothing of it is answered but what is public.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../../../tests/recordings/worker.rs"]
mod worker;

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::Value;
use worker::Running;

/// What an upgrade of a connection needs.
const UPGRADE: [(&str, &str); 4] = [
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
];

fn recorded(name: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/recordings").join(name);
    let text = fs::read_to_string(path).unwrap();
    text.lines().filter(|line| !line.trim().is_empty()).map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A path as it may have been sent: a place that a value was put into has one.
fn filled(path: &str) -> String {
    let mut filled = String::new();
    let mut rest = path;
    while let Some((before, after)) = rest.split_once("{{") {
        filled = filled + before + "1";
        rest = after.split_once("}}").map_or("", |(_, after)| after);
    }
    filled + rest
}

#[test]
fn the_recordings_are_refused_without_a_token() {
    let data = tempfile::tempdir().unwrap();
    let api = Running::start(env!("CARGO_BIN_EXE_betti-api"), data.path(), &[]);
    let exchanges = recorded("rest.jsonl");
    let text = |exchange: &Value, name: &str| exchange[name].as_str().unwrap().to_owned();
    let asked: BTreeSet<_> =
        exchanges.iter().map(|exchange| (text(exchange, "method"), filled(&text(exchange, "path")))).collect();
    let mut refused = 0;
    for (method, path) in &asked {
        let (status, answer) = api.exchange(method, path, &[], None);
        let (known, _) = api.request("OPTIONS", path, &[], None);
        let is_public = path.to_lowercase().starts_with("/api/health");
        // What is nowhere, or does not take the method, has nothing to protect.
        let is_nothing = matches!(status, 404 | 405) && matches!(known, 404 | 405);
        assert!(status == 401 || is_public || is_nothing, "{method} {path}: {status} {answer}");
        refused += usize::from(status == 401);
    }
    assert!(refused > 100, "{refused} of {} are of value to somebody", asked.len());
}

#[test]
fn the_recorded_websockets_are_refused_without_a_token() {
    let data = tempfile::tempdir().unwrap();
    let api = Running::start(env!("CARGO_BIN_EXE_betti-api"), data.path(), &[]);
    let scenes = recorded("ws.jsonl");
    let steps = scenes.iter().flat_map(|scene| scene["steps"].as_array().unwrap());
    let paths: BTreeSet<_> = steps.filter_map(|step| step["connect"].as_str()).collect();
    assert!(!paths.is_empty());
    for path in paths {
        assert_eq!(api.exchange("GET", path, &UPGRADE, None).0, 401, "{path}");
    }
}
