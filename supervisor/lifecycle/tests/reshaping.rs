//! A fleet that becomes another one: who leaves, who stays, who comes, and who takes over from whom.

mod stage;

use lifecycle::{
    Action, AppId, CycleError, Event, Exit, Fleet, Goal, Invocation, Member, Policy, Request, STOP_ALL_TIMEOUT, Signal,
    Snapshot, State, Status, StopReason,
};
use stage::{CRASH, Stage, ids, member, millis, seconds, send, sent, spawned, told};

/// api (0) needs nothing, web (1) needs api, ble (2) needs api.
fn house() -> Stage {
    let policy = Policy::default;
    Stage::with([(policy(), vec![]), (policy(), vec![0]), (policy(), vec![0])]).all_up()
}

fn all(stage: &Stage) -> Vec<u32> {
    stage.fleet.ids().map(|id| id.0).collect()
}

fn relaunched(app: u32, needs: &[u32]) -> Member {
    Member { relaunch: true, ..member(app, needs) }
}

fn edited(app: u32, needs: &[u32]) -> Member {
    let policy = Policy { kill_timeout: seconds(9), ..Policy::default() };
    Member { policy, ..member(app, needs) }
}

fn following(app: u32, follows: &[u32]) -> Member {
    Member { follows: ids(follows), ..member(app, &[]) }
}

// -- what leaves

#[test]
fn what_is_not_named_is_ended_in_order_and_dropped_when_it_is_gone() {
    let mut stage = house();
    assert_eq!(told(&stage.reshape([])), [1, 2]);
    assert_eq!(all(&stage), [0, 1, 2]);
    assert!((0..3).all(|app| stage.fleet.is_leaving(AppId(app))));
    stage.exit(1, Exit::Code(0));
    assert_eq!(all(&stage), [0, 1, 2], "the rest of its tree is not gone");
    stage.gone(1);
    assert_eq!(all(&stage), [0, 2]);
    assert!(stage.fleet.get(AppId(1)).is_none() && !stage.fleet.is_leaving(AppId(1)));
    assert_eq!(told(&stage.gone(2)), [0]);
    stage.gone(0);
    assert_eq!(all(&stage), []);
    assert_eq!(stage.fleet.next_deadline(), None);
}

#[test]
fn what_leaves_has_its_own_time_and_half_of_the_longest_is_enough_of_waiting() {
    let slow = Policy { kill_timeout: seconds(10), ..Policy::default() };
    let mut stage = Stage::with([(Policy::default(), vec![]), (slow, vec![0])]).all_up();
    assert_eq!(told(&stage.reshape([])), [1]);
    assert_eq!(stage.wait(millis(4_999)), []);
    assert_eq!(told(&stage.wait(millis(1))), [0]);
    assert_eq!(sent(&stage.wait(seconds(5)), Signal::Kill), [0, 1]);
}

#[test]
fn what_is_not_alive_is_dropped_at_once() {
    let mut stage = house();
    stage.end(1, CRASH);
    stage.stop(&[2]);
    stage.gone(2);
    stage.reshape([member(0, &[])]);
    assert_eq!(all(&stage), [0]);
    assert_eq!(stage.wait(seconds(100)), []);
}

#[test]
fn nobody_brings_up_what_leaves() {
    let mut stage = house();
    stage.reshape([member(0, &[]), member(1, &[0])]);
    let wishes: [fn(Vec<AppId>) -> Request; 5] =
        [Request::Start, Request::Restart, Request::RestartWithDependants, Request::Reload, Request::Reset];
    for wish in wishes {
        assert_eq!(stage.request(wish(ids(&[2]))), []);
    }
    assert_eq!(stage.handle(2, Event::Wanted(Goal::Up)), []);
    assert_eq!(stage.handle(2, Event::Refresh), []);
    assert_eq!(stage.handle(2, Event::CauseMayBeGone), []);
    assert!(!stage.fleet.reload_pending(AppId(2)));
    assert_eq!(stage.gone(2), []);
    assert_eq!(all(&stage), [0, 1]);
}

#[test]
fn a_restart_along_with_what_depends_on_it_leaves_alone_what_leaves() {
    let mut stage = house();
    stage.reshape([member(0, &[])]);
    assert_eq!(stage.request(Request::RestartWithDependants(ids(&[0]))), [], "it waits until they are gone");
    stage.gone(1);
    assert_eq!(told(&stage.gone(2)), [0]);
}

#[test]
fn a_stop_of_everything_hurries_what_leaves() {
    let slow = Policy { kill_timeout: seconds(20), ..Policy::default() };
    let mut stage = Stage::with([(slow, vec![]), (Policy::default(), vec![])]).all_up();
    stage.reshape([member(1, &[])]);
    stage.gone(1);
    stage.start(1);
    stage.fleet.request(stage.now, Request::StopAll);
    assert!(!stage.fleet.is_settled_down());
    assert_eq!(sent(&stage.wait(seconds(20)), Signal::Kill), [0, 1]);
    assert!(STOP_ALL_TIMEOUT < seconds(20));
}

#[test]
fn what_needs_what_leaves_waits_for_it_in_plain_sight() {
    let mut stage = house();
    stage.end(1, CRASH);
    stage.reshape([member(1, &[0]), member(2, &[0])]);
    assert!(stage.is_running(2), "nothing that is alive is touched");
    assert_eq!(stage.fleet.waits_for(AppId(1)), ids(&[0]));
    stage.gone(0);
    assert_eq!(stage.fleet.waits_for(AppId(1)), ids(&[0]));
    assert_eq!(stage.fleet.status(AppId(1)), Status::Waiting);
    assert_eq!(stage.fleet.next_deadline(), None);
}

#[test]
fn a_need_of_what_left_is_forgotten() {
    let mut stage = house();
    stage.reshape([member(0, &[]), member(2, &[0])]);
    stage.gone(1);
    assert_eq!(told(&stage.stop(&[0])), [0]);
}

// -- what comes

#[test]
fn what_is_new_is_spawned_if_it_is_to_be_up_and_what_it_needs_is_ready() {
    let mut stage = house();
    let down = Member { up: false, ..member(4, &[]) };
    let kept = [member(0, &[]), member(1, &[0]), member(2, &[0])];
    let actions = stage.reshape(kept.into_iter().chain([member(3, &[0]), down, member(5, &[4])]));
    assert_eq!(spawned(&actions), [3]);
    assert_eq!(stage.state(4), State::Stopped);
    assert_eq!(stage.fleet.waits_for(AppId(5)), ids(&[4]));
    assert_eq!(stage.run(3), Invocation(4));
    assert_eq!(stage.fleet.app(AppId(3)).restarts(), 0);
}

// -- what stays

#[test]
fn nothing_that_is_alive_is_touched_whatever_was_edited() {
    let mut stage = house();
    stage.wait(seconds(2));
    stage.exit(2, CRASH);
    let before = [0, 1, 2].map(|app| stage.fleet.snapshot(AppId(app)));
    assert_eq!(stage.reshape([edited(0, &[]), edited(1, &[]), edited(2, &[1])]), []);
    assert_eq!(before, [0, 1, 2].map(|app| stage.fleet.snapshot(AppId(app))));
    assert_eq!(stage.fleet.app(AppId(0)).policy().kill_timeout, seconds(9));
    stage.gone(2);
    assert!(stage.is_starting(2), "it had been up for long, and what it needs now is ready");
    assert_eq!(told(&stage.stop(&[0, 1])), [0, 1], "they need nothing of each other any more");
}

#[test]
fn what_is_started_otherwise_begins_anew_and_is_not_forgiven() {
    let mut stage = house();
    stage.end(1, CRASH);
    stage.wait(millis(100));
    let actions = stage.reshape([relaunched(0, &[]), relaunched(1, &[0]), member(2, &[0])]);
    assert_eq!(told(&actions), [0, 1]);
    assert_eq!(spawned(&stage.gone(0)), [0]);
    stage.gone(1);
    assert_eq!(spawned(&stage.ready(0)), [1]);
    assert_eq!(stage.fleet.snapshot(AppId(1)).failures.len(), 1);
    assert_eq!(stage.run(2), Invocation(3));
}

#[test]
fn what_failed_and_was_changed_is_tried_at_once() {
    let changes: [(fn() -> Member, bool); 4] = [
        (|| member(1, &[0]), false),
        (|| edited(1, &[0]), true),
        (|| member(1, &[]), true),
        (|| relaunched(1, &[0]), true),
    ];
    for (change, tried) in changes {
        for max_restarts in [0, 9] {
            let policy = Policy { max_restarts, ..Policy::default() };
            let change = Member { policy: Policy { max_restarts, ..change().policy }, ..change() };
            let mut stage = Stage::with([(Policy::default(), vec![]), (policy, vec![0])]).all_up();
            stage.end(1, CRASH);
            assert_eq!(stage.is_cooling(1), max_restarts == 0);
            let actions = stage.reshape([member(0, &[]), change]);
            assert_eq!(spawned(&actions), if tried { vec![1] } else { vec![] });
        }
    }
}

#[test]
fn what_is_ending_for_its_own_doing_begins_anew_when_it_is_gone() {
    type End = fn(&mut Stage);
    let ends: [(End, bool); 3] = [
        (|stage| drop(stage.exit(0, CRASH)), true),
        (|stage| drop(stage.leave(0)), true),
        (|stage| drop(stage.exit(0, Exit::Code(0))), false),
    ];
    for (end, follows) in ends {
        for relaunch in [true, false] {
            let once = Policy { autorestart: false, ..Policy::default() };
            let mut stage = Stage::with([(once.clone(), vec![])]).all_up();
            end(&mut stage);
            stage.reshape([Member { policy: once, relaunch, ..member(0, &[]) }]);
            stage.exit(0, Exit::Code(0));
            assert_eq!(spawned(&stage.gone(0)).len(), usize::from(follows && relaunch));
        }
    }
}

#[test]
fn what_had_ended_badly_for_good_is_tried_when_it_was_mended_and_what_had_ended_well_is_not() {
    for (exit, relaunch, tried) in [(CRASH, true, true), (CRASH, false, false), (Exit::Code(0), true, false)] {
        let once = Policy { autorestart: false, ..Policy::default() };
        let mut stage = Stage::with([(once.clone(), vec![])]).all_up();
        stage.end(0, exit);
        let actions = stage.reshape([Member { policy: once, relaunch, ..edited(0, &[]) }]);
        assert_eq!(spawned(&actions).len(), usize::from(tried));
    }
}

#[test]
fn a_hold_is_kept_whatever_was_edited() {
    let mut stage = house();
    stage.stop(&[1]);
    assert_eq!(stage.reshape([member(0, &[]), relaunched(1, &[]), member(2, &[0])]), []);
    assert_eq!(stage.gone(1), []);
    assert_eq!(stage.reshape([member(0, &[]), relaunched(1, &[]), member(2, &[0])]), []);
    assert_eq!((stage.state(1), stage.fleet.app(AppId(1)).goal()), (State::Stopped, Goal::Down));
}

#[test]
fn what_is_up_stays_up_although_it_would_not_be_started() {
    let mut stage = house();
    let apps = [member(0, &[]), member(1, &[0]), member(2, &[0])];
    assert_eq!(stage.reshape(apps.map(|app| Member { up: false, ..app })), []);
    assert!(stage.is_running(1));
}

#[test]
fn a_relaunch_waits_for_its_turn_like_what_is_to_begin_anew_already() {
    let mut stage = house();
    stage.request(Request::RestartWithDependants(ids(&[0])));
    assert_eq!(stage.reshape([relaunched(0, &[]), member(1, &[0]), member(2, &[0])]), []);
    assert!(stage.is_running(0));
}

#[test]
fn apps_that_wait_for_each_other_in_a_circle_change_nothing() {
    let mut stage = house();
    let before: Vec<Snapshot> = [0, 1, 2].map(|app| stage.fleet.snapshot(AppId(app))).into();
    let refused = stage.fleet.reshape(stage.now, vec![relaunched(0, &[3]), member(3, &[0])]);
    assert_eq!(refused, Err(CycleError(ids(&[0, 3, 0]))));
    assert_eq!(before, [0, 1, 2].map(|app| stage.fleet.snapshot(AppId(app))));
    assert_eq!(told(&stage.stop(&[0, 1])), [1], "and they need what they needed");
}

#[test]
fn a_circle_through_what_leaves_is_none() {
    let mut stage = house();
    let actions = stage.reshape([member(0, &[1]), member(2, &[0])]);
    assert_eq!(told(&actions), [1]);
    stage.gone(1);
    assert_eq!(all(&stage), [0, 2]);
}

// -- who takes over from whom

#[test]
fn what_follows_waits_until_the_runs_that_it_follows_are_gone() {
    let mut stage = house();
    let actions = stage.reshape([member(0, &[]), relaunched(2, &[0]), following(3, &[1, 2])]);
    assert_eq!((told(&actions), spawned(&actions)), (vec![2, 1], vec![]));
    assert_eq!(stage.fleet.waits_for_end_of(AppId(3)), ids(&[1, 2]));
    assert_eq!((stage.fleet.status(AppId(3)), stage.fleet.waits_for(AppId(3))), (Status::Waiting, vec![]));
    assert_eq!(spawned(&stage.gone(2)), [2], "its new run is another");
    assert_eq!(stage.fleet.waits_for_end_of(AppId(3)), ids(&[1]));
    assert_eq!(stage.fleet.next_deadline(), Some(stage.now.after(seconds(3))), "nobody wakes up for what is held back");
    assert_eq!(spawned(&stage.gone(1)), [3]);
    assert_eq!(stage.fleet.waits_for_end_of(AppId(3)), []);
}

#[test]
fn two_that_swap_what_they_hold_wait_for_each_others_old_run() {
    let mut stage = Stage::with([(Policy::default(), vec![]), (Policy::default(), vec![])]).all_up();
    let swap = |app, other| Member { relaunch: true, ..following(app, &[other]) };
    assert_eq!(told(&stage.reshape([swap(0, 1), swap(1, 0)])), [0, 1]);
    assert_eq!(stage.gone(0), []);
    assert_eq!(spawned(&stage.gone(1)), [0, 1]);
}

#[test]
fn only_what_is_alive_is_followed_and_nobody_follows_himself() {
    let mut stage = house();
    stage.end(1, CRASH);
    let actions = stage.reshape([Member { follows: ids(&[0, 1, 9]), ..relaunched(0, &[]) }]);
    assert_eq!(told(&actions), [0, 2], "web is dropped, and ble needs api, which is up");
    assert_eq!(spawned(&stage.gone(0)), [0]);
}

#[test]
fn what_leaves_is_followed_until_it_is_gone_although_a_later_file_does_not_say_so() {
    let mut stage = house();
    stage.reshape([member(0, &[]), member(2, &[0]), following(3, &[1, 2])]);
    stage.reshape([member(0, &[]), member(2, &[0]), member(3, &[])]);
    assert_eq!(stage.fleet.waits_for_end_of(AppId(3)), ids(&[1]), "what stays is followed no more");
    assert_eq!(spawned(&stage.gone(1)), [3]);
}

#[test]
fn what_came_back_is_followed_no_more() {
    let mut stage = house();
    stage.reshape([member(0, &[]), member(2, &[0]), following(3, &[1])]);
    let actions = stage.reshape([member(0, &[]), member(1, &[0]), member(2, &[0]), member(3, &[])]);
    assert_eq!(spawned(&actions), [3]);
}

#[test]
fn what_leaves_and_comes_back_follows_what_it_followed() {
    let mut stage = Stage::with([(Policy::default(), vec![]), (Policy::default(), vec![])]).all_up();
    stage.reshape([Member { relaunch: true, ..following(1, &[0]) }]);
    stage.reshape([]);
    stage.reshape([member(1, &[])]);
    assert_eq!(stage.gone(1), []);
    assert_eq!(spawned(&stage.gone(0)), [1]);
}

#[test]
fn what_was_spawned_once_follows_nobody_any_more() {
    let mut stage = Stage::with([(Policy::default(), vec![])]).all_up();
    stage.reshape([Member { relaunch: true, ..member(0, &[]) }, following(1, &[0])]);
    stage.gone(0);
    assert!(stage.is_starting(1));
    assert_eq!(stage.fleet.snapshot(AppId(1)).follows, []);
}

// -- what comes back

#[test]
fn what_is_named_again_comes_back_when_its_run_is_gone() {
    let mut stage = house();
    stage.reshape([member(0, &[]), member(2, &[0])]);
    stage.reshape([member(0, &[]), edited(1, &[0]), member(2, &[0])]);
    assert!(!stage.fleet.is_leaving(AppId(1)) && stage.is_stopping(1, StopReason::Restart));
    assert_eq!(stage.fleet.app(AppId(1)).policy().kill_timeout, seconds(9));
    assert_eq!(spawned(&stage.gone(1)), [1]);
}

#[test]
fn what_comes_back_before_it_was_told_to_end_runs_on_unless_it_is_started_otherwise() {
    for relaunch in [false, true] {
        let mut stage = house();
        stage.reshape([]);
        let actions = stage.reshape([Member { relaunch, ..member(0, &[]) }]);
        assert_eq!(told(&actions), if relaunch { vec![0] } else { vec![] });
        assert_eq!(stage.is_running(0), !relaunch);
        assert_eq!(stage.fleet.app(AppId(0)).goal(), Goal::Up);
    }
}

#[test]
fn what_comes_back_to_be_down_is_kept_and_stays_down() {
    let mut stage = house();
    stage.reshape([member(0, &[])]);
    stage.reshape([member(0, &[]), Member { up: false, relaunch: true, ..member(1, &[0]) }]);
    assert_eq!(stage.gone(1), []);
    assert_eq!((stage.state(1), stage.fleet.is_leaving(AppId(1))), (State::Stopped, false));
    assert_eq!(stage.gone(2), []);
    assert_eq!(all(&stage), [0, 1]);
}

#[test]
fn what_comes_back_may_have_to_follow_what_came_for_it() {
    let mut stage = Stage::with([(Policy::default(), vec![])]).all_up();
    stage.reshape([following(1, &[0])]);
    stage.gone(0);
    assert!(stage.is_starting(1));
    let actions = stage.reshape([following(0, &[1])]);
    assert_eq!((told(&actions), spawned(&actions)), (vec![1], vec![]));
    assert_eq!(spawned(&stage.gone(1)), [0]);
}

// -- under a new supervisor

/// A fleet of the file in force, as a successor makes it.
fn fleet_of(apps: &[(u32, &[u32])]) -> Fleet {
    let rows = apps.iter().map(|(app, needs)| (AppId(*app), Policy::default(), ids(needs)));
    Fleet::new(rows, Invocation(0)).expect("no circle")
}

#[test]
fn what_leaves_goes_on_leaving_under_a_new_supervisor() {
    let mut stage = house();
    let slow = Policy { kill_timeout: seconds(8), ..Policy::default() };
    stage.reshape([member(2, &[])]);
    let before = [0, 1, 2].map(|app| stage.fleet.snapshot(AppId(app)));
    let mut fleet = fleet_of(&[(2, &[])]);
    let now = stage.now;
    let [api, web, ble] = before;
    fleet.restore(now, AppId(2), ble, |_| true);
    fleet.restore_leaving(now, AppId(0), slow, vec![], api.clone(), |_| true);
    fleet.restore_leaving(now, AppId(1), Policy::default(), ids(&[0]), web, |_| true);
    assert_eq!(fleet.snapshot(AppId(0)), api);
    assert!(fleet.is_leaving(AppId(0)) && fleet.is_leaving(AppId(1)));
    assert_eq!(fleet.tick(now), [], "api waits for web");
    let gone = Event::Gone(Invocation(2));
    let actions = fleet.handle(now, AppId(1), gone);
    assert_eq!(actions, [(AppId(0), Action::Send(Invocation(1), Signal::Terminate))]);
    assert_eq!(fleet.tick(now.after(millis(7_999))), []);
    assert_eq!(sent(&fleet.tick(now.after(seconds(8))), Signal::Kill), [0]);
    fleet.handle(now.after(seconds(8)), AppId(0), Event::Gone(Invocation(1)));
    assert_eq!(fleet.ids().collect::<Vec<_>>(), ids(&[2]));
}

#[test]
fn what_left_while_nobody_looked_is_not_brought_back_but_its_number_is_not_used_again() {
    let mut stage = house();
    stage.reshape([]);
    let snapshot = stage.fleet.snapshot(AppId(2));
    let mut fleet = fleet_of(&[(7, &[])]);
    fleet.restore_leaving(stage.now, AppId(2), Policy::default(), ids(&[7]), snapshot, |_| false);
    assert!(fleet.get(AppId(2)).is_none());
    let actions = fleet.request(stage.now, Request::Start(ids(&[7])));
    assert_eq!(actions, [(AppId(7), Action::Spawn(Invocation(4)))]);
    assert_eq!(fleet.request(stage.now, Request::RestartWithDependants(ids(&[7]))).len(), 1);
}

#[test]
fn what_no_file_names_any_more_leaves_whatever_was_remembered_of_it() {
    let mut stage = house();
    stage.request(Request::Reload(ids(&[0, 1])));
    stage.reshape([member(0, &[]), member(1, &[0]), member(2, &[0]), following(3, &[1])]);
    let [web, third] = [1, 3].map(|app| stage.fleet.snapshot(AppId(app)));
    let mut fleet = fleet_of(&[(0, &[])]);
    fleet.restore_leaving(stage.now, AppId(1), Policy::default(), ids(&[0]), web, |_| true);
    fleet.restore_leaving(stage.now, AppId(3), Policy::default(), vec![], third, |_| true);
    assert!(!fleet.reload_pending(AppId(1)) && fleet.app(AppId(1)).goal() == Goal::Down);
    assert_eq!(told(&fleet.tick(stage.now)), [1]);
    assert!(fleet.get(AppId(3)).is_none(), "nothing of it was alive");
}

#[test]
fn what_a_file_names_again_is_restored_as_it_was_remembered() {
    let mut stage = house();
    let web = stage.fleet.snapshot(AppId(1));
    let mut fleet = fleet_of(&[(0, &[]), (1, &[0])]);
    fleet.restore_leaving(stage.now, AppId(1), Policy::default(), vec![], web.clone(), |_| true);
    assert_eq!(fleet.snapshot(AppId(1)), web);
    stage.reshape([]);
    let web = stage.fleet.snapshot(AppId(1));
    let mut fleet = fleet_of(&[(0, &[]), (1, &[0])]);
    fleet.restore(stage.now, AppId(1), web, |_| true);
    assert!(fleet.is_leaving(AppId(1)), "until the reshape that it left in is done once more");
}

#[test]
fn a_reshape_that_was_half_remembered_is_done_once_more_and_comes_to_the_same() {
    let members = || [relaunched(0, &[]), member(2, &[0]), following(3, &[1])];
    let mut stage = house();
    let before = [0, 1, 2].map(|app| stage.fleet.snapshot(AppId(app)));
    stage.reshape(members());
    let after = [0, 1, 2, 3].map(|app| stage.fleet.get(AppId(app)).map(|_| stage.fleet.snapshot(AppId(app))));
    for remembered in 0..=4 {
        let mut fleet = fleet_of(&[(0, &[]), (1, &[0]), (2, &[0])]);
        let kept = after[..remembered].iter().cloned().chain(before.iter().cloned().map(Some).skip(remembered));
        for (app, snapshot) in (0..).zip(kept) {
            if let Some(snapshot) = snapshot {
                fleet.restore(stage.now, AppId(app), snapshot, |_| true);
            }
        }
        fleet.reshape(stage.now, members().into()).expect("no circle");
        let again = [0, 1, 2, 3].map(|app| fleet.get(AppId(app)).map(|_| fleet.snapshot(AppId(app))));
        assert_eq!(again, after, "with {remembered} remembered");
    }
}

#[test]
fn what_follows_goes_on_waiting_under_a_new_supervisor() {
    let mut stage = house();
    stage.reshape([member(0, &[]), relaunched(1, &[0]), member(2, &[0]), following(3, &[1])]);
    let mut stage = stage.succeed(|_| true);
    assert_eq!(stage.wait(seconds(0)), []);
    assert_eq!(stage.fleet.waits_for_end_of(AppId(3)), ids(&[1]));
    assert_eq!(spawned(&stage.gone(1)), [1, 3]);
}

#[test]
fn a_kill_that_is_due_is_sent_to_what_leaves() {
    let mut stage = house();
    stage.reshape([member(0, &[]), member(1, &[0])]);
    let kill = send(&stage, 2, Signal::Kill);
    assert_eq!(stage.wait(seconds(5)), [kill]);
}
