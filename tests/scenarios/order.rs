//! Nothing that depends on an app starts before that app said that it is ready; stopping goes the other way.

use protocol::control::Word;
use scenarios::App;
use scenarios::hub::{Hub, app, runs};

fn database_and_web() -> Hub {
    let database = App::puppet("database", "ready").gated();
    let web = App::puppet("web", "ready").waits_for_ready().depends_on(&["database"]);
    // Last in the order of dependencies, first in the file: the file's order must not decide.
    Hub::new(&[web, database])
}

#[test]
fn a_dependant_is_not_spawned_before_what_it_needs_is_ready_and_says_so() {
    let hub = database_and_web();
    let start = hub.begin(&["start"]);
    hub.journal().until("database started");
    let watch = hub.until("web waits", |watch| app(&watch.status, "web").status == Word::Waiting);
    assert_eq!(runs(&watch, "web").newest.filter(|run| *run > 0), None, "no run of web yet");
    assert_eq!(runs(&watch, "web").waits_for, ["database"]);
    let reason = app(&watch.status, "web").reason.clone().expect("why it waits");
    assert!(reason.contains("database"), "{reason}");
    hub.gate("database").let_one_through();
    start.output().succeeded();
    assert_eq!(hub.journal().until("web ready"), ["database ready", "web started", "web ready"]);
}

#[test]
fn stopping_asks_dependants_first_and_what_they_need_when_they_are_gone() {
    let hub = database_and_web();
    hub.gate("database").let_one_through();
    hub.ctl(&["start"]).succeeded();
    hub.journal().until("web ready");
    hub.ctl(&["stop"]).succeeded();
    let order = ["web terminating", "web leaving", "database terminating", "database leaving"];
    assert_eq!(hub.journal().until("database leaving"), order);
}

#[test]
fn a_dependant_waits_again_for_nothing_when_its_dependency_restarts() {
    let hub = database_and_web();
    hub.gate("database").let_one_through();
    hub.ctl(&["start"]).succeeded();
    let web = hub.pid("web");
    hub.gate("database").let_one_through();
    hub.ctl(&["restart", "database"]).succeeded();
    assert_eq!(hub.pid("web"), web, "a dependency's restart leaves its dependants alone");
}

#[test]
fn a_dependant_of_a_failing_app_is_not_spawned_and_both_come_up_when_the_cause_is_gone() {
    let flaky = "test -e mended || exit 9; echo ready >&$BETTI_READY_FD; exec sleep 1000";
    let flaky = App::program("flaky", flaky).waits_for_ready().set("restart_delay", 50).set("max_restarts", 1_000_000);
    let web = App::puppet("web", "ready").waits_for_ready().depends_on(&["flaky"]);
    let hub = Hub::new(&[flaky.set("exp_backoff_restart_delay", 0), web]);
    let start = hub.ctl(&["start"]).with_code(1);
    assert!(start.stderr.contains("flaky") && start.stderr.contains('9'), "it says who and why: {start}");
    let watch = hub.until("it was tried three times", |watch| app(&watch.status, "flaky").restarts >= 3);
    assert_eq!(app(&watch.status, "web").status, Word::Waiting);
    hub.write("mended", "");
    hub.until("both are online", |watch| watch.status.apps.iter().all(|app| app.status == Word::Online));
}

#[test]
fn starting_one_app_brings_up_what_it_needs() {
    let hub = database_and_web();
    hub.gate("database").let_one_through();
    hub.ctl(&["start"]).succeeded();
    hub.ctl(&["stop"]).succeeded();
    hub.gate("database").let_one_through();
    hub.ctl(&["start", "database", "web"]).succeeded();
    let status = hub.status();
    assert!(status.apps.iter().all(|app| app.status == Word::Online), "{status:?}");
}

#[test]
fn what_needs_a_job_that_is_done_comes_back_after_a_crash_and_a_restart() {
    let job = App::puppet("job", "exit 0").set("autorestart", false);
    let web = App::puppet("web", "ready").waits_for_ready().depends_on(&["job"]);
    let hub = Hub::started(&[job, web]);
    hub.until_status("job", Word::Stopped);
    let first = hub.pid("web");
    scenarios::process::kill_9(first);
    hub.until("web is back", |watch| {
        let web = app(&watch.status, "web");
        web.status == Word::Online && web.pid.is_some_and(|pid| pid != first)
    });
    hub.ctl(&["restart", "web"]).succeeded();
}

#[test]
fn what_waits_for_a_deleted_app_is_not_waited_for() {
    let hub = Hub::started(&[App::puppet("database", "ready"), App::puppet("web", "ready").depends_on(&["database"])]);
    hub.ctl(&["delete", "database"]).succeeded();
    let restart = hub.ctl(&["restart", "web"]).with_code(1);
    assert!(format!("{restart}").contains("database, which is deleted: betti-ctl start database"), "{restart}");
    hub.ctl(&["start", "database"]).succeeded();
    hub.until_status("web", Word::Online);
}
