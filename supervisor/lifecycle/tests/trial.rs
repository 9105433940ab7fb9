//! Whether a profile has come up.

mod stage;

use lifecycle::{Ailment, AppId, Exit, Member, Policy, Request, Trial, Verdict};
use stage::{CRASH, Stage, ids, member, millis, seconds};

/// api (0) runs; web (1) needs it and is to come. Both are watched unless said otherwise.
struct Switch {
    stage: Stage,
    trial: Trial,
}

impl Switch {
    fn to(members: Vec<Member>, watched: &[u32]) -> Self {
        Self::from(Stage::with([(Policy::default(), vec![])]).all_up(), members, watched)
    }

    fn from(mut stage: Stage, members: Vec<Member>, watched: &[u32]) -> Self {
        let trial = Trial::new(&stage.fleet, ids(watched));
        stage.reshape(members);
        Self { stage, trial }
    }

    fn verdict(&self) -> Verdict {
        let kept = Trial { watched: self.trial.watched.clone() };
        kept.verdict(&self.stage.fleet)
    }
}

fn failed(app: u32) -> Verdict {
    Verdict::Failed(AppId(app))
}

fn both() -> Switch {
    Switch::to(vec![Member { relaunch: true, ..member(0, &[]) }, member(1, &[0])], &[0, 1])
}

#[test]
fn it_notes_the_newest_run_of_each_and_none_of_what_is_not_there_yet() {
    let switch = both();
    let first = Some(lifecycle::Invocation(1));
    assert_eq!(switch.trial.watched, [(AppId(0), first), (AppId(1), None)]);
}

#[test]
fn it_is_passed_when_everything_is_ready_in_a_newer_run() {
    let mut switch = both();
    assert_eq!(switch.verdict(), Verdict::Pending, "api is ending its old run");
    switch.stage.gone(0);
    assert_eq!(switch.verdict(), Verdict::Pending, "api is starting");
    switch.stage.ready(0);
    assert_eq!(switch.verdict(), Verdict::Pending, "web is starting");
    switch.stage.ready(1);
    assert_eq!(switch.verdict(), Verdict::Passed);
}

#[test]
fn it_is_failed_by_a_run_that_is_gone_and_never_was_ready() {
    let mut switch = both();
    switch.stage.gone(0);
    switch.stage.exit(0, CRASH);
    assert_eq!(switch.verdict(), Verdict::Pending, "the rest of its tree lives");
    switch.stage.gone(0);
    assert_eq!(switch.verdict(), failed(0));
    switch.stage.wait(millis(100));
    switch.stage.ready(0);
    switch.stage.ready(1);
    assert_eq!(switch.verdict(), failed(0), "whenever one asks");
}

#[test]
fn the_first_in_order_that_failed_is_named() {
    let mut switch = Switch::to(vec![member(1, &[]), member(2, &[])], &[2, 1]);
    for app in [1, 2] {
        switch.stage.end(app, CRASH);
    }
    assert_eq!(switch.verdict(), failed(2));
}

#[test]
fn a_run_that_was_not_ready_before_the_trial_is_none_of_its_business() {
    let mut stage = Stage::with_one(Policy::default());
    stage.end(0, CRASH);
    stage.wait(millis(100));
    let mut switch = Switch::from(stage, vec![member(0, &[])], &[0]);
    assert_eq!(switch.verdict(), Verdict::Pending);
    switch.stage.end(0, CRASH);
    assert_eq!(switch.verdict(), Verdict::Pending, "the old run failed");
    switch.stage.wait(millis(150));
    switch.stage.end(0, CRASH);
    assert_eq!(switch.verdict(), failed(0), "this one is newer");
}

#[test]
fn what_runs_on_in_its_old_run_is_good() {
    let switch = Switch::to(vec![member(0, &[])], &[0]);
    assert_eq!(switch.verdict(), Verdict::Passed);
}

#[test]
fn one_failure_after_it_was_ready_is_waited_out_and_a_second_is_one_too_many() {
    let mut switch = Switch::to(vec![member(0, &[]), member(1, &[])], &[1]);
    switch.stage.ready(1);
    switch.stage.end(1, CRASH);
    assert_eq!(switch.verdict(), Verdict::Pending);
    switch.stage.wait(millis(100));
    assert_eq!(switch.verdict(), Verdict::Pending);
    switch.stage.ready(1);
    assert_eq!(switch.verdict(), Verdict::Passed);
    switch.stage.end(1, CRASH);
    assert_eq!(switch.verdict(), failed(1));
}

#[test]
fn what_has_held_out_is_good_whatever_becomes_of_it_next() {
    let mut switch = Switch::to(vec![member(0, &[]), member(1, &[])], &[1]);
    switch.stage.ready(1);
    switch.stage.wait(seconds(1));
    switch.stage.end(1, CRASH);
    assert!(switch.stage.is_starting(1));
    assert_eq!(switch.verdict(), Verdict::Passed);
    switch.stage.restart(1);
    assert_eq!(switch.verdict(), Verdict::Passed);
    switch.stage.gone(1);
    switch.stage.end(1, CRASH);
    assert_eq!(switch.verdict(), failed(1), "a newer run never was ready");
}

#[test]
fn an_ailing_run_that_was_ready_is_judged_like_any_other() {
    let mut switch = Switch::to(vec![member(1, &[])], &[1]);
    switch.stage.gone(0);
    switch.stage.ready(1);
    switch.stage.wait(seconds(5));
    switch.stage.ails(1, Ailment::Memory);
    assert_eq!(switch.verdict(), Verdict::Passed);
}

#[test]
fn what_cools_down_or_ended_badly_for_good_has_failed_and_what_ended_well_has_not() {
    let cool = Policy { max_restarts: 0, ..Policy::default() };
    let once = Policy { autorestart: false, ..Policy::default() };
    for (policy, exit, verdict) in
        [(cool, CRASH, failed(1)), (once.clone(), CRASH, failed(1)), (once, Exit::Code(0), Verdict::Passed)]
    {
        let mut switch = Switch::to(vec![member(0, &[]), Member { policy, ..member(1, &[]) }], &[1]);
        switch.stage.ready(1);
        switch.stage.end(1, exit);
        assert_eq!(switch.verdict(), verdict);
    }
}

#[test]
fn nobody_asks_for_what_was_stopped_meanwhile_or_leaves() {
    let mut switch = both();
    switch.stage.stop(&[0]);
    assert_eq!(switch.verdict(), failed(1), "web waits for what is down");
    switch.stage.stop(&[1]);
    assert_eq!(switch.verdict(), Verdict::Passed);
    let switch = Switch::to(vec![], &[0, 7]);
    assert_eq!(switch.verdict(), Verdict::Passed);
}

#[test]
fn what_waits_for_a_watched_one_waits_for_its_outcome() {
    let mut switch = Switch::to(vec![Member { relaunch: true, ..member(0, &[]) }, member(1, &[0])], &[1, 0]);
    switch.stage.gone(0);
    assert_eq!(switch.verdict(), Verdict::Pending);
    switch.stage.end(0, CRASH);
    assert_eq!(switch.verdict(), failed(0));
}

#[test]
fn what_waits_for_one_that_nobody_watches_fails_when_that_will_not_come() {
    let web = || member(1, &[0]);
    let once = Policy { autorestart: false, ..Policy::default() };
    let cool = Policy { max_restarts: 0, ..Policy::default() };
    let switch = |stage, api: Policy| Switch::from(stage, vec![Member { policy: api, ..member(0, &[]) }, web()], &[1]);
    let with = |policy: &Policy| Stage::with_one(policy.clone());

    let mut held = with(&once);
    held.stop(&[0]);
    assert_eq!(switch(held, once.clone()).verdict(), failed(1), "it is down");

    let mut over = with(&once);
    over.end(0, Exit::Code(0));
    assert_eq!(switch(over, once).verdict(), failed(1), "it has ended for good");

    let mut cooling = with(&cool);
    cooling.end(0, CRASH);
    assert_eq!(switch(cooling, cool).verdict(), failed(1), "it cools down");

    let mut failing = switch(with(&Policy::default()), Policy::default());
    assert_eq!(failing.verdict(), Verdict::Pending, "it is starting");
    failing.stage.end(0, CRASH);
    assert_eq!(failing.verdict(), Verdict::Pending, "once is no loop");
    failing.stage.wait(millis(100));
    failing.stage.end(0, CRASH);
    assert_eq!(failing.verdict(), failed(1), "it crashes again and again");
}

#[test]
fn what_waits_for_one_that_waits_in_vain_waits_in_vain() {
    let policy = Policy::default;
    let mut stage = Stage::with([(policy(), vec![]), (policy(), vec![0])]);
    stage.start(1);
    let switch = Switch::from(stage, vec![member(0, &[]), member(1, &[0]), member(2, &[1])], &[2]);
    assert_eq!(switch.verdict(), failed(2));
    let missing = Switch::to(vec![member(0, &[]), member(1, &[9])], &[1]);
    assert_eq!(missing.verdict(), failed(1), "what it needs is in no file");
}

#[test]
fn a_watched_dependency_that_ended_well_is_good_and_what_waits_for_it_is_not() {
    let accepting = Policy { stop_exit_codes: vec![0], ..Policy::default() };
    let members = vec![Member { policy: accepting, relaunch: true, ..member(0, &[]) }, member(1, &[0])];
    let mut switch = Switch::to(members, &[0, 1]);
    switch.stage.gone(0);
    switch.stage.end(0, Exit::Code(0));
    assert_eq!(switch.verdict(), failed(1));
}

#[test]
fn what_follows_waits_for_an_end_that_is_under_way_and_fails_for_one_that_is_not() {
    let follower = |relaunch| {
        let old = Member { relaunch, ..member(0, &[]) };
        Switch::to(vec![old, Member { follows: ids(&[0]), ..member(1, &[]) }], &[1])
    };
    assert_eq!(follower(true).verdict(), Verdict::Pending);
    assert_eq!(follower(false).verdict(), failed(1));
    let mut switch = follower(false);
    switch.stage.request(Request::Stop(ids(&[0])));
    assert_eq!(switch.verdict(), Verdict::Pending);
    switch.stage.gone(0);
    switch.stage.ready(1);
    assert_eq!(switch.verdict(), Verdict::Passed);
}

#[test]
fn a_profile_that_failed_is_taken_back_and_what_was_before_comes_up_again() {
    let old = Policy::default();
    let mut stage = Stage::with([(old.clone(), vec![]), (old, vec![0])]).all_up();
    let trial = Trial::new(&stage.fleet, ids(&[2]));
    stage.reshape([member(0, &[]), Member { follows: ids(&[1]), ..member(2, &[0]) }]);
    stage.gone(1);
    stage.end(2, CRASH);
    assert_eq!(trial.verdict(&stage.fleet), failed(2));
    let back = Trial::new(&stage.fleet, ids(&[1]));
    stage.reshape([member(0, &[]), Member { follows: ids(&[2]), ..member(1, &[0]) }]);
    assert_eq!(back.verdict(&stage.fleet), Verdict::Pending);
    stage.ready(1);
    assert_eq!(back.verdict(&stage.fleet), Verdict::Passed);
    assert_eq!(stage.fleet.ids().collect::<Vec<_>>(), ids(&[0, 1]));
}
