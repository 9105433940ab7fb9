//! Everything that a database has of one resident, as it is kept.

use rusqlite::{Connection, Row, types::ValueRef};
use serde_json::{Map, Value, json};

use super::{HISTORY, IN_HISTORY, has_table, quoted, tables};

/// For each table that is somebody's, its rows of this resident, each with the names of its columns; and `history`, earlier versions
/// of them. Tables without any are empty lists.
///
/// # Errors
/// SQLite's.
pub fn everything(connection: &Connection, resident: i64) -> rusqlite::Result<Map<String, Value>> {
    let mut found = Map::new();
    for table in tables(connection)? {
        let sql = format!("SELECT * FROM {} WHERE {}", quoted(&table.name), table.condition);
        found.insert(table.name, all(connection, &sql, resident)?);
    }
    if has_table(connection, HISTORY)? {
        let sql = format!("SELECT * FROM {HISTORY} WHERE {IN_HISTORY}");
        found.insert(HISTORY.into(), all(connection, &sql, resident)?);
    }
    Ok(found)
}

fn all(connection: &Connection, sql: &str, resident: i64) -> rusqlite::Result<Value> {
    let mut query = connection.prepare(sql)?;
    let rows = query.query_map([resident], as_json)?;
    rows.collect::<Result<Vec<_>, _>>().map(Value::Array)
}

fn as_json(row: &Row<'_>) -> rusqlite::Result<Value> {
    let names: Vec<String> = row.as_ref().column_names().map(str::to_owned).collect();
    let mut columns = Map::new();
    for (place, name) in names.into_iter().enumerate() {
        let value = match row.get_ref(place)? {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(number) => json!(number),
            ValueRef::Real(number) => json!(number),
            ValueRef::Text(text) => json!(String::from_utf8_lossy(text)),
            ValueRef::Blob(bytes) => json!(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()),
        };
        columns.insert(name, value);
    }
    Ok(Value::Object(columns))
}
