//! The event that every change leaves behind, written in the same transaction as the change.

use rusqlite::{Transaction, params};
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

pub(crate) fn record(transaction: &Transaction<'_>, event: Event) -> rusqlite::Result<Recorded> {
    let sql = "INSERT INTO outbox (kind, payload, recorded_at) VALUES (?1, ?2, ?3) RETURNING home_seq";
    let values = params![event.kind, event.payload.to_string(), crate::clock::iso_now()];
    let home_seq = transaction.prepare_cached(sql)?.query_row(values, |row| row.get(0))?;
    Ok(Recorded { home_seq, event })
}
