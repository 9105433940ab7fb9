//! A file in the making: which line belongs to which key, so that what is not accepted can be found and left out.

use super::LeftOut;
use super::text;
use crate::diagnostic::printable;
use crate::keys;

/// What stands at the top. The defaults differ on purpose, so they are told and not undone.
const HEAD: &str = "\
# Made from a file of PM2's. What is different here, on purpose:
#
#   * An app is asked to stop by SIGTERM and has 5 seconds for it. An app that knows PM2's SIGINT only, and its 1.6 seconds:
#       kill_signal = \"SIGINT\"
#       kill_timeout = 1600
#   * Nothing of your shell's environment is passed on: what an app needs is in `env`, or in a file that `env_file` names.
#   * `pm2 start --env production` is the line  profile = \"production\"  here, above the apps.
#   * Processes of one app share the sockets that `listen` names, which they inherit (LISTEN_FDS); a port that each opens
#     itself can be opened by one only.
#   * depends_on = [\"other-app\"] makes an app wait until the other one is ready.
";

/// The apps as they are going to be.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub apps: Vec<DraftApp>,
}

/// One app in the making.
#[derive(Debug, Default)]
pub(super) struct DraftApp {
    /// As it is called in messages.
    pub shown: String,
    pub entries: Vec<Entry>,
    pub left_out: Vec<LeftOut>,
    /// Whether nothing of it can be taken over.
    pub is_dropped: bool,
}

/// One line of an app.
#[derive(Debug)]
pub(super) struct Entry {
    /// The key as PM2's file has it.
    pub written: String,
    /// `env` or `env_<profile>` if it is a variable in that.
    pub table: Option<String>,
    pub key: String,
    /// TOML, on one line.
    pub value: String,
}

/// Whose a line is, by the app's number.
#[derive(Clone, Debug)]
pub(super) enum Owner {
    /// It begins the app.
    App(usize),
    /// It begins a table of the app's.
    Table(usize, String),
    /// It is the entry of this number.
    Entry(usize, usize),
}

/// The text in lines; comments are nobody's.
pub(super) struct Written(Vec<(String, Option<Owner>)>);

impl DraftApp {
    pub(super) fn leave_out(&mut self, key: &str, why: impl Into<String>) {
        self.left_out.push(LeftOut { app: Some(self.shown.clone()), key: printable(key), why: printable(&why.into()) });
    }
}

impl Draft {
    /// Writes everything that is not left out.
    pub(super) fn write(&self, beside: &[LeftOut]) -> Written {
        let mut written = Written(HEAD.lines().map(|line| (line.to_owned(), None)).collect());
        for left_out in beside {
            written.comment(&format!("left out: {left_out}"));
        }
        for (place, app) in self.apps.iter().enumerate() {
            written.blank();
            match app.is_dropped {
                true => {
                    written.comment(&format!("left out: the app {}", app.shown));
                    written.left_out(app);
                }
                false => written.app(place, app),
            }
        }
        written
    }
}

impl Written {
    fn app(&mut self, place: usize, app: &DraftApp) {
        self.0.push(("[[apps]]".to_owned(), Some(Owner::App(place))));
        let mut entries: Vec<(usize, &Entry)> = app.entries.iter().enumerate().collect();
        // Tables come last, because what follows one belongs to it; keys in the order in which they are explained.
        entries.sort_by_key(|(_, entry)| match &entry.table {
            None => (None, keys::place(&entry.key)),
            Some(table) => (Some(table.clone()), 0),
        });
        let (keys, variables): (Vec<_>, Vec<_>) = entries.into_iter().partition(|(_, entry)| entry.table.is_none());
        for (number, entry) in keys {
            self.entry(place, number, entry);
        }
        self.left_out(app);
        let mut table = None;
        for (number, entry) in variables {
            if let Some(name) = entry.table.as_ref().filter(|name| table != Some(*name)) {
                table = Some(name);
                self.blank();
                self.0.push((format!("[apps.{}]", text::key(name)), Some(Owner::Table(place, name.clone()))));
            }
            self.entry(place, number, entry);
        }
    }

    fn entry(&mut self, place: usize, number: usize, entry: &Entry) {
        let remark = match (&entry.table, entry.key.as_str(), entry.value.as_str()) {
            (None, "instances", many) if many != "1" => "  # they share what `listen` names, as said at the top",
            _ => "",
        };
        let line = format!("{} = {}{remark}", text::key(&entry.key), entry.value);
        self.0.push((line, Some(Owner::Entry(place, number))));
    }

    fn left_out(&mut self, app: &DraftApp) {
        for LeftOut { key, why, .. } in &app.left_out {
            self.comment(&format!("left out: {key}: {why}"));
        }
    }

    fn comment(&mut self, text: &str) {
        self.0.push((format!("# {text}"), None));
    }

    fn blank(&mut self) {
        self.0.push((String::new(), None));
    }

    /// Whose the line is that has this number, from 1.
    pub(super) fn owner(&self, line: usize) -> Option<&Owner> {
        self.0.get(line.checked_sub(1)?)?.1.as_ref()
    }

    pub(super) fn text(&self) -> String {
        self.0.iter().fold(String::new(), |text, (line, _)| text + line + "\n")
    }
}
