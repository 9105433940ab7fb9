//! Everything that a database has of one resident, as it is kept.

use rusqlite::{Connection, Row, types::ValueRef};
use serde_json::{Map, Value, json};

use super::{HISTORY, IN_HISTORY, STAYS, has_column, has_table, names, quoted, tables, tombstone};

/// The rows of a table that are somebody's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rows {
    /// The table's name; `history` has earlier versions of rows.
    pub table: String,
    sql: String,
}

/// Every table that can have rows of a resident, by name.
///
/// # Errors
/// SQLite's.
pub fn of(connection: &Connection) -> rusqlite::Result<Vec<Rows>> {
    let rows = |table: &str, condition: &str| Rows {
        table: table.to_owned(),
        sql: format!("SELECT * FROM {} WHERE {condition}", quoted(table)),
    };
    let mut found: Vec<_> = tables(connection)?.iter().map(|table| rows(&table.name, &table.condition)).collect();
    if has_table(connection, HISTORY)? {
        found.push(rows(HISTORY, IN_HISTORY));
    }
    for name in names(connection)? {
        if has_column(connection, &name, STAYS)? {
            found.push(rows(&name, &stays(connection)?));
        }
    }
    found.sort_by(|one, other| one.table.cmp(&other.table));
    Ok(found)
}

/// Which rows that outlive a resident are those of the one who has the number now.
fn stays(connection: &Connection) -> rusqlite::Result<String> {
    let since = "NOT EXISTS (SELECT 1 FROM erasures WHERE resident = ?1 AND erased_at >= first_at)";
    let is_theirs = format!("{STAYS} = ?1");
    Ok(if has_table(connection, tombstone::NAME)? { format!("{is_theirs} AND {since}") } else { is_theirs })
}

impl Rows {
    /// Shows each of a resident's rows, with the names of its columns. One after the other: there may be millions.
    ///
    /// # Errors
    /// SQLite's, or that of whoever is shown them.
    pub fn each<E: From<rusqlite::Error>>(
        &self,
        connection: &Connection,
        resident: i64,
        mut see: impl FnMut(Value) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut query = connection.prepare(&self.sql)?;
        let mut rows = query.query([resident])?;
        while let Some(row) = rows.next()? {
            see(as_json(row)?)?;
        }
        Ok(())
    }

    /// All of them, of a table that is small.
    ///
    /// # Errors
    /// SQLite's.
    pub fn all(&self, connection: &Connection, resident: i64) -> rusqlite::Result<Vec<Value>> {
        let mut found = Vec::new();
        self.each(connection, resident, |row| {
            found.push(row);
            Ok::<_, rusqlite::Error>(())
        })?;
        Ok(found)
    }
}

/// A row with a salt checks something short, a PIN, which its hash would tell to whoever tries them all.
const CHECKS: [&str; 2] = ["salt", "hash"];

fn as_json(row: &Row<'_>) -> rusqlite::Result<Value> {
    let names: Vec<String> = row.as_ref().column_names().map(str::to_owned).collect();
    let is_a_check = names.iter().any(|name| name == CHECKS[0]);
    let mut columns = Map::new();
    for (place, name) in names.into_iter().enumerate() {
        if is_a_check && CHECKS.contains(&name.as_str()) {
            continue;
        }
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
