//! The worker's binary, started on a port of its own and ended when the test ends.
#![allow(dead_code, reason = "each test file uses its part of it")]

use std::{
    io::{BufRead, BufReader, Read},
    net::TcpListener,
    os::fd::OwnedFd,
    path::Path,
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use nix::{sys::signal, unistd::Pid};
use tempfile::TempDir;

/// A worker that has stopped and is still there after this long hangs.
const GONE_WITHIN: Duration = Duration::from_secs(10);

pub struct Worker {
    child: Child,
    log: Option<BufReader<ChildStdout>>,
    data: TempDir,
    pub address: String,
    /// What the hub's workers show to each other.
    pub token: String,
}

impl Worker {
    /// Starts it in a folder and waits until it listens.
    pub fn start(folder: &Path, arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_betti-video"));
        command.args(arguments);
        Self::spawn(folder, command)
    }

    /// Starts it with a socket that the test holds, as the keeper does, and waits until it listens.
    pub fn start_with(folder: &Path, socket: &TcpListener) -> Self {
        let lend = "exec 3<&0 </dev/null; LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\"";
        let mut command = Command::new("sh");
        let lent = OwnedFd::from(socket.try_clone().unwrap());
        command.args(["-c", lend, env!("CARGO_BIN_EXE_betti-video")]).stdin(Stdio::from(lent));
        Self::spawn(folder, command)
    }

    fn spawn(folder: &Path, mut command: Command) -> Self {
        let data = TempDir::new().unwrap();
        let mut child = command
            .current_dir(folder)
            .env("BETTI_DATA_DIR", data.path())
            .env_remove("BETTI_CERTS")
            .env_remove("HOST")
            .env("VIDEO_PORT", "0")
            .env("BETTI_LOG", "info")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let log = child.stdout.take().map(BufReader::new);
        let mut worker = Self { child, log, address: String::new(), token: String::new(), data };
        let line = worker.wait_for_line("\"listening\"");
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        worker.address = line["address"].as_str().unwrap().to_owned();
        let token = std::fs::read_to_string(worker.data.path().join("service.key")).unwrap();
        worker.token = token.trim_end().to_owned();
        worker
    }

    /// Where it keeps its data.
    pub fn data(&self) -> &Path {
        self.data.path()
    }

    /// The next line of its log that contains this text.
    pub fn wait_for_line(&mut self, text: &str) -> String {
        let log = self.log.as_mut().unwrap();
        let mut seen = Vec::new();
        loop {
            let mut line = String::new();
            assert!(log.read_line(&mut line).unwrap() > 0, "the log ended without {text}:\n{}", seen.concat());
            if line.contains(text) {
                return line;
            }
            seen.push(line);
        }
    }

    /// What is left of its log, up to its end.
    pub fn rest_of_log(&mut self) -> String {
        let mut rest = String::new();
        self.log.as_mut().unwrap().read_to_string(&mut rest).unwrap();
        rest
    }

    /// Asks it to stop.
    pub fn terminate(&self) {
        signal::kill(Pid::from_raw(self.child.id().cast_signed()), signal::Signal::SIGTERM).unwrap();
    }

    /// Waits until it is gone.
    pub fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + GONE_WITHIN;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "still there {GONE_WITHIN:?} after it was told to stop");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill(); // Unless it is gone already.
        let _ = self.child.wait();
    }
}
