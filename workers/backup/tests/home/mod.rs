//! A home for every test: data, the real program, and places for copies.
#![allow(dead_code, reason = "every test file uses another part")]

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use nix::sched::{CloneFlags, unshare};
use rusqlite::Connection;
use serde_json::Value;

/// Rows that are kept two by two, and events, as workers keep them.
pub const SCHEMA: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA user_version = 3;
    CREATE TABLE IF NOT EXISTS readings (compat_id INTEGER PRIMARY KEY AUTOINCREMENT, subject INTEGER NOT NULL, note TEXT NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS outbox (home_seq INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, payload TEXT NOT NULL, recorded_at TEXT NOT NULL) STRICT;";

/// A folder with data and an `ecosystem.toml`.
pub struct Home {
    pub folder: tempfile::TempDir,
}

impl Home {
    pub fn new() -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        std::fs::create_dir(folder.path().join("data")).expect("a folder");
        std::fs::write(folder.path().join("ecosystem.toml"), "# what runs here\n").expect("a file");
        Self { folder }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn database(&self, name: &str) -> Connection {
        let connection = Connection::open(self.path("data").join(name)).expect("a database");
        connection.busy_timeout(std::time::Duration::from_secs(30)).expect("a timeout");
        connection.execute_batch(SCHEMA).expect("tables");
        connection
    }

    /// A row and its event, in one transaction, as a worker does it.
    pub fn keep(connection: &mut Connection, subject: i64, note: &str) {
        let transaction = connection.transaction().expect("a transaction");
        let payload = serde_json::json!({"subject": subject, "note": note}).to_string();
        transaction.execute("INSERT INTO readings (subject, note) VALUES (?, ?)", (subject, note)).expect("a row");
        transaction
            .execute("INSERT INTO outbox (kind, payload, recorded_at) VALUES ('x', ?, 't')", [payload])
            .expect("a row");
        transaction.commit().expect("kept");
    }

    /// The program, about this home.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_betti-backup"));
        command.current_dir(self.folder.path()).env_remove("BETTI_DATA_DIR").args(arguments);
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("it runs")
    }

    /// What it tells programs, if it did what it was asked for.
    pub fn done(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[arguments, &["--json"]].concat());
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("a document")
    }

    /// Why it did not.
    pub fn refused(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stdout));
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    /// Makes the first copy, and keeps the key in `key.txt`. The copy's path.
    pub fn first_copy(&self, arguments: &[&str]) -> String {
        let made = self.done(&[&["now"], arguments].concat());
        std::fs::write(self.path("key.txt"), made["key"].as_str().expect("the key")).expect("a file");
        made["file"].as_str().expect("a path").to_owned()
    }

    pub fn restore(&self, copy: &str) -> Value {
        self.done(&["restore", "--key-file", self.path("key.txt").to_str().expect("text"), copy])
    }
}

/// How many rows a table has, and whether every row has its event and every event its row.
pub fn rows(path: &Path) -> i64 {
    let connection = Connection::open(path).expect("a database");
    let count = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).expect("a number");
    let torn = count(
        "SELECT count(*) FROM (SELECT note FROM readings EXCEPT SELECT payload ->> 'note' FROM outbox
         UNION ALL SELECT payload ->> 'note' FROM outbox WHERE kind = 'x' EXCEPT SELECT note FROM readings)",
    );
    assert_eq!(torn, 0, "pairs that were written together");
    count("SELECT count(*) FROM readings")
}

/// The names in a folder, in order.
pub fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let mut names: Vec<_> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Mounts are this test's own from now on, and go with it; `false` where that is not allowed.
pub fn mounts_of_its_own() -> bool {
    unshare(CloneFlags::CLONE_NEWNS).is_ok() && mount(&["--make-rprivate", "/"])
}

/// A stick of so many bytes.
pub fn plug_in(at: &Path, size: &str) {
    std::fs::create_dir_all(at).expect("a folder");
    assert!(mount(&["-t", "tmpfs", "-o", &format!("size={size}"), "none", at.to_str().expect("text")]));
}

/// The stick is gone; whoever has a file open there may go on with that.
pub fn pull_out(at: &Path) {
    assert!(Command::new("umount").arg("--lazy").arg(at).status().is_ok_and(|status| status.success()));
}

fn mount(arguments: &[&str]) -> bool {
    Command::new("mount").args(arguments).status().is_ok_and(|status| status.success())
}

/// So many bytes that no compression makes fewer.
pub fn noise(count: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    (0..count)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[3]
        })
        .collect()
}
