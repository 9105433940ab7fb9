//! Logs as they may have been written, and what is in them.

use std::fs::{File, FileTimes};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use protocol::log_index::Mark;

use crate::logs::place::{self, Place};

/// When everything begins, in microseconds since 1970.
pub const BEGINNING_US: i64 = 1_795_593_600_000_000;

/// Some lines that came together.
#[derive(Clone, Debug)]
pub struct Batch {
    /// How long after the one before it, in microseconds.
    after_us: i64,
    lines: usize,
    /// What comes next goes to another file.
    is_put_aside: bool,
}

/// One log.
#[derive(Clone, Debug)]
pub struct Written {
    batches: Vec<Batch>,
    /// So many batches were written before there was an index.
    unmarked: usize,
    /// The last line has no end.
    is_open: bool,
    /// Each file but the newest two is compressed, and numbers are missing.
    is_compressed: bool,
}

/// A line that is in a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    pub text: String,
    /// Whether its time is known.
    pub is_known: bool,
    /// When it was written at the latest, in microseconds since 1970.
    pub at_latest_us: i64,
}

#[derive(Default)]
struct Part {
    text: Vec<u8>,
    marks: Vec<Mark>,
    lines: Vec<Expected>,
    modified_us: i64,
}

pub fn written() -> impl Strategy<Value = Written> {
    let batch = (0_i64..50, 0_usize..4, proptest::bool::weighted(0.2))
        .prop_map(|(after_us, lines, is_put_aside)| Batch { after_us, lines, is_put_aside });
    (proptest::collection::vec(batch, 0..20), 0_usize..4, any::<bool>(), any::<bool>())
        .prop_map(|(batches, unmarked, is_open, is_compressed)| Written { batches, unmarked, is_open, is_compressed })
}

impl Written {
    /// Writes its files, and says what is in them.
    pub fn write(&self, folder: &Path, name: &str) -> Vec<Expected> {
        let mut parts = self.parts(name);
        if self.is_open
            && let Some(part) = parts.iter_mut().rev().find(|part| !part.lines.is_empty())
        {
            part.text.pop();
            part.lines.last_mut().expect("not empty").text.pop();
        }
        for (newer, part) in (0..).zip(parts.iter().rev()) {
            self.store(part, &folder.join(format!("{name}.log")), newer);
        }
        parts.into_iter().flat_map(|part| part.lines).collect()
    }

    fn parts(&self, name: &str) -> Vec<Part> {
        let mut parts = vec![Part { modified_us: BEGINNING_US, ..Part::default() }];
        let (mut now_us, mut count) = (BEGINNING_US, 0);
        for (number, batch) in self.batches.iter().enumerate() {
            now_us += batch.after_us;
            let part = parts.last_mut().expect("one at least");
            part.modified_us = now_us;
            let is_known = number >= self.unmarked;
            if is_known {
                let offset = part.text.len() as u64;
                part.marks.push(Mark { offset, wall_us: now_us, clock_is_right: true, ..Mark::default() });
            }
            for _ in 0..batch.lines {
                let text = format!("{name} {count}\n");
                part.text.extend_from_slice(text.as_bytes());
                part.lines.push(Expected { text, is_known, at_latest_us: now_us });
                count += 1;
            }
            if batch.is_put_aside {
                parts.push(Part { modified_us: now_us, ..Part::default() });
            }
        }
        parts.iter_mut().for_each(Part::say_what_can_be_known);
        parts
    }

    /// `newer` is how many files were begun later.
    fn store(&self, part: &Part, log: &Path, newer: u32) {
        let compressed = self.is_compressed && newer > 1;
        let number = if compressed { 2 * newer } else { newer };
        let mut file = File::create(Place { number, compressed }.path(log)).expect("a file");
        if compressed {
            let mut encoder = GzEncoder::new(&mut file, Compression::fast());
            encoder.write_all(&part.text).and_then(|()| encoder.finish().map(drop)).expect("a file");
        } else {
            file.write_all(&part.text).expect("a file");
        }
        let modified = Duration::from_micros(part.modified_us.cast_unsigned());
        file.set_times(FileTimes::new().set_modified(UNIX_EPOCH + modified)).expect("ours");
        if !part.marks.is_empty() {
            let index: Vec<u8> = part.marks.iter().flat_map(Mark::encode).collect();
            std::fs::write(place::index(log, number), index).expect("a file");
        }
    }
}

impl Part {
    /// What was written before the first mark was written before that. Where there is no mark, the file's own time is all.
    fn say_what_can_be_known(&mut self) {
        let at_latest_us = self.marks.first().map_or(self.modified_us, |first| first.wall_us);
        for line in self.lines.iter_mut().filter(|line| !line.is_known) {
            line.at_latest_us = at_latest_us;
        }
        if let Some(last) = self.lines.last_mut().filter(|_| self.marks.is_empty()) {
            last.is_known = true;
        }
    }
}
