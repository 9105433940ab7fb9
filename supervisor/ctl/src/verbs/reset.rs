//! `betti-ctl reset`: counts from 0 again.

use super::Context;
use super::act;
use crate::arguments::Targets;
use crate::exit::Outcome;
use crate::report;
use crate::watch::{self, Settled};

/// Has restarts and failures counted from 0 again.
///
/// # Errors
/// If nobody answers, or it is refused.
pub async fn run(arguments: &Targets, context: &Context<'_>) -> Outcome {
    let client = context.client()?;
    let answer = client.act("reset", &act::to(&arguments.apps)).await;
    let asked = act::accepted(answer, &arguments.apps, &client).await?;
    watch::announce("resetMetaProcessId", &asked, context.printer);
    report::show(&Settled::at_once(client.status().await?), context.printer)
}
