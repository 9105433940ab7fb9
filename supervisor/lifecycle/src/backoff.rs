//! How long to wait before the next try.

use std::time::Duration;

use crate::Policy;

/// Delays stop growing here. One that was asked for may be longer.
pub const LONGEST_BACKOFF: Duration = Duration::from_secs(15);

/// The delay after `short_runs` failed runs in a row that were shorter than `min_uptime`; none after a long one.
pub(crate) fn delay(policy: &Policy, short_runs: u32) -> Duration {
    if short_runs == 0 {
        return Duration::ZERO;
    }
    let mut delay = policy.restart_delay;
    if !policy.backoff {
        return delay;
    }
    let longest = delay.max(LONGEST_BACKOFF);
    for _ in 1..short_runs {
        let grown = delay.saturating_add(delay / 2).min(longest);
        if grown == delay {
            break; // At the limit, or too small to grow.
        }
        delay = grown;
    }
    delay
}
