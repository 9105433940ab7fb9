//! What is usual for a person: the median of the last weeks and the spread around it. Both are robust: a few wild values
//! change neither.

use serde::Serialize;

/// How many of the resident's days count, up to yesterday: today is what is compared.
pub const DAYS: i32 = 28;
/// Fewer days with a reading than this say nothing of what is usual.
pub const LEAST_DAYS: usize = 7;
/// Beyond so many spreads a value is unusual (the modified z-score of Iglewicz and Hoaglin, 1993).
pub const UNUSUAL_BEYOND: f64 = 3.5;
/// What makes the median absolute deviation comparable with a standard deviation.
const MAD_TO_SPREAD: f64 = 1.4826;
/// The same for the mean absolute deviation, which counts where most days are the same (Iglewicz and Hoaglin, 1993).
const MEAN_TO_SPREAD: f64 = 1.2533;

/// What is usual.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Baseline {
    pub median: f64,
    /// The median absolute deviation.
    pub mad: f64,
    /// The same as a standard deviation would be, were the values normally distributed. Where more than half of the days are
    /// the same, which says nothing of the others, it is that of the mean absolute deviation.
    pub spread: f64,
    /// How many days it rests on.
    pub days: usize,
}

/// How far a value is from what is usual.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Deviation {
    pub difference: f64,
    /// In spreads; `None` if all days were the same.
    pub spreads: Option<f64>,
    /// `None` if all days were the same and this one is not: how much is usual is not known then.
    pub is_unusual: Option<bool>,
}

impl Baseline {
    /// Of one value a day, in any order; `None` if there are fewer than [`LEAST_DAYS`].
    pub fn of(days: &[f64]) -> Option<Self> {
        if days.len() < LEAST_DAYS {
            return None;
        }
        let median = median_of(days)?;
        let distances: Vec<_> = days.iter().map(|value| (value - median).abs()).collect();
        let mad = median_of(&distances)?;
        let mean = distances.iter().sum::<f64>() / distances.len() as f64;
        let spread = if mad > 0.0 { mad * MAD_TO_SPREAD } else { mean * MEAN_TO_SPREAD };
        Some(Self { median, mad, spread, days: days.len() })
    }

    pub fn deviation(&self, value: f64) -> Deviation {
        let difference = value - self.median;
        let spreads = (self.spread > 0.0).then(|| difference / self.spread);
        let is_unusual = match spreads {
            Some(spreads) => Some(spreads.abs() > UNUSUAL_BEYOND),
            None => (difference == 0.0).then_some(false),
        };
        Deviation { difference, spreads, is_unusual }
    }
}

fn median_of(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    Some(if sorted.len() % 2 == 1 { upper } else { f64::midpoint(*sorted.get(middle - 1)?, upper) })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn median_and_spread_of_a_few_weeks() {
        let days = [60.0, 62.0, 61.0, 63.0, 59.0, 61.0, 200.0, 60.0];
        let baseline = Baseline::of(&days).unwrap();
        assert_eq!((baseline.median, baseline.mad, baseline.days), (61.0, 1.0, 8));
        assert_eq!(baseline.deviation(67.0).is_unusual, Some(true));
        assert_eq!(baseline.deviation(64.0).is_unusual, Some(false));
        assert_eq!(baseline.deviation(58.0).difference, -3.0);
    }

    #[test]
    fn too_few_days_say_nothing_and_days_that_are_all_the_same_have_no_spread() {
        assert_eq!(Baseline::of(&[70.0; LEAST_DAYS - 1]), None);
        let same = Baseline::of(&[70.0; LEAST_DAYS]).unwrap();
        assert_eq!(same.deviation(71.0), Deviation { difference: 1.0, spreads: None, is_unusual: None });
        assert_eq!(same.deviation(70.0).is_unusual, Some(false));
    }

    #[test]
    fn where_most_days_are_the_same_the_others_say_how_much_is_usual() {
        let days = [97.0, 97.0, 97.0, 97.0, 97.0, 97.0, 96.0, 98.0, 97.0, 97.0];
        let baseline = Baseline::of(&days).unwrap();
        assert_eq!((baseline.median, baseline.mad), (97.0, 0.0));
        assert!((baseline.spread - 0.2 * MEAN_TO_SPREAD).abs() < 1e-9);
        assert_eq!(baseline.deviation(85.0).is_unusual, Some(true));
        assert_eq!(baseline.deviation(97.5).is_unusual, Some(false));
    }

    proptest! {
        #[test]
        fn wild_days_in_the_minority_do_not_carry_it_away(
            usual in prop::collection::vec(60.0_f64..70.0, 15..28), wild in prop::collection::vec(0.0_f64..500.0, 0..7),
        ) {
            let all: Vec<_> = usual.iter().chain(&wild).copied().collect();
            let baseline = Baseline::of(&all).unwrap();
            prop_assert!((60.0..=70.0).contains(&baseline.median));
            prop_assert!(baseline.mad <= 10.0);
        }
    }
}
