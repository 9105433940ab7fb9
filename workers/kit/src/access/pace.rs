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
        let (mut pace, start) = (Pace::default(), Instant::now());
        for number in 0..5000_u32 {
            assert!(pace.admits("calm", start + number * Duration::from_millis(2)));
        }
        let admitted = (0..10_000).filter(|_| pace.admits("flood", start)).count();
        assert_eq!(admitted, 2000);
        assert!(pace.admits("flood", start + Duration::from_millis(1)) && pace.admits("other", start));
    }
}
