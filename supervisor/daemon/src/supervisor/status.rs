//! What is told to clients: copies of the state, in the words of the control protocol.

use lifecycle::{AppId, Goal, State, Status as Word};
use protocol::control;

use super::{Act, Supervisor, now, reason};
use crate::clock;
use crate::tree;

/// What makes a status worth telling again: everything but times and measurements.
#[derive(Clone, Debug, PartialEq)]
pub struct AppRuns {
    word: Word,
    snapshot: lifecycle::Snapshot,
    notes: super::Notes,
    pid: Option<i32>,
    never_ready: bool,
    leaving: bool,
}

impl Supervisor {
    pub(super) fn publish(&mut self) {
        let state: Vec<AppRuns> = self.fleet.ids().map(|id| self.digest(id)).collect();
        if state != self.published {
            self.published = state;
            self.sequence.send_modify(|sequence| *sequence += 1);
        }
    }

    fn digest(&self, id: AppId) -> AppRuns {
        let run = self.fleet.app(id).alive().and_then(|run| self.runs.get(&run.0));
        let (snapshot, notes) = self.noted(id);
        AppRuns {
            word: self.fleet.status(id),
            snapshot,
            notes,
            pid: run.and_then(super::Run::pid),
            never_ready: run.is_some_and(|run| run.never_ready),
            leaving: self.stopping,
        }
    }

    pub(super) fn watch(&mut self) -> control::Watch {
        let sequence = *self.sequence.borrow();
        let runs = self.manifest.apps.iter().map(|app| self.runs_of(app)).collect();
        control::Watch { sequence, leaving: self.stopping, status: self.status(), runs }
    }

    fn runs_of(&self, app: &manifest::App) -> control::Runs {
        let lived = self.fleet.app(AppId(app.id));
        let name = |id: AppId| self.app(id).map(|app| app.name.clone());
        control::Runs {
            name: app.name.clone(),
            wanted: lived.goal() == Goal::Up,
            newest: lived.newest_run().map(|run| run.0),
            finished: lived.finished_run().map(|run| run.0),
            waits_for: self.fleet.waits_for(AppId(app.id)).into_iter().filter_map(name).collect(),
            to_be_reloaded: false,
            id: app.id,
        }
    }

    pub(super) fn status(&mut self) -> control::Status {
        self.measure_all();
        control::Status {
            keeper: control::Keeper { pid: self.keeper },
            supervisor: control::Supervisor {
                pid: std::process::id() as i32,
                version: env!("CARGO_PKG_VERSION").to_owned(),
            },
            profile: self.manifest.profile.clone(),
            apps: self.manifest.apps.iter().map(|app| self.status_of(app)).collect(),
            notice: None,
        }
    }

    /// Measures what was not measured a moment ago.
    fn measure_all(&mut self) {
        let alive = self.fleet.ids().filter_map(|id| self.fleet.app(id).alive());
        let due: Vec<u64> = alive.map(|run| run.0).filter(|run| self.measure.is_due(*run)).collect();
        if due.is_empty() {
            return;
        }
        let orphans = tree::look(&super::Leaders::of(&self.runs).hub(&self.hub, self.keeper));
        for number in due {
            let Some(run) = self.runs.get(&number) else { continue };
            let mut tree: Vec<_> = run.living().flat_map(tree::subtree).collect();
            tree.extend(orphans.of_runs.get(&number).into_iter().flatten());
            tree.sort_unstable();
            tree.dedup(); // its main process may be below its first one
            self.measure.usage(number, run.spawned(), &tree);
        }
    }

    fn status_of(&self, app: &manifest::App) -> control::App {
        let id = AppId(app.id);
        let alive = self.fleet.app(id).alive();
        let run = alive.and_then(|run| self.runs.get(&run.0));
        let pid = run.and_then(super::Run::pid);
        let spawned = run.map(super::Run::spawned);
        let usage = alive.and_then(|run| self.measure.last(run.0)).unwrap_or_default();
        let lived = self.fleet.app(id);
        control::App {
            id: app.id,
            name: app.name.clone(),
            namespace: app.namespace.clone(),
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
            instance: None,
            user: None,
            watching: false,
        }
    }

    /// Why it is not online, and what comes next.
    fn reason(&self, id: AppId) -> Option<String> {
        let app = self.fleet.app(id);
        let notes = self.notes.get(&id).cloned().unwrap_or_default();
        let waits = self.waiting_for(id);
        let failure = app.last_failure().map(|failure| reason::of_failure(failure, &notes));
        let next = match app.goal() {
            Goal::Up => reason::of_retry(app.state(), self.fleet.snapshot(id).failures.len(), now()),
            Goal::Down => None,
        };
        let run = app.alive().and_then(|run| self.runs.get(&run.0));
        let says = run.filter(|_| !app.is_ready()).and_then(|run| {
            let silent = run.never_ready.then(|| "closed its ready pipe without a line".to_owned());
            silent.or_else(|| notes.says.clone())
        });
        let parts: Vec<String> = [waits, failure, next, says].into_iter().flatten().collect();
        (!parts.is_empty()).then(|| parts.join("; "))
    }

    /// `waiting for betti-backend: not ready for 3.2 s of 10 s`.
    fn waiting_for(&self, id: AppId) -> Option<String> {
        let needs = self.fleet.waits_for(id);
        let each = needs.iter().filter_map(|need| {
            let name = &self.app(*need)?.name;
            let app = self.fleet.app(*need);
            Some(match (app.state(), app.goal()) {
                (State::Starting { ready_by, .. }, Goal::Up) => {
                    let given = app.policy().listen_timeout;
                    let spent = given.saturating_sub(ready_by.since(now()));
                    format!("{name}: not ready for {} of {}", reason::span(spent), reason::span(given))
                }
                _ => format!("{name}: {}", word(self.fleet.status(*need)).as_str()),
            })
        });
        let each: Vec<String> = each.collect();
        (!each.is_empty()).then(|| format!("waiting for {}", each.join(", ")))
    }

    pub(super) fn accepted(&self, act: Act, ids: &[AppId]) -> control::Accepted {
        let app = |id: &AppId| {
            let app = self.app(*id)?;
            let lived = self.fleet.app(*id);
            let goes_on = matches!(lived.state(), State::Starting { .. } | State::Running { .. });
            Some(control::AcceptedApp {
                id: app.id,
                name: app.name.clone(),
                after: lived.newest_run().map_or(0, |run| run.0),
                unchanged: act == Act::Start && goes_on && lived.goal() == Goal::Up,
                leaves: false,
            })
        };
        control::Accepted { apps: ids.iter().filter_map(app).collect() }
    }

    pub(super) fn log_sources(&self) -> Vec<control::LogSource> {
        let source = |app: &manifest::App| control::LogSource {
            id: app.id,
            name: app.name.clone(),
            namespace: app.namespace.clone(),
            out_file: app.out_file.to_string_lossy().into_owned(),
            error_file: app.error_file.to_string_lossy().into_owned(),
        };
        self.manifest.apps.iter().map(source).collect()
    }
}

fn word(status: Word) -> control::Word {
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
