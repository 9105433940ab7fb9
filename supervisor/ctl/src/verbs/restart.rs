//! `betti-ctl restart`: what is stopped is started.

use super::Context;
use super::act;
use crate::arguments::Restart;
use crate::exit::Outcome;

/// Stops apps, starts them again and waits until they are ready.
///
/// # Errors
/// If nobody answers, or it is refused.
pub async fn run(arguments: &Restart, context: &Context<'_>) -> Outcome {
    let mut act = act::restart(&arguments.act.apps, !arguments.act.no_wait);
    act.targets.dependants = arguments.with_dependants;
    act::run(&act, &context.client()?, context).await
}
