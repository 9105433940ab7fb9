//! The gateway's binary on a port of its own, and a client that sees every byte.
#![allow(dead_code, reason = "each test file uses its part of it")]

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use nix::{sys::signal, unistd::Pid};

/// A gateway that has stopped and is still there after this long hangs.
const GONE_WITHIN: Duration = Duration::from_secs(10);
/// An answer that takes longer than this does not come.
const ANSWERED_WITHIN: Duration = Duration::from_secs(10);
/// Nobody listens on this port (RFC 863), as long as nobody starts a museum.
pub const NOBODY: &str = "http://127.0.0.1:9";

pub struct Gateway {
    child: Child,
    log: BufReader<ChildStdout>,
    pub address: String,
}

impl Gateway {
    /// Starts it in front of these workers and waits until it listens.
    pub fn start(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command = command();
        command.args(arguments).envs(environment.iter().copied());
        Self::start_with(command)
    }

    /// Starts what [`command`] made, and waits until it listens.
    pub fn start_with(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let log = BufReader::new(child.stdout.take().unwrap());
        let mut gateway = Self { child, log, address: String::new() };
        let line: serde_json::Value = serde_json::from_str(&gateway.wait_for_line("\"listening\"")).unwrap();
        gateway.address = line["address"].as_str().unwrap().to_owned();
        gateway
    }

    /// With the app in this folder, and no worker behind it.
    pub fn with_app(root: &Path) -> Self {
        Self::start(&["--root", root.to_str().unwrap()], &[])
    }

    /// The next line of its log that contains this text.
    pub fn wait_for_line(&mut self, text: &str) -> String {
        let mut seen = Vec::new();
        loop {
            let mut line = String::new();
            assert!(self.log.read_line(&mut line).unwrap() > 0, "the log ended without {text}:\n{}", seen.concat());
            if line.contains(text) {
                return line;
            }
            seen.push(line);
        }
    }

    /// What is left of its log, up to its end.
    pub fn rest_of_log(&mut self) -> String {
        let mut rest = String::new();
        self.log.read_to_string(&mut rest).unwrap();
        rest
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(ANSWERED_WITHIN)).unwrap();
        stream
    }

    /// Sends bytes as they are and reads until the gateway closes.
    pub fn exchange(&self, request: &str) -> Answer {
        let mut stream = self.connect();
        stream.write_all(request.as_bytes()).unwrap();
        Answer::read(&mut stream)
    }

    pub fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[])
    }

    pub fn ask(&self, method: &str, path: &str, headers: &[&str]) -> Answer {
        let headers: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
        let host = &self.address;
        self.exchange(&format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}\r\n"))
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

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill(); // Unless it is gone already.
        let _ = self.child.wait();
    }
}

/// The binary on a free port, with nobody behind it.
pub fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_betti-web"));
    command
        .env_remove("HOST")
        .env("PORT", "0")
        .env("BETTI_LOG", "info")
        .env("BETTI_API_URL", NOBODY)
        .env("BETTI_NUTRITION_URL", NOBODY)
        .env("BETTI_VIDEO_URL", NOBODY)
        .stdout(Stdio::piped());
    command
}

/// A whole answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: String,
    pub body: Vec<u8>,
}

impl Answer {
    /// Reads until the other side closes.
    pub fn read(stream: &mut TcpStream) -> Self {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("an answer has a head");
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("an answer has a status");
        Self { status, headers: head, body: bytes[end + 4..].to_vec() }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}
