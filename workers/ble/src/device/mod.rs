//! One task for each adopted device, for as long as the adapter lasts.
//!
//! The stream of values is opened before the first connection and kept over disconnects. BlueZ renews our notify
//! sessions by itself and connects bonded devices by itself, so a cuff may indicate before we have done anything; it
//! deletes what BlueZ confirmed, and a stream that is opened later would have lost it. For the same reason nothing here
//! ever unsubscribes, and the `Peripheral` that knows which handle is which characteristic is kept.

mod ambient;
mod intake;
mod link;
mod presence;
mod setup;

pub use intake::Intake;
pub use presence::Presence;

use std::sync::Arc;

use btleplug::api::{BDAddr, Peripheral as _};
use btleplug::platform::Peripheral;
use tokio::sync::{Mutex, watch};
use tokio::time::Instant;

use crate::bus::call;
use crate::status::Board;

/// What a device's task works with.
pub struct Device {
    pub peripheral: Peripheral,
    pub address: BDAddr,
    pub presence: watch::Receiver<Presence>,
    /// Signs of it from before this do not count.
    pub since: Instant,
    pub board: Board,
    /// Held while connecting.
    pub connecting: Arc<Mutex<()>>,
}

impl Device {
    /// Until the adapter is gone.
    pub async fn run(self, intake: Intake) {
        let values = match call(self.peripheral.notifications()).await {
            Ok(values) => values,
            Err(error) => {
                tracing::warn!(device = %self.address, "cannot listen to the device: {error}");
                return;
            }
        };
        let (valued, last_value) = watch::channel(Instant::now());
        // Side by side: connecting can block for half a minute while values come in.
        tokio::select! {
            () = intake.drain(self.address, self.board.clone(), values, valued) => {}
            () = link::keep(self, last_value) => {}
        }
    }
}
