//! All that is kept of a log: the file, and what was put aside of it, compressed or not.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;

/// The bytes of a log, the oldest first. While it is written to, what is put aside in between may be missed or seen twice.
///
/// # Errors
/// If its folder cannot be read, or a file of it went away while it was read.
pub fn bytes(log: &Path) -> io::Result<Vec<u8>> {
    let mut all = Vec::new();
    for (_, file) in files(log)?.into_iter().rev() {
        match file.extension().is_some_and(|ending| ending == "gz") {
            true => GzDecoder::new(File::open(file)?).read_to_end(&mut all)?,
            false => File::open(file)?.read_to_end(&mut all)?,
        };
    }
    Ok(all)
}

/// The files of a log by number; the one that is written to is 0. Of one that was just compressed, either.
///
/// # Errors
/// If its folder cannot be read.
pub fn files(log: &Path) -> io::Result<BTreeMap<u32, PathBuf>> {
    let (folder, name) = (log.parent().unwrap_or(Path::new(".")), log.file_name().unwrap_or_default());
    let number = |file: &Path| {
        let rest = file.file_name()?.to_str()?.strip_prefix(name.to_str()?)?;
        match rest.strip_suffix(".gz").unwrap_or(rest) {
            "" => Some(0),
            rest => rest.strip_prefix('.')?.parse().ok(),
        }
    };
    let entries = std::fs::read_dir(folder)?.filter_map(Result::ok).map(|entry| entry.path());
    Ok(entries.filter_map(|file| Some((number(&file)?, file))).collect())
}
