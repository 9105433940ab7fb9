//! Changes, events and schemas in real SQLite files.
#![allow(clippy::unwrap_used, reason = "what fails in a test is to end it")]

use std::os::unix::fs::PermissionsExt;

use kit::{
    database::{Change, Database, DatabaseError, OpenError},
    outbox::Event,
};
use serde_json::json;

const FIRST: &str = "CREATE TABLE cups (tea TEXT NOT NULL) STRICT";
const SECOND: &str = "ALTER TABLE cups ADD COLUMN sugar INTEGER";

async fn pour(database: &Database, tea: &'static str) -> Result<(), DatabaseError> {
    database
        .write(move |transaction| {
            transaction.execute("INSERT INTO cups (tea) VALUES (?1)", [tea])?;
            if tea == "spilled" {
                return Err(rusqlite::Error::QueryReturnedNoRows.into());
            }
            Ok(Change::new((), Event::new("cup.poured", json!({ "tea": tea }))))
        })
        .await
}

async fn count(database: &Database, table: &'static str) -> i64 {
    let sql = format!("SELECT count(*) FROM {table}");
    database
        .read(move |connection| Ok::<_, DatabaseError>(connection.query_row(&sql, [], |row| row.get(0))?))
        .await
        .unwrap()
}

#[tokio::test]
async fn a_change_and_its_event_are_kept_together_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tea.db");
    let database = Database::open(&path, &[FIRST]).unwrap();
    let mut events = database.events();
    pour(&database, "assam").await.unwrap();
    pour(&database, "spilled").await.unwrap_err();
    pour(&database, "ceylon").await.unwrap();
    assert_eq!((count(&database, "cups").await, count(&database, "outbox").await), (2, 2));
    let (first, second) = (events.recv().await.unwrap(), events.recv().await.unwrap());
    assert_eq!(first.event, Event::new("cup.poured", json!({"tea": "assam"})));
    assert_eq!(second.event.payload["tea"], "ceylon");
    assert!(second.home_seq > first.home_seq);
    assert!(events.try_recv().is_err(), "nothing is told of what was undone");
    drop(database);
    let again = Database::open(&path, &[FIRST]).unwrap();
    assert_eq!(count(&again, "cups").await, 2);
}

#[tokio::test]
async fn a_change_that_panics_is_undone_and_harms_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(&folder.path().join("tea.db"), &[FIRST]).unwrap();
    let panics = database.write(|transaction| -> Result<Change<()>, DatabaseError> {
        transaction.execute("INSERT INTO cups (tea) VALUES ('spilled')", [])?;
        panic!("on purpose")
    });
    assert!(matches!(panics.await, Err(DatabaseError::Closed)));
    pour(&database, "assam").await.unwrap();
    assert_eq!(count(&database, "cups").await, 1);
}

#[tokio::test]
async fn a_reader_cannot_write() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(&folder.path().join("tea.db"), &[FIRST]).unwrap();
    let refused = database.read(|c| Ok::<_, DatabaseError>(c.execute("INSERT INTO cups VALUES ('x')", [])?)).await;
    assert!(refused.unwrap_err().to_string().contains("readonly"));
}

#[tokio::test]
async fn migrations_are_applied_once_and_a_newer_file_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tea.db");
    pour(&Database::open(&path, &[FIRST]).unwrap(), "assam").await.unwrap();
    let newer = Database::open(&path, &[FIRST, SECOND]).unwrap();
    assert_eq!(count(&newer, "cups WHERE sugar IS NULL").await, 1);
    drop(Database::open(&path, &[FIRST, SECOND]).unwrap());
    let error = Database::open(&path, &[FIRST]).err().unwrap();
    assert!(matches!(error, OpenError::Newer { found: 2, known: 1, .. }), "{error}");
    let broken = Database::open(&path, &[FIRST, SECOND, "CREATE TABLE half (a); CREATE nonsense"]).err().unwrap();
    assert!(broken.to_string().contains("tea.db"), "{broken}");
    let still = Database::open(&path, &[FIRST, SECOND]).unwrap();
    assert_eq!(count(&still, "sqlite_master WHERE name = 'half'").await, 0, "a broken migration changes nothing");
}

#[test]
fn files_are_readable_for_their_owner_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tea.db");
    let _database = Database::open(&path, &[FIRST]).unwrap();
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let file = file.unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", file.path());
    }
}

#[test]
fn several_processes_may_begin_with_a_new_file_at_once() {
    // Each with connections of its own, as processes have; SQLite's locks are between those.
    for _ in 0..20 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tea.db");
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| drop(Database::open(&path, &[FIRST, SECOND]).unwrap()));
            }
        });
    }
}

#[tokio::test]
async fn the_version_before_goes_on_while_the_next_one_brings_the_schema_to_the_newest() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tea.db");
    let old = Database::open(&path, &[FIRST]).unwrap();
    pour(&old, "assam").await.unwrap();
    let new = Database::open(&path, &[FIRST, SECOND]).unwrap();
    for (database, tea) in [(&old, "ceylon"), (&new, "sencha"), (&old, "oolong")] {
        pour(database, tea).await.unwrap();
    }
    assert_eq!((count(&old, "cups").await, count(&new, "cups").await), (4, 4));
    let kept = new.read(|connection| Ok::<_, DatabaseError>(kit::outbox::after(connection, 1, 2)?)).await.unwrap();
    let kept: Vec<_> = kept.iter().map(|event| (event.home_seq, event.payload["tea"].as_str().unwrap())).collect();
    assert_eq!(kept, [(2, "ceylon"), (3, "sencha")], "in the order of their commits, no more than asked for");
    let newest = new.read(|connection| Ok::<_, DatabaseError>(kit::outbox::newest(connection)?)).await.unwrap();
    assert_eq!(newest, 4);
}

#[tokio::test]
async fn a_file_that_others_could_read_is_closed_to_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tea.db");
    std::fs::write(&path, "").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let _database = Database::open(&path, &[FIRST]).unwrap();
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
}
