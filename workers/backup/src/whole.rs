//! Files that are there as a whole or not at all, whatever happens in between.

use std::{
    fs::{DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
};

/// Health data is nobody else's.
pub const FILE_MODE: u32 = 0o600;
const FOLDER_MODE: u32 = 0o700;
const UNFINISHED: &str = ".part";

/// Makes a folder that is only ours, and those above it.
pub fn folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(path)
}

/// A new file that is only ours; what an earlier try left under its name is gone.
pub fn begin(path: &Path) -> io::Result<File> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(path)
}

/// Writes a file, or replaces it: on the disk when this returns.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut part = path.file_name().unwrap_or_default().to_owned();
    part.push(UNFINISHED);
    let part = path.with_file_name(part);
    let mut file = begin(&part)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    rename(&part, path)?;
    sync_folder_of(path)
}

/// Gives a file on the disk its name; the folder is still to be synced. On the FAT of sticks the new name leads to an empty file until
/// the file itself is synced once more: where its bytes are and how many stands beside the name, and the folder is synced without that.
pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::rename(from, to)?;
    File::open(to)?.sync_all()
}

/// A name is kept only when its folder is.
pub fn sync_folder_of(path: &Path) -> io::Result<()> {
    sync_folder(path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")))
}

/// The names in a folder, on the disk.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
