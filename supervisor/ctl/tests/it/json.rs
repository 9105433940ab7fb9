//! What `--json` prints is what `README.md` says that it prints.

use std::collections::BTreeSet;

use protocol::control::Word;
use serde_json::Value;

use crate::fake::{Fake, Seen, play};
use crate::home::{Call, Home};
use crate::house::House;

/// Stands for what is shown elsewhere.
const ELSEWHERE: &str = "…";

/// Each command of the README with what it is said to print.
fn examples() -> Vec<(Vec<String>, Vec<Value>)> {
    let text = include_str!("../../README.md");
    let blocks = text.split("```console\n").skip(1).map(|rest| rest.split("```").next().expect("an end"));
    let example = |block: &str| {
        let (command, printed) = block.split_once('\n').expect("a command and what it prints");
        let command = command.strip_prefix("$ betti-ctl ").expect("a command");
        (command.split(' ').map(str::to_owned).collect(), values(printed))
    };
    blocks.map(example).collect()
}

fn values(text: &str) -> Vec<Value> {
    let values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    values.map(|value| value.unwrap_or_else(|error| panic!("{error}: {text}"))).collect()
}

/// Every key with the way to it; elements of a list are not told apart.
fn keys(value: &Value, way: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                let way = format!("{way}.{key}");
                keys(value, &way, found);
                found.insert(way);
            }
        }
        Value::Array(list) => list.iter().for_each(|value| keys(value, &format!("{way}[]"), found)),
        _ => {}
    }
}

fn all_keys(values: &[Value]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    values.iter().for_each(|value| keys(value, "", &mut found));
    found
}

/// The ways below which the README says nothing.
fn shown_elsewhere(value: &Value, way: &str, found: &mut Vec<String>) {
    match value {
        Value::String(text) if text == ELSEWHERE => found.push(way.to_owned()),
        Value::Object(object) => {
            object.iter().for_each(|(key, value)| shown_elsewhere(value, &format!("{way}.{key}"), found));
        }
        Value::Array(list) => list.iter().for_each(|value| shown_elsewhere(value, &format!("{way}[]"), found)),
        _ => {}
    }
}

/// A home in which every example can be tried.
fn home(command: &[String]) -> (Home, Fake) {
    let home = Home::new();
    home.install_supervisor("exit 0");
    let write = |name: &str, text: &str| std::fs::write(home.folder().join(name), text).expect("a file");
    write(
        "ecosystem.toml",
        "profile = \"https\"\n[[apps]]\nname = \"api\"\nscript = \"a\"\nprofiles = [\"https\", \"ngrok\"]\n",
    );
    write("broken.toml", "[[apps]]\nname = \"api\"\nscript = \"a\"\nwait_redy = true\n");
    write("pm2.json", r#"{"apps":[{"name":"web","script":"server.js","vizion":false}]}"#);
    std::fs::create_dir(home.folder().join("logs")).expect("a folder");
    write("logs/api-out.log", "listening\n");
    if command.iter().any(|word| word == "broken") {
        let failed =
            Seen { finished: Some(8), reason: Some("exited with code 1"), ..Seen::new("broken", Word::WaitingRestart) };
        let fake = Fake::listen(&home.socket(), play(&["broken"], vec![vec![failed]]));
        return (home, fake);
    }
    let fake = Fake::listen(&home.socket(), House::new(home.folder()).answers());
    (home, fake)
}

#[test]
fn every_example_has_the_keys_that_are_printed() {
    let examples = examples();
    assert!(examples.len() > 15);
    for (command, said) in examples {
        let (home, _fake) = home(&command);
        let arguments: Vec<&str> = command.iter().map(String::as_str).collect();
        let call = home.call(&arguments);
        let printed = values(&call.out);
        assert_eq!(printed.len(), 1, "{command:?}: {call:?}");
        let mut elsewhere = Vec::new();
        said.iter().for_each(|value| shown_elsewhere(value, "", &mut elsewhere));
        let is_said =
            |way: &String| !elsewhere.iter().any(|hidden| way.len() > hidden.len() && way.starts_with(hidden));
        let printed: BTreeSet<String> = all_keys(&printed).into_iter().filter(is_said).collect();
        assert_eq!(all_keys(&said), printed, "{command:?}");
    }
}

#[test]
fn every_verb_prints_one_document_and_nothing_else() {
    for (arguments, code) in [
        (&["status"][..], 0),
        (&["start"], 0),
        (&["start", "api"], 0),
        (&["start", "ecosystem.toml"], 0),
        (&["stop", "web"], 0),
        (&["restart", "all", "--with-dependants"], 0),
        (&["reload", "--no-wait"], 0),
        (&["delete", "api"], 0),
        (&["scale", "web", "+1"], 0),
        (&["reset"], 0),
        (&["send-signal", "HUP", "api"], 0),
        (&["flush"], 0),
        (&["reloadLogs"], 0),
        (&["describe"], 0),
        (&["env", "web", "--diff"], 0),
        (&["metrics"], 0),
        (&["why", "api"], 0),
        (&["metrics", "--openmetrics", "--output", "betti.prom"], 0),
        (&["metrics", "--output", "no/such/folder"], 1),
        (&["jlist"], 0),
        (&["prettylist"], 0),
        (&["pid"], 0),
        (&["id", "web"], 0),
        (&["ping"], 0),
        (&["upgrade"], 0),
        (&["check"], 0),
        (&["check", "broken.toml"], 2),
        (&["apply", "--dry-run"], 0),
        (&["profile", "ngrok"], 0),
        (&["profile", "nosuch"], 2),
        (&["startOrReload"], 0),
        (&["init"], 1),
        (&["import", "nosuch.json"], 2),
        (&["startup", "--print"], 2),
        (&["nosuch"], 2),
        (&["save"], 2),
        (&["stop", "--nosuch"], 2),
        (&["restart", "nosuch"], 1),
        (&["--config", "nosuch.toml", "status"], 2),
    ] {
        let (home, _fake) = home(&[]);
        let arguments = [arguments, &["--json"]].concat();
        let Call { code: ended, out, error } = home.call(&arguments);
        assert_eq!(ended, Some(code), "{arguments:?}: {out}{error}");
        let printed = values(&out);
        assert_eq!(printed.len(), 1, "{arguments:?}: {out}");
        let ok = printed[0].get("ok").and_then(Value::as_bool);
        assert!(ok.is_none_or(|ok| ok == (code == 0)), "{arguments:?}: {out}");
        if code == 0 {
            assert_eq!(error, "", "{arguments:?}");
        } else if let Some(exit) = printed[0].get("exit") {
            assert_eq!(exit, code, "{arguments:?}");
        }
    }
}

#[test]
fn nobody_there_is_an_answer_too() {
    let home = Home::new();
    for verb in [&["status"][..], &["stop"], &["ping"], &["apply"], &["logs"]] {
        let call = home.call(&[verb, &["--json"]].concat());
        let answer = &values(&call.out)[0];
        assert_eq!((call.code, &answer["ok"], &answer["exit"]), (Some(3), &false.into(), &3.into()), "{verb:?}");
    }
}
