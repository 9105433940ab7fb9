//! betti-ble as a child process.

use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use super::{FakeApi, Shared};
use fakebluez::PrivateBus;

/// The other worker's binary, beside this one's.
pub fn api_program() -> PathBuf {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_betti-ble")).with_file_name("betti-api");
    assert!(program.exists(), "{} is missing: cargo build --workspace --bins", program.display());
    program
}

pub struct Worker {
    child: Child,
    /// Lines of its log.
    lines: Shared<Vec<String>>,
    /// What it told its supervisor.
    notifications: Shared<Vec<String>>,
}

impl Worker {
    pub fn start(folder: &TempDir, api: &FakeApi, adopted: &str) -> Self {
        Self::start_at(folder, &api.url(), adopted)
    }

    /// With the API that is there.
    pub fn start_at(folder: &TempDir, api_url: &str, adopted: &str) -> Self {
        let notify_path = folder.path().join("notify");
        let _ = std::fs::remove_file(&notify_path);
        let notify = UnixDatagram::bind(&notify_path).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_betti-ble"))
            .env("DBUS_SYSTEM_BUS_ADDRESS", PrivateBus::address_in(folder.path()))
            .env("BETTI_DATA_DIR", folder.path().join("data"))
            .env("BETTI_API_URL", api_url)
            .env("BETTI_BLE_DEVICES", adopted)
            .env("NOTIFY_SOCKET", &notify_path)
            .env("TZ", "UTC")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (lines, notifications) = (Shared::new(Vec::new()), Shared::new(Vec::new()));
        collect_lines(child.stdout.take().unwrap(), lines.clone());
        collect_notifications(notify, notifications.clone());
        Self { child, lines, notifications }
    }

    /// Waits until its supervisor was told this.
    #[track_caller]
    pub fn wait_for_notification(&self, text: &str) {
        let found = self.notifications.wait(|all| all.iter().any(|line| line == text).then_some(()));
        found.unwrap_or_else(|| panic!("never said {text:?}; its log:\n{}", self.log()));
    }

    /// Waits until its log has this.
    #[track_caller]
    pub fn wait_for_line(&self, part: &str) {
        let found = self.lines.wait(|all| all.iter().any(|line| line.contains(part)).then_some(()));
        found.unwrap_or_else(|| panic!("never logged {part:?}; its log:\n{}", self.log()));
    }

    pub fn count_lines(&self, part: &str) -> usize {
        self.lines.change(|all| all.iter().filter(|line| line.contains(part)).count())
    }

    pub fn log(&self) -> String {
        self.lines.change(|all| all.join("\n"))
    }

    pub fn is_alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Tells it to stop; says how it left and how long it took.
    pub fn terminate(mut self) -> (ExitStatus, Duration) {
        let told = Instant::now();
        kill(Pid::from_raw(self.child.id().cast_signed()), Signal::SIGTERM).unwrap();
        let status = self.child.wait().unwrap();
        (status, told.elapsed())
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("log of betti-ble:\n{}", self.log());
        }
    }
}

fn collect_lines(stdout: std::process::ChildStdout, lines: Shared<Vec<String>>) {
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            lines.change(|all| all.push(line));
        }
    });
}

fn collect_notifications(socket: UnixDatagram, notifications: Shared<Vec<String>>) {
    std::thread::spawn(move || {
        let mut datagram = [0; 4096];
        while let Ok(length) = socket.recv(&mut datagram) {
            let text = String::from_utf8_lossy(&datagram[..length]).into_owned();
            notifications.change(|all| all.push(text));
        }
    });
}
