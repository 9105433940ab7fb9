//! The files that a log consists of: `a.log`, which is being written, and those that were put aside, `a.log.1`, `a.log.2.gz`.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use protocol::log_index::SUFFIX;

/// What the name of a compressed file ends with.
const COMPRESSED: &str = ".gz";

/// One of the files of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The number under which it was put aside, the newest from 1; 0 for the one that is being written.
    pub number: u32,
    /// Whether it was compressed.
    pub compressed: bool,
}

impl Place {
    /// Where it is.
    pub fn path(self, log: &Path) -> PathBuf {
        with(log, self.number, if self.compressed { COMPRESSED } else { "" })
    }
}

/// Where the index of the file with this number is, compressed or not.
pub fn index(log: &Path, number: u32) -> PathBuf {
    with(log, number, SUFFIX)
}

/// Whether a file with this number is there, compressed or not.
pub fn is_there(log: &Path, number: u32) -> bool {
    [false, true].into_iter().any(|compressed| Place { number, compressed }.path(log).exists())
}

fn with(log: &Path, number: u32, ending: &str) -> PathBuf {
    let mut name = log.as_os_str().to_owned();
    if number > 0 {
        name.push(format!(".{number}"));
    }
    name.push(ending);
    name.into()
}

/// The files that are there, the newest first. Numbers may be missing. Of a file that is there twice, because it is being
/// compressed, the plain one counts.
///
/// # Errors
/// If the folder is there and cannot be read.
pub fn all(log: &Path) -> io::Result<Vec<Place>> {
    let (Some(folder), Some(name)) = (log.parent(), log.file_name()) else { return Ok(Vec::new()) };
    let entries = match fs::read_dir(if folder.as_os_str().is_empty() { Path::new(".") } else { folder }) {
        Ok(entries) => entries,
        Err(why) if matches!(why.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(why) => return Err(why),
    };
    let mut found: BTreeMap<u32, bool> = BTreeMap::new();
    for place in entries.filter_map(Result::ok).filter_map(|entry| named(&entry.file_name(), name)) {
        found.entry(place.number).and_modify(|compressed| *compressed &= place.compressed).or_insert(place.compressed);
    }
    Ok(found.into_iter().map(|(number, compressed)| Place { number, compressed }).collect())
}

/// What a file of this name is of the log.
fn named(file: &OsStr, log: &OsStr) -> Option<Place> {
    let rest = file.as_bytes().strip_prefix(log.as_bytes())?;
    if rest.is_empty() {
        return Some(Place { number: 0, compressed: false });
    }
    let rest = std::str::from_utf8(rest).ok()?.strip_prefix('.')?;
    let (digits, compressed) = match rest.strip_suffix(COMPRESSED) {
        Some(digits) => (digits, true),
        None => (rest, false),
    };
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    let number = digits.parse().ok().filter(|_| is_number)?;
    Some(Place { number, compressed })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_a_log_are_told_from_others_and_ordered() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in [
            "a.log",
            "a.log.1",
            "a.log.2",
            "a.log.2.gz",
            "a.log.10.gz",
            "a.log.3.gz", // its own
            "a.log.index",
            "a.log.1.index",
            "a.log.0",
            "a.log.01",
            "a.log.+4",
            "a.log.4.gz.part",
            "a.log.x",
            "ba.log",
            "a.logs",
            "a.log.",
            "a.log.gz",
            "a.log.99999999999",
        ] {
            fs::write(folder.path().join(name), "").expect("a file");
        }
        let log = folder.path().join("a.log");
        let found: Vec<(u32, bool)> =
            all(&log).expect("a folder").into_iter().map(|place| (place.number, place.compressed)).collect();
        assert_eq!(found, [(0, false), (1, false), (2, false), (3, true), (10, true)]);
        assert_eq!(all(&folder.path().join("nosuch/a.log")).expect("nothing is there"), []);
    }

    #[test]
    fn an_index_has_the_name_of_what_its_log_was_before_it_was_compressed() {
        let log = Path::new("/l/a.log");
        assert_eq!(index(log, 0), Path::new("/l/a.log.index"));
        assert_eq!(index(log, 2), Path::new("/l/a.log.2.index"));
        assert_eq!(Place { number: 2, compressed: true }.path(log), Path::new("/l/a.log.2.gz"));
        assert_eq!(Place { number: 0, compressed: false }.path(log), log);
    }
}
