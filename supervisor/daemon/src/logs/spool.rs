//! Where a stream's bytes wait until they are lines: a file in the runtime directory, which outlives the supervisor. They come
//! into it inside the kernel, like into a raw log; that takes them from the pipe and keeps them in one step.
//!
//! ```text
//!   ┌ start ┬ position ┬ bytes of the stream from `start` on …        ┐
//!   │ u64   │ u64      │ written to the log │ waiting, an open line   │
//!   └───────┴──────────┴────────────────────┴─────────────────────────┘
//!                                        position
//! ```
//!
//! Both numbers count from the stream's beginning, so they never go back. Moving `position` on is what makes lines count as
//! written: eight bytes, which no kill can tear.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{SpliceFFlags, splice};

use super::outlet::Kind;
use super::{CHUNK, Moved};

const HEADER: u64 = 16;
const POSITION_AT: u64 = 8;
/// A spool with so many bytes that are written already is made anew without them.
const SLACK: u64 = 64 * 1024;

pub struct Spool {
    path: PathBuf,
    file: File,
    start: u64,
    position: u64,
}

impl Spool {
    /// A predecessor's, or a new one; with the bytes that wait in it.
    pub fn open(folder: &Path, run: u64, kind: Kind) -> io::Result<(Self, Vec<u8>)> {
        match Self::find(folder, run, kind) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Ok((Self::create(&path(folder, run, kind), 0, &[])?, Vec::new()))
            }
            other => other,
        }
    }

    /// A predecessor's, with the bytes that wait in it. `NotFound` if there is none.
    pub fn find(folder: &Path, run: u64, kind: Kind) -> io::Result<(Self, Vec<u8>)> {
        let path = path(folder, run, kind);
        let mut file = OpenOptions::new().read(true).write(true).open(&path)?;
        let mut number = || -> io::Result<u64> {
            let mut bytes = [0; 8];
            file.read_exact(&mut bytes)?;
            Ok(u64::from_le_bytes(bytes))
        };
        let (start, position) = (number()?, number()?);
        let mut waiting = Vec::new();
        file.seek(SeekFrom::Start(HEADER + position.saturating_sub(start)))?;
        file.read_to_end(&mut waiting)?;
        Ok((Self { path, file, start, position }, waiting))
    }

    /// There at once with all that belongs into it, or not at all.
    fn create(path: &Path, position: u64, waiting: &[u8]) -> io::Result<Self> {
        path.parent().map_or(Ok(()), fs::create_dir_all)?;
        let unnamed = path.with_extension("new");
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&unnamed)?;
        let number = position.to_le_bytes();
        file.write_all(&[&number, &number, waiting].concat())?;
        fs::rename(&unnamed, path)?;
        Ok(Self { path: path.into(), file, start: position, position })
    }

    /// How many bytes of the stream are written.
    pub const fn position(&self) -> u64 {
        self.position
    }

    /// Moves a chunk out of the pipe, and shows it at the end of `waiting`.
    pub fn fill(&mut self, pipe: &OwnedFd, waiting: &mut Vec<u8>) -> io::Result<Moved> {
        let moved = match splice(pipe, None, &self.file, None, CHUNK, SpliceFFlags::SPLICE_F_NONBLOCK) {
            Ok(0) => return Ok(Moved::End),
            Ok(moved) => moved,
            Err(Errno::EAGAIN) => return Ok(Moved::Empty),
            Err(errno) => return Err(errno.into()),
        };
        let known = waiting.len();
        let at = HEADER + (self.position - self.start) + known as u64;
        waiting.resize(known + moved, 0);
        self.file.read_exact_at(&mut waiting[known..], at)?;
        Ok(Moved::Some(moved))
    }

    /// So many bytes more are written; `waiting` are those that are left.
    pub fn pass(&mut self, bytes: usize, waiting: &[u8]) -> io::Result<()> {
        self.position += bytes as u64;
        self.file.write_all_at(&self.position.to_le_bytes(), POSITION_AT)?;
        if self.position - self.start >= SLACK {
            // If that cannot be, it grows until it can.
            if let Ok(new) = Self::create(&self.path, self.position, waiting) {
                *self = new;
            }
        }
        Ok(())
    }

    pub fn remove(self) {
        let _ = fs::remove_file(&self.path); // if it stays, nobody asks for it again
    }
}

fn path(folder: &Path, run: u64, kind: Kind) -> PathBuf {
    let kind = match kind {
        Kind::Out => "out",
        Kind::Error => "error",
    };
    folder.join(format!("{run}-{kind}"))
}

#[cfg(test)]
mod tests {
    use nix::unistd::{pipe, write};

    use super::*;

    #[test]
    fn a_successor_finds_what_waits_and_how_far_the_stream_is() {
        let folder = tempfile::tempdir().unwrap();
        let (read, worker) = pipe().unwrap();
        let (mut spool, mut waiting) = Spool::open(folder.path(), 7, Kind::Out).unwrap();
        assert!(Spool::find(folder.path(), 7, Kind::Error).is_err());
        write(&worker, b"one\ntw").unwrap();
        assert_eq!(spool.fill(&read, &mut waiting).unwrap(), Moved::Some(6));
        assert_eq!(waiting, b"one\ntw");
        spool.pass(4, b"tw").unwrap();
        let (mut spool, mut waiting) = Spool::open(folder.path(), 7, Kind::Out).unwrap();
        assert_eq!((spool.position(), &waiting[..]), (4, &b"tw"[..]));
        write(&worker, b"o\n").unwrap();
        spool.fill(&read, &mut waiting).unwrap();
        assert_eq!(waiting, b"two\n");
        spool.remove();
        assert!(Spool::find(folder.path(), 7, Kind::Out).is_err());
    }

    #[test]
    fn it_stays_small() {
        let folder = tempfile::tempdir().unwrap();
        let (read, worker) = pipe().unwrap();
        let (mut spool, mut waiting) = Spool::open(folder.path(), 7, Kind::Out).unwrap();
        let words = [b'x'; 4096];
        for round in 1..=100 {
            write(&worker, &words).unwrap();
            spool.fill(&read, &mut waiting).unwrap();
            waiting.drain(..words.len() - usize::from(round == 1)); // a byte waits from the first round on
            spool.pass(words.len() - usize::from(round == 1), &waiting).unwrap();
            assert_eq!(waiting, b"x");
        }
        assert_eq!(spool.position(), 100 * words.len() as u64 - 1);
        let length = fs::metadata(folder.path().join("7-out")).unwrap().len();
        assert!(length <= HEADER + SLACK + CHUNK as u64, "{length}");
        let (again, waiting) = Spool::open(folder.path(), 7, Kind::Out).unwrap();
        assert_eq!((again.position(), &waiting[..]), (spool.position(), &b"x"[..]));
    }
}
