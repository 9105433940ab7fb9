//! A folder on the hub's own disk for what is on its way into a copy or out of one. Nothing of it stays.

use std::{
    io,
    path::{Path, PathBuf},
};

use crate::whole;

const FOLDER: &str = "staging";

/// The folder, which goes when this does. After a kill the next one removes it first.
pub struct Staging(PathBuf);

impl Staging {
    pub fn new(own: &Path) -> io::Result<Self> {
        let folder = own.join(FOLDER);
        remove(&folder)?;
        whole::folder(&folder)?;
        Ok(Self(folder))
    }

    /// A place in it, with the folders above.
    pub fn path(&self, name: &str) -> io::Result<PathBuf> {
        let path = self.0.join(name);
        path.parent().map_or(Ok(()), whole::folder)?;
        Ok(path)
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if let Err(error) = remove(&self.0) {
            tracing::warn!(folder = %self.0.display(), "could not be removed: {error}");
        }
    }
}

/// Removes a folder with all that is in it, if it is there.
pub fn remove(folder: &Path) -> io::Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}
