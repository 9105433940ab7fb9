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
