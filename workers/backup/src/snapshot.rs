//! A database as it is at one moment, in a file of its own, while its worker goes on writing.
//!
//! By `VACUUM INTO` and not by the backup API: both see one moment of the database and hold nobody up, but this one leaves behind
//! what was deleted (the backup API copies free pages with what is still in them, such as rows of somebody who was erased), is
//! smaller, and reads every row on the way, so that damage is noticed while there still are good copies.

use std::{collections::BTreeMap, path::Path, time::Duration};

use rusqlite::{Connection, OpenFlags};

/// How long to wait for another process.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);
/// What SQLite says of a database without a fault.
const SOUND: &str = "ok";

/// Why a database cannot be copied, or a copy of one not be used.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    #[error("{name}: {error}")]
    Sqlite { name: String, error: rusqlite::Error },
    #[error("{name} is damaged: {fault}")]
    Damaged { name: String, fault: String },
}

/// Copies a database as it is now to a file that is not there yet.
pub fn take(name: &str, from: &Path, to: &Path) -> Result<(), SnapshotError> {
    let sqlite = |error| SnapshotError::Sqlite { name: name.into(), error };
    let connection = open(from).map_err(sqlite)?;
    connection.execute("VACUUM INTO ?1", [to.to_string_lossy()]).map_err(sqlite)?;
    Ok(())
}

/// Looks whether a copy is sound, and counts the rows of its tables.
pub fn examine(name: &str, path: &Path) -> Result<BTreeMap<String, u64>, SnapshotError> {
    let sqlite = |error| SnapshotError::Sqlite { name: name.into(), error };
    let connection = open(path).map_err(sqlite)?;
    let fault: String = connection.pragma_query_value(None, "integrity_check", |row| row.get(0)).map_err(sqlite)?;
    if fault != SOUND {
        return Err(SnapshotError::Damaged { name: name.into(), fault });
    }
    count(&connection).map_err(sqlite)
}

/// How many rows each table has.
pub fn count(connection: &Connection) -> rusqlite::Result<BTreeMap<String, u64>> {
    let sql =
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name";
    let names: Vec<String> =
        connection.prepare(sql)?.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    let rows = |name: String| {
        let sql = format!("SELECT count(*) FROM \"{}\"", name.replace('"', "\"\""));
        let count: i64 = connection.query_row(&sql, [], |row| row.get(0))?;
        Ok((name, count.unsigned_abs()))
    };
    names.into_iter().map(rows).collect()
}

/// A database that is there.
pub fn open(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_of_one_moment_and_has_nothing_of_what_was_deleted() {
        let folder = tempfile::tempdir().unwrap();
        let (live, copy) = (folder.path().join("live.db"), folder.path().join("copy.db"));
        let writer = Connection::open(&live).unwrap();
        let schema = "PRAGMA journal_mode = WAL; PRAGMA user_version = 7;
            CREATE TABLE things (id INTEGER PRIMARY KEY AUTOINCREMENT, note TEXT) STRICT;
            INSERT INTO things (note) VALUES ('kept'), (hex(zeroblob(3000)) || 'a secret that was taken back');
            DELETE FROM things WHERE id = 2;";
        writer.execute_batch(schema).unwrap();
        // Somebody is in the middle of a change, which is not true yet.
        writer.execute_batch("BEGIN; INSERT INTO things (note) VALUES ('not yet')").unwrap();
        take("live.db", &live, &copy).unwrap();
        writer.execute_batch("COMMIT").unwrap();
        assert_eq!(examine("copy.db", &copy).unwrap(), BTreeMap::from([("things".into(), 1)]));
        let opened = open(&copy).unwrap();
        let version: u32 = opened.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
        let next: i64 = opened.query_row("SELECT seq FROM sqlite_sequence", [], |row| row.get(0)).unwrap();
        assert_eq!((version, next), (7, 2), "numbers that were given out are not given out again");
        let bytes = std::fs::read(&copy).unwrap();
        assert!(!bytes.windows(8).any(|window| window == b"a secret"));
    }

    #[test]
    fn damage_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("live.db");
        let schema = "CREATE TABLE things (note TEXT) STRICT;
            WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200) INSERT INTO things SELECT hex(randomblob(100)) FROM n;";
        Connection::open(&path).unwrap().execute_batch(schema).unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[8192..12288].fill(0xAA);
        std::fs::write(&path, bytes).unwrap();
        assert!(examine("live.db", &path).is_err());
        assert!(take("live.db", &path, &folder.path().join("copy.db")).is_err(), "and not copied as if it were sound");
    }
}
