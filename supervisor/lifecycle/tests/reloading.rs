//! A reload, one app after the other; and a restart along with what depends on an app.

mod stage;

use lifecycle::{Action, AppId, Event, Exit, Goal, Policy, Request, Snapshot, State, StopReason};
use stage::{CRASH, Stage, ids, millis, seconds, spawned, told};

/// Three that need nothing of each other, all ready in their first runs.
fn three() -> Stage {
    Stage::with((0..3).map(|_| (Policy::default(), vec![]))).all_up()
}

fn reload(stage: &mut Stage, apps: &[u32]) -> Vec<(AppId, Action)> {
    stage.request(Request::Reload(ids(apps)))
}

fn restart_along(stage: &mut Stage, apps: &[u32]) -> Vec<(AppId, Action)> {
    stage.request(Request::RestartWithDependants(ids(apps)))
}

fn pending(stage: &Stage) -> Vec<u32> {
    stage.fleet.ids().filter(|id| stage.fleet.reload_pending(*id)).map(|id| id.0).collect()
}

#[test]
fn a_reload_goes_from_one_to_the_next_when_the_new_run_is_ready() {
    let mut stage = three();
    assert_eq!(told(&reload(&mut stage, &[2, 0, 1])), [2]);
    assert_eq!(pending(&stage), [0, 1, 2]);
    assert_eq!(spawned(&stage.gone(2)), [2]);
    assert!(stage.is_running(0) && stage.is_running(1));
    assert_eq!(told(&stage.ready(2)), [0]);
    assert_eq!(pending(&stage), [0, 1]);
    stage.gone(0);
    assert_eq!(told(&stage.ready(0)), [1]);
    stage.gone(1);
    assert_eq!(stage.ready(1), []);
    assert_eq!(pending(&stage), []);
    assert_eq!(stage.fleet.app(AppId(1)).restarts(), 1);
}

#[test]
fn a_reload_ends_with_the_first_that_fails_before_it_is_ready() {
    let failures: [fn(&mut Stage); 4] = [
        |stage| drop(stage.exit(0, CRASH)),
        |stage| drop(stage.gone(0)),
        |stage| drop(stage.wait(seconds(3))),
        |stage| drop(stage.ails(0, lifecycle::Ailment::Health)),
    ];
    for fail in failures {
        let mut stage = three();
        reload(&mut stage, &[0, 1, 2]);
        stage.gone(0);
        assert_eq!(pending(&stage), [0, 1, 2]);
        fail(&mut stage);
        assert_eq!(pending(&stage), []);
        let run = stage.fleet.app(AppId(0)).alive();
        run.map(|_| stage.gone(0));
        stage.wait(seconds(1));
        assert!(stage.is_starting(0), "it is tried again");
        stage.ready(0);
        assert_eq!((stage.run(1).0, stage.run(2).0), (2, 3), "and the rest keep their runs");
        assert_eq!(pending(&stage), []);
    }
}

#[test]
fn a_failure_of_its_old_run_is_none_of_the_reload() {
    let mut stage = three();
    reload(&mut stage, &[0, 1]);
    stage.end(1, CRASH);
    assert_eq!(pending(&stage), [0, 1]);
    stage.gone(0);
    stage.ready(0);
    assert!(stage.is_starting(1), "it has waited for its next run, and has it now");
    assert_eq!(pending(&stage), [1]);
    stage.ready(1);
    assert_eq!(pending(&stage), []);
}

#[test]
fn what_does_not_run_is_started_at_once_and_nobody_waits_for_it() {
    let once = Policy { autorestart: false, ..Policy::default() };
    let mut stage = Stage::with([(once, vec![]), (Policy::default(), vec![]), (Policy::default(), vec![])]).all_up();
    stage.end(0, Exit::Code(0));
    stage.stop(&[1]);
    stage.gone(1);
    let actions = reload(&mut stage, &[0, 1, 2]);
    assert_eq!((spawned(&actions), told(&actions)), (vec![0, 1], vec![2]));
    assert_eq!(pending(&stage), [2]);
    assert_eq!(stage.fleet.app(AppId(1)).goal(), Goal::Up);
}

#[test]
fn what_is_ending_is_begun_again_when_it_is_gone_and_what_was_to_end_is_reloaded() {
    let mut stage = Stage::with([(Policy::default(), vec![]), (Policy::default(), vec![0])]).all_up();
    stage.stop_all();
    let actions = reload(&mut stage, &[0, 1]);
    assert_eq!(told(&actions), [0], "it was wanted down and runs still; the other was told before");
    assert_eq!(pending(&stage), [0]);
    assert!(stage.is_stopping(1, StopReason::Restart));
}

#[test]
fn one_that_ends_as_its_policy_accepts_has_come_through() {
    let accepting = Policy { stop_exit_codes: vec![3], ..Policy::default() };
    let mut stage = Stage::with([(accepting, vec![]), (Policy::default(), vec![])]).all_up();
    reload(&mut stage, &[0, 1]);
    stage.gone(0);
    stage.exit(0, Exit::Code(3));
    assert_eq!(pending(&stage), [0, 1], "not before it is gone");
    assert_eq!(told(&stage.gone(0)), [1]);
}

#[test]
fn whoever_is_asked_for_by_name_is_taken_out_and_the_next_is_begun() {
    let asks: [fn(&mut Stage); 5] = [
        |stage| drop(stage.start(0)),
        |stage| drop(stage.stop(&[0])),
        |stage| drop(stage.restart(0)),
        |stage| drop(restart_along(stage, &[0])),
        |stage| drop(stage.reshape([stage::member(1, &[]), stage::member(2, &[])])),
    ];
    for ask in asks {
        let mut stage = three();
        reload(&mut stage, &[0, 1, 2]);
        ask(&mut stage);
        assert_eq!(pending(&stage), [1, 2]);
        assert!(stage.is_stopping(1, StopReason::Restart));
        assert!(stage.is_running(2));
    }
}

#[test]
fn a_stop_of_everything_ends_a_reload() {
    let mut stage = three();
    reload(&mut stage, &[0, 1, 2]);
    stage.stop_all();
    assert_eq!(pending(&stage), []);
    assert!(stage.is_stopping(2, StopReason::Asked));
}

#[test]
fn a_reload_that_is_asked_for_again_makes_newer_runs_of_all_and_takes_down_no_second() {
    let mut stage = three();
    reload(&mut stage, &[0, 1, 1]);
    assert_eq!(reload(&mut stage, &[0, 1]), [], "the new run is yet to come");
    stage.gone(0);
    assert_eq!(told(&reload(&mut stage, &[1, 0, 2])), [0], "this one is replaced");
    stage.gone(0);
    assert_eq!(told(&stage.ready(0)), [1]);
    stage.gone(1);
    assert_eq!(told(&stage.ready(1)), [2]);
}

#[test]
fn a_new_reload_is_not_ended_by_what_failed_in_the_one_before() {
    let mut stage = three();
    reload(&mut stage, &[0, 1]);
    stage.gone(0);
    stage.end(0, CRASH);
    assert_eq!(told(&reload(&mut stage, &[1, 2])), [1]);
    assert_eq!(pending(&stage), [1, 2]);
}

#[test]
fn a_reset_does_not_revive_a_reload_that_is_over() {
    let mut stage = three();
    reload(&mut stage, &[0, 1]);
    stage.gone(0);
    stage.exit(0, CRASH);
    stage.request(Request::Reset(ids(&[0])));
    assert_eq!(pending(&stage), []);
    stage.gone(0);
    stage.ready(0);
    assert!(stage.is_running(1));
}

#[test]
fn a_reset_of_one_that_is_being_reloaded_keeps_its_place() {
    let mut stage = three();
    reload(&mut stage, &[0, 1]);
    stage.gone(0);
    stage.request(Request::Reset(ids(&[0, 1])));
    assert_eq!(pending(&stage), [0, 1]);
}

#[test]
fn a_reload_waits_for_a_dependency_in_plain_sight() {
    let policy = Policy::default;
    let mut stage = Stage::with([(policy(), vec![]), (policy(), vec![0]), (policy(), vec![])]).all_up();
    stage.stop(&[0]);
    stage.gone(0);
    reload(&mut stage, &[1, 2]);
    assert_eq!(stage.gone(1), []);
    assert_eq!((stage.fleet.waits_for(AppId(1)), pending(&stage)), (ids(&[0]), vec![1, 2]));
    stage.start(0);
    stage.ready(0);
    assert_eq!(told(&stage.ready(1)), [2]);
}

#[test]
fn what_is_to_begin_anew_in_its_turn_needs_no_place() {
    let mut stage = Stage::with([(Policy::default(), vec![]), (Policy::default(), vec![0])]).all_up();
    restart_along(&mut stage, &[0]);
    assert_eq!(reload(&mut stage, &[0]), []);
    assert_eq!(pending(&stage), []);
}

#[test]
fn a_reload_outlives_the_supervisor() {
    let mut stage = three();
    reload(&mut stage, &[1, 0]);
    stage.gone(1);
    let mut stage = stage.succeed(|_| true);
    assert_eq!(pending(&stage), [0, 1]);
    assert_eq!(told(&stage.ready(1)), [0]);
}

#[test]
fn a_spawn_that_was_lost_is_no_failure_of_the_reload() {
    let mut stage = three();
    reload(&mut stage, &[0, 1]);
    stage.gone(0);
    let mut stage = stage.succeed(|run| run.0 != 4);
    assert_eq!(spawned(&stage.wait(seconds(0))), [0]);
    assert_eq!(told(&stage.ready(0)), [1]);
}

#[test]
fn a_reload_that_failed_is_over_although_some_of_it_was_not_remembered() {
    let mut stage = three();
    reload(&mut stage, &[0, 1, 2]);
    stage.gone(0);
    let before = stage.fleet.snapshot(AppId(2));
    stage.exit(0, CRASH);
    let mut stage = stage.succeed(|_| true);
    stage.fleet.restore(stage.now, AppId(2), before, |_| true);
    assert_eq!(stage.wait(seconds(0)), []);
    assert_eq!(pending(&stage), []);
    stage.gone(0);
    stage.wait(seconds(1));
    stage.ready(0);
    assert!(stage.is_running(2));
}

// -- along with what depends on it

/// api (0) needs nothing, web (1) needs api, page (2) needs web.
fn house() -> Stage {
    let policy = Policy::default;
    Stage::with([(policy(), vec![]), (policy(), vec![0]), (policy(), vec![1])]).all_up()
}

#[test]
fn what_depends_on_it_ends_first_and_starts_last() {
    let mut stage = house();
    assert_eq!(told(&restart_along(&mut stage, &[0])), [2]);
    assert!([0, 1].iter().all(|app| stage.is_running(*app) && !stage.fleet.app(AppId(*app)).is_ready()));
    assert_eq!(told(&stage.gone(2)), [1]);
    assert_eq!(told(&stage.gone(1)), [0]);
    assert_eq!(spawned(&stage.gone(0)), [0]);
    assert_eq!(spawned(&stage.ready(0)), [1]);
    assert_eq!(spawned(&stage.ready(1)), [2]);
    assert_eq!(stage.fleet.app(AppId(2)).restarts(), 1);
}

#[test]
fn half_of_the_longest_time_to_end_is_enough_of_waiting() {
    let mut stage = house();
    restart_along(&mut stage, &[0]);
    assert_eq!(stage.wait(millis(2_499)), []);
    assert_eq!(told(&stage.wait(millis(1))), [0, 1]);
    assert_eq!(spawned(&stage.gone(0)), [0], "it is gone, whoever still ends");
}

#[test]
fn asking_twice_makes_nothing_later() {
    let mut stage = house();
    restart_along(&mut stage, &[0]);
    stage.wait(millis(2_000));
    assert_eq!(restart_along(&mut stage, &[0]), []);
    assert_eq!(told(&stage.wait(millis(500))), [0, 1]);
}

#[test]
fn what_is_down_or_over_is_not_begun_along_and_nothing_behind_it() {
    let once = Policy { autorestart: false, ..Policy::default() };
    let apps = [(Policy::default(), vec![]), (once, vec![0]), (Policy::default(), vec![1])];
    let mut stage = Stage::with(apps).all_up();
    stage.end(1, Exit::Code(0));
    assert_eq!(told(&restart_along(&mut stage, &[0])), [0]);
    assert_eq!((stage.state(1), stage.is_running(2)), (State::Finished, true));
    let mut stage = house();
    stage.stop(&[1]);
    stage.gone(1);
    assert_eq!(told(&restart_along(&mut stage, &[0])), [0]);
    assert_eq!((stage.state(1), stage.is_running(2)), (State::Stopped, true));
}

#[test]
fn what_waits_for_another_try_is_forgiven_and_waits_for_what_it_needs() {
    let mut stage = house();
    stage.end(2, CRASH);
    assert_eq!(told(&restart_along(&mut stage, &[0])), [1]);
    assert_eq!(stage.fleet.snapshot(AppId(2)).failures, []);
    assert_eq!(stage.fleet.waits_for(AppId(2)), ids(&[1]));
}

#[test]
fn what_is_asked_for_is_started_if_it_does_not_run() {
    let mut stage = house();
    stage.stop_all();
    for app in [2, 1, 0] {
        stage.gone(app);
    }
    assert_eq!(spawned(&restart_along(&mut stage, &[0])), [0]);
    assert_eq!(stage.state(1), State::Stopped);
}

#[test]
fn a_stop_that_waits_for_its_turn_becomes_a_restart_and_the_other_way_round() {
    let mut stage = house();
    stage.stop_all();
    restart_along(&mut stage, &[0]);
    assert_eq!(stage.fleet.app(AppId(0)).goal(), Goal::Up);
    stage.gone(2);
    stage.gone(1);
    assert!(stage.is_stopping(0, StopReason::Restart));
    let mut stage = house();
    restart_along(&mut stage, &[0]);
    stage.stop(&[0]);
    assert!(stage.is_stopping(0, StopReason::Asked), "a stop alone waits for nobody");
}

#[test]
fn a_start_does_not_take_back_the_restart() {
    let mut stage = house();
    restart_along(&mut stage, &[0]);
    stage.start(0);
    stage.gone(2);
    assert_eq!(told(&stage.gone(1)), [0]);
}

#[test]
fn what_ends_before_its_turn_has_not_failed_and_begins_anew() {
    for exit in [Some(CRASH), None] {
        let mut stage = house();
        restart_along(&mut stage, &[0]);
        if let Some(exit) = exit {
            assert_eq!(told(&stage.exit(0, exit)), [0]);
            assert!(stage.is_stopping(0, StopReason::Restart));
        }
        assert_eq!(spawned(&stage.gone(0)), [0]);
        let app = stage.fleet.app(AppId(0));
        assert_eq!((app.last_failure(), app.restarts()), (None, 1));
    }
}

#[test]
fn a_turn_to_begin_anew_outlives_the_supervisor() {
    let mut stage = house();
    restart_along(&mut stage, &[0]);
    let mut stage = stage.succeed(|_| true);
    stage.gone(2);
    assert_eq!(told(&stage.gone(1)), [0]);
    let Snapshot { state, .. } = stage.fleet.snapshot(AppId(0));
    assert!(matches!(state, State::Stopping { why: StopReason::Restart, .. }));
}

#[test]
fn a_plain_restart_restarts_no_dependant() {
    let mut stage = house();
    stage.restart(0);
    stage.handle(1, Event::Tick);
    stage.gone(0);
    stage.ready(0);
    assert_eq!((stage.run(1).0, stage.run(2).0), (2, 3));
}
