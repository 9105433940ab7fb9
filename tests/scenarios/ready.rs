//! Ready means ready.

use std::time::{Duration, Instant};

use protocol::control::{Exit, Word};
use scenarios::hub::{Hub, app, runs};
use scenarios::{App, wait};

/// What a PM2 user has; the gate stands for whatever it does before it can serve.
const NODE_APP: &str = "
    const fs = require('fs');
    fs.createReadStream('web.gate').once('data', () => process.send('ready'));
    setInterval(() => {}, 1000);
";

#[test]
fn a_node_app_with_an_unmodified_process_send_is_online_only_after_it_said_so() {
    let hub = Hub::new(&[App::program("web", "./app.js").gated()]);
    hub.write("app.js", NODE_APP);
    let start = hub.begin(&["start"]);
    hub.until("node is started", |watch| {
        let web = app(&watch.status, "web");
        assert_ne!(web.status, Word::Online, "it has not said so yet");
        web.status == Word::Launching && web.pid.is_some()
    });
    let waits_at_the_gate = |pid: i32| {
        let gate = std::fs::canonicalize(hub.path("web.gate")).expect("the gate");
        if scenarios::process::open_files(pid).contains(&gate) { Ok(()) } else { Err("it is still loading") }
    };
    let pid = hub.pid("web");
    wait::until("node stands at the gate", || waits_at_the_gate(pid));
    assert_eq!(hub.app("web").status, Word::Launching, "only its word makes it online");
    hub.gate("web").let_one_through();
    start.output().succeeded();
    let web = hub.app("web");
    assert_eq!((web.status, web.pid), (Word::Online, Some(pid)));
    assert!(web.ready_ms.is_some(), "{web:?}");
}

#[test]
fn start_returns_only_when_every_app_is_ready() {
    let hub = Hub::new(&[App::puppet("slow", "ready").gated()]);
    let mut start = hub.begin(&["start"]);
    hub.until_status("slow", Word::Launching);
    assert!(start.is_running(), "nobody is ready");
    hub.gate("slow").let_one_through();
    start.output().succeeded();
    assert_eq!(hub.app("slow").status, Word::Online);
}

#[test]
fn an_app_that_never_becomes_ready_is_reported_backs_off_and_is_never_online() {
    let mute = App::puppet("mute", "never-ready").set("wait_ready", true).set("listen_timeout", 150);
    let hub = Hub::new(&[mute.set("restart_delay", 20)]);
    let start = hub.ctl(&["start"]).with_code(1);
    assert!(start.stderr.contains("mute") && start.stderr.contains("ready"), "it says who and why: {start}");
    let mut delays = Vec::new();
    hub.until("it was tried three times more", |watch| {
        let mute = app(&watch.status, "mute");
        assert_ne!(mute.status, Word::Online);
        if mute.status == Word::WaitingRestart {
            let reason = mute.reason.as_deref().expect("the reason stays on show");
            assert!(reason.contains("ready"), "{reason}");
            delays.push(mute.restarts);
        }
        mute.restarts >= 3
    });
    assert!(!delays.is_empty(), "it was never seen to wait between two tries");
}

#[test]
fn a_ready_pipe_that_closes_without_a_line_is_not_ready() {
    let app = App::puppet("shy", "close-ready-pipe").set("wait_ready", true).set("listen_timeout", 300);
    let hub = Hub::new(&[app]);
    let start = hub.ctl(&["start"]).with_code(1);
    assert!(start.stderr.contains("shy"), "{start}");
    hub.until("it failed twice without ever being online", |watch| {
        assert_ne!(watch.status.apps[0].status, Word::Online);
        watch.status.apps[0].restarts >= 1
    });
}

#[test]
fn an_sd_notify_daemon_is_online_when_it_notifies() {
    let hub = Hub::new(&[App::puppet("daemon", "sd-notify").gated()]);
    let start = hub.begin(&["start"]);
    hub.journal().until("daemon started");
    assert_eq!(hub.until_status("daemon", Word::Launching).ready_ms, None);
    hub.gate("daemon").let_one_through();
    start.output().succeeded();
    assert_eq!(hub.app("daemon").status, Word::Online);
}

#[test]
fn an_app_that_is_not_waited_for_is_online_once_it_runs() {
    let hub = Hub::started(&[App::puppet("plain", "never-ready")]);
    assert_eq!(hub.app("plain").status, Word::Online);
}

#[test]
fn a_program_that_is_not_there_is_named_with_its_errno() {
    let hub = Hub::new(&[App::program("ghost", "./no-such-program")]);
    let start = hub.ctl(&["start"]).with_code(1);
    assert!(start.stderr.contains("no-such-program"), "{start}");
    let ghost = hub.until_app("ghost", "has an exit", |app| app.exit.is_some());
    assert_eq!(ghost.exit, Some(Exit::NotSpawned { not_spawned: "ENOENT".to_owned() }));
    assert!(ghost.reason.is_some() && ghost.pid.is_none(), "{ghost:?}");
}

#[test]
fn a_ready_timeout_is_not_shorter_than_asked_for() {
    let timeout = Duration::from_millis(400);
    let mute = App::puppet("mute", "never-ready").set("wait_ready", true).set("listen_timeout", "400ms");
    let hub = Hub::new(&[mute.set("autorestart", false)]);
    let asked = Instant::now();
    hub.ctl(&["start"]).with_code(1);
    assert!(asked.elapsed() >= timeout, "given up after {:?}", asked.elapsed());
    let watch = hub.until("its run is over", |watch| runs(watch, "mute").finished.is_some());
    assert_eq!(runs(&watch, "mute").newest, runs(&watch, "mute").finished, "autorestart = false: one run");
}
