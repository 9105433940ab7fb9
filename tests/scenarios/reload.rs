//! A reload with overlap: the new run starts beside the old one, on the same socket, and takes over when it is ready.

use std::fs;
use std::io::Write;
use std::net::TcpStream;

use protocol::control::Word;
use scenarios::command::Running;
use scenarios::hub::Hub;
use scenarios::ports::Port;
use scenarios::{App, binaries, http, loops, process, wait};

/// The first descriptor that a worker is lent.
const LENT: i32 = 3;

fn web(port: &Port) -> App {
    App::puppet("web", "drain").waits_for_ready().set("listen", port.address())
}

fn gated(port: &Port) -> App {
    web(port).gated()
}

fn started(app: App) -> Hub {
    let hub = Hub::new(&[app]);
    hub.gate("web").let_one_through();
    hub.ctl(&["start"]).succeeded();
    hub.journal().until("web ready");
    hub
}

/// A reload that has come as far as having the new run wait at its gate.
fn begun(hub: &Hub) -> Running {
    let reload = hub.begin(&["reload", "web"]);
    hub.journal().until("web started");
    reload
}

/// The pid of the worker that answers.
fn who_answers(port: &Port) -> i32 {
    http::get(port.number(), "/").expect("an answer").text().parse().expect("a pid")
}

/// A request whose end is still to come, and that somebody has taken already.
fn slow_request(hub: &Hub, port: &Port) -> TcpStream {
    let mut client = http::connect(port.number()).expect("not refused");
    client.write_all(b"GET /slow HTTP/1.1\r\nhost: localhost\r\n").expect("room in the socket");
    hub.journal().until("web took");
    client
}

/// Ends the slow request; the pid of the worker that answers.
fn end_of(client: TcpStream) -> i32 {
    let answer = http::exchange(client, "GET", "/", &[], "").expect("an answer");
    answer.text().parse().expect("a pid")
}

fn lent_socket(pid: i32) -> String {
    fs::read_link(format!("/proc/{pid}/fd/{LENT}")).expect("a lent socket").to_string_lossy().into_owned()
}

fn workers(hub: &Hub) -> Vec<i32> {
    hub.workers().iter().map(|process| process.pid).collect()
}

/// Whoever runs, runs alone, is online and answers.
fn alone(hub: &Hub, port: &Port) -> i32 {
    let pid = hub.until_workers(1)[0].pid;
    assert_eq!(hub.until_status("web", Word::Online).pid, Some(pid));
    assert_eq!(who_answers(port), pid);
    pid
}

#[test]
fn the_new_run_starts_beside_the_old_one_on_the_same_socket() {
    let port = Port::free();
    let hub = started(gated(&port));
    let old = hub.pid("web");
    let bound = lent_socket(old);
    let mut reload = begun(&hub);
    let both = hub.until_workers(2);
    let new = both.iter().map(|process| process.pid).find(|pid| *pid != old).expect("another one");
    assert_eq!((lent_socket(old), lent_socket(new)), (bound.clone(), bound.clone()));
    let during = hub.app("web");
    assert_eq!((during.status, during.pid, during.restarts), (Word::Online, Some(old), 0));
    assert_eq!(who_answers(&port), old, "the new one is not ready");
    assert!(reload.is_running());
    hub.gate("web").let_one_through();
    reload.output().succeeded();
    let seen = hub.journal().so_far();
    let order = ["web ready", "web terminating", "web leaving"];
    let happened: Vec<_> = seen.iter().filter(|line| order.contains(&line.as_str())).collect();
    assert_eq!(happened, order, "the old one was told when the new one was ready, and left by itself");
    assert_eq!(alone(&hub, &port), new);
    assert_eq!((hub.app("web").restarts, hub.app("web").reason), (1, None));
    assert_eq!(lent_socket(new), bound);
}

#[test]
fn the_old_run_answers_what_it_took_while_the_new_one_answers_what_comes() {
    let port = Port::free();
    let hub = started(gated(&port));
    let old = hub.pid("web");
    let slow = slow_request(&hub, &port);
    let mut reload = begun(&hub);
    hub.gate("web").let_one_through();
    hub.journal().until("web terminating");
    let new = who_answers(&port);
    assert_ne!(new, old);
    assert_eq!(hub.app("web").pid, Some(new));
    assert!(reload.is_running() && process::is_alive(old), "it is over when the old one is gone");
    assert_eq!(end_of(slow), old);
    reload.output().succeeded();
    assert_eq!(alone(&hub, &port), new);
}

#[test]
fn a_new_run_that_is_not_ready_in_time_leaves_the_old_one_as_it_is() {
    let port = Port::free();
    let hub = started(gated(&port).set("listen_timeout", 300));
    let old = hub.pid("web");
    let failed = begun(&hub).output().with_code(1);
    for words in ["reload failed", "not ready within 0.3 s", "the run before it goes on"] {
        assert!(failed.stderr.contains(words), "{words}: {failed}");
    }
    assert_eq!(alone(&hub, &port), old);
    let after = hub.app("web");
    assert_eq!((after.restarts, after.exit.is_some()), (0, true), "{after:?}");
    assert!(after.reason.is_some_and(|reason| reason.contains("not ready within 0.3 s")));
    hub.ctl(&["start", "web"]).succeeded();
    hub.gate("web").let_one_through();
    hub.ctl(&["reload", "web"]).succeeded();
    assert_ne!(alone(&hub, &port), old);
    assert_eq!(hub.app("web").reason, None);
}

/// As `web`, but it fails while there is a file of this name.
fn breakable(hub: &Hub) {
    let puppet = binaries::built("puppet");
    hub.write("web.sh", &format!("test -e broken && exit 7\nexec {} drain\n", puppet.display()));
}

#[test]
fn a_new_run_that_ends_before_it_is_ready_leaves_the_old_one_as_it_is() {
    let port = Port::free();
    let web = App::program("web", "./web.sh").waits_for_ready().set("listen", port.address());
    let hub = Hub::new(&[web.env("PUPPET_JOURNAL", "journal").set("max_restarts", 0)]);
    breakable(&hub);
    hub.ctl(&["start"]).succeeded();
    let old = hub.pid("web");
    hub.write("broken", "");
    // However often: it is no crash of the app's.
    for _ in 0..3 {
        let failed = hub.ctl(&["reload", "web"]).with_code(1);
        assert!(failed.stderr.contains("exited with code 7"), "{failed}");
        assert_eq!(alone(&hub, &port), old);
    }
    fs::remove_file(hub.path("broken")).expect("it is there");
    hub.ctl(&["reload", "web"]).succeeded();
    assert_ne!(alone(&hub, &port), old);
}

#[test]
fn the_old_run_that_ends_meanwhile_is_followed_by_the_one_that_is_tried() {
    let port = Port::free();
    let hub = started(gated(&port).set("restart_delay", "1h").set("min_uptime", "1h"));
    let old = hub.pid("web");
    let reload = begun(&hub);
    process::kill_9(old);
    let new = hub.until_app("web", "is launching", |app| app.status == Word::Launching).pid.expect("a pid");
    assert_ne!(new, old);
    hub.gate("web").let_one_through();
    reload.output().succeeded();
    assert_eq!(alone(&hub, &port), new);
    // Nothing is wrong any more; that something was is still told.
    for told in [hub.read("logs/betti-supervisor.log"), hub.ctl(&["why", "web"]).succeeded().stdout] {
        let words = ["killed by SIGKILL after ", "; run 2, which is tried beside it, takes its place"];
        assert!(told.lines().any(|line| words.iter().all(|words| line.contains(words))), "{told}");
        assert!(!told.contains("not needed any more"), "{told}");
    }
}

#[test]
fn a_stop_during_a_reload_leaves_nothing() {
    let port = Port::free();
    // While the new one is tried; and while the old one finishes what it took, for longer than it may.
    for is_ready in [false, true] {
        let hub = started(gated(&port).set("kill_timeout", 500));
        let slow = slow_request(&hub, &port);
        let reload = begun(&hub);
        if is_ready {
            hub.gate("web").let_one_through();
            hub.journal().until("web terminating");
        }
        hub.ctl(&["stop", "web"]).succeeded();
        hub.assert_no_worker_is_left();
        let reload = reload.output().with_code(1);
        assert!(reload.stderr.contains("somebody stopped it"), "{reload}");
        assert_eq!(hub.app("web").status, Word::Stopped);
        drop(slow);
        hub.gate("web").let_one_through();
        hub.ctl(&["start", "web"]).succeeded();
        alone(&hub, &port);
    }
}

#[test]
fn the_end_of_everything_during_a_reload_leaves_nothing() {
    let port = Port::free();
    let ends: [fn(&Hub); 2] = [
        |hub| drop(hub.ctl(&["kill"]).succeeded()),
        |hub| process::kill_9(hub.status().keeper.pid), // and the two runs with it
    ];
    for end in ends {
        let hub = started(gated(&port));
        let reload = begun(&hub);
        hub.until_workers(2);
        end(&hub);
        let _ = reload.output(); // there is nobody left to say how it ends
        hub.until_nothing_is_left();
    }
}

#[test]
fn a_restart_during_a_reload_makes_one_run_of_two() {
    let port = Port::free();
    let hub = started(gated(&port));
    let reload = begun(&hub);
    let both = workers(&hub);
    let restart = hub.begin(&["restart", "web"]);
    hub.journal().until("web started");
    hub.gate("web").let_one_through();
    restart.output().succeeded();
    let _ = reload.output(); // its run was ended by somebody else, or another one came in time
    assert!(!both.contains(&alone(&hub, &port)));
}

#[test]
fn an_old_run_that_does_not_leave_is_killed_with_all_of_its_tree() {
    let port = Port::free();
    for (behaviour, count) in [("deaf", 1), ("fork-setsid", 2)] {
        let web = App::puppet("web", behaviour).waits_for_ready().set("listen", port.address());
        let hub = Hub::started(&[web.set("kill_timeout", 300)]);
        let old = hub.until_workers(count);
        hub.ctl(&["reload", "web"]).succeeded();
        let new = hub.until_workers(count);
        assert!(new.iter().all(|process| !old.contains(process)), "{behaviour}: somebody stayed");
    }
}

#[test]
fn a_socket_that_the_old_run_shut_down_listens_again() {
    let port = Port::free();
    let hub = Hub::started(&[web(&port).env("PUPPET_SHUTS", "1")]);
    let old = hub.pid("web");
    hub.ctl(&["reload", "web"]).succeeded();
    wait::until("it listens again", || http::connect(port.number()).map(drop));
    assert_ne!(alone(&hub, &port), old);
}

#[test]
fn instances_are_reloaded_one_after_the_other_with_one_new_run_at_a_time() {
    let port = Port::free();
    let hub = Hub::started(&[web(&port).set("instances", 3)]);
    let old = workers(&hub);
    hub.journal().so_far();
    hub.ctl(&["reload", "web"]).succeeded();
    let seen = hub.journal().so_far();
    let one = ["web started", "web ready", "web terminating", "web leaving"];
    assert_eq!(seen, [one, one, one].concat());
    assert!(hub.until_workers(3).iter().all(|process| !old.contains(&process.pid)));
}

#[test]
fn a_reload_that_failed_names_whoever_kept_its_old_run() {
    let port = Port::free();
    let web = App::program("web", "./web.sh").waits_for_ready().set("listen", port.address()).set("instances", 3);
    let hub = Hub::new(&[web]);
    breakable(&hub);
    hub.ctl(&["start"]).succeeded();
    let old = workers(&hub);
    hub.write("broken", "");
    let report = hub.ctl(&["reload", "web", "--json"]).with_code(1);
    let report: serde_json::Value = serde_json::from_str(&report.stdout).expect("JSON");
    let failed: Vec<&str> =
        report["failed"].as_array().expect("a list").iter().filter_map(|failed| failed["why"].as_str()).collect();
    assert!(failed.len() == 3 && failed[0].contains("exited with code 7"), "{report}");
    assert!(failed[1..].iter().all(|why| why.starts_with("not reloaded: ")), "{report}");
    let told = hub.ctl(&["reload", "web"]).with_code(1);
    assert!(!told.stdout.contains("✓ online"), "{told}");
    assert!(told.to_string().contains("not reloaded: "), "{told}");
    let told = hub.ctl(&["startOrReload"]).with_code(1);
    assert!(told.to_string().contains("not reloaded: "), "{told}");
    assert_eq!(workers(&hub), old);
}

#[test]
fn however_a_run_says_that_it_is_ready_it_takes_over_then() {
    let port = Port::free();
    let puppet =
        |behaviour: &str| App::puppet("web", behaviour).set("listen", port.address()).set("listen_timeout", "1m");
    let says = puppet("drain").set("ready", serde_json::json!({ "log": "listening" })).set("script", "./web.sh");
    for web in [puppet("drain").set("ready", "none"), puppet("sd-notify").set("wait_ready", true), says] {
        let hub = Hub::new(&[web]);
        let puppet = binaries::built("puppet");
        hub.write("web.sh", &format!("echo listening\nexec {} drain\n", puppet.display()));
        hub.ctl(&["start"]).succeeded();
        let old = hub.until_workers(1);
        hub.ctl(&["reload", "web"]).succeeded();
        assert_ne!(hub.until_workers(1), old);
        let log = hub.read("logs/betti-supervisor.log");
        let place = |line: &str| log.find(line).unwrap_or_else(|| panic!("no {line:?} in {log}"));
        assert!(place("run 2 beside the one that serves") < place("run 1 is gone"), "{log}");
    }
}

#[test]
fn a_reload_that_waits_for_a_stopped_dependency_says_so_and_the_old_run_serves() {
    let port = Port::free();
    let hub = Hub::started(&[App::puppet("base", "ready").waits_for_ready(), web(&port).depends_on(&["base"])]);
    let old = hub.pid("web");
    hub.ctl(&["stop", "base"]).succeeded();
    let waits = hub.ctl(&["reload", "web"]).with_code(1);
    assert!(waits.stderr.contains("it waits for base, which is stopped"), "{waits}");
    assert_eq!(who_answers(&port), old);
    hub.ctl(&["start", "base"]).succeeded();
    let new = hub.until_app("web", "is in its next run", |app| app.pid != Some(old)).pid;
    hub.until_workers(2);
    assert_eq!(Some(who_answers(&port)), new);
}

#[test]
fn the_new_run_has_the_environment_of_now() {
    let port = Port::free();
    let hub = Hub::new(&[web(&port).set("env_file", "vars")]);
    hub.write("vars", "WORD=old\n");
    hub.ctl(&["start"]).succeeded();
    let word = || process::look(hub.pid("web")).expect("it runs").variable("WORD").map(str::to_owned);
    assert_eq!(word().as_deref(), Some("old"));
    hub.write("vars", "WORD=new\n");
    hub.ctl(&["reload", "web"]).succeeded();
    assert_eq!(word().as_deref(), Some("new"));
}

#[test]
fn with_a_probe_that_both_would_answer_one_follows_the_other() {
    let port = Port::free();
    let ready = serde_json::json!({ "http": "/" });
    let web = App::puppet("web", "drain").set("listen", port.address()).set("ready", ready);
    let hub = Hub::started(&[web.set("listen_timeout", "1m")]);
    hub.journal().until("web ready");
    hub.ctl(&["reload", "web"]).succeeded();
    let seen = hub.journal().so_far();
    let place = |line: &str| seen.iter().position(|seen| seen == line);
    assert!(place("web leaving") < place("web started"), "{seen:?}");
    alone(&hub, &port);
}

#[test]
fn a_reload_comes_to_the_same_end_whenever_the_supervisor_dies() {
    let port = Port::free();
    let hub = Hub::started(&[web(&port)]);
    hub.journal().so_far();
    let mut old = alone(&hub, &port);
    for turn in 0..loops(40).max(4) {
        hub.journal().until("web took");
        let supervisor = hub.status().supervisor.pid;
        let point = ["web started", "web ready", "web terminating", "web leaving"][turn % 4];
        let reload = hub.begin(&["reload", "web"]);
        hub.journal().until(point);
        process::kill_9(supervisor);
        reload.output().succeeded();
        let new = alone(&hub, &port);
        assert_ne!(new, old, "turn {turn}, killed at {point:?}");
        old = new;
    }
}

#[test]
fn a_failed_try_stays_failed_whenever_the_supervisor_dies() {
    let port = Port::free();
    let hub = started(gated(&port).set("listen_timeout", 500));
    let old = hub.pid("web");
    for turn in 0..loops(20).max(2) {
        let supervisor = hub.status().supervisor.pid;
        let reload = begun(&hub);
        if turn % 2 == 1 {
            hub.until_workers(2);
            hub.until_workers(1); // the new one was given up on, and is gone
        }
        process::kill_9(supervisor);
        let failed = reload.output().with_code(1);
        assert!(failed.stderr.contains("not ready within"), "turn {turn}: {failed}");
        assert_eq!(alone(&hub, &port), old, "turn {turn}");
    }
}
