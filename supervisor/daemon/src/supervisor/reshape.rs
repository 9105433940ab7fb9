//! Who there is becomes somebody else: who is new comes, who is missing leaves, and the fleet is reshaped to that.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use lifecycle::{AppId, Member};
use manifest::Address;
use protocol::keeper::Order;

use super::book::{self, InForce};
use super::roster::{Roster, Unit};
use super::{Supervisor, now};
use crate::clock;

impl Supervisor {
    /// Numbers of those on their way out.
    pub(super) fn taken(&self) -> BTreeMap<String, u32> {
        self.leaving.values().map(|unit| (unit.key(), unit.id.0)).collect()
    }

    /// Who is new comes, who is missing leaves. `in_force` is the file that says so, if it is another one.
    pub(super) fn change_roster(&mut self, roster: Roster, in_force: Option<InForce>, up: impl Fn(&Unit) -> bool) {
        let missing = |unit: &&Rc<Unit>| roster.unit(unit.id).is_none();
        let leave: Vec<Rc<Unit>> = self.roster.units().filter(missing).cloned().collect();
        for unit in &leave {
            self.order(&book::remember_leaving(unit));
        }
        self.order(&book::remember_changes(roster.changes()));
        if let Some(in_force) = in_force {
            self.in_force = in_force;
            self.order(&book::remember_in_force(&self.in_force));
        }
        let back: Vec<AppId> = self.leaving.keys().copied().filter(|id| roster.unit(*id).is_some()).collect();
        for id in back {
            let Some(unit) = self.leaving.remove(&id) else { continue };
            self.order(&book::forget_leaving(&unit.key()));
        }
        self.leaving.extend(leave.into_iter().map(|unit| (unit.id, unit)));
        let before = self.log_ways();
        let old = std::mem::replace(&mut self.roster, roster);
        self.keep_log_house();
        self.redirect_logs(&before);
        for address in addresses(old.units()).difference(&self.addresses()) {
            self.order(&Order::Unlisten { address: address.clone() });
        }
        self.reshape(up);
    }

    /// What is held for whoever is there.
    pub(super) fn addresses(&self) -> BTreeSet<String> {
        addresses(self.units().values())
    }

    /// Makes the fleet what the roster says, whatever a predecessor came to. Of those that were never there, the ones named by
    /// `only` are started; all of them if it names none.
    pub(super) fn converge(&mut self, only: &[String]) {
        let only = only.to_vec();
        let comes_up = |unit: &&Rc<Unit>| self.comes_up(unit) || unit.ad_hoc;
        let up: BTreeSet<AppId> = self.roster.units().filter(comes_up).map(|unit| unit.id).collect();
        self.reshape(move |unit| match only.is_empty() {
            true => up.contains(&unit.id),
            false => only.contains(&unit.app.name),
        });
    }

    fn reshape(&mut self, up: impl Fn(&Unit) -> bool) {
        let (roster, leaving, relaunch) = (&self.roster, &self.leaving, &self.in_force.relaunch);
        let members = roster.units().map(|unit| member(roster, leaving, relaunch, unit, up(unit))).collect();
        match self.fleet.reshape(now(), members) {
            Ok(actions) => self.carry_out(actions),
            // The file was checked for that, and apps in no file depend on nobody.
            Err(circle) => say!("{} supervisor: {circle}", clock::stamp()),
        }
        self.look_after_apps();
        if !self.in_force.relaunch.is_empty() {
            self.in_force.relaunch.clear();
            self.order(&book::remember_in_force(&self.in_force));
        }
    }
}

/// An instance as the fleet is to have it.
pub fn member(
    roster: &Roster,
    leaving: &BTreeMap<AppId, Rc<Unit>>,
    relaunch: &BTreeSet<String>,
    unit: &Unit,
    up: bool,
) -> Member {
    let shares_an_address = |other: &Unit| {
        let same_port = unit.app.port.is_some() && unit.app.port == other.app.port;
        let overlaps = |address: &Address| other.app.listen.iter().any(|theirs| theirs.overlaps(address));
        same_port || unit.app.listen.iter().any(overlaps)
    };
    Member {
        id: unit.id,
        policy: unit.app.policy.clone(),
        needs: unit.app.depends_on.iter().flat_map(|name| ids_needed(roster, name)).collect(),
        follows: leaving.values().filter(|other| shares_an_address(other)).map(|other| other.id).collect(),
        relaunch: relaunch.contains(&unit.key()),
        up,
    }
}

/// Every instance of it; of an app that was deleted, a number that is never ready.
fn ids_needed(roster: &Roster, name: &str) -> Vec<AppId> {
    let there = roster.ids_of(name);
    if there.is_empty() {
        return roster.changes().ids.get(name).map(|id| AppId(*id)).into_iter().collect();
    }
    there
}

fn addresses<'u>(units: impl IntoIterator<Item = &'u Rc<Unit>>) -> BTreeSet<String> {
    units.into_iter().flat_map(|unit| unit.app.listen.iter().map(ToString::to_string)).collect()
}
