//! What a test says of a device: its advertisement, its services, and how it behaves.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// One thing a device does on its own.
#[derive(Clone, Debug)]
pub enum Step {
    /// It notifies or indicates the value on the characteristic with this UUID (16 bit form: `2a35`).
    Notify(&'static str, Vec<u8>),
    /// It ends the connection.
    Drop,
    /// It is no longer heard: BlueZ forgets a temporary device and keeps a bonded one.
    GoAway,
}

/// Steps, each a while after the one before.
pub type Script = Vec<(Duration, Step)>;

/// A GATT characteristic of a device.
#[derive(Clone, Debug, Default)]
pub struct Characteristic {
    /// 16 bit form, as `2a37`.
    pub uuid: &'static str,
    /// BlueZ's words: `read`, `write`, `notify`, `indicate`, …
    pub flags: Vec<&'static str>,
    /// What a read answers.
    pub value: Vec<u8>,
    /// Needs an encrypted link: `Not paired`, unless the device is paired or gets paired.
    pub secured: bool,
    /// What follows when a client has subscribed, or BlueZ has subscribed again for one.
    pub on_subscribe: Script,
    /// What follows when a value that starts like this was written.
    pub on_write: Vec<(Vec<u8>, Script)>,
}

/// A GATT service of a device.
#[derive(Clone, Debug, Default)]
pub struct Service {
    /// 16 bit form, as `180d`.
    pub uuid: &'static str,
    /// What it holds.
    pub characteristics: Vec<Characteristic>,
}

/// A device in radio range, or in BlueZ's storage when bonded.
#[derive(Clone, Debug)]
pub struct Device {
    /// `AA:BB:CC:DD:EE:FF`
    pub address: &'static str,
    /// `public` or `random`
    pub address_type: &'static str,
    /// The name it advertises.
    pub name: Option<&'static str>,
    /// Signal strength, in dBm.
    pub rssi: i16,
    /// UUIDs in the advertisement.
    pub advertised: Vec<&'static str>,
    /// Manufacturer data in the advertisement.
    pub manufacturer: BTreeMap<u16, Vec<u8>>,
    /// Service data in the advertisement.
    pub service_data: BTreeMap<&'static str, Vec<u8>>,
    /// What it shows when connected.
    pub services: Vec<Service>,
    /// BlueZ knows it and holds its keys.
    pub bonded: bool,
    /// Pairing on demand succeeds (Just Works).
    pub can_pair: bool,
    /// Battery in percent, if bluetoothd exports one.
    pub battery: Option<u8>,
    /// bluetoothd connects by itself when it advertises and is bonded.
    pub auto_connect: bool,
    /// From `Connect` to `Connected`.
    pub connect_delay: Duration,
    /// From `Connected` to `ServicesResolved`.
    pub resolve_delay: Duration,
    /// Characteristics show up on D-Bus this long after `ServicesResolved` (bluez/bluez#1489).
    pub late_characteristics: Duration,
    /// Errors (BlueZ's name, message) for the next `Connect` calls, in order; then it works.
    pub connect_errors: VecDeque<(&'static str, &'static str)>,
}

impl Device {
    /// A device that advertises nothing and has no service, quick to connect.
    #[must_use]
    pub fn new(address: &'static str, name: &'static str) -> Self {
        Self {
            address,
            address_type: "public",
            name: Some(name),
            rssi: -60,
            advertised: Vec::new(),
            manufacturer: BTreeMap::new(),
            service_data: BTreeMap::new(),
            services: Vec::new(),
            bonded: false,
            can_pair: true,
            battery: None,
            auto_connect: false,
            connect_delay: Duration::from_millis(30),
            resolve_delay: Duration::from_millis(50),
            late_characteristics: Duration::ZERO,
            connect_errors: VecDeque::new(),
        }
    }

    /// Whether a client's filter for these (128 bit) UUIDs lets the advertisement through.
    pub(crate) fn passes(&self, wanted: &[String]) -> bool {
        wanted.is_empty() || self.advertised.iter().any(|uuid| wanted.contains(&uuid128(uuid)))
    }
}

/// A UUID as BlueZ writes it: 128 bits, in lower case.
#[must_use]
pub fn uuid128(uuid: &str) -> String {
    let uuid = uuid.to_lowercase();
    if uuid.len() == 4 { format!("0000{uuid}-0000-1000-8000-00805f9b34fb") } else { uuid }
}
