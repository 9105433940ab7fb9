//! A scan that somebody asked for. betti-ble listens all the time; a scan has it listen anew, and tells who is there.

use std::time::{Duration, Instant};

use jiff::Timestamp;

/// How long a scan takes.
pub const LASTS: Duration = Duration::from_secs(30);

/// A scan, until it is over.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scan {
    pub until: Instant,
    /// Which one it is, and from when on who is heard counts as found.
    pub asked_at: Timestamp,
}

impl Scan {
    pub fn begin(now: Instant, asked_at: Timestamp) -> Self {
        Self { until: now + LASTS, asked_at }
    }

    pub fn is_on(&self, now: Instant) -> bool {
        now < self.until
    }
}
