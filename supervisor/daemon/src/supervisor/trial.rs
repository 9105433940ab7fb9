//! Another profile is on trial until everyone that came with it was ready. If one is not, the last good file comes back.

use std::rc::Rc;

use lifecycle::{AppId, Goal, Invocation, Trial, Verdict};

use super::Supervisor;
use super::apply::{Proposal, Touched, relaunched};
use super::book::{self, File, InForce, KeptTrial};
use super::roster::Unit;
use crate::clock;

impl Supervisor {
    /// What comes back if this one is not good enough: the last one that was.
    pub(super) fn on_trial(&self, touched: &Touched) -> Option<KeptTrial> {
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
            broken: false,
            applied_at_ns: clock::now_ns(),
        };
        self.change_file(roster, in_force);
    }

    fn keep_in_spite(&mut self, notice: &str) {
        say!("{} supervisor: {notice}", clock::stamp());
        self.in_force.trial = None;
        self.set_notice(Some(notice.to_owned()), self.in_force.broken);
    }
}
