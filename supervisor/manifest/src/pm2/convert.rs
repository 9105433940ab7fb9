//! From PM2's keys to ours.

use std::collections::BTreeSet;
use std::path::Path;

use super::apps::Table;
use super::draft::{Draft, DraftApp, Entry};
use super::node::Node;
use super::{text, watch};
use crate::diagnostic::printable;
use crate::keys::{self, Meaning};

/// Keys that name files, which PM2 sees from the app's working directory.
const FILES: [&str; 2] = ["out_file", "error_file"];
/// Keys that are numbers, which PM2 takes as text as well.
const NUMBERS: [&str; 5] = ["port", "max_restarts", "nice", "instances", "oom_score_adj"];
/// PM2's words for a log that is thrown away.
const NO_LOG: [&str; 2] = ["NULL", "/dev/null"];

/// Every app with what of it can be said here.
pub(super) fn draft(apps: &[&Table]) -> Draft {
    let mut names = BTreeSet::new();
    Draft { apps: apps.iter().enumerate().map(|(place, table)| app(place, table, &mut names)).collect() }
}

fn app(place: usize, table: &Table, names: &mut BTreeSet<String>) -> DraftApp {
    let find = |key| table.iter().find(|(written, _)| keys::meaning(written) == Meaning::Known(key));
    let text = |key| find(key).and_then(|(_, node)| as_text(node));
    let name = text("name").or_else(|| text("script").map(crate::resolve::name_of_script));
    let shown = name.clone().filter(|name| !name.is_empty()).unwrap_or_else(|| format!("number {place}"));
    let mut app = DraftApp { shown: printable(&shown), ..DraftApp::default() };
    let cwd = text("cwd").filter(|cwd| !cwd.is_empty());
    let mut seen = BTreeSet::new();
    for (written, node) in table.iter().filter(|(_, node)| *node != Node::Null) {
        match keys::meaning(written) {
            Meaning::Known("env") => environment(&mut app, written, "env", node),
            Meaning::Known("cron_restart") if is_off(node) => {}
            Meaning::Known(key) if !seen.insert(key) => {
                app.leave_out(written, format!("`{key}` is there already in another spelling"));
            }
            Meaning::Known(key) => known(&mut app, written, key, node, cwd.as_deref()),
            Meaning::Overlay(profile) => environment(&mut app, written, &format!("env_{profile}"), node),
            Meaning::Later(_) => app.leave_out(written, "this is not supported yet"),
            Meaning::Needless(why) => app.leave_out(written, why),
            Meaning::Unknown(Some(nearest)) => app.leave_out(written, format!("unknown; did you mean `{nearest}`?")),
            Meaning::Unknown(None) => app.leave_out(written, "unknown, also to PM2"),
        }
    }
    own_name(&mut app, name, names);
    app
}

/// PM2 tells apps of one name apart by their numbers; here each has a name of its own.
fn own_name(app: &mut DraftApp, name: Option<String>, names: &mut BTreeSet<String>) {
    let Some(name) = name else { return };
    if names.insert(name.clone()) {
        return;
    }
    let another = (2..).map(|number| format!("{name}-{number}")).find(|another| names.insert(another.clone()));
    let Some(another) = another else { return };
    app.leave_out("name", format!("another app is called `{name}`, so this one is called `{another}`"));
    app.entries.retain(|entry| entry.key != "name" || entry.table.is_some());
    let value = text::value(&Node::Text(another)).unwrap_or_default();
    app.entries.push(Entry { written: "name".to_owned(), table: None, key: "name".to_owned(), value });
}

fn known(app: &mut DraftApp, written: &str, key: &'static str, node: &Node, cwd: Option<&str>) {
    let node = match (key, node) {
        ("script", Node::Text(script)) => Node::Text(from_folder(script, cwd, !is_program(script))),
        (key, Node::Text(file)) if FILES.contains(&key) && !NO_LOG.contains(&file.as_str()) => {
            Node::Text(from_folder(file, cwd, true))
        }
        ("interpreter", Node::Text(interpreter)) if interpreter.contains('@') => {
            return app.leave_out(written, "versions are not looked up with nvm: write the path of that interpreter");
        }
        ("ignore_watch", patterns) => return ignored(app, written, patterns),
        (key, Node::Text(number)) if NUMBERS.contains(&key) => match number.trim().parse() {
            Ok(number) => Node::Integer(number),
            Err(_) => node.clone(),
        },
        _ => node.clone(),
    };
    add(app, written, None, key, &node);
}

fn add(app: &mut DraftApp, written: &str, table: Option<&str>, key: &str, node: &Node) {
    let Some(value) = text::value(node) else { return };
    let table = table.map(str::to_owned);
    app.entries.push(Entry { written: written.to_owned(), table, key: key.to_owned(), value });
}

fn environment(app: &mut DraftApp, written: &str, table: &str, node: &Node) {
    let Node::Table(variables) = node else {
        return app.leave_out(written, "an environment is a table of variables");
    };
    if app.entries.iter().any(|entry| entry.table.as_deref() == Some(table)) {
        return app.leave_out(written, "this environment is there already");
    }
    for (name, value) in variables {
        let written = format!("{written}.{name}");
        match value {
            Node::Null => app.leave_out(&written, "a variable without a value is not set"),
            Node::List(_) | Node::Table(_) => {
                app.leave_out(&written, "environment variables are text: write what the app is to read");
            }
            Node::Boolean(_) | Node::Integer(_) | Node::Float(_) | Node::Text(_) => {
                add(app, &written, Some(table), name, value);
            }
        }
    }
}

fn ignored(app: &mut DraftApp, written: &str, patterns: &Node) {
    let one = std::slice::from_ref(patterns);
    let patterns = if let Node::List(patterns) = patterns { patterns.as_slice() } else { one };
    let mut kept = Vec::new();
    for pattern in patterns {
        match pattern {
            Node::Text(pattern) => match watch::pattern(pattern) {
                Some(pattern) => kept.push(pattern),
                None => {
                    let why = format!("`{pattern}` has to be written anew, as in a .gitignore file");
                    app.leave_out(written, why);
                }
            },
            _ => app.leave_out(written, "a pattern has to be text, as in a .gitignore file"),
        }
    }
    let kept: Vec<Node> = kept.into_iter().filter(|pattern| !pattern.is_empty()).map(Node::Text).collect();
    if !kept.is_empty() {
        add(app, written, None, "ignore_watch", &Node::List(kept));
    }
}

/// PM2 sees scripts and logs from the app's working directory, we from the file's folder.
fn from_folder(path: &str, cwd: Option<&str>, is_path: bool) -> String {
    match cwd {
        Some(cwd) if is_path && !Path::new(path).is_absolute() && !path.starts_with('~') => {
            format!("{}/{}", cwd.trim_end_matches('/'), path.trim_start_matches("./"))
        }
        Some(_) | None => path.to_owned(),
    }
}

/// Whether a script is a command or looked for in PATH, and no file of the app's.
fn is_program(script: &str) -> bool {
    let is_command = script.contains(char::is_whitespace);
    let is_bare = !script.contains('/') && Path::new(script).extension().is_none();
    is_command || is_bare
}

fn is_off(node: &Node) -> bool {
    match node {
        Node::Boolean(on) => !on,
        Node::Integer(number) => *number == 0,
        Node::Text(text) => matches!(text.trim(), "" | "0"),
        Node::Null | Node::Float(_) | Node::List(_) | Node::Table(_) => false,
    }
}

fn as_text(node: &Node) -> Option<String> {
    match node {
        Node::Text(text) => Some(text.clone()),
        _ => None,
    }
}
