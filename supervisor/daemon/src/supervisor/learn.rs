//! What reaches the supervisor: facts from the keeper, words of the runs.

use std::os::fd::OwnedFd;
use std::time::Duration;

use lifecycle::{AppId, Exit, Goal, Invocation, State, StopReason};
use manifest::{Address, Ready};
use nix::errno::Errno;
use nix::sys::signal::Signal;
use protocol::keeper::{Descriptor, Fact, Order, Row, Step};

use super::log_files::log_limits;
use super::monitors::{Task, notify_socket, watchdog};
use super::ready::{self, Said, Source};
use super::roster::Unit;
use super::runs::Run;
use super::taken::{self, Neighbours, Owner};
use super::{Event, Supervisor, launch, now, out_of_memory};
use crate::clock;
use crate::logs;
use crate::tree::{Mark, Stat};

/// So many parents of a process are looked at.
const DEEPEST_TREE: usize = 100;

impl Supervisor {
    pub(super) fn learn(&mut self, fact: Fact, descriptors: Vec<OwnedFd>) {
        match fact {
            Fact::Run(row) => self.learn_row(row, descriptors),
            Fact::OrphanEnded => self.look_soon(Duration::ZERO),
            Fact::Bound { address } => drop(self.not_bound.remove(&address)),
            Fact::NotBound { address, errno } => drop(self.not_bound.insert(address, errno)),
            Fact::Ping { beat } => self.order(&Order::Pong { beat }),
            Fact::StopAll => self.stop_all(),
            Fact::Hello { .. } | Fact::Memory { .. } | Fact::Told => {} // the hand-over is behind us
        }
    }

    pub(super) fn learn_row(&mut self, row: Row, descriptors: Vec<OwnedFd>) {
        let Some(unit) = self.unit_called(&row.app) else { return self.end_strange(&row) };
        let id = unit.id;
        let known = self.runs.remove(&row.run);
        let heard_before = known.as_ref().is_some_and(|run| run.row.exit == row.exit);
        let mut run = known.unwrap_or_else(|| Run::new(id, row.clone()));
        run.is_in_question = false;
        run.row = Row { descriptors: Vec::new(), ..row.clone() };
        if !descriptors.is_empty() {
            self.attach(&unit, &mut run, &row.descriptors, descriptors);
        }
        self.runs.insert(row.run, run);
        match row.exit {
            _ if heard_before => {}
            None if unit.app.ready == Ready::None => {
                self.happened.push_back((id, lifecycle::Event::Ready(Invocation(row.run))));
            }
            None => self.look_after_run(row.run),
            Some(_) => {
                if let Some(exit) = out_of_memory::judge(&row, &mut self.kernel_log) {
                    self.learn_exit(&unit, row.run, exit);
                }
            }
        }
    }

    /// A run of an app that nobody knows any more.
    fn end_strange(&self, row: &Row) {
        say!("{} supervisor: run {} is of {}, which is no app of ours", clock::stamp(), row.run, row.app);
        match row.exit {
            Some(_) => self.order(&Order::Forget { run: row.run }),
            None => self.order(&Order::Signal { run: row.run, signal: Signal::SIGKILL as i32 }),
        }
    }

    fn attach(&mut self, unit: &Unit, run: &mut Run, kinds: &[Descriptor], descriptors: Vec<OwnedFd>) {
        let number = run.row.run;
        let known = match self.state_of(run.app, number) {
            Some(State::Running { .. }) => true,
            // It has served, or was given up on: what it says of that is too late.
            Some(State::Stopping { .. }) => {
                self.fleet.get(run.app).is_some_and(|app| app.alive() != Some(Invocation(number)))
            }
            _ => false,
        };
        for (kind, descriptor) in kinds.iter().zip(descriptors) {
            let events = self.events.clone();
            match kind {
                Descriptor::Out | Descriptor::Error => {
                    let (kind, path) = match kind {
                        Descriptor::Out => (logs::Kind::Out, unit.out_file()),
                        _ => (logs::Kind::Error, unit.error_file()),
                    };
                    let expect = match &unit.app.ready {
                        Ready::Log(text) if !known => Some(text.clone()),
                        _ => None,
                    };
                    run.open_logs += 1;
                    let shared = self.is_shared(&path);
                    self.logs.add(logs::Outlet {
                        run: number,
                        kind,
                        pipe: descriptor,
                        path,
                        limits: log_limits(&unit.app),
                        shared,
                        format: unit.app.log_format.clone(),
                        app: unit.app.name.clone(),
                        id: unit.id.0,
                        expect,
                    });
                }
                Descriptor::Ready => {
                    let node = launch::is_socket(&descriptor);
                    run.sources.extend(descriptor.try_clone().map(|descriptor| Source::Pipe { descriptor, node }));
                    run.channel = descriptor.try_clone().ok().filter(|_| node);
                    let done = known || unit.app.ready != Ready::Pipe; // then what it writes there is only taken
                    run.listeners.push(Task::spawn(ready::follow_pipe(descriptor, node, done, number, events)));
                }
                Descriptor::Notify => {
                    run.sources.extend(descriptor.try_clone().map(Source::Notes));
                    let follow = notify_socket::follow(descriptor, number, run.senders(), events);
                    run.listeners.push(Task::spawn(follow));
                }
            }
        }
    }

    fn learn_exit(&mut self, unit: &Unit, number: u64, exit: Exit) {
        if self.named_a_main_process(number) {
            return;
        }
        let id = unit.id;
        let run = self.runs.get(&number);
        let (lived, exited_at_ns) = (run.and_then(Run::lived), run.and_then(|run| run.row.exited_at_ns));
        self.notes.entry(id).or_default().exited_at_ns = exited_at_ns;
        if self.is_surprised_by(id, number) {
            let detail = match exit {
                Exit::NotSpawned(errno) => {
                    let step = self.runs.get(&number).and_then(|run| run.row.step);
                    Some(self.why_not_spawned(unit, step, errno))
                }
                _ => None,
            };
            let is_tried = self.is_tried(id, number);
            let notes = self.notes.entry(id).or_default();
            let lasted_ms = lived.map(|lived| lived.as_millis() as u64);
            match is_tried {
                true => (notes.tried.lasted_ms, notes.tried.detail) = (lasted_ms, detail),
                false => (notes.lasted_ms, notes.detail) = (lasted_ms, detail),
            }
        }
        if self.was_ready_before_it_ended(unit, number, exit) {
            self.happened.push_back((id, lifecycle::Event::Ready(Invocation(number))));
        }
        self.happened.push_back((id, lifecycle::Event::Exited(Invocation(number), exit)));
        self.look_soon(Duration::ZERO);
    }

    /// Whether a run whose first process has ended had named its main one, and the keeper has not judged that yet: a daemon
    /// does both at once. The keeper is told (again, if what it said crossed with our telling), and answers with what is true.
    fn named_a_main_process(&mut self, number: u64) -> bool {
        let Some(run) = self.runs.get_mut(&number) else { return false };
        let waiting = run.sources.iter().find_map(|source| source.main_pid(|user| run.believes(user)));
        let named = waiting.or(run.named_main);
        let is_open = |pid: &i32| run.row.pid != Some(*pid) && run.judged_at_its_end != Some(*pid);
        let Some(pid) = named.filter(is_open).filter(|_| run.row.main_pid.is_none()) else { return false };
        run.judged_at_its_end = Some(pid);
        run.row.exit = None; // not heard yet
        run.is_in_question = true;
        self.order(&Order::MainPid { run: number, pid });
        true
    }

    /// Whether a run that has ended said in time that it is ready, and we are only hearing of it now: it may have said so
    /// and ended while we looked elsewhere.
    fn was_ready_before_it_ended(&mut self, unit: &Unit, number: u64, exit: Exit) -> bool {
        let is_starting = matches!(self.state_of(unit.id, number), Some(State::Starting { .. }));
        if !is_starting || matches!(exit, Exit::NotSpawned(_)) {
            return false;
        }
        let Some(run) = self.runs.get_mut(&number) else { return unit.app.ready == Ready::None };
        let sources = std::mem::take(&mut run.sources);
        unit.app.ready == Ready::None
            || unit.app.ready == Ready::Pipe
                && sources.iter().any(|source| source.says_ready(|user| run.believes(user)))
    }

    /// Whether a run was to go on or is tried, or said that it is ending by itself, so that its end is its own and is to be
    /// told.
    fn is_surprised_by(&self, id: AppId, number: u64) -> bool {
        let Some(app) = self.fleet.get(id) else { return false };
        let is_its_own = matches!(
            app.state(),
            State::Starting { .. } | State::Running { .. } | State::Stopping { why: StopReason::Itself, .. }
        );
        let serves = is_its_own && app.alive() == Some(Invocation(number));
        app.goal() == Goal::Up && (serves || self.is_tried(id, number))
    }

    fn why_not_spawned(&self, unit: &Unit, step: Option<Step>, errno: i32) -> String {
        let why_not_bound =
            if step == Some(Step::Listen) { self.why_not_bound(unit, Errno::from_raw(errno)) } else { None };
        why_not_bound.unwrap_or_else(|| self.ground.why_not_spawned(unit, step, errno))
    }

    /// Of an address that could not be bound; or, where one was to be bound anew for another user, of one that somebody has.
    fn why_not_bound(&self, unit: &Unit, errno: Errno) -> Option<String> {
        let refused = unit
            .app
            .listen
            .iter()
            .find_map(|address| Some((address, Errno::from_raw(*self.not_bound.get(&address.to_string())?))));
        if let Some((address, errno)) = refused {
            let owner = if errno == Errno::EADDRINUSE { self.owner_of(address, unit) } else { None };
            return Some(taken::why(address, errno, owner.as_ref()));
        }
        unit.app.listen.iter().filter(|_| errno == Errno::EADDRINUSE).find_map(|address| {
            let owner =
                self.owner_of(address, unit).filter(|owner| !matches!(owner, Owner::App { process: None, .. }))?;
            Some(taken::why(address, errno, Some(&owner)))
        })
    }

    fn owner_of(&self, address: &Address, wants: &Unit) -> Option<Owner> {
        let units = self.units();
        let others = units.values().filter(|other| other.app.name != wants.app.name);
        let held = others.flat_map(|other| other.app.listen.iter().map(|address| (address, other.app.name.as_str())));
        let neighbours = Neighbours { keeper: self.keeper, held: held.collect(), app_of: &|pid| self.app_of(pid) };
        Owner::of(address, &neighbours)
    }

    /// The app that a process belongs to: one that descends from a run's, or carries its mark.
    fn app_of(&self, pid: i32) -> Option<String> {
        let run_of = |pid| self.runs.values().find(|run| run.living().any(|living| living == pid));
        let parent = |pid: &i32| Some(Stat::of(*pid)?.parent).filter(|parent| *parent > 1);
        let descends = std::iter::successors(Some(pid), parent).take(DEEPEST_TREE).find_map(run_of);
        let marked = || match Mark::of(pid, &self.hub) {
            Mark::Run(number) => self.runs.get(&number),
            Mark::Supervisor | Mark::None | Mark::Unknown => None,
        };
        Some(self.unit(descends.or_else(marked)?.app)?.app.name.clone())
    }

    pub(super) fn hear(&mut self, event: Event) {
        match event {
            Event::Said(run, said) => self.hear_from(run, said),
            Event::LogEnded(run) => {
                if let Some(run) = self.runs.get_mut(&run) {
                    run.open_logs = run.open_logs.saturating_sub(1);
                }
            }
            Event::Asked(ask, reply) => self.answer(ask, reply),
            Event::Scraped(ticks) => self.scraped(ticks),
            Event::Killed(killed) => self.hear_of_killed(&killed),
            Event::Saved => self.file_saved(),
            Event::Due(id, occasion) => self.hear_of_occasion(id, occasion),
            Event::Checked(checked) => self.end_upgrade(checked),
        }
    }

    fn hear_from(&mut self, number: u64, said: Said) {
        let Some(run) = self.runs.get_mut(&number) else { return };
        let serves = self.fleet.get(run.app).and_then(lifecycle::App::alive) == Some(Invocation(number));
        match said {
            Said::Ready(done) => {
                // Where the file names another way to become ready, its own word is not enough.
                let counts =
                    self.roster.unit(run.app).is_none_or(|unit| matches!(unit.app.ready, Ready::Pipe | Ready::None));
                if counts {
                    // Its notes may still name a main process.
                    run.sources.retain(|source| matches!(source, Source::Notes(_)));
                    self.happened.push_back((run.app, lifecycle::Event::Ready(Invocation(number))));
                }
                self.waiting.push(done);
            }
            Said::Passed(done) => {
                self.happened.push_back((run.app, lifecycle::Event::Ready(Invocation(number))));
                self.waiting.push(done);
            }
            Said::NeverReady => run.never_ready = true,
            Said::MainPid(pid, done) => {
                run.named_main = Some(pid);
                if run.pid() != Some(pid) && run.row.exit.is_none() {
                    run.is_in_question = true;
                    self.order(&Order::MainPid { run: number, pid });
                }
                self.waiting.push(done);
            }
            Said::NotYet(words) => run.monitors.not_yet = Some(words),
            Said::CheckFailed => self.notes.entry(run.app).or_default().tally.health_failures += 1,
            Said::Unhealthy(ailment, words) => self.hear_of_health(number, ailment, words),
            Said::Watchdog => run.monitors.feed_watchdog(),
            Said::WatchdogInterval(interval) => self.set_watchdog(number, interval),
            Said::WatchdogTrigger => watchdog::trigger(number, &self.events),
            Said::Extend(span) => {
                let until = now().after(span);
                self.happened.push_back((run.app, lifecycle::Event::Extend(Invocation(number), until)));
            }
            Said::Stopping(done) => {
                self.happened.push_back((run.app, lifecycle::Event::Leaving(Invocation(number))));
                self.waiting.push(done);
            }
            Said::Status(text, done) => {
                let id = run.app;
                let is_tried = self.is_tried(id, number);
                let notes = self.notes.entry(id).or_default();
                // An empty one takes back what was said before.
                let says = (!text.is_empty()).then_some(text);
                if serves {
                    notes.says = says;
                } else if is_tried {
                    notes.tried.says = says;
                }
                self.waiting.push(done);
            }
        }
    }
}
