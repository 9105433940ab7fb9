//! How far back to begin reading a log: found from its end, so that what is not shown is not read.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::rc::Rc;

use super::clocks::Clocks;
use super::generation::Generation;
use super::lines::Lines;
use super::marks::Marks;
use super::owners::Log;
use super::sieve::{Date, Sieve};

/// How much is looked at first, from the end backwards, in bytes; each further look takes twice as much.
const FIRST_BLOCK: u64 = 64 * 1024;
/// How much is read at a time when a line's beginning is looked for, in bytes.
const STEP: u64 = 16 * 1024;

/// The times of files lag behind the clock by as much, in microseconds: the kernel looks at it a hundred times a second.
const TICK_US: i64 = 10_000;

/// Where to begin.
#[derive(Default)]
pub struct Reach {
    /// What is to be read, the oldest first.
    pub parts: VecDeque<Part>,
    /// How many of the lines that are asked for come before those that are to be shown.
    pub skip: u64,
}

/// A part of a file that begins where a line does.
pub struct Part {
    /// The file.
    pub generation: Rc<Generation>,
    /// Where to begin.
    pub start: u64,
    /// Where to stop.
    pub end: u64,
}

/// What is asked for of a log.
pub struct Asked<'a> {
    /// The log.
    pub log: &'a Log,
    /// Which lines.
    pub sieve: &'a Sieve,
    /// How many of those, the last; all of them if `None`.
    pub last: Option<u64>,
    /// Whether to go on reading what is written from now on.
    pub follow: bool,
    /// Its app came while others were followed: a file without an index is shown if it came, too, and else from its end on.
    pub is_new: bool,
}

impl Asked<'_> {
    /// Where to begin.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn reach(&self, clocks: &mut Clocks) -> io::Result<Reach> {
        let mut reach = Reach::default();
        let mut next = Generation::newest(&self.log.path)?;
        let mut missing = self.last;
        while let Some(generation) = next {
            let end = generation.length()?.unwrap_or(u64::MAX);
            let since = self.since(&generation, clocks)?;
            let (from, is_all) = since.map_or((0, true), |since| (since.start, since.is_all));
            let (start, found) = match missing {
                Some(missing) => self.count_back(&generation, from.min(end), end, missing, clocks)?,
                None => (from.min(end), 0),
            };
            let last_end = if self.follow || !reach.parts.is_empty() { u64::MAX } else { end };
            reach.parts.push_front(Part { generation: Rc::clone(&generation), start, end: last_end });
            if let Some(missing) = &mut missing {
                reach.skip = found.saturating_sub(*missing);
                *missing = missing.saturating_sub(found);
            }
            if missing == Some(0) || !is_all {
                break;
            }
            next = generation.older()?;
        }
        Ok(reach)
    }

    /// Where to begin in this file so as to see at least `missing` of the lines between `from` and `end` that are asked for, and
    /// how many are seen from there; all of them if there are fewer.
    fn count_back(
        &self,
        generation: &Rc<Generation>,
        from: u64,
        end: u64,
        missing: u64,
        clocks: &mut Clocks,
    ) -> io::Result<(u64, u64)> {
        if missing == 0 {
            return Ok((end, 0));
        }
        let Some(file) = generation.plain() else { return Ok((0, self.count(generation, 0, end, clocks)?)) };
        let (mut start, mut found, mut block) = (end, 0, FIRST_BLOCK);
        while start > from && found < missing {
            let back = start.saturating_sub(block).max(from);
            block = block.saturating_mul(2);
            let Some(before) = (if back == from { Some(from) } else { line_after(file, back, start)? }) else {
                continue;
            };
            found += self.count(generation, before, start, clocks)?;
            start = before;
        }
        Ok((start, found))
    }

    fn count(&self, generation: &Rc<Generation>, start: u64, end: u64, clocks: &mut Clocks) -> io::Result<u64> {
        let mut lines = Lines::new(Rc::clone(generation), start, end)?;
        let mut found = 0;
        loop {
            let piece = match lines.next()? {
                Some(piece) => piece,
                None => match lines.rest()? {
                    Some(piece) => piece,
                    None => return Ok(found),
                },
            };
            if self.log.writer(piece.mark.as_ref()).is_some() {
                let date = Date::of(&piece, || generation.modified_us(), clocks);
                found += u64::from(self.sieve.lets_through(&piece.bytes, &date));
            }
        }
    }

    /// Where in this file what was written since then begins; `None` if it does not matter when.
    fn since(&self, generation: &Rc<Generation>, clocks: &mut Clocks) -> io::Result<Option<Since>> {
        let Some(since_us) = self.sieve.since_us else { return Ok(None) };
        let mut marks = Marks::at(generation.index(), 0)?;
        let Some(mut mark) = (match marks.current() {
            Some(mark) => Some(mark),
            None => marks.peek()?,
        }) else {
            let written_us = if self.is_new { generation.created_us() } else { Some(generation.modified_us()) };
            let is_all = written_us.is_some_and(|written_us| written_us.saturating_add(TICK_US) >= since_us);
            return Ok(Some(Since { start: if is_all { 0 } else { u64::MAX }, is_all }));
        };
        let is_all = clocks.time(&mark).us >= since_us;
        while !is_all && clocks.time(&mark).us < since_us {
            let Some(next) = marks.peek()? else { return Ok(Some(Since { start: u64::MAX, is_all })) };
            marks.advance(next.offset)?;
            mark = marks.current().unwrap_or(next);
        }
        let start = match generation.plain() {
            Some(file) if !is_all => line_start(file, mark.offset)?,
            _ => 0,
        };
        Ok(Some(Since { start, is_all }))
    }
}

struct Since {
    start: u64,
    /// All of the file was written since then, so there may be more in the one before.
    is_all: bool,
}

/// Where the first line begins at this byte or behind it, and before the end; `None` if none does.
fn line_after(file: &File, offset: u64, end: u64) -> io::Result<Option<u64>> {
    let mut at = offset.saturating_sub(1);
    let mut block = vec![0; usize::try_from(STEP).unwrap_or(0)];
    while at + 1 < end {
        let length = file.read_at(&mut block, at)?;
        if length == 0 {
            return Ok(None);
        }
        if let Some(newline) = block[..length].iter().position(|byte| *byte == b'\n') {
            return Ok(Some(at + newline as u64 + 1).filter(|start| *start < end));
        }
        at += length as u64;
    }
    Ok(None)
}

/// Where the line begins that this byte is in. Reads as far back as it takes, and keeps nothing.
fn line_start(file: &File, offset: u64) -> io::Result<u64> {
    let mut end = offset;
    let mut block = Vec::new();
    while end > 0 {
        let start = end.saturating_sub(STEP);
        block.resize(usize::try_from(end - start).unwrap_or(0), 0);
        match file.read_exact_at(&mut block, start) {
            Ok(()) => {}
            // It was emptied meanwhile.
            Err(why) if why.kind() == io::ErrorKind::UnexpectedEof => return Ok(0),
            Err(why) => return Err(why),
        }
        if let Some(newline) = block.iter().rposition(|byte| *byte == b'\n') {
            return Ok(start + newline as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}
