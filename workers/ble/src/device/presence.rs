//! What the scan knows of a device. Signs come in faster than a task can act on them: only the last of each counts.

use tokio::time::{Duration, Instant};

/// After this long a device may have gone: no use in trying to connect.
const FRESH: Duration = Duration::from_secs(10);

/// When which sign was last seen.
#[derive(Clone, Copy, Debug, Default)]
pub struct Presence {
    heard: Option<Instant>,
    connected: Option<Instant>,
    disconnected: Option<Instant>,
}

impl Presence {
    /// It advertised.
    pub fn hear(&mut self) {
        self.heard = Some(Instant::now());
    }

    /// It is connected, whoever has connected it.
    pub fn connect(&mut self) {
        self.connected = Some(Instant::now());
    }

    /// It is not connected any more.
    pub fn disconnect(&mut self) {
        self.disconnected = Some(Instant::now());
    }

    /// Whether it showed itself after this, by advertising or by being connected.
    pub fn showed_after(&self, since: Instant) -> bool {
        self.heard.max(self.connected).is_some_and(|at| at > since)
    }

    /// Whether it is likely to be there now.
    pub fn is_fresh(&self) -> bool {
        self.heard.max(self.connected).is_some_and(|at| at.elapsed() < FRESH)
    }

    /// Whether it was disconnected after this.
    pub fn disconnected_after(&self, since: Instant) -> bool {
        self.disconnected.is_some_and(|at| at > since)
    }
}
