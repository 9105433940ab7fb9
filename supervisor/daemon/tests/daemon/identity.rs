//! Who an app runs as, and within which limits.

use std::fs;
use std::os::unix::fs::MetadataExt;

use nix::sys::signal::Signal;
use nix::unistd::{User, geteuid};
use protocol::control::Word;

use crate::harness::{Hub, eventually, lives};

/// Says who it is, opens its standard output anew, says that it is ready to where `NOTIFY_SOCKET` says, and stays.
const WHO: &str = "#!/bin/bash\n\
    echo \"$(id -u) $(id -g) $(id -G)\"\n\
    echo \"$HOME $USER $LOGNAME\"\n\
    echo opened anew > /dev/stdout\n\
    echo \"$NOTIFY_SOCKET\"\n\
    setsid bash -c 'trap \"\" TERM; echo deep; while :; do sleep 1000; done' &\n\
    perl -MSocket -e 'socket(my $s, AF_UNIX, SOCK_DGRAM, 0) or die; my $to = $ENV{NOTIFY_SOCKET}; $to =~ s/^@/\\0/;\n\
    \x20 send($s, \"READY=1\", 0, pack(\"S a*\", AF_UNIX, $to)) or die \"$to: $!\"'\n\
    exec sleep 1000\n";
const OF_NOBODY: &str =
    "[[apps]]\nname='a'\nscript='./who.sh'\nuser='nobody'\nwait_ready=true\nlisten_timeout=60000\nkill_timeout=300\n";

fn is_root() -> bool {
    let root = geteuid().is_root();
    if !root {
        eprintln!("skipped: only root starts processes of other users");
    }
    root
}

fn uid_of(pid: i32) -> u32 {
    fs::metadata(format!("/proc/{pid}")).unwrap().uid()
}

#[test]
fn an_app_of_another_user_is_them_in_every_respect_and_stopped_means_gone() {
    if !is_root() {
        return;
    }
    let nobody = User::from_name("nobody").unwrap().unwrap();
    let hub = Hub::start(OF_NOBODY, &[("who.sh", WHO)]);
    let app = hub.until_status("a", Word::Online);
    assert!(app.ready_ms.is_some());
    let said =
        eventually("everything is said", || Some(hub.read("logs/a-out.log")).filter(|said| said.contains("deep")));
    let lines: Vec<&str> = said.lines().collect();
    let (uid, gid) = (nobody.uid, nobody.gid);
    assert_eq!(lines[0], format!("{uid} {gid} {gid}"), "none of root's groups");
    assert_eq!(lines[1], format!("{} nobody nobody", nobody.dir.display()));
    assert_eq!(lines[2], "opened anew");
    assert_eq!(lines[3], format!("@betti-{}-1", hub.read("run/hub.id")));
    let everyone = hub.workers();
    assert!(everyone.len() >= 3 && everyone.iter().all(|pid| uid_of(*pid) == uid.as_raw()), "{everyone:?}");
    hub.act("stop", &["a"]);
    hub.until_status("a", Word::Stopped);
    assert_eq!(hub.workers(), [] as [i32; 0]);
    assert!(everyone.into_iter().all(|pid| !lives(pid)));
}

#[test]
fn what_another_user_left_when_the_keeper_or_both_halves_were_killed_is_swept() {
    if !is_root() {
        return;
    }
    let mut hub = Hub::start(OF_NOBODY, &[("who.sh", WHO)]);
    let deep = |hub: &Hub| {
        hub.until_status("a", Word::Online);
        eventually("it is deep", || hub.read("logs/a-out.log").contains("deep").then(|| hub.workers()))
    };
    let before = deep(&hub);
    hub.end_by(hub.keeper_pid(), Signal::SIGKILL);
    eventually("the supervisor ends what the keeper left", || before.iter().all(|pid| !lives(*pid)).then_some(()));
    fs::remove_file(hub.path("logs/a-out.log")).unwrap();
    hub.start_again();
    let before = deep(&hub);
    let supervisor = hub.watch().status.supervisor.pid;
    hub.end_by(supervisor, Signal::SIGSTOP);
    hub.end_by(hub.keeper_pid(), Signal::SIGKILL);
    hub.end_by(supervisor, Signal::SIGKILL);
    assert!(before.iter().any(|pid| lives(*pid)), "something is left to be swept");
    hub.start_again();
    hub.until_status("a", Word::Online);
    let left: Vec<i32> = before.into_iter().filter(|pid| lives(*pid)).collect();
    assert!(left.is_empty(), "{left:?}\n{}", hub.said());
}

#[test]
fn a_hub_that_may_not_change_users_says_so_and_keeps_trying() {
    let hub = Hub::start_by(
        "[ $UID != 0 ] || exec setpriv --bounding-set=-setuid,-setgid \"$@\"; exec \"$@\"",
        OF_NOBODY,
        &[("who.sh", WHO)],
    );
    let app = hub.until_status("a", Word::WaitingRestart);
    let reason = app.reason.unwrap();
    let why = if geteuid().is_root() { "" } else { " (the hub does not run as root)" };
    assert!(reason.starts_with(&format!("cannot become user nobody: operation not permitted{why}; ")), "{reason}");
}

#[test]
fn an_unknown_user_is_the_reason() {
    let hub = Hub::start("[[apps]]\nname='a'\nscript='/bin/sleep'\nuser='no-such-user'\n", &[]);
    let reason = hub.until_status("a", Word::WaitingRestart).reason.unwrap();
    assert!(reason.starts_with("cannot run: there is no user `no-such-user`; create it"), "{reason}");
}

#[test]
fn limits_are_in_force_and_the_watchdog_is_told() {
    let script = "#!/bin/bash\nnice\nulimit -c\ncat /proc/self/oom_score_adj\necho $WATCHDOG_USEC $((WATCHDOG_PID - $$))\n\
                  [ $NOTIFY_SOCKET = \"$PWD/run/notify/1\" ] && echo a path\nexec sleep 1000\n";
    let hub = Hub::start(
        "[[apps]]\nname='a'\nscript='./a.sh'\nnice=5\nrlimits={core=0}\noom_score_adj=300\nwatchdog='60s'\n",
        &[("a.sh", script)],
    );
    let said =
        eventually("everything is said", || Some(hub.read("logs/a-out.log")).filter(|said| said.contains("path")));
    assert_eq!(said, "5\n0\n300\n60000000 0\na path\n");
}

/// Starts the program without the privileges that these need.
const WITHOUT_PRIVILEGES: &str =
    "[ $UID != 0 ] || exec setpriv --bounding-set=-sys_resource,-sys_nice \"$@\"; exec \"$@\"";

#[test]
fn a_limit_that_is_refused_is_the_reason() {
    for (key, what) in [
        ("rlimits={nofile=1000000000}", "cannot set its rlimits: operation not permitted (a hard limit is raised"),
        ("nice=-20", "cannot set nice to -20: permission denied (a better priority is given by root only)"),
    ] {
        let ecosystem = format!("[[apps]]\nname='a'\nscript='/bin/sleep'\nargs=['1000']\n{key}\n");
        let hub = Hub::start_by(WITHOUT_PRIVILEGES, &ecosystem, &[]);
        let reason = hub.until_status("a", Word::WaitingRestart).reason.unwrap();
        assert!(reason.starts_with(what), "{reason}");
    }
}

#[test]
fn a_badness_that_may_not_be_lowered_is_left_as_it_is() {
    let hub = Hub::start_by(
        WITHOUT_PRIVILEGES,
        "[[apps]]\nname='a'\nscript='./a.sh'\noom_score_adj=-900\n",
        &[("a.sh", "#!/bin/bash\ncat /proc/self/oom_score_adj\nexec sleep 1000\n")],
    );
    let said = eventually("it is said", || Some(hub.read("logs/a-out.log")).filter(|said| said.ends_with('\n')));
    assert_eq!(said, fs::read_to_string("/proc/self/oom_score_adj").unwrap());
}
