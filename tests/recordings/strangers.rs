//! Every line of a worker's table of routes, asked by somebody whom the hub does not know, and by somebody whom it knows. Workers'
//! tests include this file.

use std::{collections::BTreeSet, net::SocketAddr, path::Path};

use jiff::Timestamp;
use kit::{
    Access, Area, Audit, Routes, Rule,
    access::Invitation,
    audit::{self, Question},
    role::Role,
    routes::Line,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// What the gateway says of a caller from the network.
const FROM_THE_NETWORK: &str = "X-Forwarded-For: 192.168.1.7\r\n";

/// Asks each line without a credential, from this machine and as if from another one, and fails unless it refuses with 401 or is one of these: the
/// method (`-` for a WebSocket) and the pattern of what is public.
pub async fn are_refused_by(routes: Routes, public: &[(&str, &str)]) {
    let lines: Vec<_> = routes.lines().collect();
    let mut open: Vec<_> = lines.iter().filter(|line| line.rule == Rule::Public).map(named).collect();
    open.sort_unstable();
    let mut expected = public.to_vec();
    expected.sort_unstable();
    assert_eq!(open, expected, "what is public is listed by name");
    let (listener, stop) = (TcpListener::bind("127.0.0.1:0").await.expect("a port"), CancellationToken::new());
    let address = listener.local_addr().expect("an address");
    tokio::spawn(kit::serve::serve(listener, None, routes.service(), stop.clone(), TaskTracker::new()));
    for line in lines.iter().filter(|line| line.rule != Rule::Public) {
        for from in ["", FROM_THE_NETWORK] {
            assert_eq!(status(address, line, from).await, "401", "{:?} {from}", named(line));
        }
    }
    stop.cancel();
}

/// Asks each line as the resident, and fails unless each that is not public leaves an entry in the audit.
pub async fn leave_an_entry_by(routes: Routes, access: Access, data: &Path) {
    let resident = access.add_program(Invitation::of(Role::Resident), Timestamp::now()).await.expect("a token");
    let mut lines: Vec<_> = routes.lines().filter(|line| line.rule != Rule::Public).collect();
    // Whoever gives up its access is not known afterwards.
    lines.sort_by_key(|line| line.pattern == "/api/v1/access/me");
    let (listener, stop) = (TcpListener::bind("127.0.0.1:0").await.expect("a port"), CancellationToken::new());
    let (address, audit) = (listener.local_addr().expect("an address"), Audit::open(data).expect("an audit"));
    let answer = routes.guarded_by(access).audited_by(audit.clone()).service();
    tokio::spawn(kit::serve::serve(listener, None, answer, stop.clone(), TaskTracker::new()));
    let credential = format!("{FROM_THE_NETWORK}Authorization: Bearer {}\r\n", resident.token.reveal());
    for line in &lines {
        assert_ne!(status(address, line, &credential).await, "401", "{:?}", named(line));
    }
    stop.cancel();
    audit.close();
    let asked = Question { limit: u32::MAX, ..Question::default() };
    let entries = audit::ask(data, &asked).expect("entries");
    let found: BTreeSet<_> = entries.iter().flat_map(|entry| entry.routes.iter().cloned()).collect();
    let expected = lines
        .iter()
        .map(|line| format!("{} {}", line.method.as_ref().map_or("WS", |method| method.as_str()), line.pattern));
    assert_eq!(found, expected.collect(), "every line leaves an entry, and no other");
    assert!(entries.iter().all(|entry| entry.device.as_ref() == Some(&resident.device)), "{entries:?}");
}

/// Asks each line as a sensor that was granted all that one can be, and fails unless these alone take what it brings, and it sees which devices
/// there are and nothing else. What every known caller is let in to decides behind the table.
pub async fn are_let_in_as_sensors_by(routes: Routes, access: Access, brought: &[(&str, &str)]) {
    let sensor = access.add_program(Invitation::of(Role::Device), Timestamp::now()).await.expect("a token");
    let lines: Vec<_> = routes.lines().filter(|line| !matches!(line.rule, Rule::Public | Rule::Known)).collect();
    let (listener, stop) = (TcpListener::bind("127.0.0.1:0").await.expect("a port"), CancellationToken::new());
    let address = listener.local_addr().expect("an address");
    let answer = routes.guarded_by(access).service();
    tokio::spawn(kit::serve::serve(listener, None, answer, stop.clone(), TaskTracker::new()));
    let credential = format!("{FROM_THE_NETWORK}Authorization: Bearer {}\r\n", sensor.token.reveal());
    let mut let_in = BTreeSet::new();
    for line in lines.iter().filter(|line| line.rule != Rule::Read(Area::Devices)) {
        if status(address, line, &credential).await != "403" {
            let_in.insert(named(line));
        }
    }
    stop.cancel();
    assert_eq!(let_in, brought.iter().copied().collect(), "what sensors bring is listed by name");
}

/// Fails unless the changing routes that the tablet on the wall may call without the PIN are these, so that it is decided about each
/// new one. WebSockets change nothing.
#[allow(dead_code, reason = "not every worker has such")]
pub fn everyday_is(routes: &Routes, expected: &[(&str, &str)]) {
    let lines = changing(routes);
    let everyday = lines.iter().filter(|line| line.stakes == kit::access::kiosk::Stakes::Everyday);
    let found: BTreeSet<_> = everyday.map(named).collect();
    assert_eq!(found, expected.iter().copied().collect(), "what needs no PIN is listed by name");
}

/// Fails unless these are the routes: a line each, with the method (`-` for a WebSocket), the pattern, and the area that its rule
/// asks about, or the rule. Whoever adds a route adds it there, and to the walk that reads it.
#[allow(dead_code, reason = "not every worker's records are somebody's")]
pub fn are_written_down(routes: &Routes, file: &str) {
    let written = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).expect(file);
    let line = |line: Line| {
        let rule = format!("{:?}", line.rule).to_lowercase();
        let area = rule.split_once('(').map_or(rule.as_str(), |(_, area)| area.trim_end_matches(')'));
        let (method, pattern) = named(&line);
        format!("{method} {pattern} {area}")
    };
    let mut found: Vec<_> = routes.lines().map(line).collect();
    found.sort_unstable();
    let written: Vec<_> = written.lines().filter(|line| !line.is_empty()).collect();
    assert!(written == found, "{file} is to be:\n{}\n", found.join("\n"));
}

/// The lines that change something and are not public.
#[allow(dead_code, reason = "not every worker has such")]
pub fn changing(routes: &Routes) -> Vec<Line> {
    let changes = |line: &Line| line.method.as_ref().is_some_and(|method| *method != http::Method::GET);
    routes.lines().filter(|line| changes(line) && line.rule != Rule::Public).collect()
}

pub fn named(line: &Line) -> (&str, &'static str) {
    (line.method.as_ref().map_or("-", |method| method.as_str()), line.pattern)
}

async fn status(address: SocketAddr, line: &Line, headers: &str) -> String {
    let path = if line.pattern == "*" { "/any".to_owned() } else { line.pattern.replace(['{', '}', '*'], "") };
    let (method, connection) = match &line.method {
        Some(method) => (method.as_str(), "close\r\n".to_owned()),
        None => {
            let key =
                "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
            ("GET", format!("Upgrade\r\n{key}"))
        }
    };
    let head = format!("{method} {path} HTTP/1.1\r\nHost: hub\r\n{headers}Connection: {connection}\r\n");
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.write_all(head.as_bytes()).await.expect("a request that is taken");
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.expect("an answer");
    String::from_utf8_lossy(&answer[9..]).into_owned()
}
