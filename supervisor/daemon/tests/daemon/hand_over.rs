//! What a supervisor makes of a hand-over by a keeper of another age. The keeper is played here, the supervisor is the program
//! with `--self-check`, which receives a hand-over as it does at work.

use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::process::{Command, Output, Stdio};

use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
use protocol::self_check::{App, Understood};
use serde_json::{Value, json};

const FILE: &str = "[[apps]]\nname='web'\nscript='/bin/sleep'\n[[apps]]\nname='api'\nscript='/bin/sleep'\n";
const A_SECOND: &str = "1000000000";

/// What the program says when it is told this, a datagram each.
fn told(facts: &[Value]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("ecosystem.toml"); // what is on the disk is no matter: what was remembered counts
    let (ours, theirs) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_betti-supervisor"));
    command.args(["--self-check", A_SECOND, "--config"]).arg(config);
    command.stdin::<OwnedFd>(theirs).stdout(Stdio::piped()).stderr(Stdio::piped());
    let asked = command.spawn().unwrap();
    drop(command); // with its copy of the other end
    for fact in facts {
        let _ = nix::unistd::write(&ours, fact.to_string().as_bytes()); // it may have heard enough already
    }
    // It may have more to ask; whoever goes away before the end is a keeper that fell.
    let output = asked.wait_with_output().unwrap();
    drop(ours);
    output
}

fn understood(facts: &[Value]) -> Understood {
    let output = told(facts);
    let said = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"))
}

fn hello(version: u32) -> Value {
    json!({"hello": {"version": version, "hub": "0".repeat(32), "keeper": 1, "last_run": 7, "inherited": []}})
}

/// A hub with `web` in run 7, and `api` stopped by an operator.
fn house() -> Vec<Value> {
    let memory = |key: &str, value: &str| json!({"memory": {"key": key, "value": value}});
    vec![
        json!({"run": {"run": 7, "app": "web", "pid": 4711, "spawned_at_ns": 5, "exit": null, "exited_at_ns": null}}),
        memory("file-1/0000", FILE),
        memory("in-force", r#"{"generation":1}"#),
        memory("started", ""),
        memory("app/web", r#"{"up":true,"state":{"running":{"run":7,"since_ns":5}},"restarts":3,"newest_run":7}"#),
        memory("app/api", r#"{"up":false,"state":"stopped"}"#),
    ]
}

fn web() -> App {
    App { id: 0, key: "web".into(), up: true, state: "running".into(), run: Some(7), beside: None, restarts: 3 }
}

fn api() -> App {
    App { id: 1, key: "api".into(), up: false, state: "stopped".into(), run: None, beside: None, restarts: 0 }
}

#[test]
fn it_knows_what_its_predecessor_knew_and_does_nothing() {
    let facts: Vec<Value> = [hello(1)].into_iter().chain(house()).chain([json!("told")]).collect();
    let understood = understood(&facts);
    assert_eq!((understood.apps, understood.runs), (vec![web(), api()], vec![7]));
    assert_eq!(understood.at_once, Vec::<String>::new());
    assert_eq!(understood.version, env!("CARGO_PKG_VERSION"));
}

#[test]
fn what_it_would_do_at_once_is_said() {
    let stranger =
        json!({"run": {"run": 6, "app": "gone", "pid": 4712, "spawned_at_ns": 5, "exit": null, "exited_at_ns": null}});
    let crashed =
        json!({"memory": {"key": "app/api", "value": r#"{"up":true,"state":{"backoff":{"retry_at_ns":5}}}"#}});
    let news = [stranger, crashed, json!("told")];
    let facts: Vec<Value> = [hello(1)].into_iter().chain(house()).chain(news).collect();
    assert_eq!(understood(&facts).at_once, ["end run 6 of gone", "start run 8 of api"]);
}

/// Remembered first and told afterwards, a supervisor may die in between; without the signal the run would be killed unheard.
#[test]
fn a_run_that_is_to_end_is_told_unless_its_predecessor_told_it() {
    let house = |why: &str, kill_at: Value, last_signal: Value, exit: Value| {
        let state = json!({"stopping": {"run": 7, "kill_at_ns": kill_at, "why": why}});
        let mut facts = vec![hello(1)];
        facts.extend(house());
        facts[1]["run"]["last_signal"] = last_signal;
        facts[1]["run"]["exited_at_ns"] = if exit.is_null() { Value::Null } else { json!(6) };
        facts[1]["run"]["exit"] = exit;
        facts[5]["memory"]["value"] = json!(json!({"up": true, "state": state, "newest_run": 7}).to_string());
        facts.push(json!("told"));
        understood(&facts).at_once
    };
    let (soon, nobody, terminate) = (json!(5_000_000_000_u64), Value::Null, json!(15));
    for why in ["asked", "restart", "not_ready", "unhealthy"] {
        let told = house(why, soon.clone(), nobody.clone(), Value::Null);
        assert_eq!(told, ["send Terminate to run 7 of web"], "{why}");
        assert_eq!(
            house(why, soon.clone(), terminate.clone(), Value::Null),
            Vec::<String>::new(),
            "{why}: once is enough"
        );
    }
    for (why, kill_at, exit) in [
        ("itself", soon.clone(), Value::Null),        // it knows
        ("exited", soon.clone(), json!({"code": 0})), // it is gone
        ("asked", Value::Null, Value::Null),          // it was killed already
    ] {
        let at_once = house(why, kill_at, nobody.clone(), exit);
        assert!(!at_once.iter().any(|act| act.contains("Terminate")), "{why}: {at_once:?}");
    }
}

#[test]
fn another_version_is_refused_in_words_before_anything_else_is_heard() {
    for version in [0, 2] {
        let facts: Vec<Value> = [hello(version)].into_iter().chain(house()).chain([json!("told")]).collect();
        let output = told(&facts);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0), "{said}");
        let words = format!("the keeper speaks version {version} and we speak 1");
        assert!(said.contains(&words) && said.contains("stop everything and start anew"), "{said}");
    }
}

#[test]
fn a_newer_keepers_additions_are_passed_over() {
    let mut facts = vec![json!({"greeting_of_tomorrow": {"a": 1}}), hello(1)];
    facts[1]["hello"]["of_tomorrow"] = json!([1, 2]);
    facts.extend(house());
    facts[2]["run"]["of_tomorrow"] = json!({"a": null});
    facts.extend([json!("sing"), json!("told")]);
    let understood = understood(&facts);
    assert_eq!((understood.apps, understood.runs), (vec![web(), api()], vec![7]));
    let output = told(&facts);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("a fact that is not understood: {\"greeting_of_tomorrow\""), "{said}");
}

#[test]
fn a_remembered_file_that_is_not_understood_is_refused_with_its_mistake() {
    let mut facts = vec![hello(1)];
    facts.extend(house());
    facts[2]["memory"]["value"] = json!("[[apps]]\nname='web'\nscritp='x'\n");
    facts.push(json!("told"));
    let output = told(&facts);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(1) && said.contains("ecosystem.toml:3:1"), "{said}");
}

#[test]
fn a_keeper_that_goes_away_and_an_input_that_is_no_socket_end_it() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_betti-supervisor"));
    command.args(["--self-check", A_SECOND, "--config", "/nowhere/ecosystem.toml"]);
    let mut asked = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let _ = asked.stdin.take().unwrap().write_all(b"nonsense");
    let mut said = String::new();
    asked.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(asked.wait().unwrap().code(), Some(1), "{said}");

    let (ours, theirs) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_betti-supervisor"));
    command.args(["--self-check", A_SECOND, "--config", "/nowhere/ecosystem.toml"]);
    let asked = command.stdin::<OwnedFd>(theirs).stderr(Stdio::piped()).spawn().unwrap();
    drop((command, ours));
    let output = asked.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(1) && said.contains("whoever asked has gone away"), "{said}");
}
