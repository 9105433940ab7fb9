//! Devices that count somebody's day, as existing clients registered them.

use jiff::Timestamp;
use kit::{
    clock,
    database::{Change, DatabaseError},
    outbox::Event,
};
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    activity::device::Registration,
    store::{RESIDENT, Store, history},
};

const FITNESS_DEVICE_REGISTERED: &str = "fitness-device.registered";
const FITNESS_DEVICE_RETIRED: &str = "fitness-device.retired";

const TABLE: &str = "fitness_devices";
/// How many devices are listed at most; nobody wears more.
const MOST_LISTED: u32 = 1_000;

const BY_ADDRESS: &str = "SELECT * FROM fitness_devices WHERE address = ?";
const LIST: &str = "SELECT * FROM fitness_devices WHERE status = 'active' ORDER BY compat_id LIMIT ?";
const PUT: &str = "INSERT INTO fitness_devices (id, address, name, kind, subject, registered_at, recorded_at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)
    ON CONFLICT (address) DO UPDATE SET name = excluded.name, kind = excluded.kind, subject = excluded.subject,
        registered_at = excluded.registered_at, last_seen_at = NULL, status = 'active', version = version + 1";
const RETIRE: &str = "UPDATE fitness_devices SET status = 'retired', version = version + 1 WHERE address = ?";
const SEEN: &str = "UPDATE fitness_devices SET last_seen_at = ? WHERE address = ?";

/// A device that counts somebody's day.
#[derive(Clone, Debug, PartialEq)]
pub struct FitnessDevice {
    pub compat_id: i64,
    pub id: String,
    pub address: String,
    pub name: String,
    pub kind: String,
    pub subject: i64,
    pub registered_at: String,
    pub last_seen_at: Option<String>,
    pub status: String,
    pub version: i64,
}

impl FitnessDevice {
    fn whole(&self) -> Value {
        json!({
            "id": self.id,
            "compat_id": self.compat_id,
            "subject": self.subject,
            "address": self.address,
            "name": self.name,
            "kind": self.kind,
            "registered_at": self.registered_at,
            "last_seen_at": self.last_seen_at,
            "status": self.status,
            "version": self.version,
        })
    }

    fn is_active(&self) -> bool {
        self.status == "active"
    }
}

impl Store {
    /// Registers a device for the resident whom existing clients mean. Once more changes nothing but what is said of it.
    pub async fn register_fitness_device(&self, device: Registration, now: Timestamp) -> Result<(), DatabaseError> {
        self.database
            .write(move |transaction| {
                if let Some(known) = by_address(transaction, &device.address)? {
                    let is_same = (known.name.as_str(), known.kind.as_str()) == (&device.name, device.kind);
                    if is_same && known.is_active() {
                        return Ok(Change::none(()));
                    }
                    history::keep(transaction, TABLE, known.compat_id, now)?;
                }
                let (id, at) = (Uuid::now_v7().to_string(), clock::iso(now));
                let values = params![id, device.address, device.name, device.kind, RESIDENT, at];
                transaction.prepare_cached(PUT)?.execute(values)?;
                changed(transaction, &device.address, FITNESS_DEVICE_REGISTERED)
            })
            .await
    }

    /// Retires a device; one that nobody registered is retired already.
    pub async fn retire_fitness_device(&self, address: String, now: Timestamp) -> Result<(), DatabaseError> {
        self.database
            .write(move |transaction| {
                let Some(known) = by_address(transaction, &address)?.filter(FitnessDevice::is_active) else {
                    return Ok(Change::none(()));
                };
                history::keep(transaction, TABLE, known.compat_id, now)?;
                transaction.prepare_cached(RETIRE)?.execute([&address])?;
                changed(transaction, &address, FITNESS_DEVICE_RETIRED)
            })
            .await
    }

    /// Registered devices, in the order in which they came.
    pub async fn fitness_devices(&self) -> Result<Vec<FitnessDevice>, DatabaseError> {
        self.database
            .read(|connection| {
                Ok(connection.prepare_cached(LIST)?.query_map([MOST_LISTED], device)?.collect::<Result<_, _>>()?)
            })
            .await
    }
}

/// A device said something. Unregistered ones are nobody's.
pub(super) fn seen(connection: &Connection, address: &str, now: Timestamp) -> rusqlite::Result<()> {
    connection.prepare_cached(SEEN)?.execute(params![clock::iso(now), address]).map(drop)
}

fn changed(connection: &Connection, address: &str, event: &'static str) -> Result<Change<()>, DatabaseError> {
    let device = connection.prepare_cached(BY_ADDRESS)?.query_row([address], device)?;
    Ok(Change::new((), Event::new(event, device.whole())))
}

fn by_address(connection: &Connection, address: &str) -> rusqlite::Result<Option<FitnessDevice>> {
    connection.prepare_cached(BY_ADDRESS)?.query_row([address], device).optional()
}

fn device(row: &Row<'_>) -> rusqlite::Result<FitnessDevice> {
    Ok(FitnessDevice {
        compat_id: row.get("compat_id")?,
        id: row.get("id")?,
        address: row.get("address")?,
        name: row.get("name")?,
        kind: row.get("kind")?,
        subject: row.get("subject")?,
        registered_at: row.get("registered_at")?,
        last_seen_at: row.get("last_seen_at")?,
        status: row.get("status")?,
        version: row.get("version")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::plans::{assert_indexed, assert_indexed_but, empty};

    #[test]
    fn devices_are_found_by_their_address() {
        let (_folder, connection) = empty();
        for sql in [BY_ADDRESS, PUT, RETIRE, SEEN] {
            assert_indexed(&connection, sql);
        }
        assert_indexed_but(&connection, LIST, &["SCAN fitness_devices"]);
    }
}
