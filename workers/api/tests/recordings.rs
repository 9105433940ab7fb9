//! No recorded exchange is forgotten: each stands in `tests/recordings/replayed.txt` with the test that replays it.
#![allow(clippy::unwrap_used, reason = "what fails in a test is to end it")]

use std::{fs, path::Path};

use serde_json::Value;

const RECORDINGS: [&str; 3] = ["rest.jsonl", "ws.jsonl", "signaling.jsonl"];
/// Who replays what no worker speaks yet.
const NOBODY: &str = "nobody";
/// Where it would be replayed first.
const TESTS: &str = "workers/api/tests";

/// A line of the table.
struct Line {
    recording: String,
    prefix: String,
    count: usize,
    test: String,
}

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn table() -> Vec<Line> {
    let text = read("tests/recordings/replayed.txt");
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let [recording, prefix, count, test] = line.split_whitespace().collect::<Vec<_>>()[..] else {
                panic!("four words are needed: {line}")
            };
            let count = count.parse().unwrap_or_else(|_| panic!("no number: {line}"));
            Line { recording: recording.into(), prefix: prefix.into(), count, test: test.into() }
        })
        .collect()
}

fn ids(recording: &str) -> Vec<String> {
    let text = read(&format!("tests/recordings/{recording}"));
    let id = |line: &str| serde_json::from_str::<Value>(line).unwrap()["id"].as_str().unwrap().to_owned();
    text.lines().filter(|line| !line.trim().is_empty()).map(id).collect()
}

#[test]
fn every_exchange_stands_in_one_line_and_every_number_is_right() {
    let table = table();
    for recording in RECORDINGS {
        let ids = ids(recording);
        let lines: Vec<_> = table.iter().filter(|line| line.recording == recording).collect();
        for id in &ids {
            let count = lines.iter().filter(|line| id.starts_with(&line.prefix)).count();
            assert_eq!(count, 1, "{id} of {recording} stands in {count} lines of replayed.txt");
        }
        for line in lines {
            let count = ids.iter().filter(|id| id.starts_with(&line.prefix)).count();
            assert_eq!(count, line.count, "exchanges of {recording} whose ids begin with {}", line.prefix);
        }
    }
    assert!(table.iter().all(|line| RECORDINGS.contains(&line.recording.as_str())));
}

#[test]
fn every_test_that_is_named_replays_what_is_said_of_it() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let sources: Vec<_> =
        fs::read_dir(tests).unwrap().filter_map(|file| fs::read_to_string(file.unwrap().path()).ok()).collect();
    for Line { recording, prefix, test, .. } in table() {
        // The signaling's scenes are chosen by variant.
        let named = if recording == "signaling.jsonl" { "signaling.jsonl".into() } else { format!("\"{prefix}\"") };
        if test == NOBODY {
            let is_replayed = sources.iter().any(|source| source.contains(&named));
            assert!(!is_replayed, "{prefix} is replayed in {TESTS} by now: name the test in replayed.txt");
        } else {
            assert!(read(&test).contains(&named), "{test} does not replay {prefix}, as replayed.txt says");
        }
    }
}
