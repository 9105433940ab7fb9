//! Looks into a pipe without taking anything from it, and takes from it what nobody can keep.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;

use nix::errno::Errno;
use nix::fcntl::{OFlag, SpliceFFlags, splice, tee};
use nix::unistd::pipe2;

use super::{CHUNK, Moved};

/// A pipe of our own that `tee` copies into. One serves all, because it is empty again after every use.
pub struct Glass {
    read: File,
    write: OwnedFd,
}

/// What a look into a pipe shows.
pub enum Glance {
    Seen(Vec<u8>),
    Not(Moved),
}

impl Glass {
    pub fn new() -> io::Result<Self> {
        let (read, write) = pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)?;
        Ok(Self { read: read.into(), write })
    }

    /// The first bytes in the pipe, `most` of them at most.
    pub fn look(&mut self, pipe: &OwnedFd, most: usize) -> io::Result<Glance> {
        let mut seen = vec![0; most.min(CHUNK)];
        match tee(pipe, &self.write, seen.len(), SpliceFFlags::SPLICE_F_NONBLOCK) {
            Ok(0) => return Ok(Glance::Not(Moved::End)),
            Ok(length) => seen.truncate(length),
            Err(Errno::EAGAIN) => return Ok(Glance::Not(Moved::Empty)),
            Err(errno) => return Err(errno.into()),
        }
        self.read.read_exact(&mut seen)?;
        Ok(Glance::Seen(seen))
    }

    /// Takes a chunk out of the pipe, for nobody.
    pub fn take_away(&mut self, pipe: &OwnedFd, most: usize) -> io::Result<Glance> {
        match splice(pipe, None, &self.write, None, most.min(CHUNK), SpliceFFlags::SPLICE_F_NONBLOCK) {
            Ok(0) => Ok(Glance::Not(Moved::End)),
            Ok(length) => {
                let mut taken = vec![0; length];
                self.read.read_exact(&mut taken)?;
                Ok(Glance::Seen(taken))
            }
            Err(Errno::EAGAIN) => Ok(Glance::Not(Moved::Empty)),
            Err(errno) => Err(errno.into()),
        }
    }
}
