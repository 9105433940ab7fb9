//! What the keeper is to remember of who there is: the file in force, what an operator changed beside it, apps that are in no
//! file, and those on their way out.
//!
//! | key | what |
//! |---|---|
//! | `file-<generation>/<piece>` | the text of a file, in pieces |
//! | `in-force` | which generation is in force, and what else belongs to that decision: written in one go |
//! | `roster` | [`Changes`]: scaled, deleted, numbers |
//! | `ad-hoc/<name>` | an app that is in no file, as the table that it was given in |
//! | `leaving/<key>` | an instance on its way out: its number, and a table with what ending it takes |
//! | `why/<key>` | what became of an instance lately: see [`chronicle`](super::chronicle) |
//! | `app/<key>` | how an instance fares: see [`memory`](super::memory) |
//!
//! The words here outlive an upgrade, so they only ever gain fields with defaults.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use protocol::keeper::Order;
use serde::{Deserialize, Serialize};

use super::memory::{Memory, remember};
use super::roster::{Changes, Unit};

/// A longer text is kept in pieces, each well under the longest message even when every byte is escaped.
const LONGEST_PIECE: usize = 24 * 1024;
const FILE: &str = "file-";
const IN_FORCE: &str = "in-force";
const ROSTER: &str = "roster";
const AD_HOC: &str = "ad-hoc";
const LEAVING: &str = "leaving";

/// A file's text, and the profile that was asked for instead of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct File {
    pub text: String,
    pub asked: Option<String>,
}

/// Which file is in force, and what belongs to that.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct InForce {
    pub generation: u64,
    /// The profile that was asked for instead of the file's own.
    pub asked: Option<String>,
    /// Instances that run something else than the file now says, and were not told yet.
    pub relaunch: BTreeSet<String>,
    /// What comes back if the profile in force does not become ready.
    pub trial: Option<KeptTrial>,
    /// The text that was not good enough: not to be tried again by itself.
    pub refused: Option<u64>,
    /// What the operator should know.
    pub notice: Option<String>,
    /// The file as it was saved last cannot be taken on.
    pub broken: bool,
    /// When this one was: nanoseconds of `CLOCK_BOOTTIME`.
    pub applied_at_ns: u64,
}

/// A profile on trial.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct KeptTrial {
    /// The last good file.
    pub generation: u64,
    pub asked: Option<String>,
    /// Who has to become ready, each with its newest run before.
    pub watched: Vec<(u32, Option<u64>)>,
}

/// An instance on its way out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leaver {
    pub id: u32,
    pub table: String,
}

/// Tells one text from another.
pub fn fingerprint(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

pub fn remember_text(generation: u64, text: &str) -> impl Iterator<Item = Order> {
    pieces(text)
        .enumerate()
        .map(move |(number, piece)| remember(format!("{}{number:04}", prefix(generation)), Some(piece.to_owned())))
}

pub fn forget_text(generation: u64, text: &str) -> impl Iterator<Item = Order> {
    (0..pieces(text).count()).map(move |number| remember(format!("{}{number:04}", prefix(generation)), None))
}

/// By generation.
pub fn remembered_texts(memory: &Memory) -> BTreeMap<u64, String> {
    let mut texts: BTreeMap<u64, String> = BTreeMap::new();
    // Pieces come in their order, because their numbers have as many digits each.
    for (key, piece) in memory {
        let generation = key.strip_prefix(FILE).and_then(|rest| rest.split_once('/')?.0.parse().ok());
        if let Some(generation) = generation {
            texts.entry(generation).or_default().push_str(piece);
        }
    }
    texts
}

fn prefix(generation: u64) -> String {
    format!("{FILE}{generation}/")
}

pub fn remember_in_force(in_force: &InForce) -> Order {
    remember(IN_FORCE.to_owned(), serde_json::to_string(in_force).ok())
}

/// `None` before the first file was taken.
pub fn remembered_in_force(memory: &Memory) -> Option<InForce> {
    serde_json::from_str(memory.get(IN_FORCE)?).ok()
}

pub fn remember_changes(changes: &Changes) -> Order {
    remember(ROSTER.to_owned(), serde_json::to_string(changes).ok())
}

pub fn remembered_changes(memory: &Memory) -> Changes {
    memory.get(ROSTER).and_then(|kept| serde_json::from_str(kept).ok()).unwrap_or_default()
}

pub fn remember_ad_hoc(name: &str, table: Option<String>) -> Order {
    remember(format!("{AD_HOC}/{name}"), table)
}

pub fn remembered_ad_hoc(memory: &Memory) -> Vec<String> {
    below(memory, AD_HOC).map(|(_, table)| table.to_owned()).collect()
}

pub fn remember_leaving(unit: &Unit) -> Order {
    let leaver = Leaver { id: unit.id.0, table: table(unit) };
    remember(format!("{LEAVING}/{}", unit.key()), serde_json::to_string(&leaver).ok())
}

pub fn forget_leaving(key: &str) -> Order {
    remember(format!("{LEAVING}/{key}"), None)
}

/// By key.
pub fn remembered_leaving(memory: &Memory) -> BTreeMap<String, Leaver> {
    let read = |(key, kept): (&str, &str)| Some((key.to_owned(), serde_json::from_str(kept).ok()?));
    below(memory, LEAVING).filter_map(read).collect()
}

fn below<'m>(memory: &'m Memory, folder: &str) -> impl Iterator<Item = (&'m str, &'m str)> {
    let prefix = format!("{folder}/");
    memory.iter().filter_map(move |(key, value)| Some((key.strip_prefix(&prefix)?, value.as_str())))
}

/// As much of an instance's app as ending it takes, as it would stand in a file.
fn table(unit: &Unit) -> String {
    let app = &unit.app;
    let text = |text: &str| toml::Value::from(text).to_string();
    let path = |path: &std::path::Path| text(&path.to_string_lossy());
    let listen: Vec<String> = app.listen.iter().map(|address| text(&address.to_string())).collect();
    let user = app.user.as_ref().map(|user| format!("user = {}\n", text(user))).unwrap_or_default();
    format!(
        "[[apps]]\nname = {}\nnamespace = {}\nscript = {}\nkill_signal = {}\nkill_timeout = {}\n\
         shutdown_with_message = {}\nlisten = [{}]\nout_file = {}\nerror_file = {}\n{user}",
        text(&app.name),
        text(&app.namespace),
        text("none"),
        text(app.kill_signal.name()),
        app.policy.kill_timeout.as_millis(),
        app.shutdown_with_message,
        listen.join(", "),
        path(&unit.out_file()),
        path(&unit.error_file()),
    )
}

fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (piece, after) = rest.split_at(rest.floor_char_boundary(LONGEST_PIECE));
        rest = after;
        Some(piece)
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::rc::Rc;

    use lifecycle::AppId;

    use super::*;

    fn kept_in(orders: impl IntoIterator<Item = Order>) -> Memory {
        let pair = |order| match order {
            Order::Remember { key, value } => (key, value.unwrap()),
            other => panic!("{other:?}"),
        };
        orders.into_iter().map(pair).collect()
    }

    #[test]
    fn a_long_file_is_remembered_in_pieces() {
        let text = "é\u{1}".repeat(LONGEST_PIECE);
        let orders: Vec<Order> = remember_text(7, &text).collect();
        assert!(orders.len() > 2);
        for order in &orders {
            assert!(serde_json::to_vec(order).unwrap().len() <= protocol::keeper::LONGEST_MESSAGE);
        }
        assert_eq!(forget_text(7, &text).count(), orders.len());
        let memory = kept_in(orders);
        assert_eq!(remembered_texts(&memory), [(7, text)].into());
    }

    #[test]
    fn what_is_in_force_is_remembered_in_one_go() {
        let in_force = InForce {
            generation: 3,
            asked: Some("ngrok".into()),
            relaunch: ["web/1".to_owned()].into(),
            trial: Some(KeptTrial { generation: 2, asked: None, watched: vec![(4, Some(17)), (5, None)] }),
            refused: Some(fingerprint("text")),
            notice: Some("why".into()),
            broken: true,
            applied_at_ns: 9,
        };
        let memory = kept_in([remember_in_force(&in_force)]);
        assert_eq!(remembered_in_force(&memory), Some(in_force));
        assert_eq!(remembered_in_force(&Memory::new()), None);
    }

    #[test]
    fn who_leaves_is_remembered_with_all_that_ending_it_takes() {
        let text = "[[apps]]\nname = 'a \"b\"'\nscript = 'x'\nkill_signal = 'SIGINT'\nkill_timeout = 1234\n\
                    listen = ['127.0.0.1:1']\nout_file = 'odd \\ name'\n";
        let app = manifest::parse(Path::new("/hub/ecosystem.toml"), text, None).unwrap().apps.remove(0);
        let unit = Unit { id: AppId(7), instance: 1, of: 2, app: Rc::new(app), ad_hoc: false };
        let memory = kept_in([remember_leaving(&unit)]);
        let kept = remembered_leaving(&memory);
        let leaver = &kept["a \"b\"/1"];
        assert_eq!(leaver.id, 7);
        let back = manifest::parse(Path::new("/hub/ecosystem.toml"), &leaver.table, None).unwrap().apps.remove(0);
        assert_eq!(back.kill_signal, unit.app.kill_signal);
        assert_eq!(back.policy.kill_timeout, unit.app.policy.kill_timeout);
        assert_eq!((back.listen, back.out_file), (unit.app.listen.clone(), unit.out_file()));
    }
}
