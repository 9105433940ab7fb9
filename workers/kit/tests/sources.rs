//! What workers' own sources say, of every worker but betti-api, whose statements its own test goes through.
#![allow(clippy::unwrap_used, reason = "what fails in a test is to end it")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Statements with something put in: names of our own tables and columns, found in the database's own schema or written beside.
/// Nobody outside has a say in what stands there; values are bound.
const PUT_TOGETHER: &[&str] = &[
    "({own}) IN (SELECT {others} FROM {} WHERE {})",
    "DELETE FROM {HISTORY} WHERE {IN_HISTORY}",
    "DELETE FROM {OUTBOX} WHERE NOT json_valid(payload) OR ?1 IN ({about}) OR NOT EXISTS ({about})",
    "DELETE FROM {} WHERE upper({DEVICE}) = upper(?1)",
    "DELETE FROM {} WHERE {}",
    "DROP TRIGGER {}",
    "INSERT INTO entries ({COLUMNS}, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    "SELECT * FROM {} WHERE {condition}",
    "SELECT DISTINCT {ADDRESS} FROM {} WHERE {}",
    "SELECT count(*) FROM {}",
    "SELECT value FROM json_tree(payload) WHERE key IN ({NAMES_IN_EVENTS})",
    "SELECT {COLUMNS} FROM entries AS entry WHERE (?1 IS NULL OR about_resident IN (?1, {EVERYBODY})) AND (?2 IS NULL OR last_at >= ?2) AND \
     (?3 IS NULL OR first_at < ?3) AND (?4 IS NULL OR seq < ?4) AND (?5 IS NULL OR first_at > ?5) AND (?7 IS NULL OR \
     coalesce(by_device, role) = ?7) AND (?8 IS NULL OR area = ?8) AND NOT EXISTS (SELECT 1 FROM entries AS whole WHERE whole.continues = entry.seq) \
     ORDER BY seq DESC LIMIT ?6",
    "SELECT {COLUMNS}, hash FROM entries ORDER BY seq",
];

fn workers() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The program text of every file of a worker, without its tests and comments.
fn programs(worker: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    collect(&workers().join(worker).join("src"), &mut found);
    found
}

fn collect(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") && !path.ends_with("tests.rs") {
            let source = fs::read_to_string(&path).unwrap();
            let program = source.split("#[cfg(test)]").next().unwrap_or_default();
            let lines = program.lines().filter(|line| !line.trim_start().starts_with("//"));
            found.push((path, lines.collect::<Vec<_>>().join("\n")));
        }
    }
}

/// The texts of a program that are statements or parts of one, on one line each.
fn statements(program: &str) -> Vec<String> {
    let program = program.replace("'\"'", "").replace("\\\"", "");
    let texts = program.split('"').skip(1).step_by(2);
    let texts = texts.map(|text| text.replace("\\\n", "\n").split_whitespace().collect::<Vec<_>>().join(" "));
    let begins =
        ["SELECT ", "WITH ", "INSERT ", "UPDATE ", "DELETE ", "PRAGMA ", "ATTACH ", "VACUUM ", "CREATE ", "DROP "];
    let has = [" WHERE ", " FROM {", "VALUES ("];
    let is_sql =
        |text: &String| begins.iter().any(|verb| text.starts_with(verb)) || has.iter().any(|part| text.contains(part));
    texts.filter(is_sql).collect()
}

#[test]
fn nothing_that_was_sent_is_put_into_a_statement_of_any_worker() {
    let (mut all, mut put_together) = (0, BTreeSet::new());
    for worker in ["backup", "ble", "kit", "nutrition", "video", "web"] {
        for (_, program) in programs(worker) {
            let statements = statements(&program);
            all += statements.len();
            put_together.extend(statements.into_iter().filter(|text| text.contains('{')));
        }
    }
    assert!(all > 80, "only {all} statements are found");
    let expected: BTreeSet<_> = PUT_TOGETHER.iter().map(|text| (*text).to_owned()).collect();
    assert_eq!(put_together, expected, "bind values, or say here what is put in");
}

#[test]
fn a_statement_is_found_wherever_its_text_begins() {
    let found = |program: &str| statements(program).len();
    assert_eq!(found(r#"let sql = "SELECT 1"; let text = "Select a meal";"#), 1);
    assert_eq!(found(r#"format!("{start} WHERE name = '{name}'")"#), 1);
    assert_eq!(found("let sql = \"INSERT INTO meals \\\n    VALUES (?)\";"), 1);
}

/// Whoever a program's text names by address: this machine, what an operator says, and two that only name a code and a source.
const NAMED: [&str; 4] = ["127.0.0.1", "", "terminology.hl7.org", "www.cdc.gov"];

/// The hosts in addresses of a program; what is put in there is none.
fn hosts(program: &str) -> Vec<&str> {
    let schemes = ["http://", "https://", "ws://", "wss://"];
    let after = schemes.iter().flat_map(|scheme| program.split(scheme).skip(1));
    let end = |rest: &str| rest.find(|c: char| !c.is_ascii_alphanumeric() && !".-".contains(c)).unwrap_or(rest.len());
    after.map(|rest| rest[..end(rest)].trim_matches('.')).collect()
}

#[test]
fn no_worker_names_anybody_on_the_internet_to_call() {
    let mut named = BTreeSet::new();
    for worker in ["api", "backup", "ble", "kit", "nutrition", "video", "web"] {
        for (_, program) in programs(worker) {
            named.extend(hosts(&program).into_iter().map(str::to_owned));
        }
    }
    assert_eq!(named, NAMED.map(str::to_owned).into(), "say here what it is, or take it from the operator");
    assert_eq!(hosts(r#"let (a, b) = ("https://evil.example/x", "ws://{host}");"#), ["evil.example", ""]);
}

/// By what a program is started, as it is written in Rust.
const STARTS: [&str; 6] = ["process::Command", "Command::new", "posix_spawn", "execv", "libc::system", "CommandExt"];

/// Starts the worker's own program once more, before anything is asked of it.
const STARTS_ITSELF: &str = "kit/src/sandbox/reader.rs";

#[test]
fn no_worker_starts_a_program() {
    let mut files = 0;
    for worker in ["api", "backup", "ble", "kit", "nutrition", "video", "web"] {
        for (path, program) in programs(worker) {
            let started: Vec<_> = STARTS.iter().filter(|start| program.contains(**start)).collect();
            if path.ends_with(STARTS_ITSELF) {
                assert!(program.contains("Command::new(OWN_PROGRAM)") && program.matches("Command::new").count() == 1);
                continue;
            }
            assert!(started.is_empty(), "{}: {started:?}", path.display());
            files += 1;
        }
    }
    assert!(files > 200, "only {files} files are found");
}
