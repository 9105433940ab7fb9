//! Results of tests of strength and balance, as they are kept.

use jiff::{Timestamp, civil::Date};
use kit::{
    clock,
    database::{Change, DatabaseError},
    number,
};
use rusqlite::{OptionalExtension, Row, named_params};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    activity::assessment::{CutOff, Entry, Kind},
    store::{
        Store,
        entries::{self, Kept, RecordError},
        parsed, understood,
    },
};

const ASSESSMENT_RECORDED: &str = "assessment.recorded";
const ASSESSMENT_STRUCK: &str = "assessment.struck";

const BY_ID: &str = "SELECT * FROM assessments WHERE id = ?";
const OF_DAYS: &str = "SELECT * FROM assessments
    WHERE subject = ? AND status <> 'entered-in-error' AND local_date >= ? AND local_date <= ?
    ORDER BY local_date DESC, performed_at DESC, compat_id DESC";
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

impl Assessment {
    /// Whether this is what was sent. Times are not compared: a request without one means each time another.
    fn is_of(&self, subject: i64, entry: &Entry) -> bool {
        (self.subject, self.entry.kind, self.entry.seconds, &self.entry.notes)
            == (subject, entry.kind, entry.seconds, &entry.notes)
    }
}

impl Kept for Assessment {
    const TABLE: &'static str = "assessments";
    const WORD: &'static str = "result";
    const RECORDED: &'static str = ASSESSMENT_RECORDED;
    const STRUCK: &'static str = ASSESSMENT_STRUCK;

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let instant = |column| parsed(row, column);
        Ok(Self {
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

    fn compat_id(&self) -> i64 {
        self.compat_id
    }

    fn subject(&self) -> i64 {
        self.subject
    }

    fn status(&self) -> &str {
        &self.status
    }

    fn whole(&self) -> Value {
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
}

impl Store {
    /// Keeps a result. The same key again is the same result again: nothing new is kept.
    pub async fn record_assessment(
        &self,
        subject: i64,
        entry: Entry,
        key: Option<String>,
        now: Timestamp,
    ) -> Result<Assessment, RecordError> {
        let home = self.home_of(subject).await?;
        self.database
            .write(move |transaction| {
                let values = named_params! {
                    ":id": Uuid::now_v7().to_string(),
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
                entries::record(transaction, key.as_deref(), |known: &Assessment| known.is_of(subject, &entry), values)
            })
            .await
    }

    /// Makes a result not count any more. Once more changes nothing; `None` if there is no such result.
    pub async fn strike_assessment(
        &self,
        id: String,
        may_change: impl Fn(i64) -> bool + Send + 'static,
        now: Timestamp,
    ) -> Result<Option<Assessment>, DatabaseError> {
        self.database
            .write(move |transaction| {
                let found = transaction.prepare_cached(BY_ID)?.query_row([&id], Assessment::read).optional()?;
                let found = found.filter(|known| may_change(known.subject));
                let Some(known) = found.as_ref().filter(|known| !known.is_struck()) else {
                    return Ok(Change::none(found));
                };
                let (struck, event) = entries::strike(transaction, known, now)?;
                Ok::<_, DatabaseError>(Change::new(Some(struck), event))
            })
            .await
    }

    /// Results of these days of somebody's, both included, newest first.
    pub async fn assessments(&self, subject: i64, first: Date, last: Date) -> Result<Vec<Assessment>, DatabaseError> {
        let values = (subject, first.to_string(), last.to_string());
        self.database
            .read(move |connection| {
                Ok(connection
                    .prepare_cached(OF_DAYS)?
                    .query_map(values, Assessment::read)?
                    .collect::<Result<_, _>>()?)
            })
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::plans::{assert_indexed, empty};

    #[test]
    fn results_are_found_by_day_and_id() {
        let (_folder, connection) = empty();
        for sql in [BY_ID, OF_DAYS] {
            assert_indexed(&connection, sql);
        }
    }
}
