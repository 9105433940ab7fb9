//! Whoever cannot say that it is ready is asked: by connecting to it, by asking for a page, by looking at what it writes.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use protocol::control::{LONGEST_WATCH_MS, Word};
use scenarios::hub::Hub;
use scenarios::ports::Port;
use scenarios::{App, process, wait};
use serde_json::json;

/// A listen timeout that a scenario waits for.
const SHORT: &str = "600ms";
/// Writes a line, and another one when its gate lets it through.
const WRITER: &str = "#!/bin/sh
echo loading
head -c 1 web.gate >/dev/null
echo 'now: ready to serve, at last'
exec sleep 1000
";

/// Opens the port when its gate lets it through.
fn server(port: &Port) -> App {
    App::puppet("web", &format!("serve {}", port.address())).behind_a_gate().set("listen_timeout", "300s")
}

fn writer() -> App {
    App::program("web", "./web.sh").behind_a_gate().set("ready", json!({ "log": "ready to serve" }))
}

/// The hub with its app started, which is at its gate.
fn begun(app: App) -> Hub {
    let hub = Hub::new(&[app]);
    hub.write("web.sh", WRITER);
    hub.ctl(&["start", "--no-wait"]).succeeded();
    hub.until_app("web", "is started", |web| web.pid.is_some());
    hub
}

/// Fails to become ready; the words of its only run's end.
fn why_never_ready(hub: &Hub) -> String {
    let start = hub.ctl(&["start"]).with_code(1);
    let web = hub.until_status("web", Word::Errored);
    let reason = web.reason.expect("it is on show");
    assert!(start.stderr.contains(&reason), "{reason} in {start}");
    reason
}

/// Never online, never tried again.
fn hopeless(ready: serde_json::Value) -> App {
    let app = App::puppet("web", "never-ready").set("ready", ready).set("listen_timeout", SHORT);
    app.set("autorestart", false)
}

#[test]
fn a_port_that_is_open_means_ready_and_not_a_moment_before() {
    let port = Port::free();
    let hub = begun(server(&port).set("ready", json!({ "tcp": port.address() })));
    let words = format!("nobody listens on {}", port.address());
    hub.until_app("web", "says what it waits for", |web| {
        assert_eq!(web.status, Word::Launching, "nobody listens");
        web.reason.as_deref() == Some(&words)
    });
    hub.gate("web").let_one_through();
    let web = hub.until_status("web", Word::Online);
    assert_eq!((web.reason, web.restarts), (None, 0));
}

#[test]
fn a_page_that_is_answered_with_an_error_is_not_ready_until_it_is_mended() {
    let port = Port::free();
    let url = format!("http://{}/health", port.address());
    let hub = Hub::new(&[server(&port).env("PUPPET_SICK", "sick").set("ready", json!({ "http": url }))]);
    hub.write("sick", "");
    hub.gate("web").let_one_through();
    hub.ctl(&["start", "--no-wait"]).succeeded();
    let asked = Instant::now();
    let words = format!("{url} answered 503");
    hub.until_app("web", "says what it waits for", |web| {
        assert_ne!(web.status, Word::Online, "it answers, but not well");
        web.reason.as_deref() == Some(&words)
    });
    assert!(asked.elapsed() < Duration::from_millis(LONGEST_WATCH_MS), "whoever watches is told of it");
    std::fs::remove_file(hub.path("sick")).expect("it is there");
    hub.until_status("web", Word::Online);
}

#[test]
fn a_dependant_starts_when_the_port_is_open() {
    let port = Port::free();
    let web = server(&port).set("ready", json!({ "tcp": port.address() }));
    let hub = Hub::new(&[web, App::puppet("next", "ready").waits_for_ready().depends_on(&["web"])]);
    let start = hub.begin(&["start"]);
    hub.journal().until("web started");
    hub.until_status("next", Word::Waiting);
    hub.gate("web").let_one_through();
    start.output().succeeded();
    let order = hub.journal().until("next ready");
    assert_eq!(order, ["web ready", "next started", "next ready"]);
}

#[test]
fn nobody_at_the_port_in_time_is_a_failure_that_names_it() {
    let port = Port::free();
    let hub = Hub::new(&[hopeless(json!({ "tcp": port.address() }))]);
    assert_eq!(why_never_ready(&hub), format!("not ready within 0.6 s: nobody listens on {}", port.address()));
}

#[test]
fn no_good_page_in_time_is_a_failure_that_names_it() {
    let port = Port::free();
    let url = format!("http://{}/health", port.address());
    let hub = Hub::new(&[hopeless(json!({ "http": url }))]);
    let words = format!("not ready within 0.6 s: {url}: nobody listens on {}", port.address());
    assert_eq!(why_never_ready(&hub), words);
}

#[test]
fn no_such_line_in_time_is_a_failure_that_names_it() {
    let hub = Hub::new(&[hopeless(json!({ "log": "ready to serve" }))]);
    let words = "not ready within 0.6 s: no line with \"ready to serve\" in its output";
    assert_eq!(why_never_ready(&hub), words);
}

#[test]
fn somebody_elses_listener_does_not_make_an_app_ready() {
    let port = Port::free();
    let _ours = TcpListener::bind(port.address()).expect("it is free");
    let hub = Hub::new(&[hopeless(json!({ "tcp": port.address() }))]);
    let reason = why_never_ready(&hub);
    let words = format!("not ready within 0.6 s: {} is served by another process (", port.address());
    assert!(reason.starts_with(&words), "{reason}");
    assert!(reason.ends_with(&format!(", pid {})", std::process::id())), "{reason}");
}

#[test]
fn a_line_that_contains_the_text_means_ready_and_is_in_the_log_like_any_other() {
    let hub = begun(writer());
    let written = || std::fs::read_to_string(hub.path("logs/web-out.log")).unwrap_or_default();
    wait::until("its first line is in the log", || if written() == "loading\n" { Ok(()) } else { Err(written()) });
    assert_eq!(hub.app("web").status, Word::Launching);
    hub.gate("web").let_one_through();
    hub.until_status("web", Word::Online);
    assert_eq!(hub.read("logs/web-out.log"), "loading\nnow: ready to serve, at last\n");
}

#[test]
fn readiness_by_a_line_survives_the_supervisors_death_before_and_after_it() {
    for _ in 0..scenarios::loops(4) {
        let hub = begun(writer());
        let (web, supervisor) = (hub.pid("web"), hub.status().supervisor.pid);
        // Nobody reads it in the moment in which it is written.
        process::kill_9(supervisor);
        hub.gate("web").let_one_through();
        let online = hub.until_status("web", Word::Online);
        process::kill_9(hub.status().supervisor.pid);
        let after = hub.until_app("web", "is looked after by another", |app| app.status == Word::Online);
        assert_eq!((online.pid, after.pid, after.restarts), (Some(web), Some(web), 0));
        assert_eq!(hub.read("logs/web-out.log"), "loading\nnow: ready to serve, at last\n");
    }
}

#[test]
fn a_probe_goes_on_after_the_supervisors_death() {
    let port = Port::free();
    let hub = begun(server(&port).set("ready", json!({ "tcp": port.address() })));
    let (web, supervisor) = (hub.pid("web"), hub.status().supervisor.pid);
    process::kill_9(supervisor);
    hub.until("another supervisor answers", |watch| watch.status.supervisor.pid != supervisor);
    assert_eq!(hub.app("web").status, Word::Launching);
    hub.gate("web").let_one_through();
    let online = hub.until_status("web", Word::Online);
    assert_eq!((online.pid, online.restarts), (Some(web), 0));
}
