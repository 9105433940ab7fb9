//! What betti-ble says of the radio and of who is near.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::environment::Room;
use crate::devices::{Address, Seen};

/// The radio's state, in the words that existing clients know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Radio {
    #[default]
    Unknown,
    PoweredOff,
    PoweredOn,
}

/// What betti-ble reports.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Report {
    /// In betti-ble's words.
    pub state: String,
    /// The same for people: "no adapter".
    #[serde(default)]
    pub words: String,
    /// The adapter's name.
    #[serde(default)]
    pub adapter: Option<String>,
    /// Devices that were heard, each with its `status`.
    #[serde(default)]
    pub devices: Vec<Value>,
}

impl Report {
    /// A state that this version does not know is unknown, not refused: the rest of the report still counts.
    pub fn radio(&self) -> Radio {
        match self.state.as_str() {
            "starting" | "scanning" | "poweredOn" => Radio::PoweredOn,
            "off" | "poweredOff" => Radio::PoweredOff,
            _ => Radio::Unknown,
        }
    }

    pub fn is_scanning(&self) -> bool {
        self.state == "scanning"
    }

    /// Those that it has an address of.
    pub fn near(&self) -> Vec<Near> {
        self.devices.iter().filter_map(Near::read).collect()
    }
}

/// How betti-ble stands with a device, as far as clients are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Link {
    #[default]
    None,
    Connecting,
    Connected,
    /// It wants to be paired with the adapter first.
    Refused,
}

impl Link {
    pub fn of_status(status: &str) -> Self {
        match status {
            "connecting" => Self::Connecting,
            "connected" => Self::Connected,
            "needs_pairing" => Self::Refused,
            _ => Self::None,
        }
    }
}

/// A device that is near, or was.
#[derive(Clone, Debug, PartialEq)]
pub struct Near {
    pub address: Address,
    pub link: Link,
    /// Whether betti-ble was told that it belongs to this home.
    pub is_ours: bool,
    pub sighting: Seen,
    /// What it said of its room, if it is a sensor of one.
    pub room: Option<Room>,
}

impl Near {
    pub fn read(device: &Value) -> Option<Self> {
        let text = |field: &str| device[field].as_str().filter(|text| !text.is_empty());
        Some(Self {
            address: text("address")?.parse().ok()?,
            link: text("status").map(Link::of_status).unwrap_or_default(),
            is_ours: device["adopted"].as_bool().unwrap_or_default(),
            room: device.get("environment").filter(|written| written.is_object()).map(Room::read),
            sighting: Seen {
                at: text("lastSeen").and_then(|at| at.parse::<Timestamp>().ok()),
                name: text("name").map(str::to_owned),
                rssi: device["rssi"].as_i64(),
                battery: device["battery"].as_i64().filter(|percent| (0..=100).contains(percent)),
            },
        })
    }
}
