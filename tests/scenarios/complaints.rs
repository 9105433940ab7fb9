//! What PM2's users complain of most, one test a complaint. A test's name is what it guards.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

use protocol::control::{Exit, Word};
use scenarios::hub::{self, Hub};
use scenarios::ports::Port;
use scenarios::{App, http, process, wait};

fn puppet(name: &str) -> App {
    App::puppet(name, "ready").waits_for_ready()
}

/// Runs well until there is a file `broken`.
fn breakable(name: &str) -> App {
    App::program(name, "./app.sh").set("restart_delay", 10).set("max_restarts", 3)
}

const BREAKABLE: &str = "#!/bin/bash\n[ -e broken ] && exit 3\nexec sleep 1000\n";

fn executable(hub: &Hub, name: &str, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    let path = hub.write(name, text);
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("ours");
}

// 1. Children survive a stop.
#[test]
fn a_stop_leaves_no_child_in_whatever_group_or_session_it_is() {
    let hub = Hub::started(&[App::puppet("forks", "fork-setsid").waits_for_ready()]);
    assert!(hub.workers().len() > 1);
    hub.ctl(&["stop", "forks"]).succeeded();
    hub.assert_no_worker_is_left();
}

// 2. A crash loop is never capped.
#[test]
fn a_crash_loop_is_capped_however_well_the_app_ran_before() {
    let hub = Hub::new(&[breakable("web").set("min_uptime", 0)]);
    executable(&hub, "app.sh", BREAKABLE);
    hub.ctl(&["start"]).succeeded();
    hub.write("broken", "");
    process::kill_9(hub.pid("web"));
    let web = hub.until_status("web", Word::Cooling);
    assert_eq!((web.restarts, web.exit), (3, Some(Exit::Code { code: 3 })));
    assert!(web.reason.is_some_and(|reason| reason.contains("exited with code 3") && reason.contains("next try in")));
    // Cooling is no death: what may have mended it tries it at once.
    fs::remove_file(hub.path("broken")).expect("it was there");
    hub.ctl(&["restart", "web"]).succeeded();
}

// 3. A ready timeout counts as online.
#[test]
fn a_ready_timeout_is_a_failure_with_a_reason_and_never_online() {
    let late = App::puppet("late", "never-ready").set("wait_ready", true).set("listen_timeout", 200);
    let hub = Hub::new(&[late, puppet("needs").depends_on(&["late"])]);
    hub.ctl(&["start"]).with_code(1);
    let watch = hub.until("it failed", |watch| hub::app(&watch.status, "late").restarts > 0);
    let late = hub::app(&watch.status, "late");
    assert_ne!(late.status, Word::Online);
    assert!(late.reason.as_ref().is_some_and(|reason| reason.contains("not ready within 0.2 s")), "{late:?}");
    assert_eq!(hub::app(&watch.status, "needs").status, Word::Waiting);
}

// 4. A stop is undone.
#[test]
fn a_stop_while_an_app_becomes_ready_is_never_undone() {
    let hub = Hub::new(&[App::puppet("web", "ready").gated()]);
    hub.ctl(&["start", "--no-wait"]).succeeded();
    hub.until_app("web", "was spawned", |app| app.pid.is_some());
    hub.ctl(&["stop", "web"]).succeeded();
    hub.gate("web").let_one_through();
    process::kill_9(hub.status().supervisor.pid);
    let web = hub.until_app("web", "is told of by another supervisor", |app| app.status == Word::Stopped);
    assert_eq!((web.restarts, web.pid), (0, None));
    hub.assert_no_worker_is_left();
}

// 5. The wrong environment after a restart.
#[test]
fn a_variable_that_was_removed_from_the_file_is_gone_after_a_restart() {
    let mut hub = Hub::started(&[puppet("web").env("OLD", "1").env("BOTH", "1")]);
    let before = hub.pid("web");
    hub.save("", &[puppet("web").env("BOTH", "2")]);
    hub.until_app("web", "was restarted", |app| app.status == Word::Online && app.pid != Some(before));
    let web = process::look(hub.pid("web")).expect("it runs");
    assert_eq!((web.variable("OLD"), web.variable("BOTH")), (None, Some("2")));
    let output = hub.ctl(&["env", "web", "--diff"]).succeeded();
    assert!(!output.stdout.contains("OLD"), "{output}");
}

// 6. Edits of the file are ignored.
#[test]
fn an_edited_file_is_what_runs_without_being_told_how_to_get_there() {
    let mut hub = Hub::started(&[puppet("keeps"), puppet("leaves"), puppet("changes")]);
    let before = hub::pids(&hub.status());
    hub.save("", &[puppet("keeps"), puppet("changes").env("NEW", "1"), puppet("comes")]);
    let plan = hub.ctl(&["apply"]).succeeded();
    let after = hub::pids(&hub.status());
    assert_eq!(after.keys().collect::<Vec<_>>(), ["changes", "comes", "keeps"], "{plan}");
    assert_eq!(after["keeps"], before["keeps"]);
    assert_ne!(after["changes"], before["changes"]);
}

// 7. The saved list is lost.
#[test]
fn after_a_crash_of_everything_what_runs_is_what_the_file_says() {
    let hub = Hub::started(&[puppet("one"), puppet("two")]);
    hub.ctl(&["stop", "one"]).succeeded();
    process::kill_9(hub.status().keeper.pid);
    hub.until_nothing_is_left();
    hub.ctl(&["start"]).succeeded();
    assert!(hub.status().apps.iter().all(|app| app.status == Word::Online), "a hold ends with its keeper");
}

// 8. Logs eat the disk.
#[test]
fn logs_never_take_more_than_their_budget() {
    const LIMIT: u64 = 64 * 1024;
    const FILES: u64 = 12; // the present one and those put aside, with some air
    let flood = "#!/bin/bash\nfor n in $(seq 40000); do echo \"$n 0123456789012345678901234567890123456789\"; done\n\
                 echo done > flooded\nexec sleep 1000\n";
    let hub = Hub::new(&[App::program("flood", "./flood.sh").set("log_max_size", LIMIT)]);
    executable(&hub, "flood.sh", flood);
    hub.ctl(&["start"]).succeeded();
    wait::until("the flood is over", || if hub.path("flooded").exists() { Ok(()) } else { Err("not yet") });
    let entries = fs::read_dir(hub.path("logs")).expect("logs").filter_map(Result::ok);
    let of_the_flood = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("flood-"));
    let bytes: u64 = of_the_flood.filter_map(|entry| Some(entry.metadata().ok()?.len())).sum();
    assert!(bytes > LIMIT && bytes < FILES * LIMIT, "{bytes}");
}

// 9. After a full disk, logs stay empty for ever.
#[test]
fn a_full_disk_stops_no_worker_and_logs_go_on_when_there_is_room_again() {
    let ticks = "#!/bin/bash\nn=0\nwhile :; do n=$((n+1)); echo tick $n; echo $n > alive; sleep 0.01; done\n";
    let hub = Hub::new(&[App::program("ticks", "./ticks.sh")]);
    executable(&hub, "ticks.sh", ticks);
    fs::create_dir(hub.path("logs")).expect("a folder");
    std::os::unix::fs::symlink("/dev/full", hub.path("logs/ticks-out.log")).expect("a link");
    hub.ctl(&["start"]).succeeded();
    let alive = || fs::read_to_string(hub.path("alive")).ok().and_then(|text| text.trim().parse::<u64>().ok());
    let seen = wait::until("it ticks", || alive().filter(|ticks| *ticks > 20).ok_or("too few"));
    fs::remove_file(hub.path("logs/ticks-out.log")).expect("the link");
    let answer = hub.exchange("POST", "/v1/reload-logs", "", wait::PATIENCE).expect("an answer");
    assert_eq!(answer.status, 200, "{answer:?}");
    let pid = hub.pid("ticks");
    wait::until("logs go on", || {
        let text = fs::read_to_string(hub.path("logs/ticks-out.log")).unwrap_or_default();
        if text.contains("bytes of output were lost here") && text.contains("\ntick ") { Ok(()) } else { Err(text) }
    });
    // The file is empty for a moment at each tick.
    wait::until("it ticks on", || alive().filter(|ticks| *ticks > seen).ok_or("no further"));
    assert_eq!((hub.app("ticks").restarts, hub.pid("ticks")), (0, pid));
}

// 10. The daemon's crash takes workers along, or doubles them.
#[test]
fn the_supervisors_death_ends_no_worker_and_doubles_none() {
    let chatty = "#!/bin/bash\nwhile :; do echo tick; sleep 0.01; done\n";
    let hub = Hub::new(&[App::program("chatty", "./chatty.sh"), puppet("idle")]);
    executable(&hub, "chatty.sh", chatty);
    hub.ctl(&["start"]).succeeded();
    let before = hub.status();
    for _ in 0..5 {
        let supervisor = hub.status().supervisor.pid;
        process::kill_9(supervisor);
        hub.until("another supervisor answers", |watch| watch.status.supervisor.pid != supervisor);
    }
    let after = hub.status();
    assert_eq!(hub::pids(&after), hub::pids(&before));
    assert!(after.apps.iter().all(|app| app.restarts == 0 && app.status == Word::Online));
}

// 11. The daemon's memory grows.
#[test]
fn memory_does_not_grow_with_restarts_and_output() {
    const MOST_GROWTH_KIB: u64 = 1024;
    let loud = "#!/bin/bash\nhead -c 200000 /dev/zero | tr '\\0' x\nexit 1\n";
    let hub = Hub::new(&[App::program("loud", "./loud.sh")
        .set("restart_delay", 1)
        .set("max_restarts", 100_000)
        .set("exp_backoff_restart_delay", 0)]);
    executable(&hub, "loud.sh", loud);
    hub.ctl(&["start", "--no-wait"]).succeeded();
    let restarted = |times: u64| {
        hub.until_app("loud", "was restarted often", |app| app.restarts >= times);
        let status = hub.status();
        process::anonymous_kib(status.keeper.pid) + process::anonymous_kib(status.supervisor.pid)
    };
    let first = restarted(30);
    let last = restarted(30 + 10 * scenarios::loops(20) as u64);
    assert!(last < first + MOST_GROWTH_KIB, "{first} KiB, then {last} KiB");
}

// 12. Startup scripts name no user, or a program that is gone.
#[test]
fn the_unit_for_systemd_names_a_user_and_an_absolute_program() {
    let hub = Hub::new(&[puppet("web")]);
    let unit = hub.ctl(&["startup", "--print", "--user", "root"]).succeeded().stdout;
    assert!(!unit.contains("undefined") && unit.contains("Type=notify") && unit.contains("WatchdogSec="), "{unit}");
    let program = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).expect("a program");
    assert!(program.starts_with('/') && program.contains("betti-supervisor"), "{program}");
    hub.ctl(&["startup", "--print", "--user", "nobody-of-this-name"]).with_code(1);
}

/// Serves the held socket, and leaves when it has answered those whom it has accepted.
const FINISHES_ITS_ANSWERS: &str = "
    const server = require('http').createServer((request, response) => response.end('answered'));
    server.listen({ fd: 3 }, () => process.send('ready'));
    process.on('SIGTERM', () => server.close(() => process.exit(0)));
";

// 13. A reload drops connections.
#[test]
fn a_reload_under_load_refuses_and_drops_no_request() {
    let port = Port::free();
    let web = App::program("web", "./web.js").waits_for_ready().set("listen", port.address()).set("instances", 2);
    let hub = Hub::new(&[web]);
    hub.write("web.js", FINISHES_ITS_ANSWERS);
    hub.ctl(&["start"]).succeeded();
    let asking = AtomicBool::new(true);
    let answers: usize = std::thread::scope(|scope| {
        let client = || {
            let mut answers = 0;
            while asking.load(Ordering::Relaxed) {
                http::get(port.number(), "/").expect("nobody is refused");
                answers += 1;
            }
            answers
        };
        let clients: Vec<_> = (0..3).map(|_| scope.spawn(client)).collect();
        for _ in 0..3 {
            hub.ctl(&["reload", "web"]).succeeded();
        }
        asking.store(false, Ordering::Relaxed);
        clients.into_iter().map(|client| client.join().expect("every request was answered")).sum()
    });
    assert!(answers > 0);
}

// 14. A death by signal is reported as 0.
#[test]
fn a_death_by_signal_is_never_an_exit_code() {
    let hub = Hub::new(&[App::puppet("web", "ready-segfault").waits_for_ready().set("stop_exit_codes", vec![0])]);
    hub.ctl(&["start", "--no-wait"]).succeeded();
    let web = hub.until_app("web", "was restarted", |app| app.restarts > 0);
    assert!(matches!(&web.exit, Some(Exit::Signal { signal, .. }) if signal == "SIGSEGV"), "{web:?}");
}

// 15. No dependencies, and a slow boot.
#[test]
fn dependants_wait_until_what_they_need_is_ready_say_so_and_start_side_by_side() {
    let gated = |name: &str| App::puppet(name, "ready").gated();
    let hub = Hub::new(&[gated("base"), puppet("left").depends_on(&["base"]), puppet("right").depends_on(&["base"])]);
    hub.ctl(&["start", "--no-wait"]).succeeded();
    let left = hub.until_status("left", Word::Waiting);
    assert!(left.reason.is_some_and(|reason| reason.contains("waiting for base: not ready for")));
    hub.gate("base").let_one_through();
    hub.until("all are online", |watch| watch.status.apps.iter().all(|app| app.status == Word::Online));
    // A dependency's restart is no matter of its dependants', unless that is asked for.
    let before = hub::pids(&hub.status());
    hub.gate("base").let_one_through();
    hub.ctl(&["restart", "base"]).succeeded();
    assert_eq!(hub::pids(&hub.status())["left"], before["left"]);
    hub.gate("base").let_one_through();
    hub.ctl(&["restart", "base", "--with-dependants"]).succeeded();
    let after = hub.until("all are online again", |watch| {
        watch.status.apps.iter().all(|app| app.status == Word::Online && app.pid != before[&app.name])
    });
    assert_ne!(hub::pids(&after.status)["right"], before["right"]);
}
