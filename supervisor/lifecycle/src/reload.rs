//! A reload: one app after the other begins anew, and the rest wait with their old runs. What [overlaps](crate::Policy::overlap)
//! keeps its old run until the new one is ready, and for good if that fails.
//!
//! Where it stands is kept in each app ([`Reload`]), so that it survives this supervisor. One app at a time has `begun`; the
//! next begins when its new run is ready and its old one gone. If that fails, the reload is over. The app that failed keeps its place until
//! somebody asks for anything of it or for another reload: a successor that finds that others' places were remembered for
//! longer than its failure drops them.

use crate::{Action, App, AppId, Event, Fleet, Goal, Moment, Reload, State};

impl Fleet {
    /// Whether an app is to begin anew in a reload, or has and is not ready yet, or its other run is not gone yet.
    #[must_use]
    pub fn reload_pending(&self, id: AppId) -> bool {
        self.get(id).is_some_and(|app| app.reload.is_some() && (!app.failed_in_reload() || app.beside.is_some()))
    }

    /// Puts apps at the end of the reload that is under way, if there is one.
    pub(crate) fn reload(&mut self, now: Moment, ids: &[AppId], actions: &mut Vec<(AppId, Action)>) {
        for app in self.apps.values_mut().filter(|app| app.failed_in_reload()) {
            app.reload = None;
        }
        let places = self.apps.values().filter_map(|app| app.reload).map(|reload| reload.place);
        let first = places.max().map_or(0, |place| place + 1);
        for (&id, place) in ids.iter().zip(first..) {
            self.each(&[id], |app| app.enter_reload(now, place), actions);
        }
    }

    /// Begins the next app of the reload if the one before is ready; ends the reload if that one failed.
    pub(crate) fn roll_on(&mut self, now: Moment) -> Option<(AppId, Action)> {
        if self.apps.values().any(App::failed_in_reload) {
            for app in self.apps.values_mut().filter(|app| !app.failed_in_reload()) {
                app.reload = None;
            }
            return None;
        }
        for app in self.apps.values_mut().filter(|app| app.is_reloaded()) {
            app.reload = None;
        }
        let (id, next) = self.next_in_reload().filter(|(_, next)| !next.begun)?;
        let overlaps = self.get(id)?.overlaps();
        if overlaps && (self.get(id)?.beside.is_some() || self.is_held_back(id)) {
            return None; // Its run goes on until there may be another one.
        }
        let run = self.last_run.next();
        let app = self.apps.get_mut(&id)?;
        app.reload = Some(Reload { begun: true, ..next });
        if !overlaps {
            return Some((id, app.begin_anew(now)?));
        }
        self.last_run = run;
        Some((id, app.try_beside(now, run)))
    }

    /// Whose turn it is in the reload that is under way.
    pub(crate) fn next_in_reload(&self) -> Option<(AppId, Reload)> {
        let places = self.apps.iter().filter_map(|(id, app)| Some((*id, app.reload?)));
        places.min_by_key(|(_, reload)| (!reload.begun, reload.place))
    }
}

impl App {
    /// What has an old run to keep waits for its place; what has none is started at once.
    fn enter_reload(&mut self, now: Moment, place: u64) -> Option<Action> {
        match self.reload {
            // Asked for again while its new run is on its way: that one is replaced, and nobody else is touched.
            // The old run goes on until there is another one.
            Some(Reload { begun: true, place }) if self.overlaps() => {
                self.reload = Some(Reload { place, begun: false });
                return self.abandon(now);
            }
            Some(Reload { begun: true, .. }) => return self.begin_anew(now),
            Some(Reload { begun: false, .. }) => return None,
            None if self.has_a_run_to_keep() => self.reload = Some(Reload { place, begun: false }),
            None => {}
        }
        self.handle(now, Event::Wanted(Goal::Up))
    }

    /// Its run ends before the next one begins. What was tried in vain before says nothing about that one.
    fn begin_anew(&mut self, now: Moment) -> Option<Action> {
        self.failed_try = None;
        self.restart(now)
    }

    /// Its run goes on for now; it is neither ending nor about to be ended for a new one.
    fn has_a_run_to_keep(&self) -> bool {
        let begins_anew = self.goal == Goal::Up && self.turn.is_some();
        matches!(self.state, State::Starting { .. } | State::Running { .. }) && !begins_anew
    }

    /// It began anew in a reload and has failed since: what failed before was forgiven then.
    pub(crate) fn failed_in_reload(&self) -> bool {
        let failed = self.failed_try.is_some() || !self.crashes.is_clean();
        self.reload.is_some_and(|reload| reload.begun) && failed
    }

    /// It began anew in a reload, its new run is ready or ended as its policy accepts, and its old one is gone.
    fn is_reloaded(&self) -> bool {
        let is_through = self.is_ready() || matches!(self.state, State::Finished);
        self.reload.is_some_and(|reload| reload.begun) && self.beside.is_none() && is_through
    }
}
