//! A run that the kernel ends for want of memory is shown as such, whoever else is told of it, and whoever else is killed.
//!
//! With a real shortage: the hub is in a control group of little memory, where this machine lets us make one.

use std::fs;
use std::path::{Path, PathBuf};

use nix::sys::signal::Signal;
use protocol::control::{Exit, Word};

use crate::harness::{Hub, eventually, lives};

/// For the whole hub; both halves and what waits take less than a quarter of it.
const ENOUGH: &str = "134217728";
/// Uses up everything when its gate is opened: itself, or a child of its.
const GREEDY: &str = "#!/bin/bash\nmkfifo gate 2>/dev/null\nread < gate\nexec python3 -c 'x = bytearray(1 << 30)'\n";
const PARENT: &str = "#!/bin/bash\nmkfifo gate 2>/dev/null\nread < gate\npython3 -c 'x = bytearray(1 << 30)'\necho $? > child\n\
                      exec sleep 1000\n";
const ECOSYSTEM: &str = "[[apps]]\nname='a'\nscript='./a.sh'\nrestart_delay=10\nmin_uptime=0\n\
                         [[apps]]\nname='other'\nscript='/bin/sleep'\nargs=['1000']\npriority='high'\n";

/// A group whose memory is counted and limited; removed when the hub in it is gone.
struct Shortage {
    group: PathBuf,
}

impl Shortage {
    /// `None`, and why is said, where this machine gives us none.
    fn make(name: &str) -> Option<Self> {
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        let of = |kind: &str, with: &str| {
            let is_right = |line: &&str| {
                line.split_once(" - ").is_some_and(|(_, mount)| {
                    mount.starts_with(kind) && mount.rsplit([' ', ',']).any(|option| with.is_empty() || option == with)
                })
            };
            mounts.lines().find(is_right).and_then(|line| line.split(' ').nth(4)).map(PathBuf::from)
        };
        let (first, second) = (of("cgroup ", "memory"), of("cgroup2 ", ""));
        let (mount, limits) = match (first, second) {
            (Some(mount), _) => (mount, ["memory.limit_in_bytes", "memory.memsw.limit_in_bytes"]),
            (None, Some(mount)) => (mount, ["memory.max", "memory.swap.max"]),
            (None, None) => return skipped("no control groups are mounted"),
        };
        let group = mount.join(format!("betti-test-{name}-{}", std::process::id()));
        if let Err(error) = fs::create_dir(&group) {
            return skipped(&format!("no control group can be made: {error}"));
        }
        let shortage = Self { group };
        if fs::write(shortage.group.join(limits[0]), ENOUGH).is_err() {
            return skipped("memory is not counted in control groups");
        }
        let _ = fs::write(shortage.group.join(limits[1]), ENOUGH); // not where swap is not counted
        Some(shortage)
    }

    fn hub(&self, first: &str, script: &str) -> Hub {
        let enter = format!("echo $$ > {}/cgroup.procs\n{first}\nexec \"$@\"", self.group.display());
        Hub::start_by(&enter, ECOSYSTEM, &[("a.sh", script)])
    }
}

fn skipped<T>(why: &str) -> Option<T> {
    eprintln!("skipped: {why}");
    None
}

impl Drop for Shortage {
    fn drop(&mut self) {
        eventually("the group can be removed", || fs::remove_dir(&self.group).ok());
    }
}

fn open_gate(hub: &Hub) {
    let gate = hub.path("gate");
    eventually("the gate is there", || gate.exists().then_some(()));
    fs::write(gate, "\n").unwrap(); // waits for whoever reads it
}

fn is_out_of_memory(exit: Option<&Exit>) -> bool {
    exit == Some(&Exit::OutOfMemory { out_of_memory: true })
}

fn is_killed(exit: Option<&Exit>) -> bool {
    matches!(exit, Some(Exit::Signal { signal, .. }) if signal == "SIGKILL")
}

fn running(hub: &Hub) -> i32 {
    hub.until_status("a", Word::Online).pid.unwrap()
}

/// The kernel's log or its count, one of which each of these hubs has at least.
const NO_KERNEL_LOG: &str = "exec unshare -m bash -c 'mount --bind /dev/null /dev/kmsg && exec \"$@\"' - \"$@\"";

fn ends_as_such(hub: &Hub) {
    let (first, other) = (running(hub), hub.app("other").pid);
    let halves = (hub.keeper_pid(), hub.watch().status.supervisor.pid);
    open_gate(hub);
    let again = hub.until_app("a", "runs again", |app| app.pid.is_some_and(|pid| pid != first));
    assert!(is_out_of_memory(again.exit.as_ref()), "{again:?}\n{}", hub.said());
    assert!(hub.said().contains("a: the kernel ended it for want of memory after "), "{}", hub.said());
    assert_eq!((hub.keeper_pid(), hub.watch().status.supervisor.pid), halves);
    assert_eq!(hub.app("other").pid, other);
    // A kill that the kernel has nothing to do with is one that somebody sent.
    let second = running(hub);
    hub.end_by(second, Signal::SIGKILL);
    let again = hub.until_app("a", "runs again", |app| app.pid.is_some_and(|pid| pid != second));
    assert!(is_killed(again.exit.as_ref()), "{again:?}\n{}", hub.said());
}

#[test]
fn a_run_that_the_kernel_ends_for_want_of_memory_is_shown_as_such_and_a_kill_is_not() {
    let Some(shortage) = Shortage::make("both") else { return };
    ends_as_such(&shortage.hub("", GREEDY));
}

#[test]
fn where_the_kernels_log_cannot_be_read_its_count_is_enough() {
    let Some(shortage) = Shortage::make("count") else { return };
    if !nix::unistd::geteuid().is_root() {
        return eprintln!("skipped: only root hides the kernel's log from a hub");
    }
    ends_as_such(&shortage.hub(NO_KERNEL_LOG, GREEDY));
}

#[test]
fn a_successor_that_hears_of_the_end_judges_it_the_same() {
    for (name, first) in [("next", ""), ("next-count", NO_KERNEL_LOG)] {
        let Some(shortage) = Shortage::make(name) else { return };
        let hub = shortage.hub(first, GREEDY);
        let pid = running(&hub);
        let supervisor = hub.watch().status.supervisor.pid;
        hub.end_by(supervisor, Signal::SIGSTOP);
        open_gate(&hub);
        eventually("the kernel ends it, and the keeper reaps it", || {
            (!Path::new(&format!("/proc/{pid}")).exists()).then_some(())
        });
        hub.end_by(supervisor, Signal::SIGKILL);
        let again = hub.until_app("a", "runs again", |app| app.pid.is_some_and(|new| new != pid));
        assert_ne!(hub.watch().status.supervisor.pid, supervisor);
        assert!(is_out_of_memory(again.exit.as_ref()), "{again:?}\n{}", hub.said());
    }
}

#[test]
fn a_child_that_is_ended_is_said_and_does_not_count_for_its_parent() {
    let Some(shortage) = Shortage::make("child") else { return };
    let hub = shortage.hub("", PARENT);
    let pid = running(&hub);
    open_gate(&hub);
    assert_eq!(eventually("the child is ended", || Some(hub.read("child")).filter(|text| !text.is_empty())), "137\n");
    assert!(lives(pid) && hub.app("a").restarts == 0);
    let reads_log = fs::read_link("/proc/self/ns/pid").is_ok_and(|link| link.ends_with("pid:[4026531836]"))
        && fs::File::open("/dev/kmsg").is_ok();
    if !reads_log {
        return eprintln!("skipped: the kernel's log cannot be read here");
    }
    eventually("it is said", || hub.said().contains("a: the kernel ended its child python3 (pid ").then_some(()));
    hub.end_by(pid, Signal::SIGKILL);
    let again = hub.until_app("a", "runs again", |app| app.pid.is_some_and(|new| new != pid));
    assert!(is_killed(again.exit.as_ref()), "{again:?}\n{}", hub.said());
}

fn score(pid: i32) -> i32 {
    fs::read_to_string(format!("/proc/{pid}/oom_score_adj")).unwrap().trim().parse().unwrap()
}

/// `CAP_SYS_RESOURCE` is the 24th.
fn may_lower_scores() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:")).unwrap();
    u64::from_str_radix(effective.trim(), 16).unwrap() & (1 << 24) != 0
}

const THREE: &str = "[[apps]]\nname='high'\nscript='/bin/sleep'\nargs=['1000']\npriority='high'\n\
                     [[apps]]\nname='normal'\nscript='/bin/sleep'\nargs=['1000']\n\
                     [[apps]]\nname='named'\nscript='/bin/sleep'\nargs=['1000']\noom_score_adj=77\n";

fn scores(hub: &Hub) -> Vec<i32> {
    let pids = ["high", "normal", "named"].map(|app| hub.until_status(app, Word::Online).pid.unwrap());
    pids.map(score).into()
}

#[test]
fn both_halves_are_ended_last_and_nobody_inherits_that() {
    if !may_lower_scores() {
        return eprintln!("skipped: protecting itself takes CAP_SYS_RESOURCE");
    }
    let hub = Hub::start(THREE, &[]);
    assert_eq!(scores(&hub), [0, 200, 77]);
    assert_eq!((score(hub.keeper_pid()), score(hub.watch().status.supervisor.pid)), (-900, -800));
    // Nor does a successor have less.
    let supervisor = hub.watch().status.supervisor.pid;
    hub.end_by(supervisor, Signal::SIGKILL);
    let next = hub.until("another one", |watch| Some(watch.status.supervisor.pid).filter(|pid| *pid != supervisor));
    assert_eq!(score(next), -800);
    assert!(!hub.said().contains("cannot protect itself"), "{}", hub.said());
}

#[test]
fn without_the_privilege_it_says_so_once_and_apps_are_ended_by_their_priority() {
    if !nix::unistd::geteuid().is_root() {
        return eprintln!("skipped: only root gives up a privilege that it has");
    }
    let without = "exec setpriv --bounding-set -sys_resource --inh-caps -all \"$@\"";
    let hub = Hub::start_by(without, THREE, &[]);
    assert_eq!(scores(&hub), [0, 200, 77]);
    let inherited = score(std::process::id() as i32);
    assert_eq!((score(hub.keeper_pid()), score(hub.watch().status.supervisor.pid)), (inherited, inherited));
    assert_eq!(hub.said().matches("cannot protect itself").count(), 1, "{}", hub.said());
}
