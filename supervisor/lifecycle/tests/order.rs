//! Who waits for whom, going up and going down.

mod stage;

use lifecycle::{
    AppId, CycleError, Event, Exit, Fleet, Goal, Invocation, Policy, Request, STOP_ALL_TIMEOUT, Signal, State, Status,
    StopReason,
};
use stage::{CRASH, Stage, ids, millis, seconds, send, sent, spawned};

/// api (0) needs nothing, web (1) needs api, ble (2) needs api.
fn house() -> Stage {
    let policy = Policy::default;
    Stage::with([(policy(), vec![]), (policy(), vec![0]), (policy(), vec![0])])
}

fn kill_timeout(millis: u64) -> Policy {
    Policy { kill_timeout: stage::millis(millis), ..Policy::default() }
}

#[test]
fn nothing_starts_before_what_it_needs_is_ready() {
    let mut stage = house();
    let actions = stage.fleet.request(stage.now, Request::Start(ids(&[0, 1, 2])));
    assert_eq!(spawned(&actions), [0]);
    assert_eq!(stage.fleet.waits_for(AppId(1)), [AppId(0)]);
    assert_eq!(stage.fleet.status(AppId(1)), Status::Waiting);
    assert_eq!(stage.wait(millis(2_999)), []);
    assert_eq!(spawned(&stage.ready(0)), [1, 2]);
    assert_eq!(stage.fleet.waits_for(AppId(1)), []);
}

#[test]
fn a_dependency_that_is_not_wanted_is_waited_for_in_plain_sight_and_nobody_wakes_up_for_it() {
    let mut stage = house();
    assert_eq!(stage.start(1), []);
    assert_eq!(stage.fleet.waits_for(AppId(1)), [AppId(0)]);
    assert_eq!(stage.fleet.next_deadline(), None);
    stage.start(0);
    assert_eq!(spawned(&stage.ready(0)), [1]);
}

#[test]
fn a_dependency_on_its_way_down_is_not_ready() {
    let mut stage = house().all_up();
    stage.stop(&[1]);
    stage.gone(1);
    stage.stop(&[0, 2]);
    assert!(stage.is_running(0), "ble goes first");
    assert_eq!(stage.start(1), []);
    assert_eq!(stage.fleet.waits_for(AppId(1)), [AppId(0)]);
}

#[test]
fn a_dependency_that_becomes_ready_gives_those_that_failed_without_it_another_try_at_once() {
    let cool = Policy { max_restarts: 0, ..Policy::default() };
    let mut stage = Stage::with([(Policy::default(), vec![]), (cool, vec![0])]).all_up();
    stage.end(1, CRASH);
    assert!(stage.is_cooling(1));
    stage.end(0, CRASH);
    stage.wait(millis(100));
    assert!(stage.is_cooling(1), "spawned is not ready");
    assert_eq!(spawned(&stage.ready(0)), [1]);
}

#[test]
fn a_restart_of_a_dependency_restarts_nobody_else() {
    let mut stage = house().all_up();
    assert_eq!(stage.restart(0), [send(&stage, 0, Signal::Terminate)]);
    assert_eq!(spawned(&stage.gone(0)), [0]);
    stage.ready(0);
    assert!([0, 1, 2].iter().all(|app| stage.is_running(*app)));
    assert_eq!(stage.run(1), Invocation(2));
}

#[test]
fn a_dependency_that_is_stopped_alone_neither_stops_nor_awaits_what_needs_it() {
    let mut stage = house().all_up();
    assert_eq!(stage.stop(&[0]), [send(&stage, 0, Signal::Terminate)]);
    stage.gone(0);
    assert!(stage.is_running(1) && stage.is_running(2));
}

#[test]
fn a_stop_of_everything_ends_what_needs_first_and_what_is_needed_when_that_is_gone() {
    let mut stage = house().all_up();
    assert_eq!(sent(&stage.stop_all(), Signal::Terminate), [1, 2]);
    assert_eq!(stage.fleet.status(AppId(0)), Status::Stopping, "it is on its way down, though nobody told it");
    assert_eq!(stage.gone(1), []);
    assert_eq!(sent(&stage.gone(2), Signal::Terminate), [0]);
    assert!(!stage.fleet.is_settled_down());
    stage.gone(0);
    assert!(stage.fleet.is_settled_down());
}

#[test]
fn a_stop_of_everything_tells_the_rest_at_half_its_deadline_and_kills_all_that_is_left_at_it() {
    let mut stage = house().all_up();
    stage.stop_all();
    assert_eq!(stage.wait(millis(2_499)), []);
    assert_eq!(sent(&stage.wait(millis(1)), Signal::Terminate), [0]);
    assert_eq!(stage.wait(millis(2_499)), []);
    assert_eq!(sent(&stage.wait(millis(1)), Signal::Kill), [0, 1, 2]);
}

#[test]
fn the_one_deadline_is_the_longest_kill_timeout_of_what_is_alive_and_no_less_than_five_seconds() {
    for (timeouts, deadline) in [([100, 200], STOP_ALL_TIMEOUT), ([100, 8_000], seconds(8))] {
        let apps = timeouts.map(|timeout| (kill_timeout(timeout), vec![]));
        let mut stage = Stage::with(apps.into_iter().chain([(kill_timeout(60_000), vec![])]));
        stage.start(0);
        stage.start(1);
        assert_eq!(sent(&stage.stop_all(), Signal::Terminate), [0, 1]);
        assert_eq!(stage.wait(deadline - millis(1)), []);
        assert_eq!(sent(&stage.wait(millis(1)), Signal::Kill), [0, 1]);
    }
}

#[test]
fn stopping_everything_again_makes_nothing_later() {
    let mut stage = house().all_up();
    stage.stop_all();
    stage.wait(millis(2_000));
    assert_eq!(stage.stop_all(), []);
    assert_eq!(sent(&stage.wait(millis(500)), Signal::Terminate), [0]);
    stage.stop_all();
    assert_eq!(sent(&stage.wait(millis(2_500)), Signal::Kill), [0, 1, 2]);
}

#[test]
fn a_stop_of_everything_hurries_a_stop_that_would_take_longer() {
    let mut stage = Stage::with([(kill_timeout(1_000), vec![]), (kill_timeout(20_000), vec![])]).all_up();
    stage.stop_all();
    stage.gone(1);
    stage.stop_all();
    assert_eq!(sent(&stage.wait(STOP_ALL_TIMEOUT), Signal::Kill), [0], "nobody is left who may take twenty seconds");
}

#[test]
fn some_that_are_stopped_together_go_in_order_and_each_has_its_own_time() {
    let mut stage = Stage::with([(kill_timeout(1_000), vec![]), (kill_timeout(4_000), vec![0])]).all_up();
    assert_eq!(sent(&stage.stop(&[0, 1]), Signal::Terminate), [1]);
    assert_eq!(stage.wait(millis(1_999)), []);
    assert_eq!(sent(&stage.wait(millis(1)), Signal::Terminate), [0], "half of the longest is enough of waiting");
    assert_eq!(sent(&stage.wait(millis(1_000)), Signal::Kill), [0]);
    stage.gone(0);
    assert_eq!(sent(&stage.wait(millis(1_000)), Signal::Kill), [1]);
}

#[test]
fn what_ends_by_itself_before_its_turn_to_stop_stays_down_and_has_not_failed() {
    for exit in [Some(CRASH), None] {
        let mut stage = house().all_up();
        stage.stop_all();
        if let Some(exit) = exit {
            stage.exit(0, exit);
            assert!(stage.is_stopping(0, StopReason::Asked));
        }
        stage.gone(0);
        let app = stage.fleet.app(AppId(0));
        assert_eq!((app.state(), app.goal()), (State::Stopped, Goal::Down));
        assert_eq!((app.last_failure(), app.last_exit()), (None, exit));
        assert_eq!(stage.fleet.snapshot(AppId(0)).failures, []);
    }
}

#[test]
fn a_start_before_its_turn_to_stop_leaves_it_running() {
    let mut stage = house().all_up();
    stage.stop_all();
    assert_eq!(stage.start(0), []);
    assert_eq!(stage.wait(millis(2_500)), []);
    assert!(stage.is_running(0));
}

#[test]
fn a_start_while_it_stops_brings_it_back_when_it_is_gone() {
    let mut stage = house().all_up();
    stage.stop(&[0]);
    assert_eq!(stage.start(0), []);
    assert_eq!(spawned(&stage.gone(0)), [0]);
}

#[test]
fn stop_wins_over_a_restart_that_is_under_way() {
    let mut stage = house().all_up();
    stage.restart(0);
    stage.stop(&[0]);
    assert_eq!(stage.gone(0), []);
    assert_eq!(stage.wait(seconds(1_000)), []);
    assert_eq!(stage.state(0), State::Stopped);
}

#[test]
fn stop_wins_while_it_backs_off_cools_down_or_waits() {
    let policy = Policy { max_restarts: 1, ..Policy::default() };
    let mut stage = Stage::with([(policy.clone(), vec![]), (policy, vec![0])]);
    stage.start(0);
    stage.start(1);
    for _ in 0..2 {
        stage.end(0, CRASH);
        stage.stop(&[0, 1]);
        assert_eq!(stage.handle(0, Event::CauseMayBeGone), []);
        assert_eq!(stage.wait(seconds(1_000)), []);
        assert!(stage.fleet.is_settled_down());
        assert_eq!(stage.fleet.next_deadline(), None);
        stage.start(0);
    }
}

#[test]
fn wishes_about_one_app_are_requests_about_it() {
    let mut stage = house().all_up();
    assert_eq!(sent(&stage.handle(1, Event::Wanted(Goal::Down)), Signal::Terminate), [1]);
    stage.gone(1);
    assert_eq!(spawned(&stage.handle(1, Event::Wanted(Goal::Up))), [1]);
}

#[test]
fn apps_that_wait_for_each_other_in_a_circle_are_named() {
    let rows = |needs: &[&[u32]]| {
        let rows = (0..).zip(needs).map(|(id, needs)| (AppId(id), Policy::default(), ids(needs)));
        Fleet::new(rows.collect::<Vec<_>>(), Invocation(0)).map(|_| ())
    };
    assert_eq!(rows(&[&[1], &[2], &[0], &[0]]), Err(CycleError(ids(&[0, 1, 2, 0]))));
    assert_eq!(rows(&[&[], &[1]]), Err(CycleError(ids(&[1, 1]))));
    assert_eq!(rows(&[&[2], &[0], &[3], &[2]]), Err(CycleError(ids(&[2, 3, 2]))));
    assert_eq!(rows(&[&[1, 2], &[3], &[3], &[]]), Ok(()));
    let text = CycleError(ids(&[0, 1, 0])).to_string();
    assert_eq!(text, "apps wait for each other in a circle: 0 -> 1 -> 0");
}

#[test]
fn a_dependency_that_does_not_exist_is_never_ready() {
    let mut stage = Stage::with([(Policy::default(), vec![7])]);
    assert_eq!(stage.start(0), []);
    assert_eq!(stage.fleet.waits_for(AppId(0)), [AppId(7)]);
    assert_eq!(stage.fleet.status(AppId(0)), Status::Waiting);
}

#[test]
fn what_is_said_about_no_app_of_ours_changes_nothing() {
    let mut stage = house().all_up();
    assert_eq!(stage.handle(9, Event::Exited(Invocation(1), Exit::Code(0))), []);
    assert_eq!(stage.start(9), []);
    assert!(stage.is_running(0));
}

#[test]
fn an_app_is_called_what_it_is() {
    let mut stage = Stage::with([(Policy { max_restarts: 1, ..Policy::default() }, vec![])]);
    let mut called = Vec::new();
    let mut note = |stage: &Stage| called.push(stage.fleet.status(AppId(0)));
    note(&stage);
    stage.start(0);
    note(&stage);
    stage.ready(0);
    note(&stage);
    stage.exit(0, CRASH);
    note(&stage);
    stage.gone(0);
    note(&stage);
    stage.wait(millis(100));
    stage.end(0, CRASH);
    note(&stage);
    stage.stop(&[0]);
    note(&stage);
    assert_eq!(
        called,
        [
            Status::Stopped,
            Status::Launching,
            Status::Online,
            Status::Stopping,
            Status::WaitingRestart,
            Status::Cooling,
            Status::Stopped
        ]
    );
}

#[test]
fn a_job_that_is_done_is_not_waited_for_again_by_what_needs_it() {
    let once = Policy { autorestart: false, ..Policy::default() };
    let mut stage = Stage::with([(once, vec![]), (Policy::default(), vec![0])]).all_up();
    stage.wait(seconds(10));
    assert_eq!(stage.exit(0, Exit::Code(0)), [send(&stage, 0, Signal::Terminate)]);
    stage.gone(0);
    assert_eq!(stage.state(0), State::Finished);
    assert_eq!(spawned(&stage.end(1, CRASH)), [1], "it comes back although the job runs no more");
    stage.ready(1);
    stage.restart(1);
    assert_eq!(spawned(&stage.gone(1)), [1]);
    // A job that runs again is waited for again.
    stage.ready(1);
    stage.restart(1);
    stage.restart(0);
    assert_eq!((spawned(&stage.gone(1)), stage.fleet.waits_for(AppId(1))), (vec![], vec![AppId(0)]));
    assert_eq!(spawned(&stage.ready(0)), [1]);
}

#[test]
fn a_job_that_failed_was_never_ready_or_is_wanted_down_is_waited_for() {
    let once = Policy { autorestart: false, ..Policy::default() };
    let play = || Stage::with([(once.clone(), vec![]), (Policy::default(), vec![0])]);
    let mut failed = play().all_up();
    failed.end(0, CRASH);
    assert_eq!(spawned(&failed.end(1, CRASH)), [] as [u32; 0]);
    let mut never_ready = play();
    never_ready.fleet.request(never_ready.now, Request::Start(ids(&[0, 1])));
    assert_eq!(spawned(&never_ready.end(0, Exit::Code(0))), [] as [u32; 0]);
    assert_eq!(never_ready.fleet.waits_for(AppId(1)), [AppId(0)]);
    let mut down = play().all_up();
    down.end(0, Exit::Code(0));
    down.stop(&[0]);
    down.restart(1);
    assert_eq!(spawned(&down.gone(1)), [] as [u32; 0]);
    assert_eq!(down.fleet.waits_for(AppId(1)), [AppId(0)]);
}
