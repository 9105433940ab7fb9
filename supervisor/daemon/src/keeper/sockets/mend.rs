//! Makes a socket again what it was when it was bound. An error means that only another one will do.
#![allow(unsafe_code)] // connect to nobody and POLLRDHUP, which nix does not offer

use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::socket::{self, Backlog, getsockopt, sockopt::AcceptConn};

/// A worker that made it non-blocking did so for everybody.
pub fn set_nonblocking(socket: BorrowedFd<'_>, wanted: bool) -> Result<(), Errno> {
    let mut flags = OFlag::from_bits_retain(fcntl(socket, FcntlArg::F_GETFL)?);
    flags.set(OFlag::O_NONBLOCK, wanted);
    fcntl(socket, FcntlArg::F_SETFL(flags)).map(drop)
}

/// So many connections wait as the system allows. The standard library asks for 128: who comes when the queue is full tries
/// again a second later, also while somebody else floods a worker.
pub fn listen(socket: &impl AsFd) -> Result<(), Errno> {
    socket::listen(socket, Backlog::MAXALLOWABLE)
}

/// For sockets that take connections.
pub fn listen_again(socket: &impl AsFd) -> Result<(), Errno> {
    if getsockopt(socket, AcceptConn)? { Ok(()) } else { listen(socket) }
}

/// For sockets that take datagrams: one that was connected hears only its peer.
pub fn hear_everybody(socket: &impl AsFd) -> Result<(), Errno> {
    not_shut_down(socket)?;
    let nobody = libc::sockaddr { sa_family: libc::AF_UNSPEC as libc::sa_family_t, sa_data: [0; 14] };
    let length = size_of::<libc::sockaddr>() as libc::socklen_t;
    // SAFETY: reads an address that lives here, of the length that is given.
    Errno::result(unsafe { libc::connect(socket.as_fd().as_raw_fd(), &raw const nobody, length) }).map(drop)
}

/// What was shut down stays so, unless it is TCP's: that is only to listen again.
pub fn not_shut_down(socket: &impl AsFd) -> Result<(), Errno> {
    let mut looked_at = libc::pollfd { fd: socket.as_fd().as_raw_fd(), events: libc::POLLRDHUP, revents: 0 };
    // SAFETY: reads and writes one entry that lives here; with no time to wait it returns at once.
    Errno::result(unsafe { libc::poll(&raw mut looked_at, 1, 0) })?;
    match looked_at.revents & (libc::POLLRDHUP | libc::POLLHUP) {
        0 => Ok(()),
        _ => Err(Errno::ESHUTDOWN),
    }
}
