//! The file: appended to by every worker, each in its turn.

use std::{collections::HashMap, path::Path};

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};

use super::{
    FILE, MIGRATIONS,
    chain::Link,
    entry::{Entry, What},
    windows::Due,
};
use crate::database::{self, OpenError};

/// How long a try to append waits for another worker; it is tried again a second later.
const BUSY_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(1);
/// The columns of [`entry`], in its order.
pub(super) const COLUMNS: &str = "seq, first_at, last_at, times, what, by_device, role, address, area, about_resident, \
    routes, thing, status, continues";

pub(super) struct File {
    pub connection: Connection,
    /// The entries that began windows of this process.
    begun: HashMap<u64, i64>,
}

impl File {
    pub fn open(directory: &Path) -> Result<Self, OpenError> {
        let path = directory.join(FILE);
        let connection = database::connection(&path, &MIGRATIONS)?;
        let set = || {
            connection.busy_timeout(BUSY_TIMEOUT)?;
            // A power cut may take the last entries, not the order of the others; what was changed is in the workers' outboxes.
            connection.pragma_update(None, "synchronous", "NORMAL")
        };
        set().map_err(|error| OpenError::Sqlite { path, error })?;
        Ok(Self { connection, begun: HashMap::new() })
    }

    /// Appends these, all or none.
    pub fn append(&mut self, due: &[Due]) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let (mut seq, mut link) = last(&transaction)?;
        let mut begun = Vec::new();
        for Due { entry, begins, ends } in due {
            seq += 1;
            let beginning = |window: &u64| {
                let here = begun.iter().find(|(number, _)| number == window).map(|(_, seq)| *seq);
                here.or_else(|| self.begun.get(window).copied())
            };
            let entry = Entry { seq, continues: ends.as_ref().and_then(beginning), ..entry.clone() };
            link = link.next(&entry);
            insert(&transaction, &entry, link)?;
            begun.extend(begins.map(|number| (number, seq)));
        }
        transaction.commit()?;
        self.begun.extend(begun);
        for number in due.iter().filter_map(|due| due.ends) {
            self.begun.remove(&number);
        }
        Ok(())
    }

    /// Lets go what is older than two years, through the one way that the file allows.
    pub fn let_go(&mut self, now: Timestamp) -> rusqlite::Result<usize> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let sql = "SELECT seq FROM entries WHERE last_at >= strftime('%Y-%m-%dT%H:%M:%fZ', ?, '-2 years') ORDER BY seq LIMIT 1";
        let first_kept: Option<i64> =
            transaction.query_row(sql, [crate::clock::iso(now)], |row| row.get(0)).optional()?;
        let sql = "SELECT seq, hash FROM entries WHERE seq < ? ORDER BY seq DESC LIMIT 1";
        let row = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, [u8; 32]>(1)?));
        let Some((through, hash)) = transaction.query_row(sql, [first_kept.unwrap_or(i64::MAX)], row).optional()?
        else {
            return Ok(0);
        };
        let sql = "INSERT INTO retention (through, hash, at) VALUES (?, ?, ?)";
        transaction.execute(sql, params![through, hash, crate::clock::iso(now)])?;
        let gone = transaction.execute("DELETE FROM entries WHERE seq <= ?", [through])?;
        transaction.commit()?;
        Ok(gone)
    }
}

/// The newest entry's place and link, also if it was let go.
fn last(transaction: &Transaction<'_>) -> rusqlite::Result<(i64, Link)> {
    let row = |row: &Row<'_>| Ok((row.get(0)?, Link(row.get(1)?)));
    let newest = "SELECT seq, hash FROM entries ORDER BY seq DESC LIMIT 1";
    if let Some(found) = transaction.query_row(newest, [], row).optional()? {
        return Ok(found);
    }
    let let_go = "SELECT through, hash FROM retention ORDER BY through DESC LIMIT 1";
    Ok(transaction.query_row(let_go, [], row).optional()?.unwrap_or((0, Link::FIRST)))
}

fn insert(transaction: &Transaction<'_>, entry: &Entry, link: Link) -> rusqlite::Result<()> {
    let sql = format!("INSERT INTO entries ({COLUMNS}, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    let mut statement = transaction.prepare_cached(&sql)?;
    statement.execute(params![
        entry.seq,
        entry.first_at,
        entry.last_at,
        entry.times,
        entry.what.name(),
        entry.device,
        entry.role,
        entry.address,
        entry.area,
        entry.resident,
        entry.routes.join("\n"),
        entry.thing,
        entry.status,
        entry.continues,
        link.0,
    ])?;
    Ok(())
}

pub(super) fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    let (what, routes): (String, String) = (row.get(4)?, row.get(10)?);
    Ok(Entry {
        seq: row.get(0)?,
        first_at: row.get(1)?,
        last_at: row.get(2)?,
        times: row.get(3)?,
        what: What::named(&what).unwrap_or(What::Lost),
        device: row.get(5)?,
        role: row.get(6)?,
        address: row.get(7)?,
        area: row.get(8)?,
        resident: row.get(9)?,
        routes: routes.split('\n').map(str::to_owned).collect(),
        thing: row.get(11)?,
        status: row.get(12)?,
        continues: row.get(13)?,
    })
}
