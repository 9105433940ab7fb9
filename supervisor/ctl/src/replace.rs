//! Writes files so that there is the old one or the new one, whole, whatever happens in between.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::Path;

/// What a new file may be read and written by, before the caller's umask.
const NEW: u32 = 0o666;
/// While it is being written, a file is nobody else's business.
const PRIVATE: u32 = 0o600;
/// The part of a mode that is about permissions.
const PERMISSIONS: u32 = 0o7777;

/// Writes a file that is not there yet.
///
/// # Errors
/// If it is there, or cannot be written.
pub fn create(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(NEW).open(path)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    if written.is_err() {
        // Half a file would be read as a whole one.
        let _ = std::fs::remove_file(path);
    }
    written.and_then(|()| sync_folder(path))
}

/// Replaces a file by another of the same mode and owner.
///
/// # Errors
/// If it is not there, or cannot be replaced; then it is as it was.
pub fn replace(path: &Path, text: &str) -> io::Result<()> {
    let old = std::fs::metadata(path)?;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let beside = path.with_file_name(name);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(PRIVATE).open(&beside)?;
    let replaced = (|| {
        file.write_all(text.as_bytes())?;
        let new = file.metadata()?;
        if (new.uid(), new.gid()) != (old.uid(), old.gid()) {
            fchown(&file, Some(old.uid()), Some(old.gid()))?;
        }
        file.set_permissions(Permissions::from_mode(old.mode() & PERMISSIONS))?;
        file.sync_all()?;
        std::fs::rename(&beside, path)
    })();
    if replaced.is_err() {
        let _ = std::fs::remove_file(&beside);
    }
    replaced.and_then(|()| sync_folder(path))
}

/// A new name is kept only when its folder is.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replaced_file_keeps_its_mode_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ecosystem.toml");
        create(&path, "old").expect("written");
        std::fs::set_permissions(&path, Permissions::from_mode(0o640)).expect("ours");
        replace(&path, "new").expect("replaced");
        assert_eq!(std::fs::read_to_string(&path).expect("a file"), "new");
        assert_eq!(std::fs::metadata(&path).expect("a file").mode() & 0o777, 0o640);
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1);
    }

    #[test]
    fn what_is_there_is_not_created_again_and_what_is_not_is_not_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("f");
        assert_eq!(replace(&path, "x").map_err(|why| why.kind()), Err(io::ErrorKind::NotFound));
        create(&path, "mine").expect("written");
        assert_eq!(create(&path, "x").map_err(|why| why.kind()), Err(io::ErrorKind::AlreadyExists));
        assert_eq!(std::fs::read_to_string(&path).expect("a file"), "mine");
    }
}
