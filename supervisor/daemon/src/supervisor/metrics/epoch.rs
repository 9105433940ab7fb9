//! When the machine started, as a time of day: to that, moments are added. Asked for at every scrape, and the same until somebody sets the clock: the
//! start of a process is not to wander because two clocks were read one after the other.

use std::time::Duration;

use crate::clock;

/// Less than this is the time that reading takes, and no clock that was set.
const TOLERANCE_MS: i64 = 20;

/// Milliseconds since 1970 at which [`clock::now`] was 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Epoch(Option<i64>);

impl Epoch {
    /// Looks at both clocks.
    pub fn refresh(&mut self) {
        self.note(clock::wall().as_millisecond() - milliseconds(clock::now()));
    }

    fn note(&mut self, seen: i64) {
        if self.0.is_none_or(|known| (known - seen).abs() > TOLERANCE_MS) {
            self.0 = Some(seen);
        }
    }

    /// A moment of [`clock::now`], in seconds since 1970.
    pub fn seconds(self, moment: Duration) -> f64 {
        (self.0.unwrap_or(0) + milliseconds(moment)) as f64 / 1000.0
    }
}

fn milliseconds(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_wanders_only_with_a_clock_that_is_set() {
        let mut epoch = Epoch::default();
        let moment = Duration::from_millis(1500);
        for (seen, expected) in [(1_000_000, 1001.5), (1_000_003, 1001.5), (999_990, 1001.5), (1_060_000, 1061.5)] {
            epoch.note(seen);
            assert!((epoch.seconds(moment) - expected).abs() < 1e-9, "{seen}");
        }
    }
}
