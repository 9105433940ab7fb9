//! As whom an app runs and how much it may use, as `/proc` shows it.

use nix::unistd::{Gid, Uid, User};
use scenarios::hub::Hub;
use scenarios::{App, process};
use serde_json::json;

/// Someone who exists on every Linux and owns nothing.
const NOBODY: &str = "nobody";

/// A program that everybody may run; online at once.
fn sleeper(name: &str) -> App {
    App::program(name, "/bin/sleep").set("args", "1000")
}

fn read(pid: i32, file: &str) -> String {
    let path = format!("/proc/{pid}/{file}");
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The numbers after a word of `/proc/PID/status`.
fn numbers(pid: i32, word: &str) -> Vec<u32> {
    let status = read(pid, "status");
    let line = status.lines().find_map(|line| line.strip_prefix(word)).unwrap_or_else(|| panic!("{word} in {status}"));
    line.split_whitespace().map(|number| number.parse().expect("a number")).collect()
}

/// Soft and hard, as they are written in `/proc/PID/limits`.
fn limit(pid: i32, name: &str) -> (String, String) {
    let limits = read(pid, "limits");
    let line = limits.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("{name} in {limits}"));
    let words: Vec<&str> = line.split_whitespace().collect();
    (words[0].to_owned(), words[1].to_owned())
}

/// The nineteenth number of `/proc/PID/stat`; the third is the first after the name.
fn nice(pid: i32) -> i32 {
    let stat = read(pid, "stat");
    let numbers = stat.rsplit_once(") ").expect("a name").1;
    numbers.split(' ').nth(16).expect("so many numbers").parse().expect("a number")
}

fn oom_score_adj(pid: i32) -> i32 {
    read(pid, "oom_score_adj").trim().parse().expect("a number")
}

fn is_root() -> bool {
    let root = nix::unistd::geteuid().is_root();
    if !root {
        eprintln!("skipped: only root may run apps as somebody else");
    }
    root
}

#[test]
fn resource_limits_are_the_apps_and_nobody_elses() {
    let limits = json!({ "nofile": [123, 456], "core": 0, "as": "1G", "fsize": "unlimited" });
    let hub = Hub::started(&[sleeper("web").set("rlimits", limits), sleeper("other")]);
    let (web, other) = (hub.pid("web"), hub.pid("other"));
    let pair = |soft: &str, hard: &str| (soft.to_owned(), hard.to_owned());
    assert_eq!(limit(web, "Max open files"), pair("123", "456"));
    assert_eq!(limit(web, "Max core file size"), pair("0", "0"));
    assert_eq!(limit(web, "Max address space"), pair("1073741824", "1073741824"));
    assert_ne!(limit(other, "Max open files"), limit(web, "Max open files"));
    let ours = i32::try_from(std::process::id()).expect("a pid");
    assert_eq!(limit(other, "Max open files"), limit(ours, "Max open files"), "what the keeper raises is its own");
    assert_eq!(limit(other, "Max address space"), limit(ours, "Max address space"));
}

#[test]
fn niceness_and_who_is_given_up_first_when_memory_runs_out() {
    let hub = Hub::started(&[
        sleeper("plain"),
        sleeper("kind").set("nice", 7).set("priority", "low"),
        sleeper("first").set("priority", "high"),
        sleeper("exact").set("oom_score_adj", 321),
    ]);
    let ours = nice(i32::try_from(std::process::id()).expect("a pid"));
    assert_eq!((nice(hub.pid("plain")), nice(hub.pid("kind"))), (ours, 7));
    let expected = [("plain", 200), ("kind", 500), ("first", 0), ("exact", 321)];
    for (name, score) in expected {
        assert_eq!(oom_score_adj(hub.pid(name)), score, "{name}");
    }
    let keeper = hub.status().keeper.pid;
    assert!(oom_score_adj(keeper) < 200, "whoever looks after the apps outlives them");
}

#[test]
fn a_changed_limit_is_in_force_after_the_restart_that_it_causes() {
    let mut hub = Hub::started(&[sleeper("web").set("nice", 3)]);
    let before = hub.pid("web");
    hub.save("", &[sleeper("web").set("nice", 5)]);
    let after = hub.until_app("web", "was restarted", |web| web.pid.is_some_and(|pid| pid != before));
    assert_eq!(nice(after.pid.expect("it runs")), 5);
}

#[test]
fn an_app_of_another_user_has_that_users_ids_groups_and_home_and_nothing_of_ours() {
    if !is_root() {
        return;
    }
    let nobody = User::from_name(NOBODY).expect("accounts").expect("nobody");
    let group = nix::unistd::Group::from_gid(Gid::from_raw(1)).expect("groups").expect("a group");
    let hub = Hub::started(&[
        sleeper("own"),
        sleeper("theirs").set("user", NOBODY),
        sleeper("grouped").set("user", NOBODY).set("group", group.name.clone()),
    ]);
    let (user, gid) = (nobody.uid.as_raw(), nobody.gid.as_raw());
    let theirs = hub.pid("theirs");
    assert_eq!(numbers(theirs, "Uid:"), [user; 4]);
    assert_eq!(numbers(theirs, "Gid:"), [gid; 4]);
    let expected: Vec<u32> =
        nix::unistd::getgrouplist(c"nobody", nobody.gid).expect("groups").into_iter().map(Gid::as_raw).collect();
    assert_eq!(numbers(theirs, "Groups:"), expected);
    let process = process::look(theirs).expect("it runs");
    assert_eq!(process.variable("HOME"), Some(&*nobody.dir.to_string_lossy()));
    assert_eq!((process.variable("USER"), process.variable("LOGNAME")), (Some(NOBODY), Some(NOBODY)));
    assert_eq!(
        read(theirs, "status").lines().find(|line| line.starts_with("CapEff:")),
        Some("CapEff:\t0000000000000000")
    );
    let grouped = hub.pid("grouped");
    assert_eq!((numbers(grouped, "Uid:"), numbers(grouped, "Gid:")), (vec![user; 4], vec![group.gid.as_raw(); 4]));
    assert_eq!(numbers(hub.pid("own"), "Uid:"), [Uid::current().as_raw(); 4]);
    assert_eq!(hub.app("theirs").user.as_deref(), Some(NOBODY));
    hub.ctl(&["stop"]).succeeded();
    hub.assert_no_worker_is_left();
}

#[test]
fn supplementary_groups_are_the_users() {
    if !is_root() {
        return;
    }
    let groups = std::fs::read_to_string("/etc/group").expect("groups");
    let members = groups.lines().filter_map(|line| {
        let mut parts = line.split(':');
        let gid = parts.nth(2)?.parse::<u32>().ok()?;
        Some((gid, parts.next()?.split(',').next().filter(|name| !name.is_empty() && *name != "root")?.to_owned()))
    });
    let Some((gid, name)) = members.into_iter().find(|(_, name)| matches!(User::from_name(name), Ok(Some(_)))) else {
        eprintln!("skipped: nobody on this machine is in a group besides their own");
        return;
    };
    let hub = Hub::started(&[sleeper("web").set("user", name.clone())]);
    assert!(numbers(hub.pid("web"), "Groups:").contains(&gid), "{name} is in {gid}");
}

#[test]
fn a_user_that_does_not_exist_is_named_and_nothing_runs_as_somebody_else() {
    let hub = Hub::new(&[sleeper("web").set("user", "no-such-user").set("restart_delay", "1h")]);
    let start = hub.ctl(&["start"]);
    assert!(start.code == Some(1) || start.code == Some(2), "{start}");
    assert!(start.stderr.contains("no-such-user"), "{start}");
    assert!(hub.workers().is_empty());
}
