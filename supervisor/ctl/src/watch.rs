//! Watches until what was asked for is true, saying what changes on the way.

use std::collections::BTreeMap;
use std::path::Path;

use protocol::control::{AcceptedApp, App, Status, Watch, Word};
use serde::Serialize;
use tokio::time::{Instant, sleep};

use crate::client::{AskError, Client};
use crate::exit::Exit;
use crate::printer::{Printer, Tone};
use crate::progress::{self, FRAME, Limits, Sight};
use crate::table;
use crate::units;
use crate::verdict::{self, Goal, Verdict};

/// What came of it.
pub struct Settled {
    /// What went wrong; nothing if it is true.
    pub failed: Vec<Failed>,
    /// As it was seen last.
    pub status: Status,
    /// Whether what was applied is in force no longer, and why.
    pub undone: Option<Undone>,
}

/// Why what was applied is in force no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undone {
    /// It did not hold, and what ran before came back.
    CameBack,
    /// Somebody applied something else.
    Overtaken,
}

/// An app that did not come to what was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failed {
    /// Its id.
    pub id: u32,
    /// Its name.
    pub name: String,
    /// In words. The supervisor may go on trying.
    pub why: String,
}

impl Failed {
    /// Says it, as an error.
    pub fn say(&self, printer: &Printer) {
        printer.error(&format!("[{}]({}) {}", self.name, self.id, self.why));
    }
}

impl Settled {
    /// That nothing had to be waited for.
    pub fn at_once(status: Status) -> Self {
        Self { failed: Vec::new(), status, undone: None }
    }

    /// How the verb ends.
    pub fn exit(&self) -> Exit {
        if self.failed.is_empty() && self.undone.is_none() { Exit::Done } else { Exit::Failed }
    }
}

/// What is waited for.
pub struct Wait<'a> {
    /// What is to become of the apps.
    pub goal: Goal,
    /// The apps.
    pub asked: &'a [AcceptedApp],
    /// What was applied, if what ran before comes back should it not hold.
    pub trial: Option<Trial<'a>>,
    /// How long apps may take.
    pub limits: Limits,
}

/// Something that was applied and may not hold.
#[derive(Clone, Copy, Debug)]
pub struct Trial<'a> {
    /// The profile that is in force as long as it holds.
    pub profile: &'a str,
}

impl Trial<'_> {
    /// Whether another profile is in force again, and why: one that did not hold leaves a notice. A notice alone says
    /// something else, that the file was broken meanwhile for instance.
    pub fn undone(&self, status: &Status) -> Option<Undone> {
        match &status.notice {
            _ if self.profile == status.profile => None,
            Some(_) => Some(Undone::CameBack),
            None => Some(Undone::Overtaken),
        }
    }
}

impl<'a> Wait<'a> {
    /// For these apps.
    pub fn new(goal: Goal, asked: &'a [AcceptedApp], config: Option<&Path>) -> Self {
        Self { goal, asked, trial: None, limits: limits(config) }
    }

    /// Waits until the goal is true for every app, or has failed for one.
    ///
    /// # Errors
    /// If there is nobody to ask any more.
    pub async fn until(&self, client: &Client, printer: &Printer) -> Result<Settled, AskError> {
        let begun = Instant::now();
        let mut progress = Progress::new(self.asked);
        let first = client.watch(None).await?;
        let mut watch = first.clone();
        loop {
            progress.tell(&watch, printer);
            let undone = self.trial.and_then(|trial| trial.undone(&watch.status));
            let mut judged = judge(self.goal, self.asked, &first, &watch);
            if undone.is_some() {
                judged.failed = failed_by_themselves(self.asked, &watch.status);
            }
            if undone.is_some() || judged.is_settled() {
                for app in &judged.failed {
                    app.say(printer);
                }
                printer.settle();
                return Ok(Settled { failed: judged.failed, status: watch.status, undone });
            }
            watch = self.next(client, printer, &watch, &judged.pending, begun).await?;
        }
    }

    /// The next answer; until it comes, the line on the terminal is kept alive.
    async fn next(
        &self,
        client: &Client,
        printer: &Printer,
        watch: &Watch,
        pending: &[&AcceptedApp],
        begun: Instant,
    ) -> Result<Watch, AskError> {
        let asking = client.watch(Some(watch.sequence));
        if !printer.is_live() {
            return asking.await;
        }
        tokio::pin!(asking);
        let heard = Instant::now();
        for frame in 0.. {
            let sight = Sight { pending, watch, age: heard.elapsed(), waited: begun.elapsed(), limits: &self.limits };
            if let Some(line) = progress::line(&sight, frame, printer.width()) {
                printer.live(&line);
            }
            tokio::select! {
                answer = &mut asking => return answer,
                () = sleep(FRAME) => {}
            }
        }
        asking.await
    }
}

/// How long apps may take, if the file can be read: the line on the terminal says less without.
fn limits(config: Option<&Path>) -> Limits {
    let read = || {
        let path = config?;
        let text = std::fs::read_to_string(path).ok()?;
        manifest::parse(path, &text, None).ok()
    };
    read().as_ref().map(Limits::from).unwrap_or_default()
}

/// What has become of each app.
struct Judged<'a> {
    failed: Vec<Failed>,
    pending: Vec<&'a AcceptedApp>,
}

impl Judged<'_> {
    fn is_settled(&self) -> bool {
        !self.failed.is_empty() || self.pending.is_empty()
    }
}

fn judge<'a>(goal: Goal, asked: &'a [AcceptedApp], first: &Watch, watch: &Watch) -> Judged<'a> {
    let verdicts: Vec<(&AcceptedApp, Verdict)> =
        asked.iter().map(|app| (app, verdict::of(goal, app, first, watch))).collect();
    let failed: Vec<&str> =
        verdicts.iter().filter(|(_, verdict)| is_failed(verdict)).map(|(app, _)| &*app.name).collect();
    let mut judged = Judged { failed: Vec::new(), pending: Vec::new() };
    for (app, verdict) in &verdicts {
        match verdict {
            // Said already, of the one that it waits for.
            Verdict::Blocked { by, .. } if failed.contains(&by.as_str()) => {}
            Verdict::Failed(why) | Verdict::Blocked { why, .. } => {
                judged.failed.push(Failed { id: app.id, name: app.name.clone(), why: why.clone() });
            }
            Verdict::Pending => judged.pending.push(app),
            Verdict::Done => {}
        }
    }
    judged
}

/// Of what was to come and is undone, those that have a reason. What comes back, and what leaves because of that, did
/// nothing wrong.
fn failed_by_themselves(asked: &[AcceptedApp], status: &Status) -> Vec<Failed> {
    let came = asked.iter().filter(|app| !app.leaves && !app.unchanged);
    let failed = came.filter_map(|asked| {
        let app = status.apps.iter().find(|app| app.id == asked.id && app.name == asked.name)?;
        Some(Failed { id: app.id, name: app.name.clone(), why: app.reason.clone()? })
    });
    failed.collect()
}

fn is_failed(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Failed(_) | Verdict::Blocked { .. })
}

/// Says once what each app is doing, whenever that changes. On a terminal only what it came to: the line that is
/// rewritten says the rest.
pub struct Progress {
    /// What was asked for, and what was said last, by id.
    said: BTreeMap<u32, (AcceptedApp, String)>,
}

impl Progress {
    /// About these apps.
    pub fn new(asked: &[AcceptedApp]) -> Self {
        Self { said: asked.iter().map(|app| (app.id, (app.clone(), String::new()))).collect() }
    }

    /// Says what is new.
    pub fn tell(&mut self, watch: &Watch, printer: &Printer) {
        for app in &watch.status.apps {
            let Some((asked, said)) = self.said.get_mut(&app.id) else { continue };
            let (tone, now) = doing(app, asked, watch);
            let is_worth_a_line = !printer.is_live() || tone == Tone::Good;
            if *said != now && is_worth_a_line {
                printer.say(&format!("[{}]({}) {}", app.name, app.id, printer.paint(tone, &now)));
                *said = now;
            }
        }
    }
}

fn doing(app: &App, asked: &AcceptedApp, watch: &Watch) -> (Tone, String) {
    let runs = watch.runs.iter().find(|runs| runs.id == app.id);
    match app.status {
        // What runs is the old run, or both.
        Word::Online if runs.is_some_and(|runs| runs.to_be_reloaded) => (Tone::Busy, "reloading".to_owned()),
        Word::Online if runs.is_some_and(|runs| verdict::is_the_old_run(asked, runs)) => {
            (Tone::Uneasy, "online, still in the run before".to_owned())
        }
        Word::Online => (Tone::Good, format!("✓ online{}", after(app))),
        Word::Stopped => (Tone::Good, "✓ stopped".to_owned()),
        Word::Waiting => {
            let needed = runs.map(|runs| runs.held_back_by().join(", ")).unwrap_or_default();
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
    if asked.is_empty() {
        return printer.say("There is nothing to do");
    }
    let names: Vec<&str> = asked.iter().map(|app| app.name.as_str()).collect();
    let ids: Vec<String> = asked.iter().map(|app| app.id.to_string()).collect();
    let noun = if asked.len() == 1 { "app" } else { "apps" };
    let names = printer.paint(Tone::Own, &names.join(", "));
    printer.say(&format!("Applying action {act} on {noun} [{names}](ids: [ {} ])", ids.join(", ")));
}

#[cfg(test)]
mod tests {
    use protocol::control::{Keeper, Supervisor};

    use super::*;

    #[test]
    fn a_trial_is_over_when_another_profile_is_in_force_and_a_notice_says_why() {
        let status = |profile: &str, notice: Option<&str>| Status {
            keeper: Keeper { pid: 1 },
            supervisor: Supervisor { pid: 2, version: "0".into() },
            profile: profile.into(),
            apps: Vec::new(),
            notice: notice.map(str::to_owned),
        };
        let trial = Trial { profile: "ngrok" };
        assert_eq!(trial.undone(&status("ngrok", None)), None);
        assert_eq!(trial.undone(&status("ngrok", Some("the file is broken"))), None);
        assert_eq!(trial.undone(&status("https", Some("it did not become ready"))), Some(Undone::CameBack));
        assert_eq!(trial.undone(&status("https", None)), Some(Undone::Overtaken));
    }

    #[test]
    fn what_did_not_hold_is_named_and_what_came_back_is_not() {
        let app =
            |id: u32, name: &str, reason: Option<&str>| App { reason: reason.map(str::to_owned), ..quiet(id, name) };
        let asked = |id: u32, name: &str, leaves: bool| AcceptedApp {
            id,
            name: name.into(),
            after: 0,
            unchanged: false,
            leaves,
        };
        let (fails, leaves) = (app(3, "fails", Some("exited with code 7")), app(4, "leaves", None));
        let status = Status {
            keeper: Keeper { pid: 1 },
            supervisor: Supervisor { pid: 2, version: "0".into() },
            profile: "https".into(),
            apps: vec![app(2, "back", Some("exited with code 1 an hour ago")), fails, leaves],
            notice: None,
        };
        let asked =
            [asked(2, "back", true), asked(3, "fails", false), asked(4, "leaves", false), asked(5, "gone", false)];
        let expected = Failed { id: 3, name: "fails".into(), why: "exited with code 7".into() };
        assert_eq!(failed_by_themselves(&asked, &status), [expected]);
    }

    fn quiet(id: u32, name: &str) -> App {
        App {
            id,
            name: name.into(),
            namespace: "default".into(),
            status: Word::Stopping,
            reason: None,
            pid: None,
            uptime_ms: None,
            ready_ms: None,
            restarts: 0,
            cpu_percent: 0.0,
            memory_bytes: 0,
            exit: None,
            says: None,
            instance: None,
            user: None,
            watching: false,
        }
    }
}
