//! A clock that somebody sets changes what is shown, and nothing that is decided.

use std::path::PathBuf;

use protocol::control::{Description, Word};
use scenarios::command::Running;
use scenarios::hub::{Hub, app, pids};
use scenarios::{App, binaries, clock};

/// What the clock shows is made up for whoever loads this, and nobody else.
const LIBRARY: &str = "faketime/libfaketimeMT.so.1";
const FOLDERS: [&str; 3] = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib/arm-linux-gnueabihf"];
/// By how much it is set, in libfaketime's words, and the year that it shows then, less the year that it is.
const JUMPS: [(&str, i32); 4] = [("+30y", 30), ("-20y", -20), ("+10y", 10), ("+0", 0)];

/// A hub whose two halves believe what `clock.now` says of the wall clock, and only of that one.
fn started(apps: &[App]) -> Option<Hub> {
    let library = FOLDERS.iter().map(|folder| PathBuf::from(folder).join(LIBRARY)).find(|path| path.exists());
    let Some(library) = library else {
        eprintln!("skipped: libfaketime is not there (Debian's package faketime has it)");
        return None;
    };
    let hub = Hub::new(apps);
    let now = hub.write("clock.now", "+0");
    let mut command = hub.command(&binaries::built("betti-ctl"));
    command.args(["start", "--no-wait"]).env("LD_PRELOAD", library).env("FAKETIME_TIMESTAMP_FILE", now);
    command.env("FAKETIME_NO_CACHE", "1").env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    Running::start(command).output().succeeded();
    Some(hub)
}

fn description(hub: &Hub, app: &str) -> Description {
    let text = hub.ctl(&["describe", app, "--json"]).succeeded().stdout;
    serde_json::from_str::<Vec<Description>>(&text).expect("a description").remove(0)
}

fn year(time: &str) -> i32 {
    time.split('-').next().and_then(|year| year.parse().ok()).unwrap_or_else(|| panic!("{time}"))
}

#[test]
fn a_jump_of_years_changes_no_decision_and_the_past_is_told_by_the_clock_of_today() {
    let Some(hub) = started(&[
        App::puppet("steady", "ready").waits_for_ready(),
        App::puppet("failing", "exit 3").set("restart_delay", "1h").set("exp_backoff_restart_delay", 0),
        App::puppet("slow", "ready").gated(),
        App::puppet("other", "ready").waits_for_ready(),
    ]) else {
        return;
    };
    hub.until_status("failing", Word::WaitingRestart);
    hub.until_status("slow", Word::Launching);
    let before = hub.status();
    let this_year = year(&description(&hub, "steady").started_at.expect("it runs"));
    for (round, (by, years)) in (1..).zip(JUMPS) {
        hub.write("clock.now", by);
        // Something is decided after the jump, and by those who have seen it.
        hub.ctl(&["restart", "other"]).succeeded();
        let described = description(&hub, "steady");
        let shown = year(&described.started_at.clone().expect("it runs")) - this_year;
        assert!((shown - years).abs() <= 1, "{by}: {described:?}");
        assert_eq!(described.clock.is_none(), clock::is_synchronised());
        let status = hub.status();
        for name in ["steady", "failing", "slow"] {
            let (then, now) = (app(&before, name), app(&status, name));
            assert_eq!((now.status, now.pid, now.restarts), (then.status, then.pid, then.restarts), "{by}: {name}");
        }
        assert!(app(&status, "failing").reason.as_ref().is_some_and(|reason| reason.contains("retry in ")), "{by}");
        assert!(app(&status, "steady").uptime_ms.is_some_and(|uptime| uptime < 1000 * 3600), "{by}");
        assert_eq!(app(&status, "other").restarts, round, "{by}");
        assert_eq!(pids(&status)["failing"], None);
    }
    hub.gate("slow").let_one_through();
    hub.until_status("slow", Word::Online);
    lines_tell_the_order_of_what_happened(&hub.read("logs/betti-supervisor.log"));
}

/// Whatever the wall clock showed, the seconds since boot are told beside it.
fn lines_tell_the_order_of_what_happened(log: &str) {
    let lines: Vec<&str> = log.lines().filter(|line| line.contains(": starting (run ")).collect();
    let seconds = |line: &str| -> f64 {
        let after = line.split_once(" +").map(|(_, rest)| rest.split([' ', ']']).next().unwrap_or_default());
        after.and_then(|after| after.parse().ok()).unwrap_or_else(|| panic!("{line}"))
    };
    assert!(lines.len() > JUMPS.len() && lines.is_sorted_by_key(|line| seconds(line)), "{log}");
    assert!(!lines.is_sorted_by_key(|line| year(line)), "the clock did go back: {log}");
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").expect("/proc");
    assert!(lines.iter().all(|line| line.contains(&format!(" [{} +", &boot[..8]))), "{log}");
}
