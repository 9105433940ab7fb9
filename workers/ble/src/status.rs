//! What can be said of this worker: how the radio fares, and which devices were seen.

use std::collections::BTreeMap;

use btleplug::api::BDAddr;
use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::bus::Radio;
use crate::room::Room;

/// Devices that are shown; of the others that are not adopted, the one not heard for longest goes first.
const MOST_DEVICES: usize = 64;

/// How we stand with a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Not adopted: seen, and left alone.
    New,
    /// Adopted, and not connected: it will be when it is heard.
    Waiting,
    Connecting,
    /// Connected, and its readings come in.
    Connected,
    /// It wants to be paired first, and nobody has.
    NeedsPairing,
}

/// A device as it is shown. Field names are those that clients know.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Device {
    pub id: String,
    pub address: String,
    pub name: Option<String>,
    /// In dBm; `None` if it was not heard.
    pub rssi: Option<i16>,
    #[serde(serialize_with = "iso")]
    pub last_seen: Option<Timestamp>,
    pub status: Standing,
    pub adopted: bool,
    /// In percent.
    pub battery: Option<u8>,
    /// Of a sensor of a room only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<Room>,
}

impl Device {
    fn new(address: BDAddr) -> Self {
        Self {
            id: address.to_string(),
            address: address.to_string(),
            name: None,
            rssi: None,
            last_seen: None,
            status: Standing::New,
            adopted: false,
            battery: None,
            environment: None,
        }
    }

    /// What is worth telling at once; how loud and how lately a device was heard is not.
    fn telling(&self) -> (Option<&String>, Standing, bool, Option<u8>) {
        (self.name.as_ref(), self.status, self.adopted, self.battery)
    }

    /// Likewise of its room; that is not worth a line in the log.
    fn telling_of_room(&self) -> Option<Option<Instant>> {
        self.environment.as_ref().map(Room::edition)
    }
}

/// All of it.
#[derive(Clone, Debug)]
pub struct Status {
    /// `None` until something was tried.
    pub radio: Option<Radio>,
    /// As `hci0`.
    pub adapter: Option<String>,
    pub devices: BTreeMap<BDAddr, Device>,
}

/// Where everybody writes what they know, and the reporter reads it. Cheap to clone.
#[derive(Clone)]
pub struct Board(watch::Sender<Status>);

impl Board {
    /// Nothing was tried yet.
    pub fn new() -> Self {
        Self(watch::Sender::new(Status { radio: None, adapter: None, devices: BTreeMap::new() }))
    }

    pub fn watch(&self) -> watch::Receiver<Status> {
        self.0.subscribe()
    }

    /// The radio has come this far, and no further for this reason. Logged when it is news.
    pub fn radio(&self, radio: Radio, adapter: Option<&str>, why: Option<&str>) {
        self.0.send_if_modified(|status| {
            let news = status.radio != Some(radio) || status.adapter.as_deref() != adapter;
            status.radio = Some(radio);
            status.adapter = adapter.map(ToString::to_string);
            if radio < Radio::Scanning {
                status.devices.values_mut().for_each(lost);
            }
            if news {
                tracing::info!(state = ?radio, adapter, why, "{}", radio.words());
            }
            news
        });
    }

    /// Something is known of a device.
    pub fn device(&self, address: BDAddr, learn: impl FnOnce(&mut Device)) {
        self.0.send_if_modified(|status| {
            let known = status.devices.contains_key(&address);
            let device = status.devices.entry(address).or_insert_with(|| Device::new(address));
            let before = device.clone();
            learn(device);
            let news = !known || before.telling() != device.telling();
            if news {
                tracing::info!(address = device.address, name = device.name, status = ?device.status, "device");
            }
            let after_room = device.telling_of_room();
            forget_one_too_many(&mut status.devices);
            news || before.telling_of_room() != after_room
        });
    }
}

/// Without a radio nothing is connected.
fn lost(device: &mut Device) {
    if matches!(device.status, Standing::Connecting | Standing::Connected) {
        device.status = Standing::Waiting;
    }
}

fn forget_one_too_many(devices: &mut BTreeMap<BDAddr, Device>) {
    if devices.len() <= MOST_DEVICES {
        return;
    }
    let strangers = devices.iter().filter(|(_, device)| !device.adopted);
    let oldest = strangers.min_by_key(|(_, device)| device.last_seen).map(|(address, _)| *address);
    if let Some(oldest) = oldest {
        devices.remove(&oldest);
    }
}

fn iso<S: serde::Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    at.map(kit::clock::iso).serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(number: u8) -> BDAddr {
        [0, 0, 0, 0, 0, number].into()
    }

    #[test]
    fn being_heard_again_is_no_news_and_is_known_all_the_same() {
        let board = Board::new();
        let mut watch = board.watch();
        board.device(address(1), |device| device.rssi = Some(-60));
        assert!(watch.has_changed().unwrap());
        watch.mark_unchanged();
        board.device(address(1), |device| device.rssi = Some(-50));
        assert!(!watch.has_changed().unwrap());
        assert_eq!(watch.borrow().devices[&address(1)].rssi, Some(-50));
        board.device(address(1), |device| device.status = Standing::Connected);
        assert!(watch.has_changed().unwrap());
    }

    #[test]
    fn a_crowd_of_strangers_pushes_out_strangers_only() {
        let board = Board::new();
        board.device(address(0), |device| device.adopted = true);
        for number in 1..=100 {
            board.device(address(number), |device| device.last_seen = Some(Timestamp::UNIX_EPOCH));
        }
        let watch = board.watch();
        let status = watch.borrow();
        assert_eq!(status.devices.len(), MOST_DEVICES);
        assert!(status.devices.contains_key(&address(0)));
    }

    #[test]
    fn a_radio_that_is_lost_leaves_no_device_connected() {
        let board = Board::new();
        board.radio(Radio::Scanning, Some("hci0"), None);
        board.device(address(1), |device| device.status = Standing::Connected);
        board.radio(Radio::NoAdapter, None, None);
        assert_eq!(board.watch().borrow().devices[&address(1)].status, Standing::Waiting);
    }
}
