//! What the marks' clocks are worth. A clock that was not right is corrected by one that was, of the same boot.

use std::collections::HashMap;
use std::path::PathBuf;

use protocol::log_index::Mark;

use super::generation::Generation;
use super::marks::Marks;

/// So many boots are told apart; a hub that is started daily has as many in a decade.
const MOST_BOOTS: usize = 4096;

/// When something was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Time {
    /// In microseconds since 1970.
    pub us: i64,
    /// Whether the clock was right, or was put right since.
    pub sure: bool,
}

/// What is known of clocks.
pub struct Clocks {
    /// The logs whose indexes may tell.
    logs: Vec<PathBuf>,
    /// By boot: since how much uptime its clock was right, and the wall time at which it began. `None` until somebody asks.
    known: Option<HashMap<u64, Right>>,
    present: Box<dyn Fn() -> Option<(u64, i64)>>,
}

#[derive(Clone, Copy)]
struct Right {
    since_us: u64,
    began_us: i64,
}

impl Clocks {
    /// These logs' indexes may know what another one does not; `present` tells of this boot, and when it began in microseconds
    /// since 1970, while its clock is right.
    pub fn new(logs: Vec<PathBuf>, present: impl Fn() -> Option<(u64, i64)> + 'static) -> Self {
        Self { logs, known: None, present: Box::new(present) }
    }

    /// When the mark was made.
    pub fn time(&mut self, mark: &Mark) -> Time {
        if mark.clock_is_right {
            return Time { us: mark.wall_us, sure: true };
        }
        let uptime = i64::try_from(mark.uptime_us).unwrap_or(i64::MAX);
        match self.beginning(mark.boot) {
            Some(began_us) => Time { us: began_us.saturating_add(uptime), sure: true },
            None => Time { us: mark.wall_us, sure: false },
        }
    }

    /// When a boot began by the wall clock, if any clock of that boot was ever right.
    fn beginning(&mut self, boot: u64) -> Option<i64> {
        let logs = &self.logs;
        let known = self.known.get_or_insert_with(|| collect(logs));
        if let Some(right) = known.get(&boot) {
            return Some(right.began_us);
        }
        let began_us = (self.present)().filter(|(present, _)| *present == boot)?.1;
        known.insert(boot, Right { since_us: u64::MAX, began_us });
        Some(began_us)
    }
}

/// Reads all indexes once. The first mark of a boot whose clock was right is the nearest to those before it.
fn collect(logs: &[PathBuf]) -> HashMap<u64, Right> {
    let mut known = HashMap::new();
    for log in logs {
        // What cannot be read says nothing.
        let mut next = Generation::newest(log).ok().flatten();
        while let Some(generation) = next {
            if let Some(index) = generation.index() {
                drop(Marks::at(Some(index), 0).and_then(|marks| learn(marks, &mut known)));
            }
            next = generation.older().ok().flatten();
        }
    }
    known
}

fn learn(mut marks: Marks, known: &mut HashMap<u64, Right>) -> std::io::Result<()> {
    loop {
        if let Some(mark) = marks.current().filter(|mark| mark.clock_is_right) {
            let uptime = i64::try_from(mark.uptime_us).unwrap_or(i64::MAX);
            let right = Right { since_us: mark.uptime_us, began_us: mark.wall_us.saturating_sub(uptime) };
            let is_full = known.len() >= MOST_BOOTS;
            match known.get_mut(&mark.boot) {
                Some(before) if before.since_us > right.since_us => *before = right,
                None if !is_full => drop(known.insert(mark.boot, right)),
                _ => {}
            }
        }
        let Some(next) = marks.peek()? else { return Ok(()) };
        marks.advance(next.offset)?;
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const BOOT: u64 = 7;

    fn mark(boot: u64, uptime_us: u64, wall_us: i64, clock_is_right: bool) -> Mark {
        Mark { boot, uptime_us, wall_us, clock_is_right, ..Mark::default() }
    }

    fn times(marks: &[Mark], present: Option<(u64, i64)>, asked: &[Mark]) -> Vec<(i64, bool)> {
        let folder = tempfile::tempdir().expect("a folder");
        let log = folder.path().join("a.log");
        fs::write(&log, "").expect("a file");
        fs::write(folder.path().join("a.log.1"), "").expect("a file");
        // Half of them in what was put aside.
        let (old, new) = marks.split_at(marks.len() / 2);
        for (name, marks) in [("a.log.1.index", old), ("a.log.index", new)] {
            let bytes: Vec<u8> = marks.iter().flat_map(Mark::encode).collect();
            fs::write(folder.path().join(name), bytes).expect("a file");
        }
        let mut clocks = Clocks::new(vec![folder.path().join("nosuch.log"), log], move || present);
        asked.iter().map(|mark| clocks.time(mark)).map(|time| (time.us, time.sure)).collect()
    }

    #[test]
    fn a_right_clock_is_believed() {
        assert_eq!(times(&[], None, &[mark(BOOT, 5, 1000, true)]), [(1000, true)]);
    }

    #[test]
    fn a_wrong_clock_is_put_right_by_the_nearest_that_was_right_in_the_same_boot() {
        let known = [mark(8, 1, 77, true), mark(BOOT, 300, 1_000_900, true), mark(BOOT, 200, 1_000_200, true)];
        let asked = [mark(BOOT, 100, 5, false), mark(8, 2, 5, false), mark(9, 3, 5, false)];
        assert_eq!(times(&known, None, &asked), [(1_000_100, true), (78, true), (5, false)]);
    }

    #[test]
    fn this_boots_clock_will_do_if_it_is_right_by_now() {
        let asked = [mark(BOOT, 100, 5, false)];
        assert_eq!(times(&[], Some((BOOT, 1_000_000)), &asked), [(1_000_100, true)]);
        assert_eq!(times(&[], Some((8, 1_000_000)), &asked), [(5, false)]);
    }

    #[test]
    fn numbers_without_sense_do_no_harm() {
        let known = [mark(BOOT, u64::MAX, i64::MIN, true)];
        assert_eq!(times(&known, None, &[mark(BOOT, u64::MAX, 0, false)]).len(), 1);
    }
}
