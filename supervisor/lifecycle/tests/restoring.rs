//! A supervisor died; its successor takes over what the keeper remembered.

mod stage;

use lifecycle::{
    Action, AppId, Event, Exit, Goal, Invocation, KILL_AGAIN_AFTER, Policy, Request, Signal, Snapshot, State,
    StopReason,
};
use stage::{CRASH, Stage, millis, seconds, send};

const APP: AppId = AppId(0);

#[test]
fn what_is_alive_is_left_alone_and_its_uptime_and_counts_carry_on() {
    let mut stage = Stage::with_one(Policy::default());
    stage.end(0, CRASH);
    stage.wait(millis(100));
    stage.ready(0);
    stage.wait(seconds(10));
    let mut successor = stage.succeed(|_| true);
    assert_eq!(successor.fleet.snapshot(APP), stage.fleet.snapshot(APP));
    assert_eq!(successor.wait(seconds(1_000)), []);
    assert_eq!(successor.fleet.app(APP).restarts(), 1);
    successor.end(0, CRASH);
    assert!(successor.is_starting(0), "it had been up for long before and after");
}

#[test]
fn a_spawn_that_was_delivered_is_not_repeated() {
    let stage = Stage::with_one(Policy::default());
    let mut successor = stage.succeed(|run| run == Invocation(1));
    assert_eq!(successor.fleet.tick(stage.now), []);
    assert_eq!(successor.state(0), stage.state(0));
}

#[test]
fn a_spawn_that_was_lost_is_due_again_under_a_new_number_and_is_neither_failure_nor_restart() {
    let mut stage = Stage::with_one(Policy::default());
    stage.end(0, CRASH);
    stage.wait(millis(100));
    let mut successor = stage.succeed(|_| false);
    assert!(successor.fleet.next_deadline().is_some_and(|due| due <= stage.now), "due at once");
    assert_eq!(successor.fleet.tick(stage.now), [(APP, Action::Spawn(Invocation(3)))]);
    let (before, after) = (stage.fleet.snapshot(APP), successor.fleet.snapshot(APP));
    assert_eq!((after.restarts, after.failures), (before.restarts, before.failures));
}

#[test]
fn a_spawn_that_was_lost_is_not_ended_in_the_turn_of_the_run_that_never_was() {
    let mut stage = Stage::with([(Policy::default(), vec![]), (Policy::default(), vec![0])]).all_up();
    stage.restart(0);
    stage.gone(0);
    let lost = stage.run(0);
    stage.request(Request::RestartWithDependants(vec![APP]));
    let mut successor = stage.succeed(|run| run != lost);
    assert_eq!(successor.wait(seconds(0)), [(APP, Action::Spawn(Invocation(4)))]);
    assert_eq!(successor.gone(1), []);
    assert!(successor.is_starting(0));
}

#[test]
fn a_kill_that_may_have_been_lost_is_repeated() {
    let mut stage = Stage::with_one(Policy::default());
    stage.stop(&[0]);
    stage.wait(seconds(5));
    let mut successor = stage.succeed(|_| true);
    let kill = send(&successor, 0, Signal::Kill);
    assert_eq!(successor.fleet.tick(stage.now), [kill]);
    assert_eq!(successor.wait(KILL_AGAIN_AFTER), [kill]);
}

#[test]
fn a_run_that_was_being_ended_and_is_unknown_has_ended() {
    for (asked, expected) in [(true, "stopped"), (false, "again")] {
        let mut stage = Stage::with_one(Policy::default());
        if asked {
            stage.stop(&[0])
        } else {
            stage.restart(0)
        };
        let mut successor = stage.succeed(|_| false);
        let spawned = !successor.fleet.tick(stage.now).is_empty();
        assert_eq!(spawned, !asked, "{expected}");
        assert_eq!(successor.fleet.app(APP).finished_run(), Some(Invocation(1)));
    }
}

#[test]
fn a_run_that_was_up_and_is_unknown_has_failed_unseen() {
    let mut stage = Stage::with_one(Policy::default());
    stage.ready(0);
    let successor = stage.succeed(|_| false);
    assert_eq!(successor.delay(0), millis(100));
    assert_eq!(successor.fleet.app(APP).last_exit(), None);
}

#[test]
fn a_hold_outlives_the_supervisor() {
    let mut stage = Stage::with_one(Policy::default());
    stage.stop(&[0]);
    let mut successor = stage.succeed(|_| true);
    successor.gone(0);
    assert_eq!(successor.wait(seconds(1_000)), []);
    assert_eq!(successor.fleet.app(APP).goal(), Goal::Down);
}

#[test]
fn failures_are_not_forgiven_by_a_death() {
    let mut stage = Stage::with_one(Policy { max_restarts: 1, ..Policy::default() });
    stage.end(0, CRASH);
    stage.wait(millis(100));
    let mut successor = stage.succeed(|_| true);
    successor.end(0, CRASH);
    assert!(successor.is_cooling(0));
    let mut successor = successor.succeed(|_| true);
    successor.wait(seconds(60));
    successor.end(0, CRASH);
    assert!(successor.is_cooling(0), "and has not held out since");
}

#[test]
fn a_wish_to_be_down_that_was_remembered_without_its_turn_is_carried_out() {
    let mut stage = Stage::with_one(Policy::default());
    stage.ready(0);
    let snapshot = Snapshot { goal: Goal::Down, ..stage.fleet.snapshot(APP) };
    let mut successor = stage.succeed(|_| true);
    successor.fleet.restore(stage.now, APP, snapshot, |_| true);
    assert_eq!(successor.fleet.tick(stage.now), [send(&stage, 0, Signal::Terminate)]);
}

#[test]
fn whatever_a_stopping_run_was_stopped_for_a_wish_to_be_down_keeps_it_down() {
    let mut stage = Stage::with_one(Policy::default());
    for why in [StopReason::Restart, StopReason::NotReady, StopReason::Unhealthy, StopReason::Exited] {
        let state = State::Stopping { run: Invocation(1), kill_at: None, why };
        let snapshot = Snapshot { goal: Goal::Down, state, ..stage.fleet.snapshot(APP) };
        stage.fleet.restore(stage.now, APP, snapshot, |_| true);
        assert_eq!(stage.handle(0, Event::Gone(Invocation(1))), []);
        assert_eq!(stage.state(0), State::Stopped);
    }
}

#[test]
fn an_exit_that_is_told_again_is_not_counted_again() {
    let mut stage = Stage::with_one(Policy::default());
    let run = stage.run(0);
    stage.exit(0, CRASH);
    let mut successor = stage.succeed(|_| true);
    successor.handle(0, Event::Exited(run, CRASH));
    successor.gone(0);
    assert_eq!(successor.delay(0), millis(100));
    assert_eq!(successor.handle(0, Event::Exited(run, Exit::Code(9))), []);
    assert_eq!(successor.fleet.app(APP).last_exit(), Some(CRASH));
}
