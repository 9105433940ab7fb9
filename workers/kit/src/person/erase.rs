//! Has everything of one resident gone from a home's databases: not marked as gone, but out of the files.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior, params};
use serde_json::json;

use super::{HISTORY, IN_HISTORY, NAMES_IN_EVENTS, OUTBOX, has_column, has_table, quoted, tables, tombstone};
use crate::outbox::{self, Event};

pub use super::tombstone::Tombstone;

/// The event that says so to whoever follows.
pub const RESIDENT_ERASED: &str = "resident.erased";
/// How databases' files end.
const DATABASE: &str = "db";
/// The column of a device's address, in tables of what devices sent and of whose devices they are.
const DEVICE: &str = "device";
const ADDRESS: &str = "address";
/// How long to wait for a worker that uses the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// Why somebody is not erased, or not everywhere yet. Asked again, what is left is done.
#[derive(Debug, thiserror::Error)]
pub enum EraseError {
    /// The folder or a file in it.
    #[error("{path}: {error}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A database.
    #[error("{path}: {error}")]
    Sqlite {
        /// Which.
        path: PathBuf,
        /// Why.
        error: rusqlite::Error,
    },
}

/// Erases a resident from every database below a folder, and the files in `tombstone.folders`. A database that has this
/// tombstone already is left as it is. Returns the tombstone with the rows of all of them.
///
/// # Errors
/// If a file cannot be read or changed.
pub fn from_home(data: &Path, tombstone: &Tombstone) -> Result<Tombstone, EraseError> {
    let mut addresses = Vec::new();
    let mut in_order = Vec::new();
    for (path, connection) in databases(data)? {
        let theirs = devices(&connection, tombstone.resident).map_err(|error| sqlite(&path, error))?;
        in_order.push((!theirs.is_empty(), path, connection));
        addresses.extend(theirs);
    }
    // The one that knows whose the devices are goes last: cut off before, everything can be found again.
    in_order.sort_by_key(|(knows_devices, ..)| *knows_devices);
    let mut erased = Tombstone { rows: BTreeMap::new(), ..tombstone.clone() };
    for (_, path, connection) in &mut in_order {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let rows = from_database(connection, tombstone, &addresses).map_err(|error| sqlite(path, error))?;
        erased.rows.extend(rows.into_iter().map(|(table, rows)| (format!("{name}.{table}"), rows)));
    }
    for folder in &tombstone.folders {
        let path = data.join(folder);
        let files = remove_files(&path).map_err(|error| EraseError::File { path: path.clone(), error })?;
        erased.rows.insert(folder.clone(), files);
    }
    Ok(erased)
}

/// The tombstones of all databases below a folder, each once.
///
/// # Errors
/// If a file cannot be read.
pub fn tombstones(data: &Path) -> Result<Vec<Tombstone>, EraseError> {
    let mut found = BTreeMap::new();
    for (path, connection) in databases(data)? {
        for tombstone in tombstone::all(&connection).map_err(|error| sqlite(&path, error))? {
            found.insert(tombstone.id.clone(), tombstone);
        }
    }
    Ok(found.into_values().collect())
}

fn sqlite(path: &Path, error: rusqlite::Error) -> EraseError {
    EraseError::Sqlite { path: path.to_owned(), error }
}

fn databases(data: &Path) -> Result<Vec<(PathBuf, Connection)>, EraseError> {
    let in_data = |error| EraseError::File { path: data.to_owned(), error };
    let entries = match std::fs::read_dir(data) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(in_data)?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(in_data)?.path();
        if path.extension().is_some_and(|ending| ending == DATABASE) && path.is_file() {
            let connection = open(&path).map_err(|error| sqlite(&path, error))?;
            found.push((path, connection));
        }
    }
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(found)
}

fn open(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    // What is deleted is overwritten, in the file as well.
    connection.pragma_update(None, "secure_delete", true)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    Ok(connection)
}

/// The addresses of the devices that are this resident's.
fn devices(connection: &Connection, resident: i64) -> rusqlite::Result<Vec<String>> {
    let mut found = Vec::new();
    for table in tables(connection)? {
        if table.depth == 0 && has_column(connection, &table.name, ADDRESS)? {
            let sql = format!("SELECT DISTINCT {ADDRESS} FROM {} WHERE {}", quoted(&table.name), table.condition);
            let addresses: Vec<String> =
                connection.prepare(&sql)?.query_map([resident], |row| row.get(0))?.collect::<Result<_, _>>()?;
            found.extend(addresses);
        }
    }
    Ok(found)
}

/// Erases a resident from one database, and everything that lingers of them in its file.
fn from_database(
    connection: &mut Connection,
    tombstone: &Tombstone,
    addresses: &[String],
) -> rusqlite::Result<BTreeMap<String, u64>> {
    let is_done = tombstone::all(connection)?.iter().any(|known| known.id == tombstone.id);
    let rows = if is_done { BTreeMap::new() } else { commit(connection, tombstone, addresses)? };
    // Of the log nothing is left, and then of the free pages: also if that was cut off the last time.
    for step in ["PRAGMA wal_checkpoint(TRUNCATE)", "VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"] {
        connection.execute_batch(step)?;
    }
    Ok(rows)
}

fn commit(
    connection: &mut Connection,
    tombstone: &Tombstone,
    addresses: &[String],
) -> rusqlite::Result<BTreeMap<String, u64>> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.pragma_update(None, "defer_foreign_keys", true)?;
    let rows = delete(&transaction, tombstone.resident, addresses)?;
    tombstone::keep(&transaction, &Tombstone { rows: rows.clone(), ..tombstone.clone() })?;
    if has_table(&transaction, OUTBOX)? {
        let Tombstone { id, resident, erased_at, .. } = tombstone;
        let event = json!({"id": id, "subject": resident, "erased_at": erased_at, "rows": rows});
        outbox::record(&transaction, Event::new(RESIDENT_ERASED, event))?;
    }
    transaction.commit()?;
    Ok(rows)
}

fn delete(
    transaction: &Transaction<'_>,
    resident: i64,
    addresses: &[String],
) -> rusqlite::Result<BTreeMap<String, u64>> {
    let mut rows = BTreeMap::new();
    let mut count = |table: &str, deleted: usize| *rows.entry(table.to_owned()).or_insert(0) += deleted as u64;
    for table in tables(transaction)? {
        // Sums by triggers would be made anew for each row; they are the resident's own, and go as a whole.
        let triggers = put_aside_triggers(transaction, &table.name)?;
        let sql = format!("DELETE FROM {} WHERE {}", quoted(&table.name), table.condition);
        count(&table.name, transaction.execute(&sql, [resident])?);
        triggers.iter().try_for_each(|trigger| transaction.execute_batch(trigger))?;
    }
    for table in sent_by_devices(transaction)? {
        let sql = format!("DELETE FROM {} WHERE upper({DEVICE}) = upper(?1)", quoted(&table));
        for address in addresses {
            count(&table, transaction.execute(&sql, [address])?);
        }
    }
    if has_table(transaction, HISTORY)? {
        let sql = format!("DELETE FROM {HISTORY} WHERE {IN_HISTORY}");
        count(HISTORY, transaction.execute(&sql, [resident])?);
    }
    if has_table(transaction, OUTBOX)? {
        // Events that say of nobody that they are about them may be about them.
        let about = format!("SELECT value FROM json_tree(payload) WHERE key IN ({NAMES_IN_EVENTS})");
        let sql =
            format!("DELETE FROM {OUTBOX} WHERE NOT json_valid(payload) OR ?1 IN ({about}) OR NOT EXISTS ({about})");
        count(OUTBOX, transaction.execute(&sql, [resident])?);
    }
    rows.retain(|_, rows| *rows > 0);
    Ok(rows)
}

/// Tables of what devices sent before anybody asked whose they are.
fn sent_by_devices(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut found = Vec::new();
    for name in super::names(connection)? {
        if has_column(connection, &name, DEVICE)? && super::subject_of(connection, &name)?.is_none() {
            found.push(name);
        }
    }
    Ok(found)
}

/// Takes a table's triggers away, and returns the text that makes them again.
fn put_aside_triggers(transaction: &Transaction<'_>, table: &str) -> rusqlite::Result<Vec<String>> {
    let sql = "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = ?";
    let triggers: Vec<(String, String)> = transaction
        .prepare(sql)?
        .query_map(params![table], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    for (name, _) in &triggers {
        transaction.execute_batch(&format!("DROP TRIGGER {}", quoted(name)))?;
    }
    Ok(triggers.into_iter().map(|(_, sql)| sql).collect())
}

fn remove_files(folder: &Path) -> io::Result<u64> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        entries => entries?,
    };
    let mut count = 0;
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            std::fs::remove_file(entry.path())?;
            count += 1;
        }
    }
    std::fs::File::open(folder)?.sync_all()?;
    Ok(count)
}
