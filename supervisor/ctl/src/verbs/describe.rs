//! `betti-ctl describe`: PM2's tables of keys and values, one an app.

use protocol::control::{App, Description, Exit as Ended, Logs};

use super::Context;
use super::act;
use crate::arguments;
use crate::client::Client;
use crate::exit::{Exit, Failure, Outcome};
use crate::printer::{self, Tone};
use crate::secrets;
use crate::table;
use crate::units;

/// Shows all about apps.
///
/// # Errors
/// If nobody answers, or a name means nothing.
pub async fn run(arguments: &arguments::Describe, context: &Context<'_>) -> Outcome {
    let client = context.client()?;
    let descriptions = about(&arguments.apps, arguments.show_secrets, &client).await?;
    if context.printer.is_json() {
        context.printer.json(&descriptions)?;
        return Ok(Exit::Done);
    }
    let owner = table::owner(client.status().await?.keeper.pid);
    for description in &descriptions {
        context.printer.line(&text(description, &owner, context.printer.width(), context.printer.colour()));
    }
    Ok(Exit::Done)
}

/// What the supervisor knows of these apps; secret values are masked unless they are to be shown.
///
/// # Errors
/// If nobody answers, or a name means nothing.
pub async fn about(targets: &[String], show_secrets: bool, client: &Client) -> Result<Vec<Description>, Failure> {
    let descriptions = match client.describe(targets).await {
        Ok(descriptions) => descriptions,
        Err(error) => return Err(act::refused(error, targets, client).await),
    };
    Ok(if show_secrets { descriptions } else { secrets::masked(descriptions) })
}

/// The tables of one app.
fn text(description: &Description, owner: &str, width: Option<u16>, colour: bool) -> String {
    let app = &description.app;
    let title = format!("Describing process with id {} - name {}", app.id, app.name);
    let rows = rows(description, owner);
    let mut parts = vec![printer::paint(colour, Tone::Own, &title), table::pairs(&rows, width, colour)];
    if !description.divergent.is_empty() {
        parts.push(printer::paint(colour, Tone::Own, "Divergent env variables: running process → next one"));
        let row = |(name, running, new): &(String, Option<String>, Option<String>)| {
            (name.clone(), format!("{} → {}", known(running.as_ref()), known(new.as_ref())))
        };
        let rows: Vec<(String, String)> = description.divergent.iter().map(row).collect();
        parts.push(table::pairs(&rows, width, colour));
    }
    parts.join("\n")
}

fn known(value: Option<&String>) -> &str {
    value.map_or("(unset)", String::as_str)
}

/// PM2's rows in PM2's order as far as they mean something here, then ours. What is not set has none.
fn rows(description: &Description, owner: &str) -> Vec<(String, String)> {
    let Description { app, .. } = description;
    let uptime = app.uptime_ms.map_or_else(|| "0".to_owned(), units::uptime);
    let ready = app.ready_ms.map(|milliseconds| format!("after {}", units::took(milliseconds)));
    let time = |at: Option<&String>| {
        let doubt = description.clock.as_ref().map_or(String::new(), |clock| format!(" (clock {clock})"));
        at.map(|at| format!("{at}{doubt}"))
    };
    let mode = if app.instance.is_some() { "cluster_mode" } else { "fork_mode" };
    let rows = [
        ("status", Some(app.status.as_str().to_owned())),
        ("reason", app.reason.clone()),
        ("says", app.says.clone()),
        ("name", Some(app.name.clone())),
        ("namespace", Some(app.namespace.clone())),
        ("instance", app.instance.map(|instance| instance.to_string())),
        ("pid", app.pid.map(|pid| pid.to_string())),
        ("restarts", Some(app.restarts.to_string())),
        ("unstable restarts", Some(description.recent_failures.to_string())),
        ("uptime", Some(uptime)),
        ("became ready", ready),
        ("created at", time(description.started_at.as_ref())),
        ("last exit", app.exit.as_ref().map(ended)),
        ("last exit at", time(description.exited_at.as_ref())),
        ("ends so far", ends(&description.exits)),
        ("health checks failed", (description.health_failures > 0).then(|| description.health_failures.to_string())),
        ("script path", Some(description.script.clone())),
        ("program", Some(description.program.clone().unwrap_or_else(|| "not found".to_owned()))),
        ("script args", listed(&description.args, " ")),
        ("interpreter", description.interpreter.clone()),
        ("error log path", Some(description.error_file.clone())),
        ("out log path", Some(description.out_file.clone())),
        ("script id", Some(app.id.to_string())),
        ("exec cwd", Some(description.cwd.clone())),
        ("exec mode", Some(mode.to_owned())),
        ("user", Some(app.user.clone().unwrap_or_else(|| owner.to_owned()))),
        ("watch & reload", Some(if app.watching { "✔" } else { "✘" }.to_owned())),
        ("ready when", Some(description.ready.clone())),
        ("depends on", listed(&description.depends_on, ", ")),
        ("listens on", listed(&description.listen, ", ")),
        ("profiles", listed(&description.profiles, ", ")),
        ("held", description.held.then(|| "stopped by an operator, until it is started".to_owned())),
        ("from", description.ad_hoc.then(|| "the command line: it is in no file".to_owned())),
    ];
    let settings = description.settings.iter().cloned();
    let rows = rows.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
    let logs = [("logs today".to_owned(), logs(&description.logs)), ("memory".to_owned(), memory(app))];
    let trouble = description.logs.trouble.clone().map(|trouble| ("logs trouble".to_owned(), trouble));
    rows.chain(settings).chain(logs).chain(trouble).collect()
}

fn logs(logs: &Logs) -> String {
    let bytes = units::memory;
    let lost = match (logs.lost, logs.lost_lines) {
        (0, _) => String::new(),
        (lost, lines) => format!(", {} ({lines} lines) lost since the hub's start", bytes(lost)),
    };
    format!("{} written, {} on disk{lost}", bytes(logs.written_today), bytes(logs.on_disk))
}

fn memory(app: &App) -> String {
    format!("{}, cpu {:.0}%", units::memory(app.memory_bytes), app.cpu_percent)
}

fn listed(texts: &[String], between: &str) -> Option<String> {
    (!texts.is_empty()).then(|| texts.join(between))
}

/// `2 by code 1, 1 asked`: how its runs ended and how often.
fn ends(exits: &[(String, String, u64)]) -> Option<String> {
    let each = exits.iter().map(|(reason, detail, count)| match (reason.as_str(), detail.as_str()) {
        (plain, "") => format!("{count} {}", plain.replace('_', " ")),
        ("signal", name) => format!("{count} by {name}"),
        (reason, detail) => format!("{count} by {} {detail}", reason.replace('_', " ")),
    });
    listed(&each.collect::<Vec<_>>(), ", ")
}

/// How a run ended, in words.
fn ended(exit: &Ended) -> String {
    match exit {
        Ended::Code { code } => format!("code {code}"),
        Ended::Signal { signal, core_dumped: false } => signal.clone(),
        Ended::Signal { signal, core_dumped: true } => format!("{signal}, core dumped"),
        Ended::OutOfMemory { .. } => "out of memory".to_owned(),
        Ended::NotSpawned { not_spawned } => format!("not spawned: {not_spawned}"),
    }
}
