//! The folder that copies go to, held open: what is done in it is done there, also when the stick has been pulled out and another
//! folder has its path.

use std::{
    fs::File,
    io::{self, ErrorKind},
    os::{fd::AsRawFd, unix::fs::MetadataExt},
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use nix::sys::statvfs::fstatvfs;

use crate::{
    mounts::{self, Absent},
    naming, whole,
};

/// Why copies cannot go there.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    #[error(transparent)]
    Absent(#[from] Absent),
    #[error("there is no folder {}: make it, or name another one with --to", .0.display())]
    Missing(PathBuf),
    #[error("{}: {error}", path.display())]
    File { path: PathBuf, error: io::Error },
}

/// A folder for copies.
pub struct Place {
    /// Its path, as it was when it was opened.
    pub path: PathBuf,
    /// The mount that it is on.
    pub mount: PathBuf,
    handle: File,
}

impl Place {
    /// Opens a folder, and makes it if only its last part is missing. `before` is the mount on which it was the last time.
    ///
    /// # Errors
    /// If it is not there, or not where it was.
    pub fn open(path: &Path, before: impl Fn(&Path) -> Option<PathBuf>) -> Result<Self, PlaceError> {
        let given = std::path::absolute(path).map_err(|error| PlaceError::File { path: path.into(), error })?;
        let failed = |error| PlaceError::File { path: given.clone(), error };
        let (nearest, missing) = nearest(&given).map_err(failed)?;
        let path = if missing.as_os_str().is_empty() { nearest.clone() } else { nearest.join(&missing) };
        let handle = File::open(&nearest).map_err(failed)?;
        let mount = mounts::of(&handle).map_err(failed)?;
        mounts::check(&path, &mount, before(&path).as_deref())?;
        if !handle.metadata().map_err(failed)?.is_dir() {
            return Err(failed(ErrorKind::NotADirectory.into()));
        }
        let parent = Self { path, mount, handle };
        match missing.components().count() {
            0 => Ok(parent),
            1 => {
                // By way of the open folder: it cannot be another one by now.
                let own = parent.at(&missing.to_string_lossy());
                whole::folder(&own).map_err(failed)?;
                parent.sync().map_err(failed)?;
                Ok(Self { handle: File::open(own).map_err(failed)?, ..parent })
            }
            _ => Err(PlaceError::Missing(parent.path)),
        }
    }

    /// Something in it, by way of the open folder.
    pub fn at(&self, name: &str) -> PathBuf {
        Path::new("/proc/self/fd").join(self.handle.as_raw_fd().to_string()).join(name)
    }

    /// The names in it.
    pub fn names(&self) -> io::Result<Vec<String>> {
        let names =
            std::fs::read_dir(self.at("."))?.map(|entry| Ok(entry?.file_name().into_string().unwrap_or_default()));
        names.collect()
    }

    /// When a hub's copies in it were made.
    pub fn copies(&self, hub: &str) -> io::Result<Vec<Timestamp>> {
        Ok(self.names()?.iter().filter_map(|name| naming::made_at(hub, name)).collect())
    }

    /// Removes what copies of a hub left that were cut off; how many there were.
    pub fn clean(&self, hub: &str) -> io::Result<usize> {
        let left: Vec<_> = self.names()?.into_iter().filter(|name| naming::is_left_over(hub, name)).collect();
        left.iter().try_for_each(|name| std::fs::remove_file(self.at(name)))?;
        Ok(left.len())
    }

    /// Whether something else is on the same disk.
    pub fn is_on_the_disk_of(&self, other: &Path) -> io::Result<bool> {
        Ok(self.handle.metadata()?.dev() == std::fs::metadata(other)?.dev())
    }

    /// On the disk: the names that are in it now.
    pub fn sync(&self) -> io::Result<()> {
        match self.handle.sync_all() {
            // Some file systems of sticks and of networks do so by themselves, and know of no such wish.
            Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => Ok(()),
            done => done,
        }
    }
}

/// How many bytes are free for us where something open is.
pub fn free(folder: &Path) -> io::Result<u64> {
    let about = fstatvfs(File::open(folder)?)?;
    Ok(about.blocks_available() * about.fragment_size())
}

/// The nearest folder above that is there, without links in its path, and what follows it in the given path.
fn nearest(given: &Path) -> io::Result<(PathBuf, PathBuf)> {
    for above in given.ancestors() {
        match above.canonicalize() {
            Ok(found) => {
                let missing = given.strip_prefix(above).unwrap_or(Path::new("")).to_owned();
                return Ok((found, missing));
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Err(ErrorKind::NotFound.into())
}
