//! Which devices are ours: those that the environment names, and those that somebody has paired at the hub. All others are
//! only shown.

use std::sync::Arc;

use btleplug::api::BDAddr;
use tokio::sync::watch;

use crate::config::Adopted;
use crate::wanted::Wanted;

/// Cheap to clone.
#[derive(Clone)]
pub struct Adoption {
    named: Arc<Adopted>,
    wanted: watch::Receiver<Wanted>,
}

impl Adoption {
    pub fn new(named: Adopted, wanted: watch::Receiver<Wanted>) -> Self {
        Self { named: Arc::new(named), wanted }
    }

    /// Whether this device is named or paired.
    pub fn names(&self, device: BDAddr) -> bool {
        self.named.names(device) || self.wanted.borrow().devices.contains(&device)
    }

    /// Whether a device that advertises a health service may be connected to.
    pub fn accepts(&self, device: BDAddr) -> bool {
        self.named.accepts(device) || self.names(device)
    }

    /// Waits until something else is wanted; for ever if nobody will say so any more.
    pub async fn changed(&mut self) {
        if self.wanted.changed().await.is_err() {
            std::future::pending().await
        }
    }

    /// Names the scan that somebody asked for last.
    pub fn scan(&self) -> Option<String> {
        self.wanted.borrow().scan.clone()
    }
}
