//! Puts what was unpacked in the place of what is there, and keeps that.

use std::{
    io::{self, ErrorKind},
    os::unix::fs::{MetadataExt, chown},
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use kit::worker_files::RESTORE_UNFINISHED;
use rusqlite::ErrorCode;
use serde::{Deserialize, Serialize};

use super::{BEFORE, RESTORING, RestoreError, UNPACKED};
use crate::{
    contents::{self, Contents, Sources},
    key, snapshot, staging,
    state::{self, Book},
    whole,
};

/// How far it has come: what the note in the data says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Note {
    step: Step,
    /// The folder in the data where the present files go.
    before: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Step {
    /// Everything that is in the data is from before.
    MovingAside,
    /// Everything that is in the data is from the copy.
    MovingIn,
}

/// What was done.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Placed {
    /// Where the data from before is.
    pub before: PathBuf,
    /// Files of the operator's that were missing and are there now.
    pub settings_restored: Vec<PathBuf>,
    /// Files of the operator's that are other ones than in the copy, and were left as they are; beside the data from before is how
    /// the copy has them.
    pub settings_left: Vec<PathBuf>,
}

/// Puts what was unpacked in place. Nobody else may use the data.
pub fn place(data: &Path, config: &Path, book: &Book) -> Result<Placed, RestoreError> {
    if !book.folder().join(RESTORING).join(UNPACKED).exists() {
        return Err(RestoreError::NothingUnpacked);
    }
    let in_data = |error| RestoreError::File { path: data.into(), error };
    for source in Sources::find(data, Path::new("")).map_err(in_data)?.databases {
        let name = source.name.clone();
        if !is_alone(&source.path).map_err(in_data)? {
            return Err(RestoreError::InUse { name });
        }
    }
    let before = a_free_name(data, Timestamp::now());
    note(data, &Note { step: Step::MovingAside, before }).map_err(in_data)?;
    finish(data, config, book).map(Option::unwrap_or_default)
}

/// Goes on with what was begun, if anything was.
pub fn finish(data: &Path, config: &Path, book: &Book) -> Result<Option<Placed>, RestoreError> {
    let in_data = |error| RestoreError::File { path: data.into(), error };
    let text = match std::fs::read(data.join(RESTORE_UNFINISHED)) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        text => text.map_err(in_data)?,
    };
    let mut noted: Note = serde_json::from_slice(&text).map_err(|error| in_data(error.into()))?;
    let (before, unpacked) = (data.join(&noted.before), book.folder().join(RESTORING));
    if noted.step == Step::MovingAside {
        whole::folder(&before).map_err(in_data)?;
        let own = |name: &str| contents::is_about_copies(name) || name.ends_with(".part");
        move_all(data, &before, own).map_err(in_data)?;
        noted.step = Step::MovingIn;
        note(data, &noted).map_err(in_data)?;
    }
    give_to_owner_of(data, &unpacked.join(contents::DATA)).map_err(in_data)?;
    move_all(&unpacked.join(contents::DATA), data, |_| false).map_err(in_data)?;
    let mut placed = settings(&unpacked.join(contents::HOME), config, &before)?;
    placed.before = before;
    go_on_with_key(&unpacked, book)?;
    std::fs::remove_file(data.join(RESTORE_UNFINISHED)).map_err(in_data)?;
    whole::sync_folder(data).map_err(in_data)?;
    staging::remove(&unpacked).map_err(in_data)?;
    Ok(Some(placed))
}

fn note(data: &Path, note: &Note) -> io::Result<()> {
    whole::write(&data.join(RESTORE_UNFINISHED), &serde_json::to_vec(note)?)
}

/// A name for the folder of what is there now.
fn a_free_name(data: &Path, now: Timestamp) -> String {
    let name = format!("{BEFORE}{}", now.strftime("%Y%m%dT%H%M%SZ"));
    let numbered = (2..).map(|number| format!("{name}-{number}"));
    std::iter::once(name.clone()).chain(numbered).find(|name| !data.join(name).exists()).unwrap_or(name)
}

/// Moves everything in a folder, but for what is to stay, into another one of the same file system.
fn move_all(from: &Path, to: &Path, stays: impl Fn(&str) -> bool) -> io::Result<()> {
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        if !entry.file_name().to_str().is_some_and(&stays) {
            std::fs::rename(entry.path(), to.join(entry.file_name()))?;
        }
    }
    whole::sync_folder(from)?;
    whole::sync_folder(to)
}

/// Root restores for the user whose data it is.
fn give_to_owner_of(data: &Path, folder: &Path) -> io::Result<()> {
    if !nix::unistd::geteuid().is_root() {
        return Ok(());
    }
    let owner = std::fs::metadata(data)?;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        chown(entry.path(), Some(owner.uid()), Some(owner.gid()))?;
        if entry.file_type()?.is_dir() {
            give_to_owner_of(data, &entry.path())?;
        }
    }
    Ok(())
}

/// What the operator wrote is put where it is missing, as on a new machine. What is there is newer and stays.
fn settings(from: &Path, config: &Path, before: &Path) -> Result<Placed, RestoreError> {
    let mut placed = Placed::default();
    let home = config.parent().unwrap_or(Path::new("."));
    for (name, path) in files(from, "").map_err(|error| RestoreError::File { path: from.into(), error })? {
        let to = if name == contents::ECOSYSTEM { config.to_owned() } else { home.join(&name) };
        let in_place = |error| RestoreError::File { path: to.clone(), error };
        let wanted = std::fs::read(&path).map_err(in_place)?;
        match std::fs::read(&to) {
            Ok(present) if present == wanted => {}
            Ok(_) => {
                let beside = before.join("settings-of-the-copy").join(&name);
                beside.parent().map_or(Ok(()), whole::folder).map_err(in_place)?;
                whole::write(&beside, &wanted).map_err(in_place)?;
                placed.settings_left.push(to);
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                to.parent().map_or(Ok(()), std::fs::create_dir_all).map_err(in_place)?;
                whole::write(&to, &wanted).map_err(in_place)?;
                placed.settings_restored.push(to);
            }
            Err(error) => return Err(in_place(error)),
        }
    }
    Ok(placed)
}

fn files(folder: &Path, below: &str) -> io::Result<Vec<(String, PathBuf)>> {
    let mut found = Vec::new();
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(found),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let name = format!("{below}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            found.extend(files(&entry.path(), &format!("{name}/"))?);
        } else {
            found.push((name, entry.path()));
        }
    }
    found.sort();
    Ok(found)
}

/// A new machine goes on with the key of the copies that it was restored from.
fn go_on_with_key(unpacked: &Path, book: &Book) -> Result<(), RestoreError> {
    if key::recipient(book.folder())?.is_some() {
        return Ok(());
    }
    let path = unpacked.join(UNPACKED);
    let failed = |error| RestoreError::File { path: path.clone(), error };
    let list = std::fs::read(&path).map_err(failed)?;
    let contents: Contents = serde_json::from_slice(&list).map_err(|error| failed(error.into()))?;
    key::keep(book.folder(), &key::parse_recipient(&contents.recipient)?)?;
    let mut state = book.state()?;
    // The copies that it was restored from are this hub's from now on, and are rotated with the new ones.
    if state.copies.is_empty() {
        state = state::State { hub: contents.hub, ..state };
        book.keep(&state)?;
    }
    Ok(())
}

/// Whether nobody else has a database open. Leaving WAL needs it for oneself; what it left goes into the file on the way. One that
/// cannot be read is nobody's, and perhaps why a copy is wanted.
fn is_alone(path: &Path) -> io::Result<bool> {
    let Ok(connection) = snapshot::open(path) else { return Ok(true) };
    let alone = connection.busy_timeout(std::time::Duration::ZERO).and_then(|()| {
        connection.pragma_update_and_check(None, "journal_mode", "DELETE", |row| row.get::<_, String>(0))
    });
    match alone {
        Ok(mode) => Ok(mode.eq_ignore_ascii_case("delete")),
        Err(error) => {
            let busy = [ErrorCode::DatabaseBusy, ErrorCode::DatabaseLocked];
            Ok(!error.sqlite_error_code().is_some_and(|code| busy.contains(&code)))
        }
    }
}
