//! When what failed is tried again: soon at first, then ever more slowly, as long as there is something to write.

use std::time::Duration;

const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// On a full disk somebody has to make room first; who did wants to see it in time.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Told the time, which is the machine's since it began.
#[derive(Debug, Default)]
pub struct Retry {
    at: Option<Duration>,
    pause: Duration,
}

impl Retry {
    /// Whether it is worth trying.
    pub fn is_due(&self, now: Duration) -> bool {
        self.at.is_none_or(|at| at <= now)
    }

    pub const fn at(&self) -> Option<Duration> {
        self.at
    }

    pub fn failed(&mut self, now: Duration) {
        self.pause = (self.pause * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE);
        self.at = Some(now + self.pause);
    }

    /// Whether that had failed before.
    pub fn worked(&mut self) -> bool {
        std::mem::take(self).at.is_some()
    }

    /// Something has changed: it may work now.
    pub const fn at_once(&mut self) {
        if self.at.is_some() {
            self.at = Some(Duration::ZERO);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit_and_begin_anew_when_it_worked() {
        let ms = Duration::from_millis;
        let mut retry = Retry::default();
        assert!(retry.is_due(ms(0)) && !retry.worked());
        for pause in [100, 200, 400, 800, 1600, 3200, 5000, 5000] {
            retry.failed(ms(7));
            assert_eq!(retry.at(), Some(ms(7 + pause)));
            assert!(!retry.is_due(ms(6 + pause)) && retry.is_due(ms(7 + pause)));
        }
        retry.at_once();
        assert!(retry.is_due(ms(0)) && retry.worked() && retry.at().is_none());
        retry.failed(ms(0));
        assert_eq!(retry.at(), Some(ms(100)));
    }
}
