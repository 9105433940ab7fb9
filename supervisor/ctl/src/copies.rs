//! Runs betti-backup, which makes copies and restores them, on the data of the hub that is meant.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use protocol::worker;

use crate::client::Client;
use crate::config;
use crate::exit::{Exit, Failure};
use crate::launch;
use crate::verbs::{Context, describe};

/// The program, and what the app is called that makes copies by itself.
const PROGRAM: &str = "betti-backup";
/// What its settings begin with.
const SETTINGS: &str = "BETTI_BACKUP_";

/// The program with the folder and the environment that it needs.
pub struct Copies {
    program: PathBuf,
    config: PathBuf,
    environment: BTreeMap<OsString, OsString>,
    json: bool,
}

impl Copies {
    /// For the hub that runs, else for the one that the file describes.
    ///
    /// # Errors
    /// If there is no such program or no file, or the supervisor does not answer.
    pub async fn of(context: &Context<'_>, running: Option<&Client>) -> Result<Self, Failure> {
        let none = || format!("{PROGRAM} is neither beside betti-ctl nor in PATH: build it with make, or install it");
        let program = launch::program_named(PROGRAM).ok_or_else(|| Failure::failed(none()))?;
        let config = context.config.clone().ok_or_else(config::missing)?;
        let environment = match running {
            Some(client) => told(client).await?,
            None => read(&config),
        };
        Ok(Self { program, config, environment, json: context.printer.is_json() })
    }

    /// Runs it with the terminal as its own. A program's document is its own as well.
    ///
    /// # Errors
    /// If it cannot be run.
    pub fn run(&self, arguments: &[&OsStr]) -> Result<Exit, Failure> {
        let status = self.command(arguments).status();
        status.map(|status| exit(status.code())).map_err(|why| self.not_run(&why))
    }

    /// The same, with what it wrote for programs held back; nothing is held back from people.
    ///
    /// # Errors
    /// If it cannot be run.
    pub fn run_holding_back(&self, arguments: &[&OsStr]) -> Result<(Exit, Vec<u8>), Failure> {
        let mut command = self.command(arguments);
        if !self.json {
            return self.run(arguments).map(|exit| (exit, Vec::new()));
        }
        let output = command.stdin(Stdio::inherit()).stderr(Stdio::inherit()).output();
        output.map(|output| (exit(output.status.code()), output.stdout)).map_err(|why| self.not_run(&why))
    }

    fn command(&self, arguments: &[&OsStr]) -> Command {
        let mut command = Command::new(&self.program);
        // Paths that were given are relative to where we are.
        command.arg("--config").arg(&self.config).args(self.json.then_some("--json")).args(arguments);
        command.envs(&self.environment);
        command
    }

    fn not_run(&self, why: &std::io::Error) -> Failure {
        Failure::failed(format!("{} cannot be started: {why}", self.program.display()))
    }
}

fn exit(code: Option<i32>) -> Exit {
    match code {
        Some(0) => Exit::Done,
        Some(2) => Exit::Misuse,
        _ => Exit::Failed,
    }
}

/// What the app that makes copies is told by the running hub; where there is none, at least where the data are.
async fn told(client: &Client) -> Result<BTreeMap<OsString, OsString>, Failure> {
    let apps = describe::about(&[], true, client).await?;
    let app = apps.iter().find(|app| app.app.name == PROGRAM).or_else(|| apps.first());
    let is_wanted = |name: &str| name == worker::DATA_DIR || name.starts_with(SETTINGS);
    let wanted = app.into_iter().flat_map(|app| &app.environment).filter(|(name, _)| is_wanted(name));
    Ok(wanted.map(|(name, value)| (name.into(), value.into())).collect())
}

/// What the app would be told by the file; of a file with mistakes nothing, so that a copy can be made all the same.
fn read(config: &Path) -> BTreeMap<OsString, OsString> {
    let manifest = std::fs::read_to_string(config).ok().and_then(|text| manifest::parse(config, &text, None).ok());
    let app = manifest.as_ref().and_then(|manifest| manifest.app(PROGRAM));
    let settings = app.into_iter().flat_map(|app| &app.env).filter(|(name, _)| name.starts_with(SETTINGS));
    settings.map(|(name, value)| (name.into(), value.into())).collect()
}
