//! Writes an `ecosystem.toml`, app by app.

use std::fmt::Write;

use serde_json::Value;

use crate::binaries;

/// Listen timeout of apps whose readiness the scenario decides: no machine is so slow that it runs out.
const AMPLE: &str = "300s";

/// One `[[apps]]` table.
#[derive(Clone, Debug)]
pub struct App {
    /// Its name.
    pub name: String,
    /// Whether its puppet waits at a gate.
    pub(crate) gated: bool,
    keys: Vec<(String, Value)>,
    env: Vec<(String, String)>,
}

impl App {
    /// Any program.
    #[must_use]
    pub fn program(name: &str, script: &str) -> Self {
        let app = Self { name: name.to_owned(), gated: false, keys: Vec::new(), env: Vec::new() };
        app.set("name", name).set("script", script)
    }

    /// A puppet that behaves as told; `puppet --help` of a kind is the comment at the top of `src/bin/puppet.rs`.
    #[must_use]
    pub fn puppet(name: &str, behaviour: &str) -> Self {
        let puppet = binaries::built("puppet");
        let app = Self::program(name, &puppet.to_string_lossy());
        app.set("args", behaviour).env("PUPPET_JOURNAL", "journal")
    }

    /// Any key; the value as it is in JSON. An object becomes a table on the key's line.
    #[must_use]
    pub fn set(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.keys.retain(|(known, _)| known != key);
        self.keys.push((key.to_owned(), value.into()));
        self
    }

    /// A variable of its environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Online when it said so, with all the time it needs.
    #[must_use]
    pub fn waits_for_ready(self) -> Self {
        self.set("wait_ready", true).set("listen_timeout", AMPLE)
    }

    /// Its puppet says that it is ready when the gate of its name lets it through.
    #[must_use]
    pub fn gated(self) -> Self {
        self.behind_a_gate().waits_for_ready()
    }

    /// Its puppet reads a byte of the gate of its name before it goes on, however it becomes ready.
    #[must_use]
    pub fn behind_a_gate(mut self) -> Self {
        self.gated = true;
        let gate = gate_file(&self.name);
        self.env("PUPPET_GATE", &gate)
    }

    /// Starts when these are ready.
    #[must_use]
    pub fn depends_on(self, names: &[&str]) -> Self {
        self.set("depends_on", names.to_vec())
    }

    fn write(&self, text: &mut String) {
        text.push_str("[[apps]]\n");
        for (key, value) in &self.keys {
            writeln!(text, "{key} = {}", in_toml(value)).expect("text takes text");
        }
        for (name, value) in &self.env {
            writeln!(text, "env.{name} = {}", Value::from(value.as_str())).expect("text takes text");
        }
        text.push('\n');
    }
}

/// Text, numbers, booleans and lists are written alike; only a table is not.
fn in_toml(value: &Value) -> String {
    let Value::Object(table) = value else { return value.to_string() };
    let pairs: Vec<String> = table.iter().map(|(key, value)| format!("{key} = {}", in_toml(value))).collect();
    format!("{{ {} }}", pairs.join(", "))
}

/// The whole file.
#[must_use]
pub fn text<'a>(apps: impl IntoIterator<Item = &'a App>) -> String {
    let mut text = String::new();
    apps.into_iter().for_each(|app| app.write(&mut text));
    text
}

/// The gate of an app, in the hub's folder.
pub(crate) fn gate_file(app: &str) -> String {
    format!("{app}.gate")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_written_as_a_person_would() {
        let app = App::program("web", "./serve \"me\"").set("port", 80).depends_on(&["a", "b"]).env("A", "1");
        let app = app.set("ready", serde_json::json!({ "tcp": "127.0.0.1:80" }));
        let expected = "[[apps]]\nname = \"web\"\nscript = \"./serve \\\"me\\\"\"\nport = 80\n\
                        depends_on = [\"a\",\"b\"]\nready = { tcp = \"127.0.0.1:80\" }\nenv.A = \"1\"\n\n";
        assert_eq!(text([&app]), expected);
    }
}
