//! Stopped means gone, and stop wins.

use std::time::{Duration, Instant};

use protocol::control::{Exit, Word};
use scenarios::cgroup::Playground;
use scenarios::command::Running;
use scenarios::hub::{Hub, app, runs};
use scenarios::{App, binaries, loops, process, wait};

#[test]
fn a_worker_that_ignores_sigterm_is_gone_after_its_kill_timeout_and_not_before() {
    let kill_timeout = Duration::from_millis(700);
    let hub = Hub::started(&[App::puppet("deaf", "deaf").waits_for_ready().set("kill_timeout", 700)]);
    let pid = hub.pid("deaf");
    let asked = Instant::now();
    hub.ctl(&["stop", "deaf"]).succeeded();
    assert!(asked.elapsed() >= kill_timeout, "killed after {:?} without the time it was promised", asked.elapsed());
    assert!(!process::is_alive(pid));
    hub.assert_no_worker_is_left();
    let deaf = hub.app("deaf");
    assert_eq!((deaf.status, deaf.pid), (Word::Stopped, None));
    assert_eq!(deaf.exit, Some(Exit::Signal { signal: "SIGKILL".to_owned(), core_dumped: false }));
}

#[test]
fn a_polite_worker_is_asked_and_not_killed() {
    let hub = Hub::started(&[App::puppet("polite", "ready").waits_for_ready()]);
    hub.ctl(&["stop"]).succeeded();
    assert_eq!(hub.app("polite").exit, Some(Exit::Code { code: 0 }));
    hub.journal().until("polite leaving");
}

#[test]
fn one_that_forks_and_calls_setsid_leaves_nothing_behind() {
    let stray = App::puppet("stray", "fork-setsid").waits_for_ready().set("kill_timeout", 50);
    let hub = Hub::started(&[stray]);
    for turn in 0..loops(20) {
        // The worker and its orphan.
        let before: Vec<i32> = hub.until_workers(2).iter().map(|process| process.pid).collect();
        let verb = if turn % 2 == 0 { "stop" } else { "restart" };
        hub.ctl(&[verb, "stray"]).succeeded();
        assert!(before.iter().all(|pid| !process::is_alive(*pid)), "turn {turn}: of {before:?} some outlived {verb}");
        if verb == "stop" {
            hub.assert_no_worker_is_left();
            hub.ctl(&["start", "stray"]).succeeded();
        }
    }
}

/// One that forks twice, calls setsid, ignores SIGTERM and closes its pipes, beside one that is to notice nothing.
fn hub_with_a_stray(behaviour: &str, group: Option<&Playground>) -> Hub {
    let stray = App::puppet("stray", behaviour).waits_for_ready().set("kill_timeout", 50);
    let hub = Hub::new(&[stray, App::puppet("other", "ready").waits_for_ready()]);
    let mut start = hub.command(&binaries::built("betti-ctl"));
    start.arg("start").envs(group.map(Playground::variable));
    Running::start(start).output().succeeded();
    hub
}

/// Stops it as often as counted loops are run, and looks each time who of it is left.
fn stop_again_and_again(hub: &Hub) {
    let other = hub.pid("other");
    for turn in 0..loops(20) {
        let of_the_stray = |process: &process::Process| process.command.contains(" linger ");
        // Ready a moment before it has executed the program that it is told by.
        let hidden =
            wait::until("somebody who hides", || hub.processes().into_iter().find(of_the_stray).ok_or("nobody"));
        let pid = hub.pid("stray");
        hub.ctl(&["stop", "stray"]).succeeded();
        let left = hub.processes().into_iter().find(of_the_stray);
        assert!(left.is_none() && !process::is_alive(hidden.pid) && !process::is_alive(pid), "turn {turn}: {left:?}");
        assert_eq!(hub.workers().len(), 1, "turn {turn}: {:?}", hub.workers());
        hub.ctl(&["start", "stray"]).succeeded();
    }
    assert_eq!(hub.pid("other"), other);
}

#[test]
fn stop_after_stop_nothing_is_left_of_one_that_does_what_it_can_to_stay() {
    stop_again_and_again(&hub_with_a_stray("fork-setsid", None));
}

#[test]
fn with_a_control_group_stop_after_stop_nothing_is_left_of_one_that_also_clears_its_environment() {
    let Some(group) = Playground::make() else { return };
    let hub = hub_with_a_stray("fork-setsid-bare", Some(&group));
    stop_again_and_again(&hub);
    assert_eq!(group.groups().len(), 2, "of the two runs that go on: {:?}", group.groups());
}

/// Nothing says whose it is once its parent is gone: the one limit of what can be told without control groups.
#[test]
fn a_descendant_that_hides_behind_a_session_and_an_empty_environment_is_ended_with_the_hub() {
    let stray = App::puppet("stray", "fork-setsid-bare").waits_for_ready().set("kill_timeout", 50);
    let hub = Hub::started(&[stray]);
    let hidden = process::children(hub.pid("stray"));
    assert_eq!(hidden.len(), 1);
    hub.ctl(&["kill"]).succeeded();
    assert!(!process::is_alive(hidden[0]));
}

#[test]
fn what_a_crashed_worker_leaves_behind_is_gone_before_its_successor_starts() {
    let stray = App::puppet("stray", "fork-setsid").waits_for_ready().set("kill_timeout", 50);
    // Crashing is what it is for here: no back-off, no cooling down.
    let stray = stray.set("min_uptime", 0).set("max_restarts", 1_000_000);
    let hub = Hub::started(&[stray]);
    for turn in 0..loops(20) / 4 {
        let before = hub.until_workers(2);
        let first = hub.pid("stray");
        process::kill_9(first);
        hub.until_app("stray", "is online again", |app| app.status == Word::Online && app.pid != Some(first));
        let left: Vec<_> = before.iter().filter(|process| process::is_alive(process.pid)).collect();
        assert!(left.is_empty(), "turn {turn}: {left:?}");
    }
}

#[test]
fn stopping_everything_has_one_deadline_however_many_are_deaf() {
    let kill_timeout = Duration::from_secs(8);
    let deaf = |name: &str| App::puppet(name, "deaf").waits_for_ready().set("kill_timeout", "8s");
    let hub = Hub::started(&[deaf("one"), deaf("two").depends_on(&["one"]), App::puppet("three", "ready")]);
    let pids: Vec<i32> = hub.workers().iter().map(|process| process.pid).collect();
    let asked = Instant::now();
    hub.ctl(&["stop"]).succeeded();
    let took = asked.elapsed();
    assert!(pids.iter().all(|pid| !process::is_alive(*pid)));
    hub.assert_no_worker_is_left();
    assert!(took >= kill_timeout, "killed after {took:?}, before the deadline");
    // One after the other would be 12 s: the dependency is told at half its time, and then has all of it.
    assert!(took < kill_timeout * 11 / 8, "{took:?}: not by one deadline");
}

#[test]
fn a_stop_while_launching_is_not_undone_by_readiness() {
    let hub = Hub::new(&[App::puppet("slow", "ready").gated()]);
    let start = hub.begin(&["start"]);
    hub.journal().until("slow started");
    hub.ctl(&["stop", "slow"]).succeeded();
    hub.gate("slow").let_one_through();
    hub.assert_no_worker_is_left();
    assert_eq!(hub.app("slow").status, Word::Stopped);
    let start = start.output();
    assert_eq!(start.code, Some(1), "what was asked for did not come true: {start}");
}

#[test]
fn a_stop_while_backing_off_is_not_undone_by_the_timer() {
    let crash = App::puppet("crash", "exit 3").waits_for_ready().set("restart_delay", 200);
    let hub = Hub::new(&[crash.set("exp_backoff_restart_delay", 0)]);
    hub.ctl(&["start"]).with_code(1);
    hub.until_status("crash", Word::WaitingRestart);
    hub.ctl(&["stop", "crash"]).succeeded();
    let held = hub.watch(None, wait::PATIENCE).expect("an answer");
    // Longer than the delay: without a change the answer comes when the supervisor's patience ends.
    let patience = Duration::from_secs(1);
    let change = hub.watch(Some(held.sequence), patience);
    assert!(change.is_err(), "something happened after the stop: {change:?}");
    let later = hub.watch(None, wait::PATIENCE).expect("an answer");
    assert_eq!(runs(&later, "crash").newest, runs(&held, "crash").newest);
    assert_eq!(app(&later.status, "crash").status, Word::Stopped);
}

#[test]
fn kill_ends_workers_supervisor_and_keeper_and_removes_the_socket() {
    let stray = App::puppet("stray", "fork-setsid").waits_for_ready().set("kill_timeout", 50);
    let hub = Hub::started(&[stray, App::puppet("polite", "ready")]);
    hub.ctl(&["kill"]).succeeded();
    assert!(hub.processes().is_empty(), "{:?}", hub.processes());
    assert!(!hub.control_socket().exists(), "the socket is still there");
    hub.ctl(&["status"]).with_code(3);
    hub.ctl(&["start"]).succeeded();
}

#[test]
fn sigterm_to_the_keeper_stops_everyone_in_order() {
    let hub = Hub::started(&[App::puppet("polite", "ready").waits_for_ready()]);
    process::signal(hub.status().keeper.pid, nix::sys::signal::Signal::SIGTERM);
    hub.until_nothing_is_left();
    hub.journal().until("polite leaving");
    hub.ctl(&["status"]).with_code(3);
}
