//! The supervisor's end of the socket to its keeper.

use std::cell::RefCell;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use protocol::keeper::{Fact, Order, Row};
use tokio::net::unix::pipe::Receiver;

use super::memory::Memory;
use crate::clock;
use crate::link::{self, Received};

/// How long one wait for a busy keeper lasts, in milliseconds, before it is looked for again.
const ONE_WAIT_MS: u8 = 100;

/// What the keeper tells.
pub struct Facts {
    socket: Rc<Receiver>,
    buffer: link::Receiver,
    /// By how much the keeper's clock is behind ours: an older one counts only the time in which the machine is awake.
    behind: Duration,
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
    let facts = Facts { socket: socket.clone(), buffer: link::Receiver::new(), behind: Duration::ZERO };
    Ok((facts, Orders { socket, memory: RefCell::default() }))
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
                Ok(Received::Message(fact, descriptors)) => return Ok(Some((self.by_our_clock(fact), descriptors))),
                Ok(Received::NotUnderstood(text)) => {
                    say!("{} supervisor: a fact that is not understood: {text}", clock::stamp())
                }
                Ok(Received::End) => return Ok(None),
                Ok(Received::Nothing) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl Facts {
    /// What an older keeper tells of moments, as we count them. It has been asleep at least as long as it had been then.
    fn by_our_clock(&mut self, fact: Fact) -> Fact {
        match fact {
            Fact::Hello { counts_sleep, .. } => {
                self.behind = if counts_sleep { Duration::ZERO } else { clock::asleep() };
                fact
            }
            Fact::Run(row) => Fact::Run(later(row, self.behind)),
            other => other,
        }
    }
}

fn later(row: Row, by: Duration) -> Row {
    let later = |ns: u64| ns.saturating_add(u64::try_from(by.as_nanos()).unwrap_or(u64::MAX));
    Row { spawned_at_ns: later(row.spawned_at_ns), exited_at_ns: row.exited_at_ns.map(later), ..row }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn hello(counts_sleep: &str) -> Fact {
        let text =
            format!(r#"{{"hello":{{"version":1,"hub":"","keeper":1,"last_run":0,"inherited":[]{counts_sleep}}}}}"#);
        serde_json::from_str(&text).unwrap()
    }

    fn row() -> Row {
        let text = r#"{"run":1,"app":"a","pid":9,"spawned_at_ns":5,"exit":{"code":1},"exited_at_ns":6}"#;
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn moments_of_an_older_keeper_are_moved_by_the_time_asleep_and_those_of_ours_are_not() {
        let moved = later(row(), Duration::from_nanos(100));
        assert_eq!((moved.spawned_at_ns, moved.exited_at_ns), (105, Some(106)));
        let asleep = clock::asleep();
        for (told, behind) in [("", asleep), (r#","counts_sleep":true"#, Duration::ZERO)] {
            let (socket, _other) = tokio_pipe();
            let mut facts = Facts { socket, buffer: link::Receiver::new(), behind: Duration::MAX };
            facts.by_our_clock(hello(told));
            assert!(facts.behind.abs_diff(behind) < Duration::from_millis(100), "{told}");
            assert_eq!(facts.by_our_clock(Fact::Run(row())), Fact::Run(later(row(), facts.behind)));
        }
    }

    fn tokio_pipe() -> (Rc<Receiver>, tokio::runtime::Runtime) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let entered = runtime.enter();
        let (_, receiver) = tokio::net::unix::pipe::pipe().unwrap();
        drop(entered);
        (Rc::new(receiver), runtime)
    }
}
