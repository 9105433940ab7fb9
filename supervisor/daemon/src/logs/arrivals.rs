//! When the bytes that wait came. Most lines are written at once; those that waited for a full disk say when they came.

use std::collections::VecDeque;

use jiff::Timestamp;

/// So many moments are kept; of more the oldest are forgotten, and lines from then get the time of the next.
const MOST: usize = 1024;

/// Up to which place in the stream it had come at which time.
#[derive(Default)]
pub struct Arrivals(VecDeque<(u64, Timestamp)>);

impl Arrivals {
    pub fn came(&mut self, end: u64, at: Timestamp) {
        if self.0.len() == MOST {
            self.0.pop_front();
        }
        self.0.push_back((end, at));
    }

    /// When the bytes before this place were there; now, if that is not known.
    pub fn of(&self, end: u64) -> Timestamp {
        let at = self.0.partition_point(|(known, _)| *known < end);
        self.0.get(at).map_or_else(Timestamp::now, |(_, at)| *at)
    }

    /// Nobody asks for what was before this place any more.
    pub fn pass(&mut self, position: u64) {
        while self.0.front().is_some_and(|(end, _)| *end <= position) {
            self.0.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_came_with_its_last_byte() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut arrivals = Arrivals::default();
        arrivals.came(10, at(1));
        arrivals.came(20, at(2));
        assert_eq!([1, 10, 11, 20].map(|end| arrivals.of(end)), [at(1), at(1), at(2), at(2)]);
        assert!(arrivals.of(21) > at(2), "not known");
        arrivals.pass(10);
        assert_eq!((arrivals.of(5), arrivals.0.len()), (at(2), 1));
        (0..2 * MOST as u64).for_each(|more| arrivals.came(30 + more, at(3)));
        assert_eq!(arrivals.0.len(), MOST);
    }
}
