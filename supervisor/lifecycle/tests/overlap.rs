//! A reload with overlap: the next run is tried beside the one that serves, which goes when it is ready and stays if it fails.

mod stage;

use lifecycle::{
    Action, Ailment, AppId, Beside, Event, Exit, Failure, Fleet, Invocation, Policy, Request, Signal, State, Status,
    StopReason, Trial, Verdict,
};
use stage::{CRASH, Stage, ids, member, millis, seconds, sent, spawned, told};

type Actions = Vec<(AppId, Action)>;

fn overlapping() -> Policy {
    Policy { overlap: true, ..Policy::default() }
}

/// Apps that need nothing of each other, all ready in their first runs, which are numbered from 1.
fn house(count: usize) -> Stage {
    Stage::with((0..count).map(|_| (overlapping(), vec![]))).all_up()
}

fn reload(stage: &mut Stage, apps: &[u32]) -> Actions {
    stage.request(Request::Reload(ids(apps)))
}

fn pending(stage: &Stage) -> Vec<u32> {
    stage.fleet.ids().filter(|id| stage.fleet.reload_pending(*id)).map(|id| id.0).collect()
}

/// The run beside.
fn other(stage: &Stage, app: u32) -> Invocation {
    stage.fleet.app(AppId(app)).beside().expect("two runs").run()
}

fn tried(stage: &Stage, app: u32) -> bool {
    matches!(stage.fleet.app(AppId(app)).beside(), Some(Beside::Trying { .. }))
}

fn has_one_run(stage: &Stage, app: u32) -> bool {
    stage.fleet.app(AppId(app)).runs().count() == 1
}

/// Something happens to the run beside.
fn of_other(stage: &mut Stage, app: u32, event: impl Fn(Invocation) -> Event) -> Actions {
    let run = other(stage, app);
    stage.handle(app, event(run))
}

fn terminate(app: u32, run: Invocation) -> (AppId, Action) {
    (AppId(app), Action::Send(run, Signal::Terminate))
}

#[test]
fn the_old_run_is_told_when_the_new_one_is_ready_and_the_reload_is_over_when_it_is_gone() {
    let mut stage = house(1);
    assert_eq!(reload(&mut stage, &[0]), [(AppId(0), Action::Spawn(Invocation(2)))]);
    assert_eq!((stage.run(0), other(&stage, 0)), (Invocation(1), Invocation(2)));
    let app = stage.fleet.app(AppId(0));
    assert!(app.is_ready() && tried(&stage, 0));
    assert_eq!((app.restarts(), app.newest_run(), app.ready_run()), (0, Some(Invocation(2)), Some(Invocation(1))));
    assert_eq!(of_other(&mut stage, 0, Event::Ready), [terminate(0, Invocation(1))]);
    assert_eq!((stage.run(0), other(&stage, 0)), (Invocation(2), Invocation(1)));
    let app = stage.fleet.app(AppId(0));
    assert_eq!(
        (app.restarts(), app.ready_run(), stage.fleet.status(AppId(0))),
        (1, Some(Invocation(2)), Status::Online)
    );
    assert_eq!(pending(&stage), [0]);
    of_other(&mut stage, 0, |run| Event::Exited(run, Exit::Code(0)));
    assert_eq!(of_other(&mut stage, 0, Event::Gone), []);
    let app = stage.fleet.app(AppId(0));
    assert_eq!((app.finished_run(), app.last_exit()), (Some(Invocation(1)), Some(Exit::Code(0))));
    assert!(pending(&stage).is_empty() && has_one_run(&stage, 0));
}

#[test]
fn what_is_not_told_to_overlap_or_is_not_ready_ends_before_it_begins_anew() {
    let mut stage = Stage::with([(Policy::default(), vec![])]).all_up();
    assert_eq!(told(&reload(&mut stage, &[0])), [0]);
    let mut stage = Stage::with_one(overlapping());
    assert_eq!(told(&reload(&mut stage, &[0])), [0]);
    assert!(has_one_run(&stage, 0));
}

#[test]
fn a_new_run_that_fails_is_ended_and_the_old_one_goes_on_as_if_nothing_had_been() {
    type Failing = (fn(&mut Stage) -> Actions, Failure, bool);
    let failures: [Failing; 5] = [
        (|stage| of_other(stage, 0, |run| Event::Exited(run, CRASH)), Failure::Exited(CRASH), true),
        (|stage| of_other(stage, 0, |run| Event::Exited(run, Exit::Code(0))), Failure::Exited(Exit::Code(0)), true),
        (|stage| of_other(stage, 0, Event::Gone), Failure::Vanished, false),
        (|stage| stage.wait(seconds(3)), Failure::NotReady { within: seconds(3) }, true),
        (
            |stage| of_other(stage, 0, |run| Event::Unhealthy(run, Ailment::Watchdog)),
            Failure::Unhealthy(Ailment::Watchdog),
            true,
        ),
    ];
    for (fail, failure, is_left) in failures {
        let mut stage = house(2);
        stage.wait(seconds(60));
        let before = stage.fleet.snapshot(AppId(0));
        reload(&mut stage, &[0, 1]);
        let actions = fail(&mut stage);
        assert_eq!(actions, if is_left { vec![terminate(0, Invocation(3))] } else { vec![] }, "{failure:?}");
        assert_eq!(
            pending(&stage),
            if is_left { vec![0] } else { vec![] },
            "over when it is gone, and for the others now"
        );
        if is_left {
            of_other(&mut stage, 0, Event::Gone);
        }
        let after = stage.fleet.snapshot(AppId(0));
        assert_eq!((after.state, after.goal), (before.state, before.goal), "{failure:?}");
        assert_eq!((after.restarts, after.failures, after.short_runs), (0, vec![], 0));
        assert_eq!((after.last_failure, after.failed_try), (None, Some(failure)));
        assert_eq!((after.newest_run, after.finished_run), (Some(Invocation(3)), Some(Invocation(3))));
        assert_eq!(pending(&stage), []);
        assert!(has_one_run(&stage, 0) && has_one_run(&stage, 1));
        assert_eq!(stage.wait(seconds(100)), [], "nothing is tried again by itself");
    }
}

#[test]
fn what_was_tried_in_vain_is_on_show_until_a_run_is_ready_or_tried_or_somebody_says_forget_it() {
    type Ending = (fn(&mut Stage), bool);
    let ends: [Ending; 4] = [
        (|stage| drop(stage.start(0)), false),
        (|stage| drop(stage.request(Request::Reset(ids(&[0])))), true),
        (|stage| drop(reload(stage, &[0])), true),
        (
            |stage| {
                stage.restart(0);
                stage.gone(0);
                stage.ready(0);
            },
            true,
        ),
    ];
    for (end, is_forgotten) in ends {
        let mut stage = house(1);
        reload(&mut stage, &[0]);
        of_other(&mut stage, 0, Event::Gone);
        end(&mut stage);
        assert_eq!(stage.fleet.app(AppId(0)).failed_try().is_none(), is_forgotten);
    }
}

#[test]
fn what_was_tried_in_vain_before_does_not_end_a_reload_in_which_nothing_failed() {
    let mut stage = house(2);
    reload(&mut stage, &[0]);
    of_other(&mut stage, 0, Event::Gone);
    stage.end(0, CRASH);
    stage.wait(seconds(1));
    assert!(stage.is_starting(0), "not ready, so it ends before it begins anew");
    reload(&mut stage, &[0, 1]);
    stage.gone(0);
    assert_eq!(pending(&stage), [0, 1]);
    stage.ready(0);
    assert!(tried(&stage, 1), "its turn has come");
}

#[test]
fn a_failed_run_that_stays_is_killed_and_killed_again() {
    let mut stage = house(1);
    reload(&mut stage, &[0]);
    stage.wait(seconds(3));
    assert_eq!(stage.wait(millis(4_999)), []);
    let kill = (AppId(0), Action::Send(Invocation(2), Signal::Kill));
    assert_eq!(stage.wait(millis(1)), [kill]);
    assert_eq!(stage.wait(millis(999)), []);
    assert_eq!(stage.wait(millis(1)), [kill]);
    assert!(stage.is_running(0));
}

#[test]
fn an_old_run_that_stays_is_killed_by_its_own_time_and_may_ask_for_more() {
    let mut stage = house(1);
    reload(&mut stage, &[0]);
    of_other(&mut stage, 0, Event::Ready);
    let until = stage.now.after(seconds(8));
    of_other(&mut stage, 0, |run| Event::Extend(run, until));
    assert_eq!(stage.wait(millis(7_999)), []);
    assert_eq!(sent(&stage.wait(millis(1)), Signal::Kill), [0]);
    assert!(stage.is_running(0), "that is no matter of the new one's");
}

#[test]
fn a_new_run_may_ask_for_more_time_and_what_it_asked_for_is_told() {
    let mut stage = house(1);
    reload(&mut stage, &[0]);
    let until = stage.now.after(seconds(10));
    of_other(&mut stage, 0, |run| Event::Extend(run, until));
    assert_eq!(stage.wait(millis(9_999)), []);
    assert_eq!(stage.wait(millis(1)), [terminate(0, Invocation(2))]);
    let within = seconds(10);
    assert_eq!(stage.fleet.app(AppId(0)).failed_try(), Some(Failure::NotReady { within }));
}

#[test]
fn instances_are_reloaded_one_after_the_other_and_the_next_when_the_old_one_is_gone() {
    let mut stage = house(3);
    assert_eq!(spawned(&reload(&mut stage, &[2, 0, 1])), [2]);
    assert_eq!(told(&of_other(&mut stage, 2, Event::Ready)), [2]);
    assert_eq!(pending(&stage), [0, 1, 2]);
    assert_eq!(spawned(&of_other(&mut stage, 2, Event::Gone)), [0]);
    assert_eq!(pending(&stage), [0, 1]);
    of_other(&mut stage, 0, Event::Ready);
    assert_eq!(spawned(&of_other(&mut stage, 0, Event::Gone)), [1]);
    of_other(&mut stage, 1, Event::Ready);
    of_other(&mut stage, 1, Event::Gone);
    assert_eq!(pending(&stage), []);
}

#[test]
fn the_old_run_that_ends_meanwhile_is_followed_by_the_one_that_is_tried_in_the_time_it_has_left() {
    type Ending = (fn(&mut Stage) -> Actions, Option<Failure>, bool);
    let ends: [Ending; 4] = [
        (|stage| stage.exit(0, CRASH), Some(Failure::Exited(CRASH)), true),
        (|stage| stage.gone(0), Some(Failure::Vanished), false),
        (|stage| stage.ails(0, Ailment::Health), Some(Failure::Unhealthy(Ailment::Health)), true),
        (|stage| stage.leave(0), None, true),
    ];
    for (end, failure, is_left) in ends {
        let mut stage = house(2);
        reload(&mut stage, &[0, 1]);
        stage.wait(seconds(1));
        end(&mut stage);
        assert_eq!(stage.state(0), State::Starting { run: Invocation(3), ready_by: stage.now.after(seconds(2)) });
        let app = stage.fleet.app(AppId(0));
        assert_eq!((app.last_failure(), app.restarts(), app.beside().is_some()), (failure, 1, is_left));
        assert_eq!(stage.fleet.snapshot(AppId(0)).failures, [], "its follower is there already");
        stage.ready(0);
        if is_left {
            of_other(&mut stage, 0, Event::Gone);
        }
        assert_eq!(stage.fleet.app(AppId(0)).last_failure(), None);
        assert!(pending(&stage) == [1] && tried(&stage, 1), "the reload goes on");
    }
}

#[test]
fn one_that_took_its_place_and_fails_is_a_crash_like_any_other_and_follows_when_both_are_gone() {
    let mut stage = house(2);
    reload(&mut stage, &[0, 1]);
    stage.exit(0, CRASH);
    stage.exit(0, CRASH);
    assert_eq!(pending(&stage), [0], "of the others, none is begun");
    assert_eq!(stage.fleet.snapshot(AppId(0)).failures.len(), 1);
    stage.gone(0);
    assert_eq!(stage.fleet.status(AppId(0)), Status::Stopping);
    assert_eq!(stage.wait(seconds(1)), [], "something of the one before is left");
    assert_eq!(spawned(&of_other(&mut stage, 0, Event::Gone)), [0]);
    assert!(has_one_run(&stage, 1));
}

#[test]
fn an_old_run_that_ends_by_itself_is_not_told_but_the_rest_of_its_tree_is() {
    let mut stage = house(1);
    reload(&mut stage, &[0]);
    assert_eq!(stage.leave(0), []);
    assert_eq!(of_other(&mut stage, 0, |run| Event::Exited(run, CRASH)), [terminate(0, Invocation(1))]);
    assert_eq!(of_other(&mut stage, 0, |run| Event::Exited(run, CRASH)), []);
    of_other(&mut stage, 0, Event::Gone);
    assert_eq!(stage.fleet.app(AppId(0)).last_exit(), Some(CRASH));
}

#[test]
fn a_stop_ends_both_and_is_done_when_both_are_gone() {
    for is_ready in [false, true] {
        for first in [0, 1] {
            let mut stage = house(1);
            reload(&mut stage, &[0]);
            let mut actions = Vec::new();
            if is_ready {
                actions.extend(of_other(&mut stage, 0, Event::Ready));
            }
            actions.extend(stage.stop(&[0]));
            assert_eq!(told(&actions), [0, 0], "each of them once");
            let runs = [stage.run(0), other(&stage, 0)];
            stage.handle(0, Event::Gone(runs[first]));
            assert_eq!(stage.fleet.status(AppId(0)), Status::Stopping);
            assert!(!stage.fleet.is_settled_down());
            stage.handle(0, Event::Gone(runs[1 - first]));
            assert_eq!((stage.fleet.status(AppId(0)), stage.state(0)), (Status::Stopped, State::Stopped));
            assert!(stage.fleet.is_settled_down() && pending(&stage).is_empty());
            assert_eq!(stage.wait(seconds(100)), []);
        }
    }
}

#[test]
fn a_stop_of_everything_has_one_deadline_for_both() {
    let patient = Policy { kill_timeout: seconds(60), ..overlapping() };
    let mut stage = Stage::with([(patient, vec![])]).all_up();
    reload(&mut stage, &[0]);
    of_other(&mut stage, 0, Event::Ready);
    stage.wait(seconds(50));
    stage.fleet.request(stage.now, Request::StopAll);
    let until = stage.now.after(seconds(500));
    of_other(&mut stage, 0, |run| Event::Extend(run, until));
    assert_eq!(sent(&stage.wait(seconds(60)), Signal::Kill), [0, 0]);
}

#[test]
fn what_is_wished_for_while_one_is_tried_ends_it_at_once() {
    type Wishing = (fn(&mut Stage) -> Actions, bool);
    let wishes: [Wishing; 4] = [
        (|stage| stage.restart(0), false),
        (|stage| stage.request(Request::RestartWithDependants(ids(&[0]))), false),
        (|stage| stage.handle(0, Event::Refresh), true),
        (|stage| stage.reshape([lifecycle::Member { relaunch: true, ..renewed() }]), true),
    ];
    for (wish, stays_in_reload) in wishes {
        let mut stage = house(1);
        reload(&mut stage, &[0]);
        assert_eq!(told(&wish(&mut stage)), [0, 0]);
        assert_eq!(pending(&stage), if stays_in_reload { vec![0] } else { vec![] });
        assert!(stage.is_stopping(0, StopReason::Restart));
        assert_eq!(stage.gone(0), [], "one of them is there still");
        assert_eq!(spawned(&of_other(&mut stage, 0, Event::Gone)), [0]);
        stage.ready(0);
        assert!(has_one_run(&stage, 0) && pending(&stage).is_empty());
        assert_eq!(stage.fleet.app(AppId(0)).restarts(), 1);
    }
}

fn renewed() -> lifecycle::Member {
    lifecycle::Member { policy: overlapping(), ..member(0, &[]) }
}

#[test]
fn a_start_lets_both_go_on() {
    let mut stage = house(2);
    reload(&mut stage, &[0, 1]);
    assert_eq!(
        spawned(&stage.start(0)),
        [1],
        "whoever is asked for by name is taken out, and the next one's turn comes"
    );
    assert!(tried(&stage, 0));
    assert_eq!(told(&of_other(&mut stage, 0, Event::Ready)), [0]);
}

#[test]
fn a_newer_reload_replaces_what_is_tried_and_waits_until_the_old_one_is_gone() {
    let mut stage = house(1);
    reload(&mut stage, &[0]);
    assert_eq!(reload(&mut stage, &[0]), [terminate(0, Invocation(2))]);
    assert_eq!(of_other(&mut stage, 0, Event::Ready), [], "too late");
    let next = of_other(&mut stage, 0, Event::Gone);
    assert_eq!(next, [(AppId(0), Action::Spawn(Invocation(3)))]);
    assert_eq!(of_other(&mut stage, 0, Event::Ready), [terminate(0, Invocation(1))]);
    assert_eq!(reload(&mut stage, &[0]), [], "a third run is never there");
    assert_eq!(spawned(&of_other(&mut stage, 0, Event::Gone)), [0]);
    assert_eq!((stage.run(0), other(&stage, 0)), (Invocation(3), Invocation(4)));
    assert_eq!(pending(&stage), [0]);
}

#[test]
fn a_try_waits_in_plain_sight_for_what_it_needs_and_the_old_run_serves() {
    let mut stage = Stage::with([(overlapping(), vec![]), (overlapping(), vec![0])]).all_up();
    stage.stop(&[0]);
    stage.gone(0);
    assert_eq!(reload(&mut stage, &[1]), []);
    assert_eq!((stage.fleet.waits_for(AppId(1)), pending(&stage)), (ids(&[0]), vec![1]));
    assert!(stage.is_running(1) && has_one_run(&stage, 1));
    stage.start(0);
    assert_eq!(spawned(&stage.ready(0)), [1]);
    assert!(tried(&stage, 1));
}

#[test]
fn what_leaves_the_fleet_is_dropped_when_both_runs_are_gone_and_whoever_follows_it_waits_for_both() {
    let mut stage = house(1);
    reload(&mut stage, &[0]);
    let follower = lifecycle::Member { follows: ids(&[0]), ..member(1, &[]) };
    assert_eq!(told(&stage.reshape([follower])), [0, 0]);
    assert_eq!(stage.fleet.waits_for_end_of(AppId(1)), ids(&[0]), "said once");
    stage.gone(0);
    assert!(stage.fleet.is_leaving(AppId(0)));
    assert_eq!(stage.fleet.waits_for_end_of(AppId(1)), ids(&[0]));
    assert_eq!(spawned(&of_other(&mut stage, 0, Event::Gone)), [1]);
    assert!(stage.fleet.get(AppId(0)).is_none());
}

#[test]
fn what_comes_back_before_it_was_told_serves_on_without_the_one_that_was_tried() {
    let mut stage = Stage::with([(overlapping(), vec![]), (overlapping(), vec![0])]).all_up();
    reload(&mut stage, &[0]);
    assert_eq!(stage.reshape([]).len(), 2, "what needs it, and what was tried");
    stage.reshape([renewed()]);
    assert!(stage.is_running(0) && !tried(&stage, 0));
    of_other(&mut stage, 0, Event::Gone);
    assert_eq!(sent(&stage.wait(seconds(10)), Signal::Kill), [1], "what needs it leaves still");
    assert_eq!(stage.run(0), Invocation(1));
}

#[test]
fn a_job_that_was_ready_and_ended_well_lets_dependants_start_whatever_was_tried() {
    let job = Policy { autorestart: false, ..overlapping() };
    let mut stage = Stage::with([(job, vec![]), (Policy::default(), vec![0])]);
    stage.start(0);
    stage.ready(0);
    reload(&mut stage, &[0]);
    of_other(&mut stage, 0, Event::Gone);
    stage.end(0, Exit::Code(0));
    assert_eq!(stage.state(0), State::Finished);
    assert_eq!(spawned(&stage.start(1)), [1]);
}

#[test]
fn a_failed_try_is_no_failure_of_a_trial() {
    let mut stage = house(1);
    let trial = Trial::new(&stage.fleet, ids(&[0]));
    reload(&mut stage, &[0]);
    of_other(&mut stage, 0, Event::Gone);
    assert_eq!(trial.verdict(&stage.fleet), Verdict::Passed);
}

// -- under a new supervisor

#[test]
fn both_runs_outlive_the_supervisor() {
    let mut stage = house(1);
    reload(&mut stage, &[0]);
    let mut stage = stage.succeed(|_| true);
    assert!(stage.is_running(0) && tried(&stage, 0) && pending(&stage) == [0]);
    of_other(&mut stage, 0, Event::Ready);
    let mut stage = stage.succeed(|_| true);
    assert_eq!((stage.run(0), other(&stage, 0)), (Invocation(2), Invocation(1)));
    assert_eq!(sent(&stage.wait(seconds(5)), Signal::Kill), [0]);
    let mut stage = stage.succeed(|_| true);
    assert_eq!(sent(&stage.wait(seconds(0)), Signal::Kill), [0], "whether it was sent, nobody knows");
    of_other(&mut stage, 0, Event::Gone);
    assert_eq!(pending(&stage), []);
}

#[test]
fn a_try_whose_spawn_was_lost_is_spawned_again_and_is_no_failure() {
    let mut stage = house(1);
    reload(&mut stage, &[0]);
    let mut stage = stage.succeed(|run| run != Invocation(2));
    assert!(has_one_run(&stage, 0) && pending(&stage) == [0]);
    assert_eq!(stage.wait(seconds(0)), [(AppId(0), Action::Spawn(Invocation(3)))]);
    assert_eq!(told(&of_other(&mut stage, 0, Event::Ready)), [0]);
}

#[test]
fn an_old_run_that_nobody_knows_any_more_is_gone() {
    let mut stage = house(1);
    reload(&mut stage, &[0]);
    of_other(&mut stage, 0, Event::Ready);
    of_other(&mut stage, 0, |run| Event::Exited(run, CRASH));
    let mut stage = stage.succeed(|run| run != Invocation(1));
    stage.wait(seconds(0));
    assert!(stage.is_running(0) && has_one_run(&stage, 0) && pending(&stage).is_empty());
    let app = stage.fleet.app(AppId(0));
    assert_eq!((app.finished_run(), app.last_exit()), (Some(Invocation(1)), Some(CRASH)));
}

#[test]
fn what_serves_and_is_not_known_any_more_is_followed_by_what_is_tried() {
    let mut stage = house(1);
    reload(&mut stage, &[0]);
    let stage = stage.succeed(|run| run != Invocation(1));
    assert!(stage.is_starting(0) && stage.run(0) == Invocation(2));
}

#[test]
fn a_failed_reload_is_over_also_for_a_successor() {
    let mut stage = house(2);
    reload(&mut stage, &[0, 1]);
    of_other(&mut stage, 0, |run| Event::Exited(run, CRASH));
    let mut stage = stage.succeed(|_| true);
    assert_eq!(stage.wait(seconds(0)), []);
    of_other(&mut stage, 0, Event::Gone);
    assert_eq!(pending(&stage), []);
    assert_eq!(stage.fleet.app(AppId(0)).failed_try(), Some(Failure::Exited(CRASH)));
}

#[test]
fn how_the_last_run_ended_is_that_of_the_one_that_serves_once_it_has_exited() {
    let mut stage = house(1);
    reload(&mut stage, &[0]);
    of_other(&mut stage, 0, Event::Ready);
    of_other(&mut stage, 0, |run| Event::Exited(run, Exit::Code(0)));
    stage.exit(0, CRASH);
    of_other(&mut stage, 0, Event::Gone);
    assert_eq!(stage.fleet.app(AppId(0)).last_exit(), Some(CRASH));
    stage.gone(0);
    assert_eq!(stage.fleet.app(AppId(0)).last_exit(), Some(CRASH));
}

#[test]
fn whoever_asks_for_time_when_it_is_up_gets_none() {
    let mut stage = house(1);
    reload(&mut stage, &[0]);
    // Its time is up at this very moment, and nobody has looked yet.
    stage.now = stage.now.after(seconds(3));
    let until = stage.now.after(seconds(60));
    of_other(&mut stage, 0, |run| Event::Extend(run, until));
    assert_eq!(stage.wait(seconds(0)), [terminate(0, Invocation(2))]);
    stage.now = stage.now.after(seconds(5));
    of_other(&mut stage, 0, |run| Event::Extend(run, until));
    assert_eq!(sent(&stage.wait(seconds(0)), Signal::Kill), [0]);
}

#[test]
fn what_was_tried_for_an_app_that_is_in_no_file_any_more_does_not_take_over() {
    let mut stage = house(1);
    reload(&mut stage, &[0]);
    let kept = stage.fleet.snapshot(AppId(0));
    let mut fleet = Fleet::new([], Invocation(0)).expect("nobody is no circle");
    fleet.restore_leaving(stage.now, AppId(0), overlapping(), vec![], kept.clone(), |_| true);
    let actions = fleet.handle(stage.now, AppId(0), Event::Ready(Invocation(2)));
    assert_eq!(actions, [terminate(0, Invocation(2)), terminate(0, Invocation(1))]);
    assert!(fleet.is_leaving(AppId(0)));
    // The same if it says nothing.
    let mut fleet = Fleet::new([], Invocation(0)).expect("nobody is no circle");
    fleet.restore_leaving(stage.now, AppId(0), overlapping(), vec![], kept, |_| true);
    assert_eq!(told(&fleet.tick(stage.now)), [0, 0]);
}
