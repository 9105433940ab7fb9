//! Drinks as they are kept, a row for each.

mod goals;

use jiff::{Timestamp, civil::Date};
use kit::{
    Home, clock,
    database::{Change, DatabaseError},
    number,
    outbox::Event,
};
use rusqlite::{Connection, OptionalExtension, Row, named_params, params};
use serde_json::{Value, json};
use uuid::Uuid;

pub use self::goals::PutGoalError;
use super::{Store, history, parsed, residents::ResidentError, understood};
use crate::drinks::{
    Amount, Entry,
    amount::{Unit, shown_ml},
};

/// Somebody drank something.
pub const DRINK_RECORDED: &str = "drink.recorded";
/// They did not: it was entered in error.
pub const DRINK_STRUCK: &str = "drink.struck";

const TABLE: &str = "drinks";

const BY_KEY: &str = "SELECT * FROM drinks WHERE idempotency_key = ?";
const BY_COMPAT_ID: &str = "SELECT * FROM drinks WHERE compat_id = ?";
const OF_DAYS: &str = "SELECT * FROM drinks
    WHERE subject = ? AND status <> 'entered-in-error' AND local_date >= ? AND local_date <= ?
    ORDER BY local_date DESC, drunk_at DESC, compat_id DESC";
const STRIKE: &str = "UPDATE drinks SET status = 'entered-in-error', version = version + 1 WHERE compat_id = ?";
const INSERT: &str = "INSERT INTO drinks (id, subject, entered_amount, entered_unit, amount_ml, beverage, drunk_at,
        drunk_at_entered, zone, local_date, recorded_at, idempotency_key)
    VALUES (:id, :subject, :entered_amount, :entered_unit, :amount_ml, :beverage, :drunk_at, :drunk_at_entered, :zone,
        :local_date, :recorded_at, :idempotency_key)
    RETURNING compat_id";

/// A drink as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Drink {
    pub compat_id: i64,
    pub id: String,
    pub subject: i64,
    pub amount: Amount,
    pub ml: f64,
    pub beverage: String,
    pub drunk_at: Timestamp,
    pub drunk_at_text: String,
    pub zone: String,
    pub local_date: String,
    pub status: String,
    pub version: i64,
    pub recorded_at: Timestamp,
}

impl Drink {
    /// As events and newer clients have it.
    pub fn whole(&self) -> Value {
        json!({
            "id": self.id,
            "compat_id": self.compat_id,
            "subject": self.subject,
            "entered": {"value": number::json(self.amount.value), "unit": self.amount.unit.ucum()},
            "amount_ml": number::json(shown_ml(self.ml)),
            "beverage": self.beverage,
            "drunk_at": clock::iso(self.drunk_at),
            "zone": self.zone,
            "local_date": self.local_date,
            "status": self.status,
            "version": self.version,
            "recorded_at": clock::iso(self.recorded_at),
        })
    }

    fn is_struck(&self) -> bool {
        self.status == "entered-in-error"
    }

    /// Whether this is what was sent. Times are not compared: a request without one means each time another.
    fn is_of(&self, subject: i64, entry: &Entry) -> bool {
        (self.subject, self.amount, &self.beverage) == (subject, entry.amount, &entry.beverage)
    }
}

/// Why a drink was not kept.
#[derive(Debug, thiserror::Error)]
pub enum DrinkError {
    #[error("this Idempotency-Key was sent with another drink before: a new drink needs a new key")]
    KeyOfAnother,
    #[error(transparent)]
    Resident(#[from] ResidentError),
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl From<rusqlite::Error> for DrinkError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error.into())
    }
}

impl Store {
    /// Keeps a drink. The same key again is the same drink again: nothing new is kept.
    pub async fn record_drink(
        &self,
        subject: i64,
        entry: Entry,
        key: Option<String>,
        now: Timestamp,
    ) -> Result<Drink, DrinkError> {
        let home = self.home_of(subject).await?;
        self.database
            .write(move |transaction| {
                if let Some(known) = by_key(transaction, key.as_deref())? {
                    let is_same = known.is_of(subject, &entry);
                    return if is_same { Ok(Change::none(known)) } else { Err(DrinkError::KeyOfAnother) };
                }
                let compat_id = insert(transaction, subject, &entry, home, key.as_deref(), now)?;
                let drink = transaction.prepare_cached(BY_COMPAT_ID)?.query_row([compat_id], drink)?;
                let event = Event::new(DRINK_RECORDED, drink.whole());
                Ok(Change::new(drink, event))
            })
            .await
    }

    /// Strikes out a drink of somebody's; whether there was one that counted.
    pub async fn strike_drink(&self, subject: i64, compat_id: i64, now: Timestamp) -> Result<bool, DatabaseError> {
        self.database
            .write(move |transaction| {
                let known = transaction.prepare_cached(BY_COMPAT_ID)?.query_row([compat_id], drink).optional()?;
                if known.is_none_or(|known| known.subject != subject || known.is_struck()) {
                    return Ok(Change::none(false));
                }
                history::keep(transaction, TABLE, compat_id, now)?;
                transaction.prepare_cached(STRIKE)?.execute([compat_id])?;
                let struck = transaction.prepare_cached(BY_COMPAT_ID)?.query_row([compat_id], drink)?;
                Ok::<_, DatabaseError>(Change::new(true, Event::new(DRINK_STRUCK, struck.whole())))
            })
            .await
    }

    /// What somebody drank in these days of theirs, both included, newest first.
    pub async fn drinks(&self, subject: i64, first: Date, last: Date) -> Result<Vec<Drink>, DatabaseError> {
        let values = (subject, first.to_string(), last.to_string());
        self.database
            .read(move |connection| {
                Ok(connection.prepare_cached(OF_DAYS)?.query_map(values, drink)?.collect::<Result<_, _>>()?)
            })
            .await
    }
}

fn by_key(connection: &Connection, key: Option<&str>) -> rusqlite::Result<Option<Drink>> {
    let Some(key) = key else { return Ok(None) };
    connection.prepare_cached(BY_KEY)?.query_row(params![key], drink).optional()
}

fn insert(
    connection: &Connection,
    subject: i64,
    entry: &Entry,
    home: &Home,
    key: Option<&str>,
    now: Timestamp,
) -> rusqlite::Result<i64> {
    let values = named_params! {
        ":id": Uuid::now_v7().to_string(),
        ":subject": subject,
        ":entered_amount": entry.amount.value,
        ":entered_unit": entry.amount.unit.ucum(),
        ":amount_ml": entry.amount.ml(),
        ":beverage": entry.beverage,
        ":drunk_at": clock::iso(entry.drunk_at),
        ":drunk_at_entered": entry.drunk_at_text,
        ":zone": home.zone_at(entry.drunk_at),
        ":local_date": home.date(entry.drunk_at).to_string(),
        ":recorded_at": clock::iso(now),
        ":idempotency_key": key,
    };
    connection.prepare_cached(INSERT)?.query_row(values, |row| row.get(0))
}

fn drink(row: &Row<'_>) -> rusqlite::Result<Drink> {
    Ok(Drink {
        compat_id: row.get("compat_id")?,
        id: row.get("id")?,
        subject: row.get("subject")?,
        amount: Amount { value: row.get("entered_amount")?, unit: understood(row, "entered_unit", Unit::of_name)? },
        ml: row.get("amount_ml")?,
        beverage: row.get("beverage")?,
        drunk_at: parsed(row, "drunk_at")?,
        drunk_at_text: row.get("drunk_at_entered")?,
        zone: row.get("zone")?,
        local_date: row.get("local_date")?,
        status: row.get("status")?,
        version: row.get("version")?,
        recorded_at: parsed(row, "recorded_at")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::plans::{assert_indexed, empty};

    #[test]
    fn drinks_are_found_by_day_key_and_number() {
        let (_folder, connection) = empty();
        for sql in [BY_KEY, BY_COMPAT_ID, OF_DAYS, STRIKE, INSERT] {
            assert_indexed(&connection, sql);
        }
    }
}
