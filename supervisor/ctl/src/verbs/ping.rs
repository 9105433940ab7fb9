//! `betti-ctl ping`: is somebody there?

use super::Context;
use crate::exit::{Exit, Outcome};

/// Says who answers.
///
/// # Errors
/// If nobody does.
pub async fn run(context: &Context<'_>) -> Outcome {
    let pong = context.client()?.ping().await?;
    if context.printer.is_json() {
        context.printer.json(&pong)?;
    } else {
        let protocol::control::Pong { keeper, supervisor, version, .. } = &pong;
        context.printer.line(&format!("pong: keeper {keeper}, supervisor {supervisor}, version {version}"));
    }
    Ok(Exit::Done)
}
