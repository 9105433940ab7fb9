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
    /// The offset of the last one of those.
    last: u64,
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
        (self.position, self.last, self.current) = (0, 0, None);
        self.cuts.clear();
        self.read.clear();
        let (mut end, mut least) = (self.count, Cut { before: self.count, from: u64::MAX });
        'blocks: while end > 0 {
            let start = end.saturating_sub(BLOCK);
            for (place, mark) in self.block(start, end)?.into_iter().rev() {
                if least.from == u64::MAX {
                    self.last = mark.offset;
                }
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

    /// Goes on to the mark that says whose the byte at `offset` is, and returns it; `None` if nobody knows.
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

    /// The mark that we are at.
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

    /// Takes in what was added to the index. If that says that the log was cut back before `read_to`, and has grown beyond it
    /// again unnoticed, tells where to go on reading.
    ///
    /// # Errors
    /// If the index cannot be read.
    pub fn refresh(&mut self, index: Option<Rc<File>>, line_start: u64, read_to: u64) -> io::Result<Option<u64>> {
        let is_other = self.index.is_none() && index.is_some();
        self.index = index;
        let count = self.whole()?;
        if is_other || count < self.count {
            self.seek(line_start)?;
            return Ok(None);
        }
        let (mut start, mut cut) = (self.count, None);
        while start < count {
            let end = count.min(start + BLOCK);
            for (_, mark) in self.block(start, end)? {
                if mark.offset < self.last {
                    cut = Some(cut.map_or(mark.offset, |least: u64| least.min(mark.offset)));
                }
                self.last = mark.offset;
            }
            start = end;
        }
        self.count = count;
        let Some(cut) = cut else { return Ok(None) };
        let back = (cut < read_to).then_some(cut);
        self.seek(line_start.min(cut))?;
        Ok(back)
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
