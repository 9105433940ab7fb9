//! What an app's failures so far say about the next try.

use std::{collections::VecDeque, time::Duration};

use crate::{Failure, Moment, Policy, backoff};

/// How far back failures count.
pub const CRASH_WINDOW: Duration = Duration::from_secs(60);
/// How long an app cools down between two tries.
pub const COOLING_TIME: Duration = Duration::from_secs(60);
/// More failures than this in [`CRASH_WINDOW`] are a crash loop, whatever `max_restarts` says. It bounds the spawns a
/// minute and the size of a [`Snapshot`](crate::Snapshot).
pub const MOST_RESTARTS: u32 = 1_000;

/// A run that was ready for this long was healthy: what made earlier runs ail counts no more.
pub const HEALTHY_LONG_ENOUGH: Duration = Duration::from_secs(600);

/// When an app may be tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retry {
    /// After its back-off.
    Soon(Moment),
    /// After cooling down.
    Late(Moment),
}

/// The failures of an app that are not forgiven yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CrashRecord {
    /// When it failed within the window, oldest first; never more than [`MOST_RESTARTS`] and one. More than the policy
    /// allows are kept, because a later policy may allow more.
    pub(crate) failures: VecDeque<Moment>,
    /// Failed runs in a row that were shorter than `min_uptime`.
    pub(crate) short_runs: u32,
    /// Runs that were ended for an [`Ailment`](crate::Ailment) since the last one that was healthy long enough.
    pub(crate) ailing_runs: u32,
    /// Failed too often, and has not held out for `min_uptime` since: the next failure is one too many as well.
    pub(crate) tripped: bool,
}

impl CrashRecord {
    /// Takes down a failure of a run that had been ready for `uptime`, if it ever was.
    pub(crate) fn note(&mut self, policy: &Policy, now: Moment, uptime: Option<Duration>, failure: Failure) {
        self.note_uptime(uptime);
        if matches!(failure, Failure::Unhealthy(_)) {
            self.ailing_runs = self.ailing_runs.saturating_add(1);
        }
        if uptime.is_some_and(|uptime| uptime >= policy.min_uptime) {
            self.short_runs = 0;
            self.tripped = false;
        } else {
            self.short_runs = self.short_runs.saturating_add(1);
        }
        self.failures.retain(|&at| now.since(at) < CRASH_WINDOW);
        self.failures.push_back(now);
        let limit = policy.max_restarts.min(MOST_RESTARTS) as usize;
        self.tripped |= self.failures.len() > limit;
        if self.failures.len() > MOST_RESTARTS as usize + 1 {
            self.failures.pop_front();
        }
    }

    /// Takes down how long a run that is over had been ready, if it ever was.
    pub(crate) fn note_uptime(&mut self, uptime: Option<Duration>) {
        if uptime.is_some_and(|uptime| uptime >= HEALTHY_LONG_ENOUGH) {
            self.ailing_runs = 0;
        }
    }

    /// Whether nothing has failed since everything was forgiven.
    pub(crate) fn is_clean(&self) -> bool {
        self.failures.is_empty()
    }

    /// Forgives everything: somebody asked for the app.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// When to try again, if the last run has ended now, of this. A run that ails may have been up for long, and a
    /// memory that leaks for hours is no reason to be restarted for ever without a pause.
    pub(crate) fn retry(&self, policy: &Policy, now: Moment, failure: Failure) -> Retry {
        if self.tripped {
            return Retry::Late(now.after(COOLING_TIME));
        }
        let failed_runs = match failure {
            Failure::Unhealthy(_) => self.short_runs.max(self.ailing_runs),
            Failure::Exited(_) | Failure::NotReady { .. } | Failure::Vanished => self.short_runs,
        };
        Retry::Soon(now.after(backoff::delay(policy, failed_runs)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Failures as pauses in milliseconds since the one before, each with the uptime of the run, if it was ever ready.
    fn failures() -> impl Strategy<Value = Vec<(u64, Option<u64>)>> {
        prop::collection::vec((prop_oneof![0..500u64, 0..90_000u64], prop::option::of(0..2_000u64)), 0..60)
    }

    fn played(policy: &Policy, failures: &[(u64, Option<u64>)]) -> (CrashRecord, Vec<Moment>) {
        let (mut record, mut moments, mut now) = (CrashRecord::default(), Vec::new(), Moment::START);
        for (pause, uptime) in failures {
            now = now.after(Duration::from_millis(*pause));
            record.note(policy, now, uptime.map(Duration::from_millis), Failure::Vanished);
            moments.push(now);
        }
        (record, moments)
    }

    fn in_window(moments: &[Moment]) -> usize {
        moments.last().map_or(0, |last| moments.iter().filter(|at| last.since(**at) < CRASH_WINDOW).count())
    }

    proptest! {
        /// Seen from the last run that held out: was there since then a failure with too many in the minute before it?
        #[test]
        fn it_trips_when_a_minute_holds_more_than_the_limit(max_restarts in 0u32..20, failures in failures()) {
            let policy = Policy { max_restarts, ..Policy::default() };
            let (record, moments) = played(&policy, &failures);
            let long = |(_, uptime): &(u64, Option<u64>)| uptime.is_some_and(|uptime| uptime >= 1_000);
            let since = failures.iter().rposition(long).unwrap_or(0);
            let too_many = (since..moments.len()).any(|last| in_window(&moments[..=last]) > max_restarts as usize);
            prop_assert_eq!(record.tripped, too_many);
        }

        #[test]
        fn it_keeps_the_failures_of_the_last_minute(max_restarts in 0u32..20, failures in failures()) {
            let policy = Policy { max_restarts, ..Policy::default() };
            let (record, moments) = played(&policy, &failures);
            prop_assert_eq!(record.failures.len(), in_window(&moments));
        }

        #[test]
        fn short_runs_are_those_since_the_last_that_held_out(failures in failures()) {
            let (record, _) = played(&Policy::default(), &failures);
            let short = |(_, uptime): &&(u64, Option<u64>)| uptime.is_none_or(|uptime| uptime < 1_000);
            prop_assert_eq!(record.short_runs as usize, failures.iter().rev().take_while(short).count());
        }

        #[test]
        fn a_retry_is_never_in_the_past_nor_further_off_than_cooling(failures in failures(), now_ms: u32) {
            let (record, _) = played(&Policy::default(), &failures);
            let now = Moment::at(Duration::from_millis(now_ms.into()));
            let (Retry::Soon(at) | Retry::Late(at)) = record.retry(&Policy::default(), now, Failure::Vanished);
            prop_assert!(at >= now && at.since(now) <= COOLING_TIME);
        }
    }
}
