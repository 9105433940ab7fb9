//! Control groups (version 2), where a part of them is delegated to us: one a run, which nothing that it starts leaves by
//! detaching itself. Without delegation everything works as it does without groups.
//!
//! ```text
//!   the keeper's own group, or the one that BETTI_CGROUP names
//!     └── betti-<hub id>-<run>      entered by the child between fork and exec; what is below is the app's
//! ```
//!
//! No controller is enabled below: the keeper may then stay in its own group.
#![allow(unsafe_code)] // getxattr, which nix does not wrap

use std::ffi::CString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::Signal;

use crate::clock;
use crate::tree::{self, Stat};

/// Names the group to use, for containers and tests: an absolute path.
pub const DIRECTORY: &str = "BETTI_CGROUP";
/// Set to `1` on a group by systemd whose unit says `Delegate=yes`, and by whoever else delegates one.
const DELEGATED: [&str; 2] = ["user.delegate", "trusted.delegate"];
const PROCESSES: &str = "cgroup.procs";
const KILL: &str = "cgroup.kill";
const EVENTS: &str = "cgroup.events";
/// How long the killed may take to be gone before their group is left for a later try.
const GONE_WITHIN: Duration = Duration::from_secs(5);
const BETWEEN_LOOKS: Duration = Duration::from_millis(1);

/// The groups of a hub's runs.
pub struct Groups {
    base: PathBuf,
    /// What all their names begin with.
    prefix: String,
    /// Not empty when they were to be removed.
    stale: Vec<PathBuf>,
}

impl Groups {
    /// Those below the group that is delegated to us, if one is.
    pub fn delegated(hub: &str) -> Option<Self> {
        let base = match std::env::var_os(DIRECTORY).filter(|path| !path.is_empty()) {
            Some(named) => PathBuf::from(named),
            None => own_group().filter(|own| is_delegated(own))?,
        };
        if !base.is_absolute() || !base.join(PROCESSES).exists() {
            say!("{} keeper: {} is no control group (version 2); going on without", clock::stamp(), base.display());
            return None;
        }
        Some(Self { base, prefix: format!("betti-{hub}-"), stale: Vec::new() })
    }

    /// Ends whoever is left in groups of earlier runs, and removes those. Returns how many were ended.
    pub fn sweep(&mut self) -> usize {
        let ours =
            |path: &PathBuf| path.file_name().is_some_and(|name| name.as_bytes().starts_with(self.prefix.as_bytes()));
        let left: Vec<PathBuf> = below(&self.base).into_iter().filter(ours).collect();
        let us = std::process::id() as i32;
        let mut ended = 0;
        for group in left {
            let members = members(&group);
            if members.contains(&us) {
                continue; // started by a worker of the hub that we are the next keeper of
            }
            ended += members.len();
            self.end(group);
        }
        ended
    }

    /// A new group for a run; `None`, and why is said, where that fails: the run goes on without.
    pub fn make(&mut self, run: u64) -> Option<PathBuf> {
        let path = self.base.join(format!("{}{run}", self.prefix));
        match fs::create_dir(&path) {
            Ok(()) => Some(path),
            Err(error) => {
                say!("{} keeper: run {run} gets no control group: {}: {error}", clock::stamp(), path.display());
                None
            }
        }
    }

    /// Removes a group that is empty, and others that have become so; else it is tried again with the next one.
    pub fn remove(&mut self, group: PathBuf) {
        self.stale.push(group);
        self.stale.retain(|group| remove(group).is_err_and(|error| error.kind() != io::ErrorKind::NotFound));
    }

    /// Ends everybody in a group and removes it.
    pub fn end(&mut self, group: PathBuf) {
        let until = clock::now() + GONE_WITHIN;
        while is_populated(&group) && clock::now() < until {
            kill(&group);
            std::thread::sleep(BETWEEN_LOOKS);
        }
        self.remove(group);
    }
}

/// Moves the calling process, which has one thread, into a group.
pub fn enter(group: &Path) -> Result<(), Errno> {
    let written = fs::write(group.join(PROCESSES), "0");
    written.map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or(Errno::EIO as i32)))
}

/// Every living process of a group and of the groups below it.
pub fn members(group: &Path) -> Vec<i32> {
    let list = fs::read_to_string(group.join(PROCESSES)).unwrap_or_default();
    let own = list.lines().filter_map(|line| line.parse().ok()).filter(|pid| *pid > 0);
    own.chain(below(group).iter().flat_map(|group| members(group))).collect()
}

/// As [`members`], each told from a later one with the same number.
pub fn processes(group: &Path) -> Vec<tree::Process> {
    let stats = members(group).into_iter().filter_map(Stat::of);
    stats.filter(|stat| !stat.zombie).map(|stat| stat.process).collect()
}

/// Whether anybody lives in a group or below it.
pub fn is_populated(group: &Path) -> bool {
    let events = fs::read_to_string(group.join(EVENTS)).unwrap_or_default();
    events.lines().any(|line| line == "populated 1")
}

/// Kills everybody in a group and below it, those included that are being forked.
pub fn kill(group: &Path) {
    if fs::write(group.join(KILL), "1").is_err() {
        // Linux before 5.14
        for process in processes(group) {
            tree::signal(process, Signal::SIGKILL);
        }
    }
}

/// The deepest first.
fn remove(group: &Path) -> io::Result<()> {
    for group in below(group) {
        remove(&group)?;
    }
    fs::remove_dir(group)
}

fn below(group: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(group).into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path()).collect()
}

/// The group that we are in.
pub fn own_group() -> Option<PathBuf> {
    let (groups, mounts) = own_groups_and_mounts()?;
    directory_of(&groups, &mounts)
}

/// The group of version 1 that our memory is counted in, where that version is in use for memory.
pub fn own_group_of_memory() -> Option<PathBuf> {
    let (groups, mounts) = own_groups_and_mounts()?;
    let own = groups.lines().find_map(|line| {
        let (kinds, group) = line.split_once(':')?.1.split_once(':')?;
        kinds.split(',').any(|kind| kind == MEMORY).then_some(group)
    })?;
    mounted_at(own, &mounts, |kind| {
        kind.starts_with("cgroup ") && kind.rsplit(' ').next().is_some_and(|with| with.split(',').any(|w| w == MEMORY))
    })
}

const MEMORY: &str = "memory";

fn own_groups_and_mounts() -> Option<(String, String)> {
    let read = |name: &str| fs::read_to_string(format!("/proc/self/{name}")).ok();
    Some((read("cgroup")?, read("mountinfo")?))
}

/// Where the group is that `/proc/PID/cgroup` names, from what `/proc/PID/mountinfo` says of mounts.
fn directory_of(groups: &str, mounts: &str) -> Option<PathBuf> {
    let own = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    mounted_at(own, mounts, |kind| kind.starts_with("cgroup2 "))
}

/// Where a group is, in the first mount of the right kind that has it: type, source and options, as mountinfo has them.
fn mounted_at(own: &str, mounts: &str, is_right: impl Fn(&str) -> bool) -> Option<PathBuf> {
    let mounted = |line: &str| -> Option<PathBuf> {
        let (mount, kind) = line.split_once(" - ")?;
        let mut fields = mount.split(' ').skip(3);
        let (root, point) = (fields.next()?, fields.next()?);
        let is_ours = is_right(kind) && !point.contains('\\'); // a name with spaces is nobody's for this
        let rest = Path::new(own).strip_prefix(root).ok().filter(|_| is_ours)?;
        Some(Path::new(point).join(rest))
    };
    mounts.lines().find_map(mounted)
}

fn is_delegated(group: &Path) -> bool {
    DELEGATED.iter().any(|name| attribute(group, name).is_some_and(|value| value == b"1"))
}

fn attribute(path: &Path, name: &str) -> Option<Vec<u8>> {
    let path = CString::new(path.as_os_str().as_bytes()).ok()?;
    let name = CString::new(name).ok()?;
    let mut value = [0_u8; 8];
    // SAFETY: two strings with their ends, and a buffer with its length.
    let length = unsafe { libc::getxattr(path.as_ptr(), name.as_ptr(), value.as_mut_ptr().cast(), value.len()) };
    value.get(..usize::try_from(length).ok()?).map(<[u8]>::to_vec)
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command};

    use super::*;

    #[test]
    fn a_group_is_found_where_it_is_mounted() {
        const HYBRID: &str = "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n\
            32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n\
            41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:9 - cgroup2 cgroup2 rw\n";
        const UNIFIED: &str = "41 31 0:38 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n";
        const CONTAINER: &str = "41 31 0:38 /box/7 /sys/fs/cgroup ro - cgroup2 cgroup rw\n";
        let found = |groups, mounts| directory_of(groups, mounts).map(|path| path.to_string_lossy().into_owned());
        let both = "1:cpu:/x\n0::/system.slice/betti.service\n";
        for (groups, mounts, expected) in [
            (both, HYBRID, Some("/sys/fs/cgroup/unified/system.slice/betti.service")),
            (both, UNIFIED, Some("/sys/fs/cgroup/system.slice/betti.service")),
            ("0::/\n", HYBRID, Some("/sys/fs/cgroup/unified/")),
            ("0::/box/7/a\n", CONTAINER, Some("/sys/fs/cgroup/a")),
            ("0::/elsewhere\n", CONTAINER, None),
            ("1:cpu:/x\n", HYBRID, None),
            (both, "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n", None),
        ] {
            assert_eq!(found(groups, mounts).as_deref(), expected, "{groups}{mounts}");
        }
    }

    /// A group of our own, if this machine lets us make one.
    fn playground() -> Option<PathBuf> {
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        let root = directory_of("0::/", &mounts)?;
        let path = root.join(format!("betti-test-{}", std::process::id()));
        fs::create_dir(&path).ok().map(|()| path)
    }

    fn sleep_in(group: &Path) -> Child {
        let child = Command::new("sleep").arg("60").spawn().unwrap();
        fs::write(group.join(PROCESSES), child.id().to_string()).unwrap();
        child
    }

    #[test]
    fn groups_of_earlier_runs_are_emptied_and_removed_and_those_of_others_are_not() {
        let Some(base) = playground() else {
            return eprintln!("skipped: no control group (version 2) can be made here");
        };
        let groups = |hub: &str| Groups { base: base.clone(), prefix: format!("betti-{hub}-"), stale: Vec::new() };
        let (mut ours, mut theirs) = (groups("1"), groups("2"));
        let (left, others) = (ours.make(7).unwrap(), theirs.make(7).unwrap());
        assert!(ours.make(7).is_none(), "once");
        let deeper = left.join("of-the-app");
        fs::create_dir(&deeper).unwrap();
        let (mut shallow, mut deep, mut other) = (sleep_in(&left), sleep_in(&deeper), sleep_in(&others));
        assert_eq!(members(&left).len(), 2);
        assert_eq!(ours.sweep(), 2);
        shallow.wait().unwrap();
        deep.wait().unwrap();
        assert!(!left.exists() && is_populated(&others));
        theirs.remove(others.clone());
        assert!(others.exists(), "not while somebody lives in it");
        kill(&others);
        other.wait().unwrap();
        theirs.remove(theirs.base.join("betti-2-8")); // never made: nothing to be tried again
        assert!(!others.exists() && theirs.stale.is_empty());
        fs::remove_dir(&base).unwrap();
    }
}
