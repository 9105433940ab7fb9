//! What a run says of itself: that it needs more time, and that it is ending.

mod stage;

use lifecycle::{
    AppId, Event, Exit, Failure, KILL_AGAIN_AFTER, Policy, Request, STOP_ALL_TIMEOUT, Signal, State, Status, StopReason,
};
use stage::{CRASH, Stage, millis, seconds, send, spawned};

const APP: AppId = AppId(0);

fn accepting() -> Policy {
    Policy { stop_exit_codes: vec![3], ..Policy::default() }
}

#[test]
fn a_start_takes_as_long_as_it_asks_for_and_what_comes_late_is_told_with_the_time_that_it_had() {
    let mut stage = Stage::with_one(Policy::default());
    stage.wait(seconds(2));
    assert_eq!(stage.extend(0, seconds(10)), []);
    assert_eq!(stage.wait(seconds(9)), []);
    stage.extend(0, seconds(5));
    assert_eq!(stage.wait(millis(4_999)), []);
    assert_eq!(stage.wait(millis(1)), [send(&stage, 0, Signal::Terminate)]);
    assert_eq!(stage.fleet.app(APP).last_failure(), Some(Failure::NotReady { within: seconds(16) }));
    stage.end(0, CRASH);
    stage.wait(stage.delay(0));
    stage.wait(seconds(3));
    assert_eq!(stage.fleet.app(APP).last_failure(), Some(Failure::NotReady { within: seconds(3) }), "it did not ask");
}

#[test]
fn less_time_is_never_given() {
    let mut stage = Stage::with_one(Policy::default());
    stage.extend(0, millis(100));
    assert_eq!(stage.wait(millis(2_999)), []);
    stage.stop(&[0]);
    stage.extend(0, millis(100));
    assert_eq!(stage.wait(millis(4_999)), []);
}

#[test]
fn time_is_asked_for_before_it_has_run_out_or_not_at_all() {
    let mut stage = Stage::with_one(Policy::default());
    stage.now = stage.now.after(seconds(3));
    assert_eq!(stage.extend(0, seconds(10)), []);
    assert_eq!(stage.wait(seconds(0)), [send(&stage, 0, Signal::Terminate)]);
    stage.now = stage.now.after(seconds(5));
    stage.extend(0, seconds(10));
    assert_eq!(stage.wait(seconds(0)), [send(&stage, 0, Signal::Kill)]);
    stage.extend(0, seconds(10));
    assert_eq!(stage.wait(KILL_AGAIN_AFTER), [send(&stage, 0, Signal::Kill)], "a kill is not put off");
}

#[test]
fn an_end_takes_as_long_as_it_asks_for_whatever_it_is_for() {
    let ends: [fn(&mut Stage); 5] = [
        |stage| drop(stage.stop(&[0])),
        |stage| drop(stage.restart(0)),
        |stage| drop(stage.ails(0, lifecycle::Ailment::Health)),
        |stage| drop(stage.exit(0, CRASH)),
        |stage| drop(stage.leave(0)),
    ];
    for end in ends {
        let mut stage = Stage::with_one(Policy::default());
        stage.ready(0);
        end(&mut stage);
        stage.wait(seconds(4));
        stage.extend(0, seconds(20));
        assert_eq!(stage.wait(millis(19_999)), []);
        assert_eq!(stage.wait(millis(1)), [send(&stage, 0, Signal::Kill)]);
    }
}

#[test]
fn a_stop_of_everything_has_one_deadline_for_all_who_ask() {
    let hasty = Policy { kill_timeout: seconds(1), ..Policy::default() };
    let mut stage = Stage::with([(hasty.clone(), vec![]), (hasty, vec![])]).all_up();
    stage.stop(&[0]);
    stage.extend(0, seconds(60));
    stage.stop_all();
    stage.extend(1, seconds(60));
    stage.extend(0, seconds(60));
    let kills = [send(&stage, 0, Signal::Kill), send(&stage, 1, Signal::Kill)];
    assert_eq!(stage.wait(STOP_ALL_TIMEOUT - millis(1)), []);
    assert_eq!(stage.wait(millis(1)), kills);
}

#[test]
fn what_ended_early_in_a_stop_of_everything_may_ask_for_time_up_to_its_deadline() {
    let hasty = Policy { kill_timeout: seconds(1), ..Policy::default() };
    let mut stage = Stage::with([(hasty.clone(), vec![]), (hasty, vec![0])]).all_up();
    stage.stop_all();
    stage.exit(0, CRASH);
    stage.extend(0, seconds(60));
    let mut stage = stage.succeed(|_| true);
    stage.extend(0, seconds(60));
    stage.gone(1);
    assert_eq!(stage.wait(STOP_ALL_TIMEOUT - millis(1)), []);
    assert_eq!(stage.wait(millis(1)), [send(&stage, 0, Signal::Kill)]);
}

#[test]
fn a_start_while_everything_stops_lifts_the_one_deadline() {
    let mut stage = Stage::with_one(Policy::default());
    stage.stop_all();
    stage.start(0);
    stage.extend(0, seconds(60));
    assert_eq!(stage.wait(millis(59_999)), []);
}

#[test]
fn what_runs_needs_no_time() {
    let mut stage = Stage::with_one(Policy::default());
    stage.ready(0);
    let before = stage.fleet.snapshot(APP);
    assert_eq!(stage.extend(0, seconds(60)), []);
    assert_eq!(stage.fleet.snapshot(APP), before);
}

#[test]
fn a_run_that_says_that_it_is_ending_is_not_told_to_and_is_ready_for_nobody() {
    let mut stage = Stage::with([(Policy::default(), vec![]), (Policy::default(), vec![0])]);
    stage.start(0);
    stage.ready(0);
    assert_eq!(stage.leave(0), []);
    assert_eq!(stage.fleet.status(APP), Status::Stopping);
    assert_eq!(stage.start(1), []);
    assert_eq!(stage.fleet.waits_for(AppId(1)), [APP]);
    assert_eq!(stage.leave(0), [], "said twice");
}

#[test]
fn its_end_is_judged_as_if_it_had_said_nothing() {
    for (exit, finished) in [(Exit::Code(3), true), (CRASH, false)] {
        let mut stage = Stage::with_one(accepting());
        stage.ready(0);
        stage.leave(0);
        assert_eq!(stage.exit(0, exit), [send(&stage, 0, Signal::Terminate)], "the rest of its tree was not told");
        assert!(stage.is_stopping(0, StopReason::Exited));
        let failure = (!finished).then_some(Failure::Exited(exit));
        assert_eq!(stage.fleet.app(APP).last_failure(), failure);
        stage.gone(0);
        assert_eq!(stage.state(0) == State::Finished, finished);
    }
}

#[test]
fn it_was_of_use_until_it_said_so_and_no_longer() {
    for (uptime, delay) in [(millis(999), Some(millis(100))), (seconds(1), None)] {
        let mut stage = Stage::with_one(Policy::default());
        stage.ready(0);
        stage.wait(uptime);
        stage.leave(0);
        stage.wait(seconds(4));
        let mut stage = stage.succeed(|_| true);
        stage.end(0, CRASH);
        assert_eq!(stage.is_starting(0), delay.is_none());
        assert_eq!(delay, delay.map(|_| stage.delay(0)));
    }
}

#[test]
fn one_that_leaves_before_it_is_ready_has_failed_to_start() {
    let mut stage = Stage::with_one(Policy::default());
    stage.leave(0);
    let run = stage.run(0);
    stage.end(0, CRASH);
    assert_eq!(stage.delay(0), millis(100));
    assert_eq!(stage.fleet.snapshot(APP).failed_start, Some(run));
}

#[test]
fn one_that_says_that_it_is_ending_and_does_not_is_killed_and_has_failed() {
    let mut stage = Stage::with_one(accepting());
    stage.ready(0);
    stage.leave(0);
    assert_eq!(stage.wait(millis(4_999)), []);
    assert_eq!(stage.wait(millis(1)), [send(&stage, 0, Signal::Kill)]);
    let killed = Exit::Signal { signal: 9, core_dumped: false };
    assert_eq!(stage.exit(0, killed), [], "nobody is asked after a kill");
    assert!(stage.is_stopping(0, StopReason::Exited));
    assert_eq!(stage.fleet.app(APP).last_failure(), Some(Failure::Exited(killed)));
    assert_eq!(stage.wait(KILL_AGAIN_AFTER), [send(&stage, 0, Signal::Kill)], "what is left is killed again");
}

#[test]
fn one_that_vanishes_after_it_said_so_has_failed_unseen() {
    for unknown in [false, true] {
        let mut stage = Stage::with_one(Policy::default());
        stage.ready(0);
        stage.leave(0);
        if unknown {
            stage = stage.succeed(|_| false);
        } else {
            stage.gone(0);
        }
        assert_eq!(stage.fleet.app(APP).last_failure(), Some(Failure::Vanished));
        assert_eq!(stage.delay(0), millis(100));
    }
}

#[test]
fn whatever_becomes_of_the_wish_the_rest_of_its_tree_is_told_once_it_has_ended() {
    type Wish = fn(&mut Stage);
    let wishes: [(Wish, StopReason, &[u32]); 3] = [
        (|stage| drop(stage.stop(&[0])), StopReason::Asked, &[]),
        (|stage| drop(stage.restart(0)), StopReason::Restart, &[0]),
        (|stage| drop(stage.handle(0, Event::Refresh)), StopReason::Restart, &[0]),
    ];
    for (wish, why, follows) in wishes {
        let mut stage = Stage::with_one(accepting());
        stage.ready(0);
        stage.leave(0);
        wish(&mut stage);
        assert!(stage.is_stopping(0, why));
        let mut stage = stage.succeed(|_| true);
        stage.wait(seconds(3));
        assert_eq!(stage.exit(0, CRASH), [send(&stage, 0, Signal::Terminate)]);
        assert_eq!(stage.fleet.app(APP).last_failure(), None, "it was wished for: no failure");
        assert_eq!(stage.wait(millis(4_999)), [], "and has its own time");
        assert_eq!(stage.exit(0, CRASH), [], "told twice");
        assert_eq!(spawned(&stage.gone(0)), follows);
    }
}

#[test]
fn what_is_to_end_in_its_turn_anyway_keeps_its_turn() {
    let mut stage = Stage::with([(Policy::default(), vec![]), (Policy::default(), vec![0])]).all_up();
    stage.stop_all();
    assert_eq!(stage.leave(0), []);
    assert!(stage.is_running(0));
    assert_eq!(stage.gone(1), [send(&stage, 0, Signal::Terminate)]);
}

#[test]
fn an_operator_may_want_back_what_leaves() {
    let mut stage = Stage::with_one(accepting());
    stage.ready(0);
    stage.leave(0);
    stage.request(Request::Start(vec![APP]));
    stage.exit(0, Exit::Code(3));
    assert_eq!(spawned(&stage.gone(0)), [0]);
}

#[test]
fn a_cause_that_may_be_gone_is_none_for_one_that_has_not_failed_yet() {
    let mut stage = Stage::with_one(accepting());
    stage.ready(0);
    stage.leave(0);
    stage.handle(0, Event::CauseMayBeGone);
    stage.end(0, Exit::Code(3));
    assert_eq!(stage.state(0), State::Finished);
}
