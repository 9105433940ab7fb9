//! Has Node run a file of PM2's and say what it exports: JavaScript is understood by nothing less.

use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

/// Loads the file named by the first argument, as PM2 does, and prints what it exports as JSON. What the file itself
/// prints goes to standard error; a regular expression is its text.
const LOAD: &str = r"
console.log = console.info = console.debug = console.error;
const { resolve } = require('node:path');
const { pathToFileURL } = require('node:url');
const { writeFileSync } = require('node:fs');
const plain = (_, value) => value instanceof RegExp ? value.source : value;
(async () => {
  const file = resolve(process.argv[1]);
  let found;
  try {
    if (file.endsWith('.mjs')) found = await import(pathToFileURL(file));
    else found = require(file);
  } catch (error) {
    if (error.code !== 'ERR_REQUIRE_ESM') throw error;
    found = await import(pathToFileURL(file));
  }
  found = (found && found.default) || found;
  if (typeof found === 'function') found = await found();
  writeFileSync(1, JSON.stringify(found, plain) ?? 'null');
})().then(() => process.exit(0), error => { console.error(String(error && error.stack || error)); process.exit(1); });
";

/// Why a file's exports are not known.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// There is no Node.
    #[error("node is not installed, and {path} is JavaScript: install Node, or write the file as JSON")]
    Missing {
        /// The file.
        path: String,
    },
    /// It cannot be run.
    #[error("node cannot be started: {0}")]
    NotStarted(io::Error),
    /// The file cannot be run.
    #[error("node cannot load {path}:\n{wrote}")]
    NotLoaded {
        /// The file.
        path: String,
        /// What Node wrote.
        wrote: String,
    },
}

/// What the file exports, as JSON. The file is run, as PM2 would.
///
/// # Errors
/// If there is no Node, or it cannot load the file.
pub fn exports(path: &Path) -> Result<String, NodeError> {
    let shown = path.display().to_string();
    let mut node = Command::new("node");
    node.args(["-e", LOAD, "--"]).arg(path).stdin(Stdio::null());
    let output = node.output().map_err(|why| match why.kind() {
        io::ErrorKind::NotFound => NodeError::Missing { path: shown.clone() },
        _ => NodeError::NotStarted(why),
    })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let wrote = match String::from_utf8_lossy(&output.stderr).trim_end() {
        "" => format!("it ended without a word ({})", output.status),
        text => text.to_owned(),
    };
    Err(NodeError::NotLoaded { path: shown, wrote })
}
