//! A hub of its own for every test: folder, runtime directory, keeper. However the test ends, nothing of it is left.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use protocol::control::{App, CONFIG_HEADER, Watch, Word};
use serde_json::Value;

/// Nothing here takes longer, however busy the machine is.
const DEADLINE: Duration = Duration::from_secs(30);
const BETWEEN_LOOKS: Duration = Duration::from_millis(5);

pub struct Hub {
    folder: tempfile::TempDir,
    keeper: Child,
}

/// What an HTTP request was answered.
pub struct Answer {
    pub status: u16,
    pub body: String,
}

impl Hub {
    /// Writes the files (executable) and starts a keeper on `ecosystem`.
    pub fn start(ecosystem: &str, files: &[(&str, &str)]) -> Self {
        Self::start_with(ecosystem, files, &[])
    }

    pub fn start_with(ecosystem: &str, files: &[(&str, &str)], arguments: &[&str]) -> Self {
        let folder = folder(ecosystem, files);
        let keeper = keeper(folder.path(), arguments).spawn().unwrap();
        Self { folder, keeper }
    }

    /// With another copy of the program.
    pub fn start_program(program: &Path, ecosystem: &str, files: &[(&str, &str)]) -> Self {
        let folder = folder(ecosystem, files);
        let keeper = keeper_of(program, folder.path(), &[]).spawn().unwrap();
        Self { folder, keeper }
    }

    /// With a shell script that starts the program, which is `$1` with its arguments.
    pub fn start_by(script: &str, ecosystem: &str, files: &[(&str, &str)]) -> Self {
        let folder = folder(ecosystem, files);
        let starter = folder.path().join("starter");
        let program = env!("CARGO_BIN_EXE_betti-supervisor");
        fs::write(&starter, format!("#!/bin/bash\nset -- '{program}' \"$@\"\n{script}\n")).unwrap();
        fs::set_permissions(&starter, fs::Permissions::from_mode(0o755)).unwrap();
        let keeper = keeper_of(&starter, folder.path(), &[]).spawn().unwrap();
        Self { folder, keeper }
    }

    /// With variables in the keeper's environment.
    pub fn start_in(environment: &[(&str, &Path)], ecosystem: &str, files: &[(&str, &str)]) -> Self {
        let folder = folder(ecosystem, files);
        let keeper = keeper(folder.path(), &[]).envs(environment.iter().copied()).spawn().unwrap();
        Self { folder, keeper }
    }

    /// With a standard error that cannot be written to.
    pub fn start_deaf(ecosystem: &str) -> Self {
        let folder = folder(ecosystem, &[]);
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let keeper = keeper(folder.path(), &[]).stderr(writer).spawn().unwrap();
        Self { folder, keeper }
    }

    /// As `betti-ctl` starts it: with `logs/betti-supervisor.log` as its output, which says this already.
    pub fn start_on_a_log(ecosystem: &str, said: &str) -> Self {
        let folder = folder(ecosystem, &[("logs/betti-supervisor.log", said)]);
        let log = fs::OpenOptions::new().append(true).open(folder.path().join("logs/betti-supervisor.log")).unwrap();
        let keeper = keeper(folder.path(), &[]).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        Self { folder, keeper }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// Another keeper for the same folder; not ours to end.
    pub fn second_keeper(&self) -> Command {
        keeper(self.folder.path(), &[])
    }

    /// Starts again after the keeper has ended.
    pub fn start_again(&mut self) {
        self.start_again_in(&[]);
    }

    /// As [`start_again`](Self::start_again), with variables in the keeper's environment.
    pub fn start_again_in(&mut self, environment: &[(&str, &Path)]) {
        self.keeper.wait().unwrap();
        self.keeper = keeper(self.folder.path(), &[]).envs(environment.iter().copied()).spawn().unwrap();
    }

    pub fn keeper_pid(&self) -> i32 {
        self.keeper.id() as i32
    }

    pub fn keeper_ended(&mut self) -> ExitStatus {
        eventually("the keeper ends", || self.keeper.try_wait().unwrap())
    }

    /// What the keeper and the supervisor said.
    pub fn said(&self) -> String {
        self.read("hub.log")
    }

    pub fn ask(&self, method: &str, path: &str, body: &str) -> Answer {
        self.ask_with(method, path, body, &[])
    }

    pub fn ask_about(&self, config: &Path, path: &str) -> Answer {
        self.ask_with("GET", path, "", &[(CONFIG_HEADER, config.to_str().unwrap())])
    }

    fn ask_with(&self, method: &str, path: &str, body: &str, headers: &[(&str, &str)]) -> Answer {
        let socket = self.path("run/control.sock");
        // A supervisor may be replaced in the middle of an answer: its successor is asked the same.
        let text = eventually("an answer", || exchange(&socket, method, path, body, headers));
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        Answer { status: head[9..12].parse().unwrap(), body: body.to_owned() }
    }

    /// Asks to start, stop or restart, and returns what was accepted.
    pub fn act(&self, verb: &str, targets: &[&str]) -> Value {
        let body = serde_json::json!({ "targets": targets }).to_string();
        let answer = self.ask("POST", &format!("/v1/{verb}"), &body);
        assert_eq!(answer.status, 200, "{}", answer.body);
        serde_json::from_str(&answer.body).unwrap()
    }

    pub fn watch(&self) -> Watch {
        self.watch_after(None)
    }

    fn watch_after(&self, after: Option<u64>) -> Watch {
        let query = after.map(|after| format!("?after={after}")).unwrap_or_default();
        let answer = self.ask("GET", &format!("/v1/watch{query}"), "");
        assert_eq!(answer.status, 200, "{}", answer.body);
        serde_json::from_str(&answer.body).unwrap()
    }

    pub fn app(&self, name: &str) -> App {
        app(&self.watch(), name)
    }

    /// Watches until something is true, and returns what makes it so.
    pub fn until<T>(&self, what: &str, is_true: impl Fn(&Watch) -> Option<T>) -> T {
        let begun = Instant::now();
        let mut seen = self.watch();
        loop {
            if let Some(found) = is_true(&seen) {
                return found;
            }
            assert!(begun.elapsed() < DEADLINE, "never: {what}\n{seen:#?}\n{}", self.said());
            seen = self.watch_after(Some(seen.sequence));
        }
    }

    pub fn until_app(&self, name: &str, what: &str, is_true: impl Fn(&App) -> bool) -> App {
        self.until(&format!("{name} {what}"), |watch| Some(app(watch, name)).filter(&is_true))
    }

    pub fn until_status(&self, name: &str, status: Word) -> App {
        self.until_app(name, &format!("is {}", status.as_str()), |app| app.status == status)
    }

    /// Everything that carries the hub's tag and a run's number, by run; run 0 is the supervisor.
    pub fn tagged(&self) -> BTreeMap<i32, u64> {
        tagged(&self.read("run/hub.id"))
    }

    pub fn workers(&self) -> Vec<i32> {
        self.tagged().into_iter().filter(|(_, run)| *run != 0).map(|(pid, _)| pid).collect()
    }

    pub fn end_by(&self, pid: i32, signal: Signal) {
        kill(Pid::from_raw(pid), signal).unwrap();
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- what the hub said\n{}", self.said());
        }
        let _ = self.keeper.kill();
        let _ = self.keeper.wait();
        let hub = self.read("run/hub.id");
        let begun = Instant::now();
        while !hub.is_empty() && begun.elapsed() < DEADLINE {
            let left = tagged(&hub);
            if left.is_empty() {
                return;
            }
            for pid in left.keys() {
                let _ = kill(Pid::from_raw(*pid), Signal::SIGKILL);
            }
            std::thread::sleep(BETWEEN_LOOKS);
        }
    }
}

fn folder(ecosystem: &str, files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap(); // apps may be other users'
    fs::write(folder.path().join("ecosystem.toml"), ecosystem).unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    folder
}

fn keeper(folder: &Path, arguments: &[&str]) -> Command {
    keeper_of(env!("CARGO_BIN_EXE_betti-supervisor").as_ref(), folder, arguments)
}

fn keeper_of(program: &Path, folder: &Path, arguments: &[&str]) -> Command {
    let log = fs::OpenOptions::new().create(true).append(true).open(folder.join("hub.log")).unwrap();
    let mut command = Command::new(program);
    command
        .arg("--config")
        .arg(folder.join("ecosystem.toml"))
        .args(arguments)
        .env("BETTI_RUNTIME_DIR", folder.join("run"))
        .env("OF_THE_SHELL", "yes")
        .env("LC_TEST", "yes")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log);
    command
}

fn exchange(socket: &Path, method: &str, path: &str, body: &str, headers: &[(&str, &str)]) -> Option<String> {
    let mut stream = UnixStream::connect(socket).ok()?;
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let whole = answer.starts_with("HTTP/1.1 ") && answer.contains("\r\n\r\n") && !answer.contains(" 503 ");
    whole.then_some(answer)
}

pub fn app(watch: &Watch, name: &str) -> App {
    watch.status.apps.iter().find(|app| app.name == name).unwrap_or_else(|| panic!("no {name}")).clone()
}

/// Looks again and again until there is something.
pub fn eventually<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    within(DEADLINE, what, look)
}

pub fn within<T>(deadline: Duration, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < deadline, "not within {deadline:?}: {what}");
        std::thread::sleep(BETWEEN_LOOKS);
    }
}

pub fn lives(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

fn tagged(hub: &str) -> BTreeMap<i32, u64> {
    let mark = format!("BETTI_INVOCATION={hub}-");
    let pids = fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter_map(|pid: i32| {
        let environ = fs::read(format!("/proc/{pid}/environ")).ok()?;
        let text = String::from_utf8_lossy(&environ).into_owned();
        let run = text.split('\0').find_map(|entry| entry.strip_prefix(&mark)?.parse().ok())?;
        Some((pid, run))
    })
    .collect()
}
