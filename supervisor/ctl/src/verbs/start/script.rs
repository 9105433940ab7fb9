//! `betti-ctl start ./script.py`: an app that is in no file. It runs until it is deleted, or the hub is ended.

use std::path::PathBuf;

use protocol::control::{Run, Status};

use super::bring_up::{self, NONE};
use super::{Context, wish};
use crate::arguments::Start;
use crate::client::Client;
use crate::config;
use crate::exit::{Failure, Outcome};
use crate::report;
use crate::script::default_name;
use crate::verbs::act;
use crate::verdict::Goal;
use crate::watch;

/// The folder that we are in.
///
/// # Errors
/// If it cannot be seen.
pub fn here() -> Result<PathBuf, Failure> {
    std::env::current_dir().map_err(|why| Failure::misuse(format!("the folder that we are in cannot be seen: {why}")))
}

/// Has the script run, and waits until it is ready. A supervisor that is brought up for it starts nothing else.
///
/// # Errors
/// If it cannot be run, its name is taken, or it is refused.
pub async fn run(target: &str, arguments: &Start, running: Option<(Client, Status)>, context: &Context<'_>) -> Outcome {
    let here = here()?;
    let table = arguments.script.table(target, &here)?;
    let name = arguments.script.name.clone().unwrap_or_else(|| default_name(target, &here));
    let client = match running {
        Some((_, _)) if arguments.foreground => return Err(Failure::failed("a supervisor is running already")),
        Some((client, status)) => {
            refuse_taken(&name, status.apps.iter().map(|app| app.name.as_str()))?;
            client
        }
        None => supervisor(&name, arguments, context).await?,
    };
    let asked = client.run(&Run { table }).await?.apps;
    watch::announce("startProcess", &asked, context.printer);
    let settled = act::settle(Goal::Online, !arguments.no_wait, &asked, &client, context).await?;
    report::show(&settled, context.printer)
}

async fn supervisor(name: &str, arguments: &Start, context: &Context<'_>) -> Result<Client, Failure> {
    if arguments.foreground {
        return Err(Failure::misuse("a script is started in the background: leave --foreground out"));
    }
    let path = context.config.as_deref().ok_or_else(config::missing)?;
    let wish = wish(arguments, &[], arguments.profile.as_deref(), false);
    let manifest = config::read(path, wish.profile, context.printer)?;
    refuse_taken(name, manifest.apps.iter().map(|app| app.name.as_str()))?;
    Ok(bring_up::launch(&manifest, &wish, &[NONE.to_owned()], context).await?.0)
}

fn refuse_taken<'n>(name: &str, mut names: impl Iterator<Item = &'n str>) -> Result<(), Failure> {
    match names.any(|taken| taken == name) {
        true => Err(Failure::failed(format!("there is an app `{name}` already: give this one another with --name"))),
        false => Ok(()),
    }
}
