//! Whether a day is behind: how much of the target should be drunk by now. Nobody is asked to drink at night, and the target
//! is to be reached some time before bed, because who drinks late has to get up and may fall.
//!
//! ```text
//!   target ┤            ┌────
//!          │         ╱
//!          │      ╱
//!        0 ┼───╱─────────────►
//!            wakes   last   sleeps
//! ```

/// Minutes of a day on the clock, whatever daylight saving does to it.
pub const MINUTES_A_DAY: u16 = 24 * 60;
/// The shortest waking day, in minutes.
const SHORTEST_DAY: u16 = 60;
/// How long before bed the target is to be reached, in minutes.
const DRY_BEFORE_BED: u16 = 120;
/// From which minute of the day on people are told that it is behind: before, there is time to catch up unasked.
const TOLD_FROM: u16 = 14 * 60;
/// How far below the curve is still on pace, as a part of the target: about a glass.
const TOLERANCE: f64 = 0.125;

/// From when to when somebody is usually awake, in minutes of their day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waking {
    pub wakes: u16,
    pub sleeps: u16,
}

impl Default for Waking {
    fn default() -> Self {
        Self { wakes: 7 * 60, sleeps: 22 * 60 }
    }
}

impl Waking {
    /// `None` unless they are awake for an hour at least, within one day.
    pub fn new(wakes: u16, sleeps: u16) -> Option<Self> {
        let is_long = sleeps <= MINUTES_A_DAY && sleeps.checked_sub(wakes)? >= SHORTEST_DAY;
        is_long.then_some(Self { wakes, sleeps })
    }

    /// The minute at which the target is to be reached; half the day at least is left to reach it.
    pub fn last(self) -> u16 {
        let awake = self.sleeps - self.wakes;
        self.sleeps - DRY_BEFORE_BED.min(awake / 2)
    }

    fn is_asleep(self, minute: u16) -> bool {
        minute < self.wakes || minute >= self.sleeps
    }
}

/// What of the day has been.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// The day is another one, which has not begun.
    Ahead,
    /// It is this minute of the day.
    Now(u16),
    /// The day is over.
    Over,
}

/// How a day goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is not time to drink: the day has not begun, or they sleep.
    Asleep,
    OnPace,
    /// Something should be drunk soon.
    Behind,
    /// The target is reached.
    Reached,
    /// The day is over, and the target was not reached.
    Missed,
}

impl State {
    pub fn name(self) -> &'static str {
        match self {
            Self::Asleep => "asleep",
            Self::OnPace => "on_pace",
            Self::Behind => "behind",
            Self::Reached => "reached",
            Self::Missed => "missed",
        }
    }
}

/// How a day goes, with what it should have come to by now and how much is missing to that, in millilitres.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    pub state: State,
    pub expected: f64,
    pub behind: f64,
}

/// How much of the target should be drunk by this minute of the day, in the target's unit.
pub fn expected(target: f64, waking: Waking, minute: u16) -> f64 {
    if minute <= waking.wakes {
        return 0.0;
    }
    let part = f64::from(minute - waking.wakes) / f64::from(waking.last() - waking.wakes);
    target * part.min(1.0)
}

/// How the day goes at this moment.
pub fn pace(drunk: f64, target: f64, waking: Waking, moment: Moment) -> Pace {
    let expected = match moment {
        Moment::Ahead => 0.0,
        Moment::Now(minute) => expected(target, waking, minute),
        Moment::Over => target,
    };
    let missing = (expected - drunk).max(0.0);
    let state = match moment {
        _ if drunk >= target => State::Reached,
        Moment::Over => State::Missed,
        Moment::Ahead => State::Asleep,
        Moment::Now(minute) if waking.is_asleep(minute) => State::Asleep,
        Moment::Now(_) if missing > target * TOLERANCE => State::Behind,
        Moment::Now(_) => State::OnPace,
    };
    Pace { state, expected, behind: if state == State::Behind { missing } else { 0.0 } }
}

/// From which minute on people are told that a day is behind if nothing more is drunk: from two in the afternoon, or from the
/// middle of a day that is elsewhere on the clock, until the target is to be reached. `None` if it does not fall behind by then.
pub fn behind_from(drunk: f64, target: f64, waking: Waking) -> Option<u16> {
    let (wakes, last) = (waking.wakes, waking.last());
    let first = if (wakes..last).contains(&TOLD_FROM) { TOLD_FROM } else { wakes + (last - wakes) / 2 };
    (first..last).find(|minute| pace(drunk, target, waking, Moment::Now(*minute)).state == State::Behind)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_day_is_behind_by_two_in_the_afternoon_and_nobody_is_asked_at_night() {
        let at = |drunk: f64, hour: u16| pace(drunk, 1_600.0, Waking::default(), Moment::Now(hour * 60)).state;
        // From 7 to 20 o'clock 1600 mL: 862 by two, 200 of which are let pass.
        for (drunk, hour, state) in [
            (0.0, 3, State::Asleep),
            (0.0, 7, State::OnPace),
            (0.0, 8, State::OnPace),
            (0.0, 9, State::Behind),
            (600.0, 14, State::Behind),
            (700.0, 14, State::OnPace),
            (700.0, 21, State::Behind),
            (700.0, 22, State::Asleep),
            (1_600.0, 10, State::Reached),
            (1_600.0, 23, State::Reached),
        ] {
            assert_eq!(at(drunk, hour), state, "{drunk} mL at {hour}");
        }
        let two = pace(600.0, 1_600.0, Waking::default(), Moment::Now(14 * 60));
        assert_eq!((two.expected.round(), two.behind.round()), (862.0, 262.0));
    }

    #[test]
    fn people_are_told_from_two_on_or_later_and_not_towards_bedtime() {
        let night = Waking::new(0, 8 * 60).unwrap();
        for (drunk, waking, told) in [
            (0.0, Waking::default(), Some(14 * 60)),
            (600.0, Waking::default(), Some(14 * 60)),
            // 1000 mL by eight past three, 200 of which are let pass; 1600 by eight.
            (800.0, Waking::default(), Some(15 * 60 + 8)),
            (1_400.0, Waking::default(), None),
            (1_600.0, Waking::default(), None),
            (0.0, night, Some(3 * 60)),
        ] {
            assert_eq!(behind_from(drunk, 1_600.0, waking), told, "{drunk} mL");
        }
    }

    #[test]
    fn a_day_that_is_over_or_ahead_asks_for_nothing() {
        let waking = Waking::default();
        assert_eq!(pace(900.0, 1_600.0, waking, Moment::Over).state, State::Missed);
        assert_eq!(pace(1_700.0, 1_600.0, waking, Moment::Over).state, State::Reached);
        let ahead = pace(0.0, 1_600.0, waking, Moment::Ahead);
        assert_eq!((ahead.state, ahead.behind), (State::Asleep, 0.0));
    }

    #[test]
    fn a_waking_day_is_an_hour_at_least() {
        assert!(Waking::new(420, 480).is_some() && Waking::new(0, MINUTES_A_DAY).is_some());
        for (wakes, sleeps) in [(420, 479), (1_320, 420), (420, MINUTES_A_DAY + 1)] {
            assert_eq!(Waking::new(wakes, sleeps), None);
        }
    }

    fn waking() -> impl Strategy<Value = Waking> {
        (0..=MINUTES_A_DAY - SHORTEST_DAY)
            .prop_flat_map(|wakes| (Just(wakes), wakes + SHORTEST_DAY..=MINUTES_A_DAY))
            .prop_map(|(wakes, sleeps)| Waking { wakes, sleeps })
    }

    proptest! {
        #[test]
        fn the_curve_only_rises_from_nothing_to_the_target(waking in waking(), target in 1.0..5_000.0_f64) {
            let curve: Vec<_> = (0..MINUTES_A_DAY).map(|minute| expected(target, waking, minute)).collect();
            prop_assert!(curve.windows(2).all(|pair| pair[0] <= pair[1]));
            prop_assert_eq!(curve[usize::from(waking.wakes)], 0.0);
            prop_assert_eq!(expected(target, waking, waking.sleeps), target);
        }

        #[test]
        fn nobody_is_behind_at_night_and_another_glass_never_puts_a_day_behind(
            waking in waking(), target in 1.0..5_000.0_f64, drunk in 0.0..6_000.0_f64, more in 0.0..500.0_f64,
            minute in 0..MINUTES_A_DAY,
        ) {
            let now = pace(drunk, target, waking, Moment::Now(minute));
            if waking.is_asleep(minute) {
                prop_assert_ne!(now.state, State::Behind);
            }
            let then = pace(drunk + more, target, waking, Moment::Now(minute));
            prop_assert!(then.behind <= now.behind);
            prop_assert!((now.behind > 0.0) == (now.state == State::Behind));
        }
    }
}
