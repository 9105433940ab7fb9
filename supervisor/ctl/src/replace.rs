//! Writes files so that there is the old one or the new one, whole, whatever happens in between.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};

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
    create_with_mode(path, text, NEW)
}

/// The same, for nobody else to read.
///
/// # Errors
/// If it is there, or cannot be written.
pub fn create_private(path: &Path, text: &str) -> io::Result<()> {
    create_with_mode(path, text, PRIVATE)
}

fn create_with_mode(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    if path.symlink_metadata().is_ok() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    let beside = beside(path);
    let mut file = begin(&beside, mode)?;
    let named = file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).and_then(|()| name(&beside, path));
    finish(named, &beside, path)
}

/// Replaces a file by another of the same mode and owner; behind a symbolic link, what that points to.
///
/// # Errors
/// If it is not there, or cannot be replaced; then it is as it was.
pub fn replace(path: &Path, text: &str) -> io::Result<()> {
    let path = &path.canonicalize()?;
    let old = std::fs::metadata(path)?;
    let beside = beside(path);
    let mut file = begin(&beside, PRIVATE)?;
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
    finish(replaced, &beside, path)
}

/// Removes a file for good.
///
/// # Errors
/// If it is not there, or cannot be removed.
pub fn remove(path: &Path) -> io::Result<()> {
    std::fs::remove_file(path).and_then(|()| sync_folder(path))
}

/// What is written first, in the same folder, under a name that is only ours.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    path.with_file_name(name)
}

fn begin(beside: &Path, mode: u32) -> io::Result<File> {
    let begin = || OpenOptions::new().write(true).create_new(true).mode(mode).open(beside);
    match begin() {
        // Whoever had our number was cut off by a power cut.
        Err(why) if why.kind() == io::ErrorKind::AlreadyExists => std::fs::remove_file(beside).and_then(|()| begin()),
        other => other,
    }
}

/// Gives a file its name, unless something else has it.
fn name(beside: &Path, path: &Path) -> io::Result<()> {
    match renameat2(AT_FDCWD, beside, AT_FDCWD, path, RenameFlags::RENAME_NOREPLACE) {
        // Not every file system knows of this, and those know of another way.
        Err(Errno::EINVAL | Errno::ENOSYS) => {
            std::fs::hard_link(beside, path)?;
            std::fs::remove_file(beside)
        }
        other => other.map_err(io::Error::from),
    }
}

fn finish(done: io::Result<()>, beside: &Path, path: &Path) -> io::Result<()> {
    if done.is_err() {
        let _ = std::fs::remove_file(beside);
    }
    done.and_then(|()| sync_folder(path))
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

    #[test]
    fn what_a_power_cut_left_half_written_is_in_nobodys_way() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("f");
        for text in ["one", "two"] {
            std::fs::write(beside(&path), "half").expect("left behind");
            if path.exists() { replace(&path, text) } else { create(&path, text) }.expect("written");
            assert_eq!(std::fs::read_to_string(&path).expect("a file"), text);
            assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1);
        }
        remove(&path).expect("removed");
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0);
    }

    #[test]
    fn a_link_goes_on_pointing_to_what_is_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let (real, link) = (folder.path().join("real"), folder.path().join("link"));
        create(&real, "old").expect("written");
        std::os::unix::fs::symlink(&real, &link).expect("a link");
        assert_eq!(create(&link, "x").map_err(|why| why.kind()), Err(io::ErrorKind::AlreadyExists));
        replace(&link, "new").expect("replaced");
        assert!(link.is_symlink());
        assert_eq!(std::fs::read_to_string(&real).expect("a file"), "new");
    }
}
