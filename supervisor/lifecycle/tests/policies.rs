//! What follows a run that ended, policy by policy.

mod stage;

use lifecycle::{
    AppId, COOLING_TIME, CRASH_WINDOW, Event, Exit, Failure, KILL_AGAIN_AFTER, MOST_RESTARTS, Policy, Signal, State,
    Status, StopReason,
};
use stage::{CRASH, Stage, millis, seconds, send};

const APP: AppId = AppId(0);

/// Never cools down within a play.
fn patient() -> Policy {
    Policy { max_restarts: MOST_RESTARTS, ..Policy::default() }
}

/// Crashes at once, and is spawned again as soon as it may be; answers how long that took.
fn crash_and_wait(stage: &mut Stage) -> std::time::Duration {
    stage.end(0, CRASH);
    let delay = stage.delay(0);
    stage.wait(delay);
    assert!(stage.is_starting(0), "a failing app is always tried again");
    delay
}

#[test]
fn delays_between_short_runs_grow_by_half_up_to_fifteen_seconds() {
    let mut stage = Stage::with_one(patient());
    let delays: Vec<u128> = (0..16).map(|_| crash_and_wait(&mut stage).as_millis()).collect();
    assert_eq!(delays[..6], [100, 150, 225, 337, 506, 759]);
    assert_eq!(delays[13..], [15_000, 15_000, 15_000]);
}

#[test]
fn delays_stay_as_they_are_without_backoff() {
    let mut stage = Stage::with_one(Policy { backoff: false, ..patient() });
    let delays: Vec<u128> = (0..5).map(|_| crash_and_wait(&mut stage).as_millis()).collect();
    assert_eq!(delays, [100; 5]);
}

#[test]
fn a_delay_that_was_asked_for_is_kept_even_if_it_is_longer_than_the_longest() {
    let mut stage = Stage::with_one(Policy { restart_delay: seconds(40), ..patient() });
    assert_eq!([crash_and_wait(&mut stage), crash_and_wait(&mut stage)], [seconds(40); 2]);
}

#[test]
fn a_restart_after_a_long_run_is_immediate_and_the_next_delay_is_the_first() {
    let mut stage = Stage::with_one(patient());
    crash_and_wait(&mut stage);
    crash_and_wait(&mut stage);
    stage.ready(0);
    stage.wait(seconds(1));
    stage.end(0, CRASH);
    assert!(stage.is_starting(0), "a run of min_uptime is followed by another at once");
    assert_eq!(crash_and_wait(&mut stage), millis(100));
}

#[test]
fn a_run_is_long_from_min_uptime_on_counted_from_when_it_was_ready() {
    let mut stage = Stage::with_one(patient());
    stage.wait(millis(2_900));
    stage.ready(0);
    stage.wait(millis(999));
    stage.end(0, CRASH);
    assert_eq!(stage.delay(0), millis(100), "999 ms are not 1 s, whatever it did before it was ready");
}

#[test]
fn a_worker_that_never_becomes_ready_backs_off_and_says_why() {
    let mut stage = Stage::with_one(Policy { min_uptime: seconds(0), ..patient() });
    for expected in [100, 150, 225] {
        assert_eq!(stage.wait(millis(2_999)), []);
        assert_eq!(stage.wait(millis(1)), [send(&stage, 0, Signal::Terminate)]);
        assert!(stage.is_stopping(0, StopReason::NotReady));
        stage.ready(0);
        assert!(stage.is_stopping(0, StopReason::NotReady), "too late is too late");
        stage.end(0, Exit::Code(0));
        assert_eq!(stage.delay(0), millis(expected));
        assert_eq!(stage.fleet.app(APP).last_failure(), Some(Failure::NotReady { within: seconds(3) }));
        assert_eq!(stage.fleet.status(APP), Status::WaitingRestart);
        stage.wait(millis(expected));
    }
}

#[test]
fn exactly_max_restarts_failures_back_off_and_one_more_cools_down() {
    let mut stage = Stage::with_one(Policy { max_restarts: 3, restart_delay: millis(1), ..Policy::default() });
    for _ in 0..3 {
        stage.end(0, CRASH);
        assert!(!stage.is_cooling(0), "three failures are not more than three");
        stage.wait(stage.delay(0));
    }
    stage.end(0, CRASH);
    let failure = Failure::Exited(CRASH);
    assert_eq!(stage.state(0), State::Cooling { retry_at: stage.now.after(COOLING_TIME), failure });
    assert_eq!(stage.fleet.status(APP), Status::Cooling);
    assert_eq!(stage.fleet.app(APP).last_failure(), Some(failure));
}

#[test]
fn failures_count_for_a_minute_and_no_longer() {
    for (pause, cools) in [(CRASH_WINDOW, false), (CRASH_WINDOW - millis(1), true)] {
        let mut stage = Stage::with_one(Policy { max_restarts: 1, backoff: false, ..Policy::default() });
        stage.end(0, CRASH);
        stage.wait(millis(100));
        stage.ready(0);
        stage.wait(pause - millis(100));
        stage.end(0, CRASH);
        assert_eq!(stage.is_cooling(0), cools, "two failures {pause:?} apart");
    }
}

#[test]
fn a_cooling_app_is_tried_once_a_minute_until_it_holds_out() {
    let mut stage = Stage::with_one(Policy { max_restarts: 0, ..Policy::default() });
    for _ in 0..3 {
        stage.end(0, CRASH);
        assert!(stage.is_cooling(0));
        assert_eq!(stage.wait(COOLING_TIME - millis(1)), []);
        stage.wait(millis(1));
        assert!(stage.is_starting(0), "cooling is retried");
    }
    stage.ready(0);
    stage.wait(CRASH_WINDOW);
    stage.end(0, CRASH);
    assert!(stage.is_cooling(0), "with no restarts allowed, one failure is one too many");
}

#[test]
fn after_cooling_one_failure_is_enough_unless_it_held_out_in_between() {
    let policy = Policy { max_restarts: 2, restart_delay: millis(1), ..Policy::default() };
    let cooled = || {
        let mut stage = Stage::with_one(policy.clone());
        for _ in 0..3 {
            stage.end(0, CRASH);
            stage.wait(stage.delay(0));
        }
        stage
    };
    let mut stage = cooled();
    stage.wait(millis(500));
    stage.end(0, CRASH);
    assert!(stage.is_cooling(0), "it has not held out since");
    let mut stage = cooled();
    stage.ready(0);
    stage.wait(policy.min_uptime);
    stage.end(0, CRASH);
    assert!(stage.is_starting(0), "it has");
}

#[test]
fn a_cooling_app_is_tried_at_once_when_its_cause_may_be_gone_and_is_not_forgiven_for_that() {
    let mut stage = Stage::with_one(Policy { max_restarts: 0, ..Policy::default() });
    stage.end(0, CRASH);
    stage.handle(0, Event::CauseMayBeGone);
    assert!(stage.is_starting(0));
    stage.end(0, CRASH);
    assert!(stage.is_cooling(0));
}

#[test]
fn a_failure_whose_cause_may_be_gone_while_its_rest_is_being_ended_need_not_be_waited_out() {
    let mut stage = Stage::with_one(Policy { max_restarts: 0, ..Policy::default() });
    stage.exit(0, CRASH);
    stage.handle(0, Event::CauseMayBeGone);
    stage.gone(0);
    assert!(stage.is_starting(0));
}

#[test]
fn a_start_or_restart_forgives_everything() {
    let policy = Policy { max_restarts: 1, restart_delay: millis(50), ..Policy::default() };
    for restart in [false, true] {
        let mut stage = Stage::with_one(policy.clone());
        crash_and_wait(&mut stage);
        stage.end(0, CRASH);
        assert!(stage.is_cooling(0));
        if restart {
            stage.restart(0)
        } else {
            stage.start(0)
        };
        assert!(stage.is_starting(0), "an operator's word is obeyed at once");
        stage.end(0, CRASH);
        assert_eq!(stage.delay(0), millis(50), "and what was before is forgotten");
    }
}

#[test]
fn starting_what_runs_changes_nothing_and_forgives_nothing() {
    let mut stage = Stage::with_one(patient());
    crash_and_wait(&mut stage);
    let before = stage.fleet.snapshot(APP);
    assert_eq!(stage.start(0), []);
    assert_eq!(stage.fleet.snapshot(APP), before);
}

#[test]
fn no_policy_allows_more_than_the_most_restarts() {
    let policy = Policy { max_restarts: u32::MAX, restart_delay: millis(0), ..Policy::default() };
    let mut stage = Stage::with_one(policy);
    for _ in 0..MOST_RESTARTS {
        stage.end(0, CRASH);
        assert!(stage.is_starting(0), "a delay of nothing is no delay");
    }
    stage.end(0, CRASH);
    assert!(stage.is_cooling(0));
    assert_eq!(stage.fleet.snapshot(APP).failures.len(), MOST_RESTARTS as usize + 1);
    stage.now = stage.now.after(millis(1));
    stage.handle(0, Event::CauseMayBeGone);
    stage.end(0, CRASH);
    let failures = stage.fleet.snapshot(APP).failures;
    assert_eq!(failures.len(), MOST_RESTARTS as usize + 1, "no more is kept than can count");
    assert_eq!(failures.last(), Some(&stage.now));
}

#[test]
fn an_app_that_is_not_restarted_is_finished_and_shows_whether_it_ended_well() {
    let once = Policy { autorestart: false, ..Policy::default() };
    for (exit, status) in [(Exit::Code(0), Status::Stopped), (CRASH, Status::Errored)] {
        let mut stage = Stage::with_one(once.clone());
        stage.ready(0);
        stage.end(0, exit);
        assert_eq!((stage.state(0), stage.fleet.status(APP)), (State::Finished, status));
        assert_eq!(stage.handle(0, Event::CauseMayBeGone), []);
        assert_eq!(stage.wait(seconds(1_000)), []);
        stage.start(0);
        assert!(stage.is_starting(0), "until somebody asks for it");
    }
    let mut stage = Stage::with_one(once);
    stage.wait(seconds(3));
    stage.end(0, Exit::Code(0));
    assert_eq!(
        stage.fleet.status(APP),
        Status::Errored,
        "it never became ready: to end well when told so is not enough"
    );
}

#[test]
fn an_accepted_code_ends_it_for_good_and_a_signal_is_no_code() {
    let policy = Policy { stop_exit_codes: vec![0, 3], ..Policy::default() };
    let segfault = Exit::Signal { signal: 11, core_dumped: false };
    let cases = [
        (Exit::Code(0), true),
        (Exit::Code(3), true),
        (CRASH, false),
        (segfault, false),
        (Exit::OutOfMemory, false),
        (Exit::NotSpawned(2), false),
    ];
    for (exit, accepted) in cases {
        let mut stage = Stage::with_one(policy.clone());
        stage.end(0, exit);
        assert_eq!(matches!(stage.state(0), State::Finished), accepted, "{exit:?}");
        assert_eq!(stage.fleet.app(APP).last_failure().is_none(), accepted, "{exit:?}");
        assert_eq!(stage.fleet.app(APP).last_exit(), Some(exit));
    }
}

#[test]
fn an_app_that_ended_well_and_is_asked_for_meanwhile_comes_back() {
    let mut stage = Stage::with_one(Policy { stop_exit_codes: vec![0], ..Policy::default() });
    stage.exit(0, Exit::Code(0));
    stage.start(0);
    stage.gone(0);
    assert!(stage.is_starting(0));
}

#[test]
fn a_clean_exit_is_restarted_like_any_other_with_its_reason_on_show() {
    let mut stage = Stage::with_one(Policy::default());
    stage.end(0, Exit::Code(0));
    assert_eq!(stage.delay(0), millis(100));
    assert_eq!(stage.fleet.app(APP).last_failure(), Some(Failure::Exited(Exit::Code(0))));
}

#[test]
fn what_could_not_be_spawned_is_tried_again() {
    let mut stage = Stage::with_one(Policy::default());
    stage.end(0, Exit::NotSpawned(2));
    assert_eq!(stage.delay(0), millis(100));
    assert_eq!(stage.fleet.app(APP).last_exit(), Some(Exit::NotSpawned(2)));
}

#[test]
fn the_reason_stays_until_the_next_ready_and_the_exit_until_the_next_exit() {
    let mut stage = Stage::with_one(Policy::default());
    crash_and_wait(&mut stage);
    assert_eq!(stage.fleet.app(APP).last_failure(), Some(Failure::Exited(CRASH)));
    stage.ready(0);
    assert_eq!(stage.fleet.app(APP).last_failure(), None);
    assert_eq!(stage.fleet.app(APP).last_exit(), Some(CRASH));
}

#[test]
fn an_exit_that_is_told_twice_is_the_first_one_told() {
    let mut stage = Stage::with_one(Policy::default());
    stage.exit(0, CRASH);
    assert_eq!(stage.exit(0, Exit::OutOfMemory), []);
    stage.gone(0);
    assert_eq!(stage.fleet.app(APP).last_exit(), Some(CRASH));
    assert_eq!(stage.fleet.snapshot(APP).failures.len(), 1);
}

#[test]
fn a_run_that_vanishes_is_a_failure_and_its_exit_is_unknown() {
    let mut stage = Stage::with_one(Policy::default());
    crash_and_wait(&mut stage);
    let run = stage.run(0);
    stage.gone(0);
    let app = stage.fleet.app(APP);
    assert_eq!((app.last_exit(), app.last_failure()), (None, Some(Failure::Vanished)));
    assert_eq!(app.finished_run(), Some(run));
    assert_eq!(stage.delay(0), millis(150));
}

#[test]
fn restarts_are_counted_and_starts_are_not() {
    let mut stage = Stage::with_one(Policy::default());
    assert_eq!(stage.fleet.app(APP).restarts(), 0);
    crash_and_wait(&mut stage);
    assert_eq!(stage.fleet.app(APP).restarts(), 1, "by itself");
    stage.restart(0);
    stage.gone(0);
    assert_eq!(stage.fleet.app(APP).restarts(), 2, "by an operator");
    stage.stop(&[0]);
    stage.gone(0);
    stage.start(0);
    assert_eq!(stage.fleet.app(APP).restarts(), 2, "a start is none");
}

#[test]
fn what_is_left_after_a_kill_is_killed_again_once_a_second() {
    let mut stage = Stage::with_one(Policy::default());
    stage.stop(&[0]);
    assert_eq!(stage.wait(millis(4_999)), []);
    let kill = send(&stage, 0, Signal::Kill);
    assert_eq!(stage.wait(millis(1)), [kill]);
    assert_eq!(stage.wait(KILL_AGAIN_AFTER - millis(1)), []);
    assert_eq!(stage.wait(millis(1)), [kill]);
    assert_eq!(stage.wait(KILL_AGAIN_AFTER), [kill]);
}

#[test]
fn with_timeouts_of_nothing_one_tick_does_everything_and_leaves_nothing_due() {
    let nothing = seconds(0);
    let mut stage = Stage::with_one(Policy { listen_timeout: nothing, kill_timeout: nothing, ..Policy::default() });
    let (terminate, kill) = (send(&stage, 0, Signal::Terminate), send(&stage, 0, Signal::Kill));
    assert_eq!(stage.fleet.tick(stage.now), [terminate, kill]);
    assert_eq!(stage.fleet.next_deadline(), Some(stage.now.after(KILL_AGAIN_AFTER)));
}

#[test]
fn endless_timeouts_mean_never() {
    let never = std::time::Duration::MAX;
    let policy =
        Policy { listen_timeout: never, kill_timeout: never, restart_delay: never, min_uptime: never, ..patient() };
    let mut stage = Stage::with_one(policy);
    assert_eq!(stage.wait(seconds(1 << 40)), []);
    stage.end(0, CRASH);
    assert_eq!(stage.wait(seconds(1 << 40)), []);
    stage.restart(0);
    stage.restart(0);
    assert_eq!(stage.wait(seconds(1 << 40)), []);
    assert!(stage.is_stopping(0, StopReason::Restart));
}
