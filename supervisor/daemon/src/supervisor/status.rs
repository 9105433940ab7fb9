//! What is told to clients: copies of the state, in the words of the control protocol.

use std::rc::Rc;

use lifecycle::{AppId, Goal, State, Status as Word};
use protocol::control;

use super::roster::Unit;
use super::runs::Census;
use super::tally::Tally;
use super::{Supervisor, now, reason};
use crate::clock;

/// What makes a status worth telling again: everything but times and measurements.
#[derive(Clone, Debug, PartialEq)]
pub struct UnitState {
    unit: Rc<Unit>,
    word: Word,
    snapshot: lifecycle::Snapshot,
    notes: super::Notes,
    pid: Option<i32>,
    never_ready: bool,
    not_yet: Option<String>,
    leaving: bool,
    notice: Option<String>,
}

impl Supervisor {
    pub(super) fn publish(&mut self) {
        let state: Vec<UnitState> = self.units().into_values().filter_map(|unit| self.digest(unit)).collect();
        if state != self.published {
            self.published = state;
            self.sequence.send_modify(|sequence| *sequence += 1);
        }
    }

    fn digest(&self, unit: Rc<Unit>) -> Option<UnitState> {
        let id = unit.id;
        let run = self.fleet.get(id)?.alive().and_then(|run| self.runs.get(&run.0));
        let (snapshot, mut notes) = self.noted(id);
        notes.tally = Tally::default(); // what is counted is a measurement
        Some(UnitState {
            unit,
            word: self.fleet.status(id),
            snapshot,
            notes,
            pid: run.and_then(super::Run::pid),
            never_ready: run.is_some_and(|run| run.never_ready),
            not_yet: run.and_then(|run| run.monitors.not_yet.clone()),
            leaving: self.stopping,
            notice: self.notice(),
        })
    }

    pub(super) fn watch(&mut self) -> control::Watch {
        let sequence = *self.sequence.borrow();
        let runs = self.shown().iter().map(|unit| self.runs_of(unit)).collect();
        control::Watch { sequence, leaving: self.stopping, status: self.status(), runs }
    }

    /// Those that the fleet has, by number.
    pub(super) fn shown(&self) -> Vec<Rc<Unit>> {
        self.units().into_values().filter(|unit| self.fleet.get(unit.id).is_some()).collect()
    }

    fn runs_of(&self, unit: &Unit) -> control::Runs {
        let lived = self.fleet.app(unit.id);
        let names = |ids: Vec<AppId>| ids.into_iter().map(|id| self.name_of(id)).collect();
        control::Runs {
            id: unit.id.0,
            name: unit.app.name.clone(),
            wanted: lived.goal() == Goal::Up,
            newest: lived.newest_run().map(|run| run.0),
            finished: lived.finished_run().map(|run| run.0),
            waits_for: names(self.fleet.waits_for(unit.id)),
            follows: names(self.fleet.waits_for_end_of(unit.id)),
            to_be_reloaded: self.fleet.reload_pending(unit.id),
        }
    }

    /// Also of one that was deleted.
    fn name_of(&self, id: AppId) -> String {
        let deleted = || {
            let key = self.roster.changes().ids.iter().find(|(_, number)| **number == id.0);
            key.map_or_else(|| id.0.to_string(), |(key, _)| key.clone())
        };
        self.unit(id).map_or_else(deleted, |unit| unit.app.name.clone())
    }

    pub(super) fn status(&mut self) -> control::Status {
        self.measure_all();
        control::Status {
            keeper: control::Keeper { pid: self.keeper },
            supervisor: control::Supervisor {
                pid: std::process::id() as i32,
                version: env!("CARGO_PKG_VERSION").to_owned(),
            },
            profile: self.roster.manifest.profile.clone(),
            apps: self.shown().iter().map(|unit| self.status_of(unit)).collect(),
            notice: self.notice(),
        }
    }

    /// Measures what was not measured a moment ago.
    fn measure_all(&mut self) {
        let alive = self.fleet.ids().filter_map(|id| self.fleet.app(id).alive());
        let due: Vec<u64> = alive.map(|run| run.0).filter(|run| self.measure.is_due(*run)).collect();
        if due.is_empty() {
            return;
        }
        let members = self.census().take();
        for number in due {
            let Some(run) = self.runs.get(&number) else { continue };
            let tree = members.get(&number).map_or(&[][..], Vec::as_slice);
            self.measure.usage(number, run.spawned(), tree);
        }
    }

    /// Where everybody is who belongs to a run now.
    pub(super) fn census(&self) -> Census {
        Census::of(&self.hub, self.keeper, &self.runs)
    }

    pub(super) fn status_of(&self, unit: &Unit) -> control::App {
        let id = unit.id;
        let alive = self.fleet.app(id).alive();
        let run = alive.and_then(|run| self.runs.get(&run.0));
        let pid = run.and_then(super::Run::pid);
        let spawned = run.map(super::Run::spawned);
        let usage = alive.and_then(|run| self.measure.last(run.0)).unwrap_or_default();
        let lived = self.fleet.app(id);
        control::App {
            id: id.0,
            name: unit.app.name.clone(),
            namespace: unit.app.namespace.clone(),
            status: word(self.fleet.status(id)),
            reason: self.reason(id),
            pid,
            uptime_ms: pid.and(spawned).map(|at| clock::now().saturating_sub(at).as_millis() as u64),
            ready_ms: self.notes.get(&id).and_then(|notes| notes.ready_ms),
            restarts: lived.restarts(),
            cpu_percent: usage.cpu_percent,
            memory_bytes: usage.memory_bytes,
            exit: lived.last_exit().map(exit),
            says: run.and(self.notes.get(&id)).and_then(|notes| notes.says.clone()),
            instance: Some(unit.instance).filter(|_| unit.of > 1),
            user: unit.app.user.clone(),
            watching: unit.app.watch.is_some(),
        }
    }

    /// Why it is not online, and what comes next; or why it is in the run that it was to be reloaded from.
    pub(super) fn reason(&self, id: AppId) -> Option<String> {
        let app = self.fleet.get(id)?;
        let notes = self.notes.get(&id).cloned().unwrap_or_default();
        let waits = self.waiting_for(id);
        let failure = app.last_failure().map(|failure| reason::of_failure(failure, &notes));
        let next = match app.goal() {
            Goal::Up => reason::of_retry(app.state(), self.fleet.snapshot(id).failures.len(), now()),
            Goal::Down => None,
        };
        let failed_try = app.failed_try().map(|failure| {
            format!("reload failed: {}; the run before it goes on", reason::of_failure(failure, &notes.of_try()))
        });
        let run = app.alive().and_then(|run| self.runs.get(&run.0));
        // Why it is not ready yet; once it was given up on, that is part of the failure.
        let says = run.filter(|_| matches!(app.state(), State::Starting { .. })).and_then(|run| {
            let silent = run.never_ready.then(|| "closed its ready pipe without a line".to_owned());
            silent.or_else(|| run.monitors.not_yet.clone()).or_else(|| notes.says.clone())
        });
        let failed_try = failed_try.filter(|_| matches!(app.state(), State::Running { .. }));
        let parts: Vec<String> = [waits, failed_try, failure, next, says].into_iter().flatten().collect();
        (!parts.is_empty()).then(|| parts.join("; "))
    }

    /// `waiting for betti-backend: not ready for 3.2 s of 10 s`.
    fn waiting_for(&self, id: AppId) -> Option<String> {
        let needs = self.fleet.waits_for(id).into_iter().map(|need| self.not_ready(need));
        let ends = self.fleet.waits_for_end_of(id).into_iter().map(|end| format!("{} to end", self.name_of(end)));
        let each: Vec<String> = needs.chain(ends).collect();
        (!each.is_empty()).then(|| format!("waiting for {}", each.join(", ")))
    }

    fn not_ready(&self, need: AppId) -> String {
        let name = self.name_of(need);
        let Some(app) = self.fleet.get(need) else { return format!("{name}: deleted") };
        match (app.state(), app.goal()) {
            (State::Starting { ready_by, .. }, Goal::Up) => {
                let given = app.policy().listen_timeout;
                let spent = given.saturating_sub(ready_by.since(now()));
                format!("{name}: not ready for {} of {}", reason::span(spent), reason::span(given))
            }
            _ => format!("{name}: {}", word(self.fleet.status(need)).as_str()),
        }
    }

    pub(super) fn log_sources(&self) -> Vec<control::LogSource> {
        let source = |unit: &Rc<Unit>| control::LogSource {
            id: unit.id.0,
            name: unit.app.name.clone(),
            namespace: unit.app.namespace.clone(),
            out_file: unit.out_file().to_string_lossy().into_owned(),
            error_file: unit.error_file().to_string_lossy().into_owned(),
        };
        self.shown().iter().map(source).collect()
    }
}

pub(super) fn word(status: Word) -> control::Word {
    match status {
        Word::Online => control::Word::Online,
        Word::Launching => control::Word::Launching,
        Word::Stopping => control::Word::Stopping,
        Word::Stopped => control::Word::Stopped,
        Word::Errored => control::Word::Errored,
        Word::WaitingRestart => control::Word::WaitingRestart,
        Word::Waiting => control::Word::Waiting,
        Word::Cooling => control::Word::Cooling,
    }
}

fn exit(exit: lifecycle::Exit) -> control::Exit {
    use lifecycle::Exit;
    match exit {
        Exit::Code(code) => control::Exit::Code { code },
        Exit::Signal { signal, core_dumped } => {
            control::Exit::Signal { signal: reason::signal_name(signal), core_dumped }
        }
        Exit::OutOfMemory => control::Exit::OutOfMemory { out_of_memory: true },
        Exit::NotSpawned(errno) => control::Exit::NotSpawned { not_spawned: reason::errno_name(errno) },
    }
}
