//! Makes an `ecosystem.toml` of one of PM2's files.
//!
//! ```text
//!   JSON ─┐
//!         ├─► node ──apps──► tables ──convert──► draft ──settle──► text that `parse` accepts
//!   YAML ─┘                                        ▲        │
//!                                                  └────────┘ what it does not accept is left out, and why
//! ```
//!
//! A file in JavaScript has to be run to know what it says: that is for those to do who have Node, and to hand on as JSON.

mod apps;
mod convert;
mod draft;
mod node;
mod settle;
mod text;
mod watch;

use std::fmt;

pub use node::ImportError;

/// What became of a file of PM2's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// A commented `ecosystem.toml` that [`parse`](crate::parse) accepts, with what was left out as comments.
    pub toml: String,
    /// What could not be taken over, in the order of the file.
    pub left_out: Vec<LeftOut>,
}

/// Something that could not be taken over. Never says what a variable of the environment says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// The app that it belongs to; none for what is beside the apps.
    pub app: Option<String>,
    /// The key, as it was written.
    pub key: String,
    /// Why, and what to do instead.
    pub why: String,
}

/// `api: vizion: no version control is looked at`
impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.app {
            Some(app) => write!(f, "{app}: {}: {}", self.key, self.why),
            None => write!(f, "{}: {}", self.key, self.why),
        }
    }
}

/// Takes over an `ecosystem.json`: `{"apps": […]}`, a list of apps, or one app.
///
/// # Errors
/// If it is not JSON, is too long, or no app of it can be taken over.
pub fn from_json(text: &str) -> Result<Imported, ImportError> {
    import(&node::from_json(text)?)
}

/// Takes over an `ecosystem.yml`: `apps:` with a list, a list of apps, or one app.
///
/// # Errors
/// If it is not YAML, is too long, or no app of it can be taken over.
pub fn from_yaml(text: &str) -> Result<Imported, ImportError> {
    import(&node::from_yaml(text)?)
}

fn import(file: &node::Node) -> Result<Imported, ImportError> {
    let apps::File { apps, mut left_out } = apps::find(file)?;
    let mut draft = convert::draft(&apps);
    settle::settle(&mut draft)?;
    let toml = draft.write(&left_out).text();
    left_out.splice(0..0, draft.apps.into_iter().flat_map(|app| app.left_out));
    Ok(Imported { toml, left_out })
}
