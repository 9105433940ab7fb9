//! `betti-ctl kill`: everything stops, the supervisor and its keeper too.

use std::time::Duration;

use protocol::control::{AcceptedApp, Status};
use tokio::time::{Instant, sleep};

use super::Context;
use crate::client::{AskError, Client};
use crate::exit::{Failure, Outcome};
use crate::report;
use crate::watch::Progress;

/// How long the keeper may take to end once nobody listens on its socket any more.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks at its process: it is not our child, so nothing tells us.
const BETWEEN_LOOKS: Duration = Duration::from_millis(10);

/// Stops everything and returns when the keeper's process is gone.
pub async fn run(context: &Context<'_>) -> Outcome {
    let client = context.client()?;
    let status = client.status().await?;
    let keeper = Process::of(status.keeper.pid);
    context.printer.say("Stopping everything");
    match client.kill().await {
        // The answer may be lost if the keeper is faster than the answer is.
        Ok(()) | Err(AskError::NoSupervisor) => {}
        Err(error) => return Err(error.into()),
    }
    until_unheard(&client, &status, context).await?;
    until_gone(&keeper).await?;
    context.printer.say("✓ everything is stopped, and so is the supervisor");
    report::gone(context.printer)
}

/// Follows the apps on their way out, until nobody listens.
async fn until_unheard(client: &Client, status: &Status, context: &Context<'_>) -> Result<(), Failure> {
    let app = |app: &protocol::control::App| AcceptedApp {
        id: app.id,
        name: app.name.clone(),
        after: 0,
        unchanged: false,
        leaves: false,
    };
    let mut progress = Progress::new(&status.apps.iter().map(app).collect::<Vec<_>>());
    let mut seen = None;
    loop {
        match client.watch(seen).await {
            Ok(watch) => {
                progress.tell(&watch, context.printer);
                seen = Some(watch.sequence);
            }
            Err(AskError::NoSupervisor) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}

async fn until_gone(keeper: &Process) -> Result<(), Failure> {
    let deadline = Instant::now() + PATIENCE;
    while keeper.is_alive() {
        if Instant::now() >= deadline {
            return Err(Failure::failed(format!("the keeper (pid {}) is still there", keeper.pid)));
        }
        sleep(BETWEEN_LOOKS).await;
    }
    Ok(())
}

/// A process, which is more than a number that another one may get.
struct Process {
    pid: i32,
    /// In ticks since boot; `None` if it was gone already.
    started: Option<String>,
}

impl Process {
    fn of(pid: i32) -> Self {
        Self { pid, started: stat(pid).map(|stat| stat.started) }
    }

    /// A zombie is gone: only its parent has not noticed yet.
    fn is_alive(&self) -> bool {
        stat(self.pid).is_some_and(|now| Some(now.started) == self.started && !["Z", "X"].contains(&now.state.as_str()))
    }
}

struct Stat {
    state: String,
    started: String,
}

/// Fields 3 and 22 of `/proc/PID/stat`. The second is the program's name, which may hold anything, in parentheses.
fn stat(pid: i32) -> Option<Stat> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = text.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().map(str::to_owned);
    let state = fields.next()?;
    Some(Stat { state, started: fields.nth(18)? })
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_zombie_is_gone_and_a_reused_number_is_somebody_else() {
        let mut child = Command::new("cat").stdin(std::process::Stdio::piped()).spawn().expect("cat runs");
        let pid = i32::try_from(child.id()).expect("a pid");
        let process = Process::of(pid);
        assert!(process.is_alive());
        assert!(!Process { pid, started: Some("1".into()) }.is_alive());
        drop(child.stdin.take());
        while stat(pid).is_some_and(|stat| stat.state != "Z") {
            std::thread::yield_now();
        }
        assert!(!process.is_alive());
        child.wait().expect("ours");
        assert!(!process.is_alive());
    }
}
