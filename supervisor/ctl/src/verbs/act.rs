//! What `start`, `stop` and `restart` have in common: ask, wait until it is true, show the table.

use protocol::control::AcceptedApp;

use super::Context;
use crate::client::Client;
use crate::exit::{Exit, Outcome};
use crate::table;
use crate::verdict::Goal;
use crate::watch;

/// An act on apps.
pub struct Act<'a> {
    /// What it is called on the wire.
    pub wire: &'a str,
    /// What PM2 calls it.
    pub action: &'a str,
    /// What it is to lead to.
    pub goal: Goal,
    /// The apps, as the user wrote them.
    pub targets: &'a [String],
    /// Whether to wait until it is true.
    pub wait: bool,
}

/// Asks for the act and waits until it is true.
///
/// # Errors
/// If nobody answers, or the act is refused.
pub async fn run(act: &Act<'_>, client: &Client, context: &Context<'_>) -> Outcome {
    let asked = client.act(act.wire, act.targets).await?.apps;
    watch::announce(act.action, &asked, context.printer);
    settle(act.goal, act.wait, &asked, client, context).await
}

/// Waits, and shows the table.
///
/// # Errors
/// If nobody answers any more.
pub async fn settle(goal: Goal, wait: bool, asked: &[AcceptedApp], client: &Client, context: &Context<'_>) -> Outcome {
    if !wait {
        table::show(&client.status().await?, context.printer);
        return Ok(Exit::Done);
    }
    let settled = watch::until(goal, asked, client, context.printer).await?;
    table::show(&settled.status, context.printer);
    Ok(settled.exit)
}
