use std::time::Duration;

/// A point on a clock that only goes forward. It is handed in and never read, so a test owns the time.
///
/// The daemon feeds `CLOCK_MONOTONIC`, which goes on over the supervisor's death: moments in a
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
