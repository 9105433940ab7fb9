//! The socket that `NOTIFY_SOCKET` names, one a run.
//!
//! Inside the runtime directory for apps of our own user. That directory is closed to others, so an app of another user
//! gets an address in the abstract namespace, where anybody may send: every datagram carries its sender's credentials,
//! and who reads it looks at them.

use std::fs;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::PathBuf;

use nix::errno::Errno;
use nix::sys::socket::{UnixAddr, bind, setsockopt, sockopt::PassCred};

/// Where a notify socket is to be.
#[derive(Clone, Debug)]
pub enum Place {
    File(PathBuf),
    /// A name in the abstract namespace.
    Abstract(String),
}

/// Bound; its file goes with it.
pub struct NotifySocket {
    socket: OwnedFd,
    /// As `NOTIFY_SOCKET` has it.
    address: String,
    file: Option<PathBuf>,
}

impl Drop for NotifySocket {
    fn drop(&mut self) {
        if let Some(file) = &self.file {
            let _ = fs::remove_file(file);
        }
    }
}

impl NotifySocket {
    pub fn bind(place: Place) -> Result<Self, Errno> {
        let (socket, address, file) = match place {
            Place::File(path) => {
                let address = path.to_string_lossy().into_owned();
                (UnixDatagram::bind(&path).map_err(errno_of)?, address, Some(path))
            }
            Place::Abstract(name) => {
                let (socket, name) = bind_abstract(&name)?;
                (socket, format!("@{name}"), None)
            }
        };
        setsockopt(&socket, PassCred, &true)?;
        Ok(Self { socket: socket.into(), address, file })
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Under this name, or under any that is free: every program on this machine could have taken it, to keep us from it.
fn bind_abstract(name: &str) -> Result<(UnixDatagram, String), Errno> {
    let address = SocketAddr::from_abstract_name(name).map_err(errno_of)?;
    match UnixDatagram::bind_addr(&address) {
        Ok(socket) => return Ok((socket, name.to_owned())),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {}
        Err(error) => return Err(errno_of(error)),
    }
    let socket = UnixDatagram::unbound().map_err(errno_of)?;
    bind(socket.as_raw_fd(), &UnixAddr::new_unnamed())?;
    let given = socket.local_addr().map_err(errno_of)?;
    let name = given.as_abstract_name().ok_or(Errno::EADDRNOTAVAIL)?;
    let name = String::from_utf8_lossy(name).into_owned();
    Ok((socket, name))
}

fn errno_of(error: std::io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn send_to(address: &str) {
        let name = address.strip_prefix('@').unwrap();
        let address = SocketAddr::from_abstract_name(name).unwrap();
        UnixDatagram::unbound().unwrap().send_to_addr(b"READY=1", &address).unwrap();
    }

    #[test]
    fn an_abstract_address_can_be_sent_to_even_if_its_name_was_taken() {
        let name = format!("betti-test-{}", std::process::id());
        let first = NotifySocket::bind(Place::Abstract(name.clone())).unwrap();
        let second = NotifySocket::bind(Place::Abstract(name.clone())).unwrap();
        assert_eq!(first.address(), format!("@{name}"));
        assert_ne!(second.address(), first.address());
        for socket in [&first, &second] {
            send_to(socket.address());
            let mut note = [0; 16];
            let length = nix::unistd::read(socket.descriptor(), &mut note).unwrap();
            assert_eq!(&note[..length], b"READY=1");
        }
    }

    #[test]
    fn a_file_goes_with_its_socket() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("7");
        let socket = NotifySocket::bind(Place::File(path.clone())).unwrap();
        assert!(path.exists() && socket.address() == path.to_string_lossy());
        drop(socket);
        assert!(!path.exists());
    }
}
