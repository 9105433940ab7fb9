//! Puts a full log aside: `a.log` becomes `a.log.1`, what was `.1` becomes `.2`, and so on; the oldest goes. Each takes its index
//! along, after itself, so that an index without its log tells where a kill came in between. One that was compressed is
//! `a.log.2.gz`; its index is `a.log.2.index` as before.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::index;

const COMPRESSED: &str = ".gz";
const UNFINISHED: &str = ".gz.tmp";

/// One that was put aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aside {
    pub number: u32,
    /// Bytes on the disk, with its index.
    pub bytes: u64,
    /// When it was last written to.
    pub written: SystemTime,
    /// The file as it was, if it is there.
    pub inode: Option<u64>,
    pub compressed: bool,
}

/// All that were put aside, the newest first.
pub fn aside(log: &Path) -> Vec<Aside> {
    let mut numbers = numbers(log);
    numbers.sort_unstable();
    numbers.dedup();
    numbers.into_iter().filter_map(|number| look(log, number)).collect()
}

fn look(log: &Path, number: u32) -> Option<Aside> {
    let raw = numbered(log, number);
    let found = [&raw, &compressed(log, number)].map(|path| fs::metadata(path).ok());
    let written = found.iter().flatten().find_map(|found| found.modified().ok())?;
    let index = fs::metadata(index::path(&raw)).map_or(0, |found| found.len());
    Some(Aside {
        number,
        bytes: index + found.iter().flatten().map(fs::Metadata::len).sum::<u64>(),
        written,
        inode: found[0].as_ref().map(MetadataExt::ino),
        compressed: found[1].is_some(),
    })
}

/// Names of logs of which something was put aside in a folder, for which one look is enough.
pub fn logs_with_aside(folder: &Path) -> BTreeSet<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let log = |entry: fs::DirEntry| Some(folder.join(OsStr::from_bytes(number(&entry.file_name())?.0)));
    entries.filter_map(log).collect()
}

/// Every number that something beside the log has, also if it is only an index.
fn numbers(log: &Path) -> Vec<u32> {
    let (Some(folder), Some(name)) = (log.parent(), log.file_name()) else { return Vec::new() };
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let of_the_log = |entry: fs::DirEntry| {
        let file = entry.file_name();
        number(&file).filter(|(log, _)| *log == name.as_bytes()).map(|(_, number)| number)
    };
    entries.filter_map(of_the_log).collect()
}

/// Which log's a file is, and which number it has: `a.log.3`, `a.log.3.gz`, `a.log.3.index`.
fn number(file: &OsStr) -> Option<(&[u8], u32)> {
    let file = file.as_bytes();
    let endings = [COMPRESSED, protocol::log_index::SUFFIX];
    let plain = endings.iter().find_map(|ending| file.strip_suffix(ending.as_bytes())).unwrap_or(file);
    let point = plain.iter().rposition(|byte| *byte == b'.')?;
    let digits = str::from_utf8(&plain[point + 1..]).ok()?;
    let number: u32 = digits.parse().ok()?;
    (number > 0 && number.to_string() == digits).then(|| (&plain[..point], number))
}

/// Renames from the oldest to the newest, so that a kill in between leaves a gap and nothing lost; only up to the first gap,
/// which takes what is pushed on. So many are kept; the oldest goes first, if there is no gap.
pub fn put_aside(log: &Path, kept: u32) -> io::Result<()> {
    let there = |number: &u32| numbered(log, *number).exists() || compressed(log, *number).exists();
    let last = (1..=kept).find(|number| !there(number)).unwrap_or(kept);
    remove(log, last)?; // of a gap, at most an index that is nobody's
    for number in (1..last).rev() {
        rename_if_there(&numbered(log, number), &numbered(log, number + 1))?;
        rename_if_there(&compressed(log, number), &compressed(log, number + 1))?;
        rename_if_there(&index::path(&numbered(log, number)), &index::path(&numbered(log, number + 1)))?;
    }
    fs::rename(log, numbered(log, 1))?;
    rename_if_there(&index::path(log), &index::path(&numbered(log, 1)))
}

/// Removes one that was put aside; its index first, which means nothing without it.
pub fn remove(log: &Path, number: u32) -> io::Result<()> {
    index::remove(&numbered(log, number))?;
    remove_if_there(&numbered(log, number))?;
    remove_if_there(&compressed(log, number))
}

/// Removes all that were put aside.
pub fn remove_aside(log: &Path) -> io::Result<()> {
    numbers(log).into_iter().try_for_each(|number| remove(log, number))
}

/// Finishes what a kill left half done. Nobody may be compressing a file of this log.
pub fn put_right(log: &Path) -> io::Result<()> {
    remove_if_there(&unfinished(log))?;
    let mut numbers = numbers(log);
    numbers.sort_unstable_by(|one, other| other.cmp(one));
    numbers.dedup();
    for number in numbers {
        match look(log, number) {
            None => bring_index_after(&numbered(log, number), log, number + 1)?,
            Some(Aside { inode: Some(_), compressed: true, .. }) => {
                sync_folder(log)?;
                remove_if_there(&numbered(log, number))?; // it was compressed, and this was about to be done
            }
            Some(_) => {}
        }
    }
    if !log.exists() {
        bring_index_after(log, log, 1)?;
    }
    Ok(())
}

/// An index without its log: that moved on to this number, or it is gone.
fn bring_index_after(left: &Path, log: &Path, number: u32) -> io::Result<()> {
    let now = index::path(&numbered(log, number));
    match look(log, number).is_some() && !now.exists() {
        true => rename_if_there(&index::path(left), &now),
        false => index::remove(left),
    }
}

pub fn numbered(log: &Path, number: u32) -> PathBuf {
    with(log, &format!(".{number}"))
}

pub fn compressed(log: &Path, number: u32) -> PathBuf {
    with(log, &format!(".{number}{COMPRESSED}"))
}

/// What is being compressed of this log, until it is whole.
pub fn unfinished(log: &Path) -> PathBuf {
    with(log, UNFINISHED)
}

/// Renames and removals in the log's folder survive a power cut from here on.
pub fn sync_folder(log: &Path) -> io::Result<()> {
    log.parent().map_or(Ok(()), |folder| fs::File::open(folder)?.sync_all())
}

fn with(log: &Path, ending: &str) -> PathBuf {
    let mut name = log.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn rename_if_there(from: &Path, to: &Path) -> io::Result<()> {
    or_none(fs::rename(from, to))
}

pub fn remove_if_there(path: &Path) -> io::Result<()> {
    or_none(fs::remove_file(path))
}

fn or_none(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const KEPT: u32 = 5;

    struct Folder(tempfile::TempDir);

    impl Folder {
        fn with(files: &[&str]) -> Self {
            let folder = Self(tempfile::tempdir().unwrap());
            files.iter().for_each(|name| fs::write(folder.0.path().join(name), name).unwrap());
            folder
        }

        fn log(&self) -> PathBuf {
            self.0.path().join("a.log")
        }

        /// What is there, each with what is in it: the name that it had at first.
        fn files(&self) -> BTreeMap<String, String> {
            let entries = fs::read_dir(self.0.path()).unwrap().map(Result::unwrap);
            let text = |entry: &fs::DirEntry| fs::read_to_string(entry.path()).unwrap();
            entries.map(|entry| (entry.file_name().into_string().unwrap(), text(&entry))).collect()
        }
    }

    fn pairs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(now, before)| ((*now).to_owned(), (*before).to_owned())).collect()
    }

    #[test]
    fn files_move_up_by_one_the_oldest_goes_and_a_gap_is_filled() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        let read = |number: u32| fs::read_to_string(numbered(&path, number)).ok();
        for round in 1..=7 {
            fs::write(&path, round.to_string()).unwrap();
            put_aside(&path, KEPT).unwrap();
        }
        let expected: Vec<Option<String>> = ["7", "6", "5", "4", "3"].map(|text| Some(text.to_owned())).into();
        assert_eq!((1..=KEPT).map(read).collect::<Vec<_>>(), expected);
        assert_eq!(read(6), None);
        fs::remove_file(numbered(&path, 2)).unwrap();
        fs::write(&path, "8").unwrap();
        put_aside(&path, KEPT).unwrap();
        let expected: Vec<Option<String>> = ["8", "7", "5", "4", "3"].map(|text| Some(text.to_owned())).into();
        assert_eq!((1..=KEPT).map(read).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn an_index_and_what_was_compressed_move_along() {
        let folder = Folder::with(&[
            "a.log",
            "a.log.index",
            "a.log.1",
            "a.log.2.gz",
            "a.log.2.index",
            "a.log.3.gz",
            "a.log.3.index",
            "a.log.4.index",
            "a.log.other",
        ]);
        put_aside(&folder.log(), 3).unwrap();
        let expected = pairs(&[
            ("a.log.1", "a.log"),
            ("a.log.1.index", "a.log.index"),
            ("a.log.2", "a.log.1"),
            ("a.log.3.gz", "a.log.2.gz"),
            ("a.log.3.index", "a.log.2.index"),
            ("a.log.4.index", "a.log.4.index"),
            ("a.log.other", "a.log.other"),
        ]);
        assert_eq!(folder.files(), expected);
        assert_eq!(aside(&folder.log()).iter().map(|aside| aside.number).collect::<Vec<_>>(), [1, 2, 3]);
        remove_aside(&folder.log()).unwrap();
        assert_eq!(folder.files(), pairs(&[("a.log.other", "a.log.other")]));
    }

    #[test]
    fn what_a_kill_left_half_done_is_finished() {
        for (left, expected) in [
            // The log was renamed, its index was not.
            (&["a.log.1", "a.log.index"][..], &[("a.log.1", "a.log.1"), ("a.log.1.index", "a.log.index")][..]),
            // The same with one in the middle, and those after it done.
            (
                &["a.log", "a.log.index", "a.log.2.index", "a.log.3.gz", "a.log.4", "a.log.4.index"],
                &[
                    ("a.log", "a.log"),
                    ("a.log.index", "a.log.index"),
                    ("a.log.3.gz", "a.log.3.gz"),
                    ("a.log.3.index", "a.log.2.index"),
                    ("a.log.4", "a.log.4"),
                    ("a.log.4.index", "a.log.4.index"),
                ],
            ),
            // The log was removed after its index; an index is nobody's.
            (
                &["a.log", "a.log.1.index", "a.log.2"],
                &[("a.log", "a.log"), ("a.log.2", "a.log.2"), ("a.log.2.index", "a.log.1.index")],
            ),
            (&["a.log", "a.log.5.index"], &[("a.log", "a.log")]),
            (&["a.log.index"], &[]),
            // Compressed, and not removed yet; compressed in part.
            (
                &["a.log", "a.log.2", "a.log.2.gz", "a.log.2.index"],
                &[("a.log", "a.log"), ("a.log.2.gz", "a.log.2.gz"), ("a.log.2.index", "a.log.2.index")],
            ),
            (&["a.log", "a.log.2", "a.log.gz.tmp"], &[("a.log", "a.log"), ("a.log.2", "a.log.2")]),
        ] {
            let folder = Folder::with(left);
            for _ in 0..2 {
                put_right(&folder.log()).unwrap();
                assert_eq!(folder.files(), pairs(expected), "{left:?}");
            }
        }
    }

    #[test]
    fn only_numbers_as_we_write_them_are_ours() {
        for (file, expected) in [
            ("a.log.1", Some(("a.log", 1))),
            ("a.log.12.gz", Some(("a.log", 12))),
            ("a.log.3.index", Some(("a.log", 3))),
            ("b.1.2", Some(("b.1", 2))),
            ("1", None),
            ("a.log", None),
            ("a.log.index", None),
            ("a.log.01", None),
            ("a.log.+1", None),
            ("a.log.0", None),
            ("a.log.1.gz.tmp", None),
            ("a.log.1.bz2", None),
        ] {
            let expected = expected.map(|(log, number)| (log.as_bytes(), number));
            assert_eq!(number(OsStr::new(file)), expected, "{file}");
        }
    }
}
