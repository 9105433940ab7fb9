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
use kit::{clock, person::rows};
use rusqlite::{Connection, OpenFlags};
use serde_json::{Map, Value, json};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use super::{RECORDINGS, erase::name_of, fhir};
use crate::store::RESIDENT;

/// Health data is nobody else's.
const FILE_MODE: u32 = 0o600;
/// Of which form the export is.
const FORMAT: u32 = 1;
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
    let name = name_of(data, resident)?;
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

/// Writes the export of a resident. Each database is read as it is at one moment.
///
/// # Errors
/// If the data cannot be read, or the export not be written.
pub fn write(data: &Path, resident: i64, to: &File) -> anyhow::Result<Counts> {
    let now = Timestamp::now();
    let databases = everything(data, resident)?;
    let bundle = fhir::bundle(&databases, now);
    let export = json!({
        "format": FORMAT,
        "version": env!("CARGO_PKG_VERSION"),
        "resident": resident,
        "exported_at": clock::iso(now),
        "databases": databases,
    });
    let mut zip = Zip(ZipWriter::new(to));
    zip.add("README.txt", READ_ME.as_bytes())?;
    zip.add("export.json", serde_json::to_string_pretty(&export)?.as_bytes())?;
    zip.add("fhir/bundle.json", serde_json::to_string_pretty(&bundle)?.as_bytes())?;
    let mut rows = 0;
    for (database, tables) in &databases {
        for (table, list) in tables.as_object().into_iter().flatten() {
            let list = list.as_array().map_or(&[][..], Vec::as_slice);
            rows += list.len();
            if !list.is_empty() {
                zip.add(&format!("csv/{database}-{table}.csv"), csv::table(list).as_bytes())?;
            }
        }
    }
    if resident == RESIDENT {
        for path in recordings(&data.join(RECORDINGS))? {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            zip.copy(&format!("{RECORDINGS}/{name}"), &path)?;
        }
    }
    zip.0.finish()?;
    Ok(Counts { rows, resources: bundle["entry"].as_array().map_or(0, Vec::len) })
}

/// For each database of the home, what it has of a resident.
fn everything(data: &Path, resident: i64) -> anyhow::Result<Map<String, Value>> {
    let mut found = Map::new();
    for entry in std::fs::read_dir(data)? {
        let path = entry?.path();
        if path.extension().is_none_or(|ending| ending != DATABASE) {
            continue;
        }
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let read = || {
            let mut connection = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
            let transaction = connection.transaction()?;
            rows::everything(&transaction, resident)
        };
        let tables = read().with_context(|| path.display().to_string())?;
        if !tables.is_empty() {
            found.insert(name, Value::Object(tables));
        }
    }
    Ok(found)
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

struct Zip<'f>(ZipWriter<&'f File>);

impl Zip<'_> {
    fn add(&mut self, name: &str, bytes: &[u8]) -> anyhow::Result<()> {
        self.begin(name)?;
        Ok(self.0.write_all(bytes)?)
    }

    fn copy(&mut self, name: &str, path: &Path) -> anyhow::Result<()> {
        self.begin(name)?;
        io::copy(&mut File::open(path)?, &mut self.0)?;
        Ok(())
    }

    fn begin(&mut self, name: &str) -> anyhow::Result<()> {
        let options =
            SimpleFileOptions::default().compression_method(CompressionMethod::Deflated).unix_permissions(FILE_MODE);
        Ok(self.0.start_file(name, options)?)
    }
}
