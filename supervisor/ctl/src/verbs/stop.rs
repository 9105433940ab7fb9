//! `betti-ctl stop`: a hold. What is stopped stays so until somebody starts it.

use super::Context;
use super::act::{self, Act};
use crate::arguments;
use crate::exit::Outcome;
use crate::verdict::Goal;

/// Stops apps and waits until every process of theirs is gone.
pub async fn run(arguments: &arguments::Act, context: &Context<'_>) -> Outcome {
    let act = Act {
        wire: "stop",
        action: "stopProcessId",
        goal: Goal::Stopped,
        targets: &arguments.apps,
        wait: !arguments.no_wait,
    };
    act::run(&act, &context.client()?, context).await
}
