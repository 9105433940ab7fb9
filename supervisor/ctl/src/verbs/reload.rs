//! `betti-ctl reload`: apps begin anew one after the other. What overlaps goes on until its next run is ready.

use protocol::control::{AcceptedApp, Watch, Word};

use super::Context;
use super::act;
use crate::arguments::Act;
use crate::client::Client;
use crate::exit::{Failure, Outcome};
use crate::report;
use crate::verdict;
use crate::watch::Failed;

/// Begins apps anew one after the other, and waits until all of them are ready and the runs before are gone.
///
/// # Errors
/// If nobody answers, or it is refused.
pub async fn run(arguments: &Act, context: &Context<'_>) -> Outcome {
    reload(&arguments.apps, !arguments.no_wait, &context.client()?, context).await
}

/// The same for these apps. Who was left out because another one failed is named as well.
///
/// # Errors
/// If nobody answers, or it is refused.
pub async fn reload(apps: &[String], wait: bool, client: &Client, context: &Context<'_>) -> Outcome {
    let act = act::reload(apps, wait);
    let asked = act::begin(&act, client, context).await?;
    let mut settled = act::settle(act.goal, act.wait, &asked, client, context).await?;
    if !settled.failed.is_empty() {
        let watch = client.watch(None).await.map_err(Failure::from)?;
        let left = left_out(&asked, &settled.failed, &watch);
        left.iter().for_each(|left| left.say(context.printer));
        settled.failed.extend(left);
    }
    report::show(&settled, context.printer)
}

/// Those whose turn never came, because the reload was over at the first that failed.
fn left_out(asked: &[AcceptedApp], failed: &[Failed], watch: &Watch) -> Vec<Failed> {
    let is_left_out = |asked: &&AcceptedApp| {
        let runs = watch.runs.iter().find(|runs| runs.id == asked.id);
        let app = watch.status.apps.iter().find(|app| app.id == asked.id);
        let is_online = app.is_some_and(|app| app.status == Word::Online);
        let is_old = runs.is_some_and(|runs| !runs.to_be_reloaded && verdict::is_the_old_run(asked, runs));
        is_online && is_old && failed.iter().all(|failed| failed.id != asked.id)
    };
    let why = "not reloaded: another one failed before its turn came; its run goes on";
    let left = asked.iter().filter(is_left_out);
    left.map(|app| Failed { id: app.id, name: app.name.clone(), why: why.to_owned() }).collect()
}
