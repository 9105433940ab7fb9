//! A small HTTP server that stands for betti-backend: it remembers what was posted, and can be in several moods.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::JoinHandle;

use serde_json::{Value, json};

use super::Shared;

/// How it treats readings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// Takes each key once; answers 201, and 409 the second time.
    Well,
    /// Takes a reading and hangs up without an answer.
    HangsUp,
    /// Reads and never answers.
    Deaf,
    /// Answers this.
    Says(u16),
}

/// A reading as it was posted.
#[derive(Clone, Debug)]
pub struct Post {
    pub key: String,
    pub body: Value,
}

#[derive(Default)]
struct Seen {
    /// Every attempt at `/api/vitals`.
    posts: Vec<Post>,
    /// By key: what was taken.
    taken: BTreeMap<String, Value>,
    /// Every body of `/api/ble/state`.
    states: Vec<Value>,
    /// What it wants, as [`FakeApi::wants`] says it; its place there is its version.
    wishes: Vec<Value>,
    mood: Option<Mood>,
    closing: bool,
}

pub struct FakeApi {
    address: SocketAddr,
    seen: Shared<Seen>,
    server: Option<JoinHandle<()>>,
}

impl FakeApi {
    pub fn start() -> Self {
        let mut api = Self { address: ([127, 0, 0, 1], 0).into(), seen: Shared::new(Seen::default()), server: None };
        api.come_up();
        api
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn set_mood(&self, mood: Mood) {
        self.seen.change(|seen| seen.mood = Some(mood));
    }

    /// From now on it wants these devices to be connected to, and this scan to be made.
    pub fn wants(&self, devices: &[&str], scan: Option<&str>) {
        self.seen.change(|seen| seen.wishes.push(json!({"devices": devices, "scan": scan})));
    }

    /// Nobody listens on its port any more. What it has taken it keeps.
    pub fn go_down(&mut self) {
        self.seen.change(|seen| seen.closing = true);
        let _ = TcpStream::connect(self.address); // Wakes it up.
        self.server.take().unwrap().join().unwrap();
    }

    /// It listens again, where it did.
    pub fn come_up(&mut self) {
        self.seen.change(|seen| seen.closing = false);
        let listener = TcpListener::bind(self.address).unwrap();
        self.address = listener.local_addr().unwrap();
        let seen = self.seen.clone();
        self.server = Some(std::thread::spawn(move || serve(&listener, &seen)));
    }

    /// What was taken, by key.
    pub fn taken(&self) -> BTreeMap<String, Value> {
        self.seen.change(|seen| seen.taken.clone())
    }

    /// Every attempt so far.
    pub fn posts(&self) -> Vec<Post> {
        self.seen.change(|seen| seen.posts.clone())
    }

    pub fn states(&self) -> Vec<Value> {
        self.seen.change(|seen| seen.states.clone())
    }

    /// Waits until this many readings were taken, and gives them.
    #[track_caller]
    pub fn wait_for_taken(&self, count: usize) -> Vec<Value> {
        let found = self
            .seen
            .wait(|seen| (seen.taken.len() >= count).then(|| seen.taken.values().cloned().collect::<Vec<_>>()));
        found.unwrap_or_else(|| panic!("{count} readings were not taken, only {:#?}", self.taken()))
    }

    /// Waits until a reading of this kind was taken.
    #[track_caller]
    pub fn wait_for_vital(&self, vital_type: &str) -> Value {
        let found = self.seen.wait(|seen| seen.taken.values().find(|body| body["vital_type"] == vital_type).cloned());
        found.unwrap_or_else(|| panic!("no {vital_type} was taken, only {:#?}", self.taken()))
    }

    /// Waits until something was posted this often, taken or not.
    #[track_caller]
    pub fn wait_for_posts(&self, count: usize) -> Vec<Post> {
        let found = self.seen.wait(|seen| (seen.posts.len() >= count).then(|| seen.posts.clone()));
        found.unwrap_or_else(|| panic!("fewer than {count} posts: {:#?}", self.posts()))
    }

    /// Waits until the worker has told this about itself.
    #[track_caller]
    pub fn wait_for_state(&self, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let found = self.seen.wait(|seen| seen.states.iter().rev().find(|state| is_so(state)).cloned());
        found.unwrap_or_else(|| panic!("never told \"{what}\", only {:#?}", self.states()))
    }
}

impl Drop for FakeApi {
    fn drop(&mut self) {
        if self.server.is_some() {
            self.go_down();
        }
    }
}

fn serve(listener: &TcpListener, seen: &Shared<Seen>) {
    for connection in listener.incoming() {
        if seen.change(|seen| seen.closing) {
            return;
        }
        let seen = seen.clone();
        std::thread::spawn(move || answer(connection.unwrap(), &seen));
    }
}

fn answer(mut connection: TcpStream, seen: &Shared<Seen>) -> Option<()> {
    let (path, key, body) = read(&connection)?;
    if let Some(version) = path.strip_prefix("/api/ble/wanted?version=") {
        let wish = seen.wait(|seen| {
            let newest = seen.wishes.len();
            (newest.to_string() != version).then(|| (newest, seen.wishes.last().cloned()))
        });
        let (version, wish) = wish?;
        let wish = wish.unwrap_or_else(|| json!({"devices": [], "scan": null}));
        let data = json!({"version": version.to_string(), "devices": wish["devices"], "scan": wish["scan"]});
        let body = json!({"success": true, "data": data}).to_string();
        write!(connection, "HTTP/1.1 200 X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
            .ok()?;
        return Some(());
    }
    let status = match path.as_str() {
        "/api/ble/state" => {
            seen.change(|seen| seen.states.push(body));
            Some(200)
        }
        "/api/vitals" => seen.change(|seen| seen.take(Post { key, body })),
        _ => Some(404),
    };
    match status {
        Some(0) => return None,
        Some(status) => {
            write!(connection, "HTTP/1.1 {status} X\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{{}}").ok()?;
        }
        // Deaf: until the other side gives up.
        None => drop(connection.read(&mut [0; 1])),
    }
    Some(())
}

impl Seen {
    /// The status to answer; 0 = hang up, `None` = say nothing.
    fn take(&mut self, post: Post) -> Option<u16> {
        self.posts.push(post.clone());
        let known = self.taken.contains_key(&post.key);
        let take = || self.taken.insert(post.key, post.body);
        match self.mood.unwrap_or(Mood::Well) {
            Mood::Well if known => Some(409),
            Mood::Well => {
                take();
                Some(201)
            }
            Mood::HangsUp => {
                take();
                Some(0)
            }
            Mood::Deaf => None,
            Mood::Says(status) => Some(status),
        }
    }
}

/// Path, idempotency key and JSON of a request.
fn read(connection: &TcpStream) -> Option<(String, String, Value)> {
    let mut reader = BufReader::new(connection);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let path = line.split(' ').nth(1)?.to_string();
    let (mut length, mut key) = (0, String::new());
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        match name.to_lowercase().as_str() {
            "content-length" => length = value.parse().ok()?,
            "idempotency-key" => key = value.to_string(),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).ok()? };
    Some((path, key, body))
}
