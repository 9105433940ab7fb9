//! Another supervisor takes over in place: no worker notices, and one that is not fit changes nothing.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use nix::sys::signal::Signal;
use protocol::control::{Status, Word};
use scenarios::hub::{Hub, app, pids, runs};
use scenarios::ports::Port;
use scenarios::{App, binaries, http, process};
use serde_json::Value;

fn household() -> Vec<App> {
    vec![
        App::puppet("polite", "ready").waits_for_ready(),
        App::puppet("stray", "fork-setsid").waits_for_ready().depends_on(&["polite"]).set("kill_timeout", 50),
        App::puppet("held", "ready"),
    ]
}

/// Another file with the same program.
fn copy(hub: &Hub, name: &str) -> PathBuf {
    let path = hub.path(name);
    std::fs::copy(binaries::built("betti-supervisor"), &path).expect("a copy");
    path
}

/// A program that is none of the machine's: `$real` is the real one.
fn script(hub: &Hub, name: &str, text: &str) -> PathBuf {
    let real = binaries::built("betti-supervisor");
    let path = hub.write(name, &format!("#!/bin/bash\nreal={}\n{text}\n", real.display()));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("ours");
    path
}

fn program_of(pid: i32) -> PathBuf {
    std::fs::read_link(format!("/proc/{pid}/exe")).expect("it runs")
}

fn path(path: &Path) -> &str {
    path.to_str().expect("plain")
}

/// Everything but times, measurements and who answers, a line an app.
fn what_lasts(status: &Status) -> Vec<String> {
    let lasting = |app: &protocol::control::App| {
        format!("{} {} {:?} {} {:?}", app.name, app.status.as_str(), app.pid, app.restarts, app.exit)
    };
    status.apps.iter().map(lasting).collect()
}

#[test]
fn the_new_program_takes_over_everything_and_starts_after_later_deaths_too() {
    let hub = Hub::started(&household());
    hub.ctl(&["stop", "held"]).succeeded();
    let first = hub.pid("polite");
    process::kill_9(first);
    hub.until_app("polite", "is online again", |app| app.status == Word::Online && app.restarts == 1);
    let (before, workers) = (hub.status(), hub.workers());
    let new = copy(&hub, "new");

    let told = hub.ctl(&["upgrade", "./new", "--json"]).succeeded().stdout;
    let told: Value = serde_json::from_str(&told).expect("one document");
    let after = hub.status();
    assert_eq!(told["from"]["pid"], before.supervisor.pid);
    assert_eq!(told["to"]["pid"], after.supervisor.pid);
    assert_eq!((told["to"]["version"].as_str(), told["program"].as_str()), (Some("0.1.0"), Some(path(&new))));
    assert_ne!(after.supervisor.pid, before.supervisor.pid);
    assert_eq!(program_of(after.supervisor.pid), new);
    assert_eq!((after.keeper, what_lasts(&after)), (before.keeper, what_lasts(&before)));
    assert!(app(&after, "polite").uptime_ms >= app(&before, "polite").uptime_ms);
    assert_eq!(hub.workers(), workers, "nobody left and nobody came");

    process::kill_9(after.supervisor.pid);
    let later = hub.status();
    assert_ne!(later.supervisor.pid, after.supervisor.pid);
    assert_eq!((program_of(later.supervisor.pid), what_lasts(&later)), (new, what_lasts(&before)));
    let watch = hub.watch(None, scenarios::wait::PATIENCE).expect("an answer");
    assert!(!runs(&watch, "held").wanted, "the hold goes on");
    hub.ctl(&["stop", "stray"]).succeeded();
    hub.ctl(&["kill"]).succeeded();
    hub.until_nothing_is_left();
}

#[test]
fn a_file_that_took_the_place_of_the_running_one_is_the_new_program() {
    let hub = Hub::started(&household());
    let place = copy(&hub, "betti-supervisor");
    hub.ctl(&["upgrade", "./betti-supervisor"]).succeeded();
    let old_file = std::fs::metadata(format!("/proc/{}/exe", hub.status().supervisor.pid)).expect("it runs");
    std::fs::rename(copy(&hub, "new"), &place).expect("the same folder");
    let before = hub.status();
    hub.ctl(&["upgrade"]).succeeded();
    let after = hub.status();
    assert_eq!((program_of(after.supervisor.pid), pids(&after)), (place, pids(&before)));
    let new_file = std::fs::metadata(format!("/proc/{}/exe", after.supervisor.pid)).expect("it runs");
    assert_ne!(std::os::unix::fs::MetadataExt::ino(&new_file), std::os::unix::fs::MetadataExt::ino(&old_file));
}

#[test]
fn what_came_by_an_upgrade_is_started_after_a_death_whatever_became_of_its_file() {
    let hub = Hub::started(&household());
    let new = copy(&hub, "new");
    hub.ctl(&["upgrade", "./new"]).succeeded();
    std::fs::remove_file(&new).expect("ours");
    hub.write("new", "nonsense");
    let before = hub.status();
    process::kill_9(before.supervisor.pid);
    let after = hub.status();
    assert_ne!(after.supervisor.pid, before.supervisor.pid);
    assert!(path(&program_of(after.supervisor.pid)).ends_with("/new (deleted)"));
    assert_eq!(pids(&after), pids(&before));
}

#[test]
fn whatever_is_not_fit_is_refused_with_the_reason_and_the_old_one_carries_on() {
    let hub = Hub::started(&household());
    let before = hub.status();
    hub.write("no-program", "text");
    let foreign = hub.write("foreign", "");
    // The right beginning, and a machine that nobody has.
    let mut header = std::fs::read(binaries::built("betti-supervisor")).expect("it")[..64].to_vec();
    header[18..20].copy_from_slice(&[0xfe, 0xca]);
    std::fs::write(&foreign, header).expect("ours");
    std::fs::set_permissions(&foreign, std::fs::Permissions::from_mode(0o755)).expect("ours");
    script(&hub, "fails", "echo 'the disk is on fire' >&2; exit 3");
    script(&hub, "crashes", "kill -SEGV $$");
    script(&hub, "talks", "echo '{\"apps\":'");
    script(&hub, "leaves", "sleep 1235.5 & exit 4");
    script(&hub, "forgets", "$real \"$@\" | sed 's/\"key\":\"stray\"/\"key\":\"other\"/'");
    script(&hub, "restarts", "$real \"$@\" | sed 's/\"at_once\":\\[/&\"start run 9 of polite\"/'");
    script(&hub, "loses", "$real \"$@\" | sed 's/\"runs\":\\[1,/\"runs\":[/'");
    for (program, words) in [
        ("nowhere", "nowhere cannot be run: no such file or directory"),
        ("no-program", "no-program cannot be run: permission denied"),
        ("foreign", "foreign cannot be run: exec format error"),
        ("/bin/true", "/bin/true is no betti-supervisor"),
        ("/bin/cat", "/bin/cat failed its self-check"),
        ("fails", "it ended with code 3: the disk is on fire"),
        ("crashes", "it was ended by SIGSEGV"),
        ("talks", "is no betti-supervisor"),
        ("leaves", "it ended with code 4"),
        ("forgets", "it takes stray (1)"),
        ("restarts", "it would start run 9 of polite"),
        ("loses", "it misses run 1"),
    ] {
        let refused = hub.ctl(&["upgrade", program]).with_code(1);
        assert!(refused.stderr.contains(words), "{refused}");
        let after = hub.status();
        assert_eq!(after.supervisor, before.supervisor, "{program}");
        assert_eq!(what_lasts(&after), what_lasts(&before), "{program}");
    }
    hub.ctl(&["upgrade", "/bin/true", "--json"]).with_code(1);
    let left = || process::all().into_iter().filter(|process| process.command == "sleep 1235.5").count();
    scenarios::wait::until("nobody is left behind", || if left() == 0 { Ok(()) } else { Err("somebody is") });
}

#[test]
fn a_self_check_that_does_not_end_is_ended_with_all_that_it_started_and_nobody_waits_for_it() {
    let hub = Hub::started(&household());
    let before = hub.status();
    script(&hub, "hangs", "sleep 1234.5 & wait");
    let upgrade = hub.begin(&["upgrade", "./hangs"]);
    let asked = || process::all().into_iter().filter(|process| process.command == "sleep 1234.5").count();
    scenarios::wait::until("it is asked", || if asked() > 0 { Ok(()) } else { Err("nobody sleeps") });
    let second = hub.ctl(&["upgrade", "/bin/true"]).with_code(1);
    assert!(second.stderr.contains("another upgrade is under way"), "{second}");
    hub.ctl(&["restart", "held"]).succeeded();
    let refused = upgrade.output().with_code(1);
    assert!(refused.stderr.contains("did not end its self-check within 10 s"), "{refused}");
    scenarios::wait::until("nothing of it is left", || if asked() == 0 { Ok(()) } else { Err("somebody sleeps") });
    assert_eq!(hub.status().supervisor, before.supervisor);
}

/// Passes its self-check.
fn fit_until(what_then: &str) -> String {
    format!("if [ \"$1\" = --self-check ]; then exec $real \"$@\"; fi\n{what_then}")
}

#[test]
fn one_that_crashes_or_hangs_instead_of_taking_over_makes_room_for_the_one_before() {
    let hub = Hub::started(&household());
    let first = copy(&hub, "first");
    hub.ctl(&["upgrade", "./first"]).succeeded();
    let before = hub.status();
    script(&hub, "crashes", &fit_until("exit 3"));
    script(&hub, "hangs", &fit_until("sleep 1000"));
    for program in ["./crashes", "./hangs"] {
        let refused = hub.ctl(&["upgrade", program]).with_code(1);
        assert!(
            refused.stderr.contains("did not take over: the supervisor before it, version 0.1.0, is back"),
            "{refused}"
        );
        let after = hub.status();
        assert_eq!(program_of(after.supervisor.pid), first, "{program}");
        assert_eq!((after.keeper, what_lasts(&after)), (before.keeper, what_lasts(&before)), "{program}");
    }
    let said = hub.read("logs/betti-supervisor.log");
    assert!(said.contains("crashes (") && said.contains("never took over; back to the one before"), "{said}");
}

#[test]
fn one_that_takes_over_and_then_crashes_again_and_again_makes_room_too() {
    let hub = Hub::started(&household());
    let before = hub.status();
    // Ended as by itself as soon as it has taken over, which its answering shows.
    let ctl = binaries::built("betti-ctl");
    let brittle = format!("({} ping >&2; kill -ABRT $$) 3<&- &\nexec $real \"$@\"", ctl.display());
    script(&hub, "brittle", &fit_until(&brittle));
    let _ = hub.ctl(&["upgrade", "./brittle"]);
    let real = binaries::built("betti-supervisor");
    scenarios::wait::until("the one before is back", || {
        let said = hub.read("logs/betti-supervisor.log");
        if said.contains("ended too often; back to the one before") { Ok(()) } else { Err(said) }
    });
    let after = hub.status();
    assert_eq!((program_of(after.supervisor.pid), what_lasts(&after)), (real, what_lasts(&before)));
}

#[test]
fn it_is_upgraded_under_load_and_no_request_fails() {
    let port = Port::free();
    let serve = "require('http').createServer((_, answer) => answer.end('answered')).listen({ fd: 3 }, \
                 () => process.send('ready'));\n";
    let hub = Hub::new(&[App::program("web", "./web.js").waits_for_ready().set("listen", port.address())]);
    hub.write("web.js", serve);
    hub.ctl(&["start"]).succeeded();
    copy(&hub, "one");
    copy(&hub, "two");
    let before = hub.pid("web");
    let is_asking = AtomicBool::new(true);
    std::thread::scope(|scope| {
        let client = || {
            let mut answers = 0;
            while is_asking.load(Ordering::Relaxed) {
                http::get(port.number(), "/").expect("nobody is refused");
                answers += 1;
            }
            answers
        };
        let clients: Vec<_> = (0..2).map(|_| scope.spawn(client)).collect();
        for _ in 0..scenarios::loops(20).div_ceil(10) {
            hub.ctl(&["upgrade", "./one"]).succeeded();
            hub.ctl(&["upgrade", "./two"]).succeeded();
        }
        is_asking.store(false, Ordering::Relaxed);
        let answers: i32 = clients.into_iter().map(|client| client.join().expect("every request was answered")).sum();
        assert!(answers > 0);
    });
    assert_eq!((hub.pid("web"), hub.app("web").restarts), (before, 0));
}

#[test]
fn an_upgrade_in_the_middle_of_a_stop_carries_it_through() {
    let hub = Hub::started(&[App::puppet("deaf", "deaf").waits_for_ready().set("kill_timeout", 1500)]);
    copy(&hub, "new");
    let stop = hub.begin(&["stop", "deaf"]);
    hub.until_status("deaf", Word::Stopping);
    hub.ctl(&["upgrade", "./new"]).succeeded();
    stop.output().succeeded();
    hub.assert_no_worker_is_left();
}

#[test]
fn who_runs_a_program_that_was_replaced_is_named() {
    let hub = Hub::new(&[App::program("old", "./sleeper").set("args", "1000"), App::puppet("same", "ready")]);
    std::fs::copy("/bin/sleep", hub.path("sleeper")).expect("a copy");
    hub.ctl(&["start"]).succeeded();
    std::fs::copy("/bin/sleep", hub.path("sleeper.new")).expect("a copy");
    std::fs::rename(hub.path("sleeper.new"), hub.path("sleeper")).expect("the same folder");
    copy(&hub, "new");
    let told = hub.ctl(&["upgrade", "./new"]).succeeded();
    let said = format!("{}{}", told.stdout, told.stderr);
    assert!(said.contains("old still runs the old program; to change that: betti-ctl reload old"), "{told}");
    hub.ctl(&["reload", "old"]).succeeded();
    let told: Value = serde_json::from_str(&hub.ctl(&["upgrade", "--json"]).succeeded().stdout).expect("one document");
    assert_eq!(told["changed"], serde_json::json!([]));
}

#[test]
fn without_a_supervisor_there_is_nothing_to_upgrade_and_a_hang_is_no_obstacle() {
    let hub = Hub::new(&household());
    hub.ctl(&["upgrade"]).with_code(3);
    hub.ctl(&["start"]).succeeded();
    process::signal(hub.status().supervisor.pid, Signal::SIGSTOP);
    hub.ctl(&["upgrade"]).succeeded();
}

/// Says on the supervisor's own socket what this keeper cannot know, and then is the supervisor.
const OF_TOMORROW: &str = r#"python3 - <<'END'
import socket
keeper = socket.socket(fileno=3)
for order in [b'{"dance":{"run":1}}', b'{"remember":{"key":"tomorrow","value":"x","colour":"red"}}', b'"sing"', b'nonsense']:
    keeper.send(order)
keeper.detach()
END
exec $real "$@""#;

#[test]
fn a_newer_supervisor_may_say_what_the_keeper_does_not_know() {
    let hub = Hub::started(&household());
    let before = hub.status();
    script(&hub, "newer", &fit_until(OF_TOMORROW));
    hub.ctl(&["upgrade", "./newer"]).succeeded();
    assert_eq!(what_lasts(&hub.status()), what_lasts(&before));
    let said = hub.read("logs/betti-supervisor.log");
    for unknown in ["{\"dance\":{\"run\":1}}", "\"sing\"", "nonsense"] {
        assert!(said.contains(&format!("keeper: an order that is not understood: {unknown}")), "{said}");
    }
    assert_eq!(said.matches("not understood").count(), 3, "{said}");
    hub.ctl(&["restart", "polite"]).succeeded();
}
