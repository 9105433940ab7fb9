//! Says when an app's `cron_restart` comes, by a timer of the kernel that also wakes us when the clock is set.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc::UnboundedSender;

use super::schedule::{Planner, Reading};
use super::zoned::Pattern;
use super::{Occasion, Task};
use crate::alarm::Alarm;
use crate::clock;
use crate::supervisor::Event;
use crate::synchronised::clock_is_synchronised;

/// How often a clock that is not right is looked at again. It is looked at as well when it is set.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// One app's times.
pub struct CronTask {
    shown: Rc<Shown>,
    _task: Task,
}

#[derive(Default)]
struct Shown {
    next: Cell<Option<Timestamp>>,
    waits_for_clock: Cell<bool>,
}

/// Which app, and whether the clock is to be believed whatever the kernel says of it.
pub struct App {
    /// Its id in the file.
    pub id: u32,
    pub trusts_clock: bool,
}

impl CronTask {
    /// Sends [`Occasion::Scheduled`] at each of the times. `since` is the last one that was seen to, perhaps by a predecessor.
    ///
    /// # Errors
    /// In words, if the pattern or the zone is none, or the kernel has no timer left for us.
    pub fn spawn(
        app: App,
        cron: &manifest::Cron,
        since: Option<Timestamp>,
        events: UnboundedSender<Event>,
    ) -> Result<Self, String> {
        let pattern = Pattern::new(&cron.pattern, cron.zone.as_deref())?;
        let alarm = Alarm::on_the_wall().map_err(|error| format!("cannot make a timer: {error}"))?;
        let shown = Rc::<Shown>::default();
        let task = Task::spawn(follow(app, pattern, since, alarm, Rc::clone(&shown), events));
        Ok(Self { shown, _task: task })
    }

    /// When it comes next.
    pub fn next(&self) -> Option<Timestamp> {
        self.shown.next.get()
    }

    /// Nothing comes until the clock is right.
    pub fn waits_for_clock(&self) -> bool {
        self.shown.waits_for_clock.get()
    }
}

async fn follow(
    app: App,
    pattern: Pattern,
    since: Option<Timestamp>,
    alarm: Alarm,
    shown: Rc<Shown>,
    events: UnboundedSender<Event>,
) {
    while !(app.trusts_clock || clock_is_synchronised()) {
        shown.waits_for_clock.set(true);
        if alarm.at_wall(later(LOOK_AGAIN)).await.is_err() {
            return;
        }
    }
    shown.waits_for_clock.set(false);
    let mut planner = Planner::new(pattern, since, reading());
    loop {
        if let Some(due) = planner.due(reading()) {
            let _ = events.send(Event::Due(app.id, Occasion::Scheduled(due)));
        }
        shown.next.set(planner.next());
        let Some(next) = planner.next() else { return };
        if alarm.at_wall(next).await.is_err() {
            return;
        }
    }
}

fn reading() -> Reading {
    Reading { wall: clock::wall(), steady: clock::now() }
}

fn later(by: Duration) -> Timestamp {
    clock::wall().saturating_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;
    use tokio::task::LocalSet;

    use super::*;

    fn every_second() -> manifest::Cron {
        manifest::Cron { pattern: "* * * * * *".into(), zone: Some("UTC".into()) }
    }

    #[tokio::test]
    async fn it_comes_at_its_time_each_time_once() {
        let body = async {
            let (events, mut heard) = mpsc::unbounded_channel();
            let begun = clock::wall();
            let app = App { id: 3, trusts_clock: true };
            let cron = CronTask::spawn(app, &every_second(), None, events).unwrap();
            let mut last = begun;
            for _ in 0..2 {
                let Some(Event::Due(3, Occasion::Scheduled(at))) = heard.recv().await else { panic!("it is due") };
                assert!(at > last && at <= clock::wall(), "{at} after {last}");
                last = at;
            }
            assert!(cron.next().is_some_and(|next| next > last) && !cron.waits_for_clock());
        };
        LocalSet::new().run_until(body).await;
    }

    #[tokio::test]
    async fn a_clock_that_is_not_right_is_waited_for() {
        let body = async {
            let (events, mut heard) = mpsc::unbounded_channel();
            let cron = CronTask::spawn(App { id: 3, trusts_clock: false }, &every_second(), None, events).unwrap();
            if clock_is_synchronised() {
                assert!(heard.recv().await.is_some());
            } else {
                tokio::task::yield_now().await;
                assert!(cron.waits_for_clock() && cron.next().is_none() && heard.try_recv().is_err());
            }
        };
        LocalSet::new().run_until(body).await;
    }
}
