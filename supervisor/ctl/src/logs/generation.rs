//! One file of a log as it was opened. It may be renamed, compressed, emptied or removed meanwhile.

use std::cell::RefCell;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, BufReader, Read};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use flate2::read::MultiGzDecoder;

use super::neighbours::TRIES;
use super::place::{self, Place};

/// Which file it is, whatever its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    /// Of the file of which this was found.
    pub fn of(found: &Metadata) -> Self {
        Self { device: found.dev(), inode: found.ino() }
    }

    /// Of what has this name now.
    pub fn at(path: &Path) -> Option<Self> {
        std::fs::metadata(path).ok().as_ref().map(Self::of)
    }
}

/// One file of a log.
pub struct Generation {
    pub(super) log: PathBuf,
    pub(super) identity: Identity,
    pub(super) file: Rc<File>,
    compressed: bool,
    index: RefCell<Option<Rc<File>>>,
}

/// The bytes of a generation, from some offset on.
pub enum Text {
    /// Can be read anywhere.
    Plain(Rc<File>),
    /// Can be read from its beginning only.
    Compressed(Box<MultiGzDecoder<BufReader<Cursor>>>),
}

/// A place in a file that others read too.
pub struct Cursor {
    file: Rc<File>,
    offset: u64,
}

impl Read for Cursor {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let length = self.file.read_at(to, self.offset)?;
        self.offset += length as u64;
        Ok(length)
    }
}

/// Opens a regular file; `None` if there is none. What is no file has no lines to be read again, and opening a pipe would wait.
pub fn open_file(path: &Path) -> io::Result<Option<File>> {
    match OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path) {
        Ok(file) => Ok(file.metadata()?.is_file().then_some(file)),
        // ENXIO: a socket.
        Err(why) if why.raw_os_error() == Some(libc::ENXIO) => Ok(None),
        Err(why) if matches!(why.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(why) => Err(why),
    }
}

impl Generation {
    /// The newest file of a log; `None` if there is none at all.
    ///
    /// # Errors
    /// If it is there and cannot be read.
    pub fn newest(log: &Path) -> io::Result<Option<Rc<Self>>> {
        if let Some(written) = Self::open(log, Place { number: 0, compressed: false })? {
            return Ok(Some(written));
        }
        for place in place::all(log)? {
            if let Some(generation) = Self::open(log, place)? {
                return Ok(Some(generation));
            }
        }
        Ok(None)
    }

    /// The file in this place; `None` if there is none.
    ///
    /// # Errors
    /// If it is there and cannot be read.
    pub fn open(log: &Path, place: Place) -> io::Result<Option<Rc<Self>>> {
        let Some(file) = open_file(&place.path(log))? else { return Ok(None) };
        let identity = Identity::of(&file.metadata()?);
        let (file, index) = (Rc::new(file), RefCell::default());
        let generation = Self { log: log.to_owned(), identity, file, compressed: place.compressed, index };
        generation.open_index()?;
        Ok(Some(Rc::new(generation)))
    }

    /// Finds the index again if it was not there yet, or was made anew.
    ///
    /// # Errors
    /// If it is there and cannot be read.
    pub fn open_index(&self) -> io::Result<()> {
        for _ in 0..TRIES {
            let Some(number) = self.number() else { return Ok(()) };
            let index = self.index_of(number)?;
            // While we looked it may have been put aside, and what we opened belong to its successor.
            if self.number() == Some(number) {
                *self.index.borrow_mut() = index.map(Rc::new);
                return Ok(());
            }
        }
        Ok(())
    }

    /// An index is put aside after its file: until then it has the number before, which is nobody else's.
    fn index_of(&self, number: u32) -> io::Result<Option<File>> {
        let mut index = open_file(&place::index(&self.log, number))?;
        if index.is_none() && number > 0 {
            if !place::is_there(&self.log, number - 1) {
                index = open_file(&place::index(&self.log, number - 1))?;
            }
            if index.is_none() || place::is_there(&self.log, number - 1) {
                index = open_file(&place::index(&self.log, number))?;
            }
        }
        Ok(index)
    }

    /// What lies beside the log by now is another file's.
    pub fn forget_index(&self) {
        *self.index.borrow_mut() = None;
    }

    /// The index, if there is one.
    pub fn index(&self) -> Option<Rc<File>> {
        self.index.borrow().clone()
    }

    /// Its bytes from the beginning.
    pub fn text(&self) -> Text {
        let file = Rc::clone(&self.file);
        if self.compressed {
            Text::Compressed(Box::new(MultiGzDecoder::new(BufReader::new(Cursor { file, offset: 0 }))))
        } else {
            Text::Plain(file)
        }
    }

    /// The file, if it can be read anywhere.
    pub fn plain(&self) -> Option<&File> {
        (!self.compressed).then_some(&self.file)
    }

    /// Its length now; `None` if that is known only after reading it.
    ///
    /// # Errors
    /// If it cannot be asked.
    pub fn length(&self) -> io::Result<Option<u64>> {
        if self.compressed { Ok(None) } else { self.file.metadata().map(|found| Some(found.len())) }
    }

    /// When it was last written to, in microseconds since 1970.
    pub fn modified_us(&self) -> i64 {
        self.file
            .metadata()
            .map_or(i64::MIN, |found| found.mtime().saturating_mul(1_000_000).saturating_add(found.mtime_nsec() / 1000))
    }

    /// When it was made, in microseconds since 1970, where the file system knows.
    pub fn created_us(&self) -> Option<i64> {
        let created = self.file.metadata().ok()?.created().ok()?;
        i64::try_from(created.duration_since(std::time::UNIX_EPOCH).ok()?.as_micros()).ok()
    }

    /// Where it is.
    pub fn path(&self) -> PathBuf {
        let number = self.number().unwrap_or(0);
        Place { number, compressed: self.compressed }.path(&self.log)
    }
}
