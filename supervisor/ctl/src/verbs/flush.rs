//! `betti-ctl flush`: empties log files.

use protocol::control::NotFlushed;

use super::Context;
use super::act;
use crate::arguments::Targets;
use crate::exit::{Exit, Outcome};

/// Has log files emptied, and says which.
///
/// # Errors
/// If nobody answers, or it is refused.
pub async fn run(arguments: &Targets, context: &Context<'_>) -> Outcome {
    let client = context.client()?;
    let flushed = match client.flush(&act::to(&arguments.apps)).await {
        Ok(flushed) => flushed,
        Err(error) => return Err(act::refused(error, &arguments.apps, &client).await),
    };
    if context.printer.is_json() {
        context.printer.json(&flushed)?;
    }
    for file in &flushed.files {
        context.printer.say(&format!("✓ emptied {file}"));
    }
    for NotFlushed { file, why } in &flushed.failed {
        context.printer.error(&format!("{file} cannot be emptied: {why}"));
    }
    if !flushed.failed.is_empty() {
        return Ok(Exit::Failed);
    }
    if flushed.files.is_empty() {
        context.printer.say("there was nothing to empty");
    }
    Ok(Exit::Done)
}
