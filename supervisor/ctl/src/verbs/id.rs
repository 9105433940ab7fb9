//! `betti-ctl id`: the numbers of an app.

use super::Context;
use crate::arguments;
use crate::exit::{Exit, Failure, Outcome};
use crate::names;

/// Prints the ids, as PM2 does.
///
/// # Errors
/// If nobody answers, or the name means nothing.
pub async fn run(arguments: &arguments::Id, context: &Context<'_>) -> Outcome {
    let status = context.client()?.status().await?;
    let target = std::slice::from_ref(&arguments.name);
    let meant = names::meant(&status.apps, target, names::of).map_err(Failure::failed)?;
    let ids: Vec<u32> = meant.iter().map(|app| app.id).collect();
    if context.printer.is_json() {
        context.printer.json(&ids)?;
    } else {
        let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
        context.printer.line(&format!("[ {} ]", ids.join(", ")));
    }
    Ok(Exit::Done)
}
