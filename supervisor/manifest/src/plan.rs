//! What has to happen for one manifest to become another.

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
    /// Why, one a reason: `args changed`, `not in the profile ngrok`.
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
        let leave = gone.map(|app| Step { app: app.name.clone(), what: What::Remove, why: Vec::new() });
        let others = new.apps.iter().map(|app| step(olds.iter().find(|old| old.name == app.name), app));
        Self { steps: leave.chain(others).collect() }
    }
}

fn step(old: Option<&App>, new: &App) -> Step {
    let what = match old {
        None => What::Add,
        Some(old) if old == new => What::Keep,
        Some(_) => What::Restart,
    };
    Step { app: new.name.clone(), what, why: Vec::new() }
}
