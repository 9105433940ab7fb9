//! Who holds back whom, on the way up and on the way down.

use crate::{App, AppId, Fleet, Goal, Invocation, Moment, State};

impl Fleet {
    /// The dependencies that hold back an app that is to be spawned, or whose next run is to be tried: those that are not
    /// ready, nor done after they were.
    ///
    /// # Panics
    /// If there is no such app.
    #[must_use]
    pub fn waits_for(&self, id: AppId) -> Vec<AppId> {
        if !self.is_to_get_a_run(id) {
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
        if !self.is_to_get_a_run(id) {
            return Vec::new();
        }
        let lives = |(other, run): &&(AppId, _)| self.get(*other).is_some_and(|app| app.has(*run));
        let mut others: Vec<AppId> = self.app(id).follows.iter().filter(lives).map(|(other, _)| *other).collect();
        others.dedup(); // of one that is reloaded, two runs may have to end
        others
    }

    /// Whether an app that is to be spawned follows a run that nobody ends.
    pub(crate) fn waits_for_what_stays(&self, id: AppId) -> bool {
        let stays = |(other, run): &(AppId, Invocation)| self.get(*other).is_some_and(|app| app.keeps(*run));
        self.is_to_get_a_run(id) && self.app(id).follows.iter().any(stays)
    }

    /// Whether a run is to be begun for an app: its only one, or one beside it because its turn in a reload has come.
    fn is_to_get_a_run(&self, id: AppId) -> bool {
        let app = self.app(id);
        app.wants_spawn()
            || (app.overlaps() && self.next_in_reload().is_some_and(|(next, reload)| next == id && !reload.begun))
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
    /// Whether one of its runs is alive and goes on.
    fn keeps(&self, run: Invocation) -> bool {
        !self.is_to_end() && matches!(self.state_of(run), Some(State::Starting { .. } | State::Running { .. }))
    }

    /// Whether what it needs is not to be told yet. A stop waits for those that are stopped along, and a restart for
    /// those that begin anew along; one that is stopped alone waits for nobody.
    fn is_in_the_way_of(&self, goal: Goal) -> bool {
        let ends = match goal {
            Goal::Down => self.goal() == Goal::Down,
            Goal::Up => self.is_to_end() || self.is_half_gone() || matches!(self.state(), State::Stopping { .. }),
        };
        ends && self.is_alive()
    }
}
