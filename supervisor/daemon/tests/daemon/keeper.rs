//! The keeper: alone in its directory, and the end of everything when it is killed.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use nix::sys::signal::Signal;
use protocol::control::Word;

use crate::harness::{Hub, eventually, lives, within};

/// Its first process, a child, and a deaf grandchild in a session of its own.
const TREE: &str = "#!/bin/bash\nsleep 1000 &\n(trap '' TERM; setsid bash -c 'trap \"\" TERM; echo deep; while :; do sleep 1000; done' & ) \nwait\n";

fn started(ecosystem: &str) -> Hub {
    let hub = Hub::start(ecosystem, &[("tree.sh", TREE)]);
    hub.until_status("a", Word::Online);
    eventually("the tree is there", || hub.read("logs/a-out.log").contains("deep").then_some(()));
    hub
}

#[test]
fn when_the_keeper_is_killed_nothing_is_left_after_two_seconds() {
    let mut hub = started("[[apps]]\nname='a'\nscript='./tree.sh'\n");
    assert!(hub.workers().len() >= 3, "{:?}", hub.tagged());
    hub.end_by(hub.keeper_pid(), Signal::SIGKILL);
    within(Duration::from_secs(2), "nothing is left", || hub.tagged().is_empty().then_some(()));
    hub.keeper_ended();
}

#[test]
fn what_was_left_when_both_halves_were_killed_is_swept_by_the_next_start() {
    let mut hub = started("[[apps]]\nname='a'\nscript='./tree.sh'\n");
    let supervisor = hub.watch().status.supervisor.pid;
    let (before, old_runs) = (hub.workers(), hub.watch().runs[0].newest);
    hub.end_by(supervisor, Signal::SIGSTOP);
    hub.end_by(hub.keeper_pid(), Signal::SIGKILL);
    hub.end_by(supervisor, Signal::SIGKILL);
    assert!(before.iter().any(|pid| lives(*pid)), "something is left to be swept");
    hub.start_again();
    hub.until_status("a", Word::Online);
    let left: Vec<i32> = before.into_iter().filter(|pid| lives(*pid)).collect();
    assert!(left.is_empty(), "{left:?}\n{}", hub.said());
    assert!(hub.watch().runs[0].newest > old_runs, "runs are numbered on");
    assert!(hub.said().contains("that an earlier keeper left behind"), "{}", hub.said());
}

#[test]
fn a_second_keeper_is_refused_by_the_first_ones_pid() {
    let hub = Hub::start("[[apps]]\nname='a'\nscript='/bin/sleep'\nargs=['1000']\n", &[]);
    let before = hub.until_status("a", Word::Online).pid;
    let refused = hub.second_keeper().stderr(std::process::Stdio::piped()).output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    let text = String::from_utf8(refused.stderr).unwrap();
    assert!(text.contains(&format!("keeper pid {}", hub.keeper_pid())), "{text}");
    assert_eq!(hub.app("a").pid, before);
}

#[test]
fn a_file_that_is_wrong_at_the_first_start_is_shown_and_ends_the_hub_with_code_2() {
    let mut hub = Hub::start("[[apps]]\nname='a'\nscritp='x'\n", &[]);
    assert_eq!(hub.keeper_ended().code(), Some(2), "{}", hub.said());
    let said = hub.said();
    assert!(said.contains("ecosystem.toml:3:1") && said.contains("script"), "{said}");
}

#[test]
fn only_the_named_apps_are_started_and_the_others_stay_down_until_asked_for() {
    let app = |name: &str| format!("[[apps]]\nname='{name}'\nscript='/bin/sleep'\nargs=['1000']\n");
    let hub = Hub::start_with(&format!("{}{}", app("a"), app("b")), &[], &["--only", "b"]);
    hub.until_status("b", Word::Online);
    assert_eq!(hub.app("a").status, Word::Stopped);
    hub.act("start", &["a"]);
    hub.until_status("a", Word::Online);
}

#[test]
fn without_any_supervisor_the_keeper_stops_everything_by_itself_when_asked_twice() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("betti-supervisor");
    std::fs::copy(env!("CARGO_BIN_EXE_betti-supervisor"), &copy).unwrap();
    let mut hub = Hub::start_program(&copy, "[[apps]]\nname='a'\nscript='./a.sh'\n", &[("a.sh", ENDS_WELL)]);
    eventually("it is up", || hub.read("logs/a-out.log").contains("up").then_some(()));
    let supervisor = hub.watch().status.supervisor.pid;
    // From here on no supervisor can be started.
    std::fs::set_permissions(&copy, std::fs::Permissions::from_mode(0o000)).unwrap();
    hub.end_by(supervisor, Signal::SIGKILL);
    eventually("the keeper noticed", || hub.said().contains("before it took over").then_some(()));
    assert!(!hub.workers().is_empty(), "workers go on");
    hub.end_by(hub.keeper_pid(), Signal::SIGTERM);
    eventually("the keeper heard it", || hub.said().contains("asked to end").then_some(()));
    hub.end_by(hub.keeper_pid(), Signal::SIGTERM);
    assert_eq!(hub.keeper_ended().code(), Some(0));
    assert_eq!(hub.read("ended"), "well\n");
    assert!(hub.tagged().is_empty(), "{:?}", hub.tagged());
}

const ENDS_WELL: &str =
    "#!/bin/bash\ntrap 'echo well > ended; exit 0' TERM\necho up\nwhile :; do sleep 1000 & wait; done\n";

#[test]
fn a_hub_without_privileges_spares_its_users_allowance_of_pipes() {
    const WITHOUT_THEM: i32 = 256 * 1024;
    let folder = tempfile::tempdir().unwrap();
    let ordinary = folder.path().join("ordinary");
    let program = env!("CARGO_BIN_EXE_betti-supervisor");
    let without = format!(
        "#!/bin/bash\n[ $UID != 0 ] || drop='setpriv --bounding-set=-sys_resource'\nexec $drop '{program}' \"$@\"\n"
    );
    std::fs::write(&ordinary, without).unwrap();
    std::fs::set_permissions(&ordinary, std::fs::Permissions::from_mode(0o755)).unwrap();
    let script = "import fcntl, time\nprint([fcntl.fcntl(end, fcntl.F_GETPIPE_SZ) for end in (1, 2)], flush=True)\ntime.sleep(1000)\n";
    let hub = Hub::start_program(&ordinary, "[[apps]]\nname='a'\nscript='a.py'\n", &[("a.py", script)]);
    let told = eventually("it is told", || Some(hub.read("logs/a-out.log")).filter(|text| text.ends_with('\n')));
    assert_eq!(told, format!("[{WITHOUT_THEM}, {WITHOUT_THEM}]\n"));
}

#[test]
fn a_keeper_whose_words_nobody_hears_goes_on() {
    let hub = Hub::start_deaf("[[apps]]\nname='a'\nscript='/bin/sleep'\nargs=['1000']\n");
    let worker = hub.until_status("a", Word::Online).pid;
    let before = hub.watch().status.supervisor.pid;
    hub.end_by(before, Signal::SIGKILL); // the keeper has something to say about it
    hub.until("another supervisor", |watch| (watch.status.supervisor.pid != before).then_some(()));
    assert_eq!(hub.app("a").pid, worker);
}
