//! The supervisor's end of the socket to its keeper.

use std::cell::RefCell;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use protocol::keeper::{Fact, Order};
use tokio::net::unix::pipe::Receiver;

use super::memory::Memory;
use crate::link::{self, Received};

/// How long one wait for a busy keeper lasts, in milliseconds, before it is looked for again.
const ONE_WAIT_MS: u8 = 100;

/// What the keeper tells.
pub struct Facts {
    socket: Rc<Receiver>,
    buffer: link::Receiver,
}

/// What the keeper is told to do.
pub struct Orders {
    socket: Rc<Receiver>,
    /// What the keeper remembers by now.
    memory: RefCell<Memory>,
}

/// Both directions of the socket.
pub fn open(socket: OwnedFd) -> io::Result<(Facts, Orders)> {
    fcntl(&socket, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))?;
    fcntl(&socket, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    let socket = Rc::new(Receiver::from_owned_fd_unchecked(socket)?);
    Ok((Facts { socket: socket.clone(), buffer: link::Receiver::new() }, Orders { socket, memory: RefCell::default() }))
}

impl Facts {
    /// The next fact; `None` when the keeper is gone. Loses nothing when it is dropped half-way.
    pub async fn receive(&mut self) -> io::Result<Option<(Fact, Vec<OwnedFd>)>> {
        loop {
            self.socket.readable().await?;
            let (socket, buffer) = (&self.socket, &mut self.buffer);
            let received = socket.try_io(|| match buffer.receive::<Fact>(&**socket)? {
                Received::Nothing => Err(io::ErrorKind::WouldBlock.into()),
                other => Ok(other),
            });
            match received {
                Ok(Received::Message(fact, descriptors)) => return Ok(Some((fact, descriptors))),
                Ok(Received::NotUnderstood(text)) => say!("supervisor: a fact that is not understood: {text}"),
                Ok(Received::End) => return Ok(None),
                Ok(Received::Nothing) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl Orders {
    /// What the keeper has told that it remembers.
    pub fn start_with(&self, memory: Memory) {
        self.memory.replace(memory);
    }

    /// What it would tell a successor that it remembers.
    pub fn remembered(&self) -> Memory {
        self.memory.borrow().clone()
    }

    /// Sends an order. The keeper always reads, so waiting here is short. `EMSGSIZE` when it is too long to be sent.
    pub fn give(&self, order: &Order) -> Result<(), Errno> {
        let socket = self.socket.as_fd();
        loop {
            match link::send(socket, order, &[]) {
                Err(Errno::EAGAIN | Errno::ENOBUFS) => {
                    let _ = poll(&mut [PollFd::new(socket, PollFlags::POLLOUT)], PollTimeout::from(ONE_WAIT_MS));
                }
                Err(Errno::EPIPE | Errno::ECONNRESET) => return Ok(()), // receiving will say that the keeper is gone
                other => return other.inspect(|()| self.note(order)),
            }
        }
    }

    fn note(&self, order: &Order) {
        if let Order::Remember { key, value } = order {
            match value {
                Some(value) => self.memory.borrow_mut().insert(key.clone(), value.clone()),
                None => self.memory.borrow_mut().remove(key),
            };
        }
    }
}
