//! Runs that are ended because they are not as they should be: they back off too, however long they lived.

mod stage;

use std::time::Duration;

use lifecycle::{Ailment, AppId, COOLING_TIME, Event, Exit, Failure, HEALTHY_LONG_ENOUGH, Policy, Signal, StopReason};
use stage::{CRASH, Stage, millis, seconds, send};

const APP: AppId = AppId(0);
const AILMENTS: [Ailment; 3] = [Ailment::Health, Ailment::Watchdog, Ailment::Memory];

/// Is ready for so long, ails, ends, and is spawned again as soon as it may be; answers how long that took.
fn ail_after(stage: &mut Stage, uptime: Duration) -> Duration {
    stage.ready(0);
    stage.wait(uptime);
    stage.ails(0, Ailment::Memory);
    spawn_again(stage)
}

fn spawn_again(stage: &mut Stage) -> Duration {
    let before = stage.now;
    stage.end(0, Exit::Code(0));
    while !stage.is_starting(0) {
        stage.now = stage.fleet.next_deadline().expect("it is tried again");
        stage.fleet.tick(stage.now);
    }
    stage.now.since(before)
}

#[test]
fn an_ailing_run_is_ended_and_restarted_with_its_reason() {
    for ailment in AILMENTS {
        let mut stage = Stage::with_one(Policy::default());
        stage.ready(0);
        stage.wait(seconds(10));
        assert_eq!(stage.ails(0, ailment), [send(&stage, 0, Signal::Terminate)]);
        assert!(stage.is_stopping(0, StopReason::Unhealthy));
        assert_eq!(stage.fleet.app(APP).last_failure(), Some(Failure::Unhealthy(ailment)));
        assert_eq!(stage.ails(0, Ailment::Health), [], "what is being ended is told once");
        assert_eq!(spawn_again(&mut stage), millis(100));
    }
}

#[test]
fn delays_between_ailing_runs_grow_however_long_each_of_them_lived() {
    let mut stage = Stage::with_one(Policy::default());
    let delays: Vec<u128> = (0..16).map(|_| ail_after(&mut stage, seconds(100)).as_millis()).collect();
    assert_eq!(delays[..6], [100, 150, 225, 337, 506, 759]);
    assert_eq!(delays[13..], [15_000, 15_000, 15_000]);
}

#[test]
fn a_run_that_was_healthy_for_long_makes_earlier_ailing_runs_count_no_more() {
    let mut stage = Stage::with_one(Policy::default());
    ail_after(&mut stage, seconds(100));
    ail_after(&mut stage, seconds(100));
    assert_eq!(ail_after(&mut stage, HEALTHY_LONG_ENOUGH - millis(1)), millis(225));
    assert_eq!(ail_after(&mut stage, HEALTHY_LONG_ENOUGH), millis(100), "it is the first again");
    assert_eq!(ail_after(&mut stage, seconds(100)), millis(150));
}

#[test]
fn a_healthy_run_counts_however_it_ended() {
    let accepted = Policy { stop_exit_codes: vec![3], ..Policy::default() };
    let ends: [fn(&mut Stage); 5] = [
        |stage| drop(stage.end(0, CRASH)),
        |stage| drop(stage.gone(0)),
        |stage| {
            stage.handle(0, Event::Refresh);
            stage.gone(0);
        },
        |stage| {
            stage.end(0, Exit::Code(3));
            stage.handle(0, Event::Refresh);
        },
        |stage| {
            stage.leave(0);
            stage.end(0, Exit::Code(3));
            stage.handle(0, Event::Refresh);
        },
    ];
    for end in ends {
        let mut stage = Stage::with_one(accepted.clone());
        ail_after(&mut stage, seconds(100));
        stage.ready(0);
        stage.wait(HEALTHY_LONG_ENOUGH);
        end(&mut stage);
        assert!(stage.is_starting(0));
        assert_eq!(ail_after(&mut stage, seconds(100)), millis(100));
    }
}

#[test]
fn a_run_that_ended_otherwise_and_sooner_forgives_nothing() {
    let mut stage = Stage::with_one(Policy::default());
    ail_after(&mut stage, seconds(100));
    stage.ready(0);
    stage.wait(seconds(100));
    stage.end(0, CRASH);
    assert!(stage.is_starting(0), "a crash after a long run is restarted at once");
    stage.ready(0);
    stage.wait(seconds(100));
    stage.handle(0, Event::Refresh);
    stage.gone(0);
    assert_eq!(ail_after(&mut stage, seconds(100)), millis(150));
}

#[test]
fn whoever_asks_for_the_app_forgives_its_ailing_runs() {
    let asks: [fn(&mut Stage); 4] = [
        |stage| {
            stage.restart(0);
            stage.gone(0);
        },
        |stage| {
            stage.stop(&[0]);
            stage.gone(0);
            stage.start(0);
        },
        |stage| {
            stage.request(lifecycle::Request::Reload(vec![APP]));
            stage.gone(0);
        },
        |stage| {
            stage.request(lifecycle::Request::Reset(vec![APP]));
        },
    ];
    for ask in asks {
        let mut stage = Stage::with_one(Policy::default());
        ail_after(&mut stage, seconds(100));
        ail_after(&mut stage, seconds(100));
        ask(&mut stage);
        assert_eq!(ail_after(&mut stage, seconds(100)), millis(100));
    }
}

#[test]
fn an_ailing_run_that_was_short_as_well_waits_for_the_longer_of_both_delays() {
    let mut stage = Stage::with_one(Policy::default());
    stage.end(0, CRASH);
    stage.wait(millis(100));
    stage.end(0, CRASH);
    stage.wait(millis(150));
    assert_eq!(ail_after(&mut stage, millis(1)), millis(225), "the third short run");
    assert_eq!(ail_after(&mut stage, seconds(2)), millis(150), "the second ailing one");
    stage.ready(0);
    stage.wait(millis(1));
    stage.end(0, CRASH);
    assert_eq!(stage.delay(0), millis(100), "a crash waits for what short runs ask for, whatever ailed before");
}

#[test]
fn ailing_runs_are_failures_in_the_window() {
    let mut stage = Stage::with_one(Policy { max_restarts: 2, ..Policy::default() });
    ail_after(&mut stage, seconds(5));
    ail_after(&mut stage, seconds(5));
    assert_eq!(ail_after(&mut stage, seconds(5)), COOLING_TIME);
}

#[test]
fn what_ails_before_it_is_ready_fails_as_one_that_never_was() {
    let mut stage = Stage::with_one(Policy::default());
    stage.wait(seconds(2));
    stage.ails(0, Ailment::Watchdog);
    assert_eq!(stage.fleet.snapshot(APP).short_runs, 1);
    assert_eq!(stage.fleet.snapshot(APP).failed_start, Some(stage.run(0)));
}

#[test]
fn ailing_runs_are_not_forgiven_by_a_death() {
    let mut stage = Stage::with_one(Policy::default());
    ail_after(&mut stage, seconds(100));
    let mut stage = stage.succeed(|_| true);
    assert_eq!(ail_after(&mut stage, seconds(100)), millis(150));
}
