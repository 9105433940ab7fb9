//! What an index may say, whenever one looks.

use protocol::log_index::{LENGTH, Mark};

use super::super::when;
use super::*;

/// The marks of a log's file, by its number; all but a torn one at the end are whole.
pub fn of(log: &Path, number: u32) -> Vec<Mark> {
    let path = if number == 0 { log.to_owned() } else { rotation::numbered(log, number) };
    let bytes = fs::read(index::path(&path)).unwrap_or_default();
    bytes.chunks_exact(LENGTH).map(|mark| Mark::decode(mark.try_into().unwrap()).unwrap()).collect()
}

/// Nobody writes to this log now: its indexes tell of nothing that is not there, and of everything that is. Where lines are raw and
/// begin with their worker's name, they are those of the marked run.
pub fn are_true(log: &Path, raw: bool) {
    let numbers: Vec<u32> = rotation::aside(log).into_iter().map(|aside| aside.number).collect();
    for number in [0].into_iter().chain(numbers) {
        let (marks, bytes) = (of(log, number), bytes_of(log, number));
        if number > 0 && marks.is_empty() {
            continue; // a kill came between the two renames, and the next pump puts that right
        }
        // The log was just put aside and its index was not yet.
        if number == 0 && bytes.is_empty() {
            continue;
        }
        assert_eq!(marks.first().map(|mark| mark.offset), Some(0), "{number} {}", log.display());
        for mark in &marks {
            assert!(mark.offset <= bytes.len() as u64, "{mark:?} of {number}, which has {} bytes", bytes.len());
            assert!(mark.wall_us <= when::wall_us() && mark.boot == when::boot(), "{mark:?}");
            assert!((mark.app == 3) == (mark.run != 0), "{mark:?}");
        }
        for pair in marks.windows(2) {
            assert!(pair[0].offset <= pair[1].offset && pair[0].uptime_us <= pair[1].uptime_us, "{pair:?}");
        }
        if raw {
            are_of_the_marked_run(&marks, &bytes);
        }
    }
}

fn are_of_the_marked_run(marks: &[Mark], bytes: &[u8]) {
    let mut start = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n').filter(|line| line.contains(&b' ')) {
        let mark = marks.iter().rfind(|mark| mark.offset <= start).unwrap();
        let name = if mark.run == 1 { b'a' } else { b'b' };
        assert_eq!(line[0], name, "{:?} at {start} in {mark:?}", String::from_utf8_lossy(line));
        start += line.len() as u64;
    }
}
