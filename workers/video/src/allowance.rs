//! How fast one client may talk: a burst for the candidates of a call, then a steady trickle.

use std::time::{Duration, Instant};

/// Messages that may come at once. A call's offer brings some tens of candidates.
pub const BURST: u32 = 200;
/// How often one more is allowed.
pub const REFILL_EVERY: Duration = Duration::from_millis(20);

/// What one client has left. Told the time, never reads it.
#[derive(Debug)]
pub struct Allowance {
    left: u32,
    counted_at: Instant,
}

impl Allowance {
    /// A full one.
    pub fn new(now: Instant) -> Self {
        Self { left: BURST, counted_at: now }
    }

    /// Takes one; `false` if there is none.
    pub fn take(&mut self, now: Instant) -> bool {
        let elapsed = now.saturating_duration_since(self.counted_at);
        let refill = u32::try_from(elapsed.as_nanos() / REFILL_EVERY.as_nanos()).unwrap_or(u32::MAX);
        if refill > 0 {
            self.left = self.left.saturating_add(refill).min(BURST);
            // What is left of the last interval counts for the next.
            self.counted_at += REFILL_EVERY.saturating_mul(refill).min(elapsed);
        }
        let allowed = self.left > 0;
        self.left = self.left.saturating_sub(1);
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_allowed_and_then_a_trickle() {
        let start = Instant::now();
        let mut allowance = Allowance::new(start);
        assert_eq!((0..BURST + 5).filter(|_| allowance.take(start)).count(), BURST as usize);
        assert!(!allowance.take(start + REFILL_EVERY / 2));
        assert!(allowance.take(start + REFILL_EVERY), "one more after the interval");
        assert!(!allowance.take(start + REFILL_EVERY), "and only one");
    }

    #[test]
    fn silence_fills_it_up_and_no_further() {
        let start = Instant::now();
        let mut allowance = Allowance::new(start);
        while allowance.take(start) {}
        let later = start + Duration::from_secs(3600);
        assert_eq!((0..BURST + 5).filter(|_| allowance.take(later)).count(), BURST as usize);
    }

    #[test]
    fn a_slow_talker_is_never_refused() {
        let start = Instant::now();
        let mut allowance = Allowance::new(start);
        assert!((0..BURST * 10).all(|n| allowance.take(start + REFILL_EVERY * n)));
    }
}
