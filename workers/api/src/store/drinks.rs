//! Drinks as they are kept, a row for each.

mod behind;
mod goals;

use jiff::{Timestamp, civil::Date};
use kit::{clock, database::DatabaseError, number};
use rusqlite::{Row, named_params};
use serde_json::{Value, json};
use uuid::Uuid;

pub use self::goals::PutGoalError;
use super::{
    Store,
    entries::{self, Kept, RecordError},
    parsed, understood,
};
use crate::drinks::{
    Amount, Entry,
    amount::{Unit, shown_ml},
};

/// Somebody drank something.
pub const DRINK_RECORDED: &str = "drink.recorded";
/// They did not: it was entered in error.
pub const DRINK_STRUCK: &str = "drink.struck";

const OF_DAYS: &str = "SELECT * FROM drinks
    WHERE subject = ? AND status <> 'entered-in-error' AND local_date >= ? AND local_date <= ?
    ORDER BY local_date DESC, drunk_at DESC, compat_id DESC";

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
    /// Whether this is what was sent. Times are not compared: a request without one means each time another.
    fn is_of(&self, subject: i64, entry: &Entry) -> bool {
        (self.subject, self.amount, &self.beverage) == (subject, entry.amount, &entry.beverage)
    }
}

impl Kept for Drink {
    const TABLE: &'static str = "drinks";
    const WORD: &'static str = "drink";
    const RECORDED: &'static str = DRINK_RECORDED;
    const STRUCK: &'static str = DRINK_STRUCK;

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
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
}

impl Store {
    /// Keeps a drink. The same key again is the same drink again: nothing new is kept.
    pub async fn record_drink(
        &self,
        subject: i64,
        entry: Entry,
        key: Option<String>,
        now: Timestamp,
    ) -> Result<Drink, RecordError> {
        let home = self.home_of(subject).await?;
        self.database
            .write(move |transaction| {
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
                entries::record(transaction, key.as_deref(), |known: &Drink| known.is_of(subject, &entry), values)
            })
            .await
    }

    /// Strikes out a drink of somebody's; whether there was one that counted.
    pub async fn strike_drink(&self, subject: i64, compat_id: i64, now: Timestamp) -> Result<bool, DatabaseError> {
        self.strike::<Drink>(subject, compat_id, now).await
    }

    /// What somebody drank in these days of theirs, both included, newest first.
    pub async fn drinks(&self, subject: i64, first: Date, last: Date) -> Result<Vec<Drink>, DatabaseError> {
        let values = (subject, first.to_string(), last.to_string());
        self.database
            .read(move |connection| {
                Ok(connection.prepare_cached(OF_DAYS)?.query_map(values, Drink::read)?.collect::<Result<_, _>>()?)
            })
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::plans::{assert_indexed, empty};

    #[test]
    fn drinks_are_found_by_day() {
        let (_folder, connection) = empty();
        assert_indexed(&connection, OF_DAYS);
    }
}
