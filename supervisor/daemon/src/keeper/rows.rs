//! The table of runs: the truth that every supervisor is told, and the descriptors that outlive each of them.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::{AsFd, BorrowedFd};

use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use protocol::keeper::{Descriptor, Exit, Row};

use super::spawn::Worker;
use crate::clock;

/// Every run from its spawning until the supervisor says that it may be forgotten.
#[derive(Default)]
pub struct Rows(BTreeMap<u64, Held>);

struct Held {
    row: Row,
    worker: Option<Worker>,
}

impl Rows {
    pub fn insert(&mut self, run: u64, app: String, spawned: Result<Worker, Errno>) {
        let spawned_at_ns = clock::now_ns();
        let (worker, pid, exit) = match spawned {
            Ok(worker) => {
                let pid = worker.pid.as_raw();
                (Some(worker), Some(pid), None)
            }
            Err(errno) => (None, None, Some(Exit::NotSpawned(errno as i32))),
        };
        let exited_at_ns = exit.map(|_| spawned_at_ns);
        let descriptors = worker.as_ref().map_or_else(Vec::new, |worker| worker.kinds().to_vec());
        let row = Row { run, app, pid, spawned_at_ns, exit, exited_at_ns, descriptors, main_pid: None, cgroup: None };
        self.0.insert(run, Held { row, worker });
    }

    pub fn runs(&self) -> impl Iterator<Item = u64> {
        self.0.keys().copied()
    }

    /// First processes, each of which led a session.
    pub fn leaders(&self) -> BTreeSet<i32> {
        self.0.values().filter_map(|held| held.row.pid).collect()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// A row with its descriptors, in their order.
    pub fn get(&self, run: u64) -> Option<(&Row, Vec<BorrowedFd<'_>>)> {
        let held = self.0.get(&run)?;
        let descriptors = held.worker.iter().flat_map(|worker| worker.descriptors().map(AsFd::as_fd)).collect();
        Some((&held.row, descriptors))
    }

    /// Notes an exit; the run whose first process it was, unless it was nobody's.
    pub fn ended(&mut self, pid: Pid, exit: Exit) -> Option<u64> {
        let held = self.0.values_mut().find(|held| held.row.pid == Some(pid.as_raw()) && held.row.exit.is_none())?;
        held.row.exit = Some(exit);
        held.row.exited_at_ns = Some(clock::now_ns());
        Some(held.row.run)
    }

    /// Whether some run's first process still lives.
    pub fn any_alive(&self) -> bool {
        self.0.values().any(|held| held.row.exit.is_none())
    }

    /// To a run's process group, while its first process pins the group's number.
    pub fn signal(&self, run: u64, signal: Signal) {
        if let Some(row) = self.0.get(&run).map(|held| &held.row)
            && row.exit.is_none()
            && let Some(pid) = row.pid
        {
            let _ = killpg(Pid::from_raw(pid), signal);
        }
    }

    pub fn signal_all(&self, signal: Signal) {
        self.runs().for_each(|run| self.signal(run, signal));
    }

    /// Drops a row whose exit is known; one that still runs stays, whatever a supervisor believes.
    pub fn forget(&mut self, run: u64) {
        if self.0.get(&run).is_some_and(|held| held.row.exit.is_some()) {
            self.0.remove(&run);
        }
    }
}

impl Worker {
    fn kinds(&self) -> [Descriptor; 4] {
        [Descriptor::Out, Descriptor::Error, Descriptor::Ready, Descriptor::Notify]
    }

    fn descriptors(&self) -> [&std::os::fd::OwnedFd; 4] {
        [&self.out, &self.error, &self.ready, &self.notify]
    }
}
