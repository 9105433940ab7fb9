//! Has done what was decided: runs spawned, signals sent, trees ended, rows forgotten.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use lifecycle::{Action, AppId, Beside, Event, Exit, Failure, Goal, Invocation, Signal, Snapshot, State, StopReason};
use manifest::Ready;
use nix::sys::signal::Signal as OsSignal;
use protocol::keeper::Order;

use super::memory::{Notes, Tried};
use super::roster::Unit;
use super::runs::{Leaders, MOST_UNCERTAIN_LOOKS};
use super::{Supervisor, now};
use crate::cgroup;
use crate::clock;
use crate::tree::{self, Orphans, Process};

/// After a kill, and while somebody cannot be read: soon.
const LOOK_AGAIN_SOON: Duration = Duration::from_millis(20);
/// While somebody who was asked to end takes its time; the keeper's word of an ended orphan comes earlier.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// As PM2 says it: one JSON value a line.
const SHUTDOWN_MESSAGE: &[u8] = b"\"shutdown\"\n";

/// What the runs that are alive are doing: one at most, but in a reload with overlap.
fn states_in(snapshot: &Snapshot) -> BTreeMap<Invocation, State> {
    let states = [Some(snapshot.state), snapshot.beside.map(Beside::state)];
    states.into_iter().flatten().filter_map(|state| Some((state.run()?, state))).collect()
}

impl Supervisor {
    pub(super) fn perform(&mut self, id: AppId, action: Action) {
        match action {
            Action::Spawn(run) => self.spawn(id, run),
            Action::Send(run, signal) => self.send(id, run, signal),
        }
    }

    fn spawn(&mut self, id: AppId, run: Invocation) {
        let Some(unit) = self.unit(id).cloned() else { return };
        let is_tried = self.is_tried(id, run.0);
        let notes = self.notes.entry(id).or_default();
        match is_tried {
            true => notes.tried = Tried::default(),
            false => notes.says = None,
        }
        for address in &unit.app.listen {
            self.order(&Order::Listen { address: address.to_string() });
        }
        let ordered = self.ground.spawn(&unit, run.0).and_then(|spawn| {
            self.orders.give(&Order::Spawn(spawn)).map_err(|errno| super::launch::LaunchError {
                errno: errno as i32,
                detail: format!("cannot be started: arguments and environment are too long ({})", errno.desc()),
            })
        });
        if let Err(error) = ordered {
            let notes = self.notes.entry(id).or_default();
            match is_tried {
                true => notes.tried.detail = Some(error.detail),
                false => (notes.detail, notes.lasted_ms) = (Some(error.detail), None),
            }
            notes.exited_at_ns = Some(clock::now_ns());
            self.happened.push_back((id, Event::Exited(run, Exit::NotSpawned(error.errno))));
            self.happened.push_back((id, Event::Gone(run)));
        }
    }

    /// To the group while its first process lives; to each that is left of the tree afterwards.
    pub(super) fn send(&mut self, id: AppId, run: Invocation, signal: Signal) {
        let number = self.number_of(id, signal) as i32;
        if signal == Signal::Terminate && self.ask_by_message(id, run) {
            return;
        }
        // One that was only just ordered, and is not known yet, is spawned before it is signalled.
        if self.runs.get(&run.0).is_none_or(|run| run.row.exit.is_none()) {
            self.order(&Order::Signal { run: run.0, signal: number });
        }
        self.look_soon(Duration::ZERO);
    }

    /// PM2's `shutdown_with_message`: a Node app is told on its channel. One that cannot be told gets the signal.
    fn ask_by_message(&self, id: AppId, run: Invocation) -> bool {
        if !self.unit(id).is_some_and(|unit| unit.app.shutdown_with_message) {
            return false;
        }
        let channel = self.runs.get(&run.0).and_then(|run| run.channel.as_ref().filter(|_| run.row.exit.is_none()));
        channel.is_some_and(|channel| nix::unistd::write(channel, SHUTDOWN_MESSAGE) == Ok(SHUTDOWN_MESSAGE.len()))
    }

    fn number_of(&self, id: AppId, signal: Signal) -> OsSignal {
        let asked = self.unit(id).and_then(|unit| OsSignal::try_from(unit.app.kill_signal.number()).ok());
        match signal {
            Signal::Terminate => asked.unwrap_or(OsSignal::SIGTERM),
            Signal::Kill => OsSignal::SIGKILL,
        }
    }

    // -- trees

    pub(super) fn look_soon(&mut self, within: Duration) {
        let at = now().after(within);
        self.look_at = Some(self.look_at.map_or(at, |earlier| earlier.min(at)));
    }

    /// One look serves all runs that are being ended.
    pub(super) fn look_at_trees(&mut self) {
        self.look_at = None;
        let ending: Vec<u64> = self.runs.iter().filter(|(_, run)| run.is_ending()).map(|(run, _)| *run).collect();
        if ending.is_empty() {
            return;
        }
        let orphans = tree::look(&Leaders::of(&self.runs).hub(&self.hub, self.keeper));
        for run in ending {
            self.look_at_tree(run, &orphans);
        }
    }

    fn look_at_tree(&mut self, number: u64, orphans: &Orphans) {
        let Some(run) = self.runs.get_mut(&number) else { return };
        // In a group of its own nobody hides.
        let mut left: BTreeSet<Process> = run.members().into_iter().collect();
        left.extend(orphans.of_runs.get(&number).into_iter().flatten());
        if !left.is_empty() {
            return self.end_tree(number, left);
        }
        if orphans.uncertain && run.uncertain_looks < MOST_UNCERTAIN_LOOKS {
            run.uncertain_looks += 1;
            return self.look_soon(LOOK_AGAIN_SOON);
        }
        run.gone = true;
        self.happened.push_back((run.app, Event::Gone(Invocation(number))));
        self.logs.finish(number);
    }

    /// Asks each that is left once; kills when that was ordered, or when nobody keeps a time for it any more.
    fn end_tree(&mut self, number: u64, left: BTreeSet<Process>) {
        let Some(run) = self.runs.get(&number) else { return };
        let id = run.app;
        let patient = match self.state_of(id, number) {
            Some(State::Stopping { kill_at, .. }) => kill_at.is_some(),
            // What `lifecycle` has not been told yet, it is about to be.
            Some(State::Starting { .. } | State::Running { .. }) => true,
            _ => false,
        };
        let signal = self.number_of(id, if patient { Signal::Terminate } else { Signal::Kill });
        let Some(run) = self.runs.get_mut(&number) else { return };
        if let (false, Some(group)) = (patient, &run.row.cgroup) {
            cgroup::kill(group.as_ref());
        }
        for process in left {
            if !patient || run.asked.insert(process) {
                tree::signal(process, signal);
            }
        }
        self.look_soon(if patient { LOOK_AGAIN } else { LOOK_AGAIN_SOON });
    }

    // -- what is over

    /// Rows stay with the keeper until their trees are empty and their last words are written.
    pub(super) fn forget_the_done(&mut self) {
        let done: Vec<u64> = self.runs.iter().filter(|(_, run)| run.can_be_forgotten()).map(|(run, _)| *run).collect();
        for run in done {
            self.order(&Order::Forget { run });
            self.runs.remove(&run);
            self.measure.forget(run);
        }
    }

    /// When everything is stopped: ends whoever is nobody's, and is done.
    pub(super) fn finish_if_settled(&mut self) {
        if !self.stopping || !self.fleet.is_settled_down() || !self.runs.is_empty() {
            return;
        }
        let orphans = tree::look(&Leaders::of(&self.runs).hub(&self.hub, self.keeper));
        let left: Vec<Process> = orphans.of_runs.into_values().flatten().chain(orphans.strangers).collect();
        for process in &left {
            tree::signal(*process, OsSignal::SIGKILL);
        }
        if left.is_empty() {
            self.done = true;
        } else {
            self.look_soon(LOOK_AGAIN_SOON);
        }
    }

    /// What else is to be noted when an app's state changes, and which sockets are held no longer.
    pub(super) fn note_change(&mut self, id: AppId, before: &Snapshot, after: &Snapshot) {
        let serves = after.state.run();
        if serves.is_some() && serves == before.beside.map(Beside::run) {
            let notes = self.notes.entry(id).or_default();
            notes.says = std::mem::take(&mut notes.tried).says;
        }
        match (before.state, after.state) {
            (State::Running { run: old, .. }, State::Running { run, .. }) if old == run => {}
            (_, State::Running { run, since }) => {
                let spawned = self.runs.get(&run.0).map(super::Run::spawned);
                let notes = self.notes.entry(id).or_default();
                notes.ready_ms = spawned.map(|at| since.since(lifecycle::Moment::at(at)).as_millis() as u64);
                notes.ready_ms.into_iter().for_each(|took| notes.tally.count_ready(took));
                (notes.detail, notes.cause) = (None, None);
            }
            (State::Starting { .. }, State::Stopping { run, why: StopReason::NotReady, .. }) => {
                let detail = self.why_not_ready(id, run, |notes| notes.says.clone());
                self.notes.entry(id).or_default().detail = detail;
            }
            (before, after) if before != after => self.close_sockets_if_down(id, after),
            _ => {}
        }
        self.note_change_beside(id, before.beside, after);
        let (before, after) = (states_in(before), states_in(after));
        let touched: BTreeSet<_> = before.keys().chain(after.keys()).copied().collect();
        for run in touched.into_iter().filter(|run| before.get(run) != after.get(run)) {
            self.look_after_run(run.0);
        }
    }

    fn note_change_beside(&mut self, id: AppId, before: Option<Beside>, after: &Snapshot) {
        let not_ready = matches!(after.failed_try, Some(Failure::NotReady { .. }));
        match (before, after.beside) {
            (Some(Beside::Trying { run, .. }), Some(Beside::Leaving { run: same, .. })) if run == same && not_ready => {
                let detail = self.why_not_ready(id, run, |notes| notes.tried.says.clone());
                self.notes.entry(id).or_default().tried.detail = detail;
            }
            // It may have shut down the socket for all who have it.
            (Some(Beside::Leaving { .. }), None) if self.is_to_be_served(id) => {
                for address in self.unit(id).into_iter().flat_map(|unit| &unit.app.listen) {
                    self.order(&Order::Listen { address: address.to_string() });
                }
            }
            _ => {}
        }
    }

    /// What is known of a run that did not become ready in time, beside that.
    fn why_not_ready(&self, id: AppId, run: Invocation, says: impl Fn(&Notes) -> Option<String>) -> Option<String> {
        let run = self.runs.get(&run.0);
        let silent = run.filter(|run| run.never_ready).map(|_| "closed its ready pipe without a line".to_owned());
        let not_yet = run.and_then(|run| run.monitors.not_yet.clone());
        let not_written = self.unit(id).and_then(|unit| match &unit.app.ready {
            Ready::Log(text) => Some(format!("no line with \"{text}\" in its output")),
            Ready::None | Ready::Pipe | Ready::Tcp(_) | Ready::Http(_) => None,
        });
        let says = || self.notes.get(&id).and_then(says).map(|text| format!("it says \"{text}\""));
        silent.or(not_yet).or(not_written).or_else(says)
    }

    /// Held sockets live through restart, crash and back-off; while nobody is to serve them, a client is better refused.
    pub(super) fn close_sockets_if_down(&self, id: AppId, state: State) {
        let down = match state {
            State::Stopped | State::Cooling { .. } | State::Finished => true,
            // Before it is told to end, so that the socket is closed for good the moment that it is gone.
            State::Stopping { why, .. } => why == StopReason::Asked,
            State::Starting { .. } | State::Running { .. } | State::Backoff { .. } => false,
        };
        if down && let Some(unit) = self.unit(id) {
            self.close_sockets_of(unit);
        }
    }

    /// Unless somebody else is to have them: another instance, or who comes in its place.
    pub(super) fn close_sockets_of(&self, unit: &Unit) {
        let units = self.units();
        let others = units.values().filter(|other| other.id != unit.id && self.is_to_be_served(other.id));
        let kept: Vec<_> = others.flat_map(|other| &other.app.listen).collect();
        for address in unit.app.listen.iter().filter(|address| !kept.contains(address)) {
            self.order(&Order::Unlisten { address: address.to_string() });
        }
    }

    fn is_to_be_served(&self, id: AppId) -> bool {
        self.fleet.get(id).is_some_and(|app| {
            app.goal() == Goal::Up && !matches!(app.state(), State::Cooling { .. } | State::Finished)
        })
    }
}
