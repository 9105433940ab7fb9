//! Everything that is kept about a resident, in one zip file: as it is kept, as tables, and as FHIR for other programs.

mod csv;

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use jiff::Timestamp;
use kit::{
    audit::Operator,
    clock,
    person::rows::{self, Rows},
};
use rusqlite::{Connection, OpenFlags};
use serde_json::Value;
use zip::{
    CompressionMethod, ZipWriter,
    write::{SimpleFileOptions, StreamWriter},
};

use super::{RECORDINGS, erase::name_of, fhir};
use crate::store::RESIDENT;

/// Health data is nobody else's.
const FILE_MODE: u32 = 0o600;
/// Of which form the export is.
const FORMAT: u32 = 1;
/// From how much that is kept on, in bytes, a file in the export may pass 4 GiB: what is written as text takes three or four times the
/// place. Below it the form is used that every program reads from beginning to end.
const LARGE_FROM: u64 = 256 * 1024 * 1024;
/// How databases' files end.
const DATABASE: &str = "db";

const READ_ME: &str = "\
This is everything that a Betti hub keeps about one resident.

export.json       all of it, as it is kept, with earlier versions of what was changed (`history`), for programs
fhir/bundle.json  readings, medicines, doses, appointments and devices as a FHIR R4 bundle, for other health software
csv/              the same as tables, one file each, for spreadsheets
accelerometer/    recordings of movement, if there are any

Times are in UTC unless a column says otherwise; empty means unknown.
";

/// Writes the export to a file that is not there yet, and says what is in it.
pub fn by_command(data: &Path, resident: i64, to: &Path) -> anyhow::Result<String> {
    let (name, operator) = (name_of(data, resident)?, Operator::open(data)?);
    let open = || OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(to);
    let file = match open() {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            bail!("{} is there already: name another file", to.display())
        }
        file => file.with_context(|| to.display().to_string())?,
    };
    let written = write(data, resident, &file).and_then(|counts| Ok(file.sync_all().map(|()| counts)?));
    let counts = written.inspect_err(|_| {
        // Half an export would be taken for a whole one.
        let _ = std::fs::remove_file(to);
    })?;
    operator.took("betti-api export", resident);
    Ok(format!(
        "{}\nEverything that is kept about {name}: {} rows, {} FHIR resources. It is not encrypted",
        to.display(),
        counts.rows,
        counts.resources
    ))
}

/// How much an export has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    pub rows: usize,
    pub resources: usize,
}

/// Writes the export of a resident from its beginning to its end, row by row, so that it may go anywhere and be of any length.
/// Each database is read as it is at one moment.
///
/// # Errors
/// If the data cannot be read, or the export not be written.
pub fn write(data: &Path, resident: i64, to: impl Write) -> anyhow::Result<Counts> {
    let now = Timestamp::now();
    let databases = Database::open_all(data, resident)?;
    let mut zip = Zip { writer: ZipWriter::new_stream(to), is_large: kept_bytes(data)? > LARGE_FROM };
    zip.begin("README.txt")?;
    zip.writer.write_all(READ_ME.as_bytes())?;
    let rows = as_kept(&databases, resident, now, &mut zip)?;
    as_tables(&databases, &mut zip)?;
    let resources = as_fhir(&databases, now, &mut zip)?;
    if resident == RESIDENT {
        for path in recordings(&data.join(RECORDINGS))? {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            zip.begin(&format!("{RECORDINGS}/{name}"))?;
            io::copy(&mut File::open(path)?, &mut zip.writer)?;
        }
    }
    zip.writer.finish()?.into_inner().flush()?;
    Ok(Counts { rows, resources })
}

/// How much is kept of everybody.
fn kept_bytes(data: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(data)? {
        // What goes meanwhile, such as a log that was read into its database, takes no place.
        bytes += entry?.metadata().map_or(0, |known| known.len());
    }
    Ok(bytes)
}

/// A database of the home, seen as it was when it was opened.
struct Database {
    name: String,
    connection: Connection,
    resident: i64,
    tables: Vec<Rows>,
}

impl Database {
    fn open_all(data: &Path, resident: i64) -> anyhow::Result<Vec<Self>> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(data)? {
            let path = entry?.path();
            if path.extension().is_some_and(|ending| ending == DATABASE) {
                let opened = Self::open(&path, resident).with_context(|| path.display().to_string())?;
                found.extend((!opened.tables.is_empty()).then_some(opened));
            }
        }
        found.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(found)
    }

    fn open(path: &Path, resident: i64) -> rusqlite::Result<Self> {
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        // Until the connection is closed, everything is read as it is from the next line on.
        connection.execute_batch("BEGIN")?;
        let tables = rows::of(&connection)?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { name, connection, resident, tables })
    }

    fn each(&self, rows: &Rows, see: impl FnMut(Value) -> anyhow::Result<()>) -> anyhow::Result<()> {
        rows.each(&self.connection, self.resident, see)
    }
}

/// Shows the resident's rows of a table, if there is one.
fn each_of(
    databases: &[Database],
    (database, table): (&str, &str),
    see: impl FnMut(Value) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let database = databases.iter().find(|known| known.name == database);
    let found = database.and_then(|known| Some((known, known.tables.iter().find(|rows| rows.table == table)?)));
    found.map_or(Ok(()), |(database, rows)| database.each(rows, see))
}

/// All of it as one JSON document; how many rows there are.
fn as_kept(databases: &[Database], resident: i64, now: Timestamp, zip: &mut Zip<impl Write>) -> anyhow::Result<usize> {
    zip.begin("export.json")?;
    let (version, time) = (env!("CARGO_PKG_VERSION"), clock::iso(now));
    write!(
        zip.writer,
        "{{\"format\":{FORMAT},\"version\":\"{version}\",\"resident\":{resident},\"exported_at\":\"{time}\",\"databases\":{{"
    )?;
    let mut count = 0;
    for (place, database) in databases.iter().enumerate() {
        write!(zip.writer, "{}\n{}:{{", comma(place), Value::from(database.name.as_str()))?;
        for (place, rows) in database.tables.iter().enumerate() {
            write!(zip.writer, "{}\n{}:[", comma(place), Value::from(rows.table.as_str()))?;
            let mut place = 0;
            database.each(rows, |row| {
                zip.write_as_one(&format!("{}\n{row}", comma(place)))?;
                place += 1;
                Ok(())
            })?;
            count += place;
            write!(zip.writer, "]")?;
        }
        write!(zip.writer, "}}")?;
    }
    write!(zip.writer, "}}}}")?;
    Ok(count)
}

/// A file for each table that has rows.
fn as_tables(databases: &[Database], zip: &mut Zip<impl Write>) -> anyhow::Result<()> {
    for database in databases {
        for rows in &database.tables {
            let mut is_first = true;
            database.each(rows, |row| {
                if std::mem::take(&mut is_first) {
                    zip.begin(&format!("csv/{}-{}.csv", database.name, rows.table))?;
                    zip.writer.write_all(csv::head(&row).as_bytes())?;
                }
                Ok(zip.writer.write_all(csv::row(&row).as_bytes())?)
            })?;
        }
    }
    Ok(())
}

/// One bundle; how many resources it has.
fn as_fhir(databases: &[Database], now: Timestamp, zip: &mut Zip<impl Write>) -> anyhow::Result<usize> {
    let mut home = fhir::Home::new(now);
    for table in fhir::LOOKED_UP {
        each_of(databases, table, |row| {
            home.take(table.1, row);
            Ok(())
        })?;
    }
    zip.begin("fhir/bundle.json")?;
    write!(zip.writer, "{}", fhir::beginning(now))?;
    let mut count = 0;
    for table in fhir::TABLES {
        each_of(databases, table, |row| {
            if let Some(entry) = home.entry(table.1, &row) {
                zip.write_as_one(&format!("{}\n{entry}", comma(count)))?;
                count += 1;
            }
            Ok(())
        })?;
    }
    write!(zip.writer, "]}}")?;
    Ok(count)
}

/// Between what is in a list.
fn comma(place: usize) -> &'static str {
    if place == 0 { "" } else { "," }
}

fn recordings(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut found = entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    found.retain(|path| path.extension().is_some_and(|ending| ending == "csv"));
    found.sort();
    Ok(found)
}

struct Zip<W: Write> {
    writer: ZipWriter<StreamWriter<W>>,
    /// Whether a file in it may need the form for those beyond 4 GiB.
    is_large: bool,
}

impl<W: Write> Zip<W> {
    /// What is written piece by piece is compressed piece by piece, which takes ten times as long.
    fn write_as_one(&mut self, text: &str) -> io::Result<()> {
        self.writer.write_all(text.as_bytes())
    }

    /// Begins a file, which may be of any length.
    fn begin(&mut self, name: &str) -> anyhow::Result<()> {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .unix_permissions(FILE_MODE)
            .large_file(self.is_large);
        Ok(self.writer.start_file(name, options)?)
    }
}
