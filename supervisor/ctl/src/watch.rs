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
    let mut seen = None;
    loop {
        let watch = client.watch(seen).await?;
        progress.tell(&watch, printer);
        if let Some(exit) = judge(goal, asked, &watch, printer) {
            return Ok(Settled { exit, status: watch.status });
        }
        seen = Some(watch.sequence);
    }
}

/// Says what failed, if anything did; `None` while something is still on its way.
fn judge(goal: Goal, asked: &[AcceptedApp], watch: &Watch, printer: &Printer) -> Option<Exit> {
    let verdicts: Vec<(&AcceptedApp, Verdict)> = asked.iter().map(|app| (app, verdict::of(goal, app, watch))).collect();
    let mut exit = Exit::Done;
    for (app, verdict) in &verdicts {
        if let Verdict::Failed(why) = verdict {
            printer.error(&format!("[{}]({}) {why}", app.name, app.id));
            exit = Exit::Failed;
        }
    }
    let pending = verdicts.iter().any(|(_, verdict)| *verdict == Verdict::Pending);
    if pending && exit == Exit::Done { None } else { Some(exit) }
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
            let now = doing(app, watch);
            if *said != now {
                printer.say(&format!("[{}]({}) {}", app.name, app.id, printer.paint(table::tone(app.status), &now)));
                *said = now;
            }
        }
    }
}

fn doing(app: &App, watch: &Watch) -> String {
    match app.status {
        Word::Online => format!("✓ online{}", after(app)),
        Word::Stopped => "✓ stopped".to_owned(),
        Word::Waiting => {
            let runs = watch.runs.iter().find(|runs| runs.name == app.name);
            let needed = runs.map(|runs| runs.waits_for.join(", ")).unwrap_or_default();
            format!("waiting for {needed}")
        }
        Word::Launching | Word::Stopping | Word::Errored | Word::WaitingRestart | Word::Cooling => {
            app.status.as_str().to_owned()
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
