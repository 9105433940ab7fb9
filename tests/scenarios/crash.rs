//! No dead end: what fails comes back, ever slower, with its reason on show.

use protocol::control::{Exit, Word};
use scenarios::hub::{Hub, app, runs};
use scenarios::{App, process};

fn signal(name: &str) -> Exit {
    Exit::Signal { signal: name.to_owned(), core_dumped: false }
}

#[test]
fn a_worker_killed_with_kill_9_comes_back_and_shows_how_it_ended() {
    let hub = Hub::started(&[App::puppet("web", "ready").waits_for_ready().set("min_uptime", 0)]);
    let before = hub.app("web");
    assert_eq!((before.restarts, &before.exit), (0, &None));
    process::kill_9(before.pid.expect("a pid"));
    let web = hub.until_app("web", "is online again", |app| app.status == Word::Online && app.pid != before.pid);
    assert_eq!((web.restarts, web.exit), (1, Some(signal("SIGKILL"))));
    let json: serde_json::Value = serde_json::from_str(&hub.ctl(&["status", "--json"]).stdout).expect("JSON");
    assert_eq!(json["apps"][0]["exit"], serde_json::json!({ "signal": "SIGKILL", "core_dumped": false }));
}

#[test]
fn an_exit_by_signal_is_not_a_zero() {
    let hub = Hub::new(&[App::puppet("crash", "segfault").waits_for_ready().set("stop_exit_codes", vec![0])]);
    hub.ctl(&["start"]).with_code(1);
    let crash = hub.until_app("crash", "has an exit", |app| app.exit.is_some());
    assert!(
        matches!(&crash.exit, Some(Exit::Signal { signal, .. }) if signal == "SIGSEGV"),
        "PM2 shows 0 and gives up: {crash:?}"
    );
    assert_ne!(crash.status, Word::Stopped);
}

#[test]
fn a_crash_loop_backs_off_then_cools_down_with_its_reason_on_show_and_restart_tries_at_once() {
    let crash = App::puppet("crash", "exit 3").waits_for_ready().set("restart_delay", 10).set("max_restarts", 3);
    let hub = Hub::new(&[crash]);
    let start = hub.ctl(&["start"]).with_code(1);
    assert!(start.stderr.contains("[crash]") && start.stderr.contains("exited with code 3"), "who and why: {start}");
    let cooling = hub.until("it cools down", |watch| {
        let crash = app(&watch.status, "crash");
        assert_ne!(crash.status, Word::Online, "it never said that it is ready");
        crash.status == Word::Cooling
    });
    // The pauses are too short to be seen for certain; what is written down stays.
    let told = hub.read("logs/betti-supervisor.log");
    assert_eq!(told.matches("crash: retry in ").count(), 3, "{told}");
    let crash = app(&cooling.status, "crash");
    assert_eq!(crash.exit, Some(Exit::Code { code: 3 }));
    assert!(crash.reason.as_deref().is_some_and(|reason| reason.contains("exited with code 3")), "{crash:?}");
    assert!(hub.ctl(&["status"]).stdout.contains("cooling"));

    let before = runs(&cooling, "crash").newest;
    hub.ctl(&["restart", "crash"]).with_code(1);
    let again = hub.until("it was tried again", |watch| runs(watch, "crash").newest > before);
    assert!(app(&again.status, "crash").restarts > crash.restarts);
}

#[test]
fn an_app_that_ends_as_its_policy_accepts_stays_down_and_one_that_should_not_is_restarted() {
    let once = App::puppet("once", "exit 0").set("autorestart", false);
    let asked = App::puppet("asked", "exit 7").set("stop_exit_codes", vec![7]);
    let again = App::puppet("again", "exit 0").set("restart_delay", 10);
    let hub = Hub::new(&[once, asked, again]);
    // Whether apps that end at once count as started depends on when they are looked at; how they fare does not.
    let _ = hub.ctl(&["start"]);
    hub.until("the third was restarted and the others were not", |watch| {
        app(&watch.status, "again").restarts >= 2
            && ["once", "asked"].iter().all(|name| runs(watch, name).finished.is_some())
    });
    for name in ["once", "asked"] {
        let app = hub.app(name);
        assert_eq!((app.status, app.restarts), (Word::Stopped, 0), "{app:?}");
    }
}

#[test]
fn the_reason_goes_when_the_app_is_ready_and_the_exit_stays() {
    let hub = Hub::new(&[App::puppet("web", "ready").gated()]);
    let start = hub.begin(&["start"]);
    hub.journal().until("web started");
    process::kill_9(hub.pid("web"));
    start.output().with_code(1);
    assert!(hub.until_app("web", "failed", |app| app.exit.is_some()).reason.is_some());
    hub.gate("web").let_one_through();
    let web = hub.until_status("web", Word::Online);
    assert_eq!((web.reason, web.exit), (None, Some(signal("SIGKILL"))));
}

#[test]
fn however_many_crash_as_fast_as_they_can_an_operator_is_heard() {
    let brief = |number: u32| {
        let app = App::program(&format!("brief-{number}"), "/bin/false").set("restart_delay", 1);
        app.set("exp_backoff_restart_delay", 0).set("max_restarts", 1_000_000)
    };
    let hub = Hub::new(&(0..64).map(brief).collect::<Vec<_>>());
    hub.ctl(&["start", "--no-wait"]).succeeded();
    hub.until("all have crashed", |watch| watch.status.apps.iter().all(|app| app.restarts > 0));
    hub.ctl(&["stop", "all"]).succeeded();
    hub.assert_no_worker_is_left();
}
