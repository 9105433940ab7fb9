//! `betti-ctl jlist` and `prettylist`: PM2's own array.

use std::time::{SystemTime, UNIX_EPOCH};

use super::{Context, describe};
use crate::exit::{Exit, Failure, Outcome};
use crate::pm2;

/// Prints the array, on one line or indented. Secret values are masked.
///
/// # Errors
/// If nobody answers.
pub async fn run(indented: bool, context: &Context<'_>) -> Outcome {
    let descriptions = describe::about(&[], false, &context.client()?).await?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let list = pm2::list(&descriptions, u64::try_from(now.as_millis()).unwrap_or(u64::MAX));
    let text = if indented { serde_json::to_string_pretty(&list) } else { serde_json::to_string(&list) };
    context.printer.line(&text.map_err(|error| Failure::failed(error.to_string()))?);
    Ok(Exit::Done)
}
