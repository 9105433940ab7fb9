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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn policy(restart_delay: Duration, backoff: bool) -> Policy {
        Policy { restart_delay, backoff, ..Policy::default() }
    }

    proptest! {
        #[test]
        fn a_delay_is_never_under_the_first_nor_over_the_longest(first: Duration, backoff: bool, short_runs in 1u32..) {
            let delay = delay(&policy(first, backoff), short_runs);
            prop_assert!(delay >= first);
            prop_assert!(delay <= first.max(LONGEST_BACKOFF));
        }

        #[test]
        fn delays_never_shrink_and_grow_by_no_more_than_half(first_ms in 0u64..20_000, short_runs in 1u32..100) {
            let policy = policy(Duration::from_millis(first_ms), true);
            let (one, next) = (delay(&policy, short_runs), delay(&policy, short_runs + 1));
            prop_assert!(one <= next && next <= one * 3 / 2);
            prop_assert!(one < next || next.is_zero() || next >= LONGEST_BACKOFF);
        }

        #[test]
        fn without_backoff_a_delay_is_what_was_asked_for(first: Duration, short_runs in 1u32..) {
            prop_assert_eq!(delay(&policy(first, false), short_runs), first);
        }

        #[test]
        fn after_a_long_run_there_is_no_delay(first: Duration, backoff: bool) {
            prop_assert_eq!(delay(&policy(first, backoff), 0), Duration::ZERO);
        }
    }
}
