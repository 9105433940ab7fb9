//! What an operator can ask of the fleet.

use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

use crate::{Action, App, AppId, Event, Fleet, Goal, Moment, State, Turn};

/// The shortest deadline of a stop of everything.
pub const STOP_ALL_TIMEOUT: Duration = Duration::from_secs(5);

/// A wish about some apps, or all. A repeated wish does no harm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Be up. What runs goes on; what backs off or cools down is tried now, with its failures forgiven.
    Start(Vec<AppId>),
    /// Be gone and stay gone.
    Stop(Vec<AppId>),
    /// End what runs and begin anew; start what does not run. What depends on it runs on.
    Restart(Vec<AppId>),
    /// The same, and begin anew what depends on it and is up: that ends first, and starts again when what it needs is
    /// ready. What depends on something that is not begun anew itself runs on, and so does what ended by itself for good.
    RestartWithDependants(Vec<AppId>),
    /// Begin anew one after the other, in this order: the next one's turn comes when the one before is ready again. If that
    /// one fails, the rest keep their runs. What does not run is started at once. Where the policy says [overlap](crate::Policy::overlap),
    /// what runs is ended only when its next run is ready, and goes on if that fails.
    Reload(Vec<AppId>),
    /// Forget how often they were restarted and what they failed of. What waits for another try has it now.
    Reset(Vec<AppId>),
    /// Everything be gone, in order and by one deadline.
    StopAll,
}

impl Fleet {
    /// Takes a wish; answers with what is to be done about it now. Apps that do not exist are passed over, and so are those
    /// that are leaving if they are wished up.
    pub fn request(&mut self, now: Moment, request: Request) -> Vec<(AppId, Action)> {
        let mut actions = Vec::new();
        match request {
            Request::Start(ids) => {
                let ids = self.out_of_reload(self.staying(ids));
                self.each(&ids, |app| app.handle(now, Event::Wanted(Goal::Up)), &mut actions);
            }
            Request::Restart(ids) => {
                let ids = self.out_of_reload(self.staying(ids));
                self.each(&ids, |app| app.restart(now), &mut actions);
            }
            Request::RestartWithDependants(ids) => {
                let ids = self.out_of_reload(self.with_dependants(self.staying(ids)));
                let turn = self.turn(now, &ids);
                self.each(&ids, |app| app.restart_in_turn(now, turn), &mut actions);
            }
            Request::Reload(ids) => self.reload(now, &self.staying(ids), &mut actions),
            Request::Reset(ids) => self.each(&ids, |app| app.reset(now), &mut actions),
            Request::Stop(ids) => self.stop(now, ids, &mut actions),
            Request::StopAll => {
                let ids = self.out_of_reload(self.ids().collect());
                let within = self.longest_kill_timeout(&ids).max(STOP_ALL_TIMEOUT);
                let turn = Turn { tell_by: now.after(within / 2), kill_by: Some(now.after(within)) };
                self.each(&ids, |app| app.descend(now, turn), &mut actions);
            }
        }
        self.settle(now, actions)
    }

    /// Wishes apps down, each with its own time to end.
    pub(crate) fn stop(&mut self, now: Moment, ids: Vec<AppId>, actions: &mut Vec<(AppId, Action)>) {
        let ids = self.out_of_reload(ids);
        let turn = self.turn(now, &ids);
        self.each(&ids, |app| app.descend(now, turn), actions);
    }

    /// The turn of apps that are ended together, each in its own time: half of the longest is enough of waiting.
    fn turn(&self, now: Moment, ids: &[AppId]) -> Turn {
        Turn { tell_by: now.after(self.longest_kill_timeout(ids) / 2), kill_by: None }
    }

    /// The longest that one of those that are alive may take to stop.
    fn longest_kill_timeout(&self, ids: &[AppId]) -> Duration {
        let alive = ids.iter().filter_map(|id| self.get(*id)).filter(|app| app.is_alive());
        alive.map(|app| app.policy().kill_timeout).max().unwrap_or_default()
    }

    /// Those that are not leaving.
    fn staying(&self, ids: Vec<AppId>) -> Vec<AppId> {
        ids.into_iter().filter(|id| self.get(*id).is_some_and(|app| !app.leaving)).collect()
    }

    /// Whoever is asked for by name waits in no reload any more.
    fn out_of_reload(&mut self, ids: Vec<AppId>) -> Vec<AppId> {
        for id in &ids {
            if let Some(app) = self.apps.get_mut(id) {
                app.reload = None;
            }
        }
        ids
    }

    /// These, what depends on them and is up, what depends on that, and so on.
    fn with_dependants(&self, ids: Vec<AppId>) -> Vec<AppId> {
        let is_up = |app: &App| app.goal() == Goal::Up && !matches!(app.state(), State::Finished);
        let mut all: BTreeSet<AppId> = ids.iter().copied().collect();
        let mut rest = VecDeque::from(ids);
        while let Some(id) = rest.pop_front() {
            let users = self.order.dependants(id).iter().filter(|user| self.get(**user).is_some_and(is_up));
            rest.extend(users.filter(|user| all.insert(**user)));
        }
        all.into_iter().collect()
    }
}
