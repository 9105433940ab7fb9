//! What reaches the supervisor: facts from the keeper, words of the runs.

use std::os::fd::OwnedFd;
use std::time::Duration;

use lifecycle::{AppId, Exit, Goal, Invocation, State};
use manifest::Ready;
use protocol::keeper::{Descriptor, Fact, Order, Row};

use super::ready::{self, Said, Source};
use super::runs::Run;
use super::{Event, Supervisor, launch, memory};
use crate::logs;

impl Supervisor {
    pub(super) fn learn(&mut self, fact: Fact, descriptors: Vec<OwnedFd>) {
        match fact {
            Fact::Run(row) => self.learn_row(row, descriptors),
            Fact::OrphanEnded => self.look_soon(Duration::ZERO),
            Fact::Bound { address } => drop(self.not_bound.remove(&address)),
            Fact::NotBound { address, errno } => {
                let why = nix::errno::Errno::from_raw(errno).desc().to_lowercase();
                self.not_bound.insert(address, why);
            }
            Fact::Ping { beat } => self.order(&Order::Pong { beat }),
            Fact::StopAll => self.stop_all(),
            Fact::Hello { .. } | Fact::Memory { .. } | Fact::Told => {} // the hand-over is behind us
        }
    }

    pub(super) fn learn_row(&mut self, row: Row, descriptors: Vec<OwnedFd>) {
        let Some(app) = self.manifest.app(&row.app).cloned() else {
            return say!("supervisor: run {} is of {}, which is no app of ours", row.run, row.app);
        };
        let id = AppId(app.id);
        let known = self.runs.remove(&row.run);
        let heard_before = known.as_ref().is_some_and(|run| run.row.exit == row.exit);
        let mut run = known.unwrap_or_else(|| Run::new(id, row.clone()));
        run.row = Row { descriptors: Vec::new(), ..row.clone() };
        if !descriptors.is_empty() {
            self.attach(&app, &mut run, &row.descriptors, descriptors);
        }
        self.runs.insert(row.run, run);
        match row.exit {
            _ if heard_before => {}
            None if app.ready == Ready::None => {
                self.happened.push_back((id, lifecycle::Event::Ready(Invocation(row.run))));
            }
            None => {}
            Some(exit) => self.learn_exit(&app, row.run, memory::exit_in(exit)),
        }
    }

    fn attach(&mut self, app: &manifest::App, run: &mut Run, kinds: &[Descriptor], descriptors: Vec<OwnedFd>) {
        let number = run.row.run;
        let known = matches!(self.fleet.app(run.app).state(), State::Running { run, .. } if run.0 == number);
        for (kind, descriptor) in kinds.iter().zip(descriptors) {
            let events = self.events.clone();
            match kind {
                Descriptor::Out | Descriptor::Error => {
                    let (kind, path) = match kind {
                        Descriptor::Out => (logs::Kind::Out, &app.out_file),
                        _ => (logs::Kind::Error, &app.error_file),
                    };
                    let expect = match &app.ready {
                        Ready::Log(text) if !known => Some(text.clone()),
                        _ => None,
                    };
                    run.open_logs += 1;
                    self.logs.add(logs::Outlet {
                        run: number,
                        kind,
                        pipe: descriptor,
                        path: path.clone(),
                        limit: app.log_max_size,
                        format: app.log_format.clone(),
                        app: app.name.clone(),
                        id: app.id,
                        expect,
                    });
                }
                Descriptor::Ready => {
                    let node = launch::is_socket(&descriptor);
                    run.sources.extend(descriptor.try_clone().map(|descriptor| Source::Pipe { descriptor, node }));
                    tokio::task::spawn_local(ready::follow_pipe(descriptor, node, known, number, events));
                }
                Descriptor::Notify => {
                    run.sources.extend(descriptor.try_clone().map(Source::Notes));
                    tokio::task::spawn_local(ready::follow_notes(descriptor, number, events));
                }
            }
        }
    }

    fn learn_exit(&mut self, app: &manifest::App, number: u64, exit: Exit) {
        let id = AppId(app.id);
        let lived = self.runs.get(&number).and_then(Run::lived);
        if self.is_surprised_by(id, number) {
            let detail = match exit {
                Exit::NotSpawned(errno) => Some(self.why_not_spawned(app, errno)),
                _ => None,
            };
            let notes = self.notes.entry(id).or_default();
            notes.lasted_ms = lived.map(|lived| lived.as_millis() as u64);
            notes.detail = detail;
        }
        if self.was_ready_before_it_ended(app, number, exit) {
            self.happened.push_back((id, lifecycle::Event::Ready(Invocation(number))));
        }
        self.happened.push_back((id, lifecycle::Event::Exited(Invocation(number), exit)));
        self.look_soon(Duration::ZERO);
    }

    /// Whether a run that has ended said in time that it is ready, and we are only hearing of it now: it may have said so
    /// and ended while we looked elsewhere.
    fn was_ready_before_it_ended(&mut self, app: &manifest::App, number: u64, exit: Exit) -> bool {
        let is_starting =
            matches!(self.fleet.app(AppId(app.id)).state(), State::Starting { run, .. } if run.0 == number);
        if !is_starting || matches!(exit, Exit::NotSpawned(_)) {
            return false;
        }
        let sources = self.runs.get_mut(&number).map(|run| std::mem::take(&mut run.sources)).unwrap_or_default();
        app.ready == Ready::None || sources.iter().any(Source::says_ready)
    }

    /// Whether a run was to go on, so that its end is a failure to be told.
    fn is_surprised_by(&self, id: AppId, number: u64) -> bool {
        let app = self.fleet.app(id);
        let goes_on = matches!(app.state(), State::Starting { .. } | State::Running { .. });
        goes_on && app.goal() == Goal::Up && app.alive() == Some(Invocation(number))
    }

    fn why_not_spawned(&self, app: &manifest::App, errno: i32) -> String {
        let taken = app.listen.iter().find_map(|address| {
            let why = self.not_bound.get(&address.to_string())?;
            Some(format!("cannot listen on {address}: {why}"))
        });
        taken.unwrap_or_else(|| self.ground.why_not_spawned(app, errno))
    }

    pub(super) fn hear(&mut self, event: Event) {
        match event {
            Event::Said(run, said) => self.hear_from(run, said),
            Event::LogEnded(run) => {
                if let Some(run) = self.runs.get_mut(&run) {
                    run.open_logs = run.open_logs.saturating_sub(1);
                }
            }
            Event::Asked(asked) => self.answer(asked),
        }
    }

    fn hear_from(&mut self, number: u64, said: Said) {
        let Some(run) = self.runs.get_mut(&number) else { return };
        let is_newest = self.fleet.app(run.app).alive() == Some(Invocation(number));
        match said {
            Said::Ready(done) => {
                run.sources.clear();
                self.happened.push_back((run.app, lifecycle::Event::Ready(Invocation(number))));
                self.waiting.push(done);
            }
            Said::NeverReady => run.never_ready = true,
            Said::Status(text, done) => {
                if is_newest {
                    self.notes.entry(run.app).or_default().says = Some(text);
                }
                self.waiting.push(done);
            }
        }
    }
}
