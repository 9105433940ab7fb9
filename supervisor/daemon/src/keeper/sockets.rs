//! Listening sockets that outlive every worker. Bound once, lent by descriptor, looked at before each loan: a worker's
//! `shutdown()` or O_NONBLOCK reaches every holder of the same socket. For the same reason a socket is not handed from one
//! user to another, but bound anew: whoever kept a copy would go on taking the other's connections.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, BorrowedFd};

use nix::errno::Errno;
use nix::sys::socket::{Backlog, getsockopt, listen, sockopt::AcceptConn};

/// Held sockets by address, as it was written.
#[derive(Default)]
pub struct Sockets(BTreeMap<String, Held>);

struct Held {
    listener: TcpListener,
    /// The user that it was last lent to.
    lent_to: Option<u32>,
}

impl Sockets {
    /// Binds, or makes sure that what is held still listens and blocks. While it `is_served` by some run it stays as that
    /// has it: a run that looks for connections until there are no more would hang in a socket that blocks all of a sudden.
    pub fn hold(&mut self, address: &str, is_served: bool) -> Result<(), Errno> {
        if let Some(held) = self.0.get(address)
            && mend(&held.listener, is_served).is_ok()
        {
            return Ok(());
        }
        self.0.remove(address); // closed first: the address is still taken by the dead one
        let parsed: SocketAddr = address.parse().map_err(|_| Errno::EINVAL)?;
        // The standard library sets SO_REUSEADDR, so connections that linger from before do not stand in the way.
        let listener = TcpListener::bind(parsed).map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or(0)))?;
        self.0.insert(address.to_owned(), Held { listener, lent_to: None });
        Ok(())
    }

    /// As [`hold`](Self::hold), for an app of this user. `EADDRINUSE` while a process of another one still has it.
    pub fn hold_for(&mut self, address: &str, user: u32, is_served: bool) -> Result<(), Errno> {
        if self.0.get(address).and_then(|held| held.lent_to).is_some_and(|before| before != user) {
            self.0.remove(address);
        }
        self.hold(address, is_served)?;
        if let Some(held) = self.0.get_mut(address) {
            held.lent_to = Some(user);
        }
        Ok(())
    }

    pub fn close(&mut self, address: &str) {
        self.0.remove(address);
    }

    /// The descriptor and the name to lend it under: its port.
    pub fn lend(&self, address: &str) -> Option<(String, BorrowedFd<'_>)> {
        let port = address.rsplit_once(':').map_or(address, |(_, port)| port);
        Some((port.to_owned(), self.0.get(address)?.listener.as_fd()))
    }
}

fn mend(listener: &TcpListener, is_served: bool) -> Result<(), Errno> {
    if !is_served {
        listener.set_nonblocking(false).map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or(0)))?;
    }
    if !getsockopt(listener, AcceptConn)? {
        listen(listener, Backlog::MAXCONN)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::net::{Shutdown, TcpStream};

    use nix::fcntl::{FcntlArg, OFlag, fcntl};

    use super::*;

    fn free_address() -> String {
        TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
    }

    fn does_not_block(sockets: &Sockets, address: &str) -> bool {
        let flags = fcntl(sockets.lend(address).unwrap().1, FcntlArg::F_GETFL).unwrap();
        OFlag::from_bits_truncate(flags).contains(OFlag::O_NONBLOCK)
    }

    #[test]
    fn a_socket_that_a_worker_shut_down_listens_again() {
        let address = free_address();
        let mut sockets = Sockets::default();
        sockets.hold(&address, false).unwrap();
        let lent = sockets.lend(&address).unwrap().1.try_clone_to_owned().unwrap();
        std::net::TcpStream::from(lent).shutdown(Shutdown::Both).unwrap();
        assert!(TcpStream::connect(&address).is_err());
        sockets.hold(&address, false).unwrap();
        TcpStream::connect(&address).unwrap();
    }

    #[test]
    fn a_socket_is_lent_blocking_whatever_a_worker_did_to_it() {
        let address = free_address();
        let mut sockets = Sockets::default();
        sockets.hold(&address, false).unwrap();
        let (name, descriptor) = sockets.lend(&address).unwrap();
        assert!(address.ends_with(&name));
        fcntl(descriptor, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
        sockets.hold(&address, false).unwrap();
        assert!(!does_not_block(&sockets, &address));
    }

    #[test]
    fn a_socket_that_is_served_stays_as_its_worker_has_it_and_listens_again_all_the_same() {
        let address = free_address();
        let mut sockets = Sockets::default();
        sockets.hold(&address, false).unwrap();
        let lent = sockets.lend(&address).unwrap().1.try_clone_to_owned().unwrap();
        fcntl(&lent, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
        std::net::TcpStream::from(lent).shutdown(Shutdown::Both).unwrap();
        sockets.hold(&address, true).unwrap();
        assert!(does_not_block(&sockets, &address));
        TcpStream::connect(&address).unwrap();
    }

    #[test]
    fn a_socket_is_bound_anew_between_users_and_refused_while_one_of_them_keeps_it() {
        let address = free_address();
        let mut sockets = Sockets::default();
        let waiting = |address: &str| TcpStream::connect(address).unwrap();
        sockets.hold_for(&address, 1, false).unwrap();
        let client = waiting(&address);
        sockets.hold_for(&address, 1, false).unwrap();
        let kept = sockets.lend(&address).unwrap().1.try_clone_to_owned().unwrap();
        let (_, from) = TcpListener::from(kept.try_clone().unwrap()).accept().unwrap();
        assert_eq!(from, client.local_addr().unwrap(), "the same socket for the same user");
        assert_eq!(sockets.hold_for(&address, 2, false), Err(Errno::EADDRINUSE));
        drop(kept);
        sockets.hold_for(&address, 2, false).unwrap();
        let of_the_first = waiting(&address);
        sockets.hold_for(&address, 1, false).unwrap();
        let lent = sockets.lend(&address).unwrap().1.try_clone_to_owned().unwrap();
        let client = waiting(&address);
        let (_, from) = TcpListener::from(lent).accept().unwrap();
        assert_eq!(from, client.local_addr().unwrap(), "not {of_the_first:?}, which waited for another user's");
    }

    #[test]
    fn an_address_that_is_taken_is_refused_and_a_closed_one_is_free() {
        let address = free_address();
        let other = TcpListener::bind(&address).unwrap();
        let mut sockets = Sockets::default();
        assert_eq!(sockets.hold(&address, false), Err(Errno::EADDRINUSE));
        drop(other);
        sockets.hold(&address, false).unwrap();
        sockets.close(&address);
        assert!(sockets.lend(&address).is_none());
        TcpListener::bind(&address).unwrap();
    }
}
