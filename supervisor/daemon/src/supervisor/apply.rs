//! The file is the truth: who there is becomes what it says, and nothing else is touched. Another profile is on trial until
//! everyone that came with it is ready; if one is not, the last good file comes back.
//!
//! What is decided here is remembered first, in this order: the new text, whom it takes to end those that leave, and then, in
//! one go, that the new text is in force. A successor that finds that takes the same decision again ([`Supervisor::converge`]).

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use lifecycle::{AppId, Goal, Invocation, Member, State, Trial, Verdict};
use manifest::Manifest;
use manifest::plan::{Plan, What};
use protocol::control;

use super::book::{self, File, InForce, KeptTrial};
use super::monitors::saved::Saved;
use super::roster::{Roster, Unit};
use super::{Supervisor, hand_over, now};
use crate::clock;
use crate::logs::{Kind, Way};

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
struct Proposal {
    file: File,
    plan: Plan,
    roster: Roster,
}

/// Who a change is about.
#[derive(Default)]
struct Touched {
    /// They come, or begin anew.
    come: Vec<Rc<Unit>>,
    leave: Vec<Rc<Unit>>,
}

impl Supervisor {
    // -- taking a file on

    /// What is in force is what is known of it: a file that was saved while nobody looked is noticed.
    pub(super) fn watch_the_file(&mut self) {
        match Saved::spawn(&self.config, Some(self.file.text.clone().into_bytes()), self.events.clone()) {
            Ok(saved) => self.saved = Some(saved),
            Err(words) => say!("supervisor: {words}; betti-ctl apply has the file applied"),
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
            return self.set_notice(self.in_force.notice.clone().filter(|_| self.in_force.refused.is_some()));
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
            steps: proposal.plan.steps.iter().map(step).collect(),
            apps: Vec::new(),
            on_trial: false,
        };
        if !asked.dry_run {
            applied.apps = self.take_on(proposal);
            applied.on_trial = self.in_force.trial.is_some();
        }
        Ok(applied)
    }

    fn propose(&self, file: File) -> Result<Proposal, ApplyError> {
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
        let in_force = InForce { generation, asked, relaunch, trial, refused: None, notice: None };
        self.change_file(roster, in_force);
        accepted
    }

    /// What comes back if this one is not good enough: the last one that was.
    fn on_trial(&self, touched: &Touched) -> Option<KeptTrial> {
        let newest = |id: AppId| self.fleet.get(id).and_then(lifecycle::App::newest_run).map(|run| run.0);
        let is_wanted = |unit: &&Rc<Unit>| match self.fleet.get(unit.id) {
            Some(app) if self.roster.unit(unit.id).is_some() => app.goal() == Goal::Up,
            Some(_) | None => self.comes_up(unit),
        };
        let watched: Vec<_> = touched.come.iter().filter(is_wanted).map(|unit| (unit.id.0, newest(unit.id))).collect();
        if watched.is_empty() {
            return None;
        }
        let last_good = self.in_force.trial.clone();
        let (generation, asked) = last_good.map_or_else(
            || (self.in_force.generation, self.in_force.asked.clone()),
            |trial| (trial.generation, trial.asked),
        );
        Some(KeptTrial { generation, asked, watched })
    }

    /// What is in force stays; why, the operator is told.
    fn stay(&mut self, error: &impl std::fmt::Display) {
        let notice = format!("{error}\nwhat ran before goes on: betti-ctl check shows how to mend it");
        if self.in_force.notice.as_ref() != Some(&notice) {
            say!("{} supervisor: {notice}", clock::stamp());
        }
        self.set_notice(Some(notice));
    }

    fn set_notice(&mut self, notice: Option<String>) {
        if self.in_force.notice != notice {
            self.in_force.notice = notice;
            self.order(&book::remember_in_force(&self.in_force));
        }
    }

    // -- the trial of a profile

    pub(super) fn judge_trial(&mut self) {
        let Some(kept) = self.in_force.trial.clone().filter(|_| !self.stopping) else { return };
        let watched = kept.watched.iter().map(|(id, run)| (AppId(*id), run.map(Invocation))).collect();
        match (Trial { watched }).verdict(&self.fleet) {
            Verdict::Pending => {}
            Verdict::Passed => self.pass(),
            Verdict::Failed(id) => self.go_back(&kept, id),
        }
    }

    fn pass(&mut self) {
        say!("{} supervisor: the profile {} is ready", clock::stamp(), self.roster.manifest.profile);
        self.in_force.trial = None;
        self.order(&book::remember_in_force(&self.in_force));
        self.forget_old_texts();
    }

    fn go_back(&mut self, last_good: &KeptTrial, id: AppId) {
        let text = self.texts.get(&last_good.generation).cloned().unwrap_or_default();
        let name = self.unit(id).map(|unit| unit.app.name.clone()).unwrap_or_default();
        let why = self.reason(id).unwrap_or_else(|| "not ready".to_owned());
        let from = &self.roster.manifest.profile;
        let (plan, roster, file, notice) = match self.propose(File { text, asked: last_good.asked.clone() }) {
            Ok(Proposal { file, plan, roster }) => {
                let to = &roster.manifest.profile;
                let notice = format!("the profile {from} did not become ready ({name}: {why}); {to} is back in force");
                (plan, roster, file, notice)
            }
            // It was good when it was taken on, so this is another program than took it on.
            Err(error) => return self.keep_in_spite(&format!(
                "the profile {from} did not become ready ({name}: {why}), and the one before cannot come back: {error}"
            )),
        };
        say!("{} supervisor: {notice}", clock::stamp());
        let refused = std::mem::replace(&mut self.file, file);
        let in_force = InForce {
            generation: last_good.generation,
            asked: last_good.asked.clone(),
            relaunch: relaunched(&plan, &roster),
            trial: None,
            // A profile that was asked for on the command line is no fault of the file's.
            refused: Some(book::fingerprint(&refused.text)).filter(|_| refused.text != self.file.text),
            notice: Some(notice),
        };
        self.change_file(roster, in_force);
    }

    fn change_file(&mut self, mut roster: Roster, in_force: InForce) {
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
    fn comes_up(&self, unit: &Unit) -> bool {
        unit.app.autostart && !self.roster.changes().held.contains(&unit.key())
    }

    fn keep_in_spite(&mut self, notice: &str) {
        say!("{} supervisor: {notice}", clock::stamp());
        self.in_force.trial = None;
        self.set_notice(Some(notice.to_owned()));
    }

    fn remember_text(&mut self, generation: u64, text: &str) {
        for order in book::remember_text(generation, text) {
            self.order(&order);
        }
        self.texts.insert(generation, text.to_owned());
    }

    fn forget_old_texts(&mut self) {
        let last_good = self.in_force.trial.as_ref().map(|trial| trial.generation);
        let is_needed = |generation: u64| generation == self.in_force.generation || Some(generation) == last_good;
        for (generation, text) in self.texts.extract_if(.., |generation, _| !is_needed(*generation)).collect::<Vec<_>>()
        {
            for order in book::forget_text(generation, &text) {
                self.order(&order);
            }
        }
    }

    // -- who there is

    /// Numbers of those on their way out.
    pub(super) fn taken(&self) -> BTreeMap<String, u32> {
        self.leaving.values().map(|unit| (unit.key(), unit.id.0)).collect()
    }

    /// The first file is remembered like any other.
    pub(super) fn remember_file(&mut self) {
        self.remember_text(self.in_force.generation, &self.file.text.clone());
        self.order(&book::remember_changes(self.roster.changes()));
        self.order(&book::remember_in_force(&self.in_force));
    }

    /// Who is new comes, who is missing leaves. `in_force` is the file that says so, if it is another one.
    pub(super) fn change_roster(&mut self, roster: Roster, in_force: Option<InForce>, up: impl Fn(&Unit) -> bool) {
        let missing = |unit: &&Rc<Unit>| roster.unit(unit.id).is_none();
        let leave: Vec<Rc<Unit>> = self.roster.units().filter(missing).cloned().collect();
        for unit in &leave {
            self.order(&book::remember_leaving(unit));
        }
        self.order(&book::remember_changes(roster.changes()));
        if let Some(in_force) = in_force {
            self.in_force = in_force;
            self.order(&book::remember_in_force(&self.in_force));
        }
        let back: Vec<AppId> = self.leaving.keys().copied().filter(|id| roster.unit(*id).is_some()).collect();
        for id in back {
            let Some(unit) = self.leaving.remove(&id) else { continue };
            self.order(&book::forget_leaving(&unit.key()));
        }
        self.leaving.extend(leave.into_iter().map(|unit| (unit.id, unit)));
        let before = std::mem::replace(&mut self.roster, roster);
        self.redirect_logs(&before);
        self.reshape(up);
    }

    /// Output of what runs goes where the file now says, without a restart.
    fn redirect_logs(&mut self, before: &Roster) {
        let ways = |unit: &Unit| {
            let way = |kind, path| (kind, path, unit.app.log_max_size, unit.app.log_format.clone());
            [way(Kind::Out, unit.out_file()), way(Kind::Error, unit.error_file())]
        };
        for run in self.runs.values().filter(|run| !run.gone) {
            let (Some(old), Some(new)) = (before.unit(run.app), self.roster.unit(run.app)) else { continue };
            let changed = ways(new).into_iter().zip(ways(old)).filter(|(new, old)| new != old);
            for ((kind, path, limit, format), _) in changed {
                self.logs.redirect(Way { run: run.row.run, kind, path, limit, format });
            }
        }
    }

    /// Makes the fleet what the roster says, whatever a predecessor came to. Of those that were never there, the ones named by
    /// `only` are started; all of them if it names none.
    pub(super) fn converge(&mut self, only: &[String]) {
        let only = only.to_vec();
        let comes_up = |unit: &&Rc<Unit>| self.comes_up(unit) || unit.ad_hoc;
        let up: BTreeSet<AppId> = self.roster.units().filter(comes_up).map(|unit| unit.id).collect();
        self.reshape(move |unit| match only.is_empty() {
            true => up.contains(&unit.id),
            false => only.contains(&unit.app.name),
        });
    }

    fn reshape(&mut self, up: impl Fn(&Unit) -> bool) {
        let members = self.roster.units().map(|unit| self.member(unit, up(unit))).collect();
        match self.fleet.reshape(now(), members) {
            Ok(actions) => self.carry_out(actions),
            // The file was checked for that, and apps in no file depend on nobody.
            Err(circle) => say!("supervisor: {circle}"),
        }
        self.look_after_apps();
        if !self.in_force.relaunch.is_empty() {
            self.in_force.relaunch.clear();
            self.order(&book::remember_in_force(&self.in_force));
        }
    }

    fn member(&self, unit: &Unit, up: bool) -> Member {
        let shares_an_address = |other: &Unit| {
            let same_port = unit.app.port.is_some() && unit.app.port == other.app.port;
            same_port || unit.app.listen.iter().any(|address| other.app.listen.contains(address))
        };
        Member {
            id: unit.id,
            policy: unit.app.policy.clone(),
            needs: unit.app.depends_on.iter().flat_map(|name| self.ids_needed(name)).collect(),
            follows: self.leaving.values().filter(|other| shares_an_address(other)).map(|other| other.id).collect(),
            relaunch: self.in_force.relaunch.contains(&unit.key()),
            up,
        }
    }

    /// Every instance of it; of an app that was deleted, a number that is never ready.
    fn ids_needed(&self, name: &str) -> Vec<AppId> {
        let there = self.roster.ids_of(name);
        if there.is_empty() {
            return self.roster.changes().ids.get(name).map(|id| AppId(*id)).into_iter().collect();
        }
        there
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
fn relaunched(plan: &Plan, roster: &Roster) -> BTreeSet<String> {
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
