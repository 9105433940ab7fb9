//! The runtime directory: ours alone, locked while we live, with what must outlive us.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use protocol::place;

use crate::clock;

/// A socket's path must fit into `sockaddr_un`, and the longest one inside is `notify/` with a run's number.
const LONGEST_PATH: usize = 107 - "/notify/18446744073709551615".len();
const HUB_ID_DIGITS: usize = 32;

/// Why the runtime directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    #[error(transparent)]
    None(#[from] place::NoRuntimeDir),
    #[error("{path}: {error}", path = path.display())]
    Io { path: PathBuf, error: io::Error },
    #[error(
        "{path} belongs to user {owner}, not to us (user {us}); set BETTI_RUNTIME_DIR to a folder of your own",
        path = path.display()
    )]
    Foreign { path: PathBuf, owner: u32, us: u32 },
    #[error(
        "{path} is open to others (mode {mode:03o}), who could then command this hub; chmod 700 it",
        path = path.display()
    )]
    TooOpen { path: PathBuf, mode: u32 },
    #[error("{path} is not a folder", path = path.display())]
    NotFolder { path: PathBuf },
    #[error(
        "{path} is too long for the sockets inside (at most {LONGEST_PATH} bytes); set BETTI_RUNTIME_DIR to a shorter one",
        path = path.display()
    )]
    TooLong { path: PathBuf },
    #[error(
        "a supervisor runs already for {path} (keeper pid {pid}); stop it with betti-ctl kill, or set BETTI_RUNTIME_DIR",
        path = path.display()
    )]
    Taken { path: PathBuf, pid: String },
}

/// The directory, locked.
pub struct Directory {
    path: PathBuf,
    last_run: File,
    _lock: Flock<File>,
}

impl Directory {
    pub fn open() -> Result<Self, DirectoryError> {
        let root = nix::unistd::geteuid().is_root();
        Self::open_at(place::runtime_dir(|name| std::env::var_os(name), root)?)
    }

    fn open_at(path: PathBuf) -> Result<Self, DirectoryError> {
        let path = std::path::absolute(&path).map_err(|error| DirectoryError::Io { path, error })?;
        if path.as_os_str().len() > LONGEST_PATH {
            return Err(DirectoryError::TooLong { path });
        }
        make_ours(&path)?;
        let lock = lock(&path)?;
        let _ = fs::remove_dir_all(path.join(place::NOTIFY_DIR)); // sockets of an earlier keeper's runs
        let notify = path.join(place::NOTIFY_DIR);
        DirBuilder::new().mode(0o700).create(&notify).map_err(at(&notify))?;
        let file = path.join(place::LAST_RUN);
        let last_run = open_file(&file).map_err(at(&file))?;
        Ok(Self { path, last_run, _lock: lock })
    }

    /// The hub's id: made at the first start ever, then kept, so that a keeper knows its predecessor's leftovers.
    pub fn hub_id(&self) -> Result<String, DirectoryError> {
        let path = self.path.join(place::HUB_ID);
        if let Some(id) = fs::read_to_string(&path).ok().and_then(|text| valid_id(text.trim())) {
            return Ok(id);
        }
        let random = Path::new("/proc/sys/kernel/random/uuid");
        let id = fs::read_to_string(random).map_err(at(random))?.trim().replace('-', "");
        // Whole or not at all: a torn id would hide the leftovers of the next hub. Not synced: after a power cut there are none.
        let draft = path.with_extension("new");
        fs::write(&draft, &id).and_then(|()| fs::rename(&draft, &path)).map_err(at(&path))?;
        Ok(id)
    }

    /// The newest run's number, as an earlier keeper noted it; 0 when there was none.
    pub fn last_run(&self) -> u64 {
        let mut text = String::new();
        let _ = (&self.last_run).read_to_string(&mut text);
        text.trim().parse().unwrap_or(0)
    }

    /// Notes the newest run's number before it is used. Not synced: after a power cut no process is left to confuse.
    pub fn note_run(&self, run: u64) {
        if let Err(error) = self.last_run.write_all_at(format!("{run:020}\n").as_bytes(), 0) {
            say!(
                "{} keeper: cannot note run {run} in {}: {error}",
                clock::stamp(),
                self.path.join(place::LAST_RUN).display()
            );
        }
    }

    /// Binds the control socket, in place of one that a dead keeper left.
    pub fn bind_control(&self) -> Result<UnixListener, DirectoryError> {
        let path = self.control_socket();
        let _ = fs::remove_file(&path);
        let listener = UnixListener::bind(&path).map_err(at(&path))?;
        fs::set_permissions(&path, Permissions::from_mode(0o600)).map_err(at(&path))?;
        Ok(listener)
    }

    pub fn remove_control(&self) {
        let _ = fs::remove_file(self.control_socket());
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the socket is that `NOTIFY_SOCKET` names for a run of our own user.
    pub fn notify_socket(&self, run: u64) -> PathBuf {
        self.path.join(place::NOTIFY_DIR).join(run.to_string())
    }

    fn control_socket(&self) -> PathBuf {
        self.path.join(place::CONTROL_SOCKET)
    }
}

fn at(path: &Path) -> impl Fn(io::Error) -> DirectoryError {
    let path = path.to_path_buf();
    move |error| DirectoryError::Io { path: path.clone(), error }
}

fn make_ours(path: &Path) -> Result<(), DirectoryError> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(at(parent))?;
    }
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(at(path)(error)),
        _ => {}
    }
    let found = fs::symlink_metadata(path).map_err(at(path))?; // a link could be turned to point elsewhere
    let (owner, us) = (found.uid(), nix::unistd::geteuid().as_raw());
    let mode = found.mode() & 0o777;
    let path = path.to_path_buf();
    if !found.is_dir() {
        return Err(DirectoryError::NotFolder { path });
    }
    if owner != us {
        return Err(DirectoryError::Foreign { path, owner, us });
    }
    if mode & 0o077 != 0 {
        return Err(DirectoryError::TooOpen { path, mode });
    }
    Ok(())
}

fn open_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

fn lock(directory: &Path) -> Result<Flock<File>, DirectoryError> {
    let path = directory.join(place::KEEPER_LOCK);
    let file = open_file(&path).map_err(at(&path))?;
    let lock = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(lock) => lock,
        Err((_, Errno::EAGAIN)) => {
            let pid = fs::read_to_string(&path).unwrap_or_default().trim().to_owned();
            return Err(DirectoryError::Taken { path: directory.into(), pid });
        }
        Err((_, errno)) => return Err(at(&path)(errno.into())),
    };
    lock.set_len(0).map_err(at(&path))?;
    (&*lock).write_all(format!("{}\n", std::process::id()).as_bytes()).map_err(at(&path))?;
    Ok(lock)
}

fn valid_id(text: &str) -> Option<String> {
    (text.len() == HUB_ID_DIGITS && text.bytes().all(|b| b.is_ascii_hexdigit())).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(path: &Path) -> Result<Directory, DirectoryError> {
        Directory::open_at(path.to_path_buf())
    }

    #[test]
    fn a_second_keeper_is_refused_by_the_first_ones_pid() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run");
        let _first = open(&path).unwrap();
        let error = open(&path).err().unwrap().to_string();
        assert!(error.contains(&format!("keeper pid {}", std::process::id())), "{error}");
    }

    #[test]
    fn a_directory_that_others_can_enter_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run");
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o750)).unwrap();
        let error = open(&path).err().unwrap().to_string();
        assert!(error.contains("mode 750") && error.contains("chmod 700"), "{error}");
    }

    #[test]
    fn a_link_or_a_path_that_is_too_long_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(folder.path(), &link).unwrap();
        assert!(matches!(open(&link), Err(DirectoryError::NotFolder { .. })));
        assert!(matches!(open(&folder.path().join("x".repeat(100))), Err(DirectoryError::TooLong { .. })));
    }

    #[test]
    fn the_hub_id_and_the_last_run_outlive_the_keeper_and_a_torn_id_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run");
        let first = open(&path).unwrap();
        assert_eq!(first.last_run(), 0);
        first.note_run(1000);
        first.note_run(1001);
        let id = first.hub_id().unwrap();
        drop(first);
        let second = open(&path).unwrap();
        assert_eq!((second.hub_id().unwrap(), second.last_run()), (id.clone(), 1001));
        fs::write(path.join(place::HUB_ID), "12").unwrap();
        let replaced = second.hub_id().unwrap();
        assert!(valid_id(&replaced).is_some() && replaced != id);
    }
}
