//! What people call what an entry knows by its id.

use std::{collections::HashMap, path::Path, time::Duration};

use kit::{access::Device, audit::Entry};
use rusqlite::{Connection, OpenFlags, OptionalExtension, params};

/// How long to wait for a worker that holds the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// By the id of existing clients, by our own, and by the rule of one of its doses.
const MEDICINES: [&str; 3] = [
    "SELECT name FROM medications WHERE compat_id = CAST(?2 AS INTEGER) AND CAST(compat_id AS TEXT) = ?2 AND subject = ?1",
    "SELECT name FROM medications WHERE id = ?2 AND subject = ?1",
    "SELECT name FROM doses JOIN medications ON medications.compat_id = doses.medication
        WHERE doses.subject = ?1 AND rule = ?2 LIMIT 1",
];

/// Names of devices and medicines. What was erased has none.
pub struct Names {
    devices: HashMap<String, String>,
    /// `None` before anything of a resident was kept.
    connection: Option<Connection>,
}

impl Names {
    /// Of these devices, and of what is kept in this folder.
    ///
    /// # Errors
    /// SQLite's.
    pub fn open(data: &Path, devices: Vec<Device>) -> rusqlite::Result<Self> {
        let devices = devices.into_iter().map(|device| (device.id, device.name)).collect();
        let path = data.join(crate::DATABASE);
        if !path.exists() {
            return Ok(Self { devices, connection: None });
        }
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.pragma_update(None, "query_only", true)?;
        Ok(Self { devices, connection: Some(connection) })
    }

    /// Who did it.
    pub fn device(&self, entry: &Entry) -> Option<&str> {
        self.devices.get(entry.device.as_deref()?).map(String::as_str)
    }

    /// The medicine that it is about.
    ///
    /// # Errors
    /// SQLite's.
    pub fn medicine(&self, entry: &Entry) -> rusqlite::Result<Option<String>> {
        let is_of_one = entry.area.as_deref() == Some("medication");
        let (true, Some(connection), Some(thing)) = (is_of_one, &self.connection, entry.thing.as_deref()) else {
            return Ok(None);
        };
        // A dose is known by RULE/DATE/SLOT.
        let rule = thing.rsplitn(3, '/').nth(2).unwrap_or(thing);
        for (sql, id) in MEDICINES.into_iter().zip([thing, thing, rule]) {
            let mut statement = connection.prepare_cached(sql)?;
            let name = statement.query_row(params![entry.resident, id], |row| row.get(0)).optional()?;
            if name.is_some() {
                return Ok(name);
            }
        }
        Ok(None)
    }
}
