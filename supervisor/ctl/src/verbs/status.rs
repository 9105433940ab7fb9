//! `betti-ctl status`: PM2's table, or JSON for programs.

use super::Context;
use crate::exit::{Exit, Outcome};
use crate::table;

/// Shows what runs.
///
/// # Errors
/// If nobody answers.
pub async fn run(context: &Context<'_>) -> Outcome {
    let status = context.client()?.status().await?;
    if context.printer.is_json() {
        context.printer.json(&status)?;
    } else {
        table::show(&status, context.printer);
    }
    Ok(Exit::Done)
}
