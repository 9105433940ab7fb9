//! Compresses what was put aside, from `.2` on: `.1` stays as it is, for whoever still follows it. A thread of its own does that
//! while there is something to do, at the lowest priority, a chunk at a time.
//!
//! ```text
//!   a.log.2 ──chunks──► a.log.gz.tmp ──synced──► renamed to a.log.2.gz ──folder synced──► a.log.2 is renamed and removed
//! ```
//!
//! Whenever a kill comes, one of the two is there and whole. The log thread may rename `a.log.2` to `a.log.3` meanwhile, so the file
//! is known by its inode, and both threads hold [`Names`] while they rename.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::background;
use super::rotation::{self, Aside};

/// The first that is compressed.
const FIRST: u32 = 2;
const CHUNK: usize = 16 * 1024;
/// Only what is used of it takes memory; without optimisation the encoder's tables pass over it.
const STACK_BYTES: usize = 2 * 1024 * 1024;

/// What both threads agree on. While it is held, nobody else renames or removes what was put aside.
#[derive(Clone, Default)]
pub struct Names(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// Logs of which something may be to be compressed.
    asked: BTreeSet<PathBuf>,
    at_work: Option<PathBuf>,
    /// Logs of which something was compressed since somebody asked.
    done: BTreeSet<PathBuf>,
    runs: bool,
}

impl Names {
    fn hold(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn put_aside(&self, log: &Path, kept: u32) -> io::Result<()> {
        let _held = self.hold();
        rotation::put_aside(log, kept)
    }

    pub fn remove(&self, log: &Path, number: u32) -> io::Result<()> {
        let _held = self.hold();
        rotation::remove(log, number)
    }

    pub fn remove_aside(&self, log: &Path) -> io::Result<()> {
        let _held = self.hold();
        rotation::remove_aside(log)
    }

    /// Finishes what a kill left half done; not while something of this log is being compressed.
    pub fn put_right(&self, log: &Path) -> io::Result<()> {
        let held = self.hold();
        match held.at_work.as_deref() == Some(log) {
            true => Ok(()),
            false => rotation::put_right(log),
        }
    }

    /// Logs of which something was compressed since this was last asked.
    pub fn take_done(&self) -> BTreeSet<PathBuf> {
        std::mem::take(&mut self.hold().done)
    }

    /// Compresses what can be of this log, some time.
    pub fn compress(&self, log: &Path) {
        let mut held = self.hold();
        held.asked.insert(log.to_owned());
        if held.runs {
            return;
        }
        let names = self.clone();
        let thread = std::thread::Builder::new().name("compress".into()).stack_size(STACK_BYTES);
        held.runs = thread.spawn(move || names.work()).is_ok(); // else with the next that is put aside
    }

    fn work(&self) {
        background::begin();
        while let Some(log) = self.next() {
            while let Some(aside) = first(&log) {
                if let Err(error) = self.compress_one(&log, &aside) {
                    say!("logs: {} cannot be compressed: {error}", rotation::numbered(&log, aside.number).display());
                    break;
                }
            }
        }
        background::end();
    }

    fn next(&self) -> Option<PathBuf> {
        let mut held = self.hold();
        held.at_work = held.asked.pop_first();
        held.runs = held.at_work.is_some();
        held.at_work.clone()
    }

    fn compress_one(&self, log: &Path, aside: &Aside) -> io::Result<()> {
        let unfinished = rotation::unfinished(log);
        let done = write_compressed(log, aside, &unfinished).and_then(|is_it| match is_it {
            true => self.put_in_place(log, aside),
            false => Ok(()), // it moved on just now, and is found again under its new number
        });
        if done.is_err() {
            let _ = rotation::remove_if_there(&unfinished);
        }
        done
    }

    fn put_in_place(&self, log: &Path, aside: &Aside) -> io::Result<()> {
        {
            let _held = self.hold();
            let Some(number) = number_of(log, aside) else {
                return rotation::remove_if_there(&rotation::unfinished(log)); // somebody removed the file
            };
            fs::rename(rotation::unfinished(log), rotation::compressed(log, number))?;
        }
        rotation::sync_folder(log)?;
        {
            let mut held = self.hold();
            held.done.insert(log.to_owned());
            let raw = number_of(log, aside).filter(|number| rotation::compressed(log, *number).exists());
            let Some(number) = raw else { return Ok(()) };
            fs::rename(rotation::numbered(log, number), rotation::unfinished(log))?;
        }
        rotation::remove_if_there(&rotation::unfinished(log)) // takes a while if it is large; nobody has to wait for that
    }
}

/// The newest that is to be compressed and is not.
fn first(log: &Path) -> Option<Aside> {
    rotation::aside(log).into_iter().find(|aside| aside.number >= FIRST && aside.inode.is_some() && !aside.compressed)
}

/// Which number it has by now.
fn number_of(log: &Path, aside: &Aside) -> Option<u32> {
    rotation::aside(log).into_iter().find(|now| now.inode == aside.inode).map(|now| now.number)
}

/// For whom the file was, with the file's own time, and safely on the disk; `false` if the number is another file's by now, or nobody's.
fn write_compressed(log: &Path, aside: &Aside, unfinished: &Path) -> io::Result<bool> {
    let mut raw = match File::open(rotation::numbered(log, aside.number)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        opened => opened?,
    };
    let found = raw.metadata()?;
    if Some(found.ino()) != aside.inode {
        return Ok(false);
    }
    let new = File::create(unfinished)?;
    new.set_permissions(fs::Permissions::from_mode(found.mode() & 0o7777))?;
    let _ = fchown(&new, Some(found.uid()), Some(found.gid())); // as far as we may
    let mut encoder = GzEncoder::new(new, Compression::default());
    let mut chunk = vec![0; CHUNK];
    loop {
        let length = raw.read(&mut chunk)?;
        if length == 0 {
            break;
        }
        encoder.write_all(&chunk[..length])?;
    }
    let new = encoder.finish()?;
    new.set_modified(found.modified()?)?;
    new.sync_all()?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use flate2::read::GzDecoder;

    use super::*;

    fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        files.iter().for_each(|(name, bytes)| fs::write(folder.path().join(name), bytes).unwrap());
        folder
    }

    fn names(folder: &tempfile::TempDir) -> Vec<String> {
        let entries = fs::read_dir(folder.path()).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn what_is_old_enough_is_compressed_and_the_same_when_it_is_read() {
        let text = b"a line of which there are many\n".repeat(10_000);
        let folder = folder(&[("a.log", b"now\n"), ("a.log.1", &text), ("a.log.2", &text), ("a.log.3", b"short\n")]);
        let log = folder.path().join("a.log");
        let long_ago = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1000);
        File::open(rotation::numbered(&log, 2)).unwrap().set_modified(long_ago).unwrap();
        Names::default().work_on(&log);
        assert_eq!(names(&folder), ["a.log", "a.log.1", "a.log.2.gz", "a.log.3.gz"]);
        let mut unpacked = Vec::new();
        GzDecoder::new(File::open(rotation::compressed(&log, 2)).unwrap()).read_to_end(&mut unpacked).unwrap();
        assert!(unpacked == text);
        let aside = rotation::aside(&log);
        assert_eq!(aside[1].written, long_ago);
        assert!(aside[1].bytes < text.len() as u64 / 10);
    }

    #[test]
    fn what_moves_on_meanwhile_is_followed_and_what_is_removed_is_forgotten() {
        for (is_removed, expected) in
            [(false, vec!["a.log.1", "a.log.2", "a.log.3.gz"]), (true, vec!["a.log.1", "a.log.2"])]
        {
            let folder = folder(&[("a.log", b"zero\n"), ("a.log.1", b"one\n"), ("a.log.2", b"two\n")]);
            let log = folder.path().join("a.log");
            let two = first(&log).unwrap();
            write_compressed(&log, &two, &rotation::unfinished(&log)).unwrap();
            let names_held = Names::default();
            names_held.put_aside(&log, 5).unwrap();
            if is_removed {
                names_held.remove(&log, 3).unwrap();
            }
            names_held.put_in_place(&log, &two).unwrap();
            assert_eq!(names(&folder), expected);
        }
    }

    #[test]
    fn what_moved_on_just_before_is_looked_for_again() {
        let folder = folder(&[("a.log", b"zero\n"), ("a.log.1", b"one\n"), ("a.log.2", b"two\n")]);
        let log = folder.path().join("a.log");
        let two = first(&log).unwrap();
        fs::rename(rotation::numbered(&log, 2), rotation::numbered(&log, 3)).unwrap();
        assert!(!write_compressed(&log, &two, &rotation::unfinished(&log)).unwrap());
        Names::default().work_on(&log);
        assert_eq!(names(&folder), ["a.log", "a.log.1", "a.log.3.gz"]);
    }

    impl Names {
        fn work_on(&self, log: &Path) {
            self.hold().asked.insert(log.to_owned());
            self.work();
        }
    }
}
