//! What happens later, in the model's own time.

use std::time::{Duration, Instant};

use super::Model;

pub(super) struct Timer {
    at: Instant,
    /// Orders timers of the same instant as they were made.
    number: u64,
    run: Box<dyn FnOnce(&mut Model) + Send>,
}

impl Model {
    /// Runs something on the model after a while.
    pub fn after(&mut self, delay: Duration, run: impl FnOnce(&mut Model) + Send + 'static) {
        self.timers_made += 1;
        self.timers.push(Timer { at: self.now + delay, number: self.timers_made, run: Box::new(run) });
    }

    /// When [`Model::advance`] is due next.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        self.timers.iter().map(|timer| timer.at).min()
    }

    /// It is now this late: runs what is due, in order.
    pub fn advance(&mut self, now: Instant) {
        self.now = now;
        while let Some(timer) = self.take_due(now) {
            (timer.run)(self);
        }
    }

    fn take_due(&mut self, now: Instant) -> Option<Timer> {
        let due = self.timers.iter().enumerate().filter(|(_, timer)| timer.at <= now);
        let (place, _) = due.min_by_key(|(_, timer)| (timer.at, timer.number))?;
        Some(self.timers.remove(place))
    }
}
