//! Questions about appointments.

use kit::{clock, database::DatabaseError};
use rusqlite::{Connection, OptionalExtension, named_params};
use serde::Serialize;
use serde_json::Value;

use super::{TABLE, edits, row};
use crate::{
    appointments::{Appointment, Edit, agenda::Window},
    store::{Store, history},
};

// Rows that count: one that was deleted stays in the file and is not shown.
pub const BY_COMPAT_ID: &str = "SELECT * FROM appointments WHERE compat_id = ? AND status <> 'entered-in-error'";
pub const BY_ID: &str = "SELECT * FROM appointments WHERE id = ? AND status <> 'entered-in-error'";
pub const SINGLE: &str = "SELECT * FROM appointments
    WHERE subject = :subject AND starts_at BETWEEN :from AND :until AND is_recurring = 0 AND status <> 'entered-in-error'";
pub const SERIES: &str =
    "SELECT * FROM appointments WHERE subject = ? AND is_recurring = 1 AND status <> 'entered-in-error'";
pub const SCHEDULED: &str = "SELECT * FROM appointments
    WHERE subject = :subject AND starts_at BETWEEN :from AND :until AND status = 'scheduled'
    ORDER BY starts_at, compat_id";
pub const AS_WRITTEN: &str = "SELECT * FROM appointments
    WHERE subject = :subject AND starts_at_written BETWEEN :from AND :until AND status <> 'entered-in-error'";
/// SQLite takes the other columns from the row with the greatest time.
pub const PROVIDERS: &str = "SELECT provider_name, provider_phone, provider_place, location, max(starts_at)
    FROM appointments WHERE subject = ? AND provider_name IS NOT NULL AND status <> 'entered-in-error'
    GROUP BY provider_name";

/// Who sees the resident, and how and where to find them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Provider {
    pub name: String,
    pub phone: Option<String>,
    /// Theirs, else where the appointment was.
    pub place: Option<String>,
}

/// How an appointment, and those of its visits that were edited, were before: rows as they were kept.
#[derive(Debug, PartialEq)]
pub struct Versions {
    pub row: Vec<Value>,
    pub visits: Vec<Value>,
}

/// What there is in a window: rows that begin in it, every series, and the visits that were edited there.
pub type Found = (Vec<Appointment>, Vec<Edit>);

impl Store {
    /// One appointment, as existing clients number them.
    pub async fn appointment(&self, compat_id: i64) -> Result<Option<Appointment>, DatabaseError> {
        self.database.read(move |connection| Ok(by_compat_id(connection, compat_id)?)).await
    }

    /// One appointment, by its id.
    pub async fn find_appointment(&self, id: String) -> Result<Option<Appointment>, DatabaseError> {
        let find = move |connection: &Connection| {
            Ok(connection.prepare_cached(BY_ID)?.query_row([id], row::read).optional()?)
        };
        self.database.read(find).await
    }

    /// How the row was before each of its changes, the first one first, and each visit that was edited.
    pub async fn appointment_versions(&self, compat_id: i64) -> Result<Versions, DatabaseError> {
        self.database
            .read(move |connection| {
                let mut row = history::versions(connection, TABLE, compat_id)?;
                for version in row.iter_mut().filter_map(Value::as_object_mut) {
                    version.retain(|column, _| column != "answer" && column != "idempotency_key");
                }
                Ok(Versions { row, visits: edits::versions(connection, compat_id)? })
            })
            .await
    }

    /// Every provider once, by name, with the phone and the place of the newest appointment.
    pub async fn providers(&self, subject: i64) -> Result<Vec<Provider>, DatabaseError> {
        let provider = |row: &rusqlite::Row<'_>| {
            let place: Option<String> = row.get("provider_place")?;
            let place = place.map_or_else(|| row.get("location"), |place| Ok(Some(place)))?;
            Ok(Provider { name: row.get("provider_name")?, phone: row.get("provider_phone")?, place })
        };
        self.database
            .read(move |connection| {
                let mut statement = connection.prepare_cached(PROVIDERS)?;
                Ok(statement.query_map([subject], provider)?.collect::<rusqlite::Result<_>>()?)
            })
            .await
    }

    /// What there is from a time to a time.
    pub async fn appointments_in(&self, subject: i64, window: Window) -> Result<Found, DatabaseError> {
        let home = self.homes.of(subject).unwrap_or_else(|| self.homes.new_home());
        self.database
            .read(move |connection| {
                let (from, until) = (clock::iso(window.from), clock::iso(window.until));
                let values = named_params! {":subject": subject, ":from": from, ":until": until};
                let mut rows = all(connection, SINGLE, values)?;
                rows.extend(all(connection, SERIES, [subject])?);
                rows.sort_by_key(|row| (row.starts.at, row.compat_id));
                Ok((rows, edits::in_window(connection, subject, window, home)?))
            })
            .await
    }

    /// Rows, series not expanded, that begin in the window and are still to come.
    pub async fn scheduled_in(&self, subject: i64, window: Window) -> Result<Vec<Appointment>, DatabaseError> {
        self.database
            .read(move |connection| {
                let (from, until) = (clock::iso(window.from), clock::iso(window.until));
                let values = named_params! {":subject": subject, ":from": from, ":until": until};
                Ok(all(connection, SCHEDULED, values)?)
            })
            .await
    }

    /// Rows, series not expanded, of which the beginning as it was written is between two texts.
    pub async fn written_between(
        &self,
        subject: i64,
        from: String,
        until: String,
    ) -> Result<Vec<Appointment>, DatabaseError> {
        self.database
            .read(move |connection| {
                let values = named_params! {":subject": subject, ":from": from, ":until": until};
                let mut rows = all(connection, AS_WRITTEN, values)?;
                rows.sort_by_key(|row| (row.starts.at, row.compat_id));
                Ok(rows)
            })
            .await
    }
}

pub fn by_compat_id(connection: &Connection, compat_id: i64) -> rusqlite::Result<Option<Appointment>> {
    connection.prepare_cached(BY_COMPAT_ID)?.query_row([compat_id], row::read).optional()
}

fn all(connection: &Connection, sql: &str, values: impl rusqlite::Params) -> rusqlite::Result<Vec<Appointment>> {
    connection.prepare_cached(sql)?.query_map(values, row::read)?.collect()
}
