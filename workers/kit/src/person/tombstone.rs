//! What stays of somebody who was erased: that they were, when, and how many rows. By it an older copy that is restored is erased
//! again. It has a number and no name.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

/// The table's name.
pub(super) const NAME: &str = "erasures";
/// In every database from which somebody was erased.
const TABLE: &str = "CREATE TABLE IF NOT EXISTS erasures (
    id TEXT PRIMARY KEY,                          -- UUIDv7, the same in all of a home's databases
    resident INTEGER NOT NULL,                    -- the number that they had; a later one may have it again
    erased_at TEXT NOT NULL,
    row_counts TEXT NOT NULL,                     -- JSON: how many rows of each table
    folders TEXT NOT NULL                         -- JSON: what else went, below the data
) STRICT, WITHOUT ROWID";

/// Somebody was erased.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tombstone {
    /// UUIDv7, the same in all of a home's databases.
    pub id: String,
    /// The number that they had.
    pub resident: i64,
    /// When: `2031-01-31T12:00:00.000Z`.
    pub erased_at: String,
    /// How many rows of each table, in this database.
    #[serde(default)]
    pub rows: BTreeMap<String, u64>,
    /// Folders below the data whose files were theirs.
    #[serde(default)]
    pub folders: Vec<String>,
}

/// Keeps one.
///
/// # Errors
/// SQLite's; that it is there already.
pub(super) fn keep(connection: &Connection, tombstone: &Tombstone) -> rusqlite::Result<()> {
    connection.execute_batch(TABLE)?;
    let as_json = |value: serde_json::Result<String>| value.unwrap_or_default();
    let values = params![
        tombstone.id,
        tombstone.resident,
        tombstone.erased_at,
        as_json(serde_json::to_string(&tombstone.rows)),
        as_json(serde_json::to_string(&tombstone.folders)),
    ];
    let sql = "INSERT INTO erasures (id, resident, erased_at, row_counts, folders) VALUES (?, ?, ?, ?, ?)";
    connection.execute(sql, values).map(drop)
}

/// Everybody who was erased from a database, in that order.
///
/// # Errors
/// SQLite's.
pub fn all(connection: &Connection) -> rusqlite::Result<Vec<Tombstone>> {
    if !super::has_table(connection, NAME)? {
        return Ok(Vec::new());
    }
    let mut query =
        connection.prepare("SELECT id, resident, erased_at, row_counts, folders FROM erasures ORDER BY id")?;
    let found = query.query_map([], |row| {
        Ok(Tombstone {
            id: row.get(0)?,
            resident: row.get(1)?,
            erased_at: row.get(2)?,
            rows: serde_json::from_str(&row.get::<_, String>(3)?).unwrap_or_default(),
            folders: serde_json::from_str(&row.get::<_, String>(4)?).unwrap_or_default(),
        })
    })?;
    found.collect()
}
