//! The runtime directory: who can write in it commands everything that runs, so it must be ours alone.

use std::fs::{DirBuilder, Metadata};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use nix::unistd::geteuid;
use protocol::place::{self, KEEPER_LOCK, NoRuntimeDir};

use crate::exit::Failure;

/// What nobody else may do there.
const FORBIDDEN: u32 = 0o077;
const PRIVATE: u32 = 0o700;

/// Why the runtime directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeDirError {
    /// Nothing names one.
    #[error(transparent)]
    None(#[from] NoRuntimeDir),
    /// It cannot be made or looked at.
    #[error("the runtime directory {}: {why}", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        why: io::Error,
    },
    /// There is something else of that name.
    #[error("the runtime directory {} is not a directory: remove it, or set BETTI_RUNTIME_DIR to another", .0.display())]
    NotADirectory(PathBuf),
    /// It belongs to somebody.
    #[error("the runtime directory {} belongs to user {owner}, not to us ({us}): set BETTI_RUNTIME_DIR to another", path.display())]
    NotOurs {
        /// Where.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Who we are.
        us: u32,
    },
    /// Others can enter it.
    #[error("the runtime directory {} can be entered by others (mode {mode:03o}): chmod 700 {}", path.display(), path.display())]
    Open {
        /// Where.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
}

impl From<RuntimeDirError> for Failure {
    fn from(error: RuntimeDirError) -> Self {
        Self::failed(error.to_string())
    }
}

/// The runtime directory, if it is there and ours alone.
///
/// # Errors
/// If it is there and not ours alone, or if nothing names one.
pub fn existing() -> Result<Option<PathBuf>, RuntimeDirError> {
    let path = named()?;
    match std::fs::symlink_metadata(&path) {
        Ok(found) => check(path, &found).map(Some),
        Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(why) => Err(RuntimeDirError::Io { path, why }),
    }
}

/// The runtime directory, made if it is not there.
///
/// # Errors
/// If it cannot be made, or is not ours alone.
pub fn made() -> Result<PathBuf, RuntimeDirError> {
    let path = named()?;
    let io = |why| RuntimeDirError::Io { path: path.clone(), why };
    DirBuilder::new().recursive(true).mode(PRIVATE).create(&path).map_err(io)?;
    let found = std::fs::symlink_metadata(&path).map_err(io)?;
    check(path, &found)
}

/// Where the runtime directory is, or would be.
///
/// # Errors
/// If nothing names one.
pub fn named() -> Result<PathBuf, RuntimeDirError> {
    let path = place::runtime_dir(|name| std::env::var_os(name), geteuid().is_root())?;
    std::path::absolute(&path).map_err(|why| RuntimeDirError::Io { path, why })
}

fn check(path: PathBuf, found: &Metadata) -> Result<PathBuf, RuntimeDirError> {
    let (owner, us) = (found.uid(), geteuid().as_raw());
    match found.mode() & 0o777 {
        _ if !found.is_dir() => Err(RuntimeDirError::NotADirectory(path)),
        _ if owner != us => Err(RuntimeDirError::NotOurs { path, owner, us }),
        mode if mode & FORBIDDEN != 0 => Err(RuntimeDirError::Open { path, mode }),
        _ => Ok(path),
    }
}

/// Its control socket.
pub fn socket(runtime_dir: &Path) -> PathBuf {
    runtime_dir.join(place::CONTROL_SOCKET)
}

/// Whether the keeper that last took the runtime directory still lives; `None` if none is noted there.
pub fn keeper_lives(runtime_dir: &Path) -> Option<bool> {
    let noted = std::fs::read_to_string(runtime_dir.join(KEEPER_LOCK)).ok()?;
    let pid: u32 = noted.trim().parse().ok()?;
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name stands in brackets and may have some itself. A zombie is dead, whether its parent has noticed or not.
    let state = stat.rsplit(')').next().and_then(|rest| rest.trim_start().chars().next());
    Some(state.is_some_and(|state| state != 'Z'))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn checked(path: &Path) -> Result<PathBuf, RuntimeDirError> {
        check(path.to_owned(), &std::fs::symlink_metadata(path).expect("it exists"))
    }

    #[test]
    fn only_a_folder_that_nobody_else_can_enter_is_accepted() {
        let root = tempfile::tempdir().expect("a folder");
        let (folder, file, link) = (root.path().join("d"), root.path().join("f"), root.path().join("l"));
        std::fs::create_dir(&folder).expect("a folder");
        std::fs::write(&file, "").expect("a file");
        std::os::unix::fs::symlink(&folder, &link).expect("a link");
        for (mode, good) in [(0o700, true), (0o750, false), (0o707, false), (0o500, true)] {
            std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(mode)).expect("ours");
            assert_eq!(checked(&folder).is_ok(), good, "{mode:o}");
        }
        assert!(matches!(checked(&file), Err(RuntimeDirError::NotADirectory(_))));
        assert!(matches!(checked(&link), Err(RuntimeDirError::NotADirectory(_))), "a link may lead elsewhere tomorrow");
    }
}
