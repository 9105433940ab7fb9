//! A trial: what the facts say about it.

use lifecycle::{AppId, Goal, Invocation, Trial, Verdict};

use super::Judge;

/// So many short runs in a row are one too many.
const CRASHING: usize = 2;

#[derive(PartialEq)]
enum Outcome {
    Good,
    Pending,
    Bad,
}

impl Judge {
    pub fn verdict(&self, trial: &Trial) -> Verdict {
        let outcomes = || trial.watched.iter().map(|(app, noted)| (*app, self.outcome(trial, *app, *noted)));
        if let Some((app, _)) = outcomes().find(|(_, outcome)| *outcome == Outcome::Bad) {
            return Verdict::Failed(app);
        }
        let pending = outcomes().any(|(_, outcome)| outcome == Outcome::Pending);
        if pending { Verdict::Pending } else { Verdict::Passed }
    }

    fn outcome(&self, trial: &Trial, app: AppId, noted: Option<Invocation>) -> Outcome {
        let Some(record) = self.records.get(&app).filter(|record| record.wish == Goal::Up) else {
            return Outcome::Good;
        };
        let newer = |run: Option<Invocation>| run > noted;
        if newer(record.failed_start) && record.finished >= record.failed_start {
            return Outcome::Bad;
        }
        if record.is_ready() {
            return Outcome::Good;
        }
        if record.over && record.run.is_none() {
            return if record.reason.is_none() { Outcome::Good } else { Outcome::Bad };
        }
        if record.is_cooling(&self.design(app).policy) {
            return Outcome::Bad;
        }
        match record.short_runs() {
            0 if newer(record.last_ready) => Outcome::Good,
            CRASHING.. if newer(record.last_ready) => Outcome::Bad,
            _ if self.waits_in_vain(trial, app) => Outcome::Bad,
            _ => Outcome::Pending,
        }
    }

    fn waits_in_vain(&self, trial: &Trial, app: AppId) -> bool {
        self.record(app).is_to_spawn()
            && (self.waits_for(app).iter().any(|need| self.will_not_come(trial, *need))
                || self.waits_for_what_stays(app))
    }

    fn will_not_come(&self, trial: &Trial, need: AppId) -> bool {
        let Some(record) = self.records.get(&need).filter(|record| record.wish == Goal::Up) else { return true };
        let is_watched = trial.watched.iter().any(|(app, _)| *app == need);
        let is_over = record.over && record.run.is_none();
        let is_failing = !is_watched
            && (record.is_cooling(&self.design(need).policy)
                || record.short_runs() >= CRASHING
                || self.waits_in_vain(trial, need));
        is_over || is_failing
    }
}
