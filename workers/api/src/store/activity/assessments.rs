//! Results of tests of strength and balance, as they are kept.

use jiff::{Timestamp, civil::Date};
use kit::{
    clock,
    database::{Change, DatabaseError},
    number,
    outbox::Event,
};
use rusqlite::{OptionalExtension, Row, named_params};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    activity::assessment::{CutOff, Entry, Kind},
    store::{Store, history, parsed, residents::ResidentError, understood},
};

const ASSESSMENT_RECORDED: &str = "assessment.recorded";
const ASSESSMENT_STRUCK: &str = "assessment.struck";

const TABLE: &str = "assessments";
const BY_KEY: &str = "SELECT * FROM assessments WHERE idempotency_key = ?";
const BY_ID: &str = "SELECT * FROM assessments WHERE id = ?";
const OF_DAYS: &str = "SELECT * FROM assessments
    WHERE subject = ? AND status <> 'entered-in-error' AND local_date >= ? AND local_date <= ?
    ORDER BY local_date DESC, performed_at DESC, compat_id DESC";
const INSERT: &str =
    "INSERT INTO assessments (id, subject, kind, seconds, notes, performed_at, performed_at_entered, zone,
        local_date, recorded_at, idempotency_key)
    VALUES (:id, :subject, :kind, :seconds, :notes, :performed_at, :performed_at_entered, :zone, :local_date,
        :recorded_at, :idempotency_key)";
const STRIKE: &str = "UPDATE assessments SET status = 'entered-in-error', version = version + 1 WHERE id = ?";

/// A result as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Assessment {
    compat_id: i64,
    id: String,
    subject: i64,
    entry: Entry,
    zone: String,
    local_date: String,
    status: String,
    version: i64,
    recorded_at: Timestamp,
}

/// Why a result was not kept or struck out.
#[derive(Debug, thiserror::Error)]
pub enum AssessmentError {
    #[error("this Idempotency-Key was sent with another result before: a new result needs a new key")]
    KeyOfAnother,
    #[error("there is no assessment {0:?}")]
    Unknown(String),
    #[error(transparent)]
    Resident(#[from] ResidentError),
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl From<rusqlite::Error> for AssessmentError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error.into())
    }
}

impl Assessment {
    /// As events and newer clients have it, with what is known about such results.
    pub fn whole(&self) -> Value {
        let entry = &self.entry;
        let cut_off = |cut_off: &CutOff| {
            json!({
                "seconds": number::json(cut_off.seconds),
                "means": cut_off.means,
                "source": cut_off.source,
                "is_reached": cut_off.is_reached(entry.seconds),
            })
        };
        json!({
            "id": self.id,
            "compat_id": self.compat_id,
            "subject": self.subject,
            "kind": entry.kind.name(),
            "seconds": entry.seconds.map(number::json),
            "unable": entry.seconds.is_none(),
            "notes": entry.notes,
            "performed_at": clock::iso(entry.performed_at),
            "zone": self.zone,
            "local_date": self.local_date,
            "cut_offs": entry.kind.cut_offs().iter().map(cut_off).collect::<Vec<_>>(),
            "status": self.status,
            "version": self.version,
            "recorded_at": clock::iso(self.recorded_at),
        })
    }

    /// Whether this is what was sent. Times are not compared: a request without one means each time another.
    fn is_of(&self, subject: i64, entry: &Entry) -> bool {
        (self.subject, self.entry.kind, self.entry.seconds, &self.entry.notes)
            == (subject, entry.kind, entry.seconds, &entry.notes)
    }
}

impl Store {
    /// Keeps a result. The same key again is the same result again: nothing new is kept.
    pub async fn record_assessment(
        &self,
        subject: i64,
        entry: Entry,
        key: Option<String>,
        now: Timestamp,
    ) -> Result<Assessment, AssessmentError> {
        let home = self.home_of(subject).await?;
        self.database
            .write(move |transaction| {
                if let Some(key) = &key
                    && let Some(known) = transaction.prepare_cached(BY_KEY)?.query_row([key], read).optional()?
                {
                    let is_same = known.is_of(subject, &entry);
                    return if is_same { Ok(Change::none(known)) } else { Err(AssessmentError::KeyOfAnother) };
                }
                let id = Uuid::now_v7().to_string();
                let values = named_params! {
                    ":id": id,
                    ":subject": subject,
                    ":kind": entry.kind.name(),
                    ":seconds": entry.seconds,
                    ":notes": entry.notes,
                    ":performed_at": clock::iso(entry.performed_at),
                    ":performed_at_entered": entry.performed_at_text,
                    ":zone": home.zone_at(entry.performed_at),
                    ":local_date": home.date(entry.performed_at).to_string(),
                    ":recorded_at": clock::iso(now),
                    ":idempotency_key": key,
                };
                transaction.prepare_cached(INSERT)?.execute(values)?;
                let kept = transaction.prepare_cached(BY_ID)?.query_row([&id], read)?;
                let event = Event::new(ASSESSMENT_RECORDED, kept.whole());
                Ok(Change::new(kept, event))
            })
            .await
    }

    /// Makes a result not count any more. Once more changes nothing.
    pub async fn strike_assessment(&self, id: String, now: Timestamp) -> Result<Assessment, AssessmentError> {
        self.database
            .write(move |transaction| {
                let found = transaction.prepare_cached(BY_ID)?.query_row([&id], read).optional()?;
                let known = found.ok_or_else(|| AssessmentError::Unknown(id.clone()))?;
                if known.status == "entered-in-error" {
                    return Ok(Change::none(known));
                }
                history::keep(transaction, TABLE, known.compat_id, now)?;
                transaction.prepare_cached(STRIKE)?.execute([&id])?;
                let struck = transaction.prepare_cached(BY_ID)?.query_row([&id], read)?;
                let event = Event::new(ASSESSMENT_STRUCK, struck.whole());
                Ok::<_, AssessmentError>(Change::new(struck, event))
            })
            .await
    }

    /// Results of these days of somebody's, both included, newest first.
    pub async fn assessments(&self, subject: i64, first: Date, last: Date) -> Result<Vec<Assessment>, DatabaseError> {
        let values = (subject, first.to_string(), last.to_string());
        self.database
            .read(move |connection| {
                Ok(connection.prepare_cached(OF_DAYS)?.query_map(values, read)?.collect::<Result<_, _>>()?)
            })
            .await
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<Assessment> {
    let instant = |column| parsed(row, column);
    Ok(Assessment {
        compat_id: row.get("compat_id")?,
        id: row.get("id")?,
        subject: row.get("subject")?,
        entry: Entry {
            kind: understood(row, "kind", Kind::of_name)?,
            seconds: row.get("seconds")?,
            notes: row.get("notes")?,
            performed_at: instant("performed_at")?,
            performed_at_text: row.get("performed_at_entered")?,
        },
        zone: row.get("zone")?,
        local_date: row.get("local_date")?,
        status: row.get("status")?,
        version: row.get("version")?,
        recorded_at: instant("recorded_at")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::plans::{assert_indexed, empty};

    #[test]
    fn results_are_found_by_day_key_and_id() {
        let (_folder, connection) = empty();
        for sql in [BY_KEY, BY_ID, OF_DAYS, INSERT, STRIKE] {
            assert_indexed(&connection, sql);
        }
    }
}
