//! `betti-ctl scale`: another number of instances. Those that go are the last ones.

use protocol::control::Status;

use super::Context;
use super::act;
use crate::arguments::Scale;
use crate::exit::Outcome;
use crate::report;
use crate::verdict::Goal;
use crate::watch;

/// Has so many instances run, and waits until those that come are ready and those that go are gone.
///
/// # Errors
/// If nobody answers, or it is refused.
pub async fn run(arguments: &Scale, context: &Context<'_>) -> Outcome {
    let client = context.client()?;
    // Asked for twice, because the first answer was lost, "one more" would be two more.
    let instances = in_all(&arguments.app, &arguments.instances, &client.status().await?);
    let scale = protocol::control::Scale { app: arguments.app.clone(), instances };
    let asked = act::accepted(client.scale(&scale).await, std::slice::from_ref(&arguments.app), &client).await?;
    watch::announce("scaleProcessId", &asked, context.printer);
    report::show(&act::settle(Goal::Online, !arguments.no_wait, &asked, &client, context).await?, context.printer)
}

/// How many are wanted in all. What cannot be worked out is left to the supervisor.
fn in_all(app: &str, written: &str, status: &Status) -> String {
    let Some((sign, number)) = written.split_at_checked(1).filter(|(sign, _)| ["+", "-"].contains(sign)) else {
        return written.to_owned();
    };
    let by_id = app.parse().ok().and_then(|id: u32| status.apps.iter().find(|app| app.id == id));
    let name = by_id.map_or(app, |found| found.name.as_str());
    let now = status.apps.iter().filter(|app| app.name == name).count();
    let Ok(number) = number.parse::<usize>() else { return written.to_owned() };
    match sign {
        _ if now == 0 => written.to_owned(),
        "+" => now.saturating_add(number).to_string(),
        _ => now.saturating_sub(number).to_string(),
    }
}
