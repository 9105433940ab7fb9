//! Watches what the app itself does not tell: whether it answers, how much it uses, what the clock and the files say.
//!
//! Each monitor is a task that sends [`Event`](super::Event)s and decides nothing. None of them outlives the supervisor,
//! and none needs to: a successor starts them anew. Without an app that asks for one, none runs and nothing wakes up.
//!
//! | monitor | asked for by | watches | wakes up | says |
//! |---|---|---|---|---|
//! | [`notify_socket`] | every run | its `sd_notify` socket | when it says something | what it said |
//! | [`until_ready`] | `ready = {tcp=…}`, `{http=…}` | a run that starts | after 50 ms, then ever later up to 500 ms | `Said::NotYet` when the words change, `Said::Passed` once |
//! | [`health`] | `health` | a run that is online | every `interval` after the last check's end | `Said::CheckFailed`, then `Said::Unhealthy(Health, …)` once |
//! | [`watchdog`] | `watchdog`, `WATCHDOG_USEC=` | a run that is online | once an interval | `Said::Unhealthy(Watchdog, …)` once |
//! | [`memory_limit`] | `max_memory_restart` | all limited runs together | every 5 s while there is one | `Said::Unhealthy(Memory, …)` |
//! | [`cron`] | `cron_restart` | an app's times | at the time, and when the clock is set; while the clock is not right, every minute | `Event::Due(…, Occasion::Scheduled)` |
//! | [`files`] | `watch` | an app's files | when one changes | `Event::Due(…, Occasion::FilesChanged)`, `Occasion::CannotWatch` |
//! | [`saved`] | always | `ecosystem.toml` | when something happens to it | `Event::Saved` |
//!
//! What they rest on: [`probe`] (one attempt to reach something), [`program`] (one run of a check), [`listener`] (whose a
//! listening socket is), [`relevant`] and [`settle`] (changes of files), [`notify`] (what an `sd_notify` datagram says), [`schedule`] and [`zoned`] (the clock).
//!
//! Pauses between checks and a watchdog's patience count only while the machine is awake: nobody says anything while it sleeps.

pub mod cron;
pub mod files;
pub mod health;
mod listener;
pub mod memory_limit;
pub mod notify;
#[cfg(test)]
mod notify_fuzzed;
pub mod notify_socket;
pub mod probe;
pub mod program;
mod relevant;
pub mod saved;
mod schedule;
mod settle;
pub mod until_ready;
pub mod watchdog;
mod zoned;

use std::future::Future;

use tokio::task::AbortHandle;

/// A task that ends with its guard.
#[must_use = "the task ends when this is dropped"]
pub struct Task(AbortHandle);

impl Task {
    /// Starts it on the supervisor's one thread.
    pub fn spawn(task: impl Future<Output = ()> + 'static) -> Self {
        Self(tokio::task::spawn_local(task).abort_handle())
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What makes an app due for another run although nothing is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// `cron_restart` came. To be remembered: a successor goes on after this time.
    Scheduled(jiff::Timestamp),
    /// Files that it watches changed, with the first of them: `src/app.js changed`.
    FilesChanged(String),
    /// None yet, but some of its files cannot be watched, in words.
    CannotWatch(String),
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn a_task_ends_with_its_guard() {
        let local = tokio::task::LocalSet::new();
        local
            .run_until(async {
                let (held, ended) = oneshot::channel::<()>();
                let task = Task::spawn(async move {
                    std::future::pending::<()>().await;
                    drop(held);
                });
                tokio::task::yield_now().await;
                drop(task);
                assert!(ended.await.is_err(), "what the task held is dropped");
            })
            .await;
    }
}
