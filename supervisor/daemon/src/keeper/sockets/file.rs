//! The file of a Unix socket: who is there already, whose it becomes, and that nobody else's is ever removed.
//!
//! A folder may belong to the app's user, who could put another file in place at any moment. So a file is handled by a
//! descriptor that was opened once and looked at, and never by its name.
#![allow(unsafe_code)] // umask, in a process with one thread

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, open};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, socket};
use nix::sys::stat::{Mode, fstat, umask};
use nix::unistd::{Gid, Uid, fchownat, geteuid};

/// Its owner and its group may connect, which for a socket is to write.
const MODE: u32 = 0o660;

/// A listening socket and the file that clients know it by.
pub struct Bound {
    pub listener: UnixListener,
    path: PathBuf,
    file: Identity,
}

/// Which file it is. A number alone is given to the next file as soon as this one is removed.
#[derive(PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
    born: Option<SystemTime>,
}

impl Identity {
    fn at(path: &Path) -> Option<Self> {
        let found = fs::symlink_metadata(path).ok()?;
        Some(Self { device: found.dev(), inode: found.ino(), born: found.created().ok() })
    }
}

impl Bound {
    /// Binds, in place of a socket that nobody serves any more.
    ///
    /// # Errors
    /// `EADDRINUSE` if somebody serves it, `EEXIST` if something else is there, and whatever binding says.
    pub fn at(path: &Path) -> Result<Self, Errno> {
        remove_if_dead(path)?;
        // SAFETY: changes a number of this process, which has one thread; nothing else makes a file meanwhile.
        let before = umask(Mode::from_bits_truncate(!MODE & 0o777));
        let bound = UnixListener::bind(path);
        umask(before);
        let listener = bound.map_err(|error| errno_of(&error))?;
        let file = Identity::at(path).ok_or(Errno::ENOENT)?;
        Ok(Self { listener, path: path.to_owned(), file })
    }

    /// Whether clients still find it.
    pub fn is_found(&self) -> bool {
        Identity::at(&self.path).is_some_and(|found| found == self.file)
    }

    /// Makes the file this user's.
    pub fn give(&self, user: u32, group: u32) -> Result<(), Errno> {
        let file = self.open()?;
        fchownat(&file, "", Some(Uid::from_raw(user)), Some(Gid::from_raw(group)), AtFlags::AT_EMPTY_PATH)
    }

    /// The file itself. It is ours, a socket, and has no other name: a link to somebody else's file is not followed, nor one
    /// by which that file would be given away.
    fn open(&self) -> Result<OwnedFd, Errno> {
        let file = open(&self.path, OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC, Mode::empty())?;
        let found = fstat(&file)?;
        let is_a_socket = found.st_mode & libc::S_IFMT == libc::S_IFSOCK;
        let is_it = found.st_dev == self.file.device && found.st_ino == self.file.inode;
        match is_a_socket && is_it && found.st_nlink == 1 && found.st_uid == geteuid().as_raw() {
            true => Ok(file),
            false => Err(Errno::EEXIST),
        }
    }
}

/// Clients are refused from now on, and find nothing where somebody else may bind.
impl Drop for Bound {
    fn drop(&mut self) {
        if self.is_found() {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn remove_if_dead(path: &Path) -> Result<(), Errno> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()), // its folder may be missing: bind says so
        Err(error) => return Err(errno_of(&error)),
        Ok(found) if !found.file_type().is_socket() => return Err(Errno::EEXIST),
        Ok(_) => {}
    }
    let client = socket(AddressFamily::Unix, SockType::Stream, SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC, None)?;
    match connect(std::os::fd::AsRawFd::as_raw_fd(&client), &UnixAddr::new(path)?) {
        Err(Errno::ECONNREFUSED) => fs::remove_file(path).map_err(|error| errno_of(&error)),
        Err(Errno::ENOENT) => Ok(()),
        // A full queue and a socket of another kind are served by somebody as well.
        Ok(()) | Err(Errno::EAGAIN | Errno::EPROTOTYPE) => Err(Errno::EADDRINUSE),
        Err(errno) => Err(errno),
    }
}

pub fn errno_of(error: &io::Error) -> Errno {
    match error.raw_os_error() {
        Some(number) => Errno::from_raw(number),
        // The standard library looks at the path's length before the kernel does.
        None if error.kind() == io::ErrorKind::InvalidInput => Errno::ENAMETOOLONG,
        None => Errno::EIO,
    }
}
