//! Signals as something to poll for: each wakes the loop through a socket, and is drained until nothing is left,
//! because signals coalesce.

use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGTERM};

/// What the keeper listens to.
pub struct Signals {
    children: UnixStream,
    endings: UnixStream,
}

impl Signals {
    pub fn register() -> io::Result<Self> {
        Ok(Self { children: woken_by(&[SIGCHLD])?, endings: woken_by(&[SIGTERM, SIGINT, SIGHUP])? })
    }

    pub fn descriptors(&self) -> [BorrowedFd<'_>; 2] {
        [self.children.as_fd(), self.endings.as_fd()]
    }

    /// Whether some child ended since the last time.
    pub fn child_ended(&self) -> bool {
        drained(&self.children) > 0
    }

    /// How often we were asked to end since the last time.
    pub fn asked_to_end(&self) -> usize {
        drained(&self.endings)
    }
}

fn woken_by(signals: &[i32]) -> io::Result<UnixStream> {
    let (read, write) = UnixStream::pair()?;
    read.set_nonblocking(true)?;
    for &signal in signals {
        signal_hook::low_level::pipe::register(signal, write.try_clone()?)?;
    }
    Ok(read)
}

fn drained(mut pipe: &UnixStream) -> usize {
    const MOST_AT_ONCE: usize = 256;
    let mut count = 0;
    while let Ok(read @ 1..) = pipe.read(&mut [0; MOST_AT_ONCE]) {
        count += read;
    }
    count
}
