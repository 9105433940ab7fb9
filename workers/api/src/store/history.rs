//! How rows were before they were changed. A table whose rows can be changed has `version`, and an integer as its primary key:
//! `compat_id`, or a resident's number.

use jiff::Timestamp;
use kit::clock;
use rusqlite::{Connection, Row, Transaction, params, types::ValueRef};
use serde_json::{Map, Value, json};

/// Keeps a row as it is, before it is changed. Whoever changes it raises its `version`.
///
/// # Errors
/// SQLite's; that there is no such row among them.
pub fn keep(
    transaction: &Transaction<'_>,
    table: &'static str,
    compat_id: i64,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let sql = format!("SELECT * FROM {table} WHERE rowid = ?");
    let row = transaction.prepare_cached(&sql)?.query_row([compat_id], as_json)?;
    let sql = "INSERT INTO history (table_name, compat_id, version, row, replaced_at) VALUES (?, ?, ?, ?, ?)";
    let values = params![table, compat_id, row["version"].as_i64(), row.to_string(), clock::iso(now)];
    transaction.prepare_cached(sql)?.execute(values).map(drop)
}

/// How a row was, version by version; the one that counts is in its own table.
///
/// # Errors
/// SQLite's.
pub fn versions(connection: &Connection, table: &'static str, compat_id: i64) -> rusqlite::Result<Vec<Value>> {
    let sql = "SELECT row FROM history WHERE table_name = ? AND compat_id = ? ORDER BY version";
    let row = |row: &Row<'_>| row.get::<_, String>(0).map(|row| serde_json::from_str(&row).unwrap_or_default());
    connection.prepare_cached(sql)?.query_map(params![table, compat_id], row)?.collect()
}

fn as_json(row: &Row<'_>) -> rusqlite::Result<Value> {
    let names: Vec<String> = row.as_ref().column_names().map(str::to_owned).collect();
    let mut columns = Map::new();
    for (place, name) in names.into_iter().enumerate() {
        let value = match row.get_ref(place)? {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(number) => json!(number),
            ValueRef::Real(number) => json!(number),
            // Tables here are STRICT and hold no bytes that are not text.
            ValueRef::Text(text) | ValueRef::Blob(text) => json!(String::from_utf8_lossy(text)),
        };
        columns.insert(name, value);
    }
    Ok(Value::Object(columns))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_found_as_it_was_in_each_of_its_versions() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(include_str!("../../migrations/0002_residents.sql")).unwrap();
        let table =
            "CREATE TABLE things (compat_id INTEGER PRIMARY KEY, version INTEGER, weight REAL, note TEXT) STRICT;
                     INSERT INTO things VALUES (7, 1, 0.5, NULL)";
        connection.execute_batch(table).unwrap();
        for note in ["light", "lighter"] {
            let transaction = connection.transaction().unwrap();
            keep(&transaction, "things", 7, Timestamp::UNIX_EPOCH).unwrap();
            transaction.execute("UPDATE things SET version = version + 1, note = ?", [note]).unwrap();
            transaction.commit().unwrap();
        }
        let found = versions(&connection, "things", 7).unwrap();
        assert_eq!(found[0], json!({"compat_id": 7, "version": 1, "weight": 0.5, "note": null}));
        assert_eq!((found.len(), &found[1]["note"]), (2, &json!("light")));
        assert_eq!(versions(&connection, "others", 7).unwrap(), Vec::<Value>::new());
        let transaction = connection.transaction().unwrap();
        assert!(keep(&transaction, "things", 8, Timestamp::UNIX_EPOCH).is_err(), "there is no such row");
    }
}
