use std::path::Path;

use rusqlite::Connection;
use serde_json::json;

use super::{
    erase::{self, Tombstone},
    rows, tables,
};

const SCHEMA: &str = "PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON;
    CREATE TABLE outbox (home_seq INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, payload TEXT NOT NULL, recorded_at TEXT NOT NULL) STRICT;
    CREATE TABLE history (table_name TEXT, compat_id INTEGER, version INTEGER, row TEXT, replaced_at TEXT, PRIMARY KEY (table_name, compat_id, version)) STRICT, WITHOUT ROWID;
    CREATE TABLE meals (compat_id INTEGER PRIMARY KEY, subject INTEGER NOT NULL, note TEXT) STRICT;
    CREATE TABLE meal_versions (meal INTEGER NOT NULL REFERENCES meals (compat_id), version INTEGER NOT NULL, note TEXT, PRIMARY KEY (meal, version)) STRICT, WITHOUT ROWID;
    CREATE TABLE meal_foods (id INTEGER PRIMARY KEY, meal INTEGER, version INTEGER, name TEXT, FOREIGN KEY (meal, version) REFERENCES meal_versions (meal, version)) STRICT;
    CREATE TABLE devices (compat_id INTEGER PRIMARY KEY, subject INTEGER NOT NULL, address TEXT) STRICT;
    CREATE TABLE grants (id INTEGER PRIMARY KEY, resident INTEGER NOT NULL) STRICT;
    CREATE TABLE sums (subject INTEGER PRIMARY KEY, count INTEGER) STRICT;
    CREATE TRIGGER counted AFTER DELETE ON meals BEGIN INSERT INTO sums VALUES (OLD.subject, -1) ON CONFLICT DO UPDATE SET count = -1; END;
    CREATE TABLE settings (name TEXT) STRICT;";

fn fill(connection: &Connection, subject: i64) {
    let sql = format!(
        "INSERT INTO meals VALUES ({subject}0, {subject}, 'person-{subject} breakfast');
         INSERT INTO meal_versions VALUES ({subject}0, 1, 'person-{subject} first'), ({subject}0, 2, 'person-{subject} second');
         INSERT INTO meal_foods (meal, version, name) VALUES ({subject}0, 2, 'person-{subject} porridge');
         INSERT INTO devices VALUES ({subject}, {subject}, 'AA:BB:CC:DD:EE:0{subject}');
         INSERT INTO sums VALUES ({subject}, 1);
         INSERT INTO grants (resident) VALUES ({subject});
         INSERT INTO history VALUES ('meals', {subject}0, 1, '{{\"subject\":{subject},\"note\":\"person-{subject} before\"}}', 't');
         INSERT INTO outbox (kind, payload, recorded_at) VALUES
            ('meal.recorded', '{{\"subject\":{subject},\"note\":\"person-{subject}\"}}', '2031-01-31'),
            ('doses.missed', '{{\"doses\":[{{\"user_id\":{subject}}}]}}', '2031-01-31'),
            ('goals.set', '{{\"note\":\"person-{subject}\"}}', '2031-01-31');"
    );
    connection.execute_batch(&sql).unwrap();
}

fn home(folder: &Path) -> Connection {
    let connection = Connection::open(folder.join("api.db")).unwrap();
    connection.execute_batch(SCHEMA).unwrap();
    fill(&connection, 1);
    fill(&connection, 2);
    let ble = Connection::open(folder.join("ble.db")).unwrap();
    ble.execute_batch(
        "CREATE TABLE readings (id INTEGER PRIMARY KEY, device TEXT, body TEXT) STRICT;
         INSERT INTO readings (device, body) VALUES ('aa:bb:cc:dd:ee:01', 'person-1'), ('AA:BB:CC:DD:EE:02', 'person-2');",
    )
    .unwrap();
    connection
}

fn tombstone(id: &str) -> Tombstone {
    let (erased_at, folders) = ("2031-02-01T00:00:00.000Z".into(), vec!["accelerometer".into()]);
    Tombstone { id: id.into(), resident: 1, erased_at, rows: Default::default(), folders }
}

fn everything(connection: &Connection, resident: i64) -> Vec<(String, Vec<serde_json::Value>)> {
    let tables = rows::of(connection).unwrap();
    tables.into_iter().map(|rows| (rows.table.clone(), rows.all(connection, resident).unwrap())).collect()
}

fn mentions(folder: &Path, words: &str) -> Vec<String> {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
    let has = |path: &std::path::PathBuf| {
        std::fs::read(path).unwrap().windows(words.len()).any(|window| window == words.as_bytes())
    };
    files.filter(has).map(|path| path.display().to_string()).collect()
}

#[test]
fn a_table_is_somebodys_by_its_column_or_by_what_it_leads_to() {
    let folder = tempfile::tempdir().unwrap();
    let found = tables(&home(folder.path())).unwrap();
    let names: Vec<_> = found.iter().map(|table| (table.name.as_str(), table.depth)).collect();
    assert_eq!(
        names,
        [("meal_foods", 2), ("meal_versions", 1), ("devices", 0), ("grants", 0), ("meals", 0), ("sums", 0)]
    );
}

#[test]
fn nothing_is_left_of_who_is_erased_in_any_file_and_nothing_of_others_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let connection = home(folder.path());
    std::fs::create_dir(folder.path().join("accelerometer")).unwrap();
    std::fs::write(folder.path().join("accelerometer/a.csv"), "person-1").unwrap();
    assert!(!mentions(folder.path(), "person-1").is_empty());
    let others = everything(&connection, 2);
    let erased = erase::from_home(folder.path(), &tombstone("t1")).unwrap();
    let expected = [
        ("accelerometer", 1),
        ("api.devices", 1),
        ("api.grants", 1),
        ("api.history", 1),
        ("api.meal_foods", 1),
        ("api.meal_versions", 2),
        ("api.meals", 1),
        ("api.outbox", 4),
        ("api.sums", 1),
        ("ble.readings", 1),
    ];
    assert_eq!(erased.rows, expected.map(|(table, rows)| (table.to_owned(), rows)).into());
    assert_eq!(mentions(folder.path(), "person-1"), Vec::<String>::new());
    assert!(!folder.path().join("accelerometer/a.csv").exists());
    assert_eq!(everything(&connection, 2), others);
    let theirs = everything(&connection, 1);
    assert!(theirs.iter().all(|(_, rows)| rows.is_empty()), "{theirs:?}");
    let kinds: Vec<String> = connection
        .prepare("SELECT kind FROM outbox ORDER BY home_seq")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(kinds, ["meal.recorded", "doses.missed", "resident.erased"]);
    let triggers: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema WHERE type = 'trigger'", [], |row| row.get(0))
        .unwrap();
    assert_eq!(triggers, 1, "the trigger is there again");
    assert_eq!(erase::tombstones(folder.path()).unwrap().len(), 1);
}

#[test]
fn the_same_tombstone_erases_once_so_that_a_number_can_be_somebody_elses() {
    let folder = tempfile::tempdir().unwrap();
    let connection = home(folder.path());
    erase::from_home(folder.path(), &tombstone("t1")).unwrap();
    connection.execute("INSERT INTO meals VALUES (77, 1, 'the next one')", []).unwrap();
    assert!(erase::from_home(folder.path(), &tombstone("t1")).unwrap().rows.values().all(|rows| *rows == 0));
    let meals: i64 =
        connection.query_row("SELECT count(*) FROM meals WHERE subject = 1", [], |row| row.get(0)).unwrap();
    assert_eq!(meals, 1);
    let erased = erase::from_home(folder.path(), &tombstone("t2")).unwrap();
    assert_eq!(erased.rows.get("api.meals"), Some(&1));
}

#[test]
fn what_a_pin_is_checked_by_is_handed_out_to_nobody() {
    let connection = Connection::open_in_memory().unwrap();
    let sql = "CREATE TABLE pins (resident INTEGER, salt BLOB, hash BLOB, set_at TEXT); INSERT INTO pins VALUES (1, x'01', x'02', 't');
               CREATE TABLE chain (resident INTEGER, hash BLOB); INSERT INTO chain VALUES (1, x'02');";
    connection.execute_batch(sql).unwrap();
    let handed_out: Vec<_> =
        rows::of(&connection).unwrap().iter().flat_map(|rows| rows.all(&connection, 1).unwrap()).collect();
    assert_eq!(handed_out, [json!({"resident": 1, "hash": "02"}), json!({"resident": 1, "set_at": "t"})]);
}
