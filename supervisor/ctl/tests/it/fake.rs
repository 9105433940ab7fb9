//! A control server on a real Unix socket, which answers as the test says.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;

use protocol::control::{
    Accepted, AcceptedApp, App, Keeper, LogSource, Refusal, Runs, Status, Supervisor, Watch, Word,
};

/// A request as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Method and path.
    pub line: String,
    /// The caller's file.
    pub config: Option<String>,
    /// The body.
    pub body: String,
}

/// What the server does about a request.
pub enum Answer {
    /// A status code and a body.
    Json(u16, String),
    /// Breaks the connection, as a supervisor that dies does.
    Drop,
    /// Breaks it and closes the socket, as a keeper that dies does.
    Leave,
}

impl Answer {
    /// 200
    pub fn ok(body: &impl serde::Serialize) -> Self {
        Self::Json(200, serde_json::to_string(body).expect("it is data"))
    }

    /// A refusal.
    pub fn refused(status: u16, error: &str) -> Self {
        let body = serde_json::to_string(&Refusal { error: error.into() });
        Self::Json(status, body.expect("it is data"))
    }
}

/// The server: it runs until it leaves or the test ends.
pub struct Fake {
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Fake {
    /// Listens on `socket`; every request is answered by `answer`.
    pub fn listen(socket: &Path, mut answer: impl FnMut(&Asked) -> Answer + Send + 'static) -> Self {
        let listener = UnixListener::bind(socket).expect("the socket can be bound");
        let asked = Arc::new(Mutex::new(Vec::new()));
        let fake = Self { asked: Arc::clone(&asked) };
        let socket: PathBuf = socket.to_owned();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let Some(request) = read(&stream) else { continue };
                let answer = answer(&request);
                asked.lock().expect("no test panicked in here").push(request);
                match answer {
                    Answer::Json(status, body) => write(&stream, status, &body),
                    Answer::Drop => {}
                    Answer::Leave => {
                        // The socket goes first, so that nobody can connect once the connection has ended.
                        std::fs::remove_file(&socket).expect("the socket is ours");
                        return;
                    }
                }
            }
        });
        fake
    }

    /// What was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("no test panicked in here").clone()
    }

    /// The acts that were asked for so far.
    pub fn acts(&self) -> Vec<Asked> {
        self.asked().into_iter().filter(|asked| asked.line.starts_with("POST")).collect()
    }
}

fn read(stream: &UnixStream) -> Option<Asked> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|length| *length > 0)?;
    let (mut config, mut length) = (None, 0);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim_end().split_once(':') else { break };
        match name.to_ascii_lowercase().as_str() {
            "betti-config" => config = Some(value.trim().to_owned()),
            "content-length" => length = value.trim().parse().ok()?,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let line = line.trim_end().trim_end_matches(" HTTP/1.1").to_owned();
    Some(Asked { line, config, body: String::from_utf8_lossy(&body).into_owned() })
}

fn write(mut stream: &UnixStream, status: u16, body: &str) {
    let head =
        format!("HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
    // A caller that went away is the caller's business.
    let _ = stream.write_all(format!("{head}{body}").as_bytes());
}

/// One app in one state, for canned answers.
#[derive(Clone, Copy)]
pub struct Seen {
    pub name: &'static str,
    pub status: Word,
    pub wanted: bool,
    pub newest: Option<u64>,
    pub finished: Option<u64>,
    pub waits_for: &'static [&'static str],
    pub reason: Option<&'static str>,
}

impl Seen {
    /// An app that is wanted and has had one run, number 8.
    pub const fn new(name: &'static str, status: Word) -> Self {
        Self { name, status, wanted: true, newest: Some(8), finished: Some(7), waits_for: &[], reason: None }
    }
}

/// A status with these apps.
pub fn status(apps: &[Seen]) -> Status {
    let app = |(id, seen): (u32, &Seen)| App {
        id,
        name: seen.name.into(),
        namespace: "default".into(),
        status: seen.status,
        reason: seen.reason.map(str::to_owned),
        pid: (seen.status == Word::Online).then_some(4711),
        uptime_ms: (seen.status == Word::Online).then_some(65_000),
        ready_ms: (seen.status == Word::Online).then_some(41),
        restarts: 0,
        cpu_percent: 0.0,
        memory_bytes: 1 << 20,
        exit: None,
        says: None,
        instance: None,
        user: None,
        watching: false,
    };
    Status {
        keeper: Keeper { pid: i32::try_from(std::process::id()).expect("a pid") },
        supervisor: Supervisor { pid: 2, version: "0.1.0".into() },
        profile: "default".into(),
        apps: (0..).zip(apps).map(app).collect(),
        notice: None,
    }
}

/// A watch with these apps.
pub fn watch(sequence: u64, apps: &[Seen]) -> Watch {
    let runs = |(id, seen): (u32, &Seen)| Runs {
        id,
        name: seen.name.into(),
        wanted: seen.wanted,
        newest: seen.newest,
        finished: seen.finished,
        waits_for: seen.waits_for.iter().map(ToString::to_string).collect(),
        follows: Vec::new(),
        to_be_reloaded: false,
    };
    Watch { sequence, leaving: false, status: status(apps), runs: (0..).zip(apps).map(runs).collect() }
}

/// That an act is about these apps, whose newest run was number 7.
pub fn accepted(names: &[&str]) -> Accepted {
    let app = |(id, name): (u32, &&str)| AcceptedApp {
        id,
        name: name.to_string(),
        after: 7,
        unchanged: false,
        leaves: false,
    };
    Accepted { apps: (0..).zip(names).map(app).collect() }
}

/// Where an app writes to.
pub fn source(id: u32, name: &str, folder: &Path) -> LogSource {
    let file = |kind: &str| folder.join(format!("{name}-{kind}.log")).display().to_string();
    LogSource { id, name: name.into(), namespace: "default".into(), out_file: file("out"), error_file: file("error") }
}

/// Answers acts with `accepted`, and watches with one state after the other; the last one stays.
pub fn play(names: &'static [&'static str], states: Vec<Vec<Seen>>) -> impl FnMut(&Asked) -> Answer + Send + 'static {
    let mut shown = 0;
    move |asked| {
        if asked.line.starts_with("POST") {
            return Answer::ok(&accepted(names));
        }
        if asked.line == "GET /v1/status" {
            return Answer::ok(&status(&states[shown.min(states.len() - 1)]));
        }
        let state = shown.min(states.len() - 1);
        shown += 1;
        Answer::ok(&watch(state as u64, &states[state]))
    }
}
