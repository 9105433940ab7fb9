//! The event that every change leaves behind, written in the same transaction as the change.

use rusqlite::{Connection, Transaction, params};
use serde::Serialize;

/// The table, made before a worker's own migrations.
pub(crate) const TABLE: &str = "CREATE TABLE IF NOT EXISTS outbox (
    home_seq INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    payload TEXT NOT NULL,
    recorded_at TEXT NOT NULL
) STRICT";

/// Something that became true.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// What kind: `reading.recorded`.
    pub kind: &'static str,
    /// The whole of it, as JSON.
    pub payload: serde_json::Value,
}

impl Event {
    /// An event of this kind.
    pub fn new(kind: &'static str, payload: impl Serialize) -> Self {
        let payload = serde_json::to_value(payload).unwrap_or_else(|error| {
            // Nothing of ours has keys that are no strings; if it ever does, the change itself is still recorded.
            tracing::error!(kind, "an event could not be written as JSON: {error}");
            serde_json::Value::Null
        });
        Self { kind, payload }
    }
}

/// An event with its place in the home's history.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// Rises by at least one with each event; never reused.
    pub home_seq: i64,
    /// What happened.
    pub event: Event,
}

/// An event as the outbox kept it, whichever process wrote it.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    /// Its place in the home's history.
    pub home_seq: i64,
    /// What kind.
    pub kind: String,
    /// The whole of it; null if it cannot be read.
    pub payload: serde_json::Value,
}

/// The place of the newest event; 0 if there is none yet.
///
/// # Errors
/// SQLite's.
pub fn newest(connection: &Connection) -> rusqlite::Result<i64> {
    connection.prepare_cached("SELECT coalesce(max(home_seq), 0) FROM outbox")?.query_row([], |row| row.get(0))
}

/// At most so many events that follow this place, in their order.
///
/// # Errors
/// SQLite's.
pub fn after(connection: &Connection, home_seq: i64, most: u32) -> rusqlite::Result<Vec<Kept>> {
    let sql = "SELECT home_seq, kind, payload FROM outbox WHERE home_seq > ?1 ORDER BY home_seq LIMIT ?2";
    let kept = |row: &rusqlite::Row<'_>| {
        let payload: String = row.get(2)?;
        Ok(Kept {
            home_seq: row.get(0)?,
            kind: row.get(1)?,
            payload: serde_json::from_str(&payload).unwrap_or_default(),
        })
    };
    connection.prepare_cached(sql)?.query_map(params![home_seq, most], kept)?.collect()
}

pub(crate) fn record(transaction: &Transaction<'_>, event: Event) -> rusqlite::Result<Recorded> {
    let sql = "INSERT INTO outbox (kind, payload, recorded_at) VALUES (?1, ?2, ?3) RETURNING home_seq";
    let values = params![event.kind, event.payload.to_string(), crate::clock::iso_now()];
    let home_seq = transaction.prepare_cached(sql)?.query_row(values, |row| row.get(0))?;
    Ok(Recorded { home_seq, event })
}
