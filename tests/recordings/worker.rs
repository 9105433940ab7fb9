//! A worker's real binary, on a port and with data of its own, and the replayer. Workers' tests include this file:
//!
//! ```ignore
//! #[path = "../../../tests/recordings/worker.rs"]
//! mod worker;
//! ```
#![allow(dead_code, reason = "every test file uses another part")]

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    os::fd::AsRawFd,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Mutex, mpsc},
    thread,
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::{Pid, pipe},
};
use serde_json::Value;

/// Nothing here takes this long, unless it hangs.
const DEADLINE: Duration = Duration::from_secs(60);
/// The zone of the recordings.
pub const ZONE: &str = "America/New_York";
/// Where a hub's own credential is, in the folder of its data: the first worker makes it before it is ready.
const SERVICE_KEY: &str = "service.key";

/// A worker that runs until this is dropped.
pub struct Running {
    child: Child,
    log: Mutex<mpsc::Receiver<String>>,
    pub address: SocketAddr,
    token: String,
    zone: String,
}

/// An answer: its status, and its body as JSON (`null` if it is none).
pub type Answer = (u16, Value);

impl Running {
    /// Starts a worker and waits until it says that it is ready.
    pub fn start(program: &str, data: &Path, environment: &[(&str, &str)]) -> Self {
        // Neither end is closed in the child, so that it finds the write end under the same number.
        let (ready, write) = pipe().expect("a pipe");
        let mut child = Command::new(program)
            .env_clear()
            .env("TZ", ZONE)
            .env("PORT", "0")
            .env("BETTI_DATA_DIR", data)
            .env("BETTI_READY_FD", write.as_raw_fd().to_string())
            .envs(environment.iter().copied())
            .stdin(Stdio::piped()) // The lifeline: it ends with this process.
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{program} cannot be started: {error}"));
        drop(write);
        let lines = lines_of(child.stdout.take().expect("piped"));
        let ready_line = lines_of(std::fs::File::from(ready)).recv_timeout(DEADLINE).expect("a ready line");
        assert_eq!(ready_line, "READY=1");
        let address = lines.iter().find_map(|line| address_in(&line)).expect("a line that says where it listens");
        let zone = environment.iter().rev().find(|(name, _)| *name == "TZ").map_or(ZONE, |(_, zone)| zone);
        let token = std::fs::read_to_string(data.join(SERVICE_KEY)).expect("the hub's own credential");
        Self { child, log: Mutex::new(lines), address, token: token.trim_end().to_owned(), zone: zone.to_owned() }
    }

    /// What this hub's workers show to each other.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// A header line by which it is shown, without its end.
    pub fn authorization(&self) -> String {
        format!("Authorization: Bearer {}", self.token)
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn get(&self, path: &str) -> Answer {
        self.request("GET", path, &[], None)
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.request("POST", path, &[], Some(body))
    }

    /// As one of the hub's workers.
    pub fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&Value>) -> Answer {
        let authorization = format!("Bearer {}", self.token);
        self.exchange(method, path, &[headers, &[("Authorization", &authorization)]].concat(), body)
    }

    /// With these headers and no other: by whoever they say, or by nobody who is known.
    pub fn exchange(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&Value>) -> Answer {
        let body = body.map(Value::to_string).unwrap_or_default();
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n");
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        head += &format!("Content-Length: {}\r\n\r\n", body.len());
        let mut stream = TcpStream::connect(self.address).expect("a connection");
        stream.set_read_timeout(Some(DEADLINE)).expect("a timeout");
        stream.write_all((head + &body).as_bytes()).expect("a request that is taken");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("an answer");
        // What is handed out as a file is no text.
        let answer = String::from_utf8_lossy(&answer);
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        let body = answer.split_once("\r\n\r\n").map(|(_, body)| body).unwrap_or_default();
        (status, serde_json::from_str(body).unwrap_or_default())
    }

    /// Waits until its log says this; what was said before is not looked at again.
    pub fn wait_until_it_says(&self, text: &str) {
        let log = self.log.lock().expect("nobody else waits");
        while !log.recv_timeout(DEADLINE).unwrap_or_else(|_| panic!("it never said {text:?}")).contains(text) {}
    }

    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().cast_signed()), signal).expect("a process to signal");
    }

    /// As if the keeper were gone: nobody holds the other end of its standard input any more.
    pub fn end_lifeline(&mut self) {
        drop(self.child.stdin.take());
    }

    /// Ends it without warning and waits until it is gone.
    pub fn kill(mut self) {
        self.signal(Signal::SIGKILL);
        self.child.wait().expect("a child to wait for");
    }

    /// Waits until it has left by itself; its exit code.
    pub fn wait(&mut self) -> Option<i32> {
        self.child.wait().expect("a child to wait for").code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill(); // Gone already, if the test ended it.
        let _ = self.child.wait();
    }
}

/// Lines as they come, read by a thread so that the writer never waits.
fn lines_of(stream: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            let _ = sender.send(line); // Nobody needs the later ones.
        }
    });
    receiver
}

fn address_in(line: &str) -> Option<SocketAddr> {
    serde_json::from_str::<Value>(line).ok()?["address"].as_str()?.parse().ok()
}

/// Replays the recorded exchanges whose id contains `only`, as one of the hub's workers; how many passed. Fails with what
/// differs.
pub fn replay(recording: &str, worker: &Running, only: &str) -> usize {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/recordings");
    let output = Command::new("python3")
        .arg(folder.join("replay.py"))
        .arg(folder.join(recording))
        .args([&worker.url(), "--only", only, "--token", worker.token()])
        .env("REPLAY_TZ", &worker.zone)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .expect("python3, which replays recordings (apt-get install python3)");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{only} differs:\n{said}{}", String::from_utf8_lossy(&output.stderr));
    let summary = said.lines().last().unwrap_or_default();
    let passed = summary.split(' ').next().and_then(|count| count.parse().ok());
    passed.unwrap_or_else(|| panic!("no summary in:\n{said}"))
}
