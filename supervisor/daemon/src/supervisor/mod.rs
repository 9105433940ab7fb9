//! The half with opinions: it learns what the keeper holds, lets `lifecycle` decide, has the decision remembered, and then has
//! it done. Whatever it knows is in the keeper's table or memory, so it may die at any instant.
//!
//! ```text
//!   keeper ──facts──► learn ─────────┐                       ┌─► remember ─► perform ──orders──► keeper
//!   workers, monitors ──said──► hear ┼─► decide (lifecycle) ─┤
//!   betti-ctl ──asks──► asked ───────┤                       └─► announce, publish ──► betti-ctl
//!   ecosystem.toml ──saved──► apply ─┘ roster, reshape, trial
//! ```
//!
//! One task owns everything here ([`Supervisor`]); the others ([`ready`], [`monitors`], the control server, the log thread) only
//! send it [`Event`]s and get copies.

mod announce;
mod apply;
mod asked;
mod book;
mod candidate;
mod chronicle;
mod footprint;
mod hand_over;
mod identity;
mod in_group;
mod keeper_link;
mod kernel_log;
mod launch;
mod learn;
mod log_files;
mod look_after;
mod measure;
mod memory;
mod metrics;
mod monitors;
mod notes;
mod out_of_memory;
mod perform;
mod ready;
mod reason;
mod rehearsal;
#[cfg(test)]
mod remembered;
mod reshape;
mod roster;
mod runs;
mod self_check;
mod status;
mod taken;
mod tally;
mod torn_logs;
mod trial;
mod upgrade;

use std::collections::{BTreeMap, VecDeque};
use std::ffi::OsString;
use std::os::fd::{FromRawFd, OwnedFd};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use lifecycle::{Action, AppId, Beside, Fleet, Invocation, Moment, Request, Snapshot, State};
use nix::sys::signal::Signal;
use protocol::keeper::{Order, Predecessors, SUPERVISOR_FD};
use protocol::place;
use protocol::request::Ask;
use tokio::sync::{mpsc, oneshot, watch};

use self::asked::Scrapes;
use self::book::{File, InForce};
use self::chronicle::Chronicle;
use self::hand_over::HandOver;
use self::keeper_link::Orders;
use self::kernel_log::KernelLog;
use self::launch::Ground;
use self::look_after::{AppMonitors, Asked};
use self::measure::Measure;
use self::memory::Notes;
use self::monitors::Occasion;
use self::monitors::memory_limit::MemoryLimit;
use self::monitors::saved::Saved;
use self::ready::Said;
use self::roster::{Roster, Unit};
use self::runs::{Leaders, Run};
use self::upgrade::Checked;
use crate::alarm::Alarm;
use crate::cgroup;
use crate::clock;
use crate::control;
use crate::logs::{self, LogPump, News};
use crate::tree::{self, Mark};
use crate::users::Users;

pub use self_check::run as self_check;
pub use status::UnitState;

/// What the process ends with when the file cannot be used at the first start; the keeper then leaves too.
pub const BAD_FILE: u8 = 2;
/// How long answers that are under way may take when everything is stopped.
const LAST_ANSWERS_WITHIN: Duration = Duration::from_millis(200);

/// How long facts may come one after the other before whoever waits is heard. An app that crashes all the time must not keep
/// an operator from stopping it.
const LONGEST_DEAFNESS: Duration = Duration::from_millis(50);
/// How long the one task goes on without a turn for the others, which take in what clients ask and runs say. It has to be
/// given: awaiting a socket that has something to read does not wait.
const LONGEST_TURN: Duration = Duration::from_millis(20);

/// What whoever started the hub asked for.
#[derive(Clone)]
pub struct Wish {
    pub config: PathBuf,
    pub profile: Option<String>,
    pub only: Vec<String>,
}

impl Wish {
    /// As it is written on the supervisor's command line.
    pub fn as_arguments(&self) -> Vec<OsString> {
        let mut arguments = vec!["--config".into(), self.config.clone().into()];
        arguments.extend(self.profile.iter().flat_map(|profile| ["--profile".into(), profile.into()]));
        if !self.only.is_empty() {
            arguments.push("--only".into());
            arguments.extend(self.only.iter().map(OsString::from));
        }
        arguments
    }
}

/// What reaches the one task that owns the state.
pub enum Event {
    /// A run said something of itself.
    Said(u64, Said),
    /// One of a run's log pipes is done.
    LogEnded(u64),
    /// A client asks.
    Asked(Ask, oneshot::Sender<control::Reply>),
    /// A scrape is over, with the processor time of runs that was seen, in clock ticks.
    Scraped(Vec<(u64, u64)>),
    /// The kernel ended somebody for want of memory.
    Killed(kernel_log::Killed),
    /// The file was saved.
    Saved,
    /// Something makes an app due for another run, by its id in the file.
    Due(u32, Occasion),
    /// A program that is to be the supervisor has been asked.
    Checked(Checked),
}

/// The supervisor half of the process: until the keeper is gone or everything is stopped.
pub fn run(wish: Wish) -> anyhow::Result<()> {
    // SAFETY: the keeper put its socket there and nobody else in this process knows the number.
    #[allow(unsafe_code)]
    let socket = unsafe { OwnedFd::from_raw_fd(SUPERVISOR_FD) };
    let _ = nix::sys::prctl::set_name(c"betti-superv"); // started as /proc/self/exe, it would be called "exe"
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    tokio::task::LocalSet::new().block_on(&runtime, live(wish, socket))
}

async fn live(wish: Wish, socket: OwnedFd) -> anyhow::Result<()> {
    let (mut facts, orders) = keeper_link::open(socket)?;
    let Some(told) = HandOver::receive(&mut facts, &orders).await? else { return Ok(()) };
    let (events, mut inbox) = mpsc::unbounded_channel();
    let alarm = Alarm::since_boot()?;
    let mut supervisor = match Supervisor::adopt(wish, told, orders, events) {
        Ok(supervisor) => supervisor,
        Err(AdoptError::File(error)) => {
            say!("{error}");
            std::process::exit(i32::from(BAD_FILE));
        }
        Err(AdoptError::Other(error)) => return Err(error),
    };
    let (mut heard_at, mut turn_began) = (clock::now(), clock::now());
    while !supervisor.is_done() {
        if clock::now().saturating_sub(turn_began) > LONGEST_TURN {
            tokio::task::yield_now().await;
            turn_began = clock::now();
        }
        if clock::now().saturating_sub(heard_at) > LONGEST_DEAFNESS {
            supervisor.hear_all(&mut inbox);
            heard_at = clock::now();
        }
        tokio::select! {
            biased; // what happened before what is asked about it
            fact = facts.receive() => match fact? {
                Some((fact, descriptors)) => supervisor.learn(fact, descriptors),
                None => {
                    supervisor.end_what_the_keeper_left();
                    return Ok(());
                }
            },
            Some(event) = inbox.recv(), if supervisor.knows_every_run() => {
                supervisor.hear(event);
                heard_at = clock::now();
            }
            rang = alarm.at(supervisor.next_deadline().map(|at| at.since(Moment::START))) => {
                rang?;
                // Woken late, or after the machine slept, we first hear what was to be heard before.
                tokio::task::yield_now().await;
                while supervisor.knows_every_run() && let Ok(event) = inbox.try_recv() {
                    supervisor.hear(event);
                    heard_at = clock::now();
                }
            }
        }
        supervisor.settle();
    }
    let _ = tokio::time::timeout(LAST_ANSWERS_WITHIN, supervisor.clients.idle()).await;
    if supervisor.done {
        supervisor.orders.give(&Order::Leave)?;
    }
    Ok(())
}

fn now() -> Moment {
    Moment::at(clock::now())
}

enum AdoptError {
    File(hand_over::FileError),
    Other(anyhow::Error),
}

impl<E: Into<anyhow::Error>> From<E> for AdoptError {
    fn from(error: E) -> Self {
        Self::Other(error.into())
    }
}

/// The one owner of the state.
struct Supervisor {
    hub: String,
    keeper: i32,
    predecessors: Predecessors,
    orders: Orders,
    config: PathBuf,
    /// What whoever started the hub asked for.
    wish: Wish,
    /// The file in force.
    file: File,
    in_force: InForce,
    /// Remembered texts of files: the one in force, and during a trial the last good one.
    texts: BTreeMap<u64, String>,
    roster: Roster,
    /// Those on their way out, until nothing of them is left.
    leaving: BTreeMap<AppId, Rc<Unit>>,
    ground: Ground,
    fleet: Fleet,
    notes: BTreeMap<AppId, Notes>,
    /// What the keeper remembers of each.
    kept: BTreeMap<AppId, (Snapshot, Notes)>,
    /// What became of each lately.
    chronicles: BTreeMap<AppId, Chronicle>,
    runs: BTreeMap<u64, Run>,
    /// The errno of an address that could not be bound, for the run that wanted it.
    not_bound: BTreeMap<String, i32>,
    /// What `lifecycle` is still to be told.
    happened: VecDeque<(AppId, lifecycle::Event)>,
    /// Answered when what happened is remembered.
    waiting: Vec<oneshot::Sender<()>>,
    /// When to look at the trees that are being ended.
    look_at: Option<Moment>,
    stopping: bool,
    done: bool,
    /// Another program is asked whether it could be the supervisor.
    upgrade_is_under_way: bool,
    /// It can, and is to be.
    makes_room: bool,
    events: mpsc::UnboundedSender<Event>,
    logs: LogPump,
    /// By app, with what they were asked for.
    app_monitors: BTreeMap<AppId, (Asked, AppMonitors)>,
    memory_limit: MemoryLimit,
    kernel_log: KernelLog,
    /// None where its folder cannot be watched.
    saved: Option<Saved>,
    measure: Measure,
    scrapes: Scrapes,
    sequence: watch::Sender<u64>,
    published: Vec<UnitState>,
    clients: control::Clients,
}

impl Supervisor {
    fn adopt(
        wish: Wish,
        mut told: HandOver,
        orders: Orders,
        events: mpsc::UnboundedSender<Event>,
    ) -> Result<Self, AdoptError> {
        let taken = hand_over::take(&wish, &told.memory).map_err(AdoptError::File)?;
        orders.start_with(told.memory.clone());
        let (fleet, notes) = hand_over::fleet(&taken, &told, now())?;
        let (log_events, limit_events, kernel_events) = (events.clone(), events.clone(), events.clone());
        let tell = move |news| match news {
            News::Ended(run) => drop(log_events.send(Event::LogEnded(run))),
            News::Said(run) => drop(log_events.send(Event::Said(run, Said::Passed(oneshot::channel().0)))),
        };
        if told.rows.is_empty()
            && let Ok(folder) = place::runtime_dir(|name| std::env::var_os(name), nix::unistd::geteuid().is_root())
        {
            let files = |unit: &Rc<Unit>| [unit.out_file(), unit.error_file()];
            torn_logs::mend(&folder, taken.roster.units().flat_map(files));
        }
        let logs = LogPump::start(logs::spool_folder(told.rows.is_empty(), !memory::was_started(&told.memory))?, tell)?;
        let (sequence, watched) = watch::channel(clock::now_ns());
        let listener = told.control.take().ok_or_else(|| anyhow::anyhow!("the keeper gave no control socket"))?;
        let handle = control::Handle::new(events.clone(), watched, wish.config.clone());
        let clients = control::serve(listener, Rc::new(handle))?;
        let first = !memory::was_started(&told.memory);
        let mut supervisor = Self {
            hub: std::mem::take(&mut told.hub),
            keeper: told.keeper,
            predecessors: told.predecessors,
            ground: Ground::new(&taken.roster.manifest, std::mem::take(&mut told.inherited)),
            orders,
            config: wish.config.clone(),
            wish,
            file: taken.file,
            in_force: taken.in_force,
            texts: book::remembered_texts(&told.memory),
            roster: taken.roster,
            leaving: taken.leaving,
            fleet,
            notes,
            kept: BTreeMap::new(),
            chronicles: BTreeMap::new(),
            runs: BTreeMap::new(),
            not_bound: BTreeMap::new(),
            happened: VecDeque::new(),
            waiting: Vec::new(),
            look_at: None,
            stopping: false,
            done: false,
            upgrade_is_under_way: false,
            makes_room: false,
            events,
            logs,
            app_monitors: BTreeMap::new(),
            memory_limit: MemoryLimit::start(limit_events),
            kernel_log: KernelLog::follow(kernel_events),
            saved: None,
            measure: Measure::new(),
            scrapes: Scrapes::default(),
            sequence,
            published: Vec::new(),
            clients,
        };
        if taken.is_new {
            supervisor.remember_file();
        }
        let known = supervisor.units();
        let known = known.iter().map(|(id, unit)| (*id, Chronicle::remembered(&told.memory, &unit.key())));
        supervisor.chronicles = known.collect();
        supervisor.kept = supervisor.fleet.ids().map(|id| (id, supervisor.noted(id))).collect();
        supervisor.keep_log_house();
        for (row, descriptors) in std::mem::take(&mut told.rows).into_values() {
            supervisor.learn_row(row, descriptors);
        }
        let only = if first { supervisor.wish.only.clone() } else { Vec::new() };
        supervisor.converge(&only);
        if first {
            supervisor.order(&memory::remember_started());
        }
        supervisor.orders.give(&Order::Adopted)?;
        supervisor.put_right();
        supervisor.watch_the_file();
        if told.stop_all || memory::was_leaving(&told.memory) {
            supervisor.stop_all();
        }
        supervisor.settle();
        Ok(supervisor)
    }

    /// What a predecessor may not have come to: ending a run that is nobody's, closing a socket that nobody is to use.
    fn put_right(&mut self) {
        let nobodys = |run: &&Run| run.pid().is_some() && !rehearsal::is_ours(&self.fleet, run.app, &run.row);
        for run in self.runs.values().filter(nobodys) {
            say!("{} supervisor: run {} is nobody's; ending it", clock::stamp(), run.row.run);
            self.order(&Order::Signal { run: run.row.run, signal: Signal::SIGKILL as i32 });
        }
        for id in self.fleet.ids().collect::<Vec<_>>() {
            let state = self.fleet.app(id).state();
            self.close_sockets_if_down(id, state);
        }
        for (id, run) in self.untold() {
            self.send(id, run, lifecycle::Signal::Terminate);
        }
        // Those of an app that has other addresses by now. A list that is too long for a message is not sent: they stay.
        let _ = self.orders.give(&Order::UnlistenOthers { addresses: self.addresses().into_iter().collect() });
    }

    /// Runs that are to end, of which a predecessor had that remembered, and died before it gave the order to tell them.
    fn untold(&self) -> Vec<(AppId, Invocation)> {
        let is_untold =
            |run: &&Run| self.unit(run.app).is_some_and(|unit| rehearsal::is_untold(&self.fleet, unit, &run.row));
        self.runs.values().filter(is_untold).map(|run| (run.app, Invocation(run.row.run))).collect()
    }

    /// What one of an app's living runs is doing, in the words for its only one.
    fn state_of(&self, id: AppId, run: u64) -> Option<State> {
        self.fleet.get(id)?.state_of(Invocation(run))
    }

    /// Whether this run is tried beside the one that serves.
    fn is_tried(&self, id: AppId, run: u64) -> bool {
        let beside = self.fleet.get(id).and_then(lifecycle::App::beside);
        matches!(beside, Some(Beside::Trying { run: tried, .. }) if tried.0 == run)
    }

    fn noted(&self, id: AppId) -> (Snapshot, Notes) {
        (self.fleet.snapshot(id), self.notes.get(&id).cloned().unwrap_or_default())
    }

    /// One that is there, or on its way out.
    fn unit(&self, id: AppId) -> Option<&Rc<Unit>> {
        self.roster.unit(id).or_else(|| self.leaving.get(&id))
    }

    /// All of them, by number.
    fn units(&self) -> BTreeMap<AppId, Rc<Unit>> {
        let there = self.roster.units().map(|unit| (unit.id, unit.clone()));
        self.leaving.iter().map(|(id, unit)| (*id, unit.clone())).chain(there).collect()
    }

    fn unit_called(&self, key: &str) -> Option<Rc<Unit>> {
        self.units().into_values().find(|unit| unit.key() == key)
    }

    /// Everything is stopped, or somebody else is to go on.
    fn is_done(&self) -> bool {
        self.done || self.makes_room
    }

    /// All who wait now, although the keeper may owe an answer.
    fn hear_all(&mut self, inbox: &mut mpsc::UnboundedReceiver<Event>) {
        for _ in 0..inbox.len() {
            let Ok(event) = inbox.try_recv() else { return };
            self.hear(event);
            self.settle();
        }
    }

    /// Whether the keeper has answered every order to spawn, and every question about a main process. It does so at once,
    /// and for that moment nobody is told of a run that has no process yet, or not that one.
    fn knows_every_run(&self) -> bool {
        let answered = self.runs.values().all(|run| !run.is_in_question);
        answered && self.fleet.ids().all(|id| self.fleet.app(id).runs().all(|run| self.runs.contains_key(&run.0)))
    }

    fn next_deadline(&self) -> Option<Moment> {
        [self.fleet.next_deadline(), self.look_at].into_iter().flatten().min()
    }

    fn stop_all(&mut self) {
        self.stopping = true;
        self.order(&memory::remember_leaving());
        self.decide(|fleet, now| fleet.request(now, Request::StopAll));
    }

    // -- what follows

    /// Lets `lifecycle` decide, has the outcome remembered, and only then does it.
    fn decide(&mut self, decision: impl FnOnce(&mut Fleet, Moment) -> Vec<(AppId, Action)>) {
        let actions = decision(&mut self.fleet, now());
        self.carry_out(actions);
    }

    fn carry_out(&mut self, actions: Vec<(AppId, Action)>) {
        self.remember_changes();
        for (id, action) in actions {
            self.perform(id, action);
        }
    }

    /// Until nothing is left to be decided now.
    fn settle(&mut self) {
        loop {
            while let Some((id, event)) = self.happened.pop_front() {
                self.decide(|fleet, now| fleet.handle(now, id, event));
            }
            self.decide(Fleet::tick);
            for done in self.waiting.drain(..) {
                let _ = done.send(()); // a run that is over listens no more
            }
            if self.look_at.is_some_and(|at| at <= now()) {
                self.look_at_trees();
            }
            self.judge_trial();
            if self.happened.is_empty() {
                break;
            }
        }
        self.forget_the_done();
        self.finish_if_settled();
        self.publish();
    }

    fn remember_changes(&mut self) {
        for id in self.fleet.ids().collect::<Vec<_>>() {
            let snapshot = self.fleet.snapshot(id);
            let before = self.kept.get(&id).cloned();
            if let Some((before, _)) = &before
                && (before.state != snapshot.state || before.beside != snapshot.beside)
            {
                self.note_change(id, before, &snapshot);
            }
            self.count(id, before.as_ref().map(|(snapshot, _)| snapshot), &snapshot);
            let after = self.noted(id);
            if before.as_ref() == Some(&after) {
                continue;
            }
            let before = before.map(|(snapshot, _)| snapshot);
            self.announce(id, before.as_ref(), &after.0);
            if announce::begins(before.as_ref(), &after.0) {
                self.notes.entry(id).or_default().cause = None; // told, and no reason for what comes after this run
            }
            if announce::has_done_as_asked(&after.0) {
                self.notes.entry(id).or_default().asked = false;
            }
            let after = self.noted(id);
            if let Some(key) = self.unit(id).map(|unit| unit.key()) {
                self.order(&memory::remember_app(&key, &after.0, &after.1));
            }
            self.kept.insert(id, after);
        }
        self.forget_who_left();
    }

    /// What is counted of an app. It is remembered with the change that it counts.
    fn count(&mut self, id: AppId, before: Option<&Snapshot>, after: &Snapshot) {
        let tally = &mut self.notes.entry(id).or_default().tally;
        tally.begin(clock::now_ns());
        let Some(before) = before else { return };
        if after.restarts < before.restarts {
            tally.restarts_since_ns = clock::now_ns();
        }
        tally::ended(before, after).into_iter().for_each(|end| tally.count_end(end));
    }

    /// Nothing of them is left: the fleet has them no more.
    fn forget_who_left(&mut self) {
        let left: Vec<AppId> = self.leaving.keys().copied().filter(|id| self.fleet.get(*id).is_none()).collect();
        for id in left {
            let Some(unit) = self.leaving.remove(&id) else { continue };
            say!("{} {}: gone, and no longer among the apps", clock::stamp(), unit.key());
            self.close_sockets_of(&unit);
            self.kept.remove(&id);
            self.notes.remove(&id);
            self.chronicles.remove(&id);
            self.logs.forget_app(id.0);
            if self.unit_called(&unit.key()).is_none() {
                self.order(&chronicle::forget(&unit.key()));
                self.order(&memory::forget_app(&unit.key()));
            }
            self.order(&book::forget_leaving(&unit.key()));
        }
    }

    fn order(&self, order: &Order) {
        if let Err(errno) = self.orders.give(order) {
            say!("{} supervisor: the keeper cannot be told: {}", clock::stamp(), errno.desc().to_lowercase());
        }
    }

    /// The keeper is gone, and with it whoever it had started itself; the rest of every tree is ours to end.
    fn end_what_the_keeper_left(&self) {
        let newest = self.fleet.ids().filter_map(|id| self.fleet.app(id).newest_run()).max().unwrap_or_default();
        let sessions = Leaders::of(&self.runs).sessions();
        for group in self.runs.values().filter_map(|run| run.row.cgroup.as_deref()) {
            cgroup::kill(group.as_ref());
        }
        let users = place::runtime_dir(|name| std::env::var_os(name), nix::unistd::geteuid().is_root())
            .map_or_else(|_| Users::ours(), |folder| Users::noted(&folder));
        let ended =
            tree::sweep(&self.hub, &users, &sessions, |mark| matches!(mark, Mark::Run(run) if *run <= newest.0));
        say!("{} supervisor: the keeper is gone; ended {ended} processes that were left", clock::stamp());
    }
}
