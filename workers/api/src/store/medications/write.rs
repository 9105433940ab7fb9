//! Medicines that are new, changed or stopped.

use jiff::Timestamp;
use kit::{Home, clock, database::Change, outbox::Event};
use rusqlite::{OptionalExtension, Transaction, named_params, params};
use uuid::Uuid;

use super::{Cabinet, Medication, MedicationError, stock};
use crate::{
    doses::local,
    medication::{entry::Entry, rows::RowEntry},
    store::{Store, history},
};

/// A medicine is new.
pub const MEDICATION_ADDED: &str = "medication.added";
/// Something about a medicine, or when it is taken, is different.
pub const MEDICATION_CHANGED: &str = "medication.changed";
/// A medicine is not taken any more.
pub const MEDICATION_STOPPED: &str = "medication.stopped";

const BY_KEY: &str = "SELECT compat_id, subject FROM medications WHERE idempotency_key = ?";

impl Store {
    /// A new medicine with its rows, which ask for the whole of today. The same key again is the same medicine again.
    pub async fn add_medication(
        &self,
        subject: i64,
        (entry, rows): (Entry, Vec<RowEntry>),
        key: Option<String>,
        now: Timestamp,
    ) -> Result<Medication, MedicationError> {
        let home = self.home_of(subject).await?;
        self.database
            .write(move |transaction| {
                if let Some(known) = by_key(transaction, key.as_deref(), subject)? {
                    return if known.entry.name == entry.name {
                        Ok(Change::none(known))
                    } else {
                        Err(MedicationError::KeyOfAnother)
                    };
                }
                let compat_id = insert(transaction, subject, &entry, key.as_deref(), now)?;
                let since = local::start_of_day(home.zone(), home.date(now));
                insert_rows(transaction, (subject, compat_id), &rows, since, home, now)?;
                if let Some(refills) = entry.refills_left {
                    stock::prescribe(transaction, (subject, compat_id), refills, now)?;
                }
                let medication = one(transaction, subject, compat_id)?;
                let event = Event::new(MEDICATION_ADDED, medication.whole());
                Ok(Change::new(medication, event))
            })
            .await
    }

    /// Changes what `change` changes of it, and replaces its rows if there are new ones: those are followed from now on.
    pub async fn change_medication(
        &self,
        subject: i64,
        compat_id: i64,
        change: impl FnOnce(Entry) -> Result<Entry, MedicationError> + Send + 'static,
        rows: Option<Vec<RowEntry>>,
        now: Timestamp,
    ) -> Result<Medication, MedicationError> {
        let home = self.home_of(subject).await?;
        self.database
            .write(move |transaction| {
                let before = one(transaction, subject, compat_id)?;
                let entry = change(before.entry.clone())?;
                if entry == before.entry && rows.is_none() {
                    return Ok(Change::none(before));
                }
                history::keep(transaction, "medications", compat_id, now)?;
                update(transaction, compat_id, &entry, now)?;
                if let Some(refills) = entry.refills_left.filter(|_| entry.refills_left != before.entry.refills_left) {
                    stock::prescribe(transaction, (subject, compat_id), refills, now)?;
                }
                if let Some(rows) = rows {
                    retire_rows(transaction, &before, now)?;
                    super::plan::retire(transaction, &before, now)?;
                    insert_rows(transaction, (subject, compat_id), &rows, now, home, now)?;
                }
                let medication = one(transaction, subject, compat_id)?;
                let event = Event::new(MEDICATION_CHANGED, medication.whole());
                Ok(Change::new(medication, event))
            })
            .await
    }

    /// It is not taken any more. What was due stays known.
    pub async fn stop_medication(&self, subject: i64, compat_id: i64, now: Timestamp) -> Result<(), MedicationError> {
        self.database
            .write(move |transaction| {
                if !one(transaction, subject, compat_id)?.is_active() {
                    return Ok(Change::none(()));
                }
                history::keep(transaction, "medications", compat_id, now)?;
                let sql =
                    "UPDATE medications SET status = 'stopped', stopped_at = ?2, updated_at = ?2, version = version + 1
                           WHERE compat_id = ?1";
                transaction.prepare_cached(sql)?.execute(params![compat_id, clock::iso(now)])?;
                let event = Event::new(MEDICATION_STOPPED, one(transaction, subject, compat_id)?.whole());
                Ok(Change::new((), event))
            })
            .await
    }
}

/// One of a resident's medicines, as it is now.
pub(super) fn one(transaction: &Transaction<'_>, subject: i64, compat_id: i64) -> Result<Medication, MedicationError> {
    let cabinet = Cabinet::of(transaction, subject)?;
    cabinet.find(compat_id).cloned().ok_or(MedicationError::Unknown)
}

/// Its rows are followed no more.
pub(super) fn retire_rows(
    transaction: &Transaction<'_>,
    medication: &Medication,
    now: Timestamp,
) -> rusqlite::Result<()> {
    for row in medication.active_rows() {
        history::keep(transaction, "medication_rows", row.compat_id, now)?;
        let sql = "UPDATE medication_rows SET status = 'retired', retired_at = ?2, version = version + 1 WHERE compat_id = ?1";
        transaction.prepare_cached(sql)?.execute(params![row.compat_id, clock::iso(now)])?;
    }
    Ok(())
}

fn by_key(
    transaction: &Transaction<'_>,
    key: Option<&str>,
    subject: i64,
) -> Result<Option<Medication>, MedicationError> {
    let Some(key) = key else { return Ok(None) };
    let owned = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let found: Option<(i64, i64)> = transaction.prepare_cached(BY_KEY)?.query_row([key], owned).optional()?;
    match found {
        None => Ok(None),
        Some((_, owner)) if owner != subject => Err(MedicationError::KeyOfAnother),
        Some((compat_id, _)) => one(transaction, subject, compat_id).map(Some),
    }
}

fn insert(
    transaction: &Transaction<'_>,
    subject: i64,
    entry: &Entry,
    key: Option<&str>,
    now: Timestamp,
) -> rusqlite::Result<i64> {
    let sql = "INSERT INTO medications (id, subject, name, dosage_unit, recorded_at, updated_at, idempotency_key)
               VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6) RETURNING compat_id";
    let id = Uuid::now_v7().to_string();
    let values = params![id, subject, entry.name, entry.dosage_unit, clock::iso(now), key];
    let compat_id = transaction.prepare_cached(sql)?.query_row(values, |row| row.get(0))?;
    set(transaction, compat_id, entry, now)?;
    Ok(compat_id)
}

fn update(transaction: &Transaction<'_>, compat_id: i64, entry: &Entry, now: Timestamp) -> rusqlite::Result<()> {
    set(transaction, compat_id, entry, now)?;
    let sql = "UPDATE medications SET version = version + 1 WHERE compat_id = ?";
    transaction.prepare_cached(sql)?.execute([compat_id]).map(drop)
}

fn set(transaction: &Transaction<'_>, compat_id: i64, entry: &Entry, now: Timestamp) -> rusqlite::Result<()> {
    let sql = "UPDATE medications SET name = :name, dosage = :dosage, dosage_unit = :dosage_unit,
                   instructions = :instructions, prescriber = :prescriber, pharmacy = :pharmacy, rx_number = :rx_number,
                   refills_left = :refills_left, start_date = :start_date, end_date = :end_date, is_prn = :is_prn,
                   prn_max_daily = :prn_max_daily, notes = :notes, updated_at = :updated_at
               WHERE compat_id = :compat_id";
    let values = named_params! {
        ":compat_id": compat_id,
        ":name": entry.name,
        ":dosage": entry.dosage,
        ":dosage_unit": entry.dosage_unit,
        ":instructions": entry.instructions,
        ":prescriber": entry.prescriber,
        ":pharmacy": entry.pharmacy,
        ":rx_number": entry.rx_number,
        ":refills_left": entry.refills_left,
        ":start_date": entry.start_date.map(|date| date.to_string()),
        ":end_date": entry.end_date.map(|date| date.to_string()),
        ":is_prn": entry.is_prn,
        ":prn_max_daily": entry.prn_max_daily,
        ":notes": entry.notes,
        ":updated_at": clock::iso(now),
    };
    transaction.prepare_cached(sql)?.execute(values).map(drop)
}

fn insert_rows(
    transaction: &Transaction<'_>,
    (subject, medication): (i64, i64),
    rows: &[RowEntry],
    followed_from: Timestamp,
    home: &Home,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let sql = "INSERT INTO medication_rows (id, subject, medication, schedule_time, dosage_amount, frequency_type,
                   days_of_week, day_of_week, interval_days, interval_start, entered_on, followed_from, recorded_at)
               VALUES (:id, :subject, :medication, :schedule_time, :dosage_amount, :frequency_type, :days_of_week,
                   :day_of_week, :interval_days, :interval_start, :entered_on, :followed_from, :recorded_at)";
    for row in rows {
        let values = named_params! {
            ":id": Uuid::now_v7().to_string(),
            ":subject": subject,
            ":medication": medication,
            ":schedule_time": row.schedule_time,
            ":dosage_amount": row.dosage_amount,
            ":frequency_type": row.frequency_type,
            ":days_of_week": row.days_of_week,
            ":day_of_week": row.day_of_week,
            ":interval_days": row.interval_days,
            ":interval_start": row.interval_start.map(|date| date.to_string()),
            ":entered_on": home.date(now).to_string(),
            ":followed_from": clock::iso(followed_from),
            ":recorded_at": clock::iso(now),
        };
        transaction.prepare_cached(sql)?.execute(values)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::plans::{assert_indexed, empty};

    #[test]
    fn a_medicine_that_was_sent_before_is_found_at_once() {
        let (_folder, connection) = empty();
        assert_indexed(&connection, BY_KEY);
    }
}
