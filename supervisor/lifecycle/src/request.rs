//! What an operator can ask of the fleet.

use std::time::Duration;

use crate::{Action, AppId, Event, Fleet, Goal, Moment, Turn};

/// The shortest deadline of a stop of everything.
pub const STOP_ALL_TIMEOUT: Duration = Duration::from_secs(5);

/// A wish about some apps, or all. A repeated wish does no harm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Be up. What runs goes on; what backs off or cools down is tried now, with its failures forgiven.
    Start(Vec<AppId>),
    /// Be gone and stay gone.
    Stop(Vec<AppId>),
    /// End what runs and begin anew; start what does not run.
    Restart(Vec<AppId>),
    /// Everything be gone, in order and by one deadline.
    StopAll,
}

impl Fleet {
    /// Takes a wish; answers with what is to be done about it now. Apps that do not exist are passed over.
    pub fn request(&mut self, now: Moment, request: Request) -> Vec<(AppId, Action)> {
        let mut actions = Vec::new();
        match request {
            Request::Start(ids) => self.each(&ids, |app| app.handle(now, Event::Wanted(Goal::Up)), &mut actions),
            Request::Restart(ids) => self.each(&ids, |app| app.restart(now), &mut actions),
            Request::Stop(ids) => {
                let turn = Turn { tell_by: now.after(self.longest_kill_timeout(&ids) / 2), kill_by: None };
                self.each(&ids, |app| app.descend(turn), &mut actions);
            }
            Request::StopAll => {
                let ids: Vec<AppId> = self.ids().collect();
                let within = self.longest_kill_timeout(&ids).max(STOP_ALL_TIMEOUT);
                let turn = Turn { tell_by: now.after(within / 2), kill_by: Some(now.after(within)) };
                self.each(&ids, |app| app.descend(turn), &mut actions);
            }
        }
        self.settle(now, actions)
    }

    /// The longest that one of those that are alive may take to stop.
    fn longest_kill_timeout(&self, ids: &[AppId]) -> Duration {
        let alive = ids.iter().filter_map(|id| self.apps.get(id)).filter(|app| app.alive().is_some());
        alive.map(|app| app.policy().kill_timeout).max().unwrap_or_default()
    }
}
