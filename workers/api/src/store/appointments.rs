//! Appointments as they are kept, and what has become of single visits of a series.

mod ask;
mod edits;
mod row;
mod split;

use jiff::Timestamp;
use kit::{
    Home,
    database::{Change, DatabaseError},
    outbox::Event,
};
use rusqlite::{OptionalExtension, Transaction, params};
use serde_json::{Map, Value};
use uuid::Uuid;

use self::ask::by_compat_id;
pub use self::{
    ask::Versions,
    edits::{VisitChange, VisitError},
};
use super::{Store, history};
use crate::appointments::{
    Appointment,
    change::{self, ChangeError, Scope},
    content::Content,
    moment::Moment,
    status::Status,
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
const ANSWERED: &str = "SELECT subject, answer FROM appointments WHERE idempotency_key = ?";

/// Why an appointment was not kept.
#[derive(Debug, thiserror::Error)]
pub enum AppointmentError {
    #[error("this Idempotency-Key was sent with another appointment before: a new appointment needs a new key")]
    KeyOfAnother,
    #[error("this appointment is at version {0} by now: look at it, then send that version with If-Match")]
    Outdated(i64),
    /// Fields are checked before; this is our mistake.
    #[error("an appointment has a field of another type: {0}")]
    Field(#[from] serde_json::Error),
    #[error("{0:?} is not a time")]
    Time(String),
    #[error(transparent)]
    Change(#[from] ChangeError),
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl From<rusqlite::Error> for AppointmentError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error.into())
    }
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
                if let Some((whose, first)) = by_key(transaction, key.as_deref())? {
                    let mut sent = first.clone();
                    sent.remove("id");
                    let is_same = whose == subject && sent == answer;
                    return if is_same { Ok(Change::none(first)) } else { Err(AppointmentError::KeyOfAnother) };
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

    /// Changes these fields; what is the same already stays so, without a trace. `None` if there is no such appointment.
    ///
    /// `seen` is the version that whoever changes it has looked at, if they say so.
    pub async fn change_appointment(
        &self,
        compat_id: i64,
        said: Map<String, Value>,
        scope: Scope,
        seen: Option<i64>,
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
                check_seen(&before, seen)?;
                if after.content.starts_at != before.content.starts_at {
                    after.zone = home.zone_at(now);
                }
                let clock = Home::in_zone(after.zone(home));
                after.starts = moment(&after.content.starts_at, after.content.all_day, &clock)?;
                let end = after.content.ends_at.as_deref();
                after.ends = end.map(|end| moment(end, after.content.all_day, &clock)).transpose()?;
                if scope != Scope::Compat {
                    // Existing clients send one of the two times, and mean both.
                    change::check_times(after.starts.at, after.ends.as_ref().map(|end| end.at))?;
                }
                (after.version, after.updated_at) = (before.version + 1, now);
                history::keep(transaction, TABLE, compat_id, now)?;
                row::update(transaction, &after, home)?;
                let kind = what_happened(before.content.status, after.content.status);
                let event = Event::new(kind, row::payload(&after, None));
                Ok(Change::new(Some(after), event))
            })
            .await
    }
}

fn check_seen(before: &Appointment, seen: Option<i64>) -> Result<(), AppointmentError> {
    let is_so = seen.is_none_or(|seen| seen == before.version);
    if is_so { Ok(()) } else { Err(AppointmentError::Outdated(before.version)) }
}

/// Whose appointment was made with this key, and what was answered.
fn by_key(transaction: &Transaction<'_>, key: Option<&str>) -> rusqlite::Result<Option<(i64, Map<String, Value>)>> {
    let Some(key) = key else { return Ok(None) };
    let answer = |row: &rusqlite::Row<'_>| {
        let answer = super::understood(row, "answer", |text| serde_json::from_str(text).ok())?;
        Ok((row.get("subject")?, answer))
    };
    transaction.prepare_cached(ANSWERED)?.query_row([key], answer).optional()
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
