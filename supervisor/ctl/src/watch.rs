//! Watches until what was asked for is true, saying what changes on the way.

use std::collections::BTreeMap;

use protocol::control::{AcceptedApp, App, Status, Watch, Word};

use crate::client::{AskError, Client};
use crate::exit::Exit;
use crate::printer::{Printer, Tone};
use crate::table;
use crate::units;
use crate::verdict::{self, Goal, Verdict};

/// What came of it.
pub struct Settled {
    /// Done, or failed.
    pub exit: Exit,
    /// As it was seen last.
    pub status: Status,
}

/// Waits until the goal is true for every app, or has failed for one.
///
/// # Errors
/// If there is nobody to ask any more.
pub async fn until(goal: Goal, asked: &[AcceptedApp], client: &Client, printer: &Printer) -> Result<Settled, AskError> {
    let mut progress = Progress::new(asked);
    let first = client.watch(None).await?;
    let mut watch = first.clone();
    loop {
        progress.tell(&watch, printer);
        if let Some(exit) = judge(goal, asked, &first, &watch, printer) {
            return Ok(Settled { exit, status: watch.status });
        }
        watch = client.watch(Some(watch.sequence)).await?;
    }
}

/// Says what failed, if anything did; `None` while something is still on its way.
fn judge(goal: Goal, asked: &[AcceptedApp], first: &Watch, watch: &Watch, printer: &Printer) -> Option<Exit> {
    let verdicts: Vec<(&AcceptedApp, Verdict)> =
        asked.iter().map(|app| (app, verdict::of(goal, app, first, watch))).collect();
    let failed: Vec<&str> =
        verdicts.iter().filter(|(_, verdict)| is_failed(verdict)).map(|(app, _)| &*app.name).collect();
    for (app, verdict) in &verdicts {
        match verdict {
            // Said already, of the one that it waits for.
            Verdict::Blocked { by, .. } if failed.contains(&by.as_str()) => {}
            Verdict::Failed(why) | Verdict::Blocked { why, .. } => {
                printer.error(&format!("[{}]({}) {why}", app.name, app.id));
            }
            Verdict::Pending | Verdict::Done => {}
        }
    }
    if !failed.is_empty() {
        return Some(Exit::Failed);
    }
    verdicts.iter().all(|(_, verdict)| *verdict == Verdict::Done).then_some(Exit::Done)
}

fn is_failed(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Failed(_) | Verdict::Blocked { .. })
}

/// Says once what each app is doing, whenever that changes.
pub struct Progress {
    /// What was said last, by name.
    said: BTreeMap<String, String>,
}

impl Progress {
    /// About these apps.
    pub fn new(asked: &[AcceptedApp]) -> Self {
        Self { said: asked.iter().map(|app| (app.name.clone(), String::new())).collect() }
    }

    /// Says what is new.
    pub fn tell(&mut self, watch: &Watch, printer: &Printer) {
        for app in &watch.status.apps {
            let Some(said) = self.said.get_mut(&app.name) else { continue };
            let (tone, now) = doing(app, watch);
            if *said != now {
                printer.say(&format!("[{}]({}) {}", app.name, app.id, printer.paint(tone, &now)));
                *said = now;
            }
        }
    }
}

fn doing(app: &App, watch: &Watch) -> (Tone, String) {
    match app.status {
        Word::Online => (Tone::Good, format!("✓ online{}", after(app))),
        Word::Stopped => (Tone::Good, "✓ stopped".to_owned()),
        Word::Waiting => {
            let runs = watch.runs.iter().find(|runs| runs.name == app.name);
            let needed = runs.map(|runs| runs.waits_for.join(", ")).unwrap_or_default();
            (Tone::Uneasy, format!("waiting for {needed}"))
        }
        Word::Launching | Word::Stopping | Word::Errored | Word::WaitingRestart | Word::Cooling => {
            (table::tone(app.status), app.status.as_str().to_owned())
        }
    }
}

fn after(app: &App) -> String {
    app.ready_ms.map(|milliseconds| format!(", ready after {}", units::took(milliseconds))).unwrap_or_default()
}

/// Says that something is being done to apps, as PM2 does.
pub fn announce(act: &str, asked: &[AcceptedApp], printer: &Printer) {
    let names: Vec<&str> = asked.iter().map(|app| app.name.as_str()).collect();
    let ids: Vec<String> = asked.iter().map(|app| app.id.to_string()).collect();
    let noun = if asked.len() == 1 { "app" } else { "apps" };
    let names = printer.paint(Tone::Own, &names.join(", "));
    printer.say(&format!("Applying action {act} on {noun} [{names}](ids: [ {} ])", ids.join(", ")));
}
