//! How long to wait before the next try.

use std::time::Duration;

use crate::Policy;

/// Delays stop growing here. One that was asked for may be longer.
pub const LONGEST_BACKOFF: Duration = Duration::from_secs(15);
/// How much longer each delay is than the one before.
const GROWTH: f64 = 1.5;
/// Beyond this, even a nanosecond has grown past every limit; and the power stays finite.
const MOST_STEPS: u32 = 100;

/// The delay after `short_runs` failed runs in a row that were shorter than `min_uptime`; none after a long one.
pub(crate) fn delay(policy: &Policy, short_runs: u32) -> Duration {
    let Some(steps) = short_runs.checked_sub(1) else { return Duration::ZERO };
    if !policy.backoff || policy.restart_delay >= LONGEST_BACKOFF {
        return policy.restart_delay;
    }
    let steps = i32::try_from(steps.min(MOST_STEPS)).unwrap_or(i32::MAX);
    let seconds = policy.restart_delay.as_secs_f64() * GROWTH.powi(steps);
    Duration::from_secs_f64(seconds.min(LONGEST_BACKOFF.as_secs_f64()))
}
