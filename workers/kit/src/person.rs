//! Everything that a database has of one resident, found by what its tables look like, so that a table that is added later is not
//! forgotten: [`rows`] to hand it out, [`erase`] to have it gone.
//!
//! What makes a table somebody's: a column `subject` or `resident` with the resident's number; or a foreign key to a table that is
//! somebody's.
//! A column `about_resident` makes rows theirs to hand out, and not to be gone: what others did.
//! Beside them, `history` keeps earlier versions of such rows as JSON, and `outbox` events about them.

pub mod erase;
pub mod rows;
pub mod tombstone;

use std::collections::BTreeMap;

use rusqlite::{Connection, params};

/// The columns that say whose a row is.
const SUBJECTS: [&str; 2] = ["subject", "resident"];
/// The column that says of a row in such a table that it is the hub's own, and so nobody's.
const THE_HUBS_OWN: &str = "is_hub";
/// The column that says whom a row is about that stays when they are erased, with no more of them than their number: who looked at
/// somebody, with `first_at` as its time.
const STAYS: &str = "about_resident";
/// Earlier versions of rows.
const HISTORY: &str = "history";
/// What happened.
const OUTBOX: &str = "outbox";
/// Names by which events say whom they are about.
const NAMES_IN_EVENTS: &str = "'subject', 'resident', 'user_id', 'userId'";
/// Which rows of [`HISTORY`] are those of resident `?1`.
const IN_HISTORY: &str = "?1 IN (json_extract(row, '$.subject'), json_extract(row, '$.resident'))";

/// A table with rows that are somebody's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Which rows are those of resident `?1`.
    pub condition: String,
    /// How many foreign keys lead from it to a table with a subject; 0 has one itself.
    pub depth: usize,
}

/// A foreign key: its own columns, and those of the table that it leads to.
#[derive(Debug, Default)]
struct Link {
    to: String,
    from_columns: Vec<String>,
    to_columns: Vec<String>,
}

/// The tables with somebody's rows, those first that lead to others.
///
/// # Errors
/// SQLite's.
pub fn tables(connection: &Connection) -> rusqlite::Result<Vec<Table>> {
    let mut found = BTreeMap::new();
    let mut links = BTreeMap::new();
    for name in names(connection)? {
        if let Some(column) = subject_of(connection, &name)? {
            let mut condition = format!("{column} = ?1");
            // Without its own credential the hub's workers could not call each other.
            if has_column(connection, &name, THE_HUBS_OWN)? {
                condition += &format!(" AND NOT {THE_HUBS_OWN}");
            }
            found.insert(name.clone(), Table { name, condition, depth: 0 });
        } else {
            links.insert(name.clone(), links_of(connection, &name)?);
        }
    }
    // One more step away with each round, until a round finds nothing.
    loop {
        let next: Vec<Table> = links.iter().filter_map(|(name, links)| by_links(name, links, &found)).collect();
        if next.is_empty() {
            break;
        }
        for table in next {
            links.remove(&table.name);
            found.insert(table.name.clone(), table);
        }
    }
    let mut tables: Vec<_> = found.into_values().collect();
    tables.sort_by(|one, other| other.depth.cmp(&one.depth).then_with(|| one.name.cmp(&other.name)));
    Ok(tables)
}

fn by_links(name: &str, links: &[Link], found: &BTreeMap<String, Table>) -> Option<Table> {
    let mut conditions = Vec::new();
    let mut depth = 0;
    for (link, to) in links.iter().filter_map(|link| Some((link, found.get(&link.to)?))) {
        let (own, others) = (columns(&link.from_columns), columns(&link.to_columns));
        conditions.push(format!("({own}) IN (SELECT {others} FROM {} WHERE {})", quoted(&to.name), to.condition));
        depth = depth.max(to.depth + 1);
    }
    let condition = conditions.join(" OR ");
    (!condition.is_empty()).then(|| Table { name: name.to_owned(), condition, depth })
}

fn names(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let sql =
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name";
    let names: Vec<String> = connection.prepare(sql)?.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(names.into_iter().filter(|name| ![HISTORY, OUTBOX, tombstone::NAME].contains(&name.as_str())).collect())
}

/// Whether there is such a table.
fn has_table(connection: &Connection, name: &str) -> rusqlite::Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?)";
    connection.query_row(sql, [name], |row| row.get(0))
}

/// The column that says whose a table's rows are.
fn subject_of(connection: &Connection, table: &str) -> rusqlite::Result<Option<&'static str>> {
    for column in SUBJECTS {
        if has_column(connection, table, column)? {
            return Ok(Some(column));
        }
    }
    Ok(None)
}

fn has_column(connection: &Connection, table: &str, column: &str) -> rusqlite::Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM pragma_table_info(?1) WHERE name = ?2)";
    connection.query_row(sql, params![table, column], |row| row.get(0))
}

fn links_of(connection: &Connection, table: &str) -> rusqlite::Result<Vec<Link>> {
    let mut links: BTreeMap<i64, Link> = BTreeMap::new();
    let sql = "SELECT id, \"table\", \"from\", \"to\" FROM pragma_foreign_key_list(?1) ORDER BY id, seq";
    let mut query = connection.prepare(sql)?;
    let mut rows = query.query([table])?;
    while let Some(row) = rows.next()? {
        let link = links.entry(row.get(0)?).or_default();
        link.to = row.get(1)?;
        link.from_columns.push(row.get(2)?);
        // One that names no column means the primary key.
        link.to_columns.push(row.get::<_, Option<String>>(3)?.unwrap_or_else(|| "rowid".into()));
    }
    Ok(links.into_values().collect())
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn columns(names: &[String]) -> String {
    names.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
