//! A hub of its own for every scenario.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use protocol::control::{
    Accepted, App as AppStatus, CONFIG_HEADER, LONGEST_WATCH_MS, Runs, Status, Targets, Watch, Word,
};
use protocol::place;
use serde::de::DeserializeOwned;

use crate::command::{Output, Running};
use crate::ecosystem::{self, App};
use crate::fifo::{Gate, Journal};
use crate::guard::{self, Guard, Mark};
use crate::http::Response;
use crate::process::Process;
use crate::wait::{LOOK_AGAIN, PATIENCE};
use crate::{binaries, http};

/// A Unix socket's path has 107 characters; what else is made in the runtime directory needs some of them.
const SHORT_FOLDER: &str = "/tmp";
/// How much of each log is shown when a scenario fails.
const TAIL_LINES: usize = 30;

/// A folder with an `ecosystem.toml`, a runtime and a data directory, and whatever runs there.
///
/// Dropping it ends all of that and removes the folder; if the scenario failed, the tails of the logs are shown.
pub struct Hub {
    folder: PathBuf,
    gates: BTreeMap<String, Gate>,
    journal: Journal,
    _guard: Guard,
}

impl Hub {
    /// A hub with these apps, not started yet.
    ///
    /// # Panics
    /// If its folder cannot be made.
    #[must_use]
    pub fn new(apps: &[App]) -> Self {
        let mut hub = Self::with_file(&ecosystem::text(apps));
        let gated = apps.iter().filter(|app| app.gated).map(|app| app.name.clone());
        hub.gates = gated.map(|name| (name.clone(), Gate::new(&hub.path(&ecosystem::gate_file(&name))))).collect();
        hub
    }

    /// A hub with this `ecosystem.toml`, not started yet.
    ///
    /// # Panics
    /// If its folder cannot be made.
    #[must_use]
    pub fn with_file(ecosystem: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("betti").tempdir_in(SHORT_FOLDER).expect("a folder").keep();
        let guard = Guard::over(&folder);
        let journal = Journal::new(&folder.join("journal"));
        let hub = Self { folder, gates: BTreeMap::new(), journal, _guard: guard };
        hub.write("ecosystem.toml", ecosystem);
        hub
    }

    /// Saves the file with these apps instead, below `top`, as an editor does it: the new file takes the old one's name.
    ///
    /// # Panics
    /// If that fails.
    pub fn save(&mut self, top: &str, apps: &[App]) {
        for name in apps.iter().filter(|app| app.gated).map(|app| app.name.clone()) {
            let path = self.path(&ecosystem::gate_file(&name));
            self.gates.entry(name).or_insert_with(|| Gate::new(&path));
        }
        self.save_text(&format!("{top}\n{}", ecosystem::text(apps)));
    }

    /// As [`save`](Self::save), with this text.
    ///
    /// # Panics
    /// If that fails.
    pub fn save_text(&self, text: &str) {
        let new = self.write("ecosystem.toml.new", text);
        std::fs::rename(&new, self.path("ecosystem.toml")).expect("the same folder");
    }

    /// As [`new`](Self::new), with every app started.
    #[must_use]
    pub fn started(apps: &[App]) -> Self {
        let hub = Self::new(apps);
        hub.ctl(&["start"]).succeeded();
        hub
    }

    /// A path in its folder.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Writes a file in its folder.
    ///
    /// # Panics
    /// If that fails.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        path
    }

    /// A file in its folder, as text.
    ///
    /// # Panics
    /// If it cannot be read.
    #[must_use]
    pub fn read(&self, name: &str) -> String {
        let path = self.path(name);
        let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// What its workers show to each other; the first of them makes it.
    ///
    /// # Panics
    /// If none was there yet.
    #[must_use]
    pub fn service_token(&self) -> String {
        self.read("data/service.key").trim_end().to_owned()
    }

    /// The gate of a gated app.
    ///
    /// # Panics
    /// If the app is not gated.
    #[must_use]
    pub fn gate(&self, app: &str) -> &Gate {
        &self.gates[app]
    }

    /// What its puppets did.
    #[must_use]
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Its control socket.
    #[must_use]
    pub fn control_socket(&self) -> PathBuf {
        guard::runtime_dir(&self.folder).join(place::CONTROL_SOCKET)
    }

    /// A program run in its folder, with nothing in the environment but what finds programs, the home and the hub.
    #[must_use]
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        let kept = ["PATH", "HOME"].into_iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
        command.env_clear().envs(kept).current_dir(&self.folder);
        command.env(place::RUNTIME_DIR, guard::runtime_dir(&self.folder));
        command.env(protocol::worker::DATA_DIR, self.path("data"));
        command
    }

    /// Starts `betti-ctl` in its folder.
    #[must_use]
    pub fn begin(&self, arguments: &[&str]) -> Running {
        let mut command = self.command(&binaries::built("betti-ctl"));
        command.args(arguments);
        Running::start(command)
    }

    /// Runs `betti-ctl` in its folder.
    #[must_use]
    pub fn ctl(&self, arguments: &[&str]) -> Output {
        self.begin(arguments).output()
    }

    /// `betti-ctl status --json`
    ///
    /// # Panics
    /// If it fails or prints something else.
    #[must_use]
    pub fn status(&self) -> Status {
        let output = self.ctl(&["status", "--json"]).with_code(0);
        serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{error} in {output}"))
    }

    /// One app of [`status`](Self::status).
    ///
    /// # Panics
    /// If there is no such app.
    #[must_use]
    pub fn app(&self, name: &str) -> AppStatus {
        let status = self.status();
        app(&status, name).clone()
    }

    /// The pid of an app that runs.
    ///
    /// # Panics
    /// If it does not run.
    #[must_use]
    pub fn pid(&self, name: &str) -> i32 {
        let app = self.app(name);
        app.pid.unwrap_or_else(|| panic!("{name} does not run: {app:?}"))
    }

    /// Follows the hub until this holds; it is looked at after every change.
    ///
    /// # Panics
    /// After [`PATIENCE`], with the last state seen.
    pub fn until(&self, what: &str, mut holds: impl FnMut(&Watch) -> bool) -> Watch {
        let deadline = Instant::now() + PATIENCE;
        let (mut after, mut seen) = (None, "nothing".to_owned());
        while let Some(left) = deadline.checked_duration_since(Instant::now()) {
            match self.watch(after, left) {
                Ok(watch) if holds(&watch) => return watch,
                Ok(watch) => {
                    after = Some(watch.sequence);
                    seen = summary(&watch.status);
                }
                // The supervisor is being replaced, or nobody is there (yet): no event tells when that changes.
                Err(error) => {
                    seen = format!("{error} (before that: {seen})");
                    std::thread::sleep(LOOK_AGAIN);
                }
            }
        }
        panic!("waited {PATIENCE:?} in vain: {what}; last seen: {seen}")
    }

    /// As [`until`](Self::until), about one app, once it is there.
    pub fn until_app(&self, name: &str, what: &str, mut holds: impl FnMut(&AppStatus) -> bool) -> AppStatus {
        let is_there = |watch: &Watch| watch.status.apps.iter().any(|app| app.name == name);
        let watch = self.until(&format!("{name} {what}"), |watch| is_there(watch) && holds(app(&watch.status, name)));
        app(&watch.status, name).clone()
    }

    /// Waits until an app has this status.
    pub fn until_status(&self, name: &str, word: Word) -> AppStatus {
        self.until_app(name, word.as_str(), |app| app.status == word)
    }

    /// Asks the supervisor for its state, waiting for one that is newer than `after`.
    ///
    /// # Errors
    /// If nobody answers.
    pub fn watch(&self, after: Option<u64>, patience: Duration) -> io::Result<Watch> {
        let query = after.map_or(String::new(), |after| format!("?after={after}"));
        self.ask("GET", &format!("/v1/watch{query}"), "", patience)
    }

    /// What `betti-ctl` would ask of the control socket: `start`, `stop` or `restart` of one app.
    ///
    /// # Errors
    /// If nobody answers, or refuses.
    pub fn order(&self, verb: &str, app: &str) -> io::Result<Accepted> {
        let targets = Targets { targets: vec![app.to_owned()], dependants: false };
        let targets = serde_json::to_string(&targets).map_err(io::Error::other)?;
        self.ask("POST", &format!("/v1/{verb}"), &targets, PATIENCE)
    }

    /// A question to the control socket, once.
    ///
    /// # Errors
    /// If nobody answers, or with something else.
    pub fn ask<T: DeserializeOwned>(&self, method: &str, path: &str, body: &str, patience: Duration) -> io::Result<T> {
        let response = self.exchange(method, path, body, patience)?;
        serde_json::from_slice(&response.body).map_err(|error| io::Error::other(format!("{error} in {response:?}")))
    }

    /// Any request to the control socket.
    ///
    /// # Errors
    /// If nobody answers.
    pub fn exchange(&self, method: &str, path: &str, body: &str, patience: Duration) -> io::Result<Response> {
        let stream = UnixStream::connect(self.control_socket())?;
        // The supervisor answers at the latest when its own patience ends; ours must not be shorter in between.
        let longest = Duration::from_millis(LONGEST_WATCH_MS) + Duration::from_secs(10);
        stream.set_read_timeout(Some(patience.max(Duration::from_millis(1)).min(longest)))?;
        let config = self.path("ecosystem.toml");
        let headers = [(CONFIG_HEADER, &*config.to_string_lossy()), ("content-type", "application/json")];
        http::exchange(stream, method, path, &headers, body)
    }

    /// Every living process of its workers.
    #[must_use]
    pub fn workers(&self) -> Vec<Process> {
        let mark = Mark::of(&self.folder);
        mark.bearers().into_iter().filter(|process| mark.is_worker(process)).collect()
    }

    /// Every living process of it: workers, supervisor, keeper, and command lines that still run.
    #[must_use]
    pub fn processes(&self) -> Vec<Process> {
        Mark::of(&self.folder).bearers()
    }

    /// Waits until so many processes of its workers live. One that was born a moment ago may not have its environment yet,
    /// which is what it is told by.
    pub fn until_workers(&self, count: usize) -> Vec<Process> {
        crate::wait::until(&format!("{count} processes of workers"), || match self.workers() {
            workers if workers.len() == count => Ok(workers),
            workers => Err(guard::listed(&workers)),
        })
    }

    /// Requires that at this moment no process of any worker is left.
    ///
    /// # Panics
    /// If one is.
    pub fn assert_no_worker_is_left(&self) {
        let left = self.workers();
        assert!(left.is_empty(), "still there: {}", guard::listed(&left));
    }

    /// Waits until no process of it is left at all.
    pub fn until_nothing_is_left(&self) {
        crate::wait::until("no process of the hub is left", || match self.processes() {
            left if left.is_empty() => Ok(()),
            left => Err(guard::listed(&left)),
        });
    }

    /// Kills every process of it, as a power cut would, and waits until none holds a port or a file any more.
    pub fn kill_9_everything(&self) {
        let killed = self.processes();
        killed.iter().for_each(|process| crate::process::kill_9(process.pid));
        crate::wait::until("everything is let go of", || {
            let left: Vec<_> =
                killed.iter().filter(|process| !crate::process::has_let_go(process.pid)).cloned().collect();
            if left.is_empty() { Ok(()) } else { Err(guard::listed(&left)) }
        });
        self.until_nothing_is_left();
    }

    fn show_logs(&self) {
        let entries = std::fs::read_dir(self.path("logs")).into_iter().flatten().filter_map(Result::ok);
        let is_text =
            |path: &std::path::PathBuf| !path.extension().is_some_and(|ending| ending == "gz" || ending == "index");
        for path in entries.map(|entry| entry.path()).filter(is_text) {
            let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap_or_default()).into_owned();
            let lines: Vec<&str> = text.lines().collect();
            let tail = &lines[lines.len().saturating_sub(TAIL_LINES)..];
            eprintln!("--- {} (last lines)\n{}", path.display(), tail.join("\n"));
        }
        eprintln!("--- still running: {}", guard::listed(&self.processes()));
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.show_logs();
        }
    }
}

/// One app of a status.
///
/// # Panics
/// If there is no such app.
#[must_use]
pub fn app<'s>(status: &'s Status, name: &str) -> &'s AppStatus {
    status.apps.iter().find(|app| app.name == name).unwrap_or_else(|| panic!("no {name} in {}", summary(status)))
}

/// The runs of one app.
///
/// # Panics
/// If there is no such app.
#[must_use]
pub fn runs<'w>(watch: &'w Watch, name: &str) -> &'w Runs {
    watch.runs.iter().find(|runs| runs.name == name).unwrap_or_else(|| panic!("no {name} in {:?}", watch.runs))
}

/// Who runs under which pid.
#[must_use]
pub fn pids(status: &Status) -> BTreeMap<String, Option<i32>> {
    status.apps.iter().map(|app| (app.name.clone(), app.pid)).collect()
}

/// A status in one line, for messages.
#[must_use]
pub fn summary(status: &Status) -> String {
    let one = |app: &AppStatus| {
        let AppStatus { name, status, pid, restarts, reason, exit, .. } = app;
        format!("{name}: {}, pid {pid:?}, restarts {restarts}, reason {reason:?}, exit {exit:?}", status.as_str())
    };
    status.apps.iter().map(one).collect::<Vec<_>>().join("; ")
}
