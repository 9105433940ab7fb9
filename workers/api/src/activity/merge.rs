//! What several sources counted comes to: not their sum, which doubles the steps of a phone and a watch, nor the highest,
//! which forgets what was done while only the other one was worn.
//!
//! ```text
//!   phone  ├────── 600 ──────┤            where only one counted, its count, pro rata
//!   watch          ├────── 900 ──────┤    where several did, the one that counted most there
//!          ├ 300 ──┼── 450 ──┼─ 450 ─┤    = 1200
//! ```
//!
//! The better source of an overlap is the one that counted more in all of it: counters miss a slow gait and lie on tables,
//! they hardly invent anything. So what it comes to is never less than any one source says, and never more than all of them.

use std::collections::BTreeMap;

/// What a source counted from one instant to another, in milliseconds. Evenly, as far as anybody knows.
#[derive(Clone, Debug, PartialEq)]
pub struct Interval<'a> {
    pub source: &'a str,
    pub from: i64,
    /// Not included.
    pub until: i64,
    pub count: f64,
}

/// What it comes to, and what each source has to do with that.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Merged<'a> {
    pub total: f64,
    pub by_source: BTreeMap<&'a str, f64>,
}

/// Merges what was counted from `from` until `until`; what reaches beyond counts pro rata. Intervals without length are
/// nothing. Of one source's own that overlap, the denser one counts: it told the same again.
pub fn merge<'a>(intervals: &[Interval<'a>], from: i64, until: i64) -> Merged<'a> {
    let within: Vec<_> = intervals.iter().filter_map(|interval| cut(interval, from, until)).collect();
    let mut bounds: Vec<i64> = within.iter().flat_map(|interval| [interval.from, interval.until]).collect();
    bounds.sort_unstable();
    bounds.dedup();
    let counts = by_stretch(&within, &bounds);
    let mut merged = Merged::default();
    let mut overlap: BTreeMap<&str, f64> = BTreeMap::new();
    for stretch in 0..bounds.len().saturating_sub(1) {
        let here = counts.iter().filter_map(|(source, counts)| Some((*source, counts[stretch]?)));
        let here: Vec<_> = here.collect();
        if here.len() > 1 {
            here.into_iter().for_each(|(source, count)| *overlap.entry(source).or_default() += count);
            continue;
        }
        merged.settle(&mut overlap);
        here.into_iter().for_each(|(source, count)| merged.add(source, count));
    }
    merged.settle(&mut overlap);
    merged
}

impl<'a> Merged<'a> {
    fn add(&mut self, source: &'a str, count: f64) {
        self.total += count;
        *self.by_source.entry(source).or_default() += count;
    }

    /// An overlap is over: whoever counted most in it counts; of equals the first by name.
    fn settle(&mut self, overlap: &mut BTreeMap<&'a str, f64>) {
        let best = overlap.iter().fold(None, |best: Option<(&'a str, f64)>, (source, count)| match best {
            Some((_, most)) if most >= *count => best,
            Some(_) | None => Some((source, *count)),
        });
        if let Some((source, count)) = best {
            self.add(source, count);
        }
        overlap.clear();
    }
}

/// The part of it within the span, if there is one.
fn cut<'a>(interval: &Interval<'a>, from: i64, until: i64) -> Option<Interval<'a>> {
    let (begin, end) = (interval.from.max(from), interval.until.min(until));
    let part = (end > begin).then(|| length(begin, end) / length(interval.from, interval.until))?;
    Some(Interval { source: interval.source, from: begin, until: end, count: interval.count * part })
}

/// What each source counted in each stretch between two bounds; `None` where it did not count.
fn by_stretch<'a>(intervals: &[Interval<'a>], bounds: &[i64]) -> BTreeMap<&'a str, Vec<Option<f64>>> {
    let mut counts: BTreeMap<&str, Vec<Option<f64>>> = BTreeMap::new();
    for interval in intervals {
        let of_source = counts.entry(interval.source).or_insert_with(|| vec![None; bounds.len()]);
        let first = bounds.partition_point(|bound| *bound < interval.from);
        for (stretch, pair) in
            bounds.windows(2).enumerate().skip(first).take_while(|(_, pair)| pair[0] < interval.until)
        {
            let count = interval.count * length(pair[0], pair[1]) / length(interval.from, interval.until);
            let known = &mut of_source[stretch];
            *known = Some(known.map_or(count, |known| known.max(count)));
        }
    }
    counts
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds between two instants of a few days")]
fn length(from: i64, until: i64) -> f64 {
    (until - from) as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DAY: i64 = 1_000;

    fn interval(source: &'static str, from: i64, until: i64, count: f64) -> Interval<'static> {
        Interval { source, from, until, count }
    }

    fn total(intervals: &[Interval<'_>]) -> f64 {
        merge(intervals, 0, DAY).total
    }

    #[test]
    fn where_two_counted_the_better_one_counts_and_elsewhere_each() {
        let phone = interval("phone", 0, 100, 600.0);
        let watch = interval("watch", 50, 150, 900.0);
        let merged = merge(&[phone.clone(), watch.clone()], 0, DAY);
        assert_eq!((merged.total, &merged.by_source["phone"], &merged.by_source["watch"]), (1_200.0, &300.0, &900.0));
        assert_eq!(total(&[phone.clone(), interval("watch", 100, 200, 900.0)]), 1_500.0, "no overlap: the sum");
        assert_eq!(total(&[phone.clone(), interval("watch", 0, 100, 500.0)]), 600.0, "the same time: the better one");
        assert_eq!(total(&[phone.clone(), phone]), 600.0, "told twice");
        assert_eq!(total(&[]), 0.0);
        assert_eq!(total(&[interval("phone", 5, 5, 9.0)]), 0.0, "in no time nothing");
    }

    #[test]
    fn a_burst_that_one_tells_by_the_minute_is_not_counted_again_for_the_others_hour() {
        let mut minutes: Vec<_> = (0..60).map(|minute| interval("watch", minute, minute + 1, 0.0)).collect();
        minutes.iter_mut().take(6).for_each(|minute| minute.count = 100.0);
        minutes.push(interval("phone", 0, 60, 590.0));
        assert_eq!(total(&minutes), 600.0);
    }

    #[test]
    fn a_walk_over_midnight_belongs_to_both_days() {
        let walk = [interval("watch", DAY - 10, DAY + 30, 400.0)];
        assert_eq!((merge(&walk, 0, DAY).total, merge(&walk, DAY, 2 * DAY).total), (100.0, 300.0));
    }

    fn intervals() -> impl Strategy<Value = Vec<Interval<'static>>> {
        let one = (prop::sample::select(vec!["band", "phone", "watch"]), 0..DAY, 1..200_i64, 0..2_000_u32);
        let one = one.prop_map(|(source, from, length, count)| Interval {
            source,
            from,
            until: (from + length).min(DAY),
            count: f64::from(count),
        });
        prop::collection::vec(one, 0..24)
    }

    proptest! {
        #[test]
        fn it_is_between_the_highest_and_the_sum(intervals in intervals()) {
            let merged = merge(&intervals, 0, DAY);
            let alone = |source| {
                let own: Vec<_> = intervals.iter().filter(|interval| interval.source == source).cloned().collect();
                total(&own)
            };
            let each = ["band", "phone", "watch"].map(alone);
            let highest = each.into_iter().fold(0.0, f64::max);
            prop_assert!(merged.total >= highest - 1e-6, "{} < {highest}", merged.total);
            prop_assert!(merged.total <= each.iter().sum::<f64>() + 1e-6);
            prop_assert!(merged.total <= intervals.iter().map(|interval| interval.count).sum::<f64>() + 1e-6);
            prop_assert!((merged.by_source.values().sum::<f64>() - merged.total).abs() < 1e-6);
        }

        #[test]
        fn the_order_and_telling_it_again_change_nothing(intervals in intervals(), seed in any::<usize>()) {
            let mut others = intervals.clone();
            if !others.is_empty() {
                let middle = seed % others.len();
                others.rotate_left(middle);
                others.extend(intervals.clone());
            }
            prop_assert!((total(&intervals) - total(&others)).abs() < 1e-6);
        }

        #[test]
        fn a_source_that_counts_only_while_others_do_not_is_added(intervals in intervals(), count in 0..2_000_u32) {
            let mut more = intervals.clone();
            more.push(interval("treadmill", 2 * DAY, 2 * DAY + 60, f64::from(count)));
            let (before, after) = (total(&intervals), merge(&more, 0, 3 * DAY).total);
            prop_assert!((before + f64::from(count) - after).abs() < 1e-6);
        }
    }
}
