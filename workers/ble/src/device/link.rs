//! The connection of a device: made when it shows itself, kept while it is useful, made again.
//!
//! `Waiting ─► Connecting ─► Connected ─► Waiting`; a device that wants to be paired is left alone for a while instead
//! of being asked again and again.

use std::convert::Infallible;

use btleplug::api::Peripheral as _;
use tokio::sync::watch;
use tokio::time::{Duration, Instant, sleep_until};

use super::setup::{self, Setup};
use super::{Device, ambient};
use crate::bus::{CallError, Meaning, call, within};
use crate::status::Standing;

/// `connect` waits by itself for 30 s for the link and for 30 s for the services.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(40);
/// Before the second to the fourth try.
const PAUSES: [Duration; 3] = [Duration::from_millis(250), Duration::from_millis(500), Duration::from_secs(1)];
/// A device with stored readings has said all when nothing came for this long: let it sleep.
const IDLE: Duration = Duration::from_secs(30);
/// A device that was let go may go on advertising while it switches itself off.
const REST: Duration = Duration::from_secs(25);
/// Before a device that wants to be paired is tried again.
const UNPAIRED_REST: Duration = Duration::from_secs(10 * 60);

/// Why there is no connection that readings come in on.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    #[error(transparent)]
    Call(#[from] CallError),
    #[error("it has no characteristic that we read")]
    NothingToRead,
}

impl LinkError {
    fn wants_pairing(&self) -> bool {
        matches!(self, Self::Call(error) if error.meaning() == Meaning::NotPaired)
    }
}

/// Connects whenever the device shows itself, for ever.
pub async fn keep(device: Device, last_value: watch::Receiver<Instant>) {
    let mut link = Link { since: device.since, device, last_value };
    match link.run().await {
        Ok(never) => match never {},
        Err(_session_is_over) => {}
    }
}

struct Link {
    device: Device,
    last_value: watch::Receiver<Instant>,
    /// Signs of the device from before this do not count.
    since: Instant,
}

impl Link {
    async fn run(&mut self) -> Result<Infallible, watch::error::RecvError> {
        loop {
            let since = self.since;
            self.device.presence.wait_for(|presence| presence.showed_after(since)).await?;
            self.stand(Standing::Connecting);
            let started = Instant::now();
            match self.bring_up().await {
                Ok(setup) => {
                    self.stand(Standing::Connected);
                    self.stay(&setup, started).await?;
                    self.stand(Standing::Waiting);
                }
                Err(error) => self.failed(&error).await,
            }
        }
    }

    async fn bring_up(&mut self) -> Result<Setup, LinkError> {
        self.connect().await?;
        setup::set_up(&self.device).await
    }

    async fn connect(&mut self) -> Result<(), CallError> {
        let mut pauses = PAUSES.iter();
        loop {
            let attempt = {
                let _alone = self.device.connecting.lock().await;
                within(CONNECT_TIMEOUT, self.device.peripheral.connect()).await
            };
            let error = match attempt {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            tracing::debug!(device = %self.device.address, "cannot connect: {error}");
            if matches!(error, CallError::TimedOut(_)) {
                // Else BlueZ keeps trying, and answers the next attempt with InProgress.
                self.disconnect().await;
            }
            let hopeless = matches!(error.meaning(), Meaning::Gone | Meaning::NotPaired | Meaning::NoBluez);
            match pauses.next() {
                Some(pause) if !hopeless && self.device.presence.borrow().is_fresh() => {
                    tokio::time::sleep(*pause).await;
                }
                _ => return Err(error),
            }
        }
    }

    /// While the device is connected and has something to say.
    async fn stay(&mut self, setup: &Setup, started: Instant) -> Result<(), watch::error::RecvError> {
        let mut since = started;
        while !self.is_idle_before_disconnect(setup, started, since).await? {
            since = Instant::now();
            // It may be the end of an earlier connection that was told late.
            if !call(self.device.peripheral.is_connected()).await.unwrap_or(false) {
                self.since = since;
                return Ok(());
            }
        }
        self.disconnect().await;
        self.since = Instant::now() + REST;
        Ok(())
    }

    /// Waits for one of both.
    async fn is_idle_before_disconnect(
        &mut self,
        setup: &Setup,
        started: Instant,
        since: Instant,
    ) -> Result<bool, watch::error::RecvError> {
        let mut presence = self.device.presence.clone(); // The device is at work meanwhile.
        tokio::select! {
            gone = presence.wait_for(|presence| presence.disconnected_after(since)) => gone.map(|_| false),
            () = idle(&mut self.last_value, started), if setup.says_all_at_once => Ok(true),
            never = ambient::read_again(&self.device, &setup.ambient) => match never {},
        }
    }

    async fn failed(&mut self, error: &LinkError) {
        tracing::warn!(device = %self.device.address, "no readings from the device: {error}");
        // It advertises again once it is let go.
        self.disconnect().await;
        self.since = Instant::now();
        if error.wants_pairing() {
            self.since += UNPAIRED_REST;
            self.stand(Standing::NeedsPairing);
        } else {
            self.stand(Standing::Waiting);
        }
    }

    async fn disconnect(&self) {
        if let Err(error) = call(self.device.peripheral.disconnect()).await {
            tracing::debug!(device = %self.device.address, "cannot disconnect: {error}");
        }
    }

    fn stand(&self, standing: Standing) {
        self.device.board.device(self.device.address, |device| device.status = standing);
    }
}

/// Until no value has come for a while.
async fn idle(last_value: &mut watch::Receiver<Instant>, started: Instant) {
    loop {
        let until = started.max(*last_value.borrow_and_update()) + IDLE;
        tokio::select! {
            () = sleep_until(until) => return,
            changed = last_value.changed() => if changed.is_err() {
                // The drain has ended, and this task is about to.
                return std::future::pending().await;
            },
        }
    }
}
