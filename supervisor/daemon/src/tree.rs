//! Finds and ends all processes of a run: its first process's descendants, and whoever detached itself.
//!
//! The keeper is the child subreaper, so what loses its parent becomes the keeper's child and never leaves its subtree.
//! When a run's first process is gone, the rest of its tree hangs below the keeper's *other* children: [`look`] reads only
//! those. One belongs to the run whose mark (`BETTI_INVOCATION`) it carries, else to the one whose first process led its
//! group or session; below it, everyone belongs to the same run.
//!
//! Named limit: where no control group is delegated to us ([`cgroup`](crate::cgroup)), an orphan that called setsid *and*
//! cleared its environment is nobody's; it is ended with the hub.
//!
//! A mark is easily copied. Below the keeper that does not matter: whoever is there was started by a run, whatever its user
//! is by now. A sweep looks at everybody on this machine, and believes the marks of our apps' users only.
//!
//! A signal goes by pidfd, after a second look at the process's start time: a number may have changed hands.
#![allow(unsafe_code)] // pidfd system calls, which nix does not wrap

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::Signal;
use protocol::keeper::SUPERVISOR_OF;
use protocol::worker;

use crate::clock;
use crate::users::Users;

/// How long a sweep waits for the killed to be gone; one that is stuck in a disk cannot be helped.
const SWEEP_WITHIN: Duration = Duration::from_secs(5);
const BETWEEN_SWEEPS: Duration = Duration::from_millis(1);
/// Empty this often in a row is empty, because a process may fork while we look.
const QUIET_LOOKS: u32 = 2;

/// A living process, told from a later one with the same number by when it started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Process {
    pub pid: i32,
    started: u64,
}

impl Process {
    /// When it started, in clock ticks since the machine did, sleep included.
    pub fn started_ticks(&self) -> u64 {
        self.started
    }

    /// Whether it certainly started before the other one: start times are told in hundredths of a second.
    pub fn is_older_than(&self, other: &Self) -> bool {
        self.started < other.started
    }
}

/// What `/proc/PID/stat` says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stat {
    pub process: Process,
    pub parent: i32,
    pub group: i32,
    pub session: i32,
    pub zombie: bool,
    /// User and system time, in clock ticks.
    pub cpu_ticks: u64,
    /// The same of all descendants that were waited for, in clock ticks.
    pub reaped_ticks: u64,
    /// Resident memory, in pages.
    pub resident_pages: u64,
}

impl Stat {
    pub fn of(pid: i32) -> Option<Self> {
        Self::parse(pid, &fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    fn parse(pid: i32, text: &str) -> Option<Self> {
        let (_, rest) = text.rsplit_once(") ")?; // a program's name may contain anything, also ") "
        let fields: Vec<&str> = rest.split(' ').collect();
        let number = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok());
        let signed = |at: usize| fields.get(at).and_then(|field| field.parse::<i32>().ok());
        Some(Self {
            process: Process { pid, started: number(19)? },
            parent: signed(1)?,
            group: signed(2)?,
            session: signed(3)?,
            zombie: matches!(*fields.first()?, "Z" | "X"),
            cpu_ticks: number(11)? + number(12)?,
            reaped_ticks: number(13)? + number(14)?,
            resident_pages: number(21)?,
        })
    }
}

/// Whose a process says it is.
#[derive(Clone, Debug, PartialEq)]
pub enum Mark {
    /// A run's, by [`worker::INVOCATION`].
    Run(u64),
    /// It is a supervisor of the hub, by [`SUPERVISOR_OF`].
    Supervisor,
    None,
    /// Between two programs, or not ours to read.
    Unknown,
}

impl Mark {
    /// Whether it is the hub's at all.
    pub fn is_the_hubs(&self) -> bool {
        matches!(self, Self::Run(_) | Self::Supervisor)
    }

    pub fn of(pid: i32, hub: &str) -> Self {
        match fs::read(format!("/proc/{pid}/environ")) {
            Ok(environ) if !environ.is_empty() => Self::read(&environ, hub),
            Ok(_) | Err(_) => Self::Unknown,
        }
    }

    fn read(environ: &[u8], hub: &str) -> Self {
        let mark = |entry: &[u8]| -> Option<Self> {
            let (name, value) = std::str::from_utf8(entry).ok()?.split_once('=')?;
            let rest = value.strip_prefix(hub)?;
            match name {
                worker::INVOCATION => rest.strip_prefix('-')?.parse().ok().map(Self::Run),
                SUPERVISOR_OF if rest.is_empty() => Some(Self::Supervisor),
                _ => None,
            }
        };
        environ.split(|&byte| byte == 0).find_map(mark).unwrap_or(Self::None)
    }
}

/// The hub as [`look`] needs to know it.
pub struct Hub<'a> {
    pub id: &'a str,
    pub keeper: i32,
    pub supervisor: i32,
    /// Run by first and by main process, living or not.
    pub leaders: &'a BTreeMap<i32, u64>,
    /// Those of them that live.
    pub living: &'a BTreeSet<i32>,
}

/// What is left below the keeper beside its runs' living first and main processes and the supervisor.
#[derive(Debug, Default, PartialEq)]
pub struct Orphans {
    /// By run.
    pub of_runs: BTreeMap<u64, Vec<Process>>,
    /// Nobody's, as far as can be seen.
    pub strangers: Vec<Process>,
    /// Somebody's environment could not be read right now: look again before anybody is called gone.
    pub uncertain: bool,
}

/// Looks twice, and takes whoever was seen either time.
pub fn look(hub: &Hub) -> Orphans {
    let mut seen = look_once(hub);
    let again = look_once(hub);
    for (run, processes) in again.of_runs {
        let known = seen.of_runs.entry(run).or_default();
        known.extend(processes);
        known.sort_unstable();
        known.dedup();
    }
    seen.strangers.extend(again.strangers);
    seen.strangers.sort_unstable();
    seen.strangers.dedup();
    seen.uncertain = again.uncertain;
    seen
}

fn look_once(hub: &Hub) -> Orphans {
    let mut orphans = Orphans::default();
    let family = Family::read();
    for pid in family.children(hub.keeper) {
        if pid == hub.supervisor || hub.living.contains(&pid) {
            continue;
        }
        let Some(stat) = Stat::of(pid) else { continue };
        let mut tree = Vec::new();
        if !stat.zombie {
            tree.push(stat.process);
        }
        family.descend(pid, &mut tree);
        if tree.is_empty() {
            continue;
        }
        let led = || hub.leaders.get(&stat.session).or_else(|| hub.leaders.get(&stat.group)).copied();
        match Mark::of(pid, hub.id) {
            Mark::Run(run) => orphans.of_runs.entry(run).or_default().extend(tree),
            mark => match led() {
                Some(run) => orphans.of_runs.entry(run).or_default().extend(tree),
                None => {
                    orphans.uncertain |= mark == Mark::Unknown;
                    orphans.strangers.extend(tree);
                }
            },
        }
    }
    orphans
}

/// Everybody who belongs to a run now, by run, in one walk. Unlike [`look`] it asks for whoever is there most of the time,
/// and may miss somebody who forks meanwhile.
pub fn members(hub: &Hub) -> BTreeMap<u64, Vec<Process>> {
    let mut members: BTreeMap<u64, Vec<Process>> = BTreeMap::new();
    let family = Family::read();
    for pid in family.children(hub.keeper) {
        if pid == hub.supervisor {
            continue;
        }
        let Some(stat) = Stat::of(pid) else { continue };
        let led = || [pid, stat.session, stat.group].iter().find_map(|leader| hub.leaders.get(leader)).copied();
        let run = match hub.leaders.get(&pid).filter(|_| hub.living.contains(&pid)) {
            Some(run) => Some(*run),
            None => match Mark::of(pid, hub.id) {
                Mark::Run(run) => Some(run),
                Mark::Supervisor | Mark::None | Mark::Unknown => led(),
            },
        };
        let Some(run) = run else { continue };
        let tree = members.entry(run).or_default();
        tree.extend(Some(stat.process).filter(|_| !stat.zombie));
        family.descend(pid, tree);
    }
    members
}

/// A process and everyone below it, living: for tests, whose processes are no keeper's.
#[cfg(test)]
pub fn subtree(pid: i32) -> Vec<Process> {
    let mut tree: Vec<Process> = Stat::of(pid).into_iter().map(|stat| stat.process).collect();
    Family::read().descend(pid, &mut tree);
    tree
}

/// Who is whose child: asked of the kernel one by one, or read off all of /proc where it does not tell.
enum Family {
    Asked,
    Walked(BTreeMap<i32, Vec<i32>>),
}

impl Family {
    fn read() -> Self {
        let me = std::process::id();
        if fs::exists(format!("/proc/{me}/task/{me}/children")).unwrap_or(false) {
            return Self::Asked;
        }
        let mut children: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
        for stat in pids().filter_map(Stat::of) {
            children.entry(stat.parent).or_default().push(stat.process.pid);
        }
        Self::Walked(children)
    }

    fn children(&self, pid: i32) -> Vec<i32> {
        match self {
            Self::Walked(children) => children.get(&pid).cloned().unwrap_or_default(),
            Self::Asked => {
                let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
                let lists = threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
                lists.flat_map(|list| numbers(&list)).collect()
            }
        }
    }

    fn descend(&self, pid: i32, tree: &mut Vec<Process>) {
        for child in self.children(pid) {
            if let Some(stat) = Stat::of(child).filter(|stat| !stat.zombie) {
                tree.push(stat.process);
            }
            self.descend(child, tree);
        }
    }
}

fn numbers(list: &str) -> Vec<i32> {
    list.split_whitespace().filter_map(|number| number.parse().ok()).collect()
}

fn pids() -> impl Iterator<Item = i32> {
    fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// Signals a process, if it is still the one that was seen.
pub fn signal(process: Process, signal: Signal) -> bool {
    let Ok(pidfd) = pidfd_open(process.pid) else { return false };
    if Stat::of(process.pid).is_none_or(|stat| stat.process != process || stat.zombie) {
        return false;
    }
    // SAFETY: a null pointer for the details means the kernel fills them in as kill(2) does.
    let sent = unsafe {
        libc::syscall(
            libc::SYS_pidfd_send_signal,
            pidfd.as_raw_fd(),
            signal as libc::c_int,
            std::ptr::null::<libc::siginfo_t>(),
            0,
        )
    };
    sent == 0
}

/// A descriptor of a process: readable when it has ended.
pub fn pidfd_open(pid: i32) -> Result<OwnedFd, Errno> {
    // SAFETY: the kernel makes a descriptor for us alone, close-on-exec.
    let number = Errno::result(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) })?;
    // SAFETY: as above; a descriptor's number fits.
    Ok(unsafe { OwnedFd::from_raw_fd(number as i32) })
}

/// Kills everyone who carries one of the hub's marks that is meant, whoever shares a session with one or lives in one of
/// `sessions`, and everyone below; never ourselves or those who started us. Returns how many.
///
/// Marks and sessions count for processes of `users`. Those below count whoever they are, if we may signal them.
pub fn sweep(hub: &str, users: &Users, sessions: &BTreeSet<i32>, meant: impl Fn(&Mark) -> bool) -> usize {
    let until = clock::now() + SWEEP_WITHIN;
    let spared = ourselves();
    let (mut ended, mut quiet) = (BTreeSet::new(), 0);
    while quiet < QUIET_LOOKS && clock::now() < until {
        let found = marked(hub, users, sessions, &meant, &spared);
        if found.is_empty() {
            quiet += 1;
            continue;
        }
        quiet = 0;
        for process in found {
            if signal(process, Signal::SIGKILL) {
                ended.insert(process);
            }
        }
        std::thread::sleep(BETWEEN_SWEEPS);
    }
    ended.len()
}

fn ourselves() -> BTreeSet<i32> {
    let mut line = BTreeSet::new();
    let mut next = Some(std::process::id() as i32);
    while let Some(pid) = next.filter(|&pid| pid > 0 && line.insert(pid)) {
        next = Stat::of(pid).map(|stat| stat.parent);
    }
    line
}

fn marked(
    hub: &str,
    users: &Users,
    sessions: &BTreeSet<i32>,
    meant: &impl Fn(&Mark) -> bool,
    spared: &BTreeSet<i32>,
) -> BTreeSet<Process> {
    let everyone: Vec<Stat> = pids().filter_map(Stat::of).filter(|stat| !stat.zombie).collect();
    let ours = |pid| !spared.contains(&pid) && users.have(pid);
    let is_root = nix::unistd::geteuid().is_root();
    let carries = |pid| meant(&Mark::of(pid, hub));
    let mut found: BTreeSet<Process> = BTreeSet::new();
    let mut known: BTreeSet<i32> = BTreeSet::new();
    let mut sessions = sessions.clone();
    for stat in everyone.iter().filter(|stat| ours(stat.process.pid) && carries(stat.process.pid)) {
        found.insert(stat.process);
        known.insert(stat.process.pid);
        sessions.insert(stat.session);
    }
    // A session that we live in ourselves is not the hub's.
    for pid in spared {
        if let Some(stat) = Stat::of(*pid) {
            sessions.remove(&stat.session);
        }
    }
    loop {
        let before = found.len();
        for stat in &everyone {
            let pid = stat.process.pid;
            let below = known.contains(&stat.parent) && is_root && !spared.contains(&pid);
            let related = known.contains(&stat.parent) || sessions.contains(&stat.session);
            if (below || related && ours(pid)) && found.insert(stat.process) {
                known.insert(pid);
            }
        }
        if found.len() == before {
            return found;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command, Stdio};

    use super::*;

    const HUB: &str = "00000000000000000000000000000abc";

    fn marked_sleep(run: u64, script: &str) -> Child {
        let invocation = format!("{HUB}{}-{run}", std::process::id());
        Command::new("bash")
            .args(["-c", script])
            .env(worker::INVOCATION, invocation)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap()
    }

    #[test]
    fn a_stat_line_with_a_devious_name_is_read() {
        let line = "7 (a) S 9 (b) S 1 7 8 0 -1 4194560 1 0 0 0 3 4 5 6 20 0 1 0 5555 1000 77 18446744073709551615 0";
        let stat = Stat::parse(7, line).unwrap();
        let expected = (Process { pid: 7, started: 5555 }, 1, 7, 8, false, 7, 77);
        assert_eq!(stat.reaped_ticks, 11);
        let found =
            (stat.process, stat.parent, stat.group, stat.session, stat.zombie, stat.cpu_ticks, stat.resident_pages);
        assert_eq!(found, expected);
    }

    #[test]
    fn a_mark_counts_only_whole_and_for_its_own_hub() {
        let environ = |text: &str| format!("A=1\0BETTI_INVOCATION={text}\0B=2\0").into_bytes();
        assert_eq!(Mark::read(&environ(&format!("{HUB}-12")), HUB), Mark::Run(12));
        for other in ["", "-12", "other-12", &format!("{HUB}-"), &format!("{HUB}-1x"), &format!("{HUB}12")] {
            assert_eq!(Mark::read(&environ(other), HUB), Mark::None, "{other}");
        }
        assert_eq!(Mark::read(format!("NOT_BETTI_INVOCATION={HUB}-1\0").as_bytes(), HUB), Mark::None);
        assert_eq!(Mark::read(format!("BETTI_SUPERVISOR_OF={HUB}\0").as_bytes(), HUB), Mark::Supervisor);
        assert_eq!(Mark::read(format!("BETTI_SUPERVISOR_OF={HUB}0\0").as_bytes(), HUB), Mark::None);
    }

    #[test]
    fn a_process_is_signalled_only_while_it_is_the_one_that_was_seen() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let seen = Stat::of(child.id() as i32).unwrap().process;
        assert!(!signal(Process { started: seen.started + 1, ..seen }, Signal::SIGKILL));
        assert!(signal(seen, Signal::SIGKILL));
        child.wait().unwrap();
        assert!(!signal(seen, Signal::SIGKILL));
    }

    #[test]
    fn a_sweep_ends_the_meant_runs_with_their_descendants_and_nobody_else() {
        use std::io::{BufRead, BufReader};
        let hub = format!("{HUB}{}", std::process::id());
        // The grandchild cleared its environment; only its parent gives it away.
        let mut meant = marked_sleep(1, "env -i sleep 60 & echo $!; wait");
        let mut spared = marked_sleep(2, "echo up; sleep 60");
        let mut line = String::new();
        BufReader::new(meant.stdout.take().unwrap()).read_line(&mut line).unwrap();
        BufReader::new(spared.stdout.take().unwrap()).read_line(&mut String::new()).unwrap();
        let grandchild = Stat::of(line.trim().parse().unwrap()).unwrap().process;
        let ended = sweep(&hub, &Users::ours(), &BTreeSet::new(), |mark| *mark == Mark::Run(1));
        assert!(ended >= 2, "{ended}");
        assert!(Stat::of(grandchild.pid).is_none_or(|stat| stat.process != grandchild || stat.zombie));
        assert!(Stat::of(spared.id() as i32).is_some_and(|stat| !stat.zombie));
        assert!(sweep(&hub, &Users::ours(), &BTreeSet::new(), |mark| *mark == Mark::Run(2)) >= 1);
        meant.wait().unwrap();
        spared.wait().unwrap();
    }
}
