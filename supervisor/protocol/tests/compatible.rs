//! A supervisor and a keeper of different ages understand each other. `version_1` holds every kind of message as version 1 wrote
//! it on the day when this began. Those files are never changed: what is added since is tried beside them.

use std::collections::BTreeSet;

use protocol::keeper::{Channel, Descriptor, Exit, Fact, Identity, Order, Predecessors, Rlimit, Row, Spawn, Step};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

const ORDERS: &str = include_str!("version_1/orders.jsonl");
const FACTS: &str = include_str!("version_1/facts.jsonl");
/// The same kinds with nothing in them that version 1 ever did without.
const SHORTEST_ORDERS: &str = include_str!("version_1/shortest_orders.jsonl");
const SHORTEST_FACTS: &str = include_str!("version_1/shortest_facts.jsonl");

/// What `orders.jsonl` says, line by line. No field is what it would be if nothing were said.
fn orders() -> Vec<Order> {
    let spawn = |channel| {
        Order::Spawn(Spawn {
            run: 7,
            app: "web/1".into(),
            program: "/usr/bin/env".into(),
            argv: vec!["env".into(), "é \"x\"".into()],
            env: vec![("PORT".into(), "80".into())],
            cwd: "/srv".into(),
            sockets: vec!["127.0.0.1:80".into()],
            nonblocking: false, // was not said then
            channel,
            identity: Some(Identity { uid: 1000, gid: 1001, groups: vec![1001, 29] }),
            rlimits: vec![Rlimit { resource: 7, soft: Some(64), hard: None }],
            nice: Some(-5),
            oom_score_adj: Some(300),
            watchdog_usec: Some(2_000_000),
        })
    };
    vec![
        Order::Listen { address: "127.0.0.1:80".into() },
        Order::Unlisten { address: "127.0.0.1:80".into() },
        spawn(Channel::Pipe),
        spawn(Channel::Node),
        spawn(Channel::NodeBelow),
        Order::Signal { run: 7, signal: 15 },
        Order::MainPid { run: 7, pid: 4711 },
        Order::Forget { run: 7 },
        Order::Remember { key: "app/web".into(), value: Some("{\"up\":true}".into()) },
        Order::Remember { key: "app/web".into(), value: None },
        Order::Adopted,
        Order::Pong { beat: 3 },
        Order::Upgrade { path: "/opt/betti-supervisor".into() },
        Order::Leave,
    ]
}

/// What `shortest_orders.jsonl` says.
fn shortest_orders() -> Vec<Order> {
    vec![Order::Spawn(Spawn {
        run: 7,
        app: "web".into(),
        program: "/usr/bin/env".into(),
        argv: vec!["env".into()],
        env: vec![],
        cwd: "/".into(),
        ..Spawn::default()
    })]
}

fn row(exit: Option<Exit>, step: Option<Step>) -> Fact {
    Fact::Run(Row {
        run: 7,
        app: "web/1".into(),
        pid: Some(4711),
        spawned_at_ns: 5_000_000_000,
        exit,
        exited_at_ns: Some(6_000_000_000),
        descriptors: vec![Descriptor::Out, Descriptor::Error, Descriptor::Ready, Descriptor::Notify],
        main_pid: Some(4712),
        user: Some(1000),
        first_ended: true,
        cgroup: Some("/sys/fs/cgroup/betti-1".into()),
        step,
        memory_kill: false, // version 1 could not say it
        last_signal: None,  // nor that
    })
}

/// What `facts.jsonl` says.
fn facts() -> Vec<Fact> {
    let hello = Fact::Hello {
        version: 1,
        hub: "0123456789abcdef0123456789abcdef".into(),
        keeper: 1,
        last_run: 6,
        inherited: vec![("PATH".into(), "/bin".into())],
        predecessors: Predecessors::default(),
        counts_sleep: false, // version 1 did not
    };
    let exits = [Exit::Code(1), Exit::Signal { signal: 11, core_dumped: true }, Exit::OutOfMemory, Exit::NotSpawned(2)];
    [hello, row(None, None)]
        .into_iter()
        .chain(exits.map(|exit| row(Some(exit), None)))
        .chain(Step::ALL.map(|step| row(Some(Exit::NotSpawned(13)), Some(step))))
        .chain([
            Fact::Memory { key: "app/web".into(), value: "{\"up\":true}".into() },
            Fact::Told,
            Fact::OrphanEnded,
            Fact::Bound { address: "127.0.0.1:80".into() },
            Fact::NotBound { address: "127.0.0.1:80".into(), errno: 98 },
            Fact::Ping { beat: 3 },
            Fact::StopAll,
        ])
        .collect()
}

/// What `shortest_facts.jsonl` says.
fn shortest_facts() -> Vec<Fact> {
    vec![Fact::Run(Row {
        run: 7,
        app: "web".into(),
        pid: None,
        spawned_at_ns: 5,
        exit: None,
        exited_at_ns: None,
        descriptors: vec![],
        main_pid: None,
        user: None,
        first_ended: false,
        cgroup: None,
        step: None,
        memory_kill: false,
        last_signal: None,
    })]
}

/// Whether everything that was written then is written now, in the same place; there may be more.
fn holds(now: &Value, then: &Value) -> bool {
    match (now, then) {
        (Value::Object(now), Value::Object(then)) => {
            then.iter().all(|(key, then)| now.get(key).is_some_and(|now| holds(now, then)))
        }
        (Value::Array(now), Value::Array(then)) => {
            now.len() == then.len() && now.iter().zip(then).all(|(now, then)| holds(now, then))
        }
        (now, then) => now == then,
    }
}

/// Kinds of an exit.
const KINDS: [&str; 3] = ["code", "signal", "not_spawned"];

/// A message with something in every object that nobody knows.
fn with_news(message: &Value) -> Value {
    match message {
        Value::Object(kind) => Value::Object(kind.iter().map(|(name, value)| (name.clone(), more(value))).collect()),
        kind => kind.clone(),
    }
}

fn more(value: &Value) -> Value {
    match value {
        // The name of a kind has to stay alone.
        Value::Object(kind) if kind.len() == 1 && kind.keys().all(|name| KINDS.contains(&&**name)) => with_news(value),
        Value::Object(fields) => {
            let known = fields.iter().map(|(name, value)| (name.clone(), more(value)));
            Value::Object(known.chain([("of_tomorrow".to_owned(), json!({ "a": [1] }))]).collect())
        }
        Value::Array(list) => Value::Array(list.iter().map(more).collect()),
        other => other.clone(),
    }
}

fn is_read_as<M: DeserializeOwned + Serialize + PartialEq + std::fmt::Debug>(corpus: &str, meant: &[M]) {
    assert_eq!(corpus.lines().count(), meant.len());
    for (line, meant) in corpus.lines().zip(meant) {
        let read: M = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert_eq!(&read, meant, "{line}");
    }
}

#[test]
fn what_version_1_wrote_is_read_as_it_was_meant() {
    is_read_as(ORDERS, &orders());
    is_read_as(FACTS, &facts());
    is_read_as(SHORTEST_ORDERS, &shortest_orders());
    is_read_as(SHORTEST_FACTS, &shortest_facts());
}

#[test]
fn all_that_version_1_looks_for_is_written_where_it_looks() {
    let written = |message: Value, line: &str| {
        let then: Value = serde_json::from_str(line).expect("JSON");
        assert!(holds(&message, &then), "{message} lacks something of {line}");
    };
    for (order, line) in orders().iter().zip(ORDERS.lines()) {
        written(serde_json::to_value(order).expect("it is data"), line);
    }
    for (fact, line) in facts().iter().zip(FACTS.lines()) {
        written(serde_json::to_value(fact).expect("it is data"), line);
    }
}

#[test]
fn what_later_versions_add_to_a_message_is_passed_over() {
    let mut news = 0;
    for (order, line) in orders().iter().zip(ORDERS.lines()) {
        let then = serde_json::from_str(line).expect("JSON");
        let later = with_news(&then);
        news += usize::from(later != then);
        assert_eq!(&serde_json::from_value::<Order>(later).expect("understood"), order);
    }
    for (fact, line) in facts().iter().zip(FACTS.lines()) {
        let later = with_news(&serde_json::from_str(line).expect("JSON"));
        assert_eq!(&serde_json::from_value::<Fact>(later).expect("understood"), fact);
    }
    assert!(news > 10, "{news}");
}

/// The names of the kinds. A kind that is missing here is missing in `orders` and `facts`, or in what came later, as well.
fn kind_of_order(order: &Order) -> &'static str {
    match order {
        Order::Listen { .. } => "listen",
        Order::Unlisten { .. } => "unlisten",
        Order::UnlistenOthers { .. } => "unlisten_others",
        Order::Spawn(_) => "spawn",
        Order::Signal { .. } => "signal",
        Order::MainPid { .. } => "main_pid",
        Order::Forget { .. } => "forget",
        Order::Remember { .. } => "remember",
        Order::Adopted => "adopted",
        Order::Pong { .. } => "pong",
        Order::Upgrade { .. } => "upgrade",
        Order::Leave => "leave",
    }
}

fn kind_of_fact(fact: &Fact) -> &'static str {
    match fact {
        Fact::Hello { .. } => "hello",
        Fact::Run(_) => "run",
        Fact::Memory { .. } => "memory",
        Fact::Told => "told",
        Fact::OrphanEnded => "orphan_ended",
        Fact::Bound { .. } => "bound",
        Fact::NotBound { .. } => "not_bound",
        Fact::Ping { .. } => "ping",
        Fact::StopAll => "stop_all",
    }
}

/// Kinds that came later, as they have been written since: an older keeper reports them and passes them over.
fn later_orders() -> Vec<(Order, &'static str)> {
    let addresses = vec!["unix:/run/x.sock".into()];
    vec![(Order::UnlistenOthers { addresses }, r#"{"unlisten_others":{"addresses":["unix:/run/x.sock"]}}"#)]
}

#[test]
fn later_kinds_keep_their_shape_and_version_1_has_none_of_their_names() {
    for (order, text) in later_orders() {
        assert_eq!(serde_json::to_string(&order).expect("it is data"), text);
        assert_eq!(serde_json::from_str::<Order>(text).expect("understood"), order);
        assert!(!ORDERS.contains(&format!("\"{}\"", kind_of_order(&order))), "{text}");
    }
}

#[test]
fn every_kind_is_among_them_under_its_name() {
    let named = |text: &str| -> BTreeSet<String> {
        let name = |line: &str| match serde_json::from_str(line).expect("JSON") {
            Value::String(name) => name,
            Value::Object(fields) => fields.keys().next().expect("a name").clone(),
            other => panic!("{other}"),
        };
        text.lines().map(name).collect()
    };
    let kinds: BTreeSet<String> = orders().iter().map(|order| kind_of_order(order).to_owned()).collect();
    assert_eq!((named(ORDERS), kinds.len()), (kinds, 11));
    let kinds: BTreeSet<String> = facts().iter().map(|fact| kind_of_fact(fact).to_owned()).collect();
    assert_eq!((named(FACTS), kinds.len()), (kinds, 9));
}

#[test]
fn a_kind_that_is_not_known_is_no_message_and_nothing_worse() {
    for line in [r#"{"dance":{"run":1}}"#, r#""sing""#, "{}", "[]", "null", "7", r#"{"forget":{}}"#] {
        assert!(serde_json::from_str::<Order>(line).is_err(), "{line}");
        assert!(serde_json::from_str::<Fact>(line).is_err(), "{line}");
    }
}

/// Writes the files anew: only for a version that has none yet.
#[test]
#[ignore = "what was written once stays"]
fn write_version_1() {
    fn lines<M: Serialize>(messages: &[M]) -> String {
        messages.iter().map(|message| serde_json::to_string(message).expect("it is data") + "\n").collect()
    }
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/version_1");
    std::fs::write(format!("{folder}/orders.jsonl"), lines(&orders())).expect("written");
    std::fs::write(format!("{folder}/facts.jsonl"), lines(&facts())).expect("written");
}
