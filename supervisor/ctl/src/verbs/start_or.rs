//! `betti-ctl startOrRestart` and `startOrReload`: what people do in PM2 after they edited the file.

use protocol::control::{Apply, What};

use super::start::{self, Wish};
use super::{Context, act, apply, reload};
use crate::arguments::File;
use crate::config;
use crate::exit::{Exit, Outcome};
use crate::report;

/// What is done to apps that the file leaves as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// All at once.
    Restart,
    /// One after the other.
    Reload,
}

/// Applies the file, and restarts or reloads what that leaves running; brings the supervisor up if none runs.
///
/// # Errors
/// If the file has mistakes, or it is refused.
pub async fn run(then: Then, arguments: &File, context: &Context<'_>) -> Outcome {
    let path = config::named_or(arguments.file.as_deref(), context.config.as_deref())?;
    let context = Context { config: Some(path), printer: context.printer };
    let (wait, profile) = (!arguments.no_wait, arguments.profile.as_deref());
    let Some((client, _)) = context.running().await? else {
        let wish = Wish { apps: &[], profile, converge: true, foreground: false, wait };
        return start::start(&wish, None, &context).await;
    };
    let request = Apply { dry_run: false, profile: profile.map(str::to_owned) };
    let converged = apply::converge(&request, wait, &client, &context).await?;
    if let Some(settled) = converged.settled.filter(|settled| settled.exit() != Exit::Done) {
        return report::show(&settled, context.printer);
    }
    let is_left = |what| matches!(what, What::Keep | What::Change);
    let left: Vec<String> =
        converged.applied.steps.into_iter().filter(|step| is_left(step.what)).map(|step| step.app).collect();
    if left.is_empty() {
        return report::show(&crate::watch::Settled::at_once(client.status().await?), context.printer);
    }
    match then {
        Then::Restart => act::run(&act::restart(&left, wait), &client, &context).await,
        Then::Reload => reload::reload(&left, wait, &client, &context).await,
    }
}
