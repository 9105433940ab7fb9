//! The way back: what a copy has, whether it is whole, and its files in the places of the present ones.
//!
//! ```text
//!   inspect: read to the end, every database opened and counted           nothing is changed
//!   unpack:  the same into `backup/restoring`, who was erased erased      the apps may run
//!   place:   present files ──► `before-restore-TIME`, new ones in place   the apps are stopped
//! ```
//!
//! Placing is renaming within one file system, noted in a file that is there from before the first to after the last: cut off, it
//! is finished by the next start, and no worker opens anything before.

mod placing;

use std::{
    collections::BTreeSet,
    fs::File,
    io,
    path::{Path, PathBuf},
};

use age::x25519::Identity;
use jiff::Timestamp;
use kit::person::erase::{self, EraseError};
use serde::Serialize;

pub use placing::{Placed, finish, place};

use crate::{
    archive::{self, ArchiveError},
    contents::{self, Contents, Databases},
    digest, erased, key,
    snapshot::{self, SnapshotError},
    staging::{self, Staging},
    state::{self, Book, StateError},
    whole,
};

/// What the folders of present data that made room begin with.
pub const BEFORE: &str = "before-restore-";
/// Where a copy is unpacked, in the hub's own folder.
const RESTORING: &str = "restoring";
/// There when all of it is.
const UNPACKED: &str = "unpacked.json";

/// Why a copy cannot be restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    #[error("{}: {error}", path.display())]
    File { path: PathBuf, error: io::Error },
    #[error("{}: {error}", path.display())]
    Archive { path: PathBuf, error: Box<ArchiveError> },
    #[error(
        "{} is not in this hub's book of copies, so the key is needed to say what it is: type it when asked, or name its file with \
         --key-file PATH",
        .0.display()
    )]
    Unknown(PathBuf),
    #[error("{} is damaged: it is not what was written and tested on {made_at}", path.display())]
    Changed { path: PathBuf, made_at: Timestamp },
    #[error(transparent)]
    State(#[from] StateError),
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    #[error("who was erased cannot be erased from the copy: {0}")]
    Erase(#[from] EraseError),
    #[error(transparent)]
    Key(#[from] key::KeyError),
    #[error("nothing is unpacked that could be put in place: betti-ctl restore FILE does both")]
    NothingUnpacked,
    #[error("{name} is in use by another program: stop everything first (betti-ctl stop), or use betti-ctl restore")]
    InUse { name: String },
}

/// What a copy has.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub file: PathBuf,
    pub made_at: Timestamp,
    /// In bytes, as it is stored.
    pub size: u64,
    pub files: usize,
    pub databases: Databases,
    /// Whether it was decrypted and its databases opened; else it was compared with what was written and tested once.
    pub opened: bool,
    /// The version of Betti that made it, if it was opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The numbers of residents who were erased since, and will be again.
    pub erased_since: Vec<i64>,
    /// What the databases have now.
    pub present: Databases,
}

/// Looks at a copy without the key: it is whole if it is, byte by byte, what was written and tested.
pub fn look_up(file: &Path, data: &Path) -> Result<Report, RestoreError> {
    let failed = |error| RestoreError::File { path: file.into(), error };
    let sha256 = digest::of_file(file).map_err(failed)?;
    let copies = state::look(data)?.copies;
    let known = copies.iter().find(|copy| copy.sha256 == sha256);
    let copy = known.ok_or_else(|| {
        let name = file.file_name().unwrap_or_default();
        match copies.iter().find(|copy| name == copy.name.as_str()) {
            Some(copy) => RestoreError::Changed { path: file.into(), made_at: copy.made_at },
            None => RestoreError::Unknown(file.into()),
        }
    })?;
    Ok(Report {
        file: file.into(),
        made_at: copy.made_at,
        size: copy.size,
        files: copy.files,
        databases: copy.databases.clone(),
        opened: false,
        version: None,
        erased_since: erased_since(file, data, copy.made_at)?,
        present: present(data),
    })
}

/// Opens a copy and tries all of it, without changing anything.
pub fn inspect(file: &Path, identity: &Identity, data: &Path, book: &Book) -> Result<Report, RestoreError> {
    let failed = |error| RestoreError::File { path: file.into(), error };
    let staging = Staging::new(book.folder()).map_err(failed)?;
    let (mut rows, opened) = (Databases::new(), File::open(file).map_err(failed)?);
    let size = opened.metadata().map_err(failed)?.len();
    let contents = archive::read(opened, identity, |name, from| {
        if is_database(name) {
            let path = staging.path(name).map_err(|error| ArchiveError::File { name: name.into(), error })?;
            archive::put(&path, name, from)?;
            let counted = snapshot::examine(name, &path).map_err(|error| ArchiveError::NotWhole(error.to_string()))?;
            rows.insert(name.into(), counted);
        }
        Ok(())
    });
    let contents = contents.and_then(|contents| same_rows(&contents, &rows).map(|()| contents));
    let contents = contents.map_err(|error| RestoreError::Archive { path: file.into(), error: error.into() })?;
    report(file, size, contents, data)
}

/// Unpacks a copy beside the present data and makes it ready: whole, sound, and without who was erased.
pub fn unpack(file: &Path, identity: &Identity, data: &Path, book: &Book) -> Result<Report, RestoreError> {
    let failed = |error| RestoreError::File { path: file.into(), error };
    let folder = book.folder().join(RESTORING);
    staging::remove(&folder).map_err(failed)?;
    let opened = File::open(file).map_err(failed)?;
    let size = opened.metadata().map_err(failed)?.len();
    let unpacked = archive::read(opened, identity, |name, from| {
        let path = contents::below(&folder, name);
        let path = path.ok_or_else(|| ArchiveError::NotWhole(format!("{name:?} is no name that a copy has")))?;
        archive::put(&path, name, from)
    });
    let unpacked = unpacked.map_err(|error| RestoreError::Archive { path: file.into(), error: error.into() });
    let ready = unpacked.and_then(|contents| {
        let mut rows = Databases::new();
        for name in contents.databases.keys() {
            rows.insert(name.clone(), snapshot::examine(name, &folder.join(name))?);
        }
        same_rows(&contents, &rows)
            .map_err(|error| RestoreError::Archive { path: file.into(), error: error.into() })?;
        for tombstone in erased::known(data, folder_of(file)).map_err(failed)? {
            erase::from_home(&folder.join(contents::DATA), &tombstone)?;
        }
        let list = serde_json::to_vec(&contents).map_err(|error| failed(error.into()))?;
        whole::write(&folder.join(UNPACKED), &list).map_err(failed)?;
        report(file, size, contents, data)
    });
    if ready.is_err() {
        let _ = staging::remove(&folder);
    }
    ready
}

/// Gives up what was unpacked.
pub fn give_up(book: &Book) -> io::Result<()> {
    staging::remove(&book.folder().join(RESTORING))
}

fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn is_database(name: &str) -> bool {
    name.starts_with(contents::DATA) && Path::new(name).extension().is_some_and(|ending| ending == "db")
}

fn same_rows(contents: &Contents, rows: &Databases) -> Result<(), ArchiveError> {
    match contents.databases.iter().find(|(name, listed)| rows.get(*name) != Some(listed)) {
        Some((name, _)) => Err(ArchiveError::NotWhole(format!("{name} has other rows than were copied"))),
        None => Ok(()),
    }
}

fn report(file: &Path, size: u64, contents: Contents, data: &Path) -> Result<Report, RestoreError> {
    Ok(Report {
        file: file.into(),
        made_at: contents.made_at,
        size,
        files: contents.files.len(),
        databases: contents.databases,
        opened: true,
        version: Some(contents.version),
        erased_since: erased_since(file, data, contents.made_at)?,
        present: present(data),
    })
}

/// Whether somebody will be erased is decided by tombstones, not by clocks; this is what people are told beforehand.
fn erased_since(file: &Path, data: &Path, made_at: Timestamp) -> Result<Vec<i64>, RestoreError> {
    let known =
        erased::known(data, folder_of(file)).map_err(|error| RestoreError::File { path: file.into(), error })?;
    let later = known.iter().filter(|tombstone| tombstone.erased_at.parse::<Timestamp>().is_ok_and(|at| at > made_at));
    Ok(later.map(|tombstone| tombstone.resident).collect::<BTreeSet<_>>().into_iter().collect())
}

/// What the databases have now, as far as they can be read.
fn present(data: &Path) -> Databases {
    let mut found = Databases::new();
    let sources = contents::Sources::find(data, Path::new("")).unwrap_or_default();
    for source in sources.databases {
        let counted = snapshot::open(&source.path).and_then(|connection| snapshot::count(&connection));
        found.extend(counted.ok().map(|rows| (source.name, rows)));
    }
    found
}
