//! `betti-ctl upgrade`: another program becomes the supervisor, and no worker notices.

use std::path::{Path, PathBuf};
use std::time::Duration;

use protocol::control::{Pong, Status, Supervisor, Upgrade, Upgrading};
use serde::Serialize;
use tokio::time::{Instant, sleep};

use super::Context;
use crate::arguments::Upgrade as Arguments;
use crate::client::{AskError, Client};
use crate::exit::{Exit, Failure, Outcome};
use crate::table;

/// How long it may take until one or the other answers: longer than the keeper waits for a new one before it takes back the old.
const PATIENCE: Duration = Duration::from_secs(45);
/// Between two looks at who answers.
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

/// For programs.
#[derive(Serialize)]
struct Report<'r> {
    ok: bool,
    from: &'r Supervisor,
    to: &'r Supervisor,
    /// The program that is the supervisor now.
    program: &'r str,
    /// Apps whose program was replaced since they were started.
    changed: &'r [String],
    status: &'r Status,
}

/// Has it take over, and waits until it answers.
///
/// # Errors
/// If nobody answers, it is refused, or the one before is back.
pub async fn run(arguments: &Arguments, context: &Context<'_>) -> Outcome {
    let client = context.client()?;
    let path = arguments.program.as_deref().map(absolute).transpose()?;
    context.printer.say("Asking the new supervisor what it makes of what runs");
    let upgrading = client.upgrade(&Upgrade { path }).await?;
    let pong = until_another_answers(&client, upgrading.from.pid).await?;
    let (from, to) = (&upgrading.from, &Supervisor { pid: pong.supervisor, version: pong.version.clone() });
    if pong.file.as_deref() != Some(&*upgrading.file) {
        let Upgrading { program, .. } = &upgrading;
        return Err(Failure::failed(format!(
            "{program} passed its self-check but did not take over: the supervisor before it, version {}, is back as pid {}, \
             and no worker was touched; logs/betti-supervisor.log says more",
            to.version, to.pid
        )));
    }
    let status = client.status().await?;
    if context.printer.is_json() {
        let Upgrading { program, changed, .. } = &upgrading;
        context.printer.json(&Report { ok: true, from, to, program, changed, status: &status })?;
        return Ok(Exit::Done);
    }
    for line in told(from, to, &upgrading, pong.keeper) {
        context.printer.say(&line);
    }
    table::show(&status, context.printer);
    Ok(Exit::Done)
}

fn told(from: &Supervisor, to: &Supervisor, upgrading: &Upgrading, keeper: i32) -> Vec<String> {
    let Upgrading { program, changed, .. } = upgrading;
    let mut lines = vec![
        format!("✓ the supervisor is {program}: {} (pid {}) → {} (pid {})", from.version, from.pid, to.version, to.pid),
        format!("The keeper (pid {keeper}) stays as it is until the next start of everything"),
    ];
    if !changed.is_empty() {
        let (verb, names) = (if changed.len() == 1 { "runs" } else { "run" }, changed.join(" "));
        let shown = changed.join(", ");
        lines.push(format!("{shown} still {verb} the old program; to change that: betti-ctl reload {names}"));
    }
    lines
}

/// The supervisor has another folder.
fn absolute(path: &Path) -> Result<String, Failure> {
    let path: PathBuf =
        std::path::absolute(path).map_err(|why| Failure::failed(format!("{}: {why}", path.display())))?;
    path.into_os_string()
        .into_string()
        .map_err(|path| Failure::failed(format!("{}: only names in UTF-8 can be told", path.display())))
}

/// Nobody tells when it is so; connections that break, and answers that do not come, are part of it.
async fn until_another_answers(client: &Client, before: i32) -> Result<Pong, Failure> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let last = match client.ping().await {
            Ok(pong) if pong.supervisor != before => return Ok(pong),
            Ok(_) => "the one before still answers".to_owned(),
            Err(AskError::NoSupervisor) => return Err(Failure::no_supervisor()),
            Err(error) => error.to_string(),
        };
        if Instant::now() >= deadline {
            return Err(Failure::failed(format!(
                "no other supervisor took over within {} s: {last}",
                PATIENCE.as_secs()
            )));
        }
        sleep(BETWEEN_LOOKS).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_who_came_for_whom_and_who_runs_an_old_program() {
        let who = |pid, version: &str| Supervisor { pid, version: version.into() };
        let upgrading = |changed: &[&str]| Upgrading {
            from: who(1, "0.1.0"),
            program: "/opt/betti-supervisor".into(),
            version: "0.2.0".into(),
            file: "1:2".into(),
            changed: changed.iter().map(|name| (*name).to_owned()).collect(),
        };
        let lines = |changed: &[&str]| told(&who(1, "0.1.0"), &who(2, "0.2.0"), &upgrading(changed), 9);
        let first = "✓ the supervisor is /opt/betti-supervisor: 0.1.0 (pid 1) → 0.2.0 (pid 2)";
        assert_eq!(lines(&[])[..], [first, "The keeper (pid 9) stays as it is until the next start of everything"]);
        let one = "api still runs the old program; to change that: betti-ctl reload api";
        assert_eq!(lines(&["api"])[2], one);
        let two = "api, web still run the old program; to change that: betti-ctl reload api web";
        assert_eq!(lines(&["api", "web"])[2], two);
    }
}
