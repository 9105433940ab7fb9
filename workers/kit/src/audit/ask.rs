//! Reading the audit, and finding out whether somebody changed it.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags, OptionalExtension, params};

use super::{
    FILE,
    chain::Link,
    entry::{EVERYBODY, Entry},
    file::{COLUMNS, entry},
};
use crate::{Area, clock, database, person::tombstone};

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub struct Question {
    /// About whom, or about the whole house; `None` is everything.
    pub resident: Option<i64>,
    /// From when on.
    pub from: Option<Timestamp>,
    /// Until when, exclusively.
    pub to: Option<Timestamp>,
    /// Only entries before this one.
    pub before: Option<i64>,
    /// Only what this device did, by its id; or what was done without one, by the role that is noted then: `unknown` for wrong
    /// keys, `operator` for the hub's own command line.
    pub device: Option<String>,
    /// Only what is of this area.
    pub area: Option<Area>,
    /// How many at most.
    pub limit: u32,
}

/// Why the audit cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {path}: {error}")]
pub struct AskError {
    path: PathBuf,
    error: rusqlite::Error,
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// How many entries are in order.
    pub entries: u64,
    /// The newest one's place and hash: whoever writes them down elsewhere finds out later whether the whole was made anew.
    pub newest: (i64, String),
    /// The first place that is not in order, and what is wrong there.
    pub broken: Option<(i64, &'static str)>,
}

/// The entries of an audit in a folder, the newest first. Whoever has a number that somebody erased had before sees nothing of theirs.
///
/// # Errors
/// If the file cannot be read.
pub fn ask(directory: &Path, question: &Question) -> Result<Vec<Entry>, AskError> {
    let path = directory.join(FILE);
    find(&path, question).map_err(|error| AskError { path, error })
}

/// Whether the audit in a folder is as it was written.
///
/// # Errors
/// If the file cannot be read.
pub fn check(directory: &Path) -> Result<Checked, AskError> {
    let path = directory.join(FILE);
    walk(&path).map_err(|error| AskError { path, error })
}

fn open(path: &Path) -> rusqlite::Result<Connection> {
    // Not only to read: after a crash the file's log has to be read into it.
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.busy_timeout(database::BUSY_TIMEOUT)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

fn find(path: &Path, question: &Question) -> rusqlite::Result<Vec<Entry>> {
    let connection = open(path)?;
    let erased = tombstone::all(&connection)?;
    let of_them = erased.into_iter().filter(|erased| Some(erased.resident) == question.resident);
    let erased_at = of_them.map(|erased| erased.erased_at).max();
    let sql = format!(
        "SELECT {COLUMNS} FROM entries AS entry
        WHERE (?1 IS NULL OR about_resident IN (?1, {EVERYBODY})) AND (?2 IS NULL OR last_at >= ?2) AND (?3 IS NULL OR first_at < ?3)
            AND (?4 IS NULL OR seq < ?4) AND (?5 IS NULL OR first_at > ?5)
            AND (?7 IS NULL OR coalesce(by_device, role) = ?7) AND (?8 IS NULL OR area = ?8)
            AND NOT EXISTS (SELECT 1 FROM entries AS whole WHERE whole.continues = entry.seq)
        ORDER BY seq DESC LIMIT ?6"
    );
    let (from, to) = (question.from.map(clock::iso), question.to.map(clock::iso));
    let mut statement = connection.prepare(&sql)?;
    let area = question.area.map(Area::name);
    let values =
        params![question.resident, from, to, question.before, erased_at, question.limit, question.device, area];
    statement.query_map(values, entry)?.collect()
}

fn walk(path: &Path) -> rusqlite::Result<Checked> {
    let connection = open(path)?;
    // One moment of it, while workers go on appending.
    let transaction = connection.unchecked_transaction()?;
    let sql = "SELECT through, hash FROM retention ORDER BY through DESC LIMIT 1";
    let begin = transaction.query_row(sql, [], |row| Ok((row.get(0)?, Link(row.get(1)?)))).optional()?;
    let (mut seq, mut link) = begin.unwrap_or((0, Link::FIRST));
    let mut entries = 0;
    let mut statement = transaction.prepare(&format!("SELECT {COLUMNS}, hash FROM entries ORDER BY seq"))?;
    let mut rows = statement.query([])?;
    let broken = loop {
        let Some(row) = rows.next()? else { break None };
        let (entry, hash): (Entry, [u8; 32]) = (entry(row)?, row.get(14)?);
        if entry.seq != seq + 1 {
            break Some((seq + 1, "is missing"));
        }
        if link.next(&entry).0 != hash {
            break Some((entry.seq, "was changed, or what is before it"));
        }
        (seq, link, entries) = (entry.seq, Link(hash), entries + 1);
    };
    let sql = "SELECT seq FROM sqlite_sequence WHERE name = 'entries'";
    let ever: i64 = transaction.query_row(sql, [], |row| row.get(0)).optional()?.unwrap_or(0);
    let broken = broken.or_else(|| (ever > seq).then_some((seq + 1, "is missing, and what came after it")));
    Ok(Checked { entries, newest: (seq, link.text()), broken })
}
