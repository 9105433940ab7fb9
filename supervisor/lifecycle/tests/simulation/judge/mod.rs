//! The promises, kept by a bookkeeper of its own who sees only what the fleet is told and what it orders.
//!
//! Each app has a [`Record`] of facts. From these follows what the fleet may do, what it must do and what it must show;
//! the fleet's states are not looked at for that.

mod check;
mod hear;
mod order;
mod record;

use std::collections::BTreeSet;

use lifecycle::{AppId, Event, Goal, Invocation, Policy, Request};

pub use self::record::Record;
use crate::plan::Plan;

/// What the supervisor is told.
#[derive(Clone, Debug)]
pub enum Input {
    Event(AppId, Event),
    Request(Request),
    Tick,
}

pub struct Judge {
    policies: Vec<Policy>,
    needs: Vec<Vec<AppId>>,
    pub records: Vec<Record>,
    /// What the world has led to: see [`SITUATIONS`].
    pub seen: BTreeSet<&'static str>,
}

/// What has to come up in some world, or the promises are checked in vain.
pub const SITUATIONS: [&str; 16] = [
    "cooled down and tried again",
    "ended badly for good",
    "ended well for good",
    "escaped from a kill",
    "given up on before it was ready",
    "held back by a dependency",
    "killed",
    "restarted after a back-off",
    "restarted at once after a long run",
    "restarted at once because its cause might have been gone",
    "spawn lost with the supervisor",
    "started again while it stopped",
    "told to end after what needed it was gone",
    "told to end at half the deadline",
    "unhealthy",
    "vanished",
];

impl Judge {
    pub fn new(apps: &[Plan]) -> Self {
        let blank = Record {
            wish: Goal::Down,
            run: None,
            failures: Vec::new(),
            pardoned: false,
            over: false,
            gone_at: None,
            turn: None,
            waited: false,
            spawns: Vec::new(),
            excuses: Vec::new(),
            fresh: true,
            restarts: 0,
            exit: None,
            reason: None,
            finished: None,
        };
        Self {
            policies: apps.iter().map(|plan| plan.policy.clone()).collect(),
            needs: apps.iter().map(|plan| plan.needs.clone()).collect(),
            records: vec![blank; apps.len()],
            seen: BTreeSet::new(),
        }
    }

    fn ids(&self) -> impl Iterator<Item = AppId> + use<> {
        (0..self.records.len() as u32).map(AppId)
    }

    fn dependants(&self, app: AppId) -> impl Iterator<Item = AppId> + '_ {
        self.ids().filter(move |user| self.needs[index(*user)].contains(&app))
    }

    /// Said that it is ready, and is neither ending nor wanted down.
    pub fn is_ready(&self, app: AppId) -> bool {
        let record = &self.records[index(app)];
        record.wish == Goal::Up && record.run.as_ref().is_some_and(|run| run.ready_at.is_some() && run.is_untouched())
    }

    pub fn wish(&self, app: AppId) -> Goal {
        self.records[index(app)].wish
    }

    pub fn is_over(&self, app: AppId) -> bool {
        self.records[index(app)].over
    }

    pub fn live_run(&self, app: AppId) -> Option<Invocation> {
        self.records[index(app)].run.as_ref().map(|run| run.run)
    }

    fn all_ready(&self, needs: &[AppId]) -> bool {
        needs.iter().all(|need| self.is_ready(*need))
    }

    /// A spawn that was counted and remembered, but whose order was lost: the run never existed.
    pub fn lose_spawn(&mut self, app: AppId, heard: &Record) {
        self.seen.insert("spawn lost with the supervisor");
        let restarts = self.records[index(app)].restarts;
        self.records[index(app)] = Record { restarts, fresh: true, ..heard.clone() };
    }

    /// A kill that was ordered may have been lost with the supervisor, so it may come again.
    pub fn forget_kills(&mut self) {
        for run in self.records.iter_mut().filter_map(|record| record.run.as_mut()) {
            run.killed_at = None;
        }
    }
}

fn index(app: AppId) -> usize {
    app.0 as usize
}
