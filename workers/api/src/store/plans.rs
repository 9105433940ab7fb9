//! For tests of every domain: how SQLite will find what a query asks for.

use kit::database::Database;
use rusqlite::{Connection, config::DbConfig};

use super::MIGRATIONS;

/// A database with the newest schema and nothing in it. The folder goes with it.
pub fn empty() -> (tempfile::TempDir, Connection) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("api.db");
    Database::open(&file, MIGRATIONS).unwrap();
    let connection = Connection::open(file).unwrap();
    (folder, connection)
}

/// Fails unless the query finds its rows, and their order, by indexes that are there: what it costs must not grow with the
/// table. Parameters need no values.
pub fn assert_indexed(connection: &Connection, sql: &str) {
    assert_indexed_but(connection, sql, &[]);
}

/// As [`assert_indexed`], but lines of the plan that contain one of these texts are allowed, such as `SCAN residents` of a
/// table that stays small, or `USE TEMP B-TREE FOR ORDER BY` of a few rows.
pub fn assert_indexed_but(connection: &Connection, sql: &str, allowed: &[&str]) {
    let plan = plan(connection, sql);
    let slow = |line: &&String| is_slow(line) && !allowed.iter().any(|text| line.contains(text));
    let slow: Vec<_> = plan.iter().filter(slow).collect();
    assert!(slow.is_empty(), "this grows with the table:\n{slow:#?}\nthe plan:\n{plan:#?}\nthe query:\n{sql}");
}

/// The lines of `EXPLAIN QUERY PLAN`, also those of the triggers that a change sets off.
pub fn plan(connection: &Connection, sql: &str) -> Vec<String> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRIGGER_EQP, true).unwrap();
    let mut statement =
        connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap_or_else(|error| panic!("{error} in:\n{sql}"));
    let mut rows = statement.raw_query();
    let mut plan = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        plan.push(row.get("detail").unwrap());
    }
    plan
}

/// Going through all of a table or of an index, sorting, or making an index for this one query.
fn is_slow(line: &str) -> bool {
    let goes_through_all = line.starts_with("SCAN ") && line != "SCAN CONSTANT ROW" && !line.contains("VIRTUAL TABLE");
    goes_through_all || line.contains("USE TEMP B-TREE") || line.contains("AUTOMATIC")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_grows_with_a_table_is_told_from_what_does_not() {
        let connection = Connection::open_in_memory().unwrap();
        let tables = "CREATE TABLE people (number INTEGER PRIMARY KEY, name TEXT, town TEXT);
                      CREATE INDEX people_by_name ON people (name, number);
                      CREATE TABLE towns (name TEXT)";
        connection.execute_batch(tables).unwrap();
        for (sql, fast) in [
            ("SELECT * FROM people WHERE number = ?", true),
            ("SELECT * FROM people WHERE name = ? ORDER BY number DESC", true),
            ("SELECT 1 WHERE ?1 > 2", true),
            ("SELECT * FROM people WHERE name IN (SELECT value FROM json_each(?))", true),
            ("SELECT * FROM people", false),
            ("SELECT * FROM people WHERE town = ?", false),
            ("SELECT name FROM people WHERE name LIKE '%a'", false),
            ("SELECT * FROM people WHERE name = ? ORDER BY town", false),
            ("SELECT * FROM people JOIN towns ON towns.name = people.town WHERE people.name = ?", false),
            ("UPDATE people SET town = ? WHERE name = ?", true),
            ("DELETE FROM people WHERE town = ?", false),
        ] {
            let slow = plan(&connection, sql).iter().any(|line| is_slow(line));
            assert_eq!(slow, !fast, "{sql}: {:?}", plan(&connection, sql));
        }
        assert_indexed_but(&connection, "SELECT * FROM people ORDER BY town", &["SCAN people", "FOR ORDER BY"]);
    }

    #[test]
    #[should_panic(expected = "this grows with the table")]
    fn a_query_without_an_index_fails_the_test() {
        let (_folder, connection) = empty();
        assert_indexed(&connection, "SELECT * FROM readings WHERE notes = ?");
    }
}
