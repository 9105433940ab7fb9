//! `betti-ctl status`: PM2's table, or JSON for programs.

use super::Context;
use crate::arguments;
use crate::exit::{Exit, Failure, Outcome};
use crate::table;

/// Shows what runs.
pub async fn run(arguments: &arguments::Status, context: &Context<'_>) -> Outcome {
    let status = context.client()?.status().await?;
    if arguments.json {
        let json = serde_json::to_string(&status).map_err(|error| Failure::failed(error.to_string()))?;
        context.printer.line(&json);
    } else {
        table::show(&status, context.printer);
    }
    Ok(Exit::Done)
}
