//! The outbox: what was received, on disk before anything else is done with it, until betti-backend has it.

use std::path::Path;

use kit::database::{Change, Database, DatabaseError, OpenError};
use rusqlite::{OptionalExtension, Transaction, params};

use crate::observation::{Observation, Received};
use crate::plausible::TimeSource;

pub const FILE: &str = "ble.db";
const MIGRATIONS: [&str; 1] = [include_str!("../migrations/0001_readings.sql")];
/// Readings of streams that may wait: at one in five seconds, more than a day of one strap. Spot readings are not counted.
const LONGEST_STREAM: i64 = 20_000;
/// Refused readings that are kept to be looked at.
const MOST_REFUSED: i64 = 1_000;
/// A device without a clock that sends the same bytes again this soon is repeating itself.
const REPEAT_WITHIN_MS: i64 = 30_000;

/// Whether a reading is one of many, or one that stands for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The oldest are dropped when too many wait.
    Stream,
    /// Never dropped.
    Spot,
}

/// What became of a reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    New,
    /// It was there already, waiting or delivered.
    Already,
}

/// A reading that is to be delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    pub id: i64,
    pub key: String,
    pub body: String,
}

/// The readings. Cheap to clone.
#[derive(Clone)]
pub struct Store(Database);

impl Store {
    pub fn open(data_dir: &Path) -> Result<Self, OpenError> {
        Database::open(&data_dir.join(FILE), &MIGRATIONS).map(Self)
    }

    /// Keeps a reading for delivery; it is on disk when this returns.
    pub async fn keep(&self, observation: Observation, kind: Kind) -> Result<Kept, DatabaseError> {
        self.0
            .write(move |transaction| {
                let kept = insert(transaction, &observation, kind)?;
                if kind == Kind::Stream {
                    drop_oldest(transaction)?;
                }
                Ok(Change::none(kept))
            })
            .await
    }

    /// Keeps what is no reading, with the reason, to be looked at.
    pub async fn keep_refused(&self, received: Received, reason: String) -> Result<(), DatabaseError> {
        self.0
            .write(move |transaction| {
                let key = received.key(TimeSource::Hub);
                transaction
                    .prepare_cached(
                        "INSERT INTO readings (key, device, characteristic, raw, received_ms, time_source, stream, body, \
                         state, reason) VALUES (?1, ?2, ?3, ?4, ?5, 'hub', 0, '', 'refused', ?6) \
                         ON CONFLICT (key) DO NOTHING",
                    )?
                    .execute(params![
                        key,
                        received.device.to_string(),
                        received.measurement.code(),
                        received.raw,
                        received.at.as_millisecond(),
                        reason
                    ])?;
                forget_oldest_refused(transaction)?;
                Ok(Change::none(()))
            })
            .await
    }

    /// What is to be delivered next: spot readings before streams, each in the order of receipt.
    pub async fn next(&self) -> Result<Option<Waiting>, DatabaseError> {
        self.0
            .read(|connection| {
                let mut query = connection.prepare_cached(
                    "SELECT id, key, body FROM readings WHERE state = 'waiting' ORDER BY stream, id LIMIT 1",
                )?;
                let waiting =
                    query.query_row((), |row| Ok(Waiting { id: row.get(0)?, key: row.get(1)?, body: row.get(2)? }));
                Ok(waiting.optional()?)
            })
            .await
    }

    /// The API has it. Spot readings stay as a mark that they were taken; a stream's are done with.
    pub async fn delivered(&self, id: i64) -> Result<(), DatabaseError> {
        self.0
            .write(move |transaction| {
                transaction.execute("DELETE FROM readings WHERE id = ?1 AND stream = 1", [id])?;
                transaction.execute("UPDATE readings SET state = 'delivered' WHERE id = ?1", [id])?;
                Ok(Change::none(()))
            })
            .await
    }

    /// The API will never take it.
    pub async fn refused(&self, id: i64, reason: String) -> Result<(), DatabaseError> {
        self.0
            .write(move |transaction| {
                transaction
                    .execute("UPDATE readings SET state = 'refused', reason = ?2 WHERE id = ?1", params![id, reason])?;
                forget_oldest_refused(transaction)?;
                Ok(Change::none(()))
            })
            .await
    }
}

fn insert(transaction: &Transaction<'_>, observation: &Observation, kind: Kind) -> rusqlite::Result<Kept> {
    let received = &observation.received;
    if kind == Kind::Spot && observation.time_source == TimeSource::Hub && is_repeated(transaction, received)? {
        return Ok(Kept::Already);
    }
    let rows = transaction
        .prepare_cached(
            "INSERT INTO readings (key, device, characteristic, raw, received_ms, time_source, stream, body) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (key) DO NOTHING",
        )?
        .execute(params![
            received.key(observation.time_source),
            received.device.to_string(),
            received.measurement.code(),
            received.raw,
            received.at.as_millisecond(),
            observation.time_source.word(),
            kind == Kind::Stream,
            observation.body
        ])?;
    Ok(if rows == 0 { Kept::Already } else { Kept::New })
}

fn is_repeated(transaction: &Transaction<'_>, received: &Received) -> rusqlite::Result<bool> {
    transaction
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM readings WHERE device = ?1 AND characteristic = ?2 AND raw = ?3 \
             AND abs(received_ms - ?4) < ?5)",
        )?
        .query_row(
            params![
                received.device.to_string(),
                received.measurement.code(),
                received.raw,
                received.at.as_millisecond(),
                REPEAT_WITHIN_MS
            ],
            |row| row.get(0),
        )
}

fn drop_oldest(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    let dropped = transaction
        .prepare_cached(
            "DELETE FROM readings WHERE id IN (SELECT id FROM readings WHERE state = 'waiting' AND stream = 1 \
             ORDER BY id DESC LIMIT -1 OFFSET ?1)",
        )?
        .execute([LONGEST_STREAM])?;
    if dropped > 0 {
        tracing::warn!(dropped, "too many readings of streams wait for the API: the oldest are dropped");
    }
    Ok(())
}

fn forget_oldest_refused(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "DELETE FROM readings WHERE id IN (SELECT id FROM readings WHERE state = 'refused' \
             ORDER BY id DESC LIMIT -1 OFFSET ?1)",
        )?
        .execute([MOST_REFUSED])
        .map(drop)
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::*;
    use crate::gatt::Measurement;

    fn observation(raw: &[u8], at_ms: i64, time_source: TimeSource) -> Observation {
        let received = Received {
            device: "00:5F:BF:00:00:02".parse().unwrap(),
            measurement: Measurement::BloodPressure,
            raw: raw.to_vec(),
            at: Timestamp::UNIX_EPOCH + SignedDuration::from_millis(at_ms),
        };
        Observation { received, time_source, body: "{}".into() }
    }

    async fn drain(store: &Store) -> Vec<i64> {
        let mut seen = Vec::new();
        while let Some(waiting) = store.next().await.unwrap() {
            seen.push(waiting.id);
            store.delivered(waiting.id).await.unwrap();
        }
        seen
    }

    fn block_on(test: impl Future<Output = ()>) {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(test);
    }

    fn open() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        (folder, store)
    }

    #[test]
    fn a_timed_reading_is_taken_once_even_after_it_was_delivered() {
        block_on(async {
            let (_folder, store) = open();
            let reading = |at| observation(&[1, 2, 3], at, TimeSource::Device);
            assert_eq!(store.keep(reading(0), Kind::Spot).await.unwrap(), Kept::New);
            assert_eq!(drain(&store).await.len(), 1);
            assert_eq!(store.keep(reading(100_000_000), Kind::Spot).await.unwrap(), Kept::Already);
            assert_eq!(store.next().await.unwrap(), None);
        });
    }

    #[test]
    fn an_untimed_reading_counts_again_after_a_while() {
        block_on(async {
            let (_folder, store) = open();
            let reading = |at| observation(&[1, 2, 3], at, TimeSource::Hub);
            assert_eq!(store.keep(reading(0), Kind::Spot).await.unwrap(), Kept::New);
            assert_eq!(store.keep(reading(29_999), Kind::Spot).await.unwrap(), Kept::Already);
            assert_eq!(store.keep(reading(30_000), Kind::Spot).await.unwrap(), Kept::New);
        });
    }

    #[test]
    fn spot_readings_go_before_streams_and_outlive_delivery() {
        block_on(async {
            let (folder, store) = open();
            store.keep(observation(&[1], 0, TimeSource::Hub), Kind::Stream).await.unwrap();
            store.keep(observation(&[2], 0, TimeSource::Hub), Kind::Spot).await.unwrap();
            assert_eq!(drain(&store).await, [2, 1]);
            let rows = rusqlite::Connection::open(folder.path().join(FILE)).unwrap();
            let left: Vec<(i64, String)> = rows
                .prepare("SELECT id, state FROM readings")
                .and_then(|mut query| query.query_map((), |row| Ok((row.get(0)?, row.get(1)?)))?.collect())
                .unwrap();
            assert_eq!(left, [(2, "delivered".to_string())]);
        });
    }

    #[test]
    fn what_is_refused_is_kept_with_its_reason_and_not_delivered() {
        block_on(async {
            let (folder, store) = open();
            store.keep(observation(&[1], 0, TimeSource::Hub), Kind::Spot).await.unwrap();
            let waiting = store.next().await.unwrap().unwrap();
            store.refused(waiting.id, "400 Bad Request".into()).await.unwrap();
            let nonsense = observation(&[9], 5, TimeSource::Hub).received;
            store.keep_refused(nonsense, "the measurement failed".into()).await.unwrap();
            assert_eq!(store.next().await.unwrap(), None);
            let rows = rusqlite::Connection::open(folder.path().join(FILE)).unwrap();
            let reasons: Vec<String> = rows
                .prepare("SELECT reason FROM readings WHERE state = 'refused' ORDER BY id")
                .and_then(|mut query| query.query_map((), |row| row.get(0))?.collect())
                .unwrap();
            assert_eq!(reasons, ["400 Bad Request", "the measurement failed"]);
        });
    }
}
