//! What a supervisor would make of a hand-over, without doing any of it. The one that runs and the one that is to take over do
//! this with the same words, so that whatever differs is the newcomer's doing.

use std::collections::BTreeMap;
use std::rc::Rc;

use lifecycle::{Action, AppId, Fleet, Invocation, Moment, Signal, State, StopReason};
use protocol::keeper::Row;
use protocol::self_check::{App, Understood};

use super::Wish;
use super::hand_over::{self, HandOver, Taken};
use super::reshape;
use super::roster::Unit;
use crate::program;

/// What it understands, and what it would do at once. `at` is when all this was so.
pub fn of(wish: &Wish, told: &HandOver, at: Moment) -> anyhow::Result<Understood> {
    let taken = hand_over::take(wish, &told.memory)?;
    let (mut fleet, _) = hand_over::fleet(&taken, told, at)?;
    let units = taken.leaving.values().chain(taken.roster.units());
    let units: BTreeMap<AppId, Rc<Unit>> = units.map(|unit| (unit.id, unit.clone())).collect();
    let apps = units.values().filter_map(|unit| app(unit, &fleet)).collect();
    let mut at_once: Vec<String> = told.rows.values().filter_map(|(row, _)| of_nobodys(row, &units, &fleet)).collect();
    at_once.extend(told.rows.values().filter_map(|(row, _)| of_untold(row, &units, &fleet)));
    let comes_up = |unit: &Unit| taken.roster.comes_up(unit);
    let mut actions = fleet.reshape(at, members(&taken, comes_up))?;
    actions.extend(fleet.tick(at));
    at_once.extend(actions.into_iter().map(|(id, action)| in_words(&units, id, action)));
    Ok(Understood {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        file: program::our_file(),
        apps,
        runs: told.rows.keys().copied().collect(),
        at_once,
    })
}

fn members(taken: &Taken, comes_up: impl Fn(&Unit) -> bool) -> Vec<lifecycle::Member> {
    let relaunch = &taken.in_force.relaunch;
    taken
        .roster
        .units()
        .map(|unit| reshape::member(&taken.roster, &taken.leaving, relaunch, unit, unit.ad_hoc || comes_up(unit)))
        .collect()
}

fn app(unit: &Unit, fleet: &Fleet) -> Option<App> {
    let app = fleet.get(unit.id)?;
    Some(App {
        id: unit.id.0,
        key: unit.key(),
        up: app.goal() == lifecycle::Goal::Up,
        state: word(app.state()).to_owned(),
        run: app.alive().map(|run| run.0),
        beside: app.beside().map(|beside| beside.run().0),
        restarts: fleet.snapshot(unit.id).restarts,
    })
}

/// What becomes of a living run that no app of ours has.
fn of_nobodys(row: &Row, units: &BTreeMap<AppId, Rc<Unit>>, fleet: &Fleet) -> Option<String> {
    let unit = units.values().find(|unit| unit.key() == row.app);
    let is_known = unit.is_some_and(|unit| is_ours(fleet, unit.id, row));
    (row.exit.is_none() && !is_known).then(|| format!("end run {} of {}", row.run, row.app))
}

/// What a run hears whom nobody told that it is to end.
fn of_untold(row: &Row, units: &BTreeMap<AppId, Rc<Unit>>, fleet: &Fleet) -> Option<String> {
    let unit = units.values().find(|unit| unit.key() == row.app).filter(|unit| is_untold(fleet, unit, row))?;
    Some(in_words(units, unit.id, Action::Send(Invocation(row.run), Signal::Terminate)))
}

/// Whether a run is to end, and whoever had that remembered died before it gave the order to tell it.
pub fn is_untold(fleet: &Fleet, unit: &Unit, row: &Row) -> bool {
    let state = fleet.get(unit.id).and_then(|app| app.state_of(Invocation(row.run)));
    let is_to_be_told = matches!(
        state,
        Some(State::Stopping {
            kill_at: Some(_),
            why: StopReason::Asked | StopReason::Restart | StopReason::NotReady | StopReason::Unhealthy,
            ..
        })
    );
    // Whether a message was sent on a channel, nobody knows.
    is_to_be_told && !unit.app.shutdown_with_message && row.exit.is_none() && row.last_signal.is_none()
}

/// Whether this run is one that the app has.
pub fn is_ours(fleet: &Fleet, app: AppId, row: &Row) -> bool {
    fleet.get(app).is_some_and(|app| app.state_of(Invocation(row.run)).is_some())
}

fn in_words(units: &BTreeMap<AppId, Rc<Unit>>, id: AppId, action: Action) -> String {
    let key = units.get(&id).map_or_else(|| format!("app {}", id.0), |unit| unit.key());
    match action {
        Action::Spawn(run) => format!("start run {} of {key}", run.0),
        Action::Send(run, signal) => format!("send {signal:?} to run {} of {key}", run.0),
    }
}

fn word(state: State) -> &'static str {
    match state {
        State::Stopped => "stopped",
        State::Starting { .. } => "starting",
        State::Running { .. } => "running",
        State::Stopping { .. } => "stopping",
        State::Backoff { .. } => "backing off",
        State::Cooling { .. } => "cooling",
        State::Finished => "finished",
    }
}
