//! The same workers under other process managers, where they happen to be installed.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use scenarios::hub::Hub;
use scenarios::{App, binaries, platform, process, wait};

use crate::memory::Memory;
use crate::samples::Samples;

/// As many workers as the platform has.
pub const WORKERS: usize = 5;
/// Others take seconds for what takes milliseconds here.
const MOST_ROUNDS: usize = 20;

/// Another process manager.
pub struct Other {
    name: &'static str,
    /// Written into its folder, with the worker's command in place of `COMMAND`.
    file: fn(worker: &str) -> String,
    /// What starts it.
    arguments: &'static [&'static str],
    /// Where it writes its pid.
    pid_file: &'static str,
}

/// All that are compared.
pub const ALL: [Other; 2] = [
    Other { name: "pm2", file: pm2_file, arguments: &["start", "other.config.js"], pid_file: "pm2.pid" },
    Other { name: "supervisord", file: supervisord_file, arguments: &["-c", "other.config.js"], pid_file: "other.pid" },
];

/// One line: its memory and how long a killed worker is away, or that it is not there.
pub fn compare(other: &Other, rounds: usize) -> String {
    let Some(program) = installed(other.name) else { return format!("  {:<12} not installed", other.name) };
    // Not started as a hub: its folder, its journal and its guard serve whatever runs in it.
    let hub = Hub::new(&[App::program("unused", "unused")]);
    hub.write("other.config.js", &(other.file)(&binaries::built("puppet").to_string_lossy()));
    run(&hub, &program, other.arguments);
    until_words(&hub, WORKERS);
    let manager = hub.read(other.pid_file).trim().parse().expect("its pid");
    shown(other.name, Memory::of(manager).pss_kib, &revival(&hub, manager, rounds))
}

/// The same of ours, measured in the same way.
pub fn ours(rounds: usize) -> String {
    let worker =
        |number| App::puppet(&format!("idle{number}"), "ready").set("min_uptime", 0).set("max_restarts", 1_000_000);
    let hub = Hub::started(&(0..WORKERS).map(worker).collect::<Vec<_>>());
    until_words(&hub, WORKERS);
    let status = hub.status();
    let pss = Memory::of(status.keeper.pid) + Memory::of(status.supervisor.pid);
    shown("betti", pss, &revival(&hub, status.keeper.pid, rounds))
}

fn shown(name: &str, pss_kib: u64, revival: &Samples) -> String {
    let median = revival.median();
    format!("  {name:<12} {pss_kib:>6} KiB PSS, kill -9 of a worker to its successor's word {median:>8.2} ms (median)")
}

fn revival(hub: &Hub, manager: i32, rounds: usize) -> Samples {
    let mut revival = Samples::default();
    for _ in 0..rounds.min(MOST_ROUNDS) {
        let victim = wait::until("a worker runs", || worker(manager).ok_or("none"));
        let killed = Instant::now();
        process::kill_9(victim);
        until_words(hub, 1);
        revival.add(killed.elapsed());
    }
    revival
}

/// A worker's word that it is ready, whatever it thinks that it is called.
fn until_words(hub: &Hub, count: usize) {
    (0..count).for_each(|_| _ = hub.journal().until_any("APP ready", |line| line.ends_with(" ready")));
}

fn run(hub: &Hub, program: &Path, arguments: &[&str]) {
    let mut command: Command = hub.command(program);
    command.args(arguments).env("PM2_HOME", hub.path("")).env("PUPPET_JOURNAL", hub.path("journal"));
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    assert!(status.is_ok_and(|status| status.success()), "{} could not be started", program.display());
}

/// Any worker of the manager's.
fn worker(manager: i32) -> Option<i32> {
    let is_worker = |pid: &i32| process::look(*pid).is_some_and(|process| process.command.contains("puppet"));
    process::children(manager).into_iter().find(is_worker)
}

/// In the project, or anywhere in the path.
fn installed(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let own = platform::repository().join("node_modules/.bin");
    let folders = std::iter::once(own).chain(std::env::split_paths(&path));
    folders.map(|folder| folder.join(name)).find(|program| program.is_file())
}

fn pm2_file(worker: &str) -> String {
    let apps = (0..WORKERS).map(|number| {
        format!("{{ name: 'idle{number}', script: '{worker}', args: 'ready', interpreter: 'none', max_restarts: 1e6 }}")
    });
    format!("module.exports = {{ apps: [{}] }};\n", apps.collect::<Vec<_>>().join(", "))
}

fn supervisord_file(worker: &str) -> String {
    let programs = (0..WORKERS)
        .map(|number| format!("[program:idle{number}]\ncommand={worker} ready\nautorestart=true\nstartsecs=0\n"));
    let own = "[supervisord]\npidfile=other.pid\nlogfile=other.log\nchildlogdir=.\n";
    programs.fold(own.to_owned(), |file, program| file + &program)
}
