//! What the supervisor knows of each run beside its lifecycle.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::Duration;

use lifecycle::AppId;
use protocol::keeper::Row;

use super::look_after::RunMonitors;
use super::monitors::Task;
use super::monitors::notify_socket::Senders;
use super::ready::Source;
use crate::cgroup;
use crate::tree::{self, Hub, Process};

/// Looks that could not read somebody's environment, before a run is called gone nevertheless.
pub const MOST_UNCERTAIN_LOOKS: u32 = 10;

/// One run, from the keeper's row until it is forgotten.
pub struct Run {
    pub app: AppId,
    pub row: Row,
    /// Log pipes that have not reached their end.
    pub open_logs: usize,
    /// Nothing of its tree is left.
    pub gone: bool,
    /// It ended its ready pipe without a line.
    pub never_ready: bool,
    /// Where it may have said that it is ready, until that was heard, or which process is its main one.
    pub sources: Vec<Source>,
    /// Our end of Node's channel, if it has one.
    pub channel: Option<OwnedFd>,
    /// What follows its ready pipe and its notify socket, which have no end of their own.
    pub listeners: Vec<Task>,
    /// What watches it.
    pub monitors: RunMonitors,
    /// What `WATCHDOG_USEC=` said last.
    pub watchdog_interval: Option<Duration>,
    /// Those of its tree that were asked to end after its first process had.
    pub asked: BTreeSet<Process>,
    pub uncertain_looks: u32,
    /// What `MAINPID=` named last, whether it was believed or not.
    pub named_main: Option<i32>,
    /// What of that the keeper was told after the first process had ended, so that it has the last word once.
    pub judged_at_its_end: Option<i32>,
    /// The keeper is to say which process is its main one.
    pub is_in_question: bool,
}

impl Run {
    pub fn new(app: AppId, row: Row) -> Self {
        Self {
            app,
            row,
            open_logs: 0,
            gone: false,
            never_ready: false,
            sources: Vec::new(),
            channel: None,
            listeners: Vec::new(),
            watchdog_interval: None,
            monitors: RunMonitors::default(),
            asked: BTreeSet::new(),
            uncertain_looks: 0,
            named_main: None,
            judged_at_its_end: None,
            is_in_question: false,
        }
    }

    pub fn spawned(&self) -> Duration {
        Duration::from_nanos(self.row.spawned_at_ns)
    }

    pub fn lived(&self) -> Option<Duration> {
        Some(Duration::from_nanos(self.row.exited_at_ns?).saturating_sub(self.spawned()))
    }

    /// Its first process has ended and somebody of its tree may be left.
    pub fn is_ending(&self) -> bool {
        self.row.exit.is_some() && !self.gone
    }

    /// Its main process, else its first one, while it runs.
    pub fn pid(&self) -> Option<i32> {
        self.row.main_pid.or(self.row.pid).filter(|_| self.row.exit.is_none())
    }

    /// Those of its first and its main process that live while it runs.
    pub fn living(&self) -> impl Iterator<Item = i32> + use<> {
        let first = self.row.pid.filter(|_| !self.row.first_ended);
        let runs = self.row.exit.is_none();
        [first, self.row.main_pid].into_iter().flatten().filter(move |_| runs)
    }

    /// Whether a word at its notify socket is believed of this user. Anybody can send to the abstract address of another
    /// user's app; the others' sockets are in a directory that only we can enter.
    pub fn believes(&self, user: u32) -> bool {
        self.senders().believe(user)
    }

    pub fn senders(&self) -> Senders {
        Senders::of(self.row.user)
    }

    /// Everybody who is left in its control group, if it has one.
    pub fn members(&self) -> Vec<Process> {
        self.row.cgroup.as_deref().map(|group| cgroup::processes(group.as_ref())).unwrap_or_default()
    }

    pub fn can_be_forgotten(&self) -> bool {
        self.gone && self.open_logs == 0
    }
}

/// First and main processes, for looking at trees.
#[derive(Default)]
pub struct Leaders {
    by_pid: BTreeMap<i32, u64>,
    living: BTreeSet<i32>,
}

impl Leaders {
    pub fn of(runs: &BTreeMap<u64, Run>) -> Self {
        let mut leaders = Self::default();
        for (number, run) in runs {
            leaders.by_pid.extend([run.row.pid, run.row.main_pid].into_iter().flatten().map(|pid| (pid, *number)));
            leaders.living.extend(run.living());
        }
        leaders
    }

    pub fn sessions(&self) -> BTreeSet<i32> {
        self.by_pid.keys().copied().collect()
    }

    pub fn hub<'a>(&'a self, id: &'a str, keeper: i32) -> Hub<'a> {
        let supervisor = std::process::id() as i32;
        Hub { id, keeper, supervisor, leaders: &self.by_pid, living: &self.living }
    }
}

/// Where to look for everybody who belongs to a run. It can be looked on another thread than the one that everything waits for.
pub struct Census {
    hub: String,
    keeper: i32,
    /// First and main processes of all runs: whose a process is, is seen only among all.
    leaders: Leaders,
    groups: BTreeMap<u64, PathBuf>,
}

impl Census {
    pub fn of(hub: &str, keeper: i32, runs: &BTreeMap<u64, Run>) -> Self {
        let group = |(number, run): (&u64, &Run)| Some((*number, PathBuf::from(run.row.cgroup.as_ref()?)));
        Self {
            hub: hub.to_owned(),
            keeper,
            leaders: Leaders::of(runs),
            groups: runs.iter().filter_map(group).collect(),
        }
    }

    /// By run, in one walk.
    pub fn take(&self) -> BTreeMap<u64, Vec<Process>> {
        let mut members = tree::members(&self.leaders.hub(&self.hub, self.keeper));
        for (run, group) in &self.groups {
            members.entry(*run).or_default().extend(cgroup::processes(group));
        }
        for tree in members.values_mut() {
            tree.sort_unstable();
            tree.dedup();
        }
        members
    }
}
