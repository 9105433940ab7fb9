//! `betti-ctl apply`: what runs becomes what the file says, and nothing else is touched.

use std::time::Duration;

use protocol::control::{AcceptedApp, Applied, Status, Step, Watch, What, Word};
use serde::Serialize;
use tokio::time::{Instant, timeout_at};

use super::Context;
use crate::arguments;
use crate::client::{AskError, Client};
use crate::config;
use crate::exit::{Exit, Failure, Outcome};
use crate::plan;
use crate::table;
use crate::verdict::Goal;
use crate::watch::{Failed, Settled, Trial, Undone, Wait};

/// How long the supervisor may take to bring the last good one back, once an app of the new one has failed.
const COME_BACK_PATIENCE: Duration = Duration::from_secs(15);

/// What applying came to.
pub struct Converged {
    /// What the supervisor did, or would do.
    pub applied: Applied,
    /// What became of it; `None` of a dry run.
    pub settled: Option<Settled>,
}

/// For programs.
#[derive(Serialize)]
struct Report<'c> {
    ok: bool,
    mistakes: [(); 0],
    from_profile: &'c str,
    profile: &'c str,
    plan: &'c [Step],
    failed: &'c [Failed],
    came_back: bool,
    /// `null` of a dry run.
    status: Option<&'c Status>,
}

/// Has the file applied and waits until it is true.
///
/// # Errors
/// If nobody answers, the file has mistakes, or it is refused.
pub async fn run(arguments: &arguments::Apply, context: &Context<'_>) -> Outcome {
    let client = context.client()?;
    // Nothing is drawn of a file for nobody.
    client.status().await?;
    let apply = protocol::control::Apply { dry_run: arguments.dry_run, profile: arguments.profile.clone() };
    let converged = converge(&apply, !arguments.no_wait, &client, context).await?;
    show(&converged, context)
}

/// Has the file applied, shows the plan, and waits until it is true.
///
/// # Errors
/// If nobody answers, the file has mistakes, or it is refused.
pub async fn converge(
    apply: &protocol::control::Apply,
    wait: bool,
    client: &Client,
    context: &Context<'_>,
) -> Result<Converged, Failure> {
    // The supervisor reads it too, but here is who wrote it: the mistakes are drawn for them.
    if let Some(path) = &context.config {
        config::read(path, apply.profile.as_deref(), context.printer)?;
    }
    let before = client.watch(None).await?;
    let applied = client.apply(apply).await?;
    tell(&applied, apply.dry_run, context);
    let settled = match (apply.dry_run, wait) {
        (true, _) => None,
        (false, false) => Some(Settled::at_once(client.status().await?)),
        (false, true) => Some(settle(&applied, &before, client, context).await?),
    };
    Ok(Converged { applied, settled })
}

fn tell(applied: &Applied, dry_run: bool, context: &Context<'_>) {
    let printer = context.printer;
    if printer.is_json() {
        return;
    }
    let Applied { from_profile, profile, steps, .. } = applied;
    let would = if dry_run { "This would be done" } else { "Applying the file" };
    match from_profile == profile {
        true => printer.say(&format!("{would}, in the profile {profile}: {}", plan::summary(steps))),
        false => {
            printer.say(&format!("{would}, from the profile {from_profile} to {profile}: {}", plan::summary(steps)))
        }
    }
    if !steps.is_empty() {
        printer.line(&plan::text(steps, printer.colour()));
    }
}

async fn settle(applied: &Applied, before: &Watch, client: &Client, context: &Context<'_>) -> Result<Settled, Failure> {
    let mut asked = applied.apps.clone();
    asked.extend(leaving(applied, before));
    if asked.is_empty() {
        // The supervisor may have seen the edit by itself, a moment ago.
        asked = on_their_way(&client.watch(None).await?);
    }
    let mut wait = Wait::new(Goal::Online, &asked, context.config.as_deref());
    let trial = Trial { profile: &applied.profile };
    wait.trial = applied.on_trial.then_some(trial);
    let mut settled = wait.until(client, context.printer).await?;
    if applied.on_trial && settled.exit() != Exit::Done && settled.undone.is_none() {
        settled.status = come_back(&trial, settled.status, client).await?;
        settled.undone = trial.undone(&settled.status);
    }
    if let Some(undone) = settled.undone {
        context.printer.error(&in_words(undone, &settled.status.profile));
    }
    Ok(settled)
}

fn in_words(undone: Undone, in_force: &str) -> String {
    match undone {
        Undone::CameBack => format!("it did not hold, and what ran before came back, in the profile {in_force}"),
        Undone::Overtaken => format!("somebody switched to the profile {in_force} meanwhile"),
    }
}

/// Those that the plan removes, unless they are among those to be watched anyway.
fn leaving(applied: &Applied, before: &Watch) -> Vec<AcceptedApp> {
    let removed = |name: &str| applied.steps.iter().any(|step| step.what == What::Remove && step.app == name);
    let is_watched = |id: u32, name: &str| applied.apps.iter().any(|app| app.id == id && app.name == name);
    let apps = before.status.apps.iter().filter(|app| removed(&app.name) && !is_watched(app.id, &app.name));
    apps.map(|app| AcceptedApp { id: app.id, name: app.name.clone(), after: 0, unchanged: false, leaves: true })
        .collect()
}

/// Those that are on their way up already.
fn on_their_way(watch: &Watch) -> Vec<AcceptedApp> {
    let is_on_its_way = |word| matches!(word, Word::Launching | Word::Waiting | Word::Stopping);
    let apps = watch.status.apps.iter().filter(|app| is_on_its_way(app.status));
    let runs = apps.filter_map(|app| Some((app, watch.runs.iter().find(|runs| runs.id == app.id && runs.wanted)?)));
    let accepted = |(app, runs): (&protocol::control::App, &protocol::control::Runs)| AcceptedApp {
        id: app.id,
        name: app.name.clone(),
        // A run that is on its way out is followed by another one.
        after: runs.newest.unwrap_or(0),
        unchanged: app.status == Word::Launching,
        leaves: false,
    };
    runs.map(accepted).collect()
}

/// Waits until the supervisor says that the last good one is back; the last thing seen if it does not in time.
async fn come_back(trial: &Trial<'_>, seen: Status, client: &Client) -> Result<Status, AskError> {
    let deadline = Instant::now() + COME_BACK_PATIENCE;
    let (mut status, mut sequence) = (seen, None);
    while trial.undone(&status).is_none() {
        let Ok(watch) = timeout_at(deadline, client.watch(sequence)).await else { break };
        let watch = watch?;
        (status, sequence) = (watch.status, Some(watch.sequence));
    }
    Ok(status)
}

/// Shows what came of it.
///
/// # Errors
/// If it cannot be written as JSON.
pub fn show(converged: &Converged, context: &Context<'_>) -> Outcome {
    let Converged { applied, settled } = converged;
    let exit = settled.as_ref().map_or(Exit::Done, Settled::exit);
    if context.printer.is_json() {
        context.printer.json(&Report {
            ok: exit == Exit::Done,
            mistakes: [],
            from_profile: &applied.from_profile,
            profile: &applied.profile,
            plan: &applied.steps,
            failed: settled.as_ref().map(|settled| settled.failed.as_slice()).unwrap_or_default(),
            came_back: settled.as_ref().is_some_and(|settled| settled.undone == Some(Undone::CameBack)),
            status: settled.as_ref().map(|settled| &settled.status),
        })?;
    } else if let Some(settled) = settled {
        table::show(&settled.status, context.printer);
    }
    Ok(exit)
}
