//! The head may die: the supervisor is killed or hangs, and no worker notices.

use nix::sys::signal::Signal;
use protocol::control::{Watch, Word};

use crate::harness::{Hub, app, eventually, lives};

fn supervisor(hub: &Hub) -> i32 {
    hub.watch().status.supervisor.pid
}

/// Another supervisor answers.
fn after_another_took_over(hub: &Hub, before: i32) -> Watch {
    hub.until("another supervisor", |watch| (watch.status.supervisor.pid != before).then(|| watch.clone()))
}

#[test]
fn killing_the_supervisor_changes_no_pid_and_forgets_nothing() {
    let hub = Hub::start(
        "[[apps]]\nname='steady'\nscript='./ready.sh'\nwait_ready=true\n\
         [[apps]]\nname='held'\nscript='/bin/sleep'\nargs=['1000']\n\
         [[apps]]\nname='restarted'\nscript='/bin/sleep'\nargs=['1000']\n",
        &[("ready.sh", "#!/bin/bash\neval \"echo ready >&$BETTI_READY_FD\"\nexec sleep 1000\n")],
    );
    let steady = hub.until_status("steady", Word::Online);
    hub.until_status("held", Word::Online);
    hub.act("stop", &["held"]);
    hub.until_status("held", Word::Stopped);
    hub.until_status("restarted", Word::Online);
    hub.act("restart", &["restarted"]);
    let restarted = hub.until_app("restarted", "is restarted", |app| app.restarts == 1 && app.status == Word::Online);
    let mut before = supervisor(&hub);
    for _ in 0..5 {
        hub.end_by(before, Signal::SIGKILL);
        let watch = after_another_took_over(&hub, before);
        before = watch.status.supervisor.pid;
        let now = app(&watch, "steady");
        assert_eq!((now.pid, now.status, now.restarts), (steady.pid, Word::Online, 0));
        assert_eq!(now.ready_ms, steady.ready_ms);
        assert!(now.uptime_ms >= steady.uptime_ms);
        assert_eq!(app(&watch, "held").status, Word::Stopped);
        let now = app(&watch, "restarted");
        assert_eq!((now.pid, now.restarts), (restarted.pid, 1));
    }
}

#[test]
fn no_log_line_is_lost_or_doubled_when_the_supervisor_is_killed() {
    const LINES: usize = 20_000;
    let script = format!(
        "import sys\nfor i in range({LINES}):\n    print('line', i, flush=True)\nprint('end', file=sys.stderr, flush=True)\nimport time; time.sleep(1000)\n"
    );
    let hub = Hub::start("[[apps]]\nname='a'\nscript='a.py'\n", &[("a.py", &script)]);
    let mut kills = 0;
    while !hub.read("logs/a-error.log").contains("end") {
        let before = supervisor(&hub);
        hub.end_by(before, Signal::SIGKILL);
        after_another_took_over(&hub, before);
        kills += 1;
    }
    assert!(kills > 0);
    let last = format!("line {}\n", LINES - 1);
    let text = eventually("the last line", || Some(hub.read("logs/a-out.log")).filter(|text| text.ends_with(&last)));
    let right = text.lines().enumerate().all(|(at, line)| line == format!("line {at}"));
    assert!(right && text.lines().count() == LINES, "{kills} kills");
    assert_eq!(hub.app("a").restarts, 0);
}

#[test]
fn an_exit_while_there_is_no_supervisor_is_acted_on_by_the_next_one() {
    let hub = Hub::start("[[apps]]\nname='a'\nscript='/bin/sleep'\nargs=['1000']\n", &[]);
    let worker = hub.until_status("a", Word::Online).pid.unwrap();
    let before = supervisor(&hub);
    hub.end_by(before, Signal::SIGSTOP);
    hub.end_by(worker, Signal::SIGKILL);
    hub.end_by(before, Signal::SIGKILL);
    let again = hub.until_app("a", "runs again", |app| app.pid.is_some_and(|pid| pid != worker));
    assert_eq!(again.restarts, 1);
}

#[test]
fn a_stop_goes_on_when_the_supervisor_is_killed_in_the_middle() {
    let hub = Hub::start(
        "[[apps]]\nname='deaf'\nscript='./deaf.sh'\nkill_timeout=500\n",
        &[("deaf.sh", "#!/bin/bash\ntrap '' TERM\necho deaf\nwhile :; do sleep 1000 & wait; done\n")],
    );
    eventually("it is deaf", || hub.read("logs/deaf-out.log").contains("deaf").then_some(()));
    hub.act("stop", &["deaf"]);
    hub.end_by(supervisor(&hub), Signal::SIGKILL);
    hub.until_status("deaf", Word::Stopped);
    assert!(hub.workers().is_empty());
}

#[test]
fn a_supervisor_that_hangs_is_replaced_when_a_client_is_not_answered() {
    let hub = Hub::start("[[apps]]\nname='a'\nscript='/bin/sleep'\nargs=['1000']\n", &[]);
    let worker = hub.until_status("a", Word::Online).pid;
    let before = supervisor(&hub);
    hub.end_by(before, Signal::SIGSTOP);
    let watch = after_another_took_over(&hub, before);
    assert!(!lives(before));
    assert_eq!(app(&watch, "a").pid, worker);
    assert!(hub.said().contains("gave no answer for 2 s"), "{}", hub.said());
}

#[test]
fn a_file_that_broke_meanwhile_hurts_nothing_that_runs() {
    let hub = Hub::start("[[apps]]\nname='a'\nscript='/bin/sleep'\nargs=['1000']\n", &[]);
    let worker = hub.until_status("a", Word::Online).pid;
    std::fs::write(hub.path("ecosystem.toml"), "nonsense [").unwrap();
    let before = supervisor(&hub);
    hub.end_by(before, Signal::SIGKILL);
    let watch = after_another_took_over(&hub, before);
    assert_eq!(app(&watch, "a").pid, worker);
}

#[test]
fn a_long_log_of_our_own_is_put_aside_and_both_halves_go_on_in_a_new_one() {
    let old = "an old line\n".repeat(100_000);
    let hub = Hub::start_on_a_log("[[apps]]\nname='a'\nscript='/bin/sleep'\nargs=['1000']\n", &old);
    hub.until_status("a", Word::Online);
    let before = supervisor(&hub);
    hub.end_by(before, Signal::SIGKILL); // the keeper says so
    after_another_took_over(&hub, before);
    let new = eventually("the keeper's line", || {
        Some(hub.read("logs/betti-supervisor.log")).filter(|text| text.contains("keeper: "))
    });
    assert!(new.len() < old.len());
    assert!(hub.read("logs/betti-supervisor.log.1").starts_with(&old));
    let holds = |pid: i32, file: i32| std::fs::read_link(format!("/proc/{pid}/fd/{file}")).unwrap();
    for pid in [hub.keeper_pid(), supervisor(&hub)] {
        assert_eq!([1, 2].map(|file| holds(pid, file)), [(); 2].map(|()| hub.path("logs/betti-supervisor.log")));
    }
}

/// What a process may have no more of.
enum Limit {
    /// Room for a thread's stack.
    AddressSpace,
    /// Memory of the allocator, which may have plenty of address space in reserve.
    Data,
}

/// Leaves the process so much more of it than it has now.
fn limit_memory(pid: i32, limit: &Limit, more: u64) {
    let (field, flag) = match limit {
        Limit::AddressSpace => ("VmSize:", "as"),
        Limit::Data => ("VmData:", "data"),
    };
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let now = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
    let kib: u64 = now.split_whitespace().next().unwrap().parse().unwrap();
    let limit = format!("--{flag}={}", kib * 1024 + more);
    let done = std::process::Command::new("prlimit").args(["--pid", &pid.to_string(), &limit]).status().unwrap();
    assert!(done.success());
}

#[test]
fn a_panic_in_a_task_ends_the_supervisor_at_once_and_is_said() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let ecosystem = format!(
        "[[apps]]\nname='steady'\nscript='/bin/sleep'\nargs=['1000']\n\
         [[apps]]\nname='probed'\nscript='/bin/sleep'\nargs=['1000']\nlisten_timeout='300s'\n\
         ready={{tcp='127.0.0.1:{port}'}}\n"
    );
    let hub = Hub::start(&ecosystem, &[]);
    let steady = hub.until_status("steady", Word::Online).pid;
    hub.until_status("probed", Word::Launching);
    let before = supervisor(&hub);
    // Too little for a thread's stack. One is needed to find out who answers the probe.
    limit_memory(before, &Limit::AddressSpace, 1024 * 1024);
    let _listener = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    let watch = after_another_took_over(&hub, before);
    assert_eq!(app(&watch, "steady").pid, steady);
    let said = hub.said();
    assert!(said.contains("supervisor: panicked in thread main at ") && said.contains("spawn worker thread"), "{said}");
}

#[test]
fn a_supervisor_that_gets_no_memory_ends_at_once_and_is_replaced() {
    const CLIENTS: usize = 100;
    let hub = Hub::start("[[apps]]\nname='a'\nscript='/bin/sleep'\nargs=['1000']\n", &[]);
    let worker = hub.until_status("a", Word::Online).pid;
    let before = supervisor(&hub);
    limit_memory(before, &Limit::Data, 0);
    // Each has a body of which the end never comes.
    let part = format!("POST /v1/run HTTP/1.1\r\nContent-Length: 60000\r\n\r\n{}", "x".repeat(50_000));
    let clients: Vec<_> = (0..CLIENTS)
        .map_while(|_| {
            let mut client = std::os::unix::net::UnixStream::connect(hub.path("run/control.sock")).ok()?;
            std::io::Write::write_all(&mut client, part.as_bytes()).ok()?;
            Some(client)
        })
        .collect();
    let watch = after_another_took_over(&hub, before);
    assert_eq!(app(&watch, "a").pid, worker);
    assert!(hub.said().contains("memory allocation of "), "{} clients\n{}", clients.len(), hub.said());
}
