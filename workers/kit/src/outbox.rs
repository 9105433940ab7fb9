//! The event that every change leaves behind, written in the same transaction as the change.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, Transaction, params};
use serde::Serialize;

/// How many events are kept: whoever was away for longer asks for everything anew.
pub const KEPT_EVENTS: i64 = 100_000;
/// For how long they are kept.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(30 * 24);
/// After so many new events old ones are looked for: nothing is done while nothing happens.
const TRIM_EVERY: i64 = 256;
/// So many go at once: more than come, and few enough that nobody waits for it.
const MOST_TRIMMED: i64 = 512;

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
    /// When: `2031-01-31T12:00:00.000Z`.
    pub recorded_at: String,
}

/// The place of the newest event; 0 if there is none yet.
///
/// # Errors
/// SQLite's.
pub fn newest(connection: &Connection) -> rusqlite::Result<i64> {
    connection.prepare_cached("SELECT coalesce(max(home_seq), 0) FROM outbox")?.query_row([], |row| row.get(0))
}

/// The place of the oldest event that is still there; 0 if there is none yet.
///
/// # Errors
/// SQLite's.
pub fn oldest(connection: &Connection) -> rusqlite::Result<i64> {
    connection.prepare_cached("SELECT coalesce(min(home_seq), 0) FROM outbox")?.query_row([], |row| row.get(0))
}

/// At most so many events that follow this place, in their order.
///
/// # Errors
/// SQLite's.
pub fn after(connection: &Connection, home_seq: i64, most: u32) -> rusqlite::Result<Vec<Kept>> {
    let sql = "SELECT home_seq, kind, payload, recorded_at FROM outbox WHERE home_seq > ?1 ORDER BY home_seq LIMIT ?2";
    let kept = |row: &rusqlite::Row<'_>| {
        let payload: String = row.get(2)?;
        Ok(Kept {
            home_seq: row.get(0)?,
            kind: row.get(1)?,
            payload: serde_json::from_str(&payload).unwrap_or_default(),
            recorded_at: row.get(3)?,
        })
    };
    connection.prepare_cached(sql)?.query_map(params![home_seq, most], kept)?.collect()
}

pub(crate) fn record(transaction: &Transaction<'_>, event: Event) -> rusqlite::Result<Recorded> {
    let sql = "INSERT INTO outbox (kind, payload, recorded_at) VALUES (?1, ?2, ?3) RETURNING home_seq";
    let values = params![event.kind, event.payload.to_string(), crate::clock::iso_now()];
    let home_seq = transaction.prepare_cached(sql)?.query_row(values, |row| row.get(0))?;
    if home_seq % TRIM_EVERY == 0 {
        trim(transaction, home_seq, Timestamp::now())?;
    }
    Ok(Recorded { home_seq, event })
}

/// Drops the oldest events that are too many or too old; the newest one stays, so that places go on from it. What is left has
/// no hole: the first event that is young enough keeps all that follow, whatever the clock said when they were written.
fn trim(transaction: &Transaction<'_>, newest: i64, now: Timestamp) -> rusqlite::Result<()> {
    let sql = "WITH first AS (SELECT home_seq, recorded_at FROM outbox ORDER BY home_seq LIMIT ?2)
        DELETE FROM outbox WHERE home_seq < ?1 AND home_seq <= (SELECT max(home_seq) FROM first)
        AND home_seq < coalesce(
            (SELECT min(home_seq) FROM first WHERE home_seq > ?1 - ?3 AND recorded_at >= ?4), ?1)";
    let too_old = crate::clock::iso(now - KEPT_FOR);
    transaction.prepare_cached(sql)?.execute(params![newest, MOST_TRIMMED, KEPT_EVENTS, too_old]).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(transaction: &Transaction<'_>, home_seq: i64, recorded_at: &str) {
        let sql = "INSERT INTO outbox (home_seq, kind, payload, recorded_at) VALUES (?, 'x', 'null', ?)";
        transaction.execute(sql, params![home_seq, recorded_at]).unwrap();
    }

    fn places(connection: &Connection) -> Vec<i64> {
        after(connection, 0, 9_999).unwrap().into_iter().map(|kept| kept.home_seq).collect()
    }

    #[test]
    fn what_is_too_old_or_too_much_goes_and_the_newest_stays() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(TABLE).unwrap();
        let transaction = connection.transaction().unwrap();
        let newest = KEPT_EVENTS + 10;
        let events = [
            (9, "2031-03-01"),
            (10, "2031-03-01"),
            (11, "2031-01-01"),
            (12, "2031-03-01"),
            (13, "1970-01-01"), // before the clock was set
            (14, "2031-03-01"),
        ];
        for (home_seq, recorded_at) in events {
            put(&transaction, home_seq, recorded_at);
        }
        put(&transaction, newest, "2031-01-01");
        trim(&transaction, newest, "2031-03-02T00:00:00Z".parse().unwrap()).unwrap();
        assert_eq!(places(&transaction), [12, 13, 14, newest]);
        assert_eq!((oldest(&transaction), super::newest(&transaction)), (Ok(12), Ok(newest)));
    }

    #[test]
    fn it_is_trimmed_as_it_grows() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(TABLE).unwrap();
        let transaction = connection.transaction().unwrap();
        for home_seq in 1..=3 {
            put(&transaction, home_seq, "2001-01-01");
        }
        put(&transaction, TRIM_EVERY - 2, "2999-01-01");
        record(&transaction, Event::new("x", ())).unwrap();
        assert_eq!(places(&transaction).len(), 5);
        record(&transaction, Event::new("x", ())).unwrap();
        assert_eq!(places(&transaction), [TRIM_EVERY - 2, TRIM_EVERY - 1, TRIM_EVERY]);
    }
}
