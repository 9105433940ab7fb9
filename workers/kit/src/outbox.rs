//! The event that every change leaves behind, written in the same transaction as the change.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, Transaction, params};
use serde::Serialize;

/// How long an event is kept for those who were away.
pub const KEPT_FOR: SignedDuration = SignedDuration::from_hours(30 * 24);
/// How many events are kept at most: some months of a reading a minute, about 200 MB of the largest home's.
pub const MOST_KEPT: i64 = 200_000;
/// The newest ones stay whatever the clock says: one that is years ahead must not empty the outbox.
pub const LEAST_KEPT: i64 = 1_000;
/// How many are removed in one transaction at most, so that no change waits long for it.
const TRIMMED_AT_ONCE: u32 = 512;

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
    /// When it was written down, as ISO text.
    pub recorded_at: String,
}

/// The place of the newest event; 0 if there is none yet.
///
/// # Errors
/// SQLite's.
pub fn newest(connection: &Connection) -> rusqlite::Result<i64> {
    connection.prepare_cached("SELECT coalesce(max(home_seq), 0) FROM outbox")?.query_row([], |row| row.get(0))
}

/// The place of the oldest event that is still kept; `None` if there is none.
///
/// # Errors
/// SQLite's.
pub fn oldest(connection: &Connection) -> rusqlite::Result<Option<i64>> {
    connection.prepare_cached("SELECT min(home_seq) FROM outbox")?.query_row([], |row| row.get(0))
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
    Ok(Recorded { home_seq, event })
}

/// Removes what is older than [`KEPT_FOR`] or beyond [`MOST_KEPT`], a part at a time: from the oldest on, up to the first that
/// is to stay. Called with each change, so that nothing runs while nothing happens.
pub(crate) fn trim(transaction: &Transaction<'_>, newest: i64) -> rusqlite::Result<()> {
    trim_by(transaction, newest, Timestamp::now(), MOST_KEPT, LEAST_KEPT)
}

fn trim_by(
    transaction: &Transaction<'_>,
    newest: i64,
    now: Timestamp,
    most_kept: i64,
    least_kept: i64,
) -> rusqlite::Result<()> {
    let old = now.checked_sub(KEPT_FOR).map(crate::clock::iso).unwrap_or_default();
    let sql = "SELECT home_seq, recorded_at FROM outbox WHERE home_seq <= ?1 ORDER BY home_seq LIMIT ?2";
    let mut oldest = transaction.prepare_cached(sql)?;
    let mut rows = oldest.query(params![newest - least_kept, TRIMMED_AT_ONCE])?;
    let mut last = None;
    while let Some(row) = rows.next()? {
        let (home_seq, recorded_at): (i64, String) = (row.get(0)?, row.get(1)?);
        if home_seq > newest - most_kept && recorded_at >= old {
            break;
        }
        last = Some(home_seq);
    }
    let Some(last) = last else { return Ok(()) };
    transaction.prepare_cached("DELETE FROM outbox WHERE home_seq <= ?1")?.execute([last])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const MOST: i64 = 2_000;
    const LEAST: i64 = 10;

    /// A home's history of so many events, trimmed once; what is left of it, from and to.
    fn trimmed(events: i64, now: Timestamp) -> (i64, i64) {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(TABLE).unwrap();
        let transaction = connection.transaction().unwrap();
        for number in 1..=events {
            let recorded = record(&transaction, Event::new("cup.poured", json!({"number": number}))).unwrap();
            assert_eq!(recorded.home_seq, number);
        }
        trim_by(&transaction, events, now, MOST, LEAST).unwrap();
        (oldest(&transaction).unwrap().unwrap(), newest(&transaction).unwrap())
    }

    #[test]
    fn what_is_new_and_not_too_much_stays() {
        let now = Timestamp::now();
        assert_eq!(trimmed(MOST, now), (1, MOST));
        assert_eq!(trimmed(MOST, now + KEPT_FOR - SignedDuration::from_mins(1)), (1, MOST));
    }

    #[test]
    fn what_is_beyond_the_count_goes_from_the_oldest_on_a_part_at_a_time() {
        assert_eq!(trimmed(MOST + 3, Timestamp::now()), (4, MOST + 3));
        let many = MOST + 10_000;
        assert_eq!(trimmed(many, Timestamp::now()), (i64::from(TRIMMED_AT_ONCE) + 1, many));
    }

    #[test]
    fn what_is_old_goes_but_never_the_newest() {
        let later = Timestamp::now() + KEPT_FOR + SignedDuration::from_mins(1);
        assert_eq!(trimmed(100, later), (91, 100));
        assert_eq!(trimmed(LEAST, later), (1, LEAST));
        assert_eq!(trimmed(LEAST, Timestamp::MAX), (1, LEAST));
        assert_eq!(trimmed(100, Timestamp::MIN), (1, 100), "a clock that is behind removes nothing");
    }
}
