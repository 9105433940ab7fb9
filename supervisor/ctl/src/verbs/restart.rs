//! `betti-ctl restart`: what is stopped is started.

use super::Context;
use super::act::{self, Act};
use crate::arguments;
use crate::exit::Outcome;
use crate::verdict::Goal;

/// Stops apps, starts them again and waits until they are ready.
pub async fn run(arguments: &arguments::Act, context: &Context<'_>) -> Outcome {
    let act = Act {
        wire: "restart",
        action: "restartProcessId",
        goal: Goal::Online,
        targets: &arguments.apps,
        wait: !arguments.no_wait,
    };
    act::run(&act, &context.client()?, context).await
}
