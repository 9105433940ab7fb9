//! Brings the supervisor up when none runs, and follows what it starts by itself.

use std::path::Path;

use manifest::{Manifest, targets::Named};
use protocol::control::{AcceptedApp, Status, Watch};

use super::{Context, Wish, start_of_running};
use crate::client::Client;
use crate::config;
use crate::exit::Failure;
use crate::launch::{self, Launched};
use crate::names;
use crate::runtime_dir;
use crate::verbs::act;
use crate::verdict::Goal;
use crate::watch::Settled;

/// Names no app, so that a new supervisor starts none.
pub const NONE: &str = "";

/// Whether the word means an app: of those that run, or else of the file. Of a bad file nothing is known.
pub fn is_app(target: &str, running: Option<&(Client, Status)>, config: Option<&Path>) -> bool {
    if let Some((_, status)) = running {
        return names::is_known(target, status.apps.iter().map(names::of));
    }
    let manifest = config.and_then(|path| {
        let text = std::fs::read_to_string(path).ok()?;
        manifest::parse(path, &text, None).ok()
    });
    manifest.is_some_and(|manifest| names::is_known(target, manifest.apps.iter().map(Named::from)))
}

/// Reads the file, starts the supervisor and waits for what it starts.
///
/// # Errors
/// If the file has mistakes, a name means nothing, or the supervisor cannot be had.
pub async fn bring_up(wish: &Wish<'_>, context: &Context<'_>) -> Result<(Client, Settled), Failure> {
    let path = context.config.as_deref().ok_or_else(config::missing)?;
    let manifest = config::read(path, wish.profile, context.printer)?;
    let meant = names::meant(&manifest.apps, wish.apps, Named::from).map_err(Failure::failed)?;
    let only: Vec<String> = match wish.apps {
        [] => Vec::new(),
        _ => meant.iter().map(|app| app.name.clone()).collect(),
    };
    let (client, launched) = launch(&manifest, wish, &only, context).await?;
    if launched == Launched::Theirs {
        let status = client.status().await?;
        let settled = start_of_running(wish, &client, &status, context).await?;
        return Ok((client, settled));
    }
    let is_awaited = |app: &&&manifest::App| app.autostart || !wish.apps.is_empty();
    let names: Vec<&str> = meant.iter().filter(is_awaited).map(|app| app.name.as_str()).collect();
    let asked = instances(&names, &manifest, &client.watch(None).await?);
    let settled = act::settle(Goal::Online, wish.wait, &asked, &client, context).await?;
    Ok((client, settled))
}

/// Starts the supervisor, in the place of this program if it is to stay in the foreground.
///
/// # Errors
/// If it cannot be had.
pub async fn launch(
    manifest: &Manifest,
    wish: &Wish<'_>,
    only: &[String],
    context: &Context<'_>,
) -> Result<(Client, Launched), Failure> {
    let runtime_dir = runtime_dir::made()?;
    let order = launch::Wish {
        config: &manifest.path,
        folder: &manifest.folder,
        runtime_dir: &runtime_dir,
        profile: wish.profile,
        only,
    };
    if wish.foreground {
        return Err(launch::in_foreground(&order).into());
    }
    let client = Client::new(runtime_dir::socket(&runtime_dir), context.config.clone());
    context.printer.say(&format!("Starting {} in the profile {}", manifest.path.display(), manifest.profile));
    let launched = launch::in_background(&order, &client).await?;
    Ok((client, launched))
}

/// The instances to watch. A new supervisor numbers nothing that came before it among its runs, so every run is this
/// start's.
fn instances(names: &[&str], manifest: &Manifest, seen: &Watch) -> Vec<AcceptedApp> {
    let accepted =
        |id: u32, name: &str| AcceptedApp { id, name: name.to_owned(), after: 0, unchanged: false, leaves: false };
    let mut asked = Vec::new();
    for name in names {
        let instances: Vec<_> = seen.status.apps.iter().filter(|app| app.name == *name).collect();
        asked.extend(instances.iter().map(|app| accepted(app.id, name)));
        // One that is not listed is asked for all the same, so that its absence is said.
        if instances.is_empty()
            && let Some(app) = manifest.app(name)
        {
            asked.push(accepted(app.id, name));
        }
    }
    asked
}
