//! If the keeper dies, nothing is orphaned and nothing doubled.

use nix::sys::signal::Signal;
use protocol::control::Word;
use scenarios::hub::Hub;
use scenarios::{App, loops, process, wait};

/// Everybody who has been trouble elsewhere.
fn household() -> Vec<App> {
    vec![
        App::puppet("polite", "ready").waits_for_ready(),
        App::puppet("deaf", "deaf").waits_for_ready().set("kill_timeout", 50),
        App::puppet("stray", "fork-setsid").waits_for_ready().set("kill_timeout", 50),
    ]
}

#[test]
fn kill_9_of_the_keeper_ends_every_worker_and_the_supervisor() {
    let hub = Hub::new(&household());
    for _ in 0..loops(20).div_ceil(5) {
        hub.ctl(&["start"]).succeeded();
        hub.until_workers(4); // Three and an orphan.
        process::kill_9(hub.status().keeper.pid);
        hub.until_nothing_is_left();
        hub.ctl(&["status"]).with_code(3);
    }
}

#[test]
fn what_is_left_when_both_halves_die_at_once_is_swept_by_the_next_start() {
    let hub = Hub::started(&household());
    let status = hub.status();
    let before = hub.until_workers(4);
    // Stopped first, so that it cannot clean up in the moment between the two.
    process::signal(status.supervisor.pid, Signal::SIGSTOP);
    process::kill_9(status.keeper.pid);
    process::kill_9(status.supervisor.pid);
    hub.ctl(&["start"]).succeeded();
    let left: Vec<_> = before.iter().filter(|process| process::is_alive(process.pid)).collect();
    assert!(left.is_empty(), "of the hub before: {left:?}");
    hub.until_workers(before.len()); // And nothing runs twice.
}

#[test]
fn a_hold_ends_with_the_keeper() {
    let hub = Hub::started(&household());
    hub.ctl(&["stop", "polite"]).succeeded();
    process::kill_9(hub.status().keeper.pid);
    hub.until_nothing_is_left();
    hub.ctl(&["start"]).succeeded();
    assert_eq!(hub.app("polite").status, Word::Online);
}

#[test]
fn exits_are_reaped_and_no_zombie_stays() {
    let hub = Hub::started(&household());
    let keeper = hub.status().keeper.pid;
    for name in ["polite", "deaf", "stray"] {
        hub.ctl(&["stop", name]).succeeded();
    }
    let supervisor = hub.status().supervisor.pid;
    wait::until("the keeper's only child is the supervisor", || match process::children(keeper) {
        children if children == [supervisor] => Ok(()),
        children => Err(format!("{children:?}, supervisor {supervisor}")),
    });
}
