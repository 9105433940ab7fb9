//! One stream whose lines are written in another form: out of the pipe into the spool, and from there as lines into the log.
//! Memory holds a copy of what waits in the spool, never the only one.

use jiff::Timestamp;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use super::file::LogFile;
use super::formatter::Formatter;
use super::journal::{Journal, Note};
use super::outlet::Kind;
use super::spool::Spool;
use super::{CHUNK, Moved};

pub struct Lines {
    folder: PathBuf,
    run: u64,
    kind: Kind,
    formatter: Formatter,
    /// `None` while it cannot be had.
    spool: Option<Spool>,
    /// What waits in the spool.
    waiting: Vec<u8>,
    /// No line ends within so many bytes of it.
    searched: usize,
}

impl Lines {
    pub fn new(folder: PathBuf, run: u64, kind: Kind, formatter: Formatter) -> Self {
        let mut lines = Self { folder, run, kind, formatter, spool: None, waiting: Vec::new(), searched: 0 };
        let _ = lines.spool(); // tried again when there is something to keep
        lines
    }

    pub fn set_formatter(&mut self, formatter: Formatter) {
        self.formatter = formatter;
    }

    /// What came out of the pipe and is not in the log yet.
    pub fn waiting(&self) -> &[u8] {
        &self.waiting
    }

    /// Moves a chunk out of the pipe; [`Lines::write`] moves it on. An error is about the spool.
    pub fn fill(&mut self, pipe: &OwnedFd) -> io::Result<Moved> {
        self.spool()?;
        let Some(spool) = &mut self.spool else { return Err(io::ErrorKind::NotFound.into()) };
        let moved = spool.fill(pipe, &mut self.waiting);
        if moved.is_err() {
            self.spool = None; // what is in it is read again
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

    /// Writes all whole lines to the log.
    pub fn write(&mut self, log: &mut LogFile, journal: &mut Journal) {
        self.write_until(log, journal, false);
    }

    /// Writes all that waits; nothing will follow it.
    pub fn end(&mut self, log: &mut LogFile, journal: &mut Journal) {
        self.write_until(log, journal, true);
        if let Some(spool) = self.spool.take() {
            spool.remove();
        }
    }

    fn write_until(&mut self, log: &mut LogFile, journal: &mut Journal, end: bool) {
        let longest = self.formatter.longest_line();
        let mut written = 0;
        loop {
            let (mut batch, mut bytes) = (Vec::new(), 0);
            let now = Timestamp::now();
            while batch.len() < CHUNK
                && let Some(length) = first_line(&self.waiting[written + bytes..], self.searched, longest, end)
            {
                let line = &self.waiting[written + bytes..][..length];
                self.formatter.write(now, line, &mut batch);
                bytes += length;
                self.searched = 0;
            }
            if bytes == 0 {
                break;
            }
            self.write_batch(log, journal, &batch, written, bytes);
            written += bytes;
        }
        self.waiting.drain(..written);
        self.waiting.shrink_to(CHUNK);
        self.searched = self.waiting.len();
    }

    fn write_batch(&mut self, log: &mut LogFile, journal: &mut Journal, batch: &[u8], from: usize, bytes: usize) {
        let Some(spool) = &mut self.spool else { return };
        let (run, kind, position) = (self.run, self.kind, spool.position());
        let formatter = &mut self.formatter;
        let original = &self.waiting[from..from + bytes];
        log.append(batch, original, formatter, |path, place| {
            // Without a note a kill right now would double these lines; that is less than losing them.
            let _ = journal.note(&Note { run, kind, position, bytes, log: path, place, lines: batch });
        });
        if let Err(error) = spool.pass(bytes, &self.waiting[from + bytes..]) {
            say!("logs: where lines of run {run} wait cannot be written: {error}");
        }
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
