//! `betti-ctl reloadLogs`: for programs that put log files aside themselves.

use super::Context;
use crate::exit::Outcome;
use crate::report;
use crate::watch::Settled;

/// Has log files that somebody put aside opened anew.
///
/// # Errors
/// If nobody answers, or one of the files cannot be opened.
pub async fn run(context: &Context<'_>) -> Outcome {
    let client = context.client()?;
    client.reload_logs().await?;
    context.printer.say("✓ log files are opened anew");
    report::show(&Settled::at_once(client.status().await?), context.printer)
}
