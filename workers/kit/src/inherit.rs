//! What the keeper left in this process: sockets, the ready pipe, the lifeline.
//!
//! Unsafe is needed to take over descriptors that are known only by number, and to change the environment; both happen
//! once, at the start, while the process has one thread.
#![allow(unsafe_code)]

use std::{
    collections::VecDeque,
    fs::File,
    io::Write,
    net::TcpListener,
    os::fd::{BorrowedFd, FromRawFd, OwnedFd, RawFd},
};

use nix::{
    fcntl::{FcntlArg, FdFlag, fcntl},
    sys::socket::{getsockopt, sockopt},
    unistd::dup,
};
use protocol::worker::{FIRST_SOCKET_FD, LISTEN_FDNAMES, LISTEN_FDS, LISTEN_PID, READY_FD};

/// More lent sockets than this are a mistake in the environment.
const MOST_SOCKETS: i32 = 64;

/// Descriptors that were waiting when the process began.
pub struct Inherited {
    sockets: VecDeque<TcpListener>,
    ready: Option<File>,
    lifeline: Option<OwnedFd>,
}

impl Inherited {
    /// Takes them over and removes the variables that name them, so that no child believes they are its own.
    ///
    /// Call it first, while the process has one thread.
    #[must_use]
    pub fn take() -> Self {
        let sockets = inherited_sockets();
        let ready = number(READY_FD).and_then(take_over).map(File::from);
        for name in [LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES, READY_FD] {
            // SAFETY: the process has one thread, so nobody reads the environment meanwhile.
            unsafe { std::env::remove_var(name) };
        }
        // Only a supervised worker has a lifeline; a terminal's end of input is no reason to leave.
        let lifeline = ready.as_ref().and_then(|_| dup(std::io::stdin()).ok());
        Self { sockets, ready, lifeline }
    }

    /// The next socket for TCP that was lent.
    pub fn socket(&mut self) -> Option<TcpListener> {
        self.sockets.pop_front()
    }

    /// Whether there is one.
    #[must_use]
    pub fn has_socket(&self) -> bool {
        !self.sockets.is_empty()
    }

    /// A pipe that nobody writes: its end means that the keeper is gone.
    #[must_use]
    pub fn lifeline(&self) -> Option<OwnedFd> {
        self.lifeline.as_ref().and_then(|fd| fd.try_clone().ok())
    }

    /// One line on the ready pipe, which is then closed.
    pub(crate) fn say_ready(&mut self) {
        if let Some(mut pipe) = self.ready.take()
            && let Err(error) = pipe.write_all(b"READY=1\n")
        {
            tracing::warn!("nobody reads the ready pipe: {error}");
        }
    }
}

/// `sd_listen_fds(3)`: from descriptor 3 up, if they are meant for this process.
fn inherited_sockets() -> VecDeque<TcpListener> {
    if number(LISTEN_PID) != i32::try_from(std::process::id()).ok() {
        return VecDeque::new();
    }
    let count = number(LISTEN_FDS).unwrap_or(0).clamp(0, MOST_SOCKETS);
    (FIRST_SOCKET_FD..FIRST_SOCKET_FD + count)
        .filter_map(take_over)
        .filter(|fd| getsockopt(fd, sockopt::AcceptConn).unwrap_or(false))
        .map(TcpListener::from)
        .filter(|listener| listener.local_addr().is_ok()) // a Unix socket has another kind of address
        .collect()
}

fn number(name: &str) -> Option<RawFd> {
    std::env::var(name).ok()?.parse().ok()
}

/// The descriptor as our own, closed in our children; `None` if there is none of that number.
fn take_over(fd: RawFd) -> Option<OwnedFd> {
    if fd < FIRST_SOCKET_FD {
        return None;
    }
    // SAFETY: only asked for its flags; a number that is not open is an error, not a danger.
    let borrowed = unsafe { BorrowedFd::borrow_raw(fd) };
    fcntl(borrowed, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).ok()?;
    // SAFETY: it is open, it was left for us, and nothing else in this process knows its number.
    Some(unsafe { OwnedFd::from_raw_fd(fd) })
}
