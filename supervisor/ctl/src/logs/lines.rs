//! Cuts one file of a log into lines, each with the mark that says when and by whom it was begun.

use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::rc::Rc;

use protocol::log_index::Mark;

use super::generation::{Generation, Text};
use super::marks::Marks;

/// How much is read at a time, in bytes.
const CHUNK: usize = 32 * 1024;
/// A line that grows longer than this is shown in pieces, in bytes; up to three fewer where that would cut a character.
pub const LONGEST_LINE: usize = 1 << 20;
/// How many bytes of a character come after its first one, at most.
const REST_OF_CHARACTER: usize = 3;

/// So many of the bytes that were read last are remembered, to see whether they are still there.
const REMEMBERED: usize = 64;

/// A line as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Its bytes, with its end if it has one.
    pub bytes: Vec<u8>,
    /// When and by whom it was begun; `None` if nobody knows.
    pub mark: Option<Mark>,
    /// The next that is known, if nothing is known of this line.
    pub next: Option<Mark>,
    /// Nothing is known of the whole file, and this is the last line of it.
    pub last_of_unknown: bool,
    /// The line is too long, and the next piece goes on with it.
    pub is_cut: bool,
}

/// Reads the lines of one file.
///
/// A line ends with its newline, or where another writer's bytes begin: instances that share a file may have cut into each
/// other's lines. A newline that another writer begins with ends the line before it.
pub struct Lines {
    generation: Rc<Generation>,
    text: Text,
    marks: Marks,
    /// Where to stop.
    end: u64,
    /// What was read and not yet given out: the line that is being read, and what follows it.
    buffer: Vec<u8>,
    /// Where in the buffer the line begins.
    start: usize,
    /// How much of the line was looked at and did not end it.
    scanned: usize,
    /// Where in the file the line begins.
    offset: u64,
    /// Whose the line is; `None` until its first byte is there.
    begun: Option<Option<Mark>>,
    broken: Option<io::Error>,
    /// The last bytes that were read.
    tail: Vec<u8>,
    /// At the end of what there was: the last bytes before it.
    end_seen: Option<Vec<u8>>,
    /// Whether the index may be there by now, if it was not.
    look_for_index: bool,
}

impl Lines {
    /// The lines from the offset on, where one must begin, to the end; a compressed file's are all read.
    ///
    /// # Errors
    /// If the index cannot be read.
    pub fn new(generation: Rc<Generation>, offset: u64, end: u64) -> io::Result<Self> {
        let text = generation.text();
        let offset = if matches!(text, Text::Plain(_)) { offset } else { 0 };
        let marks = Marks::at(generation.index(), offset)?;
        let (buffer, start, scanned, begun, broken, end_seen) = (Vec::new(), 0, 0, None, None, None);
        Ok(Self {
            generation,
            text,
            marks,
            end,
            buffer,
            start,
            scanned,
            offset,
            begun,
            broken,
            tail: Vec::new(),
            end_seen,
            look_for_index: true,
        })
    }

    /// The file.
    pub fn generation(&self) -> &Rc<Generation> {
        &self.generation
    }

    /// Why a compressed file could not be read to its end, once.
    pub fn take_broken(&mut self) -> Option<io::Error> {
        self.broken.take()
    }

    /// The next line, if its end is there.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn next(&mut self) -> io::Result<Option<Piece>> {
        loop {
            if let Some(length) = self.scan()? {
                return self.take(length, false).map(Some);
            }
            if self.buffer.len() - self.start > LONGEST_LINE {
                return self.take(cut(&self.buffer[self.start..]), true).map(Some);
            }
            if !self.fill()? {
                return Ok(None);
            }
        }
    }

    /// What is left, a line whose end was never written.
    ///
    /// # Errors
    /// If the index cannot be read.
    pub fn rest(&mut self) -> io::Result<Option<Piece>> {
        match self.buffer.len() - self.start {
            0 => Ok(None),
            length => self.take(length, false).map(Some),
        }
    }

    /// How long the line is, if its end was read.
    fn scan(&mut self) -> io::Result<Option<usize>> {
        let length = self.buffer.len() - self.start;
        if length == 0 {
            return Ok(None);
        }
        let begun = match self.begun {
            Some(begun) => begun,
            None => {
                self.marks.advance(self.offset)?;
                *self.begun.insert(self.marks.current())
            }
        };
        loop {
            let edge = self.marks.peek()?.map(|mark| index(mark.offset.saturating_sub(self.offset)));
            let upto = edge.unwrap_or(length).min(length);
            let line = &self.buffer[self.start..];
            let newline = line.get(self.scanned..upto).and_then(|part| part.iter().position(|byte| *byte == b'\n'));
            if let Some(newline) = newline {
                return Ok(Some(self.scanned + newline + 1));
            }
            self.scanned = self.scanned.max(upto);
            // Only the next byte tells whether it ends this line or begins another one.
            let Some(edge) = edge.filter(|edge| *edge < length) else { break };
            let ends_line = line[edge] == b'\n';
            self.marks.advance(self.offset + edge as u64)?;
            if is_anothers(begun, self.marks.current()) {
                return Ok(Some(if ends_line { edge + 1 } else { edge }).filter(|length| *length > 0));
            }
        }
        Ok(None)
    }

    fn take(&mut self, length: usize, is_cut: bool) -> io::Result<Piece> {
        let bytes = self.buffer[self.start..self.start + length].to_vec();
        let mark = self.begun.take().flatten();
        self.start += length;
        self.offset += length as u64;
        self.scanned = 0;
        let next = if mark.is_none() { self.marks.peek()? } else { None };
        let is_unknown = mark.is_none() && next.is_none();
        let last_of_unknown = is_unknown && self.start == self.buffer.len() && !self.fill()?;
        Ok(Piece { bytes, mark, next, last_of_unknown, is_cut })
    }

    /// Reads on; whether anything came.
    fn fill(&mut self) -> io::Result<bool> {
        self.buffer.drain(..self.start);
        self.start = 0;
        self.begin_anew_if_replaced()?;
        let kept = self.buffer.len();
        let most = index(self.end.saturating_sub(self.offset + kept as u64)).min(CHUNK);
        self.buffer.resize(kept + most, 0);
        let length = self.read(kept);
        self.buffer.truncate(kept + *length.as_ref().unwrap_or(&0));
        match length? {
            0 => {
                self.look_for_index = true;
                // As they were read: what is there now may be others' by now.
                self.end_seen = match self.tail.is_empty() {
                    true => self.bytes_before(self.offset + kept as u64, REMEMBERED)?,
                    false => self.generation.plain().map(|_| self.tail.clone()),
                };
                Ok(false)
            }
            length => {
                let forgotten = length.saturating_sub(REMEMBERED);
                self.tail.extend_from_slice(&self.buffer[kept + forgotten..]);
                self.tail.drain(..self.tail.len().saturating_sub(REMEMBERED));
                self.take_in_marks(self.offset + kept as u64).map(|()| true)
            }
        }
    }

    fn read(&mut self, kept: usize) -> io::Result<usize> {
        let to = &mut self.buffer[kept..];
        match &mut self.text {
            Text::Plain(file) => file.read_at(to, self.offset + kept as u64),
            Text::Compressed(text) => Ok(text.read(to).unwrap_or_else(|why| {
                self.broken = Some(why);
                self.end = 0;
                0
            })),
        }
    }

    /// A mark is written before its bytes: those of the bytes that we have just read are all there.
    fn take_in_marks(&mut self, had_read: u64) -> io::Result<()> {
        if std::mem::take(&mut self.look_for_index) && self.marks.is_gone() {
            self.generation.open_index()?;
        }
        let Some(back) = self.marks.refresh(self.generation.index(), self.offset, had_read)? else { return Ok(()) };
        if self.generation.plain().is_none() {
            return Ok(());
        }
        if self.generation.number().is_none() {
            // Its index was left behind, and is its successor's by now.
            self.generation.forget_index();
            self.marks = Marks::default();
            return Ok(());
        }
        // It was emptied and has grown beyond where we were: what we have just read is from the middle of what is new.
        self.begin_at(back);
        Ok(())
    }

    /// Somebody may have emptied the file since we came to its end; it may even be as long as it was, or longer.
    fn begin_anew_if_replaced(&mut self) -> io::Result<()> {
        let Some(seen) = self.end_seen.take() else { return Ok(()) };
        let read_to = self.offset + self.buffer.len() as u64;
        if self.bytes_before(read_to, seen.len())?.is_some_and(|found| found != seen) {
            self.begin_at(0);
            self.marks.seek(0)?;
        }
        Ok(())
    }

    /// The last bytes before an offset, fewer if there are not so many; `None` of a file that stays as it is.
    fn bytes_before(&self, offset: u64, most: usize) -> io::Result<Option<Vec<u8>>> {
        let Some(file) = self.generation.plain() else { return Ok(None) };
        let start = offset.saturating_sub(most as u64);
        let mut bytes = vec![0; index(offset - start)];
        let length = file.read_at(&mut bytes, start)?;
        bytes.truncate(length);
        Ok(Some(bytes))
    }

    fn begin_at(&mut self, offset: u64) {
        self.buffer.clear();
        self.tail.clear();
        (self.offset, self.scanned, self.begun) = (offset, 0, None);
    }
}

/// Where to cut a line that is longer than is shown in one piece: not within a character, if it is text.
fn cut(line: &[u8]) -> usize {
    let begins = |at: &usize| line.get(*at).is_some_and(|byte| byte & 0b1100_0000 != 0b1000_0000);
    (LONGEST_LINE - REST_OF_CHARACTER..=LONGEST_LINE).rev().find(begins).unwrap_or(LONGEST_LINE)
}

fn is_anothers(begun: Option<Mark>, now: Option<Mark>) -> bool {
    let writer = |mark: Mark| (mark.app, mark.error, mark.run);
    matches!((begun.map(writer), now.map(writer)), (Some(one), Some(other)) if one != other)
}

fn index(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}
