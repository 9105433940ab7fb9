//! Appointments as they are kept, and what has become of single visits of a series.

mod edits;
mod row;

use jiff::Timestamp;
use kit::{
    Home, clock,
    database::{Change, DatabaseError},
    outbox::Event,
};
use rusqlite::{Connection, OptionalExtension, Transaction, named_params, params};
use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

pub use self::edits::{VisitChange, VisitError};
use super::{Store, history};
use crate::appointments::{
    Appointment, Edit,
    agenda::Window,
    content::{Content, Status},
    moment::Moment,
};

/// An appointment was made.
pub const APPOINTMENT_CREATED: &str = "appointment.created";
/// It, or one visit of it, is another time or says something else.
pub const APPOINTMENT_CHANGED: &str = "appointment.changed";
/// It, or one visit of it, does not take place, or was deleted.
pub const APPOINTMENT_CANCELLED: &str = "appointment.cancelled";
/// It, or one visit of it, took place.
pub const APPOINTMENT_COMPLETED: &str = "appointment.completed";

const TABLE: &str = "appointments";
// Rows that count: one that was deleted stays in the file and is not shown.
const BY_COMPAT_ID: &str = "SELECT * FROM appointments WHERE compat_id = ? AND status <> 'entered-in-error'";
const BY_ID: &str = "SELECT * FROM appointments WHERE id = ? AND status <> 'entered-in-error'";
const SINGLE: &str = "SELECT * FROM appointments
    WHERE subject = :subject AND starts_at BETWEEN :from AND :until AND is_recurring = 0 AND status <> 'entered-in-error'";
const SERIES: &str =
    "SELECT * FROM appointments WHERE subject = ? AND is_recurring = 1 AND status <> 'entered-in-error'";
const SCHEDULED: &str = "SELECT * FROM appointments
    WHERE subject = :subject AND starts_at BETWEEN :from AND :until AND status = 'scheduled'
    ORDER BY starts_at, compat_id";
const AS_WRITTEN: &str = "SELECT * FROM appointments
    WHERE subject = :subject AND starts_at_written BETWEEN :from AND :until AND status <> 'entered-in-error'";
/// SQLite takes the other columns from the row with the greatest time.
const PROVIDERS: &str = "SELECT provider_name, provider_phone, provider_place, location, max(starts_at)
    FROM appointments WHERE subject = ? AND provider_name IS NOT NULL AND status <> 'entered-in-error'
    GROUP BY provider_name";
const ANSWERED: &str = "SELECT answer FROM appointments WHERE idempotency_key = ?";

/// Why an appointment was not kept.
#[derive(Debug, thiserror::Error)]
pub enum AppointmentError {
    #[error("this Idempotency-Key was sent with another appointment before: a new appointment needs a new key")]
    KeyOfAnother,
    /// Fields are checked before; this is our mistake.
    #[error("an appointment has a field of another type: {0}")]
    Field(#[from] serde_json::Error),
    #[error("{0:?} is not a time")]
    Time(String),
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl From<rusqlite::Error> for AppointmentError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error.into())
    }
}

/// What there is in a window: rows that begin in it, every series, and the visits that were edited there.
pub type Found = (Vec<Appointment>, Vec<Edit>);

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

impl Store {
    /// Keeps a new appointment; returns `answer` with its number as `id`. The same key with the same answer is the same
    /// appointment again.
    pub async fn create_appointment(
        &self,
        subject: i64,
        changes: Map<String, Value>,
        answer: Map<String, Value>,
        key: Option<String>,
        now: Timestamp,
    ) -> Result<Map<String, Value>, AppointmentError> {
        let home = self.homes.of(subject).unwrap_or_else(|| self.homes.new_home());
        self.database
            .write(move |transaction| {
                if let Some(first) = by_key(transaction, key.as_deref())? {
                    let mut sent = first.clone();
                    sent.remove("id");
                    return if sent == answer { Ok(Change::none(first)) } else { Err(AppointmentError::KeyOfAnother) };
                }
                let content = Content::new(&changes, now)?;
                let mut appointment = Appointment {
                    compat_id: 0,
                    id: Uuid::now_v7().to_string(),
                    subject,
                    starts: moment(&content.starts_at, content.all_day, home)?,
                    ends: content.ends_at.as_deref().map(|end| moment(end, content.all_day, home)).transpose()?,
                    zone: home.zone_at(now),
                    content,
                    version: 1,
                    recorded_at: now,
                    updated_at: now,
                };
                appointment.compat_id = row::insert(transaction, &appointment, home)?;
                let mut answered = answer;
                answered.insert("id".into(), appointment.compat_id.into());
                if key.is_some() {
                    let values = params![key, Value::Object(answered.clone()).to_string(), appointment.compat_id];
                    let sql = "UPDATE appointments SET idempotency_key = ?, answer = ? WHERE compat_id = ?";
                    transaction.prepare_cached(sql)?.execute(values)?;
                }
                Ok(Change::new(answered, Event::new(APPOINTMENT_CREATED, row::payload(&appointment, None))))
            })
            .await
    }

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

    /// Changes these fields; what is the same already stays so, without a trace. `None` if there is no such appointment.
    pub async fn change_appointment(
        &self,
        compat_id: i64,
        said: Map<String, Value>,
        now: Timestamp,
    ) -> Result<Option<Appointment>, AppointmentError> {
        let homes = self.homes.clone();
        self.database
            .write(move |transaction| {
                let Some(before) = by_compat_id(transaction, compat_id)? else { return Ok(Change::none(None)) };
                let home = homes.of(before.subject).unwrap_or_else(|| homes.new_home());
                let content = &before.content;
                let mut changes = said.clone();
                content.settle(&mut changes, content, content, &said, now)?;
                let mut after = before.clone();
                after.content = content.with(&changes)?;
                if after == before {
                    return Ok(Change::none(Some(before)));
                }
                if after.content.starts_at != before.content.starts_at {
                    after.zone = home.zone_at(now);
                }
                let clock = Home::in_zone(after.zone(home));
                after.starts = moment(&after.content.starts_at, after.content.all_day, &clock)?;
                let end = after.content.ends_at.as_deref();
                after.ends = end.map(|end| moment(end, after.content.all_day, &clock)).transpose()?;
                (after.version, after.updated_at) = (before.version + 1, now);
                history::keep(transaction, TABLE, compat_id, now)?;
                row::update(transaction, &after, home)?;
                let kind = what_happened(before.content.status, after.content.status);
                let event = Event::new(kind, row::payload(&after, None));
                Ok(Change::new(Some(after), event))
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

fn by_compat_id(connection: &Connection, compat_id: i64) -> rusqlite::Result<Option<Appointment>> {
    connection.prepare_cached(BY_COMPAT_ID)?.query_row([compat_id], row::read).optional()
}

fn by_key(transaction: &Transaction<'_>, key: Option<&str>) -> rusqlite::Result<Option<Map<String, Value>>> {
    let Some(key) = key else { return Ok(None) };
    let answer = |row: &rusqlite::Row<'_>| super::understood(row, "answer", |text| serde_json::from_str(text).ok());
    transaction.prepare_cached(ANSWERED)?.query_row([key], answer).optional()
}

fn all(connection: &Connection, sql: &str, values: impl rusqlite::Params) -> rusqlite::Result<Vec<Appointment>> {
    connection.prepare_cached(sql)?.query_map(values, row::read)?.collect()
}

fn moment(written: &str, all_day: bool, home: &Home) -> Result<Moment, AppointmentError> {
    Moment::of(written, all_day, home).ok_or_else(|| AppointmentError::Time(written.into()))
}

fn what_happened(before: Status, after: Status) -> &'static str {
    match after {
        _ if before == after => APPOINTMENT_CHANGED,
        Status::Scheduled => APPOINTMENT_CHANGED,
        Status::Completed => APPOINTMENT_COMPLETED,
        Status::Cancelled | Status::NoShow | Status::EnteredInError => APPOINTMENT_CANCELLED,
    }
}

#[cfg(test)]
mod tests;
