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
    use std::{fs, path::Path};

    use super::*;

    /// Statements that go through all of something small, with what their plans may say.
    const SMALL: &[(&str, &[&str])] = &[
        // As many as `MOST_DEVICES` and `MOST_RESIDENTS` at most.
        ("FROM devices ORDER BY", &["SCAN devices", "FOR ORDER BY"]),
        ("SELECT count(*) FROM devices", &["SCAN devices"]),
        ("FROM residents ORDER BY subject", &["SCAN residents"]),
        ("SELECT count(*) FROM residents", &["SCAN residents"]),
        ("FROM fitness_devices WHERE status", &["SCAN fitness_devices"]),
        // A few for each kind and resident, looked at once after a start.
        ("SELECT subject, kind, direction FROM conditions", &["SCAN conditions"]),
        // The few of one resident, sorted.
        ("FROM people WHERE subject", &["FOR ORDER BY"]),
        // SQLite looks there only while a row waits for the one that it belongs to, which none of ours does.
        ("INSERT INTO medications (", &["SCAN medication_plans", "SCAN medication_rows"]),
        // Both parts find few rows, which are sorted so that none is there twice.
        ("FROM appointment_edits WHERE subject", &["FOR ORDER BY"]),
    ];
    /// Statements with names of tables and columns put in, which nobody outside has a say in: `entries.rs` tries its own, the
    /// others find their row by its number.
    const PUT_TOGETHER: &[&str] = &[
        "INSERT INTO {table} ({columns}) VALUES ({places}) RETURNING compat_id",
        "SELECT * FROM {table} WHERE idempotency_key = ?",
        "SELECT * FROM {table} WHERE compat_id = ?",
        "UPDATE {table} SET status = '{IN_ERROR}', version = version + 1 WHERE compat_id = ?",
        "SELECT * FROM {table} WHERE rowid = ?",
        "UPDATE alerts SET {set}, version = version + 1 WHERE compat_id = ?1 RETURNING *",
        "UPDATE appointments SET {} WHERE compat_id = :compat_id",
    ];

    /// The texts of a program that are statements, on one line each.
    fn statements(source: &str) -> Vec<String> {
        let program = source.split("#[cfg(test)]").next().unwrap_or_default();
        let lines = program.lines().filter(|line| !line.trim_start().starts_with("//"));
        let program = lines.collect::<Vec<_>>().join("\n").replace("'\"'", "").replace("\\\"", "");
        let texts = program.split('"').skip(1).step_by(2);
        let texts = texts.map(|text| text.replace("\\\n", "\n").split_whitespace().collect::<Vec<_>>().join(" "));
        let begins = |text: &String| {
            ["SELECT ", "WITH ", "INSERT ", "UPDATE ", "DELETE FROM "].iter().any(|verb| text.starts_with(verb))
        };
        texts.filter(begins).collect()
    }

    fn every_statement(folder: &Path, found: &mut Vec<String>) {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                every_statement(&path, found);
            } else if !["plans.rs", "tests.rs"].iter().any(|name| path.ends_with(name)) {
                found.extend(statements(&fs::read_to_string(path).unwrap()));
            }
        }
    }

    #[test]
    fn every_statement_finds_its_rows_by_an_index_and_nothing_that_was_sent_is_put_into_one() {
        let (_folder, connection) = empty();
        let mut found = Vec::new();
        every_statement(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
        assert!(found.len() > 100, "{found:#?}");
        for sql in found {
            if sql.contains('{') {
                assert!(PUT_TOGETHER.contains(&sql.as_str()), "use parameters, or say why not: {sql}");
                continue;
            }
            let small = SMALL.iter().find(|(part, _)| sql.contains(part)).map_or(&[][..], |(_, lines)| lines);
            assert_indexed_but(&connection, &sql, small);
        }
    }

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
