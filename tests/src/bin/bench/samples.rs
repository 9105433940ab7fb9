//! Measured times.

use std::time::Duration;

/// Times of one kind, in milliseconds.
#[derive(Clone, Debug, Default)]
pub struct Samples(Vec<f64>);

impl Samples {
    pub fn add(&mut self, took: Duration) {
        let place = self.0.partition_point(|known| *known < took.as_secs_f64() * 1e3);
        self.0.insert(place, took.as_secs_f64() * 1e3);
    }

    pub fn median(&self) -> f64 {
        self.at(5)
    }

    pub fn p90(&self) -> f64 {
        self.at(9)
    }

    pub fn max(&self) -> f64 {
        self.at(10)
    }

    /// In order, after so many tenths.
    fn at(&self, tenths: usize) -> f64 {
        let last = self.0.len().saturating_sub(1);
        self.0.get((self.0.len() * tenths / 10).min(last)).copied().unwrap_or(f64::NAN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_ranked_however_they_come() {
        let mut samples = Samples::default();
        [9, 1, 5, 3, 7].into_iter().for_each(|ms| samples.add(Duration::from_millis(ms)));
        assert_eq!((samples.median(), samples.max()), (5.0, 9.0));
    }
}
