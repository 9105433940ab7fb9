//! How often a PIN may be guessed: wrong ones in a row, and how long nobody may try after them. Pure: told the time.

use jiff::{SignedDuration, Timestamp};

/// Wrong PINs in a row on a device before it has to wait.
pub const MOST_WRONG: u32 = 5;
/// Wrong PINs in a row for a resident, on all of their devices.
pub const MOST_WRONG_OF_RESIDENT: u32 = 10;
/// How long the first wait is. Each wrong PIN after it doubles that.
pub const SHORTEST_PAUSE: SignedDuration = SignedDuration::from_mins(1);
/// The longest wait.
pub const LONGEST_PAUSE: SignedDuration = SignedDuration::from_hours(1);

/// Wrong PINs in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tries {
    pub wrong: u32,
    pub latest: Timestamp,
}

impl Tries {
    /// How long nobody may try after so many.
    fn pause(self, most: u32) -> SignedDuration {
        let Some(doubled) = self.wrong.checked_sub(most) else { return SignedDuration::ZERO };
        let longer = 1_i32.checked_shl(doubled).filter(|factor| *factor > 0);
        longer
            .and_then(|factor| SHORTEST_PAUSE.checked_mul(factor))
            .map_or(LONGEST_PAUSE, |pause| pause.min(LONGEST_PAUSE))
    }

    /// How long nobody may try yet; `None` if somebody may. Never longer than the pause: a clock that was set back is no reason
    /// to wait for months.
    #[must_use]
    pub fn left(self, most: u32, now: Timestamp) -> Option<SignedDuration> {
        let pause = self.pause(most);
        let left = (pause - now.duration_since(self.latest)).min(pause);
        left.is_positive().then_some(left)
    }

    /// As it counts from now on: what is in the future was kept before the clock was set back, and counts as just now.
    #[must_use]
    pub fn seen_at(self, now: Timestamp) -> Self {
        Self { latest: self.latest.min(now), ..self }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_925_000_000 + second).unwrap()
    }

    #[test]
    fn waits_double_from_a_minute_to_an_hour() {
        let waits =
            [(0, 0), (4, 0), (5, 60), (6, 120), (7, 240), (8, 480), (9, 960), (10, 1920), (11, 3600), (40, 3600)];
        for (wrong, seconds) in waits {
            let left = Tries { wrong, latest: at(0) }.left(5, at(0));
            assert_eq!(left, (seconds > 0).then_some(SignedDuration::from_secs(seconds)), "{wrong}");
        }
        assert_eq!(Tries { wrong: u32::MAX, latest: at(0) }.left(5, at(3599)), Some(SignedDuration::from_secs(1)));
        assert_eq!(Tries { wrong: u32::MAX, latest: at(0) }.left(5, at(3600)), None);
    }

    proptest! {
        #[test]
        fn nobody_waits_longer_than_an_hour_whatever_the_clock_does(wrong: u32, most in 1_u32..20, now in -100_000_i64..100_000) {
            let tries = Tries { wrong, latest: at(0) };
            let left = tries.left(most, at(now));
            prop_assert!(left.is_none_or(|left| left <= LONGEST_PAUSE));
            prop_assert!(left.is_none() || wrong >= most);
            let seen = tries.seen_at(at(now));
            prop_assert!(seen.latest <= at(now) && seen.left(most, at(now) + LONGEST_PAUSE).is_none());
        }
    }
}
