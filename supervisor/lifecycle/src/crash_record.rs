//! What an app's failures so far say about the next try.

use std::{collections::VecDeque, time::Duration};

use crate::{Moment, Policy, backoff};

/// How far back failures count.
pub const CRASH_WINDOW: Duration = Duration::from_secs(60);
/// How long an app cools down between two tries.
pub const COOLING_TIME: Duration = Duration::from_secs(60);
/// More failures than this in [`CRASH_WINDOW`] are a crash loop, whatever `max_restarts` says. It bounds the spawns a
/// minute and the size of a [`Snapshot`](crate::Snapshot).
pub const MOST_RESTARTS: u32 = 1_000;

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
    /// When it failed within the window, oldest first; never more than the limit and one.
    pub(crate) failures: VecDeque<Moment>,
    /// Failed runs in a row that were shorter than `min_uptime`.
    pub(crate) short_runs: u32,
    /// Failed too often, and has not held out for `min_uptime` since: the next failure is one too many as well.
    pub(crate) tripped: bool,
}

impl CrashRecord {
    /// Takes down a failure of a run that had been ready for `uptime`, if it ever was.
    pub(crate) fn note(&mut self, policy: &Policy, now: Moment, uptime: Option<Duration>) {
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
        while self.failures.len() > limit + 1 {
            self.failures.pop_front();
        }
    }

    /// Forgives everything: somebody asked for the app.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// When to try again, if the last run has ended now.
    pub(crate) fn retry(&self, policy: &Policy, now: Moment) -> Retry {
        if self.tripped {
            Retry::Late(now.after(COOLING_TIME))
        } else {
            Retry::Soon(now.after(backoff::delay(policy, self.short_runs)))
        }
    }
}
