//! The control socket: what is refused, and how.

use std::os::unix::fs::PermissionsExt;

use protocol::control::{Description, Flushed, LogSource, Word};
use serde_json::json;

use crate::harness::{Hub, eventually};

fn hub() -> Hub {
    let hub = Hub::start(
        "[[apps]]\nname='backend'\nscript='/bin/sleep'\nargs=['1000']\nnamespace='care'\n\
         [[apps]]\nname='web'\nscript='/bin/sleep'\nargs=['1000']\n",
        &[],
    );
    hub.until_status("web", Word::Online);
    hub
}

#[test]
fn an_unknown_target_is_answered_with_what_was_meant() {
    let hub = hub();
    let answer = hub.ask("POST", "/v1/stop", "{\"targets\":[\"backnd\"]}");
    assert_eq!(answer.status, 404);
    for told in ["backnd", "did you mean", "backend, web"] {
        assert!(answer.body.contains(told), "{}", answer.body);
    }
    assert_eq!(hub.app("backend").status, Word::Online);
}

#[test]
fn a_request_that_is_not_understood_is_refused_with_what_it_should_look_like() {
    let hub = hub();
    assert_eq!(hub.ask("POST", "/v1/stop", "{\"targets\":7}").status, 400);
    assert_eq!(hub.ask("POST", "/v1/stop", &"x".repeat(70_000)).status, 400);
    assert_eq!(hub.ask("GET", "/v1/watch?after=x", "").status, 400);
    assert_eq!(hub.ask("GET", "/v1/dance", "").status, 404);
    assert_eq!(hub.ask("GET", "/v1/stop", "").status, 404);
}

#[test]
fn a_client_that_means_another_file_is_refused_by_both_names() {
    let hub = hub();
    let answer = hub.ask_about("/elsewhere/ecosystem.toml".as_ref(), "/v1/status");
    assert_eq!(answer.status, 409);
    let ours = hub.path("ecosystem.toml");
    assert!(answer.body.contains("/elsewhere/ecosystem.toml") && answer.body.contains(ours.to_str().unwrap()));
    assert_eq!(hub.ask_about(&ours, "/v1/status").status, 200);
}

#[test]
fn a_namespace_is_a_target_and_what_runs_is_left_unchanged_by_a_start() {
    let hub = hub();
    let accepted = hub.act("stop", &["care"]);
    assert_eq!(accepted["apps"][0]["name"], "backend");
    hub.until_status("backend", Word::Stopped);
    let accepted = hub.act("start", &[]);
    assert_eq!(
        accepted,
        json!({"apps": [
            {"id": 0, "name": "backend", "after": 1, "unchanged": false},
            {"id": 1, "name": "web", "after": 2, "unchanged": true},
        ]})
    );
}

#[test]
fn status_measures_and_logs_are_named() {
    let hub = hub();
    let measured = || {
        let answer = hub.ask("GET", "/v1/status", "");
        let status: protocol::control::Status = serde_json::from_str(&answer.body).unwrap();
        status.apps.iter().all(|app| app.memory_bytes > 0 && app.uptime_ms.is_some()).then_some(())
    };
    eventually("both use some memory", measured);
    let sources: Vec<LogSource> = serde_json::from_str(&hub.ask("GET", "/v1/logs", "").body).unwrap();
    assert_eq!(sources[0].out_file, hub.path("logs/backend-out.log").to_str().unwrap());
    let mode = std::fs::metadata(hub.path("run/control.sock")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn what_cannot_be_emptied_is_named_and_the_rest_is_emptied() {
    let hub = Hub::start(
        "[[apps]]\nname='a'\nscript='/bin/sleep'\nautostart=false\nout_file='taken'\nerror_file='there'\n\
         [[apps]]\nname='b'\nscript='/bin/sleep'\nautostart=false\nout_file='nowhere'\nerror_file='/dev/null'\n",
        &[],
    );
    std::fs::create_dir(hub.path("taken")).unwrap();
    std::fs::write(hub.path("there"), "words\n").unwrap();
    std::os::unix::fs::symlink("absent/file", hub.path("nowhere")).unwrap();
    let answer = hub.ask("POST", "/v1/flush", "{\"targets\":[]}");
    assert_eq!(answer.status, 200, "{}", answer.body);
    let flushed: Flushed = serde_json::from_str(&answer.body).unwrap();
    let text = |name: &str| hub.path(name).to_str().unwrap().to_owned();
    assert_eq!(flushed.files, ["/dev/null".to_owned(), text("there")]);
    assert_eq!(std::fs::read(hub.path("there")).unwrap(), b"");
    let failed: Vec<_> = flushed.failed.iter().map(|failed| failed.file.clone()).collect();
    assert_eq!(failed, [text("nowhere"), text("taken")]);
}

#[test]
fn a_log_that_cannot_be_written_is_told_until_it_can() {
    let hub = Hub::start(
        "[[apps]]\nname='a'\nscript='/bin/sh'\nargs=['-c', 'while :; do echo word; sleep 0.02; done']\n\
         autostart=false\nout_file='taken'\n",
        &[],
    );
    std::fs::create_dir(hub.path("taken")).unwrap();
    hub.act("start", &["a"]);
    let trouble = || {
        let described: Vec<Description> = serde_json::from_str(&hub.ask("GET", "/v1/describe", "").body).unwrap();
        described[0].logs.trouble.clone()
    };
    let told = eventually("the trouble is told", trouble);
    assert!(told.contains("/taken: ") && told.contains("irectory"), "{told}");
    std::fs::remove_dir(hub.path("taken")).unwrap();
    eventually("it is over", || trouble().is_none().then_some(()));
}

#[test]
fn kill_is_answered_and_then_everything_leaves() {
    let mut hub = hub();
    assert_eq!(hub.ask("POST", "/v1/kill", "").status, 200);
    assert_eq!(hub.keeper_ended().code(), Some(0));
    assert!(hub.tagged().is_empty());
}
