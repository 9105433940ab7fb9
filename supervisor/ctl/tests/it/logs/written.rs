//! Logs with what lies beside them, as their writer leaves them.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use protocol::log_index::Mark;

use super::append;

/// 2026-11-25T08:00:00Z, in microseconds since 1970.
const EIGHT_US: i64 = 1_795_593_600_000_000;
const SECOND_US: i64 = 1_000_000;

/// A log that is being written.
pub struct Log {
    pub path: PathBuf,
    /// What the next marks say, apart from place and time.
    pub mark: Mark,
}

impl Log {
    /// Of the app with this number.
    pub fn of(app: u16, path: &Path) -> Self {
        let mark = Mark { app, run: 7, boot: 1, clock_is_right: true, ..Mark::default() };
        Self { path: path.to_owned(), mark }
    }

    /// So many seconds after eight o'clock.
    pub fn say(&mut self, second: i64, text: &str) {
        let offset = fs::metadata(&self.path).map_or(0, |found| found.len());
        let mark = Mark { offset, wall_us: EIGHT_US + second * SECOND_US, ..self.mark };
        let index = OpenOptions::new().create(true).append(true).open(beside(&self.path, ".index"));
        index.and_then(|mut index| index.write_all(&mark.encode())).expect("the index can be written");
        append(&self.path, text);
    }

    /// As rotation does.
    pub fn put_aside(&self) {
        for number in (0..9).rev() {
            let name = |number: u32| if number == 0 { String::new() } else { format!(".{number}") };
            for ending in ["", ".gz", ".index"] {
                let from = beside(&self.path, &format!("{}{ending}", name(number)));
                if from.exists() {
                    fs::rename(from, beside(&self.path, &format!("{}{ending}", name(number + 1)))).expect("ours");
                }
            }
        }
    }

    /// As rotation does with the oldest.
    pub fn remove(&self, number: u32) {
        for ending in [".index", "", ".gz"] {
            // Not all of them are there.
            drop(fs::remove_file(beside(&self.path, &format!(".{number}{ending}"))));
        }
    }
}

/// Compresses one that was put aside.
pub fn compress(log: &Path, number: u32) {
    let plain = beside(log, &format!(".{number}"));
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&fs::read(&plain).expect("it is there")).expect("memory");
    fs::write(beside(log, &format!(".{number}.gz")), encoder.finish().expect("memory")).expect("ours");
    fs::remove_file(plain).expect("ours");
}

fn beside(log: &Path, ending: &str) -> PathBuf {
    let mut name = log.as_os_str().to_owned();
    name.push(ending);
    name.into()
}
