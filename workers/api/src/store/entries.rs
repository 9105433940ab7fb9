//! What is taken once, and struck out when it was none: drinks, workouts, results of tests.

use jiff::Timestamp;
use kit::{
    database::{Change, DatabaseError},
    outbox::Event,
};
use rusqlite::{Connection, OptionalExtension, Row, ToSql, Transaction};
use serde_json::Value;

use super::{Store, history, residents::ResidentError};

/// The status of what does not count any more.
pub const IN_ERROR: &str = "entered-in-error";

/// Why something was not kept.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// With the word for what it is.
    #[error("this Idempotency-Key was sent with another {0} before: a new {0} needs a new key")]
    KeyOfAnother(&'static str),
    #[error(transparent)]
    Resident(#[from] ResidentError),
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl From<rusqlite::Error> for RecordError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error.into())
    }
}

/// A row of somebody's. Its table has `compat_id`, `status`, `version` and `idempotency_key`.
pub trait Kept: Sized {
    const TABLE: &'static str;
    /// What one is called.
    const WORD: &'static str;
    /// The kinds of events that it leaves.
    const RECORDED: &'static str;
    const STRUCK: &'static str;

    fn read(row: &Row<'_>) -> rusqlite::Result<Self>;
    fn compat_id(&self) -> i64;
    fn subject(&self) -> i64;
    fn status(&self) -> &str;
    /// As events and newer clients have it.
    fn whole(&self) -> Value;

    fn is_struck(&self) -> bool {
        self.status() == IN_ERROR
    }
}

/// Keeps a row with these values. The same key again is the same again: nothing new is kept, if `is_same` as what was sent.
pub fn record<K: Kept>(
    transaction: &Transaction<'_>,
    key: Option<&str>,
    is_same: impl FnOnce(&K) -> bool,
    values: &[(&str, &dyn ToSql)],
) -> Result<Change<K>, RecordError> {
    if let Some(key) = key
        && let Some(known) = one::<K>(transaction, &by_key(K::TABLE), key)?
    {
        return if is_same(&known) { Ok(Change::none(known)) } else { Err(RecordError::KeyOfAnother(K::WORD)) };
    }
    let compat_id = super::insert(transaction, K::TABLE, values)?;
    let kept: K = again(transaction, compat_id)?;
    let event = Event::new(K::RECORDED, kept.whole());
    Ok(Change::new(kept, event))
}

/// One of somebody's that counts.
pub fn counting<K: Kept>(connection: &Connection, subject: i64, compat_id: i64) -> rusqlite::Result<Option<K>> {
    let found = one::<K>(connection, &by_compat_id(K::TABLE), compat_id)?;
    Ok(found.filter(|known| known.subject() == subject && !known.is_struck()))
}

/// Strikes out one that counts: as it is now, and the event that tells of it.
pub fn strike<K: Kept>(transaction: &Transaction<'_>, known: &K, now: Timestamp) -> rusqlite::Result<(K, Event)> {
    history::keep(transaction, K::TABLE, known.compat_id(), now)?;
    transaction.prepare_cached(&striking(K::TABLE))?.execute([known.compat_id()])?;
    let struck: K = again(transaction, known.compat_id())?;
    let event = Event::new(K::STRUCK, struck.whole());
    Ok((struck, event))
}

impl Store {
    /// Strikes out one of somebody's; whether there was one that counted.
    pub(super) async fn strike<K: Kept>(
        &self,
        subject: i64,
        compat_id: i64,
        now: Timestamp,
    ) -> Result<bool, DatabaseError> {
        self.database
            .write(move |transaction| {
                let Some(known) = counting::<K>(transaction, subject, compat_id)? else {
                    return Ok(Change::none(false));
                };
                let (_, event) = strike(transaction, &known, now)?;
                Ok::<_, DatabaseError>(Change::new(true, event))
            })
            .await
    }
}

fn one<K: Kept>(connection: &Connection, sql: &str, value: impl ToSql) -> rusqlite::Result<Option<K>> {
    connection.prepare_cached(sql)?.query_row([value], K::read).optional()
}

fn again<K: Kept>(connection: &Connection, compat_id: i64) -> rusqlite::Result<K> {
    connection.prepare_cached(&by_compat_id(K::TABLE))?.query_row([compat_id], K::read)
}

fn by_key(table: &str) -> String {
    format!("SELECT * FROM {table} WHERE idempotency_key = ?")
}

fn by_compat_id(table: &str) -> String {
    format!("SELECT * FROM {table} WHERE compat_id = ?")
}

fn striking(table: &str) -> String {
    format!("UPDATE {table} SET status = '{IN_ERROR}', version = version + 1 WHERE compat_id = ?")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::plans::{assert_indexed, empty};

    #[test]
    fn each_is_found_by_its_key_and_its_number() {
        let (_folder, connection) = empty();
        for table in ["drinks", "workouts", "assessments"] {
            for sql in [by_key(table), by_compat_id(table), striking(table)] {
                assert_indexed(&connection, &sql);
            }
        }
    }
}
