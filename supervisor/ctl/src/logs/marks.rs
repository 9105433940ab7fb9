//! The marks of one index, in the order of the text: read as far as they are needed, never all at once.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::rc::Rc;

use protocol::log_index::{LENGTH, Mark};

/// How many marks are read at a time.
const BLOCK: u64 = 256;
/// A log that was cut back more often than this under one index has no times before.
const MOST_CUTS: usize = 64;

/// The log was cut back here: somebody emptied it, and the index goes on.
#[derive(Clone, Copy, Debug)]
struct Cut {
    /// Marks before this one …
    before: u64,
    /// … say nothing about bytes from this offset on.
    from: u64,
}

/// A place in an index.
#[derive(Default)]
pub struct Marks {
    index: Option<Rc<File>>,
    /// How many marks there are, as far as we looked.
    count: u64,
    /// The last one of those that is whole, and its number.
    last: Option<(u64, Mark)>,
    cuts: Vec<Cut>,
    /// The next mark to be read.
    position: u64,
    read: VecDeque<Mark>,
    current: Option<Mark>,
}

impl Marks {
    /// At the mark that says whose the byte at `offset` is.
    ///
    /// # Errors
    /// If the index cannot be read.
    pub fn at(index: Option<Rc<File>>, offset: u64) -> io::Result<Self> {
        let mut marks = Self { index, ..Self::default() };
        marks.seek(offset)?;
        Ok(marks)
    }

    /// Goes to the mark that says whose the byte at `offset` is: from the index's end backwards, because what was written last is
    /// asked for most.
    ///
    /// # Errors
    /// If the index cannot be read.
    pub fn seek(&mut self, offset: u64) -> io::Result<()> {
        self.count = self.whole()?;
        (self.position, self.last, self.current) = (0, None, None);
        self.cuts.clear();
        self.read.clear();
        let (mut end, mut least) = (self.count, Cut { before: self.count, from: u64::MAX });
        'blocks: while end > 0 {
            let start = end.saturating_sub(BLOCK);
            for (place, mark) in self.block(start, end)?.into_iter().rev() {
                self.last.get_or_insert((place, mark));
                if mark.offset > least.from {
                    let is_known = self.cuts.last().is_some_and(|cut| cut.before == least.before);
                    if !is_known && self.cuts.len() == MOST_CUTS {
                        self.position = place + 1;
                        break 'blocks;
                    }
                    if !is_known {
                        self.cuts.push(least);
                    }
                } else if mark.offset < least.from {
                    least = Cut { before: place, from: mark.offset };
                    if mark.offset <= offset {
                        self.position = place;
                        break 'blocks;
                    }
                }
            }
            end = start;
        }
        self.advance(offset)
    }

    /// Goes on to the mark that says whose the byte at `offset` is.
    ///
    /// # Errors
    /// If the index cannot be read.
    pub fn advance(&mut self, offset: u64) -> io::Result<()> {
        while let Some(next) = self.peek()?.filter(|next| next.offset <= offset) {
            self.read.pop_front();
            self.current = Some(next);
        }
        Ok(())
    }

    /// The mark that we are at; `None` if nobody knows.
    pub fn current(&self) -> Option<Mark> {
        self.current
    }

    /// The mark after it.
    ///
    /// # Errors
    /// If the index cannot be read.
    pub fn peek(&mut self) -> io::Result<Option<Mark>> {
        while self.read.is_empty() && self.position < self.count {
            let end = self.count.min(self.position + BLOCK);
            let block = self.block(self.position, end)?;
            let cuts = &self.cuts;
            let holds = |place: u64, mark: &Mark| !cuts.iter().any(|cut| place < cut.before && mark.offset >= cut.from);
            self.read.extend(block.into_iter().filter(|(place, mark)| holds(*place, mark)).map(|(_, mark)| mark));
            self.position = end;
        }
        Ok(self.read.front().copied())
    }

    /// Takes in what was added to the index since the log's bytes before `had_read` were read. If that
    /// says that the log was cut back, and has grown again unnoticed, tells where to go on reading.
    ///
    /// # Errors
    /// If the index cannot be read.
    pub fn refresh(&mut self, index: Option<Rc<File>>, line_start: u64, had_read: u64) -> io::Result<Option<u64>> {
        let is_other = match (&self.index, &index) {
            (Some(ours), Some(found)) => !Rc::ptr_eq(ours, found),
            (ours, found) => ours.is_some() != found.is_some(),
        };
        self.index = index;
        let count = self.whole()?;
        if is_other || !self.still_holds(count)? {
            // One that began anew begins where its log was cut back to.
            let first = self.block(0, count.min(BLOCK))?.first().map(|(_, mark)| mark.offset);
            let back = first.filter(|first| self.last.is_some() && *first < had_read);
            self.seek(back.unwrap_or(line_start))?;
            return Ok(back);
        }
        let cut = self.take_in(count, had_read)?;
        let Some(cut) = cut else { return Ok(None) };
        self.seek(line_start.min(cut))?;
        Ok((cut < had_read).then_some(cut))
    }

    /// Whether the marks that we know are still there.
    fn still_holds(&self, count: u64) -> io::Result<bool> {
        let Some((place, last)) = self.last else { return Ok(count >= self.count) };
        let found = if place < count { self.block(place, place + 1)?.pop() } else { None };
        Ok(count >= self.count && found == Some((place, last)))
    }

    /// Looks through what was added; tells where the log was cut back to, if it was: a new mark is of new bytes.
    fn take_in(&mut self, count: u64, had_read: u64) -> io::Result<Option<u64>> {
        let (mut start, mut cut) = (self.count, None);
        while start < count {
            let end = count.min(start + BLOCK);
            for (place, mark) in self.block(start, end)? {
                if mark.offset < had_read || self.last.is_some_and(|(_, last)| mark.offset < last.offset) {
                    cut = Some(cut.map_or(mark.offset, |least: u64| least.min(mark.offset)));
                }
                self.last = Some((place, mark));
            }
            start = end;
        }
        self.count = count;
        Ok(cut)
    }

    /// Whether the index was removed: another one may be in its place.
    pub fn is_gone(&self) -> bool {
        self.index.as_ref().is_none_or(|index| index.metadata().is_ok_and(|found| found.nlink() == 0))
    }

    fn whole(&self) -> io::Result<u64> {
        let Some(index) = &self.index else { return Ok(0) };
        Ok(index.metadata()?.len() / LENGTH as u64)
    }

    /// Those of the marks with these numbers that are whole.
    fn block(&self, start: u64, end: u64) -> io::Result<Vec<(u64, Mark)>> {
        let Some(index) = &self.index else { return Ok(Vec::new()) };
        let mut bytes = vec![0; usize::try_from(end - start).unwrap_or(0) * LENGTH];
        let mut filled = 0;
        while filled < bytes.len() {
            match index.read_at(&mut bytes[filled..], start * LENGTH as u64 + filled as u64)? {
                0 => break,
                length => filled += length,
            }
        }
        let whole = bytes[..filled].chunks_exact(LENGTH).map(|bytes| bytes.try_into().ok().and_then(Mark::decode));
        Ok((start..).zip(whole).filter_map(|(place, mark)| Some((place, mark?))).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, Write};

    use proptest::prelude::*;

    use super::*;

    fn mark(offset: u64, run: u64) -> Mark {
        Mark { offset, run, ..Mark::default() }
    }

    /// An index with these offsets, of which some marks are torn; each mark is told from the others by its run.
    fn index(offsets: &[(u64, bool)]) -> (File, Vec<Mark>) {
        let mut file = tempfile::tempfile().expect("a file");
        let mut whole = Vec::new();
        for (run, (offset, is_torn)) in (1..).zip(offsets) {
            let mark = mark(*offset, run);
            let mut bytes = mark.encode();
            if *is_torn {
                bytes[LENGTH - 1] ^= 1;
            } else {
                whole.push(mark);
            }
            file.write_all(&bytes).expect("a file");
        }
        (file, whole)
    }

    /// Those that count, by the rule: of several with one offset the last, and a log that was cut back has lost what was behind.
    fn that_count(whole: &[Mark]) -> Vec<Mark> {
        let mut count: Vec<Mark> = Vec::new();
        for mark in whole {
            count.retain(|before| before.offset < mark.offset);
            count.push(*mark);
        }
        count
    }

    fn read_from(file: File, offset: u64) -> Vec<Mark> {
        let mut marks = Marks::at(Some(Rc::new(file)), offset).expect("a file");
        let mut found: Vec<Mark> = marks.current().into_iter().collect();
        while let Some(next) = marks.peek().expect("a file") {
            marks.advance(next.offset).expect("a file");
            found.extend(marks.current());
        }
        found
    }

    proptest! {
        #[test]
        fn from_any_offset_on_exactly_those_marks_are_found_that_count(
            steps in proptest::collection::vec((0_u64..4, proptest::bool::weighted(0.1)), 0..700),
            cuts in proptest::collection::vec((0_usize..700, 0_u64..900), 0..3),
            offset in 0_u64..1500,
        ) {
            let mut at = 0;
            let offsets: Vec<(u64, bool)> = steps.into_iter().enumerate().map(|(place, (step, is_torn))| {
                at = cuts.iter().find(|(cut, _)| *cut == place).map_or(at + step, |(_, to)| (*to).min(at));
                (at, is_torn)
            }).collect();
            let (file, whole) = index(&offsets);
            let count = that_count(&whole);
            let first = count.iter().rposition(|mark| mark.offset <= offset).unwrap_or(0);
            prop_assert_eq!(read_from(file, offset), &count[first..]);
        }

        #[test]
        fn any_bytes_are_an_index(bytes in proptest::collection::vec(any::<u8>(), 0..300), offset in any::<u64>()) {
            let mut file = tempfile::tempfile().expect("a file");
            file.write_all(&bytes).expect("a file");
            read_from(file, offset);
        }
    }

    #[test]
    fn what_is_added_is_taken_in_and_a_log_that_was_cut_back_unnoticed_is_noticed() {
        let (mut file, _) = index(&[(0, false), (10, false)]);
        let shared = Rc::new(file.try_clone().expect("a file"));
        let mut marks = Marks::at(Some(Rc::clone(&shared)), 12).expect("a file");
        assert_eq!((marks.current(), marks.peek().expect("a file")), (Some(mark(10, 2)), None));
        file.write_all(&mark(20, 3).encode()).expect("a file");
        assert_eq!(marks.refresh(Some(Rc::clone(&shared)), 12, 15).expect("a file"), None);
        assert_eq!(marks.peek().expect("a file"), Some(mark(20, 3)));
        file.write_all(&[mark(0, 4).encode(), mark(30, 5).encode()].concat()).expect("a file");
        assert_eq!(marks.refresh(Some(Rc::clone(&shared)), 25, 25).expect("a file"), Some(0));
        assert_eq!((marks.current(), marks.peek().expect("a file")), (Some(mark(0, 4)), Some(mark(30, 5))));
        file.set_len(0).expect("a file");
        assert_eq!(marks.refresh(Some(Rc::clone(&shared)), 0, 5).expect("a file"), None);
        assert_eq!((marks.current(), marks.peek().expect("a file")), (None, None));
        file.rewind().expect("a file");
        file.write_all(&mark(0, 6).encode()).expect("a file");
        assert_eq!(
            marks.refresh(Some(Rc::clone(&shared)), 0, 5).expect("a file"),
            Some(0),
            "of bytes that we had read"
        );
        file.set_len(0).expect("a file");
        file.rewind().expect("a file");
        file.write_all(&[mark(0, 7).encode(), mark(4, 8).encode()].concat()).expect("a file");
        assert_eq!(marks.refresh(Some(shared), 5, 5).expect("a file"), Some(0), "it is as long, and begins anew");
    }

    #[test]
    fn an_index_with_more_cuts_than_are_kept_is_known_from_some_place_on() {
        let offsets: Vec<(u64, bool)> = (0..200).flat_map(|_| [(0, false), (100, false)]).collect();
        let (file, whole) = index(&offsets);
        let found = read_from(file, 150);
        assert_eq!(found.last(), whole.last());
    }
}
