//! Whether a fleet that was reshaped has come up.

use crate::{App, AppId, Fleet, Goal, Invocation, State};

/// Short runs in a row from which on an app counts as crashing again and again.
const CRASHING: u32 = 2;

/// Judges whether some apps come up in runs of their own after a [`Fleet::reshape`], so that a profile that does not can be
/// taken back. Only what it is made of is kept; the fleet knows the rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    /// The apps in question, each with its newest run before the trial.
    pub watched: Vec<(AppId, Option<Invocation>)>,
}

/// What a [`Trial`] has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Something is still on its way.
    Pending,
    /// Everything has come up.
    Passed,
    /// This app has not, or cannot.
    Failed(AppId),
}

/// What one app has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Pending,
    Good,
    Bad,
}

impl Trial {
    /// A trial of these apps. It is made *before* the fleet is reshaped; an app that the fleet does not have yet had no run.
    #[must_use]
    pub fn new(fleet: &Fleet, watched: Vec<AppId>) -> Self {
        let newest = |id| (id, fleet.get(id).and_then(App::newest_run));
        Self { watched: watched.into_iter().map(newest).collect() }
    }

    /// What it has come to by now: passed if every app is good, failed by the first that is bad. To be asked after every
    /// call into the fleet, from the reshape on.
    ///
    /// * Whoever is wanted down, or leaves, is watched no more.
    /// * *Good* is who is ready in a newer run, was and has not failed since within `min_uptime`, runs on in the old run, or
    ///   has ended well.
    /// * *Bad* is who has a newer run that failed before it was ready; who cools down, or ended badly for good; who was ready
    ///   in a newer run and crashes again and again; and who waits for what will not come: for a dependency that is down or
    ///   has ended for good; for one that is not watched and cools down, crashes again and again, or waits for another like
    ///   that; or for the end of a run that nobody ends.
    ///
    /// So it ends if every run becomes ready or fails some day: an app that asks for more time again and again is waited for.
    #[must_use]
    pub fn verdict(&self, fleet: &Fleet) -> Verdict {
        let mut verdict = Verdict::Passed;
        for &(id, noted) in &self.watched {
            match self.outcome(fleet, id, noted) {
                Outcome::Good => {}
                Outcome::Pending => verdict = Verdict::Pending,
                Outcome::Bad => return Verdict::Failed(id),
            }
        }
        verdict
    }

    fn outcome(&self, fleet: &Fleet, id: AppId, noted: Option<Invocation>) -> Outcome {
        let Some(app) = self.watch(fleet, id) else { return Outcome::Good };
        let was_ready = app.ready_run > noted;
        if app.failed_start > noted && app.finished_run >= app.failed_start {
            return Outcome::Bad;
        }
        match app.state {
            State::Running { .. } if !app.is_to_end() => Outcome::Good,
            State::Finished if app.last_failure.is_none() => Outcome::Good,
            State::Cooling { .. } | State::Finished => Outcome::Bad,
            State::Stopped
            | State::Starting { .. }
            | State::Running { .. }
            | State::Stopping { .. }
            | State::Backoff { .. } => match app.crashes.short_runs {
                0 if was_ready => Outcome::Good,
                CRASHING.. if was_ready => Outcome::Bad,
                _ if self.waits_in_vain(fleet, id) => Outcome::Bad,
                _ => Outcome::Pending,
            },
        }
    }

    /// The app, unless it is not to be up: then nobody asks whether it is.
    fn watch<'a>(&self, fleet: &'a Fleet, id: AppId) -> Option<&'a App> {
        fleet.get(id).filter(|app| app.goal() == Goal::Up)
    }

    /// Whether it is held back by what will not change.
    fn waits_in_vain(&self, fleet: &Fleet, id: AppId) -> bool {
        fleet.waits_for(id).into_iter().any(|need| self.will_not_come(fleet, need)) || fleet.waits_for_what_stays(id)
    }

    /// Whether a dependency that is not ready will not be. One that is watched, and has not ended well, has an outcome of
    /// its own.
    fn will_not_come(&self, fleet: &Fleet, need: AppId) -> bool {
        let Some(app) = self.watch(fleet, need) else { return true };
        let is_watched = self.watched.iter().any(|(watched, _)| *watched == need);
        match app.state {
            State::Finished => true,
            State::Cooling { .. } => !is_watched,
            State::Stopped
            | State::Starting { .. }
            | State::Running { .. }
            | State::Stopping { .. }
            | State::Backoff { .. } => {
                !is_watched && (app.crashes.short_runs >= CRASHING || self.waits_in_vain(fleet, need))
            }
        }
    }
}
