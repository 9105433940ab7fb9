//! Ends the patience with a run that promised to say `WATCHDOG=1` at least so often.
//!
//! Armed when the run is ready, and in full by a successor. Feeding only notes the time, so that a run which says it often
//! costs no timers; whether it was in time is looked at once an interval.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use lifecycle::Ailment;
use tokio::sync::{Notify, mpsc::UnboundedSender};
use tokio::time::{Instant, sleep_until};

use super::Task;
use crate::supervisor::Event;
use crate::supervisor::ready::Said;
use crate::supervisor::reason::span;

/// How long after the time is up words are still looked for that came in time, when we were busy elsewhere.
const LAST_LOOK: Duration = Duration::from_millis(100);

/// No interval is longer: time is counted from now, and there is an end to what can be counted.
const LONGEST_INTERVAL: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// One run's.
pub struct Watchdog {
    state: Rc<State>,
    _task: Task,
}

struct State {
    fed: Cell<Instant>,
    interval: Cell<Duration>,
    /// The interval has changed.
    changed: Notify,
}

impl Watchdog {
    /// Says [`Said::Unhealthy`] once when the run was silent for longer than `interval`.
    pub fn arm(run: u64, interval: Duration, events: UnboundedSender<Event>) -> Self {
        let (fed, interval) = (Cell::new(Instant::now()), Cell::new(interval.min(LONGEST_INTERVAL)));
        let state = Rc::new(State { fed, interval, changed: Notify::new() });
        let task = Task::spawn(watch(run, Rc::clone(&state), events));
        Self { state, _task: task }
    }

    /// `WATCHDOG=1`
    pub fn feed(&self) {
        self.state.fed.set(Instant::now());
    }

    /// `WATCHDOG_USEC=`: from now on it is this interval.
    pub fn set_interval(&self, interval: Duration) {
        self.state.interval.set(interval.min(LONGEST_INTERVAL));
        self.feed();
        self.state.changed.notify_one();
    }
}

/// `WATCHDOG=trigger`: the run says itself that it failed, whether anybody asked it to say so or not.
pub fn trigger(run: u64, events: &UnboundedSender<Event>) {
    let words = "it said WATCHDOG=trigger".to_owned();
    let _ = events.send(Event::Said(run, Said::Unhealthy(Ailment::Watchdog, words)));
}

async fn watch(run: u64, state: Rc<State>, events: UnboundedSender<Event>) {
    let is_late = |now: Instant| now >= state.fed.get() + state.interval.get();
    loop {
        tokio::select! {
            () = sleep_until(state.fed.get() + state.interval.get()) => {}
            () = state.changed.notified() => continue,
        }
        if !is_late(Instant::now()) {
            continue;
        }
        tokio::time::sleep(LAST_LOOK).await;
        if is_late(Instant::now()) {
            break;
        }
    }
    let silent = Instant::now().duration_since(state.fed.get());
    let words = format!("no WATCHDOG=1 for {} of {}", span(silent), span(state.interval.get()));
    let _ = events.send(Event::Said(run, Said::Unhealthy(Ailment::Watchdog, words)));
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc::{self, UnboundedReceiver};
    use tokio::task::LocalSet;

    use super::*;

    const TWO_SECONDS: Duration = Duration::from_secs(2);

    fn words(event: Option<Event>) -> String {
        match event {
            Some(Event::Said(7, Said::Unhealthy(Ailment::Watchdog, words))) => words,
            _ => panic!("run 7 is unhealthy"),
        }
    }

    async fn armed(test: impl AsyncFnOnce(Watchdog, &mut UnboundedReceiver<Event>)) {
        let (events, mut heard) = mpsc::unbounded_channel();
        LocalSet::new().run_until(async { test(Watchdog::arm(7, TWO_SECONDS, events), &mut heard).await }).await;
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_told_with_its_length() {
        armed(async |_watchdog, heard| {
            let begun = Instant::now();
            assert_eq!(words(heard.recv().await), "no WATCHDOG=1 for 2.1 s of 2 s");
            assert_eq!(begun.elapsed().as_millis(), 2100);
        })
        .await;
    }

    #[tokio::test(start_paused = true)]
    async fn who_speaks_in_time_is_left_alone() {
        armed(async |watchdog, heard| {
            for _ in 0..20 {
                tokio::time::sleep(Duration::from_millis(1900)).await;
                watchdog.feed();
            }
            assert!(heard.try_recv().is_err());
            let fed = Instant::now();
            words(heard.recv().await);
            assert_eq!(fed.elapsed().as_millis(), 2100);
        })
        .await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_word_that_is_heard_a_little_late_counts() {
        armed(async |watchdog, heard| {
            tokio::time::sleep(TWO_SECONDS + LAST_LOOK / 2).await;
            watchdog.feed();
            tokio::time::sleep(LAST_LOOK).await;
            assert!(heard.try_recv().is_err());
        })
        .await;
    }

    #[tokio::test(start_paused = true)]
    async fn the_interval_can_be_changed_both_ways() {
        armed(async |watchdog, heard| {
            watchdog.set_interval(Duration::from_secs(60));
            tokio::time::sleep(Duration::from_secs(59)).await;
            assert!(heard.try_recv().is_err());
            watchdog.set_interval(Duration::from_millis(500));
            let begun = Instant::now();
            assert_eq!(words(heard.recv().await), "no WATCHDOG=1 for 0.6 s of 0.5 s");
            assert_eq!(begun.elapsed().as_millis(), 600);
        })
        .await;
    }

    #[tokio::test(start_paused = true)]
    async fn an_endless_interval_is_only_very_long() {
        armed(async |watchdog, heard| {
            watchdog.set_interval(Duration::MAX);
            tokio::time::sleep(Duration::from_secs(3600)).await;
            assert!(heard.try_recv().is_err());
        })
        .await;
    }

    #[test]
    fn a_run_that_gives_itself_up_is_heard_at_once() {
        let (events, mut heard) = mpsc::unbounded_channel();
        trigger(7, &events);
        assert_eq!(words(heard.try_recv().ok()), "it said WATCHDOG=trigger");
    }
}
