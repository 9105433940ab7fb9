//! Sockets that outlive every worker. Bound once, lent by descriptor, looked at before each loan: a worker's `shutdown()`,
//! `connect()` or O_NONBLOCK reaches every holder of the same socket. For the same reason a socket is not handed from one
//! user to another, but bound anew: whoever kept a copy would go on taking the other's connections.
//!
//! * [`place`]: how an address is read.
//! * [`file`]: the file of a Unix socket.
//! * [`mend`]: how a socket is made again what it was.

mod file;
mod mend;
mod place;

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};

use nix::errno::Errno;
use nix::unistd::{getegid, geteuid};

use self::file::{Bound, errno_of};
use self::place::Place;

/// Held sockets by address.
#[derive(Default)]
pub struct Sockets(BTreeMap<Place, Held>);

struct Held {
    socket: Socket,
    /// The user and the group that it was last lent to.
    lent_to: Option<(u32, u32)>,
}

enum Socket {
    Tcp(TcpListener),
    Udp(UdpSocket),
    Unix(Bound),
}

impl Sockets {
    /// Binds, or makes sure that what is held is still of use. While it `is_served` by some run it stays as that has it: a run
    /// that looks for connections until there are no more would hang in a socket that blocks all of a sudden.
    pub fn hold(&mut self, address: &str, is_served: bool) -> Result<(), Errno> {
        let place = Place::read(address).ok_or(Errno::EINVAL)?;
        if let Some(held) = self.0.get(&place)
            && held.socket.mend(is_served).is_ok()
        {
            return Ok(());
        }
        self.0.remove(&place); // closed first: the address is still taken by the dead one
        let socket = Socket::bind(&place)?;
        self.0.insert(place, Held { socket, lent_to: None });
        Ok(())
    }

    /// As [`hold`](Self::hold), for an app of this user and group. `EADDRINUSE` while a process of another one still has it.
    pub fn hold_for(&mut self, address: &str, user: u32, group: u32, is_served: bool) -> Result<(), Errno> {
        let place = Place::read(address).ok_or(Errno::EINVAL)?;
        if self.0.get(&place).is_some_and(|held| held.is_anothers(user, group)) {
            self.0.remove(&place);
        }
        self.hold(address, is_served)?;
        let Some(held) = self.0.get_mut(&place) else { return Ok(()) };
        if let (Socket::Unix(bound), None) = (&held.socket, held.lent_to)
            && (user, group) != (geteuid().as_raw(), getegid().as_raw())
        {
            bound.give(user, group)?;
        }
        held.lent_to = Some((user, group));
        Ok(())
    }

    /// For a program that takes it for granted that a socket which it inherits does not block. One that is served stays as that
    /// run has it.
    pub fn set_nonblocking(&self, address: &str) -> Result<(), Errno> {
        let held = Place::read(address).and_then(|place| self.0.get(&place));
        held.map_or(Ok(()), |held| mend::set_nonblocking(held.socket.as_fd(), true))
    }

    pub fn close(&mut self, address: &str) {
        Place::read(address).and_then(|place| self.0.remove(&place));
    }

    /// Closes every one that is none of these.
    pub fn close_others(&mut self, addresses: &[String]) {
        let kept: Vec<Place> = addresses.iter().filter_map(|address| Place::read(address)).collect();
        self.0.retain(|place, _| kept.contains(place));
    }

    /// The descriptor and the name to lend it under.
    pub fn lend(&self, address: &str) -> Option<(String, BorrowedFd<'_>)> {
        let place = Place::read(address)?;
        Some((place.name(), self.0.get(&place)?.socket.as_fd()))
    }
}

impl Held {
    /// Connections go by the user alone. A file has a group as well.
    fn is_anothers(&self, user: u32, group: u32) -> bool {
        let Some(before) = self.lent_to else { return false };
        before.0 != user || (before.1 != group && matches!(self.socket, Socket::Unix(_)))
    }
}

impl Socket {
    fn bind(place: &Place) -> Result<Self, Errno> {
        // The standard library sets SO_REUSEADDR for TCP, so connections that linger from before do not stand in the way. For
        // datagrams it would let anybody else bind the same address and take what comes.
        match place {
            Place::Tcp(address) => {
                let listener = bound(TcpListener::bind, *address)?;
                mend::listen(&listener)?;
                Ok(Self::Tcp(listener))
            }
            Place::Udp(address) => bound(UdpSocket::bind, *address).map(Self::Udp),
            Place::Unix(path) => Bound::at(path).map(Self::Unix),
        }
    }

    fn mend(&self, is_served: bool) -> Result<(), Errno> {
        if !is_served {
            mend::set_nonblocking(self.as_fd(), false)?;
        }
        match self {
            Self::Tcp(listener) => mend::listen_again(listener),
            Self::Udp(socket) if is_served => mend::not_shut_down(socket),
            Self::Udp(socket) => mend::hear_everybody(socket),
            Self::Unix(bound) if bound.is_found() => mend::not_shut_down(&bound.listener),
            Self::Unix(_) => Err(Errno::ENOENT),
        }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(listener) => listener.as_fd(),
            Self::Udp(socket) => socket.as_fd(),
            Self::Unix(bound) => bound.listener.as_fd(),
        }
    }
}

fn bound<S>(bind: impl Fn(SocketAddr) -> std::io::Result<S>, address: SocketAddr) -> Result<S, Errno> {
    bind(address).map_err(|error| errno_of(&error))
}

#[cfg(test)]
mod tests;
