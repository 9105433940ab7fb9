//! Where the apps are in a file of PM2's.

use super::LeftOut;
use super::node::{ImportError, Node};
use crate::file::MOST_APPS;
use crate::keys::{self, Meaning};

/// One app: its keys in their order.
pub(super) type Table = [(String, Node)];

/// The apps of a file, and what else there is.
pub(super) struct File<'n> {
    pub apps: Vec<&'n Table>,
    pub left_out: Vec<LeftOut>,
}

/// `{apps: […]}`, a list of apps, or one app, as PM2 takes them.
pub(super) fn find(file: &Node) -> Result<File<'_>, ImportError> {
    let none = |why: &str| Err(ImportError::NoApps(why.to_owned()));
    let mut left_out = Vec::new();
    let apps = match file {
        Node::List(apps) => tables(apps, &mut left_out),
        Node::Table(table) => match table.iter().find(|(key, _)| key == "apps" || key == "pm2") {
            Some((key, apps)) => {
                left_out.extend(table.iter().filter(|(other, _)| other != key).map(|(other, _)| beside(other)));
                match apps {
                    Node::List(apps) => tables(apps, &mut left_out),
                    Node::Table(app) => vec![app.as_slice()],
                    _ => return none("`apps` is not a list of apps"),
                }
            }
            None if table.iter().any(|(key, _)| keys::meaning(key) == Meaning::Known("script")) => {
                vec![table.as_slice()]
            }
            None => return none("there are no apps in this file: it has neither `apps` nor `script`"),
        },
        Node::Null | Node::Boolean(_) | Node::Integer(_) | Node::Float(_) | Node::Text(_) => {
            return none("there are no apps in this file");
        }
    };
    match apps.len() {
        0 => none("there are no apps in this file"),
        1..=MOST_APPS => Ok(File { apps, left_out }),
        _ => none("there are too many apps in this file"),
    }
}

fn tables<'n>(apps: &'n [Node], left_out: &mut Vec<LeftOut>) -> Vec<&'n Table> {
    let mut tables = Vec::new();
    for (place, app) in apps.iter().enumerate() {
        match app {
            Node::Table(table) => tables.push(table.as_slice()),
            _ => left_out.push(LeftOut {
                app: None,
                key: format!("apps[{place}]"),
                why: "this is no app but a single value".to_owned(),
            }),
        }
    }
    tables
}

fn beside(key: &str) -> LeftOut {
    let why = match key {
        "deploy" => "nothing is deployed from here: keep using what copies the files, then `betti-ctl apply`",
        _ => "it is neither an app nor about one",
    };
    LeftOut { app: None, key: crate::diagnostic::printable(key), why: why.to_owned() }
}
