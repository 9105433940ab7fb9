//! `betti-ctl reload`: a rolling restart. The next app's turn comes when the one before it is ready.

use super::Context;
use super::act;
use crate::arguments::Act;
use crate::exit::Outcome;

/// Restarts apps one after the other and waits until all of them are ready again.
///
/// # Errors
/// If nobody answers, or it is refused.
pub async fn run(arguments: &Act, context: &Context<'_>) -> Outcome {
    act::run(&act::reload(&arguments.apps, !arguments.no_wait), &context.client()?, context).await
}
