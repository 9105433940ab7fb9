//! Brings the lines of many logs into the order of time. Within a log the order is always the file's.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// What can be put in order.
pub trait Ordered {
    /// Where it belongs.
    fn order(&self) -> i64;
}

/// The next line of each stream, the earliest first; of several at one time, that of the first stream.
pub struct Merge<T> {
    heads: Vec<Option<T>>,
    order: BinaryHeap<Reverse<(i64, usize)>>,
}

impl<T> Default for Merge<T> {
    fn default() -> Self {
        Self { heads: Vec::new(), order: BinaryHeap::new() }
    }
}

impl<T: Ordered> Merge<T> {
    /// Whether nothing of the stream waits to be taken.
    pub fn lacks(&self, stream: usize) -> bool {
        self.heads.get(stream).is_none_or(Option::is_none)
    }

    /// The next of a stream that lacked one.
    pub fn put(&mut self, stream: usize, next: T) {
        if self.heads.len() <= stream {
            self.heads.resize_with(stream + 1, || None);
        }
        self.order.push(Reverse((next.order(), stream)));
        self.heads[stream] = Some(next);
    }

    /// The earliest of all, and of which stream it is.
    pub fn take(&mut self) -> Option<(usize, T)> {
        let Reverse((_, stream)) = self.order.pop()?;
        let next = self.heads[stream].take()?;
        Some((stream, next))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    struct Item {
        at: i64,
        stream: usize,
        place: usize,
    }

    impl Ordered for Item {
        fn order(&self) -> i64 {
            self.at
        }
    }

    fn merged(streams: &[Vec<Item>]) -> Vec<Item> {
        let mut merge = Merge::default();
        let mut rest: Vec<_> = streams.iter().map(|stream| stream.iter().copied()).collect();
        for (number, stream) in rest.iter_mut().enumerate() {
            if let Some(item) = stream.next() {
                merge.put(number, item);
            }
        }
        let mut all = Vec::new();
        while let Some((number, item)) = merge.take() {
            all.push(item);
            if let Some(next) = rest[number].next() {
                merge.put(number, next);
            }
        }
        all
    }

    proptest! {
        #[test]
        fn nothing_is_lost_or_doubled_and_time_does_not_go_back(
            times in proptest::collection::vec(proptest::collection::vec(0_i64..20, 0..20), 0..6)
        ) {
            let streams: Vec<Vec<Item>> = times.into_iter().enumerate().map(|(stream, mut times)| {
                times.sort_unstable();
                times.into_iter().enumerate().map(|(place, at)| Item { at, stream, place }).collect()
            }).collect();
            // A stable sort of the streams one after the other is the same, slowly.
            let mut expected: Vec<Item> = streams.iter().flatten().copied().collect();
            expected.sort_by_key(|item| item.at);
            prop_assert_eq!(merged(&streams), expected);
        }
    }
}
