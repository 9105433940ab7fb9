//! What was granted to whom: given, withdrawn, and reported.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction, params};
use serde::Serialize;
use serde_json::json;

use super::{Access, AccessError};
use crate::{
    clock,
    database::Change,
    outbox::Event,
    role::Role,
    rule::{Area, Level},
};

/// A grant, in force or withdrawn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Given {
    /// To which device.
    pub device: String,
    /// Of whom.
    pub resident: i64,
    /// Of what.
    pub area: String,
    /// How much: `read` or `write`.
    pub level: String,
    /// Since when.
    pub given_at: String,
    /// By which device; `None` is the command line.
    pub given_by: Option<String>,
    /// Until when, if it is over.
    pub withdrawn_at: Option<String>,
    /// By which device it was withdrawn.
    pub withdrawn_by: Option<String>,
}

pub(super) fn give(
    transaction: &Transaction<'_>,
    device: &str,
    resident: i64,
    area: Area,
    level: Level,
    by: Option<&str>,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let sql = "INSERT INTO grants (device, resident, area, level, given_at, given_by) VALUES (?, ?, ?, ?, ?, ?)";
    let values = params![device, resident, area.name(), level.name(), clock::iso(now), by];
    transaction.execute(sql, values).map(drop)
}

fn end(
    transaction: &Transaction<'_>,
    device: &str,
    resident: i64,
    area: Area,
    by: Option<&str>,
    now: Timestamp,
) -> rusqlite::Result<usize> {
    let sql = "UPDATE grants SET withdrawn_at = ?, withdrawn_by = ?
        WHERE device = ? AND resident = ? AND area = ? AND withdrawn_at IS NULL";
    transaction.execute(sql, params![clock::iso(now), by, device, resident, area.name()])
}

impl Access {
    /// Grants a device so much of an area of a resident, in place of what it had. Doing it again changes nothing.
    ///
    /// # Errors
    /// [`AccessError::UnknownDevice`], [`AccessError::OutOfReach`], or that it cannot be kept.
    pub async fn give(
        &self,
        device: String,
        resident: i64,
        area: Area,
        level: Level,
        by: Option<String>,
        now: Timestamp,
    ) -> Result<(), AccessError> {
        let change = move |transaction: &Transaction<'_>| {
            let role = role_of(transaction, &device)?;
            if !role.reaches(area, level) {
                return Err(AccessError::OutOfReach(role, area, level));
            }
            let sql = "SELECT level FROM grants
                WHERE device = ? AND resident = ? AND area = ? AND withdrawn_at IS NULL";
            let values = params![device, resident, area.name()];
            let present: Option<String> = transaction.query_row(sql, values, |row| row.get(0)).optional()?;
            if present.as_deref() == Some(level.name()) {
                return Ok(Change::none(()));
            }
            end(transaction, &device, resident, area, by.as_deref(), now)?;
            give(transaction, &device, resident, area, level, by.as_deref(), now)?;
            let event =
                json!({"id": device, "subject": resident, "area": area.name(), "level": level.name(), "by": by});
            Ok(Change::new((), Event::new("access.granted", event)))
        };
        self.0.database.write(change).await
    }

    /// Withdraws what a device was granted of an area of a resident. Doing it again changes nothing.
    ///
    /// # Errors
    /// [`AccessError::UnknownDevice`], or that it cannot be kept.
    pub async fn withdraw(
        &self,
        device: String,
        resident: i64,
        area: Area,
        by: Option<String>,
        now: Timestamp,
    ) -> Result<(), AccessError> {
        let change = move |transaction: &Transaction<'_>| {
            role_of(transaction, &device)?;
            if end(transaction, &device, resident, area, by.as_deref(), now)? == 0 {
                return Ok(Change::none(()));
            }
            let event = json!({"id": device, "subject": resident, "area": area.name(), "by": by});
            Ok::<_, AccessError>(Change::new((), Event::new("access.withdrawn", event)))
        };
        self.0.database.write(change).await
    }

    /// Everything that was ever granted of a resident, the newest first.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn given(&self, resident: i64) -> Result<Vec<Given>, AccessError> {
        let sql = "SELECT device, resident, area, level, given_at, given_by, withdrawn_at, withdrawn_by
            FROM grants WHERE resident = ? ORDER BY id DESC";
        let query = move |connection: &rusqlite::Connection| {
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map([resident], |row| {
                Ok(Given {
                    device: row.get(0)?,
                    resident: row.get(1)?,
                    area: row.get(2)?,
                    level: row.get(3)?,
                    given_at: row.get(4)?,
                    given_by: row.get(5)?,
                    withdrawn_at: row.get(6)?,
                    withdrawn_by: row.get(7)?,
                })
            })?;
            Ok::<_, AccessError>(rows.collect::<Result<_, _>>()?)
        };
        self.0.database.read(query).await
    }
}

fn role_of(transaction: &Transaction<'_>, device: &str) -> Result<Role, AccessError> {
    let sql = "SELECT role FROM devices WHERE id = ? AND revoked_at IS NULL";
    let role: Option<String> = transaction.query_row(sql, [device], |row| row.get(0)).optional()?;
    role.and_then(|role| Role::named(&role)).ok_or_else(|| AccessError::UnknownDevice(device.to_owned()))
}
