//! Devices as they are kept.

mod change;
mod sighted;

use jiff::Timestamp;
use kit::{
    clock,
    database::{Change, DatabaseError},
};
use rusqlite::{Connection, OptionalExtension, Row};
use serde_json::{Value, json};

pub use self::{
    change::{DEVICE_PAIRED, DEVICE_UNPAIRED, DeviceError, Pairing},
    sighted::{Heard, source_of},
};
use super::{Store, parsed};
use crate::devices::{Address, Seen};

/// Device events begin so.
pub const DEVICE_EVENTS: &str = "device.";

/// All there are is few: the newest pairing first, as clients show them.
const ALL: &str = "SELECT * FROM devices ORDER BY is_paired DESC, paired_at DESC, compat_id";
const BY_ADDRESS: &str = "SELECT * FROM devices WHERE address = ?";

/// A device.
#[derive(Clone, Debug, PartialEq)]
pub struct Device {
    pub compat_id: i64,
    pub id: String,
    pub address: Address,
    /// As it was written first.
    pub address_entered: String,
    pub kind: String,
    /// Who wears or uses it.
    pub subject: i64,
    pub is_paired: bool,
    pub paired_at: Option<Timestamp>,
    /// Its name, and how it was seen last.
    pub seen: Seen,
    pub version: i64,
    pub changed_at: Option<Timestamp>,
    pub recorded_at: Timestamp,
}

impl Device {
    /// For people: its name, else its address.
    pub fn title(&self) -> &str {
        self.seen.name.as_deref().unwrap_or(&self.address_entered)
    }

    /// As events and newer clients have it.
    pub fn whole(&self) -> Value {
        json!({
            "id": self.id,
            "compat_id": self.compat_id,
            "address": self.address.to_string(),
            "name": self.seen.name,
            "kind": self.kind,
            "subject": self.subject,
            "paired": self.is_paired,
            "paired_at": self.paired_at.map(clock::iso),
            "last_seen_at": self.seen.at.map(clock::iso),
            "rssi": {"value": self.seen.rssi, "unit": "dBm"},
            "battery": {"value": self.seen.battery, "unit": "%"},
            "version": self.version,
            "recorded_at": clock::iso(self.recorded_at),
        })
    }
}

impl Store {
    /// Every device of this home.
    pub async fn devices(&self) -> Result<Vec<Device>, DatabaseError> {
        self.database.read(|connection| Ok(all(connection)?)).await
    }

    /// Those that may be connected to.
    pub async fn paired_devices(&self) -> Result<Vec<Device>, DatabaseError> {
        let mut devices = self.devices().await?;
        devices.retain(|device| device.is_paired);
        Ok(devices)
    }

    /// Whose readings a device's readings are, if that is known.
    pub async fn wearer_of(&self, written: Option<&str>) -> Result<Option<i64>, DatabaseError> {
        let Some(address) = written.and_then(|written| written.parse::<Address>().ok()) else { return Ok(None) };
        let known = self.database.read(move |connection| Ok::<_, DatabaseError>(by_address(connection, address)?));
        Ok(known.await?.map(|device| device.subject))
    }
}

fn all(connection: &Connection) -> rusqlite::Result<Vec<Device>> {
    connection.prepare_cached(ALL)?.query_map([], device)?.collect()
}

fn by_address(connection: &Connection, address: Address) -> rusqlite::Result<Option<Device>> {
    connection.prepare_cached(BY_ADDRESS)?.query_row([address.to_string()], device).optional()
}

fn device(row: &Row<'_>) -> rusqlite::Result<Device> {
    let instant = |column| {
        let text: Option<String> = row.get(column)?;
        text.map(|_| parsed(row, column)).transpose()
    };
    Ok(Device {
        compat_id: row.get("compat_id")?,
        id: row.get("id")?,
        address: parsed(row, "address")?,
        address_entered: row.get("address_entered")?,
        kind: row.get("kind")?,
        subject: row.get("subject")?,
        is_paired: row.get("is_paired")?,
        paired_at: instant("paired_at")?,
        seen: Seen {
            at: instant("last_seen_at")?,
            name: row.get("name")?,
            rssi: row.get("rssi")?,
            battery: row.get("battery")?,
        },
        version: row.get("version")?,
        changed_at: instant("changed_at")?,
        recorded_at: parsed(row, "recorded_at")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::plans::{assert_indexed, assert_indexed_but, empty};

    #[test]
    fn a_device_is_found_by_its_address_at_once() {
        let (_folder, connection) = empty();
        assert_indexed(&connection, BY_ADDRESS);
        // Of these there are as many as `MOST_DEVICES` at most.
        assert_indexed_but(&connection, ALL, &["SCAN devices", "USE TEMP B-TREE FOR ORDER BY"]);
    }
}
