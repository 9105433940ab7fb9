//! What is about to be written to a log, noted before its first byte is. If a kill comes between that and the spool's moving
//! on, the successor writes what is missing of it, before anybody else writes to that log.
//!
//! One note is enough, and each takes the last one's place: there is one thread, and it finishes with one batch of lines before
//! it begins the next. A note holds as long as its spool stands where it stood; so nothing has to be crossed out.
//!
//! ```text
//!   body of the note ► head of the note ► lines to the log ► spool moves on
//!   ───────────── nothing happened ─────┴── written again ──┴── done ──────
//! ```

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::outlet::Kind;
use super::spool::Spool;

const NAME: &str = "journal";
const NUMBERS: usize = 9;
const HEAD: usize = NUMBERS * 8;
/// Marks a head; tells another version's.
const MAGIC: u64 = u64::from_le_bytes(*b"betti-1\n");

/// Where in which file lines begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub device: u64,
    pub inode: u64,
    pub offset: u64,
}

/// Lines that are about to be written.
pub struct Note<'a> {
    pub run: u64,
    pub kind: Kind,
    /// Where the spool stands, and so many bytes of it these lines are.
    pub position: u64,
    pub bytes: usize,
    pub log: &'a Path,
    pub place: Place,
    pub lines: &'a [u8],
}

pub struct Journal {
    path: PathBuf,
    file: Option<File>,
}

impl Journal {
    pub fn new(folder: &Path) -> Self {
        Self { path: folder.join(NAME), file: None }
    }

    /// Takes the last note's place.
    pub fn note(&mut self, note: &Note) -> io::Result<()> {
        if self.file.is_none() {
            self.path.parent().map_or(Ok(()), fs::create_dir_all)?;
            let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&self.path)?;
            self.file = Some(opened);
        }
        let Some(file) = &self.file else { return Ok(()) };
        let path = note.log.as_os_str().as_bytes();
        file.write_all_at(path, HEAD as u64)?;
        file.write_all_at(note.lines, (HEAD + path.len()) as u64)?;
        let kind = match note.kind {
            Kind::Out => 0,
            Kind::Error => 1,
        };
        let Place { device, inode, offset } = note.place;
        // The log's path and the lines are as long as two of these say, the stream's bytes as the last one says.
        let lengths = ((path.len() as u64) << 32) | note.lines.len() as u64;
        let numbers: [u64; NUMBERS] =
            [MAGIC, note.run, kind, note.position, device, inode, offset, lengths, note.bytes as u64];
        file.write_all_at(&numbers.map(u64::to_le_bytes).concat(), 0)
    }

    /// Finishes what a predecessor had begun.
    pub fn finish(&self) {
        match self.try_finish() {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                say!("logs: what {} tells cannot be finished: {error}", self.path.display());
            }
            _ => {}
        }
    }

    fn try_finish(&self) -> io::Result<()> {
        let file = File::open(&self.path)?;
        let mut head = [0; HEAD];
        if file.read_exact_at(&mut head, 0).is_err() {
            return Ok(()); // there was no note yet
        }
        let (numbers, _) = head.as_chunks::<8>();
        let mut numbers = numbers.iter().map(|number| u64::from_le_bytes(*number));
        let mut number = || numbers.next().unwrap_or_default();
        let (magic, run, kind, position) = (number(), number(), number(), number());
        let place = Place { device: number(), inode: number(), offset: number() };
        let (lengths, bytes) = (number(), number());
        if magic != MAGIC {
            return Ok(());
        }
        let kind = if kind == 0 { Kind::Out } else { Kind::Error };
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let (mut spool, waiting) = Spool::find(folder, run, kind)?;
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        if spool.position() != position || bytes > waiting.len() {
            return Ok(()); // it was done
        }
        let mut log = vec![0; (lengths >> 32) as usize];
        file.read_exact_at(&mut log, HEAD as u64)?;
        let mut lines = vec![0; lengths as u32 as usize];
        file.read_exact_at(&mut lines, (HEAD + log.len()) as u64)?;
        if finish_lines(Path::new(&std::ffi::OsString::from_vec(log)), place, &lines)? {
            spool.pass(bytes, &waiting[bytes..])?;
        }
        Ok(())
    }
}

/// Writes what is missing of the lines, unless the log is another one by now or goes on differently: then they were not written
/// to it, or somebody took them away, and the spool's bytes go the ordinary way.
fn finish_lines(path: &Path, place: Place, lines: &[u8]) -> io::Result<bool> {
    let log = OpenOptions::new().read(true).write(true).open(path)?;
    let found = log.metadata()?;
    let there = found.len().checked_sub(place.offset).and_then(|there| usize::try_from(there).ok());
    let Some((written, missing)) = there.and_then(|there| lines.split_at_checked(there)) else { return Ok(false) };
    let mut tail = vec![0; written.len()];
    log.read_exact_at(&mut tail, place.offset)?;
    if (found.dev(), found.ino()) != (place.device, place.inode) || tail != written {
        return Ok(false);
    }
    if let Err(error) = log.write_all_at(missing, found.len()) {
        log.set_len(place.offset)?; // no torn line; what cannot be written is counted the ordinary way
        return Err(error);
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use nix::unistd::{pipe, write};

    use super::*;

    const LINES: &[u8] = b"t: one\nt: two\n";

    /// A kill after so much of the lines was written; whether the spool had moved on.
    fn finished_after(written: &[u8], moved_on: bool) -> (String, u64) {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("a.log");
        fs::write(&log, [b"before\n", written].concat()).unwrap();
        let (read, worker) = pipe().unwrap();
        write(&worker, b"one\ntwo\nopen").unwrap();
        let (mut spool, mut waiting) = Spool::open(folder.path(), 7, Kind::Out).unwrap();
        spool.fill(&read, &mut waiting).unwrap();
        let found = fs::metadata(&log).unwrap();
        let place = Place { device: found.dev(), inode: found.ino(), offset: 7 };
        let note = Note { run: 7, kind: Kind::Out, position: 0, bytes: 8, log: &log, place, lines: LINES };
        Journal::new(folder.path()).note(&note).unwrap();
        if moved_on {
            spool.pass(8, b"open").unwrap();
        }
        for _ in 0..2 {
            Journal::new(folder.path()).finish(); // once is as good as twice
        }
        (fs::read_to_string(&log).unwrap(), Spool::find(folder.path(), 7, Kind::Out).unwrap().0.position())
    }

    #[test]
    fn lines_are_written_once_and_whole_whenever_the_kill_came() {
        let whole = format!("before\n{}", str::from_utf8(LINES).unwrap());
        for written in 0..=LINES.len() {
            assert_eq!(finished_after(&LINES[..written], false), (whole.clone(), 8));
        }
        assert_eq!(finished_after(LINES, true), (whole, 8));
    }

    #[test]
    fn what_is_done_is_left_alone() {
        assert_eq!(finished_after(b"", true), ("before\n".to_owned(), 8), "emptied since, for instance");
        assert_eq!(finished_after(b"t: other\n", false), ("before\nt: other\n".to_owned(), 0));
    }

    #[test]
    fn without_a_note_there_is_nothing_to_finish() {
        let folder = tempfile::tempdir().unwrap();
        Journal::new(folder.path()).finish();
        fs::write(folder.path().join(NAME), "short").unwrap();
        Journal::new(folder.path()).finish();
    }
}
