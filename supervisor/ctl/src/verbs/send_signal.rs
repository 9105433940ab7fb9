//! `betti-ctl send-signal`: to the first process of each app; what it does with it is its own affair.

use super::Context;
use super::act;
use crate::arguments::SendSignal;
use crate::exit::{Failure, Outcome};
use crate::report;
use crate::watch::Settled;

/// Sends the signal.
///
/// # Errors
/// If nobody answers, it is refused, or none of the apps runs.
pub async fn run(arguments: &SendSignal, context: &Context<'_>) -> Outcome {
    let client = context.client()?;
    let SendSignal { signal, apps } = arguments;
    let answer = client.signal(&protocol::control::SendSignal { signal: signal.clone(), targets: apps.clone() }).await;
    let sent = act::accepted(answer, apps, &client).await?;
    if sent.is_empty() {
        return Err(Failure::failed(format!("nothing of {} runs: nobody got the signal", apps.join(", "))));
    }
    for app in &sent {
        context.printer.say(&format!("[{}]({}) ✓ was sent {signal}", app.name, app.id));
    }
    report::show(&Settled::at_once(client.status().await?), context.printer)
}
