//! `betti-ctl profile`: the one word that makes this deployment another.

use std::path::Path;

use protocol::control::{Apply, Status};
use serde::Serialize;

use super::{Context, apply};
use crate::arguments;
use crate::config;
use crate::exit::{Exit, Failure, Outcome};
use crate::profiles::{self, Profiles};
use crate::replace::replace;
use crate::watch::Undone;
use manifest::with_profile;

/// For programs.
#[derive(Serialize)]
struct Report<'p> {
    /// The one in force; `null` if no supervisor runs.
    profile: Option<&'p str>,
    /// The one that the file names.
    file: Option<&'p str>,
    known: Vec<&'p str>,
}

/// Shows the profile, or switches to another one.
///
/// # Errors
/// If there is no file, the file does not know the profile or cannot be written, or the switch is refused.
pub async fn run(arguments: &arguments::Profile, context: &Context<'_>) -> Outcome {
    let running = context.running().await?;
    match &arguments.name {
        None => show(running.as_ref().map(|(_, status)| status), context),
        Some(profile) => {
            write(profile, context)?;
            let Some((client, _)) = running else {
                context.printer.say("No supervisor is running: betti-ctl start runs it");
                return crate::report::gone(context.printer);
            };
            // The file may have named it before, and another one may be in force all the same.
            let apply = Apply { dry_run: false, profile: Some(profile.clone()) };
            let converged = apply::converge(&apply, !arguments.no_wait, &client, context).await?;
            if let Some(settled) = converged.settled.as_ref().filter(|settled| settled.undone == Some(Undone::CameBack))
            {
                let in_force = &settled.status.profile;
                context.printer.error(&format!(
                    "the file still names {profile}: betti-ctl profile {in_force} has it name what runs"
                ));
            }
            apply::show(&converged, context)
        }
    }
}

fn show(status: Option<&Status>, context: &Context<'_>) -> Outcome {
    let Profiles { own, mut known } = match &context.config {
        Some(path) => profiles::of(&config::text(path)?),
        None if status.is_some() => Profiles::default(),
        None => return Err(config::missing()),
    };
    let in_force = status.map(|status| status.profile.clone());
    known.extend(in_force.iter().cloned());
    if context.printer.is_json() {
        let known = known.iter().map(String::as_str).collect();
        context.printer.json(&Report { profile: in_force.as_deref(), file: own.as_deref(), known })?;
        return Ok(Exit::Done);
    }
    let own = own.as_deref();
    let first = match (in_force.as_deref(), own) {
        (Some(force), Some(own)) if force != own => format!("{force} is in force; the file names {own}"),
        (Some(force), _) => format!("{force} is in force"),
        (None, Some(own)) => format!("no supervisor is running; the file names {own}"),
        (None, None) => "no supervisor is running; the file names no profile".to_owned(),
    };
    context.printer.line(&first);
    for profile in &known {
        let mark = if in_force.as_deref().or(own) == Some(profile) { '*' } else { ' ' };
        context.printer.line(&format!("{mark} {profile}"));
    }
    Ok(Exit::Done)
}

/// Writes the word into the file, if it is not there already.
fn write(profile: &str, context: &Context<'_>) -> Result<(), Failure> {
    let path = context.config.as_deref().ok_or_else(config::missing)?;
    config::read(path, Some(profile), context.printer)?;
    let old = config::text(path)?;
    let new = with_profile(path, &old, profile).map_err(|broken| config::mistaken(&broken, context.printer))?;
    if new == old {
        return Ok(());
    }
    replace(path, &new).map_err(|why| unwritten(path, &why))?;
    context.printer.say(&format!("✓ {} names the profile {profile}", path.display()));
    Ok(())
}

fn unwritten(path: &Path, why: &std::io::Error) -> Failure {
    Failure::failed(format!("{} cannot be written: {why}", path.display()))
}
