//! Has everything gone that is kept about a resident: out of every database, the data that a restore put aside, and their files.

use std::{
    io::{self, BufRead, IsTerminal, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use jiff::Timestamp;
use kit::{
    Home,
    audit::Operator,
    clock,
    person::erase::{self, Tombstone},
};
use rusqlite::{Connection, OpenFlags, OptionalExtension};
use uuid::Uuid;

use super::{RECORDINGS, api_database};
use crate::store::{RESIDENT, Store};

/// What folders are called in which a restore kept the data from before it.
const BEFORE_RESTORE: &str = "before-restore-";
/// Where a copy is unpacked before it is put in place.
const UNPACKED: &str = "backup/restoring/data";

/// Erases after asking, and says what came of it.
pub fn by_command(data: &Path, resident: i64, confirm: Option<i64>) -> anyhow::Result<String> {
    let name = name_of(data, resident)?;
    confirmed(resident, &name, confirm)?;
    let operator = Operator::open(data)?;
    let erased = erase(data, resident)?;
    operator.changed("betti-api erase", resident);
    let rows: u64 = erased.rows.values().sum();
    let mut lines = vec![format!("{name} is erased: {rows} rows and files")];
    lines.extend(erased.rows.iter().map(|(table, rows)| format!("  {table:<32} {rows}")));
    lines.push(
        "What stays is that number, the time and these counts. Copies from before still have them; a restore erases them again. \
         Run betti-ctl backup --to DIR for every stick that has copies, so that this is known beside them too."
            .into(),
    );
    Ok(lines.join("\n"))
}

/// Erases a resident from a home's data. The tombstone says how much that was. Workers may run meanwhile.
///
/// # Errors
/// If a file cannot be changed. Some of it may be done then; asked again, the rest is.
pub fn erase(data: &Path, resident: i64) -> anyhow::Result<Tombstone> {
    let folders = if resident == RESIDENT { vec![RECORDINGS.to_owned()] } else { Vec::new() };
    let tombstone = Tombstone {
        id: Uuid::now_v7().to_string(),
        resident,
        erased_at: clock::iso(Timestamp::now()),
        rows: Default::default(),
        folders,
    };
    // First where nobody looks, so that whoever is cut off finds the resident still there, and asks again.
    for aside in put_aside(data)? {
        erase::from_home(&aside, &tombstone)?;
    }
    let erased = erase::from_home(data, &tombstone)?;
    if resident == RESIDENT {
        welcome_again(data)?;
    }
    Ok(erased)
}

/// Existing clients mean one resident by number, who is there always: from now on somebody of whom nothing is known.
fn welcome_again(data: &Path) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(Store::open(&api_database(data), Home::from_environment()?))?;
    Ok(())
}

fn put_aside(data: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = vec![data.join(UNPACKED)];
    for entry in std::fs::read_dir(data)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(BEFORE_RESTORE) {
            found.push(entry.path());
        }
    }
    Ok(found)
}

/// What people call a resident.
pub fn name_of(data: &Path, resident: i64) -> anyhow::Result<String> {
    let path = api_database(data);
    let open = || Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_WRITE);
    let connection = open().with_context(|| {
        format!("{}: run this in the folder of ecosystem.toml, or set BETTI_DATA_DIR", path.display())
    })?;
    let sql = "SELECT name FROM residents WHERE subject = ?";
    let found: Option<Option<String>> = connection.query_row(sql, [resident], |row| row.get(0)).optional()?;
    match found {
        Some(name) => Ok(name.map_or(format!("Resident {resident}"), |name| format!("{name} (resident {resident})"))),
        None => bail!("there is no resident {resident}: GET /api/v1/residents lists those that there are"),
    }
}

fn confirmed(resident: i64, name: &str, confirm: Option<i64>) -> anyhow::Result<()> {
    let again = match confirm {
        Some(again) => again.to_string(),
        None if io::stdin().is_terminal() => ask(resident, name)?,
        None => bail!("nothing is erased yet, because there is no way back: say so by --confirm {resident}"),
    };
    if again.trim() != resident.to_string() {
        bail!("nothing is erased: {:?} is not the number of {name}", again.trim());
    }
    Ok(())
}

fn ask(resident: i64, name: &str) -> io::Result<String> {
    let mut terminal = io::stderr();
    writeln!(terminal, "Everything that is kept about {name} will be gone from this hub. There is no way back.")?;
    writeln!(terminal, "`betti-api export --resident {resident} --to FILE` hands it out first.")?;
    write!(terminal, "To erase it, type the number {resident}: ")?;
    terminal.flush()?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    Ok(line)
}
