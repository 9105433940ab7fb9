//! What is left in the boxes.

use jiff::{Timestamp, ToSpan};
use kit::{clock, database::Change, outbox::Event};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Cabinet, Medication, MedicationError, doses, write};
use crate::{
    doses::{
        Record,
        prn::takings,
        stock::{Forecast, Keeping, Movement, MovementKind, forecast, stock, used_per_day},
    },
    store::{Store, history, parsed, understood},
};

/// Something happened to a box.
pub const STOCK_MOVED: &str = "stock.moved";

/// From how many days what is used as needed is counted.
const USED_OVER_DAYS: u32 = 30;
/// How many days of doses a count is believed for: whoever counts once a year knows what is left.
const DAYS_COUNTED: i64 = 400;

const MOVEMENTS: &str = "SELECT * FROM stock_movements WHERE medication = ? ORDER BY at, compat_id";
const BY_KEY: &str = "SELECT * FROM stock_movements WHERE idempotency_key = ?";

impl Store {
    /// What is left of a medicine, and how long it lasts.
    pub async fn stock(
        &self,
        subject: i64,
        compat_id: i64,
        now: Timestamp,
    ) -> Result<(Keeping, Forecast), MedicationError> {
        let home = self.home_of(subject).await?;
        self.database
            .read(move |connection| {
                let cabinet = Cabinet::of(connection, subject)?;
                let medication = cabinet.find(compat_id).ok_or(MedicationError::Unknown)?;
                let plans = cabinet.plans();
                let today = home.date(now);
                let range = (today.saturating_sub(DAYS_COUNTED.days()), today);
                let known = doses::for_dates(connection, subject, &plans, range)?;
                let records: Vec<Record> = known.into_iter().map(|dose| dose.record).collect();
                let movements = movements(connection, compat_id)?;
                let name = compat_id.to_string();
                let mut keeping = medication.keeping;
                keeping.as_needed_per_day = used_per_day(&records, &name, keeping.amount_per_unit, USED_OVER_DAYS, now);
                let left = stock(&movements, &takings(&records, &name), keeping.amount_per_unit, now);
                let plan = medication.own_plan().cloned().unwrap_or_else(|| medication.plan_of_rows());
                let forecast = forecast(left, &keeping, (&plan, &plans), &records, home.zone(), now);
                Ok((keeping, forecast))
            })
            .await
    }

    /// Keeps what happened to a box. The same key again is the same movement again.
    pub async fn move_stock(
        &self,
        subject: i64,
        compat_id: i64,
        movement: Movement,
        key: Option<String>,
        now: Timestamp,
    ) -> Result<(), MedicationError> {
        self.database
            .write(move |transaction| {
                let medication = write::one(transaction, subject, compat_id)?;
                if let Some(key) = &key
                    && let Some((owner, known)) =
                        transaction.prepare_cached(BY_KEY)?.query_row([key], kept).optional()?
                {
                    let same = owner == compat_id && known.kind == movement.kind;
                    return if same { Ok(Change::none(())) } else { Err(MedicationError::KeyOfAnother) };
                }
                let id = insert(transaction, &medication, &movement, key.as_deref(), now)?;
                refill(transaction, &medication, movement.kind, now)?;
                let event = Event::new(STOCK_MOVED, whole(&medication, &movement, &id));
                Ok(Change::new((), event))
            })
            .await
    }

    /// How it is kept from now on.
    pub async fn keep_medication(
        &self,
        subject: i64,
        compat_id: i64,
        keeping: Keeping,
        now: Timestamp,
    ) -> Result<(), MedicationError> {
        self.database
            .write(move |transaction| {
                write::one(transaction, subject, compat_id)?;
                history::keep(transaction, "medications", compat_id, now)?;
                let text = json!(keeping).to_string();
                let sql =
                    "UPDATE medications SET keeping = ?2, updated_at = ?3, version = version + 1 WHERE compat_id = ?1";
                transaction.prepare_cached(sql)?.execute(params![compat_id, text, clock::iso(now)])?;
                let event = Event::new(super::MEDICATION_CHANGED, write::one(transaction, subject, compat_id)?.whole());
                Ok(Change::new((), event))
            })
            .await
    }
}

/// The prescriber allows so many refills, as an existing client says it.
pub(super) fn prescribe(
    transaction: &Transaction<'_>,
    (subject, compat_id): (i64, i64),
    refills: i64,
    now: Timestamp,
) -> Result<(), MedicationError> {
    let medication = write::one(transaction, subject, compat_id)?;
    let refills = u32::try_from(refills).unwrap_or_default();
    let movement = Movement { at: now, kind: MovementKind::Prescribed { refills } };
    insert(transaction, &medication, &movement, None, now)?;
    Ok(())
}

/// What existing clients see of refills follows the box.
fn refill(
    transaction: &Transaction<'_>,
    medication: &Medication,
    kind: MovementKind,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let left = match kind {
        MovementKind::Prescribed { refills } => Some(i64::from(refills)),
        MovementKind::Dispensed { refill: true, .. } => medication.entry.refills_left.map(|left| (left - 1).max(0)),
        MovementKind::Dispensed { .. } | MovementKind::Counted { .. } | MovementKind::Lost { .. } => return Ok(()),
    };
    history::keep(transaction, "medications", medication.compat_id, now)?;
    let sql = "UPDATE medications SET refills_left = ?2, updated_at = ?3, version = version + 1 WHERE compat_id = ?1";
    transaction.prepare_cached(sql)?.execute(params![medication.compat_id, left, clock::iso(now)]).map(drop)
}

fn insert(
    transaction: &Transaction<'_>,
    medication: &Medication,
    movement: &Movement,
    key: Option<&str>,
    now: Timestamp,
) -> rusqlite::Result<String> {
    let sql = "INSERT INTO stock_movements (id, subject, medication, at, kind, recorded_at, idempotency_key)
               VALUES (?, ?, ?, ?, ?, ?, ?)";
    let id = Uuid::now_v7().to_string();
    let kind = json!(movement.kind).to_string();
    let values =
        params![id, medication.subject, medication.compat_id, clock::iso(movement.at), kind, clock::iso(now), key];
    transaction.prepare_cached(sql)?.execute(values)?;
    Ok(id)
}

fn movements(connection: &Connection, medication: i64) -> rusqlite::Result<Vec<Movement>> {
    let mut statement = connection.prepare_cached(MOVEMENTS)?;
    let movements = statement.query_map([medication], kept)?;
    movements.map(|found| found.map(|(_, movement)| movement)).collect()
}

fn kept(row: &Row<'_>) -> rusqlite::Result<(i64, Movement)> {
    let movement =
        Movement { at: parsed(row, "at")?, kind: understood(row, "kind", |text| serde_json::from_str(text).ok())? };
    Ok((row.get("medication")?, movement))
}

fn whole(medication: &Medication, movement: &Movement, id: &str) -> Value {
    json!({
        "id": id,
        "subject": medication.subject,
        "medication": {"id": medication.id, "compat_id": medication.compat_id, "name": medication.entry.name},
        "at": clock::iso(movement.at),
        "movement": movement.kind,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::plans::{assert_indexed, empty};

    #[test]
    fn movements_are_found_at_once() {
        let (_folder, connection) = empty();
        for sql in [MOVEMENTS, BY_KEY] {
            assert_indexed(&connection, sql);
        }
    }
}
