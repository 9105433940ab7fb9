//! `betti-ctl delete`: what is deleted is stopped, and listed no more until the file is applied again.

use super::Context;
use super::act;
use crate::arguments::Delete;
use crate::exit::Outcome;

/// Stops apps, takes them off the list and waits until they are gone.
///
/// # Errors
/// If nobody answers, or it is refused.
pub async fn run(arguments: &Delete, context: &Context<'_>) -> Outcome {
    act::run(&act::delete(&arguments.apps, !arguments.no_wait), &context.client()?, context).await
}
