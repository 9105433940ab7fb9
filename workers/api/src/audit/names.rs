//! What people call what an entry knows by its id.

use std::{collections::HashMap, path::Path};

use kit::{access::Device, audit::Entry};
use rusqlite::{Connection, OpenFlags};

/// How long to wait for a worker that holds the file.
const BUSY_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(5);

/// Names of devices and medicines. What was erased has none.
pub struct Names {
    devices: HashMap<String, String>,
    /// By the resident, and the ids by which requests name them.
    medicines: HashMap<(i64, String), String>,
    /// The medicines of rules, by the resident and the rule.
    doses: HashMap<(i64, String), String>,
}

impl Names {
    /// Reads them.
    ///
    /// # Errors
    /// SQLite's.
    pub fn read(data: &Path, devices: Vec<Device>) -> rusqlite::Result<Self> {
        let devices = devices.into_iter().map(|device| (device.id, device.name)).collect();
        let path = data.join(crate::DATABASE);
        if !path.exists() {
            return Ok(Self { devices, medicines: HashMap::new(), doses: HashMap::new() });
        }
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.pragma_update(None, "query_only", true)?;
        let mut medicines = HashMap::new();
        for id in ["CAST(compat_id AS TEXT)", "id"] {
            medicines.extend(pairs(&connection, &format!("SELECT subject, {id}, name FROM medications"))?);
        }
        let sql = "SELECT DISTINCT doses.subject, rule, name FROM doses
            JOIN medications ON medications.compat_id = doses.medication";
        let doses = pairs(&connection, sql)?;
        Ok(Self { devices, medicines, doses })
    }

    /// Who did it.
    pub fn device(&self, entry: &Entry) -> Option<&str> {
        self.devices.get(entry.device.as_deref()?).map(String::as_str)
    }

    /// The medicine that it is about.
    pub fn medicine(&self, entry: &Entry) -> Option<&str> {
        if entry.area.as_deref() != Some("medication") {
            return None;
        }
        let thing = entry.thing.as_deref()?;
        let by_id = self.medicines.get(&(entry.resident, thing.to_owned()));
        // A dose is known by RULE/DATE/SLOT.
        let by_rule = || self.doses.get(&(entry.resident, thing.rsplitn(3, '/').nth(2)?.to_owned()));
        by_id.or_else(by_rule).map(String::as_str)
    }
}

fn pairs(connection: &Connection, sql: &str) -> rusqlite::Result<HashMap<(i64, String), String>> {
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([], |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?)))?;
    rows.collect()
}
