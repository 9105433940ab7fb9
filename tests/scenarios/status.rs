//! What status shows, to people and to programs.

use std::collections::BTreeSet;

use scenarios::App;
use scenarios::hub::Hub;
use serde_json::Value;

/// PM2's columns in PM2's order.
const COLUMNS: [&str; 13] =
    ["id", "name", "namespace", "version", "mode", "pid", "uptime", "↺", "status", "cpu", "mem", "user", "watching"];

fn keys(value: &Value) -> BTreeSet<&str> {
    value.as_object().unwrap_or_else(|| panic!("no object: {value}")).keys().map(String::as_str).collect()
}

#[test]
fn status_in_json_has_exactly_the_documented_keys() {
    let hub = Hub::started(&[App::puppet("web", "ready").waits_for_ready(), App::puppet("other", "ready")]);
    hub.ctl(&["stop", "other"]).succeeded();
    let output = hub.ctl(&["status", "--json"]).succeeded();
    let status: Value = serde_json::from_str(&output.stdout).expect("JSON");
    assert_eq!(keys(&status), BTreeSet::from(["keeper", "supervisor", "profile", "apps"]));
    assert_eq!(keys(&status["keeper"]), BTreeSet::from(["pid"]));
    assert_eq!(keys(&status["supervisor"]), BTreeSet::from(["pid", "version"]));
    let documented = "id name namespace status reason pid uptime_ms ready_ms restarts cpu_percent memory_bytes exit";
    for app in status["apps"].as_array().expect("apps") {
        assert_eq!(keys(app), documented.split(' ').collect());
    }
    let (web, other) = (&status["apps"][0], &status["apps"][1]);
    assert_eq!((&web["id"], &web["name"], &web["namespace"]), (&0.into(), &"web".into(), &"default".into()));
    assert_eq!((&web["status"], &web["exit"], &web["reason"]), (&"online".into(), &Value::Null, &Value::Null));
    assert!(web["memory_bytes"].as_u64().is_some_and(|bytes| bytes > 100_000), "{web}");
    assert!(web["uptime_ms"].is_u64() && web["ready_ms"].is_u64() && web["cpu_percent"].is_number(), "{web}");
    assert_eq!((&other["status"], &other["pid"]), (&"stopped".into(), &Value::Null));
}

#[test]
fn what_runs_where_is_true() {
    let hub = Hub::started(&[App::puppet("web", "ready")]);
    let status = hub.status();
    let looks_like = |pid: i32, what: &str| {
        let process = scenarios::process::look(pid).unwrap_or_else(|| panic!("{pid} does not run"));
        assert!(process.command.contains(what), "{process}");
    };
    looks_like(status.keeper.pid, "betti-supervisor");
    looks_like(status.supervisor.pid, "betti-supervisor");
    looks_like(status.apps[0].pid.expect("a pid"), "puppet");
    assert!(scenarios::process::children(status.keeper.pid).contains(&status.supervisor.pid));
}

#[test]
fn the_table_has_pm2s_columns_and_pm2s_words() {
    let hub = Hub::started(&[App::puppet("web", "ready").set("namespace", "house"), App::puppet("gone", "ready")]);
    hub.ctl(&["stop", "gone"]).succeeded();
    let table = hub.ctl(&["status"]).succeeded().stdout;
    let cells =
        |line: &str| -> Vec<String> { line.split(['│', '|', '┆']).map(|cell| cell.trim().to_owned()).collect() };
    let header = table.lines().map(cells).find(|cells| cells.iter().any(|cell| cell == "name"));
    let header: Vec<String> = header.expect("a header").into_iter().filter(|cell| !cell.is_empty()).collect();
    assert_eq!(header, COLUMNS, "{table}");
    for words in [["web", "house", "online"], ["gone", "default", "stopped"]] {
        let row = table.lines().map(cells).find(|cells| cells.iter().any(|cell| cell == words[0]));
        let row = row.unwrap_or_else(|| panic!("no {} in {table}", words[0]));
        assert!(words.iter().all(|word| row.iter().any(|cell| cell == word)), "{words:?} in {row:?}");
    }
}

#[test]
fn ls_and_list_are_understood_too() {
    let hub = Hub::started(&[App::puppet("web", "ready")]);
    for habit in ["ls", "list"] {
        assert!(hub.ctl(&[habit]).succeeded().stdout.contains("web"));
    }
}
