//! Where control groups are ours to make, nobody hides from the end of their run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::signal::Signal;
use protocol::control::{Exit, Word};

use crate::harness::{Hub, eventually, lives};

/// Leaves behind a process in a session of its own, deaf, without an environment, without any of its pipes.
const HIDES: &str = "#!/bin/bash\n\
    (setsid env -i bash -c 'trap \"\" TERM; echo $$ > hidden.new; mv hidden.new hidden; while :; do sleep 1000; done' \
    </dev/null >/dev/null 2>&1 &)\n\
    while [ ! -s hidden ]; do sleep 0.01; done\n\
    cat /proc/self/cgroup | grep ^0:: > group\n\
    eval \"echo ready >&$BETTI_READY_FD\"\n\
    exec sleep 1000\n";
const ECOSYSTEM: &str = "[[apps]]\nname='a'\nscript='./a.sh'\nwait_ready=true\nlisten_timeout=60000\nkill_timeout=100\n\
    min_uptime=0\nrestart_delay=10\n\
    [[apps]]\nname='other'\nscript='/bin/sleep'\nargs=['1000']\n";

/// A group in which a hub may make others; removed with what is left in it.
struct Playground(PathBuf);

impl Playground {
    /// `None`, and why is said, where this machine gives us none.
    fn make(name: &str) -> Option<Self> {
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        let mounted =
            mounts.lines().filter(|line| line.contains(" - cgroup2 ")).find_map(|line| line.split(' ').nth(4));
        let path = Path::new(mounted.unwrap_or("/nowhere")).join(format!("betti-test-{name}-{}", std::process::id()));
        let made = fs::create_dir(&path);
        made.inspect_err(|error| eprintln!("skipped: no control group can be made here ({}: {error})", path.display()))
            .ok()
            .map(|()| Self(path))
    }

    fn hub(&self) -> Hub {
        Hub::start_in(&[("BETTI_CGROUP", &self.0)], ECOSYSTEM, &[("a.sh", HIDES)])
    }

    fn groups(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).unwrap().map(Result::unwrap);
        let folders = entries.filter(|entry| entry.file_type().unwrap().is_dir());
        folders.map(|entry| entry.file_name().into_string().unwrap()).collect()
    }
}

impl Drop for Playground {
    fn drop(&mut self) {
        let _ = fs::write(self.0.join("cgroup.kill"), "1");
        eventually("the group can be removed", || {
            self.groups().iter().for_each(|group| drop(fs::remove_dir(self.0.join(group))));
            fs::remove_dir(&self.0).ok()
        });
    }
}

fn hidden(hub: &Hub) -> i32 {
    hub.until_status("a", Word::Online);
    hub.read("hidden").trim().parse().unwrap()
}

#[test]
fn a_descendant_that_hides_behind_a_session_and_an_empty_environment_is_ended_with_its_app() {
    let Some(playground) = Playground::make("stop") else { return };
    let hub = playground.hub();
    let hidden = hidden(&hub);
    let group = format!("betti-{}-1", hub.read("run/hub.id"));
    assert!(hub.read("group").trim().ends_with(&group), "{}", hub.read("group"));
    hub.act("stop", &["a"]);
    hub.until_status("a", Word::Stopped);
    assert!(!lives(hidden));
    eventually("its group is removed", || (!playground.groups().contains(&group)).then_some(()));
    assert_eq!(hub.app("other").status, Word::Online);
}

#[test]
fn an_app_that_crashed_is_started_again_only_when_its_group_is_empty() {
    let Some(playground) = Playground::make("crash") else { return };
    let hub = playground.hub();
    let (first, pid) = (hidden(&hub), hub.app("a").pid.unwrap());
    fs::remove_file(hub.path("hidden")).unwrap();
    hub.end_by(pid, Signal::SIGSEGV);
    let app = hub.until_app("a", "runs again", |app| app.pid.is_some_and(|new| new != pid));
    assert!(!lives(first));
    assert!(matches!(app.exit, Some(Exit::Signal { signal, .. }) if signal == "SIGSEGV"));
}

#[test]
fn a_new_supervisor_knows_the_group() {
    let Some(playground) = Playground::make("head") else { return };
    let hub = playground.hub();
    let hidden = hidden(&hub);
    let supervisor = hub.watch().status.supervisor.pid;
    hub.end_by(supervisor, Signal::SIGKILL);
    hub.until("another supervisor", |watch| (watch.status.supervisor.pid != supervisor).then_some(()));
    hub.act("stop", &["a"]);
    hub.until_status("a", Word::Stopped);
    assert!(!lives(hidden));
}

#[test]
fn whoever_hides_is_ended_when_the_keeper_or_both_halves_are_killed() {
    let Some(playground) = Playground::make("killed") else { return };
    let mut hub = playground.hub();
    let first = hidden(&hub);
    hub.end_by(hub.keeper_pid(), Signal::SIGKILL);
    eventually("the supervisor ends them", || (!lives(first)).then_some(()));
    fs::remove_file(hub.path("hidden")).unwrap();
    hub.start_again_in(&[("BETTI_CGROUP", &playground.0)]);
    let second = hidden(&hub);
    let supervisor = hub.watch().status.supervisor.pid;
    hub.end_by(supervisor, Signal::SIGSTOP);
    hub.end_by(hub.keeper_pid(), Signal::SIGKILL);
    hub.end_by(supervisor, Signal::SIGKILL);
    assert!(lives(second), "somebody is left to be swept");
    fs::remove_file(hub.path("hidden")).unwrap();
    hub.start_again_in(&[("BETTI_CGROUP", &playground.0)]);
    hidden_now(&hub);
    assert!(!lives(second), "{}", hub.said());
    assert_eq!(playground.groups().len(), 2, "of the runs that go on: {:?}", playground.groups());
    hub.end_by(hub.keeper_pid(), Signal::SIGTERM);
    hub.keeper_ended();
    assert_eq!(playground.groups(), [] as [&str; 0]);
}

fn hidden_now(hub: &Hub) -> i32 {
    hub.until("both are online", |watch| watch.status.apps.iter().all(|app| app.status == Word::Online).then_some(()));
    hidden(hub)
}

#[test]
fn an_app_of_another_user_is_in_its_group_as_well() {
    if !nix::unistd::geteuid().is_root() {
        return eprintln!("skipped: only root starts processes of other users");
    }
    let Some(playground) = Playground::make("user") else { return };
    let ecosystem = "[[apps]]\nname='a'\nscript='./a.sh'\nuser='nobody'\n";
    let script = "#!/bin/bash\nid -u\ngrep ^0:: /proc/self/cgroup\nexec sleep 1000\n";
    let hub = Hub::start_in(&[("BETTI_CGROUP", &playground.0)], ecosystem, &[("a.sh", script)]);
    let said = eventually("it says who and where", || {
        Some(hub.read("logs/a-out.log")).filter(|said| said.lines().count() == 2)
    });
    assert!(!said.starts_with("0\n") && said.ends_with(&format!("/betti-{}-1\n", hub.read("run/hub.id"))), "{said}");
}

#[test]
fn what_is_no_control_group_is_not_used_and_said() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::start_in(
        &[("BETTI_CGROUP", folder.path())],
        "[[apps]]\nname='a'\nscript='/bin/sleep'\nargs=['1000']\n",
        &[],
    );
    hub.until_status("a", Word::Online);
    assert!(hub.said().contains("is no control group"), "{}", hub.said());
}

/// As systemd starts a unit with `Delegate=yes`.
#[test]
fn a_group_that_was_delegated_to_the_keeper_is_used_and_one_that_was_not_is_left_alone() {
    let Some(playground) = Playground::make("delegated") else { return };
    let enter = format!("echo $$ > {}/cgroup.procs; exec \"$@\"", playground.0.display());
    let delegate = format!("import os; os.setxattr({:?}, 'user.delegate', b'1')", playground.0.display());
    for (delegated, expected) in [(false, 0), (true, 2)] {
        if delegated && !Command::new("python3").args(["-c", &delegate]).status().unwrap().success() {
            return eprintln!("skipped: this kernel keeps no user attributes of control groups");
        }
        let mut hub = Hub::start_by(&enter, ECOSYSTEM, &[("a.sh", HIDES)]);
        hidden_now(&hub);
        assert_eq!(playground.groups().len(), expected);
        hub.act("stop", &["a"]);
        hub.until_status("a", Word::Stopped);
        hub.end_by(hub.keeper_pid(), Signal::SIGTERM);
        hub.keeper_ended();
        assert_eq!(playground.groups().len(), 0);
    }
}
