//! The lines of one log, through all of its files, each with its time and its writer.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::path::Path;
use std::rc::Rc;

use jiff::Timestamp;

use super::clocks::{Clocks, Time};
use super::generation::Generation;
use super::lines::{Lines, Piece};
use super::owners::{Log, Writer};
use super::reach::{Part, Reach};
use super::sieve::{Date, Sieve};

/// A line to be shown.
pub struct Line {
    /// Its bytes, with its end if it has one.
    pub bytes: Vec<u8>,
    /// When it was written; `None` if nobody knows.
    pub time: Option<Time>,
    /// Where it belongs among the lines of other logs, in microseconds since 1970.
    pub order_us: i64,
    /// Who wrote it.
    pub writer: Rc<Writer>,
    /// The run that wrote it.
    pub run: Option<u64>,
    /// The line is too long, and the next one goes on with it.
    pub is_cut: bool,
}

/// One log that is read.
pub struct Stream {
    log: Log,
    parts: VecDeque<Part>,
    lines: Option<Lines>,
    skip: u64,
    follow: bool,
    peak: Peak,
    /// Whose lines those of an app and output are; `None` for those that are not asked for.
    writers: HashMap<Option<(u16, bool)>, Option<Rc<Writer>>>,
    /// What could not be read.
    broken: Option<String>,
    /// What was removed before it was read.
    lost: Option<String>,
}

/// The latest times so far. Within a stream time never goes back; but a clock that nobody knows to be right holds up none that is.
struct Peak {
    sure_us: i64,
    any_us: i64,
}

impl Peak {
    fn date(&mut self, date: Date, is_marked: bool) -> (Option<Time>, i64) {
        let us = match date.time {
            Some(time) if time.sure && is_marked => {
                self.sure_us = self.sure_us.max(time.us);
                self.sure_us
            }
            Some(time) => time.us.max(self.any_us),
            None => return (None, date.at_latest_us.max(self.sure_us)),
        };
        self.any_us = self.any_us.max(us);
        (date.time.map(|time| Time { us, ..time }), us)
    }
}

impl Stream {
    /// The log from where it is to begin on.
    pub fn new(log: Log, reach: Reach, follow: bool) -> Self {
        let peak = Peak { sure_us: i64::MIN, any_us: i64::MIN };
        let (parts, skip) = (reach.parts, reach.skip);
        Self { log, parts, lines: None, skip, follow, peak, writers: HashMap::new(), broken: None, lost: None }
    }

    /// The log.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Others write to it now.
    pub fn set_owners(&mut self, log: Log) {
        self.log = log;
        self.writers.clear();
    }

    /// What could not be read, once.
    pub fn take_broken(&mut self) -> Option<String> {
        self.broken.take()
    }

    /// What was removed before it was read, once.
    pub fn take_lost(&mut self) -> Option<String> {
        self.lost.take()
    }

    /// The next line that is asked for; `None` if there is none, or none yet.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn next(&mut self, sieve: &Sieve, clocks: &mut Clocks) -> io::Result<Option<Line>> {
        while let Some(piece) = self.next_piece()? {
            if let Some(line) = self.dress(piece, sieve, clocks) {
                return Ok(Some(line));
            }
        }
        Ok(None)
    }

    fn dress(&mut self, piece: Piece, sieve: &Sieve, clocks: &mut Clocks) -> Option<Line> {
        let generation = self.lines.as_ref().map(|lines| Rc::clone(lines.generation()));
        let modified_us = || generation.as_ref().map_or(i64::MIN, |generation| generation.modified_us());
        let date = Date::of(&piece, modified_us, clocks);
        // Also of a line that is not shown: the time does not go back behind it.
        let (time, order_us) = self.peak.date(date, piece.mark.is_some());
        let key = piece.mark.map(|mark| (mark.app, mark.error));
        let writer = self.writers.entry(key).or_insert_with(|| self.log.writer(piece.mark.as_ref()).map(Rc::new));
        let writer = Rc::clone(writer.as_ref()?);
        if !sieve.lets_through(&piece.bytes, &date) {
            return None;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return None;
        }
        let run = piece.mark.map(|mark| mark.run).filter(|run| *run > 0);
        Some(Line { bytes: piece.bytes, time, order_us, writer, run, is_cut: piece.is_cut })
    }

    fn next_piece(&mut self) -> io::Result<Option<Piece>> {
        loop {
            let Some(lines) = &mut self.lines else {
                if !self.begin_part()? {
                    return Ok(None);
                }
                continue;
            };
            if let Some(piece) = lines.next()? {
                return Ok(Some(piece));
            }
            let is_last = self.parts.is_empty();
            if is_last && self.follow {
                let Some(newer) = lines.generation().newer()? else { return Ok(None) };
                // Nothing is written to ours any more, but something may have been since we looked.
                if let Some(piece) = lines.next()? {
                    return Ok(Some(piece));
                }
                if newer.may_follow_others {
                    self.lost = Some(lost(&self.log.path, lines.generation().modified_us()));
                }
                self.parts.push_back(Part { generation: newer.generation, start: 0, end: u64::MAX });
            }
            if let Some(piece) = lines.rest()? {
                return Ok(Some(piece));
            }
            let (path, broken) = (lines.generation().path(), lines.take_broken());
            self.broken = broken.map(|why| format!("{}: {why}: the rest of it is not shown", path.display()));
            self.lines = None;
        }
    }

    /// Goes on with the next file; whether there is one.
    fn begin_part(&mut self) -> io::Result<bool> {
        if self.parts.is_empty() && self.follow {
            let first = Generation::newest(&self.log.path)?;
            self.parts.extend(first.map(|generation| Part { generation, start: 0, end: u64::MAX }));
        }
        let Some(part) = self.parts.pop_front() else { return Ok(false) };
        self.lines = Some(Lines::new(part.generation, part.start, part.end)?);
        Ok(true)
    }
}

fn lost(log: &Path, since_us: i64) -> String {
    let since = Timestamp::from_microsecond(since_us).unwrap_or(Timestamp::UNIX_EPOCH);
    format!(
        "{}: it was put aside and removed faster than it could be shown: lines since {since:.3} may be missing here; \
         log_keep and log_max_size say how much is kept",
        log.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_does_not_go_back_but_a_wrong_clock_holds_up_no_right_one() {
        const SURE: (bool, bool) = (true, true);
        const UNSURE: (bool, bool) = (false, true);
        const OF_THE_FILE: (bool, bool) = (true, false);
        let mut peak = Peak { sure_us: i64::MIN, any_us: i64::MIN };
        for (us, (sure, is_marked), expected) in [
            (5, UNSURE, 5),
            (3, UNSURE, 5),
            (10, SURE, 10),
            (8, SURE, 10),
            (2, UNSURE, 10),
            (99, UNSURE, 99),
            (50, UNSURE, 99),
            (20, SURE, 20),
            (77, OF_THE_FILE, 99),
            (21, SURE, 21),
        ] {
            let date = Date { time: Some(Time { us, sure }), at_latest_us: us };
            assert_eq!(peak.date(date, is_marked), (Some(Time { us: expected, sure }), expected), "{us}");
        }
        let unknown = |at_latest_us| Date { time: None, at_latest_us };
        assert_eq!(peak.date(unknown(5), false), (None, 21));
        assert_eq!(peak.date(unknown(500), false), (None, 500));
        let date = Date { time: Some(Time { us: 22, sure: true }), at_latest_us: 22 };
        assert_eq!(peak.date(date, true).1, 22);
    }
}
