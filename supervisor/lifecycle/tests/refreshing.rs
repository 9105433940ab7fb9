//! Beginning anew because a file changed or an hour came, and being forgiven without beginning anew.

mod stage;

use lifecycle::{AppId, Event, Exit, Policy, Request, State, StopReason};
use stage::{CRASH, Stage, millis, seconds, spawned, told};

const APP: AppId = AppId(0);

fn refresh(stage: &mut Stage) -> Vec<(AppId, lifecycle::Action)> {
    stage.handle(0, Event::Refresh)
}

fn reset(stage: &mut Stage) -> Vec<(AppId, lifecycle::Action)> {
    stage.request(Request::Reset(vec![APP]))
}

/// A job that runs once an hour.
fn job() -> Policy {
    Policy { autorestart: false, ..Policy::default() }
}

#[test]
fn what_runs_begins_anew_which_is_a_restart_and_forgives_nothing() {
    let mut stage = Stage::with_one(Policy::default());
    stage.end(0, CRASH);
    stage.wait(millis(100));
    stage.ready(0);
    let failures = stage.fleet.snapshot(APP).failures;
    assert_eq!(told(&refresh(&mut stage)), [0]);
    assert!(stage.is_stopping(0, StopReason::Restart));
    assert_eq!(spawned(&stage.gone(0)), [0]);
    assert_eq!(stage.fleet.app(APP).restarts(), 2);
    assert_eq!((failures.len(), stage.fleet.snapshot(APP).failures), (1, failures));
    stage.end(0, CRASH);
    assert_eq!(stage.delay(0), millis(150));
}

#[test]
fn a_stop_is_never_undone() {
    let mut stage = Stage::with([(Policy::default(), vec![]), (Policy::default(), vec![0])]).all_up();
    stage.stop_all();
    assert_eq!(refresh(&mut stage), [], "it is going down");
    stage.gone(1);
    assert_eq!(refresh(&mut stage), [], "it was told to");
    assert_eq!(stage.gone(0), []);
    assert_eq!(refresh(&mut stage), []);
    assert_eq!(stage.state(0), State::Stopped);
}

#[test]
fn what_waits_for_another_try_has_it_now_and_is_not_forgiven() {
    for max_restarts in [0, 5] {
        let mut stage = Stage::with_one(Policy { max_restarts, ..Policy::default() });
        stage.end(0, CRASH);
        assert_eq!(stage.is_cooling(0), max_restarts == 0);
        assert_eq!(spawned(&refresh(&mut stage)), [0]);
        stage.end(0, CRASH);
        assert_eq!(stage.delay(0), if max_restarts == 0 { seconds(60) } else { millis(150) });
    }
}

#[test]
fn a_job_that_has_ended_runs_again_and_one_that_is_ending_does_when_it_is_gone() {
    for exit in [Exit::Code(0), CRASH] {
        let mut stage = Stage::with_one(job());
        stage.ready(0);
        stage.end(0, exit);
        assert_eq!(spawned(&refresh(&mut stage)), [0]);
        assert_eq!(stage.fleet.app(APP).restarts(), 1);
        stage.exit(0, exit);
        refresh(&mut stage);
        assert_eq!(spawned(&stage.gone(0)), [0]);
    }
}

#[test]
fn what_waits_for_a_dependency_goes_on_waiting() {
    let mut stage = Stage::with([(Policy::default(), vec![1]), (Policy::default(), vec![])]);
    stage.start(0);
    assert_eq!(refresh(&mut stage), []);
    assert_eq!(stage.fleet.next_deadline(), None);
}

#[test]
fn what_is_to_begin_anew_in_its_turn_does_so_once() {
    let mut stage = Stage::with([(Policy::default(), vec![]), (Policy::default(), vec![0])]).all_up();
    stage.request(Request::RestartWithDependants(vec![APP]));
    assert_eq!(refresh(&mut stage), []);
    assert!(stage.is_running(0));
}

#[test]
fn a_reset_forgets_what_was_and_lets_run_what_runs() {
    let mut stage = Stage::with_one(Policy::default());
    stage.end(0, CRASH);
    stage.wait(millis(100));
    stage.ready(0);
    assert_eq!(reset(&mut stage), []);
    assert!(stage.is_running(0));
    assert_eq!((stage.fleet.app(APP).restarts(), stage.fleet.snapshot(APP).failures), (0, vec![]));
    stage.end(0, CRASH);
    assert_eq!(stage.delay(0), millis(100));
}

#[test]
fn a_reset_tries_at_once_what_waits_for_another_try() {
    let mut stage = Stage::with_one(Policy { max_restarts: 0, ..Policy::default() });
    stage.end(0, CRASH);
    assert_eq!(spawned(&reset(&mut stage)), [0]);
    stage.exit(0, CRASH);
    reset(&mut stage);
    assert_eq!(spawned(&stage.gone(0)), [0], "what is ending for its failure too");
    assert_eq!(stage.fleet.snapshot(APP).failures, []);
}

#[test]
fn a_reset_starts_nothing_that_is_down_or_over() {
    let mut stage = Stage::with_one(job());
    stage.end(0, CRASH);
    assert_eq!(reset(&mut stage), []);
    assert_eq!(stage.state(0), State::Finished);
    stage.stop(&[0]);
    assert_eq!(reset(&mut stage), []);
    assert_eq!(stage.state(0), State::Stopped);
}
