//! What must hold whatever comes in over a socket. Used by the replay of the kept corpus and by the fuzzer (`tests/fuzz`), each
//! of which uses some of it.
#![allow(dead_code)]

use std::fmt::Debug;

use protocol::control::{LONGEST_BODY, Refusal, Scale, Targets};
use protocol::keeper::{Fact, LONGEST_MESSAGE, Order};
use protocol::request::{self, Act, Amount, Ask, AskError, MOST_INSTANCES};
use protocol::self_check::Understood;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A request to the control socket: `POST /v1/stop?a=b` in the first line, the body in all that follows.
pub fn control(bytes: &[u8]) {
    let end = bytes.iter().position(|&byte| byte == b'\n').unwrap_or(bytes.len());
    let Ok(line) = std::str::from_utf8(&bytes[..end]) else { return };
    let body = bytes.get(end + 1..).unwrap_or_default();
    if body.len() > LONGEST_BODY {
        return; // refused before anybody tries to understand it
    }
    let (method, target) = line.split_once(' ').unwrap_or((line, ""));
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    match request::understand(method, path, query, body) {
        Ok(ask) => means_itself(&ask),
        Err(error) => is_told(&error, method, path),
    }
}

/// A datagram between keeper and supervisor, whichever of them it is for.
pub fn keeper(bytes: &[u8]) {
    if bytes.len() > LONGEST_MESSAGE {
        return; // no longer one is sent, and no more of one is received
    }
    if let Ok(order) = serde_json::from_slice::<Order>(bytes) {
        survives(&order);
        is_told_again(order);
    }
    if let Ok(fact) = serde_json::from_slice::<Fact>(bytes) {
        survives(&fact);
    }
    // What any program at all may answer to a self-check.
    if let Ok(understood) = serde_json::from_slice::<Understood>(bytes) {
        survives(&understood);
    }
}

/// What was understood, asked as `betti-ctl` asks it, is understood as the same.
fn means_itself(ask: &Ask) {
    let Request { method, path, query, body } = request(ask);
    let again = request::understand(method, &path, query.as_deref(), &body);
    assert_eq!(again.as_ref(), Ok(ask), "{method} {path} {query:?} {}", String::from_utf8_lossy(&body));
    if let Ask::Scale(_, amount) = ask {
        let counts = [0, 1, MOST_INSTANCES, u32::MAX].map(|present| amount.of(present));
        assert!(counts.into_iter().flatten().all(|count| (1..=MOST_INSTANCES).contains(&count)), "{amount:?}");
    }
}

/// A refusal that a client can show.
fn is_told(error: &AskError, method: &str, path: &str) {
    let words = error.to_string();
    match error {
        AskError::NoSuchPath(_) => assert!(words.contains(method) && words.contains(path), "{words}"),
        AskError::NotUnderstood(_) => assert!(!words.is_empty()),
    }
    survives(&Refusal { error: words });
}

/// What was decoded, encoded and decoded once more, is the same.
fn survives<M: Serialize + DeserializeOwned + PartialEq + Debug>(message: &M) {
    let text = encoded(message);
    let again = serde_json::from_slice::<M>(&text);
    assert_eq!(again.as_ref().ok(), Some(message), "{} {again:?}", String::from_utf8_lossy(&text));
}

/// What was short enough for the keeper to remember is short enough for it to tell.
fn is_told_again(order: Order) {
    let length = encoded(&order).len();
    if let Order::Remember { key, value: Some(value) } = order {
        assert!(encoded(&Fact::Memory { key, value }).len() <= length);
    }
}

struct Request {
    method: &'static str,
    path: String,
    query: Option<String>,
    body: Vec<u8>,
}

fn request(ask: &Ask) -> Request {
    let get = |path: &str, query: Option<String>| Request {
        method: "GET",
        path: format!("/v1/{path}"),
        query,
        body: Vec::new(),
    };
    let post = |path: &str, body: Vec<u8>| Request { method: "POST", path: format!("/v1/{path}"), query: None, body };
    match ask {
        Ask::Status => get("status", None),
        Ask::Watch { after } => get("watch", after.map(|after| format!("after={after}"))),
        Ask::Describe(targets) => get("describe", Some(pairs(targets))),
        Ask::Why(targets) => get("why", Some(pairs(targets))),
        Ask::Ping => get("ping", None),
        Ask::Logs => get("logs", None),
        Ask::Act(act, targets) => post(name(*act), encoded(targets)),
        Ask::Scale(app, amount) => post("scale", encoded(&Scale { app: app.clone(), instances: written(*amount) })),
        Ask::Signal(asked) => post("signal", encoded(asked)),
        Ask::Flush(targets) => post("flush", encoded(&Targets { targets: targets.clone(), dependants: false })),
        Ask::ReloadLogs => post("reload-logs", Vec::new()),
        Ask::Run(run) => post("run", encoded(run)),
        Ask::Apply(apply) => post("apply", encoded(apply)),
        Ask::Metrics(_) => Request { method: "GET", path: "/metrics".to_owned(), query: None, body: Vec::new() },
        Ask::Upgrade(upgrade) => post("upgrade", encoded(upgrade)),
        Ask::Kill => post("kill", Vec::new()),
    }
}

fn name(act: Act) -> &'static str {
    match act {
        Act::Start => "start",
        Act::Stop => "stop",
        Act::Restart => "restart",
        Act::Reload => "reload",
        Act::Delete => "delete",
        Act::Reset => "reset",
    }
}

fn written(amount: Amount) -> String {
    match amount {
        Amount::Exactly(count) => count.to_string(),
        Amount::More(more) => format!("+{more}"),
        Amount::Fewer(fewer) => format!("-{fewer}"),
    }
}

fn pairs(targets: &[String]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(targets.iter().map(|target| ("target", target)));
    query.finish()
}

fn encoded(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("it is data")
}
