//! The table of runs: the truth that every supervisor is told, and the descriptors that outlive each of them.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::PathBuf;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::{Pid, geteuid};
use protocol::keeper::{Descriptor, Exit, Row, Spawn};

use super::child::Failure;
use super::memory_kills::MemoryKills;
use super::spawn::Worker;
use crate::clock;
use crate::tree::{self, Process, Stat};

/// Every run from its spawning until the supervisor says that it may be forgotten.
#[derive(Default)]
pub struct Rows(BTreeMap<u64, Held>);

pub struct Held {
    pub row: Row,
    /// The user that it was started as.
    pub user: u32,
    /// The process that `MAINPID=` named.
    pub main: Option<Process>,
    /// In its own control group, if the kernel counts there.
    pub memory_kills: Option<MemoryKills>,
    /// We sent it SIGKILL ourselves.
    killed: bool,
    /// Addresses of the sockets that it was lent.
    sockets: Vec<String>,
    worker: Option<Worker>,
}

impl Rows {
    pub fn insert(&mut self, order: Spawn, spawned: Result<Worker, Failure>) {
        let spawned_at_ns = clock::now_ns();
        let other = order.identity.map(|identity| identity.uid);
        let user = other.unwrap_or(geteuid().as_raw());
        let mut row = Row {
            run: order.run,
            app: order.app,
            pid: None,
            spawned_at_ns,
            exit: None,
            exited_at_ns: None,
            descriptors: Vec::new(),
            main_pid: None,
            user: other,
            first_ended: false,
            cgroup: None,
            step: None,
            memory_kill: false,
            last_signal: None,
        };
        let worker = match spawned {
            Ok(worker) => {
                row.pid = Some(worker.pid.as_raw());
                row.descriptors = worker.kinds().to_vec();
                row.cgroup = worker.cgroup.as_ref().map(|group| group.to_string_lossy().into_owned());
                Some(worker)
            }
            Err(Failure { step, errno }) => {
                row.exit = Some(Exit::NotSpawned(errno as i32));
                row.exited_at_ns = Some(spawned_at_ns);
                row.step = Some(step);
                None
            }
        };
        let memory_kills = worker.as_ref().and_then(|worker| MemoryKills::of_group(worker.cgroup.as_deref()?));
        let sockets = order.sockets;
        self.0.insert(row.run, Held { row, user, main: None, memory_kills, killed: false, sockets, worker });
    }

    pub fn runs(&self) -> impl Iterator<Item = u64> {
        self.0.keys().copied()
    }

    /// First and main processes; each of the first led a session.
    pub fn leaders(&self) -> BTreeSet<i32> {
        self.0.values().flat_map(|held| [held.row.pid, held.row.main_pid]).flatten().collect()
    }

    /// The runs' control groups.
    pub fn groups(&self) -> impl Iterator<Item = PathBuf> {
        self.0.values().filter_map(|held| held.worker.as_ref()?.cgroup.clone())
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn held(&mut self, run: u64) -> Option<&mut Held> {
        self.0.get_mut(&run)
    }

    /// A row with its descriptors, in their order.
    pub fn get(&self, run: u64) -> Option<(&Row, Vec<BorrowedFd<'_>>)> {
        let held = self.0.get(&run)?;
        let descriptors = held.worker.iter().flat_map(Worker::descriptors).collect();
        Some((&held.row, descriptors))
    }

    /// Notes the end of a child that is not reaped yet; the run whose first or main process it was, unless it was nobody's.
    pub fn ended(&mut self, pid: Pid, exit: Exit) -> Option<u64> {
        let process = Stat::of(pid.as_raw()).map(|stat| stat.process);
        let held = self.0.values_mut().find(|held| held.is_led_by(pid.as_raw(), process))?;
        held.ended(process, exit);
        Some(held.row.run)
    }

    /// Whether a run goes on that was lent the socket of this address.
    pub fn any_serves(&self, address: &str) -> bool {
        let serves = |held: &Held| held.row.exit.is_none() && held.sockets.iter().any(|lent| lent == address);
        self.0.values().any(serves)
    }

    /// Whether some run goes on.
    pub fn any_alive(&self) -> bool {
        self.0.values().any(|held| held.row.exit.is_none())
    }

    /// The counts of those that have their own.
    pub fn memory_kills(&mut self) -> impl Iterator<Item = &mut MemoryKills> {
        self.0.values_mut().filter_map(|held| held.memory_kills.as_mut())
    }

    pub fn signal(&mut self, run: u64, signal: Signal) {
        if let Some(held) = self.0.get_mut(&run).filter(|held| held.row.exit.is_none()) {
            held.signal(signal);
        }
    }

    pub fn signal_all(&mut self, signal: Signal) {
        self.runs().collect::<Vec<_>>().into_iter().for_each(|run| self.signal(run, signal));
    }

    /// Drops a row whose exit is known; one that still runs stays, whatever a supervisor believes. Its control group is
    /// to be removed.
    pub fn forget(&mut self, run: u64) -> Option<PathBuf> {
        self.0.get(&run)?.row.exit?;
        self.0.remove(&run)?.worker?.cgroup.take()
    }
}

impl Held {
    /// Whether this is its first or main process. A number alone says nothing of a process that is not ours to reap.
    fn is_led_by(&self, pid: i32, process: Option<Process>) -> bool {
        let is_first = self.row.pid == Some(pid) && !self.row.first_ended;
        self.row.exit.is_none() && (is_first || self.main.is_some() && self.main == process)
    }

    fn ended(&mut self, process: Option<Process>, exit: Exit) {
        if self.main != process && self.main.is_some_and(is_our_child) {
            self.row.first_ended = true; // and the run goes on
            return;
        }
        if self.main != process {
            self.name_main(None); // it is not ours, so nobody would tell us of its end
        }
        self.row.exit = Some(exit);
        self.row.exited_at_ns = Some(clock::now_ns());
    }

    /// Whether SIGKILL ended it, and not ours.
    pub fn was_killed_by_others(&self) -> bool {
        let killed = matches!(self.row.exit, Some(Exit::Signal { signal, .. }) if signal == Signal::SIGKILL as i32);
        killed && !self.killed
    }

    pub fn name_main(&mut self, main: Option<Process>) {
        self.main = main;
        self.row.main_pid = main.map(|main| main.pid);
    }

    /// To the process group while its first process pins the group's number, and to the main process, with its own group
    /// if it leads one.
    fn signal(&mut self, signal: Signal) {
        self.killed |= signal == Signal::SIGKILL;
        self.row.last_signal = Some(signal as i32);
        let first = self.row.pid.filter(|_| !self.row.first_ended);
        if let Some(first) = first {
            let _ = killpg(Pid::from_raw(first), signal);
        }
        let Some(main) = self.main else { return };
        match Stat::of(main.pid).filter(|stat| stat.process == main) {
            None => {}
            Some(stat) if Some(stat.group) == first => {}
            // Ours to reap, so the number is still its own.
            Some(stat) if stat.group == main.pid && is_our_child(main) => {
                let _ = killpg(Pid::from_raw(main.pid), signal);
            }
            Some(_) => drop(tree::signal(main, signal)),
        }
    }
}

/// Whether we are the one whom the kernel tells of its end; also while it is a zombie.
pub fn is_our_child(process: Process) -> bool {
    let us = std::process::id() as i32;
    Stat::of(process.pid).is_some_and(|stat| stat.process == process && stat.parent == us)
}

impl Worker {
    fn kinds(&self) -> [Descriptor; 4] {
        [Descriptor::Out, Descriptor::Error, Descriptor::Ready, Descriptor::Notify]
    }

    fn descriptors(&self) -> [BorrowedFd<'_>; 4] {
        [self.out.as_fd(), self.error.as_fd(), self.ready.as_fd(), self.notify.descriptor()]
    }
}
