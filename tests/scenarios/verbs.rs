//! What the smaller verbs print, asked of the real supervisor, and how they end.

use protocol::control::Word;
use scenarios::hub::Hub;
use scenarios::{App, binaries, process};
use serde_json::{Value, json};

fn web() -> App {
    App::puppet("web", "ready").waits_for_ready().env("COLOUR", "green").env("API_TOKEN", "hunter2")
}

fn hub() -> Hub {
    let hub = Hub::started(&[web(), App::puppet("off", "ready").waits_for_ready()]);
    hub.ctl(&["stop", "off"]).succeeded();
    hub
}

fn parsed(hub: &Hub, arguments: &[&str]) -> Value {
    let output = hub.ctl(arguments).succeeded();
    serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{error} in {output}"))
}

/// The value beside a key of a table.
fn row<'t>(table: &'t str, key: &str) -> Option<&'t str> {
    let cells = |line: &'t str| line.split('│').map(str::trim).filter(|cell| !cell.is_empty()).collect::<Vec<_>>();
    table.lines().map(cells).find_map(|cells| (cells.first() == Some(&key)).then(|| cells.get(1).copied())?)
}

#[test]
fn describe_tells_what_is_true_of_an_app() {
    let hub = Hub::started(&[
        App::puppet("base", "ready").waits_for_ready(),
        web().depends_on(&["base"]).set("kill_timeout", 1234).set("max_memory_restart", "200M").set("nice", 3),
    ]);
    let table = hub.ctl(&["describe", "web"]).succeeded().stdout;
    assert!(table.contains("Describing process with id 1 - name web"), "{table}");
    let puppet = binaries::built("puppet").to_string_lossy().into_owned();
    let out = hub.path("logs/web-out.log").to_string_lossy().into_owned();
    let pid = hub.pid("web").to_string();
    for (key, value) in [
        ("status", "online"),
        ("name", "web"),
        ("namespace", "default"),
        ("pid", &pid),
        ("restarts", "0"),
        ("unstable restarts", "0"),
        ("script path", &puppet),
        ("script args", "ready"),
        ("out log path", &out),
        ("exec mode", "fork_mode"),
        ("depends on", "base"),
        ("ready when", "when it says so"),
        ("kill_timeout", "1.2 s"),
        ("max_memory_restart", "200 MiB"),
        ("nice", "3"),
    ] {
        assert_eq!(row(&table, key), Some(value), "{key} in {table}");
    }
    assert_eq!(row(&table, "reason"), None, "{table}");
}

#[test]
fn describe_shows_a_failure_with_its_reason_and_a_hold() {
    let crashing = App::puppet("crashing", "exit 7").set("restart_delay", "1h");
    let hub = Hub::new(&[crashing, web()]);
    hub.ctl(&["start", "--no-wait"]).succeeded();
    hub.until_status("crashing", Word::WaitingRestart);
    hub.ctl(&["stop", "web"]).succeeded();
    let table = hub.ctl(&["describe", "crashing"]).succeeded().stdout;
    assert_eq!((row(&table, "status"), row(&table, "last exit")), (Some("waiting restart"), Some("code 7")), "{table}");
    assert!(row(&table, "reason").is_some_and(|reason| reason.starts_with("exited with code 7 after ")), "{table}");
    assert_eq!(row(&table, "unstable restarts"), Some("1"));
    let held = hub.ctl(&["describe", "web"]).succeeded().stdout;
    assert!(row(&held, "held").is_some_and(|held| held.starts_with("stopped by an operator")), "{held}");
    let both = parsed(&hub, &["describe", "crashing", "1", "--json"]);
    let names: Vec<&str> =
        both.as_array().expect("a list").iter().filter_map(|one| one["app"]["name"].as_str()).collect();
    assert_eq!(names, ["crashing", "web"], "a name and an id");
    assert_eq!((&both[0]["held"], &both[1]["held"]), (&json!(false), &json!(true)));
    let unknown = hub.ctl(&["describe", "crashin"]).with_code(1);
    assert!(unknown.stderr.contains("did you mean") || unknown.stderr.contains("Did you mean"), "{unknown}");
}

#[test]
fn env_shows_what_a_run_gets_and_masks_secrets() {
    let hub = hub();
    let shown = hub.ctl(&["env", "web"]).succeeded().stdout;
    let process = process::look(hub.pid("web")).expect("it runs");
    for line in shown.lines().filter(|line| !line.starts_with("API_TOKEN=")) {
        assert!(process.environment.iter().any(|pair| pair == line), "{line} in {:?}", process.environment);
    }
    assert!(shown.contains("COLOUR=green\n") && !shown.contains("hunter2"), "{shown}");
    assert!(hub.ctl(&["env", "web", "--show-secrets"]).succeeded().stdout.contains("API_TOKEN=hunter2"));
    let same = hub.ctl(&["env", "web", "--diff"]).succeeded().stdout;
    assert!(same.contains("exactly this environment"), "{same}");
    hub.ctl(&["env", "nobody"]).with_code(1);
}

#[test]
fn env_shows_what_the_next_run_would_get_otherwise() {
    let hub = Hub::new(&[web().set("env_file", "vars")]);
    hub.write("vars", "FROM_FILE=old\nGONE=1\n");
    hub.ctl(&["start"]).succeeded();
    hub.write("vars", "FROM_FILE=new\n");
    let difference = hub.ctl(&["env", "web", "--diff"]).succeeded().stdout;
    for line in ["- FROM_FILE=old", "+ FROM_FILE=new", "- GONE=1"] {
        assert!(difference.lines().any(|shown| shown == line), "{line} in {difference}");
    }
    hub.ctl(&["restart", "web"]).succeeded();
    assert!(hub.ctl(&["env", "web", "--diff"]).succeeded().stdout.contains("exactly this environment"));
}

#[test]
fn jlist_is_pm2s_array() {
    let hub = hub();
    let list = parsed(&hub, &["jlist"]);
    let (web, off) = (&list[0], &list[1]);
    assert_eq!(list.as_array().map(Vec::len), Some(2));
    assert_eq!((&web["name"], &web["pm_id"], &web["pid"]), (&json!("web"), &json!(0), &json!(hub.pid("web"))));
    let env = &web["pm2_env"];
    assert_eq!(
        (&env["status"], &env["restart_time"], &env["exec_mode"]),
        (&json!("online"), &json!(0), &json!("fork_mode"))
    );
    assert_eq!(env["pm_exec_path"], json!(binaries::built("puppet")));
    assert_eq!(env["pm_out_log_path"], json!(hub.path("logs/web-out.log")));
    assert_eq!(env["env"]["COLOUR"], "green");
    assert!(!list.to_string().contains("hunter2"));
    assert!(web["monit"]["memory"].as_u64().is_some_and(|bytes| bytes > 0), "{web}");
    assert!(env["pm_uptime"].as_u64().is_some_and(|at| at > 1_600_000_000_000), "{env}");
    assert_eq!(
        (&off["pid"], &off["pm2_env"]["status"], &off["pm2_env"]["exit_code"]),
        (&json!(0), &json!("stopped"), &json!(0))
    );
    assert!(parsed(&hub, &["prettylist"]).as_array().is_some_and(|list| list.len() == 2));
}

#[test]
fn pid_prints_numbers_only_and_is_1_when_there_are_none() {
    let hub = hub();
    let line = format!("{}\n", hub.pid("web"));
    assert_eq!(hub.ctl(&["pid"]).succeeded().stdout, line);
    assert_eq!(hub.ctl(&["pid", "web"]).succeeded().stdout, line);
    assert_eq!(hub.ctl(&["pid", "off"]).with_code(1).stdout, "");
    let unknown = hub.ctl(&["pid", "wbe"]).with_code(1);
    assert!(unknown.stdout.is_empty() && unknown.stderr.contains("web"), "{unknown}");
}

#[test]
fn reset_counts_from_0_again_and_disturbs_nobody() {
    let hub = hub();
    hub.ctl(&["restart", "web"]).succeeded();
    process::kill_9(hub.pid("web"));
    hub.until_app("web", "came back", |web| web.status == Word::Online && web.restarts == 2);
    let pid = hub.pid("web");
    hub.ctl(&["reset", "web"]).succeeded();
    let web = hub.app("web");
    assert_eq!((web.restarts, web.pid, web.status), (0, Some(pid), Word::Online));
    let described = parsed(&hub, &["describe", "web", "--json"]);
    assert_eq!(described[0]["recent_failures"], 0);
    assert_eq!(hub.app("off").status, Word::Stopped, "and starts nobody");
    hub.ctl(&["reset", "wbe"]).with_code(1);
}

#[test]
fn send_signal_reaches_the_app_and_is_not_taken_for_a_stop() {
    let listens =
        "trap 'echo web hup >journal' HUP\neval \"echo ready >&$BETTI_READY_FD\"\nwhile :; do sleep 0.05; done\n";
    let hub = Hub::new(&[App::program("web", "./web.sh").waits_for_ready(), App::puppet("off", "ready")]);
    hub.write("web.sh", listens);
    hub.ctl(&["start"]).succeeded();
    hub.ctl(&["stop", "off"]).succeeded();
    let pid = hub.pid("web");
    for name in ["SIGHUP", "hup", "1"] {
        hub.ctl(&["sendSignal", name, "web"]).succeeded();
        hub.journal().until("web hup");
    }
    assert_eq!((hub.pid("web"), hub.app("web").restarts), (pid, 0));
    let nobody = hub.ctl(&["sendSignal", "SIGHUP", "off"]).with_code(1);
    assert!(!nobody.stderr.is_empty(), "{nobody}");
    let nonsense = hub.ctl(&["sendSignal", "SIGNOTHING", "web"]);
    assert!(matches!(nonsense.code, Some(1 | 2)) && nonsense.stderr.contains("SIGNOTHING"), "{nonsense}");
    hub.ctl(&["sendSignal", "SIGHUP", "wbe"]).with_code(1);
    // What ends by a signal that somebody sent has failed, and is tried again.
    hub.ctl(&["sendSignal", "SIGKILL", "web"]).succeeded();
    hub.until_app("web", "came back", |web| web.status == Word::Online && web.pid != Some(pid));
}

#[test]
fn ping_says_who_answers_and_3_means_nobody() {
    let hub = Hub::new(&[web()]);
    let nobody = hub.ctl(&["ping"]).with_code(3);
    assert!(nobody.stdout.is_empty() && !nobody.stderr.is_empty(), "{nobody}");
    hub.ctl(&["start"]).succeeded();
    let status = hub.status();
    let (keeper, supervisor) = (status.keeper.pid, status.supervisor.pid);
    let words = hub.ctl(&["ping"]).succeeded().stdout;
    assert!(words.starts_with(&format!("pong: keeper {keeper}, supervisor {supervisor}, version ")), "{words}");
    let pong = parsed(&hub, &["ping", "--json"]);
    assert_eq!((&pong["keeper"], &pong["supervisor"]), (&json!(keeper), &json!(supervisor)));
    process::kill_9(supervisor);
    let after = parsed(&hub, &["ping", "--json"]);
    assert_ne!(after["supervisor"], json!(supervisor), "the next one answers");
    hub.ctl(&["kill"]).succeeded();
    hub.ctl(&["ping"]).with_code(3);
}

#[test]
fn without_a_supervisor_all_of_them_are_3() {
    let hub = Hub::new(&[web()]);
    let verbs: [&[&str]; 7] = [
        &["describe", "web"],
        &["env", "web"],
        &["jlist"],
        &["pid"],
        &["reset", "web"],
        &["sendSignal", "1", "web"],
        &["flush"],
    ];
    for verb in verbs {
        let output = hub.ctl(verb).with_code(3);
        assert!(output.stdout.is_empty() && output.stderr.contains("no supervisor is running"), "{output}");
    }
    assert!(hub.processes().is_empty());
}
