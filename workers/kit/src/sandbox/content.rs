//! What a small file holds, or why that cannot be told.

use std::{
    fs::OpenOptions,
    io::{self, Read},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use nix::fcntl::OFlag;

/// The largest file that is read, in bytes: more than a long chain of certificates has.
pub(crate) const LARGEST_FILE: u64 = 256 * 1024;

/// What is at a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Nothing.
    Missing,
    /// Something that cannot be read, and why not.
    Unreadable(String),
    /// A file that holds this.
    Bytes(Vec<u8>),
}

impl Content {
    /// Reads it. A pipe or a device is not waited for.
    pub(crate) fn of(path: &Path) -> Self {
        match read(path) {
            Ok(bytes) => Self::Bytes(bytes),
            // A part of the way to it may be no folder any more: there is nothing at this name either.
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                Self::Missing
            }
            Err(error) => Self::Unreadable(error.to_string()),
        }
    }

    /// What it holds, if that could be read.
    #[must_use]
    pub fn bytes(self) -> Option<Vec<u8>> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Missing | Self::Unreadable(_) => None,
        }
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let file = OpenOptions::new().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let mut bytes = Vec::new();
    file.take(LARGEST_FILE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(io::Error::other(format!("it is larger than {} KiB", LARGEST_FILE / 1024)));
    }
    Ok(bytes)
}
