//! An app that is online is asked again and again how it is, and restarted when it does not answer well.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use protocol::control::Word;
use scenarios::hub::{Hub, app};
use scenarios::ports::Port;
use scenarios::{App, process, wait};
use serde_json::json;

/// Serves on a port, badly while the file `sick` is there.
fn server(name: &str, port: &Port) -> App {
    let app = App::puppet(name, &format!("serve {}", port.address())).waits_for_ready().env("PUPPET_SICK", "sick");
    let url = format!("http://{}/health", port.address());
    app.set("health", json!({ "http": url, "interval": "100ms", "threshold": 3, "grace": 0 }))
}

fn checked_by(words: &[&str], timeout: &str) -> App {
    let health = json!({ "exec": words, "interval": "100ms", "timeout": timeout, "threshold": 2, "grace": 0 });
    App::puppet("web", "ready").waits_for_ready().set("health", health).set("restart_delay", "1h")
}

fn program(hub: &Hub, name: &str, text: &str) {
    let path = hub.write(name, text);
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("its mode");
}

/// Waits until its check gave up on it; the reason on show.
fn why(hub: &Hub, name: &str) -> String {
    let waits = hub.until_status(name, Word::WaitingRestart);
    waits.reason.expect("the reason is on show")
}

#[test]
fn a_page_that_fails_too_often_in_a_row_restarts_the_app_and_says_so() {
    let port = Port::free();
    let hub = Hub::started(&[server("web", &port).set("restart_delay", "1h")]);
    let first = hub.pid("web");
    hub.write("sick", "");
    let words = format!("3 health checks failed: http://{}/health answered 503; retry in ", port.address());
    let reason = why(&hub, "web");
    assert!(reason.starts_with(&words), "{reason}");
    let log = hub.read("logs/betti-supervisor.log");
    assert!(log.contains("web: ending it: 3 health checks failed: http://"), "{log}");
    assert!(process::look(first).is_none(), "the sick one is gone");
    std::fs::remove_file(hub.path("sick")).expect("it is there");
    hub.ctl(&["restart", "web"]).succeeded();
    let web = hub.app("web");
    assert_eq!((web.status, web.reason), (Word::Online, None), "a reason stays until the next ready");
}

#[test]
fn an_app_that_ails_is_restarted_and_is_online_again() {
    let port = Port::free();
    let hub = Hub::started(&[server("web", &port).set("restart_delay", 10)]);
    let first = hub.pid("web");
    hub.write("sick", "");
    hub.until_app("web", "was restarted", |web| web.restarts >= 1);
    std::fs::remove_file(hub.path("sick")).expect("it is there");
    hub.until_app("web", "is online", |web| web.status == Word::Online && web.pid != Some(first));
}

#[test]
fn a_port_that_nobody_listens_on_any_more_restarts_the_app() {
    let port = Port::free();
    let listener = TcpListener::bind(port.address()).expect("it is free");
    let health = json!({ "tcp": port.address(), "interval": "100ms", "threshold": 2, "grace": 0 });
    let web = App::puppet("web", "ready").waits_for_ready().set("health", health).set("restart_delay", "1h");
    let hub = Hub::started(&[web]);
    // It is checked, and passes: connections arrive.
    drop(listener.accept().expect("the first check"));
    drop(listener.accept().expect("the second check"));
    assert_eq!(hub.app("web").status, Word::Online);
    drop(listener);
    let reason = why(&hub, "web");
    assert!(reason.starts_with(&format!("2 health checks failed: nobody listens on {}", port.address())), "{reason}");
}

#[test]
fn what_ails_backs_off_although_it_ran_for_long_and_what_crashes_then_does_not() {
    let port = Port::free();
    let ails = server("ails", &port).set("min_uptime", 1).set("restart_delay", "1h");
    let crashes = App::puppet("crashes", "ready").waits_for_ready().set("min_uptime", 1).set("restart_delay", "1h");
    let hub = Hub::started(&[ails, crashes]);
    let crashed = hub.pid("crashes");
    process::kill_9(crashed);
    hub.until_app("crashes", "came back at once", |app| app.status == Word::Online && app.pid != Some(crashed));
    hub.write("sick", "");
    let reason = why(&hub, "ails");
    assert!(reason.contains("retry in 60 min") || reason.contains("retry in 59 min"), "{reason}");
    assert_eq!(hub.app("ails").restarts, 0);
}

#[test]
fn a_check_never_restarts_what_an_operator_stopped() {
    let (held, other) = (Port::free(), Port::free());
    let hub = Hub::started(&[
        server("held", &held).set("restart_delay", 10),
        server("other", &other).set("restart_delay", 10),
    ]);
    hub.ctl(&["stop", "held"]).succeeded();
    hub.write("sick", "");
    // As long as the other one takes to be given up twice, nothing becomes of the one that is held.
    hub.until("the other one was restarted twice", |watch| {
        let held = app(&watch.status, "held");
        assert_eq!((held.status, held.pid, held.restarts), (Word::Stopped, None, 0));
        app(&watch.status, "other").restarts >= 2
    });
}

#[test]
fn a_stop_wins_over_a_check_that_fails_in_the_same_moment() {
    for _ in 0..scenarios::loops(3) {
        let port = Port::free();
        let hub = Hub::started(&[server("web", &port).set("restart_delay", 0)]);
        hub.write("sick", "");
        hub.until_app("web", "was given up", |web| web.status != Word::Online);
        hub.ctl(&["stop", "web"]).succeeded();
        let web = hub.app("web");
        assert_eq!((web.status, web.pid), (Word::Stopped, None));
        hub.assert_no_worker_is_left();
    }
}

#[test]
fn a_program_checks_in_the_apps_folder_and_environment_and_its_last_words_are_the_reason() {
    let app = checked_by(&["./check.sh", "now"], "20s").set("cwd", "below").env("FOOD", "none");
    let hub = Hub::new(&[app]);
    std::fs::create_dir(hub.path("below")).expect("a folder");
    program(
        &hub,
        "check.sh",
        "#!/bin/sh\necho \"$1 $FOOD $(pwd) $BETTI_APP\" >\"$(dirname \"$0\")/seen\"\necho no food >&2\nexit 4\n",
    );
    hub.ctl(&["start", "--no-wait"]).succeeded();
    let reason = why(&hub, "web");
    assert!(reason.starts_with("2 health checks failed: check.sh exited with code 4: no food"), "{reason}");
    assert_eq!(hub.read("seen"), format!("now none {} web\n", hub.path("below").display()));
}

#[test]
fn a_program_that_passes_leaves_the_app_alone() {
    let hub = Hub::new(&[checked_by(&["./check.sh"], "20s")]);
    program(&hub, "check.sh", "#!/bin/sh\necho x >>checked\n");
    hub.ctl(&["start"]).succeeded();
    let pid = hub.pid("web");
    wait::until("it was checked five times", || match std::fs::read(hub.path("checked")).unwrap_or_default().len() {
        bytes if bytes >= 10 => Ok(()),
        bytes => Err(bytes / 2),
    });
    let web = hub.app("web");
    assert_eq!((web.status, web.pid, web.restarts), (Word::Online, Some(pid), 0));
}

#[test]
fn a_program_that_takes_too_long_is_killed_and_has_failed() {
    let hub = Hub::new(&[checked_by(&["./check.sh"], "300ms")]);
    program(&hub, "check.sh", "#!/bin/sh\nsleep 1000 &\necho $$ $! >>pids\nwait\n");
    hub.ctl(&["start", "--no-wait"]).succeeded();
    let reason = why(&hub, "web");
    assert!(reason.starts_with("2 health checks failed: no answer from check.sh within 0.3 s"), "{reason}");
    let pids = hub.read("pids");
    assert_eq!(pids.lines().count(), 2, "{pids}");
    for pid in pids.split_whitespace().map(|pid| pid.parse().expect("a pid")) {
        wait::until("it is killed", || if process::is_alive(pid) { Err(pid) } else { Ok(()) });
    }
}

#[test]
fn the_reason_survives_the_supervisors_death() {
    let port = Port::free();
    let hub = Hub::started(&[server("web", &port).set("restart_delay", "1h")]);
    hub.write("sick", "");
    why(&hub, "web");
    let supervisor = hub.status().supervisor.pid;
    process::kill_9(supervisor);
    hub.until("another supervisor answers", |watch| watch.status.supervisor.pid != supervisor);
    let web = hub.app("web");
    assert_eq!(web.status, Word::WaitingRestart);
    assert!(web.reason.is_some_and(|reason| reason.starts_with("3 health checks failed: http://")));
}

#[test]
fn a_check_goes_on_after_the_supervisors_death() {
    let port = Port::free();
    let hub = Hub::started(&[server("web", &port).set("restart_delay", "1h")]);
    process::kill_9(hub.status().supervisor.pid);
    hub.until_status("web", Word::Online);
    hub.write("sick", "");
    let reason = why(&hub, "web");
    assert!(reason.starts_with("3 health checks failed: http://"), "{reason}");
}

#[test]
fn a_check_that_comes_to_the_file_begins_without_a_restart_and_one_that_leaves_ends() {
    let port = Port::free();
    let plain = |name| App::puppet(name, "ready").waits_for_ready();
    let checked = |name| {
        let health = json!({ "tcp": port.address(), "interval": "100ms", "threshold": 2, "grace": 0 });
        plain(name).set("health", health).set("restart_delay", "1h")
    };
    let listener = TcpListener::bind(port.address()).expect("it is free");
    let mut hub = Hub::started(&[plain("comes"), checked("leaves")]);
    let (comes, leaves) = (hub.pid("comes"), hub.pid("leaves"));
    hub.save("", &[checked("comes"), plain("leaves")]);
    hub.ctl(&["apply"]).succeeded();
    assert_eq!((hub.pid("comes"), hub.pid("leaves")), (comes, leaves));
    drop(listener);
    let reason = why(&hub, "comes");
    assert!(reason.starts_with("2 health checks failed: nobody listens on "), "{reason}");
    assert_eq!((hub.app("leaves").status, hub.app("leaves").pid), (Word::Online, Some(leaves)));
}

#[test]
fn whoever_a_check_leaves_behind_when_the_supervisor_dies_ends_with_the_app() {
    let hub = Hub::new(&[checked_by(&["./check.sh"], "300s")]);
    program(&hub, "check.sh", "#!/bin/sh\nsleep 1000 &\necho $$ $! >>pids\nwait\n");
    hub.ctl(&["start"]).succeeded();
    let until_begun = |checks: usize| {
        wait::until(&format!("{checks} checks were begun"), || {
            let pids = std::fs::read_to_string(hub.path("pids")).unwrap_or_default();
            if pids.lines().count() >= checks && pids.ends_with('\n') { Ok(()) } else { Err(pids) }
        });
    };
    until_begun(1);
    process::kill_9(hub.status().supervisor.pid);
    until_begun(2);
    hub.ctl(&["stop", "web"]).succeeded();
    hub.assert_no_worker_is_left();
    for pid in hub.read("pids").split_whitespace().map(|pid| pid.parse().expect("a pid")) {
        wait::until("its checks are gone", || if process::is_alive(pid) { Err(pid) } else { Ok(()) });
    }
}
