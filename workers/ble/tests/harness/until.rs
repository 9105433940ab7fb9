//! A value that threads change and a test waits on.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Instant;

use super::DEADLINE;

pub struct Shared<T>(Arc<(Mutex<T>, Condvar)>);

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Shared<T> {
    pub fn new(value: T) -> Self {
        Self(Arc::new((Mutex::new(value), Condvar::new())))
    }

    pub fn change<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        let result = change(&mut self.0.0.lock().unwrap());
        self.0.1.notify_all();
        result
    }

    /// Waits until a look finds something, asked at every change.
    pub fn wait<R>(&self, mut look: impl FnMut(&T) -> Option<R>) -> Option<R> {
        let until = Instant::now() + DEADLINE;
        let mut value = self.0.0.lock().unwrap();
        loop {
            if let Some(found) = look(&value) {
                return Some(found);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            value = self.0.1.wait_timeout(value, left).unwrap().0;
        }
    }
}

/// Polls, because existing clients' answers are all there is to see here.
#[track_caller]
pub fn wait_for(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < DEADLINE, "never so: {what}");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}
