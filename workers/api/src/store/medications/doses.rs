//! What was said of doses, as it is kept: one row a dose, whose record grows and forgets nothing, so that there is no need to
//! keep how it was before.

use jiff::{Timestamp, ToSpan, civil::Date};
use kit::{clock, database::DatabaseError};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use serde_json::{Value, json};
use uuid::Uuid;

use super::Medication;
use crate::{
    doses::{
        Key, Plan, Record,
        plan::{Anchor, Schedule},
        state,
    },
    store::{Store, parsed, understood},
};

/// How many days before a range a dose may be that decides about one in it: a linked one follows by some days at most.
const DAYS_BEFORE: i64 = 8;

const IN_RANGE: &str =
    "SELECT * FROM doses WHERE subject = ? AND local_date BETWEEN ? AND ? ORDER BY local_date, compat_id";
const NEWEST_OF_RULE: &str =
    "SELECT * FROM doses WHERE subject = ? AND rule = ? AND local_date < ? ORDER BY local_date DESC, slot DESC LIMIT 1";
const OF_MEDICATION: &str =
    "SELECT * FROM doses WHERE medication = ? AND local_date BETWEEN ? AND ? ORDER BY local_date, compat_id";
const BY_NUMBER: &str = "SELECT * FROM doses WHERE compat_id = ?";
const BY_KEY: &str = "SELECT * FROM doses WHERE subject = ? AND rule = ? AND local_date = ? AND slot = ?";

/// What was said of one dose.
#[derive(Clone, Debug)]
pub struct Dose {
    pub compat_id: i64,
    pub id: String,
    /// The medicine's.
    pub medication: i64,
    pub record: Record,
    pub recorded_at: Timestamp,
}

impl Dose {
    /// As events have it, with the medicine that it is of.
    pub fn whole(&self, medication: &Medication, now: Timestamp) -> Value {
        let record = &self.record;
        json!({
            "id": self.id,
            "compat_id": self.compat_id,
            "subject": medication.subject,
            "occurrence": record.key,
            "medication": {
                "id": medication.id,
                "compat_id": medication.compat_id,
                "name": medication.entry.name,
                "dosage": medication.entry.dosage,
                "dosage_unit": medication.entry.dosage_unit,
            },
            "state": state::of_record(record, now).name(),
            "was_ever_late": record.was_ever_late(),
            "due_at": clock::iso(record.due_at),
            "amount": record.amount,
            "taken_at": record.taken_at().map(clock::iso),
            "note": record.note(),
            "version": record.version(),
            "entries": record.entries,
            "late_at": record.late_at.map(clock::iso),
            "missed_at": record.missed_at.map(clock::iso),
            "as_needed": record.as_needed,
            "recorded_at": clock::iso(self.recorded_at),
        })
    }
}

impl Store {
    /// What was said of doses that matters for these dates, both included, for these plans.
    pub async fn doses(
        &self,
        subject: i64,
        plans: Vec<Plan>,
        (first, last): (Date, Date),
    ) -> Result<Vec<Dose>, DatabaseError> {
        self.database.read(move |connection| Ok(for_dates(connection, subject, &plans, (first, last))?)).await
    }

    /// What was said of one medicine's doses of these dates, the oldest first.
    pub async fn doses_of(&self, medication: i64, (first, last): (Date, Date)) -> Result<Vec<Dose>, DatabaseError> {
        self.database
            .read(move |connection| {
                let values = params![medication, first.to_string(), last.to_string()];
                Ok(connection.prepare_cached(OF_MEDICATION)?.query_map(values, dose)?.collect::<Result<_, _>>()?)
            })
            .await
    }
}

/// As [`Store::doses`]: those of the dates and of some days before, and the newest ones of rules that count from it.
pub(super) fn for_dates(
    connection: &Connection,
    subject: i64,
    plans: &[Plan],
    (first, last): (Date, Date),
) -> rusqlite::Result<Vec<Dose>> {
    let from = first.saturating_sub(DAYS_BEFORE.days());
    let values = params![subject, from.to_string(), last.to_string()];
    let mut doses: Vec<Dose> =
        connection.prepare_cached(IN_RANGE)?.query_map(values, dose)?.collect::<Result<_, _>>()?;
    for rule in plans.iter().flat_map(Plan::rules) {
        if matches!(rule.schedule, Schedule::Elapsed { anchor: Anchor::LastTaken, .. }) {
            let values = params![subject, rule.id.0, from.to_string()];
            doses.extend(connection.prepare_cached(NEWEST_OF_RULE)?.query_row(values, dose).optional()?);
        }
    }
    Ok(doses)
}

pub(super) fn by_key(connection: &Connection, subject: i64, key: &Key) -> rusqlite::Result<Option<Dose>> {
    let values = params![subject, key.rule.0, key.date.to_string(), key.slot];
    connection.prepare_cached(BY_KEY)?.query_row(values, dose).optional()
}

/// By the number that alerts know it by.
pub(super) fn by_number(connection: &Connection, number: i64) -> rusqlite::Result<Option<Dose>> {
    connection.prepare_cached(BY_NUMBER)?.query_row([number], dose).optional()
}

/// Keeps a record, as the one that its key has.
pub(super) fn keep(
    transaction: &Transaction<'_>,
    (subject, medication): (i64, i64),
    record: &Record,
    now: Timestamp,
) -> rusqlite::Result<Dose> {
    let sql = "INSERT INTO doses (id, subject, medication, rule, local_date, slot, due_at, record, recorded_at)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
               ON CONFLICT (subject, rule, local_date, slot)
               DO UPDATE SET record = excluded.record, version = version + 1
               RETURNING *";
    let text = serde_json::to_string(record).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    let values = params![
        Uuid::now_v7().to_string(),
        subject,
        medication,
        record.key.rule.0,
        record.key.date.to_string(),
        record.key.slot,
        clock::iso(record.due_at),
        text,
        clock::iso(now),
    ];
    transaction.prepare_cached(sql)?.query_row(values, dose)
}

fn dose(row: &Row<'_>) -> rusqlite::Result<Dose> {
    Ok(Dose {
        compat_id: row.get("compat_id")?,
        id: row.get("id")?,
        medication: row.get("medication")?,
        record: understood(row, "record", |text| serde_json::from_str(text).ok())?,
        recorded_at: parsed(row, "recorded_at")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::plans::{assert_indexed, empty};

    #[test]
    fn doses_are_found_at_once_however_many_years_of_them_there_are() {
        let (_folder, connection) = empty();
        for sql in [IN_RANGE, NEWEST_OF_RULE, OF_MEDICATION, BY_NUMBER, BY_KEY] {
            assert_indexed(&connection, sql);
        }
    }
}
