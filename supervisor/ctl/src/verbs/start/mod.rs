//! `betti-ctl start`: brings apps up, and the supervisor first if none runs.
//!
//! What is started may be apps of the list, apps of a file that is named, or a script that is in no file.

mod bring_up;
mod first_device;
mod front_door;
mod script;

use std::path::{Path, PathBuf};

use protocol::control::{Apply, Status};

pub use bring_up::bring_up;

use super::act;
use super::{Context, apply};
use crate::arguments::Start;
use crate::client::Client;
use crate::config;
use crate::exit::{Exit, Failure, Outcome};
use crate::report;
use crate::script::is_script;
use crate::watch::Settled;

/// What PM2's own files are called, as far as they are not scripts like others.
const PM2_ENDINGS: [&str; 6] = [".config.js", ".config.cjs", ".config.mjs", ".json", ".yml", ".yaml"];

/// What is to be started, read from the command line.
pub struct Wish<'a> {
    /// Names, ids or namespaces; none means all.
    pub apps: &'a [String],
    /// The profile to run, if one was named.
    pub profile: Option<&'a str>,
    /// Whether the file was named, so that it is to be applied before anything is started.
    pub converge: bool,
    /// Whether the supervisor stays in this terminal.
    pub foreground: bool,
    /// Whether to wait until it is true.
    pub wait: bool,
}

/// Starts what is asked for and waits until it is ready.
///
/// # Errors
/// If it cannot be started, or is refused.
pub async fn run(arguments: &Start, context: &Context<'_>) -> Outcome {
    let Some(path) = named_file(&arguments.targets)? else {
        let running = context.running().await?;
        if let Some(target) = script(arguments, running.as_ref(), context)? {
            return script::run(target, arguments, running, context).await;
        }
        let apps = if arguments.targets.is_empty() { &arguments.only } else { &arguments.targets };
        let wish = wish(arguments, apps, arguments.profile.as_deref().or(profile(arguments)), false);
        return start(&wish, running, context).await;
    };
    if !arguments.script.is_empty() {
        return Err(only_of_a_script());
    }
    let context = Context { config: Some(config::named_or(Some(&path), None)?), printer: context.printer };
    let profile = arguments.profile.as_deref().or(profile(arguments));
    let running = context.running().await?;
    start(&wish(arguments, &arguments.only, profile, true), running, &context).await
}

fn wish<'a>(arguments: &Start, apps: &'a [String], profile: Option<&'a str>, converge: bool) -> Wish<'a> {
    Wish { apps, profile, converge, foreground: arguments.foreground, wait: !arguments.no_wait }
}

/// `--env production`, as PM2 has it: a word without `=`.
fn profile(arguments: &Start) -> Option<&str> {
    arguments.script.env.iter().map(String::as_str).find(|word| !word.contains('='))
}

/// The file that was named instead of apps, if one was.
fn named_file(targets: &[String]) -> Result<Option<PathBuf>, Failure> {
    let [target] = targets else { return Ok(None) };
    let is_there = Path::new(target).is_file();
    if is_there && PM2_ENDINGS.iter().any(|ending| target.ends_with(ending)) {
        let message =
            format!("{target} is a file of PM2's: betti-ctl import {target} -o {} carries it over", config::FILE);
        return Err(Failure::misuse(message));
    }
    Ok((target.ends_with(".toml") && (is_there || target.contains('/') || target == config::FILE))
        .then(|| target.into()))
}

/// The script that was named instead of apps, if one was.
fn script<'a>(
    arguments: &'a Start,
    running: Option<&(Client, Status)>,
    context: &Context<'_>,
) -> Result<Option<&'a str>, Failure> {
    let here = script::here()?;
    let is_script =
        |target: &&String| is_script(target, &here) && !bring_up::is_app(target, running, context.config.as_deref());
    match arguments.targets.iter().find(is_script) {
        Some(target) if arguments.targets.len() == 1 => Ok(Some(target)),
        Some(target) if target.ends_with(".toml") => {
            Err(Failure::misuse(format!("{target} is a file: name it alone, and of its apps only some with --only")))
        }
        Some(target) => Err(Failure::misuse(format!("{target} is a script: start scripts one at a time"))),
        None if !arguments.script.is_empty() => Err(only_of_a_script()),
        None => Ok(None),
    }
}

fn only_of_a_script() -> Failure {
    Failure::misuse("these options are for a script that is in no file: what an app does is written in its file")
}

/// Starts apps of the list.
///
/// # Errors
/// If they cannot be started, or it is refused.
pub async fn start(wish: &Wish<'_>, running: Option<(Client, Status)>, context: &Context<'_>) -> Outcome {
    let (client, settled) = match running {
        Some((client, status)) => {
            let settled = start_of_running(wish, &client, &status, context).await?;
            (client, settled)
        }
        None => bring_up(wish, context).await?,
    };
    let exit = report::show(&settled, context.printer)?;
    if exit == Exit::Done && wish.apps.is_empty() && wish.wait {
        let port = front_door::show(&settled.status, context);
        first_device::show(&settled.status, port, &client, context).await;
    }
    Ok(exit)
}

/// Applies the file if that is wanted, and starts the apps.
///
/// # Errors
/// If it cannot be done, or is refused.
pub async fn start_of_running(
    wish: &Wish<'_>,
    client: &Client,
    status: &Status,
    context: &Context<'_>,
) -> Result<Settled, Failure> {
    if wish.foreground {
        let message = format!("a supervisor is running already (pid {}): betti-ctl kill ends it", status.keeper.pid);
        return Err(Failure::failed(message));
    }
    let is_other = wish.profile.is_some_and(|profile| profile != status.profile);
    if wish.converge || is_other {
        let profile = wish.profile.filter(|_| is_other).map(str::to_owned);
        let converged = apply::converge(&Apply { dry_run: false, profile }, wish.wait, client, context).await?;
        if let Some(settled) = converged.settled.filter(|settled| settled.exit() != Exit::Done) {
            return Ok(settled);
        }
    }
    act::ask(&act::start(wish.apps, wish.wait), client, context).await
}
