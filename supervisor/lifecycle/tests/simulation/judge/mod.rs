//! The promises, kept by a bookkeeper of its own who sees only what the fleet is told and what it orders.
//!
//! Each app has a [`Record`] of facts. From these follows what the fleet may do, what it must do and what it must show;
//! the fleet's states are not looked at for that.

mod beside;
mod check;
mod hear;
mod order;
mod record;
mod reload;
mod reshape;
mod show;
mod trial;

use std::collections::{BTreeMap, BTreeSet};

use lifecycle::{AppId, Event, Goal, Invocation, Member, Moment, Policy, Request};

pub use self::record::Record;
use crate::plan::{File, Plan};

/// What the supervisor is told.
#[derive(Clone, Debug)]
pub enum Input {
    Event(AppId, Event),
    Request(Request),
    Reshape(Vec<Member>),
    Tick,
}

/// What is in force for an app.
#[derive(Clone, Debug, PartialEq)]
pub struct Design {
    pub policy: Policy,
    pub needs: Vec<AppId>,
}

impl Design {
    pub fn of(plan: &Plan) -> Self {
        Self { policy: plan.policy.clone(), needs: plan.needs.clone() }
    }
}

pub struct Judge {
    pub designs: BTreeMap<AppId, Design>,
    pub records: BTreeMap<AppId, Record>,
    /// What the world has led to: see [`SITUATIONS`].
    pub seen: BTreeSet<&'static str>,
}

/// What has to come up in some world, or the promises are checked in vain.
pub const SITUATIONS: [&str; 72] = [
    "a circle refused",
    "a comeback after it was told to end",
    "a comeback before it was told to end",
    "a file edit ended a back-off",
    "a hold outlived a reshape",
    "a mended app that had ended badly for good was tried",
    "a refresh of a job that had ended for good",
    "a refresh of a stopped app",
    "a refresh of what runs",
    "a refresh while it ended",
    "a relaunch of what runs",
    "a relaunch while it ended",
    "a reload asked for again while it was under way",
    "a reload ended by a failure",
    "a reload went on after one that was ready",
    "a reload went on after one that was taken out",
    "a reload went on under a new supervisor",
    "a reset",
    "a reshape begun anew by a new supervisor",
    "a run beside another was killed",
    "a run that left by itself and was killed",
    "a run that left by itself ended badly",
    "a run that left by itself ended well",
    "a run that left by itself vanished",
    "a run that left by itself was asked for again",
    "a run that left by itself was stopped",
    "a run took over when it was ready",
    "a run tried beside another",
    "a try held back",
    "a try lost with the supervisor",
    "a try refreshed",
    "a try replaced by another one",
    "a try restarted",
    "a try stopped",
    "a try that ailed",
    "a try that ended before it was ready",
    "a try that vanished",
    "a try that was not ready in time",
    "a try took the place of one that ailed",
    "a try took the place of one that ended",
    "a try took the place of one that left by itself",
    "a try took the place of one that vanished",
    "an app added",
    "an app dropped",
    "an app left under a new supervisor",
    "an unhealthy run was forgotten after a healthy one",
    "asked for more time than the one deadline allows",
    "asked for more time to become ready",
    "asked for more time to end",
    "asked for more time too late",
    "cooled down and tried again",
    "ended badly for good",
    "ended well for good",
    "escaped from a kill",
    "given up on before it was ready",
    "held back by a dependency",
    "held back by what it follows",
    "killed",
    "restarted after a back-off",
    "restarted after a back-off although it had lived long",
    "restarted along with what it needs",
    "restarted at once after a long run",
    "restarted at once because its cause might have been gone",
    "spawn lost with the supervisor",
    "started again while it stopped",
    "told to begin anew after what needed it was gone",
    "told to end after what needed it was gone",
    "told to end at half the deadline",
    "trial failed and taken back",
    "trial passed",
    "unhealthy",
    "vanished",
];

impl Judge {
    pub fn new(file: &File) -> Self {
        Self {
            designs: file.iter().map(|(id, plan)| (*id, Design::of(plan))).collect(),
            records: file.keys().map(|id| (*id, Record::blank())).collect(),
            seen: BTreeSet::new(),
        }
    }

    /// What is known of an app that there is.
    pub fn record(&self, app: AppId) -> &Record {
        self.records.get(&app).unwrap_or_else(|| panic!("{app:?} is no app"))
    }

    fn record_mut(&mut self, app: AppId) -> &mut Record {
        self.records.get_mut(&app).unwrap_or_else(|| panic!("{app:?} is no app"))
    }

    fn design(&self, app: AppId) -> &Design {
        self.designs.get(&app).unwrap_or_else(|| panic!("{app:?} is in no file"))
    }

    fn saw(&mut self, situation: &'static str) {
        debug_assert!(SITUATIONS.contains(&situation), "{situation:?} is not on the list");
        self.seen.insert(situation);
    }

    fn dependants(&self, app: AppId) -> impl Iterator<Item = AppId> + '_ {
        self.records.keys().copied().filter(move |user| self.design(*user).needs.contains(&app))
    }

    pub fn is_ready(&self, app: AppId) -> bool {
        self.records.get(&app).is_some_and(Record::is_ready)
    }

    fn lets_dependants_start(&self, app: AppId) -> bool {
        self.records.get(&app).is_some_and(Record::lets_dependants_start)
    }

    pub fn live_run(&self, app: AppId) -> Option<Invocation> {
        self.records.get(&app)?.run.as_ref().map(|run| run.run)
    }

    /// The run that serves, and the one beside it.
    pub fn live_runs(&self, app: AppId) -> Vec<Invocation> {
        let runs = self.records.get(&app).into_iter().flat_map(Record::runs);
        runs.map(|run| run.run).collect()
    }

    /// The dependencies that an app waits for.
    fn waits_for(&self, app: AppId) -> Vec<AppId> {
        self.design(app).needs.iter().copied().filter(|need| !self.lets_dependants_start(*need)).collect()
    }

    /// What an app follows and what is not gone.
    fn waits_for_end_of(&self, app: AppId) -> Vec<AppId> {
        let lives = |(other, run): &&(AppId, Invocation)| self.live_runs(*other).contains(run);
        let others: BTreeSet<AppId> = self.record(app).follows.iter().filter(lives).map(|(other, _)| *other).collect();
        others.into_iter().collect()
    }

    fn is_held_back(&self, app: AppId) -> bool {
        !self.waits_for(app).is_empty() || !self.waits_for_end_of(app).is_empty()
    }

    /// Who ends before `app` may be told to.
    fn in_the_way(&self, app: AppId) -> Vec<AppId> {
        let stops = self.record(app).wish == Goal::Down;
        let ends_first = |user: &AppId| {
            let user = self.record(*user);
            let is_alive = user.runs().next().is_some();
            let is_half_gone = user.run.is_none();
            is_alive && if stops { user.wish == Goal::Down } else { user.is_ending() || is_half_gone }
        };
        self.dependants(app).filter(ends_first).collect()
    }

    /// Whether an app comes up if everybody behaves from now on and nobody asks for anything.
    pub fn can_be_ready(&self, app: AppId) -> bool {
        let Some(record) = self.records.get(&app) else { return false };
        record.wish == Goal::Up
            && !record.over
            && !self.waits_for_what_stays(app)
            && self.design(app).needs.iter().all(|need| self.lets_dependants_start(*need) || self.can_be_ready(*need))
    }

    /// A spawn that was counted and remembered, but whose order was lost: the run never existed.
    pub fn lose_spawn(&mut self, app: AppId, heard: &Record) {
        if self.record(app).beside.is_some() {
            return self.lose_try(app);
        }
        self.saw("spawn lost with the supervisor");
        let record = self.record_mut(app);
        let Record { restarts, place, newest, .. } = *record;
        let follows = std::mem::take(&mut record.follows);
        *record = Record { restarts, place, newest, follows, fresh: true, ..heard.clone() };
    }

    /// A kill that was ordered may have been lost with the supervisor, so it may come again.
    pub fn forget_kills(&mut self) {
        let runs =
            self.records.values_mut().flat_map(|record| record.run.as_mut().into_iter().chain(&mut record.beside));
        for run in runs {
            run.killed_at = None;
        }
    }

    /// An app that is in no file of a new supervisor's goes on leaving, whatever became of it in a reshape that was not
    /// finished.
    pub fn restore_leaving(&mut self, now: Moment, app: AppId) {
        self.saw("an app left under a new supervisor");
        let record = self.record_mut(app);
        (record.wish, record.leaves, record.place) = (Goal::Down, true, None);
        if record.is_untouched() {
            record.turn = record.turn.or(Some((now, None)));
        }
    }
}
