//! If the keeper dies, nothing is orphaned and nothing doubled.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use protocol::control::Word;
use scenarios::hub::Hub;
use scenarios::{App, loops, process, wait};

/// Everybody who has been trouble elsewhere.
fn household() -> Vec<App> {
    vec![
        App::puppet("polite", "ready").waits_for_ready(),
        App::puppet("deaf", "deaf").waits_for_ready().set("kill_timeout", 50),
        App::puppet("stray", "fork-setsid").waits_for_ready().set("kill_timeout", 50),
    ]
}

#[test]
fn kill_9_of_the_keeper_ends_every_worker_and_the_supervisor() {
    let hub = Hub::new(&household());
    for _ in 0..loops(20).div_ceil(5) {
        hub.ctl(&["start"]).succeeded();
        hub.until_workers(4); // Three and an orphan.
        process::kill_9(hub.status().keeper.pid);
        hub.until_nothing_is_left();
        hub.ctl(&["status"]).with_code(3);
    }
}

#[test]
fn what_is_left_when_both_halves_die_at_once_is_swept_by_the_next_start() {
    let hub = Hub::started(&household());
    let status = hub.status();
    let before = hub.until_workers(4);
    // Stopped first, so that it cannot clean up in the moment between the two.
    process::signal(status.supervisor.pid, Signal::SIGSTOP);
    process::kill_9(status.keeper.pid);
    process::kill_9(status.supervisor.pid);
    hub.ctl(&["start"]).succeeded();
    let left: Vec<_> = before.iter().filter(|process| process::is_alive(process.pid)).collect();
    assert!(left.is_empty(), "of the hub before: {left:?}");
    hub.until_workers(before.len()); // And nothing runs twice.
}

#[test]
fn a_supervisor_that_hung_when_its_keeper_died_is_in_nobodys_way() {
    let hub = Hub::started(&household());
    let status = hub.status();
    process::signal(status.supervisor.pid, Signal::SIGSTOP);
    let keeper = status.keeper.pid;
    process::kill_9(keeper);
    // Until it is gone, which a busy machine does not see to at once, whoever asks waits for its next supervisor.
    wait::until("the keeper is gone", || if process::is_alive(keeper) { Err(keeper) } else { Ok(()) });
    hub.ctl(&["status"]).with_code(3);
    hub.ctl(&["start"]).succeeded();
    assert!(!process::is_alive(status.supervisor.pid), "two supervisors at once");
    hub.until_workers(4); // Three and an orphan, and nothing runs twice.
}

#[test]
fn a_hang_uses_up_little_of_the_time_in_which_everything_is_stopped() {
    let hub = Hub::started(&[App::puppet("deaf", "deaf"), App::puppet("polite", "ready")]);
    let status = hub.status();
    process::signal(status.supervisor.pid, Signal::SIGSTOP);
    let begun = Instant::now();
    process::signal(status.keeper.pid, Signal::SIGTERM);
    hub.until_nothing_is_left();
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(12), "2 s until the hang is noticed, 5 s to stop: {took:?}");
}

#[test]
fn a_hold_ends_with_the_keeper() {
    let hub = Hub::started(&household());
    hub.ctl(&["stop", "polite"]).succeeded();
    process::kill_9(hub.status().keeper.pid);
    hub.until_nothing_is_left();
    hub.ctl(&["start"]).succeeded();
    assert_eq!(hub.app("polite").status, Word::Online);
}

#[test]
fn exits_are_reaped_and_no_zombie_stays() {
    let hub = Hub::started(&household());
    let keeper = hub.status().keeper.pid;
    for name in ["polite", "deaf", "stray"] {
        hub.ctl(&["stop", name]).succeeded();
    }
    let supervisor = hub.status().supervisor.pid;
    wait::until("the keeper's only child is the supervisor", || match process::children(keeper) {
        children if children == [supervisor] => Ok(()),
        children => Err(format!("{children:?}, supervisor {supervisor}")),
    });
}

/// Below what the smallest leak of one allocation a spawn would be.
const MOST_GROWTH_KIB: u64 = 64;
/// Until tables, buffers and the allocator have the size that they need.
const WARM_UP: usize = 250;
/// So many for each loop: 10,000 in a soak.
const SPAWNS_A_LOOP: usize = 50;
/// The supervisor dies this often before, and its successors are told everything.
const DEATHS: usize = 5;

/// By an operator, because of failures something is remembered for a minute.
#[test]
fn its_memory_and_descriptors_do_not_grow_with_thousands_of_spawns() {
    const APPS: usize = 25;
    let app = |number| App::program(&format!("app-{number}"), "/bin/sleep").set("args", "1000").set("min_uptime", 0);
    let hub = Hub::started(&(0..APPS).map(app).collect::<Vec<_>>());
    let keeper = hub.status().keeper.pid;
    let spawn = |spawns: usize| (0..spawns / APPS).for_each(|_| drop(hub.ctl(&["restart", "all"]).succeeded()));
    for _ in 0..DEATHS {
        spawn(WARM_UP / DEATHS);
        process::kill_9(hub.status().supervisor.pid);
    }
    let first = process::anonymous_kib(keeper);
    let spawns = loops(20) * SPAWNS_A_LOOP;
    spawn(spawns);
    hub.ctl(&["stop"]).succeeded();
    let last = process::anonymous_kib(keeper);
    assert!(last <= first + MOST_GROWTH_KIB, "{first} KiB, and {last} KiB after {spawns} more");
    // Its own: standard streams, signals, lock, control socket, the supervisor. Nothing of any run, as soon as the supervisor has
    // read the last of its output and has it forgotten.
    wait::until("nothing of any run is held", || match process::open_files(keeper) {
        held if held.len() < 20 => Ok(()),
        held => Err(format!("{held:?}")),
    });
    let folder = hub.control_socket().with_file_name("notify");
    wait::until("no socket is left of runs that are over", || match std::fs::read_dir(&folder).expect("it").count() {
        0 => Ok(()),
        left => Err(left),
    });
}

/// Says that it ends and takes a moment for it.
const ENDS_WELL: &str =
    "#!/bin/bash\ntrap 'echo well > ended; exit 0' TERM\necho up > begun\nwhile :; do sleep 1000 & wait; done\n";

#[test]
fn without_any_supervisor_it_says_so_tries_ever_more_slowly_and_still_stops_everyone_when_asked_once() {
    let hub = Hub::new(&[App::program("app", "./app.sh"), App::puppet("stray", "fork-setsid").waits_for_ready()]);
    for (name, text) in [("app.sh", ENDS_WELL.to_owned()), ("none", "#!/bin/bash\nexit 3\n".to_owned())] {
        std::fs::set_permissions(hub.write(name, &text), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    let folder = hub.path("bin");
    std::fs::create_dir(&folder).unwrap();
    for program in ["betti-supervisor", "betti-ctl"] {
        std::fs::copy(scenarios::binaries::built(program), folder.join(program)).unwrap();
    }
    let mut start = hub.command(&folder.join("betti-ctl"));
    scenarios::command::Running::start({
        start.arg("start");
        start
    })
    .output()
    .succeeded();
    wait::until("it is up", || if hub.path("begun").exists() { Ok(()) } else { Err("not yet") });
    let before = hub.status();
    // From here on its own file cannot be executed any more.
    let program = folder.join("betti-supervisor");
    std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o000)).unwrap();
    process::kill_9(before.supervisor.pid);
    let pauses = wait::until("it tries ever more slowly", || {
        let said = hub.read("logs/betti-supervisor.log");
        let pauses: Vec<u64> = said
            .lines()
            .filter(|line| line.contains("workers go on, the next supervisor starts in "))
            .filter_map(|line| line.split(' ').rev().nth(1)?.parse().ok())
            .collect();
        if pauses.last().is_some_and(|pause| *pause >= 640) { Ok(pauses) } else { Err(said) }
    });
    assert!(pauses.is_sorted(), "{pauses:?}");
    for app in &before.apps {
        assert!(process::is_alive(app.pid.expect("it runs")), "{} goes on", app.name);
    }
    process::signal(before.keeper.pid, Signal::SIGTERM);
    hub.until_nothing_is_left();
    assert_eq!(hub.read("ended"), "well\n");
    let said = hub.read("logs/betti-supervisor.log");
    assert!(said.contains("no supervisor takes over; stopping everything without one"), "{said}");
}
