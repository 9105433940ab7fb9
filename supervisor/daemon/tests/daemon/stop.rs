//! Stopped means gone, and stop wins.

use protocol::control::{Exit, Word};

use crate::harness::{Hub, eventually, lives};

#[test]
fn an_app_that_is_deaf_to_sigterm_is_gone_after_its_kill_timeout() {
    let hub = Hub::start(
        "[[apps]]\nname='deaf'\nscript='./deaf.sh'\nkill_timeout=300\n",
        &[("deaf.sh", "#!/bin/bash\ntrap '' TERM\necho deaf\nwhile :; do sleep 1000 & wait; done\n")],
    );
    eventually("it is deaf", || hub.read("logs/deaf-out.log").contains("deaf").then_some(()));
    hub.act("stop", &["deaf"]);
    let app = hub.until_status("deaf", Word::Stopped);
    assert_eq!(app.exit, Some(Exit::Signal { signal: "SIGKILL".into(), core_dumped: false }));
    assert_eq!(hub.workers(), [] as [i32; 0]);
    assert!(hub.said().contains("deaf: still there after its kill_timeout; killing it"), "{}", hub.said());
}

const DOUBLE_FORK: &str = "import os, signal, time\n\
    if os.fork() == 0:\n\
    \x20   os.setsid()\n\
    \x20   if os.fork() == 0:\n\
    \x20       signal.signal(signal.SIGTERM, signal.SIG_IGN)\n\
    \x20       open('daemon.pid', 'w').write(str(os.getpid()))\n\
    \x20       time.sleep(1000)\n\
    \x20   os._exit(0)\n\
    os.wait()\n\
    time.sleep(1000)\n";

fn daemon_pid(hub: &Hub) -> i32 {
    eventually("the daemon runs", || hub.read("daemon.pid").parse().ok())
}

#[test]
fn a_daemon_that_forked_twice_and_called_setsid_is_not_left_behind() {
    let hub = Hub::start("[[apps]]\nname='d'\nscript='d.py'\nkill_timeout=300\n", &[("d.py", DOUBLE_FORK)]);
    let daemon = daemon_pid(&hub);
    hub.act("stop", &["d"]);
    hub.until_status("d", Word::Stopped);
    assert!(!lives(daemon));
    assert_eq!(hub.workers(), [] as [i32; 0]);
}

#[test]
fn a_crashed_app_is_started_again_only_when_its_whole_tree_is_gone() {
    let hub = Hub::start("[[apps]]\nname='d'\nscript='d.py'\nkill_timeout=300\n", &[("d.py", DOUBLE_FORK)]);
    let daemon = daemon_pid(&hub);
    let first = hub.app("d").pid.unwrap();
    std::fs::remove_file(hub.path("daemon.pid")).unwrap();
    hub.end_by(first, nix::sys::signal::Signal::SIGSEGV);
    let app = hub.until_app("d", "runs again", |app| app.pid.is_some_and(|pid| pid != first));
    assert!(!lives(daemon));
    assert_eq!(app.restarts, 1);
    let reason = hub.app("d").exit;
    assert!(matches!(reason, Some(Exit::Signal { signal, .. }) if signal == "SIGSEGV"));
}

#[test]
fn everything_is_stopped_in_order_when_the_keeper_is_asked_to_end() {
    let script =
        "#!/bin/bash\ntrap 'echo $BETTI_APP >> ../ended; exit 0' TERM\necho up; while :; do sleep 1000 & wait; done\n";
    let mut hub = Hub::start(
        "[[apps]]\nname='base'\nscript='./app.sh'\n[[apps]]\nname='top'\nscript='./app.sh'\ndepends_on=['base']\n",
        &[("app.sh", &script.replace("../ended", "ended"))],
    );
    for app in ["base", "top"] {
        eventually("it is up", || hub.read(&format!("logs/{app}-out.log")).contains("up").then_some(()));
    }
    hub.end_by(hub.keeper_pid(), nix::sys::signal::Signal::SIGTERM);
    let status = hub.keeper_ended();
    assert_eq!(status.code(), Some(0), "{}", hub.said());
    assert_eq!(hub.read("ended"), "top\nbase\n");
    assert!(hub.tagged().is_empty(), "{:?}", hub.tagged());
    assert!(!hub.path("run/control.sock").exists());
}

#[test]
fn a_stop_holds_against_crashes_and_a_start_ends_it() {
    let hub = Hub::start(
        "[[apps]]\nname='a'\nscript='./a.sh'\nrestart_delay=50\n",
        &[("a.sh", "#!/bin/bash\nsleep 0.01\nexit 3\n")],
    );
    hub.until_app("a", "crashed a few times", |app| app.restarts >= 2);
    hub.act("stop", &["a"]);
    hub.until_status("a", Word::Stopped);
    assert!(hub.workers().is_empty());
    let newest = hub.watch().runs[0].newest;
    hub.act("start", &["a"]);
    hub.until("a new run", |watch| (watch.runs[0].newest > newest).then_some(()));
}
