//! The head may die: what the supervisor knew and held outlives it.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use protocol::control::{Status, Word};
use scenarios::hub::{Hub, app, pids, runs};
use scenarios::{App, loops, process};

/// Kills the supervisor and waits for the next one.
fn behead(hub: &Hub) -> Status {
    let dead = hub.status().supervisor.pid;
    process::kill_9(dead);
    hub.until("another supervisor answers", |watch| watch.status.supervisor.pid != dead).status
}

fn household() -> Vec<App> {
    vec![
        App::puppet("polite", "ready").waits_for_ready(),
        App::puppet("stray", "fork-setsid").waits_for_ready().depends_on(&["polite"]),
        App::puppet("held", "ready"),
    ]
}

#[test]
fn kill_9_of_the_supervisor_ends_no_worker_and_status_answers_with_the_same_pids() {
    let hub = Hub::started(&household());
    let before = hub.status();
    let workers = hub.until_workers(4);
    for turn in 0..loops(20) {
        process::kill_9(hub.status().supervisor.pid);
        let after = hub.status();
        assert_eq!(pids(&after), pids(&before), "turn {turn}");
        assert_eq!(after.keeper, before.keeper, "turn {turn}");
        assert!(after.apps.iter().all(|app| app.status == Word::Online), "turn {turn}: {after:?}");
    }
    assert_eq!(hub.workers(), workers, "nobody left and nobody came");
    assert!(process::children(before.keeper.pid).len() <= workers.len() + 1, "no dead supervisor stays unreaped");
}

#[test]
fn what_was_ready_stays_ready_with_its_times_and_counters() {
    let hub = Hub::started(&household());
    let first = hub.pid("polite");
    process::kill_9(first);
    hub.until_app("polite", "is online again", |app| app.status == Word::Online && app.pid != Some(first));
    let before = hub.app("polite");
    let after = app(&behead(&hub), "polite").clone();
    assert_eq!((after.restarts, &after.exit, after.pid), (1, &before.exit, before.pid));
    assert_eq!(after.ready_ms, before.ready_ms);
    assert!(after.uptime_ms >= before.uptime_ms, "{before:?}, {after:?}");

    process::kill_9(before.pid.expect("a pid"));
    hub.until_app("polite", "was restarted a second time", |app| app.status == Word::Online && app.restarts == 2);
}

#[test]
fn an_operators_stop_is_a_hold_that_survives_the_supervisor() {
    let hub = Hub::started(&household());
    hub.ctl(&["stop", "held"]).succeeded();
    for _ in 0..loops(20).div_ceil(4) {
        let status = behead(&hub);
        assert_eq!(app(&status, "held").status, Word::Stopped);
    }
    let watch = hub.watch(None, scenarios::wait::PATIENCE).expect("an answer");
    assert!(!runs(&watch, "held").wanted);
    assert!(!hub.workers().iter().any(|process| process.variable("BETTI_APP") == Some("held")));
    hub.ctl(&["start", "held"]).succeeded();
    assert_eq!(hub.app("held").status, Word::Online);
}

#[test]
fn a_worker_that_dies_with_the_supervisor_gets_exactly_one_successor() {
    let hub = Hub::started(&[App::puppet("web", "ready")
        .waits_for_ready()
        .set("min_uptime", 0)
        .set("max_restarts", 1_000_000)]);
    for turn in 0..loops(20) {
        let before = hub.status();
        let worker = before.apps[0].pid.expect("a pid");
        let both = [worker, before.supervisor.pid];
        let order: Vec<i32> = if turn % 2 == 0 { both.to_vec() } else { both.into_iter().rev().collect() };
        order.into_iter().for_each(process::kill_9);
        let watch = hub.until("a successor is online", |watch| {
            let web = app(&watch.status, "web");
            watch.status.supervisor.pid != before.supervisor.pid
                && web.status == Word::Online
                && web.pid != Some(worker)
        });
        let successor = app(&watch.status, "web").pid.expect("a pid");
        let running: Vec<i32> = hub.workers().iter().map(|process| process.pid).collect();
        assert_eq!(running, [successor], "turn {turn}");
    }
}

#[test]
fn a_stop_that_was_asked_for_before_the_supervisor_died_is_carried_out() {
    let hub = Hub::started(&[App::puppet("deaf", "deaf").waits_for_ready().set("kill_timeout", 1500)]);
    let stop = hub.begin(&["stop", "deaf"]);
    hub.until_status("deaf", Word::Stopping);
    process::kill_9(hub.status().supervisor.pid);
    stop.output().succeeded();
    hub.assert_no_worker_is_left();
    assert_eq!(hub.app("deaf").status, Word::Stopped);
}

#[test]
fn a_start_that_waits_goes_on_waiting_across_the_supervisors_death() {
    let hub = Hub::new(&[App::puppet("slow", "ready").gated()]);
    let start = hub.begin(&["start"]);
    hub.journal().until("slow started");
    let pid = hub.pid("slow");
    assert_eq!(app(&behead(&hub), "slow").status, Word::Launching, "not ready, and not forgotten");
    hub.gate("slow").let_one_through();
    start.output().succeeded();
    assert_eq!(hub.pid("slow"), pid);
}

#[test]
fn readiness_that_was_said_while_nobody_listened_is_heard() {
    let hub = Hub::new(&[App::puppet("slow", "ready").gated()]);
    let start = hub.begin(&["start"]);
    hub.journal().until("slow started");
    let supervisor = hub.status().supervisor.pid;
    process::signal(supervisor, Signal::SIGSTOP);
    hub.gate("slow").let_one_through();
    hub.journal().until("slow ready");
    process::kill_9(supervisor);
    start.output().succeeded();
}

#[test]
fn a_supervisor_that_hangs_is_replaced() {
    let hub = Hub::started(&household());
    let before = hub.status();
    process::signal(before.supervisor.pid, Signal::SIGSTOP);
    let after = hub.status();
    assert_ne!(after.supervisor.pid, before.supervisor.pid);
    assert_eq!(pids(&after), pids(&before));
    assert!(!process::is_alive(before.supervisor.pid), "two supervisors at once");
}

/// The keeper's only child that is no worker, looked for without asking it.
fn until_replaced(keeper: i32, before: i32) {
    scenarios::wait::until("another supervisor is there", || {
        let children = process::children(keeper).into_iter().filter_map(process::look);
        let supervisor = children.filter(|child| child.command.contains("--supervise")).map(|child| child.pid).next();
        supervisor.filter(|pid| *pid != before).map(drop).ok_or(format!("{supervisor:?}"))
    });
}

#[test]
fn a_hang_is_noticed_by_an_exit_that_is_not_acted_on() {
    let hub = Hub::started(&household());
    let before = hub.status();
    let worker = app(&before, "polite").pid.expect("it runs");
    process::signal(before.supervisor.pid, Signal::SIGSTOP);
    let begun = Instant::now();
    process::kill_9(worker);
    until_replaced(before.keeper.pid, before.supervisor.pid);
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(8), "2 s to answer: {took:?}");
    hub.until_app("polite", "was restarted", |app| app.restarts == 1 && app.status == Word::Online);
}

#[test]
fn a_hang_is_noticed_while_nothing_happens_at_all() {
    let hub = Hub::started(&household());
    let before = hub.status();
    process::signal(before.supervisor.pid, Signal::SIGSTOP);
    let begun = Instant::now();
    until_replaced(before.keeper.pid, before.supervisor.pid);
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(18), "10 s until it is asked, 2 s to answer: {took:?}");
    assert_eq!(pids(&hub.status()), pids(&before));
}

#[test]
fn dependencies_still_hold_after_the_supervisors_death() {
    let hub = Hub::new(&[
        App::puppet("database", "ready").gated(),
        App::puppet("web", "ready").waits_for_ready().depends_on(&["database"]),
    ]);
    let start = hub.begin(&["start"]);
    hub.journal().until("database started");
    hub.until_status("web", Word::Waiting);
    assert_eq!(app(&behead(&hub), "web").status, Word::Waiting);
    hub.gate("database").let_one_through();
    start.output().succeeded();
    assert_eq!(hub.journal().until("web ready"), ["database ready", "web started", "web ready"]);
}
