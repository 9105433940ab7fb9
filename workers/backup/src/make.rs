//! Makes a copy, tests it by restoring it, and only then gives it its name.
//!
//! ```text
//!   databases ── VACUUM INTO ──► staging ┐
//!   recordings, certificates, settings ──┴─ tar ─ gzip ─ age ──► NAME.part ── fsync ── read back, decrypt, open ──► NAME
//! ```

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

use age::x25519::{Identity, Recipient};
use jiff::{Timestamp, tz::TimeZone};
use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};

use crate::{
    archive::{self, ArchiveError},
    contents::{self, Contents, FORMAT, Source, Sources},
    erased,
    key::{self, KeyError},
    naming,
    place::{self, Place, PlaceError},
    rotation::{self, Budget},
    snapshot::{self, SnapshotError},
    staging::Staging,
    state::{Book, Copy, Failure, State, StateError},
};

/// So much stays free on the hub's own disk while databases are copied there, in bytes: workers go on writing.
const ROOM_LEFT: u64 = 64 * 1024 * 1024;

/// Why there is no copy.
#[derive(Debug, thiserror::Error)]
pub enum MakeError {
    #[error("no key for copies has been made yet: betti-ctl backup makes one and shows it, once")]
    NoKey,
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    State(#[from] StateError),
    #[error(transparent)]
    Place(#[from] PlaceError),
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    #[error("there is nothing to copy in {}: no worker has kept anything there", .0.display())]
    Nothing(PathBuf),
    #[error("{} is too full: copying the databases needs {needed} MB there, {free} MB are free", path.display())]
    NoRoom { path: PathBuf, needed: u64, free: u64 },
    #[error("{} is full: remove something there, or use a larger stick", .0.display())]
    Full(PathBuf),
    #[error("the copy: {0}")]
    Archive(ArchiveError),
    #[error(
        "the copy was written and tested, and is not as it should be: {0}. It was removed; copies from before are as they were"
    )]
    NotWhole(String),
    #[error("{}: {error}", path.display())]
    File { path: PathBuf, error: io::Error },
}

/// What is to be copied, and where to.
pub struct Order<'a> {
    pub data: &'a Path,
    pub config: &'a Path,
    pub to: &'a Path,
    /// Whether that is where nightly copies go: how that ends is told, and another place is the operator's own business.
    pub nightly: bool,
    pub zone: &'a TimeZone,
    pub budget: Budget,
}

/// Makes a copy, and remembers it or why there is none.
///
/// # Errors
/// If there is none. Copies from before are as they were.
pub fn copy(order: &Order<'_>, book: &Book) -> Result<Copy, MakeError> {
    let mut state = book.state()?;
    let made = attempt(order, book, &mut state);
    match &made {
        Ok(copy) => state.made(copy.clone()),
        Err(_) if !order.nightly => {}
        Err(error) => {
            state.failure = Some(Failure { to: order.to.into(), at: Timestamp::now(), why: error.to_string() });
        }
    }
    book.keep(&state)?;
    made
}

fn attempt(order: &Order<'_>, book: &Book, state: &mut State) -> Result<Copy, MakeError> {
    let recipient = key::recipient(book.folder())?.ok_or(MakeError::NoKey)?;
    let place = Place::open(order.to, |path| state.mounts.get(path).cloned())?;
    let in_place = |error| MakeError::File { path: place.path.clone(), error };
    let left = place.clean(&state.hub).map_err(in_place)?;
    if left > 0 {
        tracing::info!(left, "removed what was left of copies that were cut off");
    }
    let name = naming::name(&state.hub, a_free_time(&place, &state.hub).map_err(in_place)?);
    let staging = Staging::new(book.folder()).map_err(|error| MakeError::File { path: book.folder().into(), error })?;
    let written = write(order, &staging, &place, &name, recipient, &state.hub);
    let copy = match written.and_then(|copy| finish(&place, &name).map(|()| copy)) {
        Ok(copy) => copy,
        Err(error) => {
            // If the stick is gone this fails as well; the next copy removes it then.
            let _ = std::fs::remove_file(place.at(&naming::unfinished(&name)));
            return Err(error);
        }
    };
    state.mounts.insert(place.path.clone(), place.mount.clone());
    // The copy is there; what follows can be done by the next one as well.
    if let Err(error) = rotate(order, &place, &state.hub) {
        tracing::warn!("old copies could not be removed: {error}");
    }
    if let Err(error) = erased::tell(order.data, &place, &state.hub) {
        tracing::warn!("the list of who was erased could not be written beside the copies: {error}");
    }
    Ok(copy)
}

/// Now, or a second that no copy has yet.
fn a_free_time(place: &Place, hub: &str) -> io::Result<Timestamp> {
    let taken = place.copies(hub)?;
    let mut at = Timestamp::now().round(jiff::Unit::Second).unwrap_or_else(|_| Timestamp::now());
    while taken.contains(&at) {
        at += jiff::SignedDuration::from_secs(1);
    }
    Ok(at)
}

fn write(
    order: &Order<'_>,
    staging: &Staging,
    place: &Place,
    name: &str,
    recipient: Recipient,
    hub: &str,
) -> Result<Copy, MakeError> {
    let made_at = Timestamp::now();
    let (sources, databases) = gather(order, staging)?;
    let contents = Contents {
        format: FORMAT,
        version: env!("CARGO_PKG_VERSION").into(),
        hub: hub.into(),
        made_at,
        recipient: recipient.to_string(),
        files: Vec::new(),
        databases,
    };
    let unfinished = place.at(&naming::unfinished(name));
    let in_place = |error| full_or(error, place);
    let file = crate::whole::begin(&unfinished).map_err(in_place)?;
    // A second key that nobody keeps: with it, and never again, the copy is opened to see whether it can be.
    let test = Identity::generate();
    let written = archive::write(&file, &[recipient, test.to_public()], &sources, contents);
    let (contents, sha256, size) = written.map_err(|error| match error {
        ArchiveError::Write(error) => full_or(error, place),
        other => MakeError::Archive(other),
    })?;
    file.sync_all().map_err(in_place)?;
    // What is read back is to come from the disk.
    let _ = posix_fadvise(&file, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED);
    drop(file);
    test_by_restoring(&unfinished, &test, &contents, staging).map_err(MakeError::NotWhole)?;
    let Contents { files, databases, .. } = contents;
    let same_disk = place.is_on_the_disk_of(order.data).map_err(in_place)?;
    let (folder, files) = (place.path.clone(), files.len());
    Ok(Copy { name: name.into(), folder, to: order.to.into(), same_disk, made_at, size, sha256, files, databases })
}

fn full_or(error: io::Error, place: &Place) -> MakeError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            MakeError::Full(place.path.clone())
        }
        _ => MakeError::File { path: place.path.clone(), error },
    }
}

/// The files that make up the copy: databases as they are at one moment, all else as it is.
fn gather(order: &Order<'_>, staging: &Staging) -> Result<(Vec<Source>, contents::Databases), MakeError> {
    let in_data = |error| MakeError::File { path: order.data.into(), error };
    let found = Sources::find(order.data, order.config).map_err(in_data)?;
    if found.databases.is_empty() {
        return Err(MakeError::Nothing(order.data.into()));
    }
    room(order, &found.databases)?;
    let (mut sources, mut databases) = (Vec::new(), contents::Databases::new());
    for source in found.databases {
        let copy = staging.path(&source.name).map_err(in_data)?;
        snapshot::take(&source.name, &source.path, &copy)?;
        databases.insert(source.name.clone(), snapshot::examine(&source.name, &copy)?);
        sources.push(Source { path: copy, ..source });
    }
    sources.extend(found.files);
    Ok((sources, databases))
}

/// Databases are copied twice at most: once to be packed, and once more when the copy is tested.
fn room(order: &Order<'_>, databases: &[Source]) -> Result<(), MakeError> {
    const MB: u64 = 1_000_000;
    let in_data = |error| MakeError::File { path: order.data.into(), error };
    let sizes = databases.iter().map(|source| source.path.metadata().map(|about| about.len()));
    let size: u64 = sizes.sum::<io::Result<u64>>().map_err(in_data)?;
    let (needed, free) = (2 * size + ROOM_LEFT, place::free(order.data).map_err(in_data)?);
    if free >= needed {
        return Ok(());
    }
    Err(MakeError::NoRoom { path: order.data.into(), needed: needed.div_ceil(MB), free: free / MB })
}

/// Opens the copy as a restore would, puts its databases where nobody uses them, and compares every table.
fn test_by_restoring(path: &Path, test: &Identity, made: &Contents, staging: &Staging) -> Result<(), String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let _ = posix_fadvise(&file, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED);
    let mut rows = contents::Databases::new();
    let found = archive::read(file, test, |name, from| {
        if made.databases.contains_key(name) {
            let failed = |error: io::Error| ArchiveError::File { name: name.into(), error };
            let restored = staging.path(&format!("test/{name}")).map_err(failed)?;
            archive::put(&restored, name, from)?;
            let counted =
                snapshot::examine(name, &restored).map_err(|error| ArchiveError::NotWhole(error.to_string()))?;
            rows.insert(name.into(), counted);
            std::fs::remove_file(restored).map_err(failed)?;
        }
        Ok(())
    });
    match found {
        Err(error) => Err(error.to_string()),
        Ok(found) if &found != made => Err("it says something else of itself than was written".into()),
        Ok(_) if rows != made.databases => Err("its databases have other rows than were copied".into()),
        Ok(_) => Ok(()),
    }
}

fn finish(place: &Place, name: &str) -> Result<(), MakeError> {
    let named = crate::whole::rename(&place.at(&naming::unfinished(name)), &place.at(name));
    named.and_then(|()| place.sync()).map_err(|error| full_or(error, place))
}

/// Removes the copies that the budget does not keep.
fn rotate(order: &Order<'_>, place: &Place, hub: &str) -> io::Result<()> {
    let copies = place.copies(hub)?;
    for old in rotation::to_remove(&copies, order.zone, order.budget) {
        let name = naming::name(hub, old);
        std::fs::remove_file(place.at(&name))?;
        tracing::info!(name, "removed: newer copies are enough");
    }
    place.sync()
}
