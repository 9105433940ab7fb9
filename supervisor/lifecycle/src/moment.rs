use std::time::Duration;

/// A point on a clock that only goes forward. It is handed in and never read, so a test owns the time.
///
/// The daemon feeds `CLOCK_BOOTTIME`, which goes on over the supervisor's death and while the machine sleeps: moments in a
/// [`Snapshot`](crate::Snapshot) keep their meaning for its successor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(Duration);

impl Moment {
    /// Where the clock starts. Whatever is due then is due at once.
    pub const START: Self = Self(Duration::ZERO);

    /// The moment `since_start` after [`Moment::START`].
    #[must_use]
    pub const fn at(since_start: Duration) -> Self {
        Self(since_start)
    }

    /// The moment `span` later. Saturates, so an absurd timeout means "never".
    #[must_use]
    pub const fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(span))
    }

    /// How long ago `earlier` was; zero if it is yet to come.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn later_is_never_earlier_and_forever_is_no_overflow(start: Duration, span: Duration) {
            let moment = Moment::at(start);
            prop_assert!(moment.after(span) >= moment);
            prop_assert_eq!(moment.after(Duration::MAX), Moment::at(Duration::MAX));
        }

        #[test]
        fn since_undoes_after_unless_that_was_beyond_the_end_of_time(start: Duration, span: Duration) {
            let moment = Moment::at(start);
            let expected = start.checked_add(span).map_or(Duration::MAX - start, |_| span);
            prop_assert_eq!(moment.after(span).since(moment), expected);
        }

        #[test]
        fn what_is_yet_to_come_is_no_time_ago(one: Duration, other: Duration) {
            let (early, late) = (Moment::at(one.min(other)), Moment::at(one.max(other)));
            prop_assert_eq!(early.since(late), Duration::ZERO);
            prop_assert_eq!(early.after(late.since(early)), late);
        }
    }
}
