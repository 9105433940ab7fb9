//! `betti-ctl check`: the file's mistakes, or what applying it would do. Needs no supervisor.

use std::path::Path;

use http::StatusCode;
use manifest::Manifest;
use protocol::control::{Apply, Step};
use serde::Serialize;

use super::Context;
use crate::arguments;
use crate::client::{AskError, Client};
use crate::config;
use crate::exit::{Exit, Failure, Mistake, Outcome};
use crate::plan;
use crate::runtime_dir;

/// For programs.
#[derive(Serialize)]
struct Report<'c> {
    ok: bool,
    path: &'c Path,
    mistakes: &'c [Mistake],
    /// `null` if the file has mistakes.
    profile: Option<&'c str>,
    /// Whether the plan is against what runs; else against nothing.
    running: bool,
    plan: &'c [Step],
}

/// Reads the file and says what applying it would do.
///
/// # Errors
/// If there is no file, or it has mistakes.
pub async fn run(arguments: &arguments::Check, context: &Context<'_>) -> Outcome {
    let path = config::named_or(arguments.file.as_deref(), context.config.as_deref())?;
    let printer = context.printer;
    let manifest = match config::read(&path, arguments.profile.as_deref(), printer) {
        Ok(manifest) => manifest,
        Err(Failure { mistakes, .. }) if printer.is_json() && !mistakes.is_empty() => {
            let report =
                Report { ok: false, path: &path, mistakes: &mistakes, profile: None, running: false, plan: &[] };
            printer.json(&report)?;
            return Ok(Exit::Misuse);
        }
        Err(failure) => return Err(failure),
    };
    let applied = against_what_runs(&path, arguments.profile.clone()).await?;
    let running = applied.is_some();
    let (profile, steps) = applied.unwrap_or_else(|| (manifest.profile.clone(), plan::from_nothing(&manifest)));
    if printer.is_json() {
        let profile = Some(profile.as_str());
        printer.json(&Report { ok: true, path: &path, mistakes: &[], profile, running, plan: &steps })?;
        return Ok(Exit::Done);
    }
    printer.say(&format!("✓ {} is good", found(&path, &manifest)));
    let against = if running { "To what runs it would do this" } else { "Nothing runs of it; a start would do this" };
    printer.say(&format!("{against}, in the profile {profile}: {}", plan::summary(&steps)));
    printer.line(&plan::text(&steps, printer.colour()));
    Ok(Exit::Done)
}

fn found(path: &Path, manifest: &Manifest) -> String {
    let count = match manifest.apps.len() {
        1 => "1 app".to_owned(),
        many => format!("{many} apps"),
    };
    format!("{} ({count} in the profile {})", path.display(), manifest.profile)
}

/// The profile and the plan, if a supervisor runs that goes by this file.
async fn against_what_runs(path: &Path, profile: Option<String>) -> Result<Option<(String, Vec<Step>)>, Failure> {
    // Whatever is wrong with the runtime directory, no supervisor of ours is in it.
    let Ok(Some(runtime_dir)) = runtime_dir::existing() else { return Ok(None) };
    let client = Client::new(runtime_dir::socket(&runtime_dir), Some(path.to_owned()));
    match client.status().await {
        Ok(_) => {}
        // One that goes by another file says so.
        Err(AskError::NoSupervisor | AskError::Refused { status: StatusCode::CONFLICT, .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    let applied = client.apply(&Apply { dry_run: true, profile }).await?;
    Ok(Some((applied.profile, applied.steps)))
}
