//! How many requests a device may make: far more than one needs, and not so many that the others wait. Pure: told the time.

use std::{collections::HashMap, time::Instant};

/// Requests a second that a device may make for any time.
pub const REQUESTS_A_SECOND: f64 = 1000.0;
/// Requests that it may make at once.
pub const AT_ONCE: f64 = 2000.0;
/// Devices that are remembered, more than there can be; a new count begins when there are more.
const MOST_REMEMBERED: usize = 4 * super::MOST_DEVICES;

#[derive(Debug, Default)]
pub(super) struct Pace(HashMap<String, (f64, Instant)>);

impl Pace {
    /// Whether this request may go on.
    pub fn admits(&mut self, device: &str, now: Instant) -> bool {
        if self.0.len() >= MOST_REMEMBERED {
            self.0.clear();
        }
        let Some((left, since)) = self.0.get_mut(device) else {
            self.0.insert(device.to_owned(), (AT_ONCE - 1.0, now));
            return true;
        };
        let gained = now.saturating_duration_since(*since).as_secs_f64() * REQUESTS_A_SECOND;
        *left = (*left + gained).min(AT_ONCE);
        *since = now;
        let admits = *left >= 1.0;
        if admits {
            *left -= 1.0;
        }
        admits
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_device_may_make_500_requests_a_second_for_ever_and_a_flood_is_held_back() {
        let start = Instant::now();
        // However they are spread over each second: one by one, in bursts, or all at its beginning or end.
        for (burst, every) in [(1_u32, 2_u32), (10, 20), (50, 100), (125, 250), (500, 1000), (1000, 2000)] {
            for phase in [0, 1, every - 1] {
                let mut pace = Pace::default();
                for number in 0..20_000 / every {
                    let now = start + Duration::from_millis(u64::from(number * every + phase));
                    assert!((0..burst).all(|_| pace.admits("calm", now)), "{burst} every {every} ms, number {number}");
                }
            }
        }
        let mut pace = Pace::default();
        let admitted = (0..10_000).filter(|_| pace.admits("flood", start)).count();
        assert_eq!(admitted, 2000);
        assert!(pace.admits("flood", start + Duration::from_millis(1)) && pace.admits("other", start));
    }

    proptest::proptest! {
        /// Whatever the times are: never more than what is had at once and what was gained since, and never fewer than asked while
        /// that is less.
        #[test]
        fn what_is_admitted_is_what_the_rate_gives(pauses in proptest::collection::vec((0..3000_u32, 1..3000_u32), 1..10)) {
            let (mut pace, mut now, mut left) = (Pace::default(), Instant::now(), AT_ONCE);
            for (pause, requests) in pauses {
                now += Duration::from_millis(pause.into());
                left = (left + f64::from(pause) / 1000.0 * REQUESTS_A_SECOND).min(AT_ONCE);
                let admitted = (0..requests).filter(|_| pace.admits("device", now)).count();
                let expected = f64::from(requests).min(left.floor());
                // A thousandth of a second is one request, which may be rounded away.
                proptest::prop_assert!((admitted as f64 - expected).abs() <= 1.0, "{admitted} of {requests}, {left} left");
                left = (left - admitted as f64).max(0.0);
            }
        }
    }
}
