//! Raw output: bytes go from a worker's pipe into the file inside the kernel (`splice`), which takes exactly as many from the
//! pipe as it put into the file. Our memory never holds the only copy, so SIGKILL at any instant loses and doubles nothing.

use std::io::{self, Write};
use std::os::fd::OwnedFd;

use nix::errno::Errno;
use nix::fcntl::{SpliceFFlags, splice};
use nix::unistd::read;

use super::file::{LogFile, is_about_the_file};
use super::glass::{Glance, Glass};
use super::{CHUNK, LONGEST_OPEN_LINE, Moved};

impl LogFile {
    /// Moves what is in the pipe, `most` bytes at most.
    ///
    /// # Errors
    /// If nothing can be moved now, and the bytes are still in the pipe. (A device's are not: they are thrown away.)
    pub fn take(&mut self, pipe: &OwnedFd, most: usize, glass: &mut Glass) -> io::Result<Moved> {
        if !self.is_device() {
            self.not_yet()?;
        }
        match self.try_take(pipe, most, glass) {
            Err(error) if !is_about_the_file(&error) => Err(error),
            Err(error) if self.is_device() => self.discard(pipe, most, glass, &error),
            Err(error) => {
                self.failed(&error);
                Err(error)
            }
            Ok(moved) => {
                self.worked();
                Ok(moved)
            }
        }
    }

    fn try_take(&mut self, pipe: &OwnedFd, most: usize, glass: &mut Glass) -> io::Result<Moved> {
        self.make_ready()?;
        self.say_loss()?;
        if self.is_full() {
            return self.move_past_limit(pipe, most, glass);
        }
        let room = usize::try_from(self.limits.bytes.saturating_sub(self.size)).unwrap_or(usize::MAX);
        self.move_chunk(pipe, most.min(room), glass)
    }

    fn move_chunk(&mut self, pipe: &OwnedFd, most: usize, glass: &mut Glass) -> io::Result<Moved> {
        self.mark(0, self.by);
        let file = self.opened()?;
        match splice(pipe, None, &*file, None, most.min(CHUNK), SpliceFFlags::SPLICE_F_NONBLOCK) {
            Ok(0) => Ok(Moved::End),
            Ok(moved) => {
                self.grow(moved);
                Ok(Moved::Some(moved))
            }
            Err(Errno::EAGAIN) if self.is_regular() => Ok(Moved::Empty),
            Err(Errno::EAGAIN) => match glass.look(pipe, most)? {
                Glance::Seen(_) => Err(io::Error::other("it is full and nobody reads it")), // a FIFO
                Glance::Not(moved) => Ok(moved),
            },
            Err(Errno::EINVAL) => self.copy_chunk(pipe, most, glass),
            Err(errno) => Err(errno.into()),
        }
    }

    /// For what is no file of a kind that the kernel can splice into: a device, some file systems. A kill between the
    /// two steps loses what was read.
    fn copy_chunk(&mut self, pipe: &OwnedFd, most: usize, glass: &mut Glass) -> io::Result<Moved> {
        let mut bytes = match glass.look(pipe, most)? {
            Glance::Seen(bytes) => bytes,
            Glance::Not(moved) => return Ok(moved),
        };
        let length = read(pipe, &mut bytes)?;
        if let Err(error) = self.opened()?.write_all(&bytes[..length]) {
            self.lose(&bytes[..length]);
            return Err(error);
        }
        self.grow(length);
        Ok(Moved::Some(length))
    }

    /// The file is full: finish the line that is open, then go on in a new file.
    fn move_past_limit(&mut self, pipe: &OwnedFd, most: usize, glass: &mut Glass) -> io::Result<Moved> {
        let seen = match glass.look(pipe, most)? {
            Glance::Seen(seen) => seen,
            Glance::Not(moved) => return Ok(moved),
        };
        let mut taken = 0;
        if !self.at_line_start()? {
            let end = seen.iter().position(|&byte| byte == b'\n').map(|at| at + 1);
            let room = self.limits.bytes.saturating_add(LONGEST_OPEN_LINE).saturating_sub(self.size);
            taken = end.unwrap_or(seen.len()).min(usize::try_from(room).unwrap_or(usize::MAX));
            self.mark(0, self.by);
            self.move_exactly(pipe, taken)?;
            if !self.at_line_start()? && taken as u64 != room {
                return Ok(Moved::Some(taken));
            }
        }
        self.put_aside()?;
        Ok(Moved::Some(taken))
    }

    fn move_exactly(&mut self, pipe: &OwnedFd, mut length: usize) -> io::Result<()> {
        while length > 0 {
            let file = self.opened()?;
            let moved = splice(pipe, None, &*file, None, length, SpliceFFlags::empty())?;
            length -= moved;
            self.grow(moved);
        }
        Ok(())
    }
}
