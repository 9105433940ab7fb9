//! What has to happen for one manifest to become another.

mod difference;

use difference::Difference;

use crate::{App, Manifest};

/// Every app of both, and what becomes of it: first those that leave, then the others in the order of the new file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// One an app.
    pub steps: Vec<Step>,
}

/// What becomes of one app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its name.
    pub app: String,
    /// What becomes of it.
    pub what: What,
    /// Why, one a reason: `args changed`, `not in the profile ngrok`. Empty if it is kept. Never holds what an environment
    /// variable or an argument says.
    pub why: Vec<String>,
}

/// What becomes of an app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// It was not there.
    Add,
    /// It leaves.
    Remove,
    /// What it runs, or with what, is another: it has to be restarted to follow.
    Restart,
    /// How it is looked after is another: it runs on.
    Change,
    /// Nothing.
    Keep,
}

impl Plan {
    /// What has to happen for `old` (nothing, if there was none) to become `new`.
    #[must_use]
    pub fn between(old: Option<&Manifest>, new: &Manifest) -> Self {
        let olds = old.map(|old| old.apps.as_slice()).unwrap_or_default();
        let gone = olds.iter().filter(|app| new.app(&app.name).is_none());
        let leave = gone.map(|app| Step { app: app.name.clone(), what: What::Remove, why: vec![why_gone(app, new)] });
        let others = new.apps.iter().map(|app| match olds.iter().find(|old| old.name == app.name) {
            Some(before) => compare(before, app),
            None => Step { app: app.name.clone(), what: What::Add, why: vec![why_here(app, old, new)] },
        });
        Self { steps: leave.chain(others).collect() }
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.iter().all(|step| step.what == What::Keep)
    }
}

fn why_gone(app: &App, new: &Manifest) -> String {
    match is_in_file(new, &app.name) {
        true => format!("not in the profile {}", new.profile),
        false => "not in the file any more".to_owned(),
    }
}

fn why_here(app: &App, old: Option<&Manifest>, new: &Manifest) -> String {
    match old.is_some_and(|old| is_in_file(old, &app.name)) {
        true => format!("runs in the profile {}", new.profile),
        false => "new in the file".to_owned(),
    }
}

/// In whatever profile.
fn is_in_file(manifest: &Manifest, name: &str) -> bool {
    manifest.roster.iter().any(|(_, other)| other == name)
}

fn compare(old: &App, new: &App) -> Step {
    let Difference { launch, policy } = Difference::between(old, new);
    let what = match (launch.is_empty(), policy.is_empty()) {
        (false, _) => What::Restart,
        (true, false) => What::Change,
        (true, true) => What::Keep,
    };
    Step { app: new.name.clone(), what, why: launch.into_iter().chain(policy).collect() }
}
