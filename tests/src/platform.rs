//! The repository's own `ecosystem.toml` on ports of its own.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use serde_json::Value;

use crate::http::{self, Response};
use crate::hub::Hub;
use crate::ports::Port;

/// The port of the one origin that phones talk to.
pub const GATEWAY: u16 = 5173;
/// Every port that the file names.
const PORTS: [u16; 4] = [3001, 3002, 8080, GATEWAY];

/// The real platform in a hub of its own.
pub struct Platform {
    /// Where it runs.
    pub hub: Hub,
    ports: BTreeMap<u16, Port>,
}

impl Platform {
    /// The repository's file, in the profile that it names or in this one; not started yet.
    ///
    /// # Panics
    /// If the file cannot be read.
    #[must_use]
    pub fn new(profile: Option<&str>) -> Self {
        let path = repository().join("ecosystem.toml");
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let ports: BTreeMap<u16, Port> = PORTS.into_iter().map(|port| (port, Port::free())).collect();
        let moved = ports.iter().fold(text, |text, (from, to)| move_port(&text, *from, to.number()));
        Self { hub: Hub::with_file(&in_profile(&moved, profile)), ports }
    }

    /// Where this copy has what the repository's file has on this port.
    #[must_use]
    pub fn port(&self, original: u16) -> u16 {
        self.ports[&original].number()
    }

    /// Asks where the repository's file has this port, as one of the hub's workers.
    ///
    /// # Errors
    /// As [`http::get`].
    pub fn get(&self, original: u16, path: &str) -> io::Result<Response> {
        http::get_as(&self.hub.service_token(), self.port(original), path)
    }

    /// Sends JSON there, as one of the hub's workers.
    ///
    /// # Errors
    /// As [`http::get`].
    pub fn post(&self, original: u16, path: &str, json: &Value) -> io::Result<Response> {
        http::post_as(&self.hub.service_token(), self.port(original), path, json)
    }
}

/// The folder of the workspace.
#[must_use]
pub fn repository() -> PathBuf {
    let mut folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    folder.pop();
    folder
}

/// Replaces a port wherever it stands as a number of its own, in text and URLs as well.
fn move_port(text: &str, from: u16, to: u16) -> String {
    let (from, to) = (from.to_string(), to.to_string());
    let mut moved = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(place) = rest.find(&from) {
        let (before, after) = (&rest[..place], &rest[place + from.len()..]);
        let inside = before.ends_with(|c: char| c.is_ascii_digit()) || after.starts_with(|c: char| c.is_ascii_digit());
        moved.push_str(before);
        moved.push_str(if inside { &from } else { &to });
        rest = after;
    }
    moved + rest
}

/// The text with another word for its profile.
fn in_profile(text: &str, profile: Option<&str>) -> String {
    let Some(profile) = profile else { return text.to_owned() };
    let is_profile = |line: &str| line.split_once('=').is_some_and(|(key, _)| key.trim() == "profile");
    let lines =
        text.lines().map(|line| if is_profile(line) { format!("profile = \"{profile}\"") } else { line.to_owned() });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_moved_as_a_number_and_never_as_a_part_of_one() {
        let text = "port = 3001 # not 13001 or 30012\nurl = \"http://127.0.0.1:3001/api\"";
        let moved = "port = 21000 # not 13001 or 30012\nurl = \"http://127.0.0.1:21000/api\"";
        assert_eq!(move_port(text, 3001, 21000), moved);
    }

    #[test]
    fn one_word_is_the_deployment_switch() {
        assert_eq!(in_profile("profile = \"https\"\n[[apps]]", Some("ngrok")), "profile = \"ngrok\"\n[[apps]]");
        assert_eq!(in_profile("profile = \"https\"", None), "profile = \"https\"");
    }
}
