//! The real betti-ble in a world of its own: a private bus, a fake BlueZ, and an HTTP server that stands for the API.
// A test's helper fails like the test itself; not every test file uses all of it.
#![allow(clippy::unwrap_used, dead_code, unused_imports)]

mod api;
mod devices;
mod until;
mod worker;

pub use api::{FakeApi, Mood};
pub use devices::{BLOOD_PRESSURE, CUFF, SENSOR, STRAP, cuff, milliseconds, sensor, strap};
pub use until::{Shared, wait_for};
pub use worker::{Worker, api_program};

use std::time::Duration;

use fakebluez::{FakeBluez, Model, PrivateBus};
use tempfile::TempDir;

/// How long anything may take. Most takes milliseconds; retries after a failed attempt take a few seconds.
pub const DEADLINE: Duration = Duration::from_secs(30);
pub const ADAPTER: &str = "/org/bluez/hci0";

/// A folder whose path leaves room for sockets.
pub fn folder() -> TempDir {
    tempfile::Builder::new().prefix("ble").tempdir_in("/tmp").unwrap()
}

pub fn start_bus(folder: &TempDir) -> PrivateBus {
    PrivateBus::start(folder.path()).unwrap_or_else(|error| panic!("{error}"))
}

/// Bus, BlueZ, API, and a folder that outlives the worker.
pub struct World {
    pub bluez: FakeBluez,
    pub bus: PrivateBus,
    pub api: FakeApi,
    pub folder: TempDir,
}

impl World {
    /// With what a test puts there.
    pub fn with(prepare: impl FnOnce(&mut Model) + Send + 'static) -> Self {
        let folder = folder();
        let bus = start_bus(&folder);
        let bluez = FakeBluez::start(&bus.address()).unwrap();
        bluez.with(prepare);
        Self { bluez, bus, api: FakeApi::start(), folder }
    }

    /// betti-ble, with these devices adopted.
    pub fn worker(&self, adopted: &str) -> Worker {
        Worker::start(&self.folder, &self.api, adopted)
    }

    /// A device sends a value, once the worker has asked for it.
    pub fn sends(&self, address: &'static str, uuid: &'static str, value: &[u8]) {
        let device = Model::device_path(ADAPTER, address);
        self.wait_for_session(address, uuid);
        let value = value.to_vec();
        assert!(self.bluez.with(move |model| model.notify(&device, uuid, value)), "nobody listens to {address}");
    }

    pub fn wait_for_session(&self, address: &'static str, uuid: &'static str) {
        let device = Model::device_path(ADAPTER, address);
        let what = format!("subscription to {uuid} of {address}");
        self.bluez.wait_for(&what, DEADLINE, move |model| model.has_session(&device, uuid));
    }

    /// Waits until BlueZ has noticed that a client is gone; what a device sends before that goes to the dead.
    pub fn wait_for_no_session(&self, address: &'static str, uuid: &'static str) {
        let device = Model::device_path(ADAPTER, address);
        let what = format!("end of the subscription to {uuid} of {address}");
        self.bluez.wait_for(&what, DEADLINE, move |model| !model.has_session(&device, uuid));
    }

    /// How often clients have called this so far.
    pub fn calls(&self, start: &str) -> usize {
        let start = start.to_string();
        self.bluez.with(move |model| model.log.iter().filter(|line| line.starts_with(&start)).count())
    }
}
