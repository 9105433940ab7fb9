//! Who was erased stays erased, also when a copy from before is restored. That they were is known from the hub's databases, and from
//! a list beside the copies for the day on which the hub is gone: a number, a time, no name.

use std::{collections::BTreeMap, io, path::Path};

use kit::person::erase::{self, EraseError, Tombstone};

use crate::{naming, place::Place, whole};

/// The longest list that is read, in bytes.
const LONGEST_LIST: u64 = 16 * 1024 * 1024;

/// Writes the list beside the copies, if anybody was erased.
pub fn tell(data: &Path, place: &Place, hub: &str) -> io::Result<()> {
    let mut all = tombstones_in(data)?;
    let path = place.at(&naming::erased(hub));
    // What is there already stays: the hub may have been restored since.
    all.extend(read_list(&path)?);
    if all.is_empty() {
        return Ok(());
    }
    let list: Vec<_> = all.into_values().collect();
    whole::write(&path, &serde_json::to_vec_pretty(&list)?)
}

/// Everybody who is known to have been erased: by the hub as it is, and by the lists in the folder of a copy.
pub fn known(data: &Path, copies: &Path) -> io::Result<Vec<Tombstone>> {
    let mut all = tombstones_in(data)?;
    for entry in std::fs::read_dir(copies)? {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(naming::is_erased_list) {
            all.extend(read_list(&entry.path())?);
        }
    }
    Ok(all.into_values().collect())
}

/// A database that cannot be read, perhaps the very reason for a restore, is passed over; the lists beside the copies remain.
fn tombstones_in(data: &Path) -> io::Result<BTreeMap<String, Tombstone>> {
    let found = match erase::tombstones(data) {
        Err(EraseError::Sqlite { path, error }) => {
            tracing::warn!(path = %path.display(), "cannot be asked who was erased: {error}");
            Vec::new()
        }
        Err(EraseError::File { error, .. }) => return Err(error),
        Ok(found) => found,
    };
    Ok(found.into_iter().map(|tombstone| (tombstone.id.clone(), tombstone)).collect())
}

fn read_list(path: &Path) -> io::Result<BTreeMap<String, Tombstone>> {
    let text = match std::fs::File::open(path) {
        Ok(file) => io::read_to_string(io::Read::take(file, LONGEST_LIST))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => return Err(error),
    };
    let list: Vec<Tombstone> = serde_json::from_str(&text)?;
    Ok(list.into_iter().map(|tombstone| (tombstone.id.clone(), tombstone)).collect())
}
