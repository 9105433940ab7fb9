use crate::{AppId, Fleet, Goal, State};

/// What an app's state is called to an operator: PM2's words, and two of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// Said that it is ready.
    Online,
    /// Spawned, or about to be; has not said that it is ready.
    Launching,
    /// Being ended.
    Stopping,
    /// Nothing of it is alive, and none is due.
    Stopped,
    /// Ended badly, and its policy says not to try again.
    Errored,
    /// Failed, and is tried again soon.
    WaitingRestart,
    /// Waits for a dependency, or for the end of what it follows.
    Waiting,
    /// Failed too often, and is tried again once in a while.
    Cooling,
}

impl Fleet {
    /// What to call the app's state.
    ///
    /// # Panics
    /// If there is no such app.
    #[must_use]
    pub fn status(&self, id: AppId) -> Status {
        let app = self.app(id);
        let waits = self.is_held_back(id);
        match (app.state(), app.goal()) {
            (State::Starting { .. } | State::Running { .. }, Goal::Up | Goal::Down) if app.is_to_end() => {
                Status::Stopping
            }
            (State::Running { .. }, Goal::Up | Goal::Down) => Status::Online,
            (State::Starting { .. }, Goal::Up | Goal::Down) => Status::Launching,
            (State::Stopping { .. }, Goal::Up | Goal::Down) => Status::Stopping,
            (
                State::Stopped | State::Backoff { .. } | State::Cooling { .. } | State::Finished,
                Goal::Up | Goal::Down,
            ) if app.is_half_gone() => Status::Stopping,
            (State::Stopped | State::Backoff { .. }, Goal::Up) if waits => Status::Waiting,
            (State::Stopped, Goal::Up) => Status::Launching,
            (State::Backoff { .. }, Goal::Up) => Status::WaitingRestart,
            (State::Cooling { .. }, Goal::Up) => Status::Cooling,
            (State::Finished, Goal::Up) if app.last_failure().is_some() => Status::Errored,
            (State::Finished, Goal::Up) => Status::Stopped,
            (State::Stopped | State::Backoff { .. } | State::Cooling { .. } | State::Finished, Goal::Down) => {
                Status::Stopped
            }
        }
    }
}
