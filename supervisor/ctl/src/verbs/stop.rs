//! `betti-ctl stop`: a hold. What is stopped stays so until somebody starts it.

use super::Context;
use super::act;
use crate::arguments::Act;
use crate::exit::Outcome;

/// Stops apps and waits until every process of theirs is gone.
///
/// # Errors
/// If nobody answers, or it is refused.
pub async fn run(arguments: &Act, context: &Context<'_>) -> Outcome {
    act::run(&act::stop(&arguments.apps, !arguments.no_wait), &context.client()?, context).await
}
