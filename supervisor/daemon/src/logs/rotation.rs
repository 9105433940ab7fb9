//! Puts a full log file aside: `a.log` becomes `a.log.1`, what was `.1` becomes `.2`, and the oldest goes.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// How many old files are kept beside the one being written.
pub const KEPT: u32 = 5;

/// How many bytes a log may take, with all that was put aside: each file as many as its limit and an open line.
#[cfg(test)]
pub const fn budget(limit: u64) -> u64 {
    (KEPT as u64 + 1) * limit.saturating_add(super::LONGEST_OPEN_LINE)
}

/// Renames from the oldest to the newest, so that a kill in between leaves a gap and nothing lost; only up to the first gap,
/// which takes what is pushed on.
pub fn put_aside(path: &Path) -> io::Result<()> {
    let last = (1..=KEPT).find(|&number| !numbered(path, number).exists()).unwrap_or(KEPT);
    for number in (1..last).rev() {
        fs::rename(numbered(path, number), numbered(path, number + 1))?;
    }
    fs::rename(path, numbered(path, 1))
}

/// Removes all that were put aside.
pub fn remove_aside(path: &Path) -> io::Result<()> {
    for number in 1..=KEPT {
        match fs::remove_file(numbered(path, number)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Bytes of all that were put aside.
pub fn bytes_aside(path: &Path) -> u64 {
    (1..=KEPT).filter_map(|number| fs::metadata(numbered(path, number)).ok()).map(|found| found.len()).sum()
}

fn numbered(path: &Path, number: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number}"));
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_move_up_by_one_the_oldest_goes_and_a_gap_is_filled() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        let read = |number: u32| fs::read_to_string(numbered(&path, number)).ok();
        for round in 1..=7 {
            fs::write(&path, round.to_string()).unwrap();
            put_aside(&path).unwrap();
        }
        let expected: Vec<Option<String>> = ["7", "6", "5", "4", "3"].map(|text| Some(text.to_owned())).into();
        assert_eq!((1..=KEPT).map(read).collect::<Vec<_>>(), expected);
        assert_eq!(read(6), None);
        fs::remove_file(numbered(&path, 2)).unwrap();
        fs::write(&path, "8").unwrap();
        put_aside(&path).unwrap();
        let expected: Vec<Option<String>> = ["8", "7", "5", "4", "3"].map(|text| Some(text.to_owned())).into();
        assert_eq!((1..=KEPT).map(read).collect::<Vec<_>>(), expected);
    }
}
