//! Every verb on a hub that does what it is told, as a person reads it.

use serde_json::Value;

use crate::fake::Fake;
use crate::home::{Call, Home, plain};
use crate::house::House;

/// A home in which somebody is home.
pub fn inhabited() -> (Home, Fake) {
    let home = Home::new();
    // A folder with the same name on every machine, so that tables are as wide everywhere.
    let fake = Fake::listen(&home.socket(), House::new("/srv/betti".into()).answers());
    (home, fake)
}

/// What a person sees of a call.
fn seen(home: &Home, arguments: &[&str]) -> String {
    let Call { code, out, error } = home.call(arguments);
    let error = if error.is_empty() { String::new() } else { format!("--- standard error\n{error}") };
    plain(&format!("$ betti-ctl {}\n{out}{error}--- exit code {}\n", arguments.join(" "), code.expect("a code")), home)
}

#[test]
fn acting_verbs_say_what_they_do_and_end_with_the_table() {
    for (name, arguments) in [
        ("reload", &["reload", "web"][..]),
        ("restart", &["restart", "api", "--with-dependants"]),
        ("delete", &["delete", "api"]),
        ("delete_instance", &["del", "2"]),
        ("scale_up", &["scale", "web", "+1"]),
        ("scale_down", &["scale", "1", "-1"]),
        ("reset", &["reset", "all"]),
        ("send_signal", &["sendSignal", "hup", "api"]),
        ("flush", &["flush", "api"]),
        ("reload_logs", &["reload-logs"]),
    ] {
        let (home, _fake) = inhabited();
        insta::assert_snapshot!(format!("act_{name}"), seen(&home, arguments));
    }
}

#[test]
fn what_is_asked_of_the_supervisor_is_what_was_said() {
    for (arguments, line, body) in [
        (&["reload", "web", "0"][..], "POST /v1/reload", r#"{"targets":["web","0"]}"#),
        (&["restart", "api", "--with-dependants"], "POST /v1/restart", r#"{"targets":["api"],"dependants":true}"#),
        (&["delete", "all"], "POST /v1/delete", r#"{"targets":["all"]}"#),
        // Asked for twice, because an answer was lost, "one more" would be two more.
        (&["scale", "web", "+1"], "POST /v1/scale", r#"{"app":"web","instances":"3"}"#),
        (&["scale", "2", "-1"], "POST /v1/scale", r#"{"app":"2","instances":"1"}"#),
        (&["scale", "web", "4"], "POST /v1/scale", r#"{"app":"web","instances":"4"}"#),
        (&["reset"], "POST /v1/reset", r#"{"targets":[]}"#),
        (&["send-signal", "usr1", "api"], "POST /v1/signal", r#"{"signal":"SIGUSR1","targets":["api"]}"#),
        (&["flush"], "POST /v1/flush", r#"{"targets":[]}"#),
        (&["reloadLogs"], "POST /v1/reload-logs", ""),
    ] {
        let (home, fake) = inhabited();
        let call = home.call(arguments);
        let acts = fake.acts();
        assert_eq!((acts[0].line.as_str(), acts[0].body.as_str()), (line, body), "{call:?}");
    }
}

#[test]
fn reading_verbs_are_for_people() {
    let (home, _fake) = inhabited();
    for (name, arguments) in [
        ("status", &["status"][..]),
        ("describe", &["describe", "api"]),
        ("describe_secrets", &["show", "2", "--show-secrets"]),
        ("env", &["env", "api"]),
        ("env_of_instances", &["env", "web", "--show-secrets"]),
        ("env_diff", &["env", "api", "--diff"]),
        ("ping", &["ping"]),
        ("why", &["why", "api"]),
        ("id", &["id", "web"]),
        ("pid", &["pid"]),
        ("pid_of_one", &["pid", "api"]),
        ("profile", &["profile"]),
    ] {
        insta::assert_snapshot!(format!("read_{name}"), seen(&home, arguments));
    }
}

#[test]
fn nobody_who_runs_has_no_pid() {
    let (home, _fake) = inhabited();
    assert_eq!(home.call(&["stop", "api"]).code, Some(0));
    let call = home.call(&["pid", "api"]);
    assert_eq!((call.code, call.out.as_str(), call.error.as_str()), (Some(1), "", ""));
    assert_eq!(home.call(&["pid"]).out, "4711\n4711\n");
    assert_eq!(home.call(&["send-signal", "HUP", "api"]).code, Some(1));
    assert_eq!(home.call(&["send-signal", "HUP", "all"]).code, Some(0));
}

#[test]
fn jlist_is_pm2s_array() {
    let (home, _fake) = inhabited();
    let list: Value = serde_json::from_str(&home.call(&["jlist"]).out).expect("JSON");
    let expected = |id: u64| format!("/{}/pm2_env", id);
    assert_eq!(list.as_array().expect("an array").len(), 3);
    for (pointer, value) in [
        ("/0/name", Value::from("api")),
        ("/0/pid", 4711.into()),
        ("/0/pm_id", 0.into()),
        ("/0/monit/memory", 54_106_521.into()),
        ("/0/monit/cpu", 1.4.into()),
        ("/0/pm2_env/status", "online".into()),
        ("/0/pm2_env/restart_time", 3.into()),
        ("/0/pm2_env/unstable_restarts", 1.into()),
        ("/0/pm2_env/exec_mode", "fork_mode".into()),
        ("/0/pm2_env/instances", 1.into()),
        ("/0/pm2_env/exit_code", 3.into()),
        ("/0/pm2_env/watch", true.into()),
        ("/0/pm2_env/pm_exec_path", "/usr/bin/betti-api".into()),
        ("/0/pm2_env/env/PORT", "3001".into()),
        ("/0/pm2_env/env/API_TOKEN", "********".into()),
        ("/2/pm2_env/exec_mode", "cluster_mode".into()),
        ("/2/pm2_env/instances", 2.into()),
        ("/2/pm2_env/exit_code", Value::Null),
    ] {
        assert_eq!(list.pointer(pointer), Some(&value), "{pointer}");
    }
    for key in ["pm_uptime", "created_at", "pm_cwd", "pm_out_log_path", "pm_err_log_path", "version", "namespace"] {
        assert!(list.pointer(&format!("{}/{key}", expected(0))).is_some(), "{key}");
    }
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_millis();
    let since = u128::from(list[0]["pm2_env"]["pm_uptime"].as_u64().expect("a number"));
    assert!((65_000..65_000 + 60_000).contains(&(now - since)), "a minute and five seconds ago");
    let pretty = home.call(&["prettylist"]).out;
    assert!(pretty.starts_with("[\n  {\n") && pretty.lines().count() > 50, "{pretty}");
}

#[test]
fn a_name_that_means_nothing_is_answered_with_the_nearest_first() {
    let (home, _fake) = inhabited();
    let expected = "[Betti][ERROR] there is no app, id or namespace `weg`: did you mean `web`? The apps are web, api\n";
    for arguments in [
        &["start", "weg"][..],
        &["stop", "weg"],
        &["restart", "api", "weg"],
        &["reload", "weg"],
        &["delete", "weg"],
        &["scale", "weg", "2"],
        &["reset", "weg"],
        &["send-signal", "HUP", "weg"],
        &["flush", "weg"],
        &["describe", "weg"],
        &["env", "weg"],
        &["pid", "weg"],
        &["id", "weg"],
        &["logs", "weg"],
    ] {
        let call = home.call(arguments);
        assert_eq!((call.code, call.out.as_str(), call.error.as_str()), (Some(1), "", expected), "{arguments:?}");
    }
}

#[test]
fn logs_are_objects_for_programs() {
    let home = Home::new();
    let _fake = Fake::listen(&home.socket(), House::new(home.folder()).answers());
    std::fs::create_dir(home.folder().join("logs")).expect("a folder");
    std::fs::write(home.folder().join("logs/api-out.log"), "one\ntwo \"quoted\"\n").expect("a file");
    let call = home.call(&["logs", "api", "--json"]);
    let lines: Vec<Value> = call.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len(), 2, "{call:?}");
    // Nothing but the file's own time is known, and that is the last line's.
    let modified = std::fs::metadata(home.folder().join("logs/api-out.log")).and_then(|found| found.modified());
    let seconds = modified.expect("a time").duration_since(std::time::UNIX_EPOCH).expect("since then").as_secs();
    let timestamp = jiff::Timestamp::from_second(seconds.cast_signed()).expect("a time").strftime("%Y-%m-%dT%H:%M:%S");
    let shown = lines[1]["timestamp"].as_str().expect("a time");
    assert!(shown.starts_with(&timestamp.to_string()) && shown.ends_with('Z'), "{shown}");
    let expected = |message: &str, timestamp: Value| serde_json::json!({"message": message, "timestamp": timestamp, "type": "out", "process_id": 0, "app_name": "api", "run": null});
    assert_eq!(lines[0], expected("one", Value::Null));
    assert_eq!(lines[1], expected("two \"quoted\"", shown.into()));
}
