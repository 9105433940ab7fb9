//! Who holds back whom, on the way up and on the way down.

use crate::{App, AppId, Fleet, Goal, Moment, State};

impl Fleet {
    /// The dependencies that hold back an app that is to be spawned: those that are not ready, nor done after they were.
    ///
    /// # Panics
    /// If there is no such app.
    #[must_use]
    pub fn waits_for(&self, id: AppId) -> Vec<AppId> {
        if !self.app(id).wants_spawn() {
            return Vec::new();
        }
        self.order.dependencies(id).iter().copied().filter(|need| !self.lets_dependants_start(*need)).collect()
    }

    /// What an app that is to be spawned [follows](crate::Member::follows), as far as it is not gone yet.
    ///
    /// # Panics
    /// If there is no such app.
    #[must_use]
    pub fn waits_for_end_of(&self, id: AppId) -> Vec<AppId> {
        let app = self.app(id);
        if !app.wants_spawn() {
            return Vec::new();
        }
        let lives = |(other, run): &&(AppId, _)| self.get(*other).is_some_and(|app| app.alive() == Some(*run));
        app.follows.iter().filter(lives).map(|(other, _)| *other).collect()
    }

    /// Whether others keep an app from being spawned.
    pub(crate) fn is_held_back(&self, id: AppId) -> bool {
        !self.waits_for(id).is_empty() || !self.waits_for_end_of(id).is_empty()
    }

    /// Whether an app's turn to be told has come: what needs it and is ending too is gone, or has had its time.
    pub(crate) fn may_be_told(&self, id: AppId, now: Moment) -> bool {
        let app = self.app(id);
        let Some(turn) = app.turn else { return false };
        let mut users = self.order.dependants(id).iter().filter_map(|user| self.get(*user));
        turn.tell_by <= now || !users.any(|user| user.is_in_the_way_of(app.goal()))
    }

    fn lets_dependants_start(&self, id: AppId) -> bool {
        self.get(id).is_some_and(App::lets_dependants_start)
    }
}

impl App {
    /// Whether what it needs is not to be told yet. A stop waits for those that are stopped along, and a restart for
    /// those that begin anew along; one that is stopped alone waits for nobody.
    fn is_in_the_way_of(&self, goal: Goal) -> bool {
        let ends = match goal {
            Goal::Down => self.goal() == Goal::Down,
            Goal::Up => self.is_to_end() || matches!(self.state(), State::Stopping { .. }),
        };
        ends && self.alive().is_some()
    }
}
