//! `betti-ctl pid`: numbers for `kill`, `gdb` and the like.

use serde::Serialize;

use super::Context;
use crate::arguments;
use crate::exit::{Exit, Failure, Outcome};
use crate::names;

/// For programs, one an app.
#[derive(Serialize)]
struct Pid<'s> {
    id: u32,
    name: &'s str,
    pid: Option<i32>,
}

/// Prints the pid of the first process of each app that runs. If none does, nothing is printed and the code is 1: a 0,
/// as PM2 prints it, would be everybody in the caller's process group to `kill`.
///
/// # Errors
/// If nobody answers, or a name means nothing.
pub async fn run(arguments: &arguments::Pid, context: &Context<'_>) -> Outcome {
    let status = context.client()?.status().await?;
    let targets: Vec<String> = arguments.app.iter().cloned().collect();
    let meant = names::meant(&status.apps, &targets, names::of).map_err(Failure::failed)?;
    if context.printer.is_json() {
        let pids: Vec<Pid<'_>> = meant.iter().map(|app| Pid { id: app.id, name: &app.name, pid: app.pid }).collect();
        context.printer.json(&pids)?;
    } else {
        meant.iter().filter_map(|app| app.pid).for_each(|pid| context.printer.line(&pid.to_string()));
    }
    Ok(if meant.iter().any(|app| app.pid.is_some()) { Exit::Done } else { Exit::Failed })
}
