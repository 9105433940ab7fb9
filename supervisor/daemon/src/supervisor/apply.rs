//! The file is the truth: who there is becomes what it says, and nothing else is touched.
//!
//! What is decided here is remembered first, in this order: the new text, whom it takes to end those that leave, and then, in
//! one go, that the new text is in force. A successor that finds that takes the same decision again ([`Supervisor::converge`]).

use std::collections::BTreeSet;
use std::rc::Rc;

use lifecycle::{AppId, Goal, State};
use manifest::Manifest;
use manifest::plan::{Plan, What};
use protocol::control;

use super::book::{self, File, InForce};
use super::monitors::saved::Saved;
use super::roster::{Roster, Unit};
use super::{Supervisor, hand_over};
use crate::clock;

/// Why a file is not taken on.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    #[error("{0}")]
    File(#[from] hand_over::FileError),
    #[error("the file has an app `{0}`, and one of that name runs without being in it: betti-ctl delete {0}")]
    Doubled(String),
    #[error("everything is being stopped")]
    Stopping,
}

/// A file that could be taken on, and what that would mean.
pub(super) struct Proposal {
    pub file: File,
    pub plan: Plan,
    pub roster: Roster,
}

/// Who a change is about.
#[derive(Default)]
pub(super) struct Touched {
    /// They come, or begin anew.
    pub come: Vec<Rc<Unit>>,
    pub leave: Vec<Rc<Unit>>,
}

impl Supervisor {
    // -- taking a file on

    /// What is in force is what is known of it: a file that was saved while nobody looked is noticed.
    pub(super) fn watch_the_file(&mut self) {
        match Saved::spawn(&self.config, Some(self.file.text.clone().into_bytes()), self.events.clone()) {
            Ok(saved) => self.saved = Some(saved),
            Err(words) => say!("{} supervisor: {words}; betti-ctl apply has the file applied", clock::stamp()),
        }
    }

    /// Somebody saved the file, perhaps with nothing new in it.
    pub(super) fn file_saved(&mut self) {
        if self.stopping {
            return;
        }
        let text = match hand_over::read(&self.config) {
            Ok(text) => text,
            Err(error) => return self.stay(&error),
        };
        if text == self.file.text {
            // What was broken is mended; that another profile was not good enough stays true.
            let notice = self.in_force.notice.clone().filter(|_| self.in_force.refused.is_some());
            return self.set_notice(notice, false);
        }
        if self.in_force.refused == Some(book::fingerprint(&text)) {
            return;
        }
        let file = File { asked: self.still_asked(&text), text };
        match self.propose(file) {
            Ok(proposal) => drop(self.take_on(proposal)),
            Err(error) => self.stay(&error),
        }
    }

    /// As the operator asks for it: what was refused before is tried again.
    pub(super) fn apply(&mut self, asked: &control::Apply) -> Result<control::Applied, ApplyError> {
        if self.stopping {
            return Err(ApplyError::Stopping);
        }
        let text = hand_over::read(&self.config)?;
        self.saved.iter().for_each(|saved| saved.note(text.as_bytes()));
        let profile = asked.profile.clone().or_else(|| self.still_asked(&text));
        let proposal = self.propose(File { text, asked: profile })?;
        let mut applied = control::Applied {
            from_profile: self.roster.manifest.profile.clone(),
            profile: proposal.roster.manifest.profile.clone(),
            steps: proposal.plan.steps.iter().filter(|step| !self.is_away(&step.app)).map(step).collect(),
            apps: Vec::new(),
            on_trial: false,
        };
        if !asked.dry_run {
            applied.apps = self.take_on(proposal);
            applied.on_trial = self.in_force.trial.is_some();
        }
        Ok(applied)
    }

    /// An app that was deleted, of which nothing becomes anything.
    fn is_away(&self, name: &str) -> bool {
        self.roster.changes().deleted.contains(name)
    }

    pub(super) fn propose(&self, file: File) -> Result<Proposal, ApplyError> {
        let manifest = hand_over::parse(&self.config, &file)?;
        if let Some(name) = self.roster.doubled_by(&manifest) {
            return Err(ApplyError::Doubled(name.to_owned()));
        }
        let plan = Plan::between(Some(&self.roster.manifest), &manifest);
        Ok(Proposal { plan, roster: self.roster.with_file(manifest, &self.taken()), file })
    }

    /// The profile that was asked for instead of the file's own, until the file names another one.
    fn still_asked(&self, text: &str) -> Option<String> {
        let own = |text: &str| manifest::parse(&self.config, text, None).ok().map(|manifest| manifest.profile);
        self.file.asked.clone().filter(|_| own(text) == own(&self.file.text))
    }

    fn take_on(&mut self, proposal: Proposal) -> Vec<control::AcceptedApp> {
        let Proposal { file, plan, roster } = proposal;
        let relaunch = relaunched(&plan, &roster);
        let touched = self.touched(&roster, &relaunch);
        let accepted = self.accepted_change(&touched);
        let is_another_profile = roster.manifest.profile != self.roster.manifest.profile;
        let trial = if is_another_profile { self.on_trial(&touched) } else { None };
        say!("{} supervisor: {} applied: {}", clock::stamp(), self.config.display(), in_words(&plan, &roster.manifest));
        let generation = self.texts.keys().next_back().map_or(1, |newest| newest + 1);
        self.remember_text(generation, &file.text);
        let asked = file.asked.clone();
        self.file = file;
        let in_force =
            InForce { generation, asked, relaunch, trial, applied_at_ns: clock::now_ns(), ..InForce::default() };
        self.change_file(roster, in_force);
        accepted
    }

    /// What is in force stays; why, the operator is told.
    fn stay(&mut self, error: &impl std::fmt::Display) {
        let notice = format!("{error}\nwhat ran before goes on: betti-ctl check shows how to mend it");
        if self.in_force.notice.as_ref() != Some(&notice) {
            say!("{} supervisor: {notice}", clock::stamp());
        }
        self.set_notice(Some(notice), true);
    }

    pub(super) fn set_notice(&mut self, notice: Option<String>, broken: bool) {
        if (&self.in_force.notice, self.in_force.broken) != (&notice, broken) {
            (self.in_force.notice, self.in_force.broken) = (notice, broken);
            self.order(&book::remember_in_force(&self.in_force));
        }
    }

    pub(super) fn change_file(&mut self, mut roster: Roster, in_force: InForce) {
        let stopped = |unit: &Unit| self.fleet.get(unit.id).is_some_and(|app| app.goal() == Goal::Down);
        let leave: Vec<_> = self.roster.units().filter(|unit| roster.unit(unit.id).is_none()).collect();
        for unit in leave {
            // What does not start by itself comes back down anyway.
            roster.note_hold(unit, unit.app.autostart && stopped(unit));
        }
        let up: BTreeSet<AppId> = roster.units().filter(|unit| self.comes_up(unit)).map(|unit| unit.id).collect();
        self.change_roster(roster, Some(in_force), |unit| up.contains(&unit.id));
        self.forget_old_texts();
    }

    /// Whether an app that the fleet does not have is started when a file brings it.
    pub(super) fn comes_up(&self, unit: &Unit) -> bool {
        self.roster.comes_up(unit)
    }

    /// The first file is remembered like any other.
    pub(super) fn remember_file(&mut self) {
        self.remember_text(self.in_force.generation, &self.file.text.clone());
        self.order(&book::remember_changes(self.roster.changes()));
        self.order(&book::remember_in_force(&self.in_force));
    }

    fn remember_text(&mut self, generation: u64, text: &str) {
        for order in book::remember_text(generation, text) {
            self.order(&order);
        }
        self.texts.insert(generation, text.to_owned());
    }

    pub(super) fn forget_old_texts(&mut self) {
        let last_good = self.in_force.trial.as_ref().map(|trial| trial.generation);
        let is_needed = |generation: u64| generation == self.in_force.generation || Some(generation) == last_good;
        for (generation, text) in self.texts.extract_if(.., |generation, _| !is_needed(*generation)).collect::<Vec<_>>()
        {
            for order in book::forget_text(generation, &text) {
                self.order(&order);
            }
        }
    }

    fn touched(&self, next: &Roster, relaunch: &BTreeSet<String>) -> Touched {
        let comes = |unit: &&Rc<Unit>| self.roster.unit(unit.id).is_none() || relaunch.contains(&unit.key());
        let leaves = |unit: &&Rc<Unit>| next.unit(unit.id).is_none();
        Touched {
            come: next.units().filter(comes).cloned().collect(),
            leave: self.roster.units().filter(leaves).cloned().collect(),
        }
    }

    /// Whom to watch: those that will run anew, and those that will be gone.
    fn accepted_change(&self, touched: &Touched) -> Vec<control::AcceptedApp> {
        let will_run = |unit: &&Rc<Unit>| match self.fleet.get(unit.id) {
            Some(app) if self.roster.unit(unit.id).is_some() => {
                app.goal() == Goal::Up && !matches!(app.state(), State::Finished)
            }
            Some(_) | None => self.comes_up(unit),
        };
        let come = touched.come.iter().filter(will_run).map(|unit| self.accepted_app(unit, false));
        come.chain(touched.leave.iter().map(|unit| self.accepted_app(unit, true))).collect()
    }

    pub(super) fn accepted_app(&self, unit: &Unit, leaves: bool) -> control::AcceptedApp {
        let newest = self.fleet.get(unit.id).and_then(lifecycle::App::newest_run);
        control::AcceptedApp {
            id: unit.id.0,
            name: unit.app.name.clone(),
            after: newest.map_or(0, |run| run.0),
            unchanged: false,
            leaves,
        }
    }
}

/// Every instance of the apps that run something else from now on.
pub(super) fn relaunched(plan: &Plan, roster: &Roster) -> BTreeSet<String> {
    let restarts = |name: &str| plan.steps.iter().any(|step| step.app == name && step.what == What::Restart);
    roster.units().filter(|unit| !unit.ad_hoc && restarts(&unit.app.name)).map(|unit| unit.key()).collect()
}

fn in_words(plan: &Plan, manifest: &Manifest) -> String {
    let of = |what: What, words: &str| {
        let names: Vec<&str> =
            plan.steps.iter().filter(|step| step.what == what).map(|step| step.app.as_str()).collect();
        (!names.is_empty()).then(|| format!("{words} {}", names.join(", ")))
    };
    let parts =
        [of(What::Add, "starts"), of(What::Restart, "restarts"), of(What::Change, "changes"), of(What::Remove, "ends")];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    let what = if parts.is_empty() { "nothing to do".to_owned() } else { parts.join("; ") };
    format!("{what} (profile {})", manifest.profile)
}

fn step(step: &manifest::plan::Step) -> control::Step {
    let what = match step.what {
        What::Add => control::What::Add,
        What::Remove => control::What::Remove,
        What::Restart => control::What::Restart,
        What::Change => control::What::Change,
        What::Keep => control::What::Keep,
    };
    control::Step { app: step.app.clone(), what, why: step.why.clone() }
}
