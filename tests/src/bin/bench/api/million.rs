//! Very many readings, written by SQL: a heart rate for each minute of the last year, and some of every other kind.

use std::path::Path;

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::server::Server;

/// The days and hours that readings come to, as the migration that made their tables counted them.
const COUNTED: &str = "
    DELETE FROM reading_days;
    DELETE FROM reading_hours;
    INSERT INTO reading_days SELECT subject, kind, local_date,
        count(*), min(value), max(value), sum(value), count(second), min(second), max(second), sum(second),
        min(arterial), max(arterial), sum(arterial)
    FROM reading_summands GROUP BY subject, kind, local_date;
    INSERT INTO reading_hours SELECT subject, kind, local_date, hour,
        count(*), min(value), max(value), sum(value), count(second), min(second), max(second), sum(second),
        min(arterial), max(arterial), sum(arterial)
    FROM reading_summands GROUP BY subject, kind, local_date, hour;";

/// A heart rate a minute for a year, and whatever is beyond: the five other kinds in turn, each at its own minute.
const READINGS: &str = "
    INSERT INTO readings (id, subject, kind, entered_primary, entered_secondary, entered_unit, canonical_primary,
        canonical_secondary, canonical_unit, word, effective_at, effective_at_entered, zone, local_date, source,
        source_kind, recorded_at)
    WITH RECURSIVE numbers (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM numbers WHERE i + 1 < ?1),
    minutes AS (SELECT i, CASE WHEN i % 2 = 0 THEN 0 ELSE i / 2 % 5 + 1 END AS kind,
        strftime('%Y-%m-%dT%H:%M:00.000Z', 'now', '-' || (i / 2 + 1) || ' minutes') AS at FROM numbers)
    SELECT printf('00000000-0000-7000-8000-%012x', i), 1,
        CASE kind WHEN 0 THEN 'heart_rate' WHEN 1 THEN 'blood_pressure' WHEN 2 THEN 'temperature'
            WHEN 3 THEN 'spo2' WHEN 4 THEN 'weight' ELSE 'glucose' END,
        CASE kind WHEN 0 THEN 60 + i % 40 WHEN 1 THEN 120 + i % 20 WHEN 2 THEN 37 WHEN 3 THEN 97 WHEN 4 THEN 80 ELSE 100 END,
        CASE kind WHEN 1 THEN 80 END,
        CASE kind WHEN 0 THEN 'bpm' WHEN 1 THEN 'mmHg' WHEN 2 THEN '°C' WHEN 3 THEN '%' WHEN 4 THEN 'kg' ELSE 'mg/dL' END,
        CASE kind WHEN 0 THEN 60 + i % 40 WHEN 1 THEN 120 + i % 20 WHEN 2 THEN 37 WHEN 3 THEN 97 WHEN 4 THEN 80 ELSE 100 END,
        CASE kind WHEN 1 THEN 80 END,
        CASE kind WHEN 0 THEN '/min' WHEN 1 THEN 'mm[Hg]' WHEN 2 THEN 'Cel' WHEN 3 THEN '%' WHEN 4 THEN 'kg' ELSE 'mg/dL' END,
        'normal', at, at, 'UTC', substr(at, 1, 10), 'bench', 'import', at
    FROM minutes";

/// Makes a database of the real schema, by the real program, and puts so many readings into it.
pub fn fill(folder: &Path, readings: u32) {
    drop(Server::betti_api(folder));
    let mut database = Connection::open(folder.join("api.db")).expect("a database");
    // Days are counted once at the end instead of a million times.
    database.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false).expect("no triggers");
    let transaction = database.transaction().expect("a transaction");
    transaction.execute(READINGS, [readings]).expect("readings");
    transaction.execute_batch(COUNTED).expect("days and hours");
    transaction.commit().expect("a commit");
    let checkpoint = database.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    checkpoint.expect("a checkpoint");
}

/// The first and the last day of the last year.
pub fn last_year() -> (String, String) {
    let database = Connection::open_in_memory().expect("a database");
    let sql = "SELECT date('now', '-365 days'), date('now')";
    database.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).expect("dates")
}
