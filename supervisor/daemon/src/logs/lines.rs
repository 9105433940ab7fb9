//! One stream that goes line by line: out of the pipe into the spool, and from there as lines into the log, in another form or as
//! they are. Memory holds a copy of what waits in the spool, never the only one. While the log cannot be written, the newest
//! lines wait there; what is too much is counted as lost.

use jiff::Timestamp;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use super::append::Batch;
use super::arrivals::Arrivals;
use super::file::LogFile;
use super::formatter::Formatter;
use super::journal::{Journal, Note};
use super::outlet::Kind;
use super::spool::Spool;
use super::{CHUNK, Moved};

/// With so many bytes that wait for the end of somebody else's line, that line is ended for it.
const MOST_PATIENT: usize = 4 * CHUNK;

pub struct Lines {
    folder: PathBuf,
    run: u64,
    kind: Kind,
    formatter: Formatter,
    /// `None` while it cannot be had.
    spool: Option<Spool>,
    /// What waits in the spool.
    waiting: Vec<u8>,
    arrivals: Arrivals,
    /// No line ends within so many bytes of it.
    searched: usize,
    /// The log ends in a line that what waits goes on with.
    joins: bool,
    /// The log could not be written when that was last tried.
    held: bool,
    /// Somebody else's line is to be ended first.
    blocked: bool,
}

impl Lines {
    pub fn new(folder: PathBuf, run: u64, kind: Kind, formatter: Formatter) -> Self {
        let (waiting, arrivals) = (Vec::new(), Arrivals::default());
        let (joins, held, blocked) = (false, false, false);
        let mut lines =
            Self { folder, run, kind, formatter, spool: None, waiting, arrivals, searched: 0, joins, held, blocked };
        let _ = lines.spool(); // tried again when there is something to keep
        lines
    }

    pub fn set_formatter(&mut self, formatter: Formatter) {
        self.formatter = formatter;
    }

    /// What comes next goes on with the line that the log ends in, or does not.
    pub const fn join(&mut self, joins: bool) {
        self.joins = joins;
    }

    /// Whether what comes next goes on with the line that the log ends in: others may have ended that, or begun another.
    pub fn joins(&self, log: &mut LogFile) -> bool {
        self.joins && log.has_begun_a_line() == Some((self.run, self.kind))
    }

    /// What came out of the pipe and is not in the log yet.
    pub fn waiting(&self) -> &[u8] {
        &self.waiting
    }

    /// Whether lines wait because the log cannot be written.
    pub const fn is_held(&self) -> bool {
        self.held
    }

    /// Whether whole lines wait for the end of somebody else's line.
    pub const fn is_blocked(&self) -> bool {
        self.blocked
    }

    /// Moves a chunk out of the pipe; [`Lines::write`] moves it on. An error is about the spool.
    pub fn fill(&mut self, pipe: &OwnedFd) -> io::Result<Moved> {
        self.spool()?;
        let Some(spool) = &mut self.spool else { return Err(io::ErrorKind::NotFound.into()) };
        let moved = spool.fill(pipe, &mut self.waiting);
        match &moved {
            Ok(Moved::Some(_)) => self.arrivals.came(spool.position() + self.waiting.len() as u64, Timestamp::now()),
            Ok(_) => {}
            Err(_) => self.spool = None, // what is in it is read again
        }
        moved
    }

    fn spool(&mut self) -> io::Result<()> {
        if self.spool.is_none() {
            let (spool, waiting) = Spool::open(&self.folder, self.run, self.kind)?;
            (self.spool, self.waiting, self.searched) = (Some(spool), waiting, 0);
        }
        Ok(())
    }

    /// Writes all whole lines to the log, if it takes them now.
    pub fn write(&mut self, log: &mut LogFile, journal: &mut Journal) {
        self.write_until(log, journal, false);
    }

    /// Writes all that waits; nothing will follow it. Whether nothing is left of it.
    pub fn end(&mut self, log: &mut LogFile, journal: &mut Journal) -> bool {
        self.write_until(log, journal, true);
        if !self.waiting.is_empty() {
            return false;
        }
        log.is_done_with_its_line(log.by);
        if let Some(spool) = self.spool.take() {
            spool.remove();
        }
        true
    }

    fn write_until(&mut self, log: &mut LogFile, journal: &mut Journal, end: bool) {
        let longest = self.formatter.longest_line();
        (self.held, self.blocked) = (false, false);
        if first_line(&self.waiting, self.searched, longest, end).is_some()
            && self.waiting.len() < MOST_PATIENT
            && log.is_kept_open_for_another(log.by)
        {
            self.blocked = true;
            return;
        }
        // No more than a file takes.
        let most = CHUNK.min(usize::try_from(log.limits.bytes).unwrap_or(CHUNK));
        let mut written = 0;
        loop {
            let start = self.spool.as_ref().map_or(0, Spool::position);
            let (mut batch, mut bytes) = (Vec::new(), 0);
            while batch.len() < most
                && let Some(length) = first_line(&self.waiting[written + bytes..], self.searched, longest, end)
            {
                let line = &self.waiting[written + bytes..][..length];
                bytes += length;
                self.formatter.write(self.arrivals.of(start + bytes as u64), line, &mut batch);
                self.searched = 0;
            }
            if bytes == 0 {
                break;
            }
            if self.write_batch(log, journal, &batch, written, bytes).is_err() {
                self.held = true;
                break;
            }
            written += bytes;
        }
        self.drop_from_memory(written);
        self.searched = if self.held { 0 } else { self.waiting.len() };
    }

    fn write_batch(
        &mut self,
        log: &mut LogFile,
        journal: &mut Journal,
        batch: &[u8],
        from: usize,
        bytes: usize,
    ) -> io::Result<()> {
        let joins = self.joins(log);
        let Some(spool) = &mut self.spool else { return Err(io::ErrorKind::NotFound.into()) };
        let (run, kind, position) = (self.run, self.kind, spool.position());
        let formatter = &mut self.formatter;
        let lines = Batch { lines: batch, joins };
        log.append(&lines, formatter, |path, place| {
            // Without a note a kill right now would double these lines; that is less than losing them.
            let _ = journal.note(&Note { run, kind, position, bytes, log: path, place, lines: batch });
        })?;
        self.joins = false;
        if batch.ends_with(b"\n") {
            log.is_done_with_its_line(log.by);
        }
        self.pass(from, bytes);
        Ok(())
    }

    /// Bytes from there on are done with, in the spool.
    fn pass(&mut self, from: usize, bytes: usize) {
        let Some(spool) = &mut self.spool else { return };
        if let Err(error) = spool.pass(bytes, &self.waiting[from + bytes..]) {
            say!("logs: where lines of run {} wait cannot be written: {error}", self.run);
        }
        self.arrivals.pass(spool.position());
    }

    fn drop_from_memory(&mut self, bytes: usize) {
        self.waiting.drain(..bytes);
        self.waiting.shrink_to(CHUNK);
    }

    /// Throws away all that waits.
    pub fn give_up(&mut self, log: &mut LogFile) {
        log.lose(&self.waiting);
        self.waiting.clear();
        if let Some(spool) = self.spool.take() {
            spool.remove();
        }
    }

    /// Throws away the oldest lines of what waits for a log that cannot be written, until no more than so many bytes wait.
    pub fn shorten(&mut self, most: usize, log: &mut LogFile) {
        if !self.held || self.waiting.len() <= most {
            return;
        }
        let least = self.waiting.len() - most;
        let line_end = self.waiting[least - 1..].iter().position(|byte| *byte == b'\n');
        let bytes = line_end.map_or(least, |at| least + at);
        log.lose(&self.waiting[..bytes]);
        self.pass(0, bytes);
        self.drop_from_memory(bytes);
        (self.joins, self.searched) = (false, 0);
    }
}

/// How long the first line is, if it is whole, too long, or the last. It does not end within the first `searched` bytes.
fn first_line(text: &[u8], searched: usize, longest: usize, end: bool) -> Option<usize> {
    let within = &text[..text.len().min(longest + 1)]; // the end itself is not counted
    let line_end = within.iter().skip(searched).position(|byte| *byte == b'\n');
    match line_end {
        Some(at) => Some(searched + at + 1),
        None if text.len() > longest => Some(character_start(text, longest)),
        None if end && !text.is_empty() => Some(text.len()),
        None => None,
    }
}

/// The place nearest before `at` where no character is cut; `at` itself if what is there is no text.
fn character_start(text: &[u8], at: usize) -> usize {
    const LONGEST_CHARACTER: usize = 4;
    let is_start = |place: &usize| text[*place] & 0b1100_0000 != 0b1000_0000;
    (1..=at).rev().take(LONGEST_CHARACTER).find(is_start).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_whole_or_too_long_or_the_last() {
        for (text, searched, end, expected) in [
            ("", 0, true, None),
            ("one\ntwo\n", 0, false, Some(4)),
            ("one\ntwo\n", 3, false, Some(4)),
            ("half", 0, false, None),
            ("half", 4, true, Some(4)),
            ("12345678", 8, false, None),
            ("12345678\n", 8, false, Some(9)),
            ("123456789", 8, false, Some(8)),
            ("1234567\u{e9}9", 7, false, Some(7)),
            ("\u{1f600}\u{1f600}\u{1f600}", 0, false, Some(8)),
        ] {
            assert_eq!(first_line(text.as_bytes(), searched, 8, end), expected, "{text}");
        }
        assert_eq!(first_line(&[0x80; 20], 0, 8, false), Some(8));
    }
}
