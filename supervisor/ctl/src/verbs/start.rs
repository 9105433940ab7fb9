//! `betti-ctl start`: brings apps up, and the supervisor first if none runs.

use std::path::Path;

use manifest::{
    Manifest,
    targets::{self, Named},
};
use protocol::control::{AcceptedApp, Status, Word};

use super::Context;
use super::act::{self, Act};
use crate::arguments::Start;
use crate::client::{AskError, Client};
use crate::config;
use crate::exit::{Exit, Failure, Outcome};
use crate::launch::{self, Launched, Wish};
use crate::runtime_dir;
use crate::verdict::Goal;

/// The app whose address people open.
const FRONT_DOOR: &str = "betti-frontend";

/// Starts apps and waits until they are ready.
pub async fn run(arguments: &Start, context: &Context<'_>) -> Outcome {
    let running = match runtime_dir::existing()? {
        Some(runtime_dir) => running(&runtime_dir, context).await?,
        None => None,
    };
    let (client, exit) = match running {
        Some((client, status)) => {
            suits(arguments, &status)?;
            let exit = act::run(&as_act(arguments), &client, context).await?;
            (client, exit)
        }
        None => bring_up(arguments, context).await?,
    };
    if exit == Exit::Done && arguments.apps.is_empty() && !arguments.no_wait {
        show_front_door(&client, context).await;
    }
    Ok(exit)
}

/// The supervisor that runs already, if one does.
async fn running(runtime_dir: &Path, context: &Context<'_>) -> Result<Option<(Client, Status)>, Failure> {
    let client = Client::new(runtime_dir::socket(runtime_dir), context.config.clone());
    match client.status().await {
        Ok(status) => Ok(Some((client, status))),
        Err(AskError::NoSupervisor) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn as_act(arguments: &Start) -> Act<'_> {
    Act {
        wire: "start",
        action: "startProcessId",
        goal: Goal::Online,
        targets: &arguments.apps,
        wait: !arguments.no_wait,
    }
}

/// Whether the supervisor that runs can do what is asked for.
fn suits(arguments: &Start, status: &Status) -> Result<(), Failure> {
    if arguments.foreground {
        let message = format!("a supervisor is running already (pid {}): betti-ctl kill ends it", status.keeper.pid);
        return Err(Failure::failed(message));
    }
    match &arguments.profile {
        Some(asked) if *asked != status.profile => Err(Failure::failed(format!(
            "the supervisor runs the profile {}, not {asked}: betti-ctl kill, then betti-ctl start --profile {asked}",
            status.profile
        ))),
        _ => Ok(()),
    }
}

/// Reads the file, starts the supervisor and waits for what it starts.
async fn bring_up(arguments: &Start, context: &Context<'_>) -> Result<(Client, Exit), Failure> {
    let path = context.config.as_deref().ok_or_else(no_file)?;
    let manifest = config::read(path, arguments.profile.as_deref(), context.printer)?;
    let meant = meant(&manifest, &arguments.apps)?;
    let runtime_dir = runtime_dir::made()?;
    let only: Vec<String> = match arguments.apps.is_empty() {
        true => Vec::new(),
        false => meant.iter().map(|app| app.name.clone()).collect(),
    };
    let profile = arguments.profile.as_deref();
    let wish = Wish { config: path, folder: &manifest.folder, runtime_dir: &runtime_dir, profile, only: &only };
    if arguments.foreground {
        return Err(launch::in_foreground(&wish).into());
    }
    let client = Client::new(runtime_dir::socket(&runtime_dir), context.config.clone());
    context.printer.say(&format!("Starting {} in the profile {}", path.display(), manifest.profile));
    let exit = match launch::in_background(&wish, &client).await? {
        Launched::Ours => act::settle(Goal::Online, !arguments.no_wait, &meant, &client, context).await?,
        Launched::Theirs => {
            suits(arguments, &client.status().await?)?;
            act::run(&as_act(arguments), &client, context).await?
        }
    };
    Ok((client, exit))
}

fn no_file() -> Failure {
    Failure::misuse(format!("there is no {} here or in a folder above: name one with --config", config::FILE))
}

/// The apps to watch. A new supervisor numbers nothing that came before it among its runs, so every run is this start's.
fn meant(manifest: &Manifest, targets: &[String]) -> Result<Vec<AcceptedApp>, Failure> {
    let meant = targets::meant(&manifest.apps, targets, Named::from);
    let meant = meant.map_err(|unknown| Failure::failed(unknown.to_string()))?;
    let accepted = |app: &manifest::App| AcceptedApp {
        id: app.id,
        name: app.name.clone(),
        after: 0,
        unchanged: false,
        leaves: false,
    };
    Ok(meant.into_iter().map(accepted).collect())
}

/// Says what to open, if there is something to open.
async fn show_front_door(client: &Client, context: &Context<'_>) {
    let Ok(status) = client.status().await else { return };
    let is_online = |app: &protocol::control::App| app.name == FRONT_DOOR && app.status == Word::Online;
    if let Some(address) = context.config.as_deref().and_then(|path| front_door(path, &status.profile))
        && status.apps.iter().any(is_online)
    {
        context.printer.say(&format!("Open {address}"));
    }
}

fn front_door(config: &Path, profile: &str) -> Option<String> {
    let text = std::fs::read_to_string(config).ok()?;
    let manifest = manifest::parse(config, &text, Some(profile)).ok()?;
    let app = manifest.app(FRONT_DOOR)?;
    let host = |ip: std::net::IpAddr| match ip {
        any if any.is_unspecified() => "127.0.0.1".to_owned(),
        std::net::IpAddr::V6(ip) => format!("[{ip}]"),
        std::net::IpAddr::V4(ip) => ip.to_string(),
    };
    let listen = app.listen.first().map(|address| format!("http://{}:{}", host(address.0.ip()), address.0.port()));
    listen.or_else(|| app.port.map(|port| format!("http://127.0.0.1:{port}")))
}
