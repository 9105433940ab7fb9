//! What verbs that change something have in common: ask, wait until it is true, show the table.

use protocol::control::{Accepted, AcceptedApp, Targets};

use super::Context;
use crate::client::{AskError, Client};
use crate::exit::{Failure, Outcome};
use crate::names;
use crate::report;
use crate::verdict::Goal;
use crate::watch::{self, Settled, Wait};

/// An act on apps.
pub struct Act<'a> {
    /// What it is called on the wire.
    pub wire: &'a str,
    /// What PM2 calls it.
    pub action: &'a str,
    /// What it is to lead to.
    pub goal: Goal,
    /// The apps.
    pub targets: Targets,
    /// Whether to wait until it is true.
    pub wait: bool,
}

/// `start`
pub fn start(targets: &[String], wait: bool) -> Act<'static> {
    Act { wire: "start", action: "startProcessId", goal: Goal::Online, targets: to(targets), wait }
}

/// `stop`
pub fn stop(targets: &[String], wait: bool) -> Act<'static> {
    Act { wire: "stop", action: "stopProcessId", goal: Goal::Stopped, targets: to(targets), wait }
}

/// `restart`
pub fn restart(targets: &[String], wait: bool) -> Act<'static> {
    Act { wire: "restart", action: "restartProcessId", goal: Goal::Online, targets: to(targets), wait }
}

/// `reload`
pub fn reload(targets: &[String], wait: bool) -> Act<'static> {
    Act { wire: "reload", action: "reloadProcessId", goal: Goal::Online, targets: to(targets), wait }
}

/// `delete`
pub fn delete(targets: &[String], wait: bool) -> Act<'static> {
    Act { wire: "delete", action: "deleteProcessId", goal: Goal::Stopped, targets: to(targets), wait }
}

/// Targets as the user wrote them.
pub fn to(targets: &[String]) -> Targets {
    Targets { targets: targets.to_vec(), dependants: false }
}

/// Asks for the act, waits until it is true, and shows what came of it.
///
/// # Errors
/// If nobody answers, or the act is refused.
pub async fn run(act: &Act<'_>, client: &Client, context: &Context<'_>) -> Outcome {
    report::show(&ask(act, client, context).await?, context.printer)
}

/// Asks for the act and waits until it is true.
///
/// # Errors
/// If nobody answers, or the act is refused.
pub async fn ask(act: &Act<'_>, client: &Client, context: &Context<'_>) -> Result<Settled, Failure> {
    let asked = begin(act, client, context).await?;
    settle(act.goal, act.wait, &asked, client, context).await
}

/// Asks for the act, and says which apps it is about.
///
/// # Errors
/// If nobody answers, or the act is refused.
pub async fn begin(act: &Act<'_>, client: &Client, context: &Context<'_>) -> Result<Vec<AcceptedApp>, Failure> {
    let answer = client.act(act.wire, &act.targets).await;
    let asked = accepted(answer, &act.targets.targets, client).await?;
    watch::announce(act.action, &asked, context.printer);
    Ok(asked)
}

/// The apps that an act is about. If a name means nothing, the names that there are are said, the nearest first.
///
/// # Errors
/// If the act was refused.
pub async fn accepted(
    answer: Result<Accepted, AskError>,
    targets: &[String],
    client: &Client,
) -> Result<Vec<AcceptedApp>, Failure> {
    match answer {
        Ok(accepted) => Ok(accepted.apps),
        Err(error) => Err(refused(error, targets, client).await),
    }
}

/// Why not, with the names that there are if a name means nothing.
pub async fn refused(error: AskError, targets: &[String], client: &Client) -> Failure {
    if let AskError::Refused { status: http::StatusCode::NOT_FOUND, .. } = error
        && let Ok(status) = client.status().await
        && !status.apps.is_empty()
        && let Err(unknown) = names::meant(&status.apps, targets, names::of)
    {
        return Failure::failed(unknown);
    }
    error.into()
}

/// Waits, if that is wanted.
///
/// # Errors
/// If nobody answers any more.
pub async fn settle(
    goal: Goal,
    wait: bool,
    asked: &[AcceptedApp],
    client: &Client,
    context: &Context<'_>,
) -> Result<Settled, Failure> {
    if !wait {
        return Ok(Settled::at_once(client.status().await?));
    }
    Ok(Wait::new(goal, asked, context.config.as_deref()).until(client, context.printer).await?)
}
