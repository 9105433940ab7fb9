//! Whole lines at the end of a log file.

use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use jiff::Timestamp;

use super::file::LogFile;
use super::formatter::Formatter;
use super::journal::Place;

/// What is to be put at a file's end.
pub struct Batch<'a> {
    pub lines: &'a [u8],
    /// The file ends in a line of this writer's, which these bytes go on with.
    pub joins: bool,
}

impl LogFile {
    /// Puts whole lines at the end, all or none of them, in a new file if this one has no room for them. Before the first byte
    /// is written, `note` is told where they will be.
    ///
    /// # Errors
    /// If they cannot be written now. They are to be kept and tried again: at [`LogFile::retry_at`] at the latest.
    pub fn append(
        &mut self,
        batch: &Batch<'_>,
        formatter: &mut Formatter,
        note: impl FnOnce(&Path, Place),
    ) -> io::Result<()> {
        self.not_yet()?;
        match self.try_append(batch, formatter, note) {
            Ok(()) => {
                self.worked();
                Ok(())
            }
            Err(error) => {
                self.failed(&error);
                Err(error)
            }
        }
    }

    fn try_append(
        &mut self,
        batch: &Batch<'_>,
        formatter: &mut Formatter,
        note: impl FnOnce(&Path, Place),
    ) -> io::Result<()> {
        self.make_ready()?;
        // A loss is said together with the lines that follow it: alone it would fit again and again where they do not.
        let mut first = Vec::new();
        if let Some(loss) = self.loss_in_words() {
            formatter.write(Timestamp::now(), loss.as_bytes(), &mut first);
        }
        let says_loss = !first.is_empty();
        let joins = batch.joins && !says_loss;
        let length = (first.len() + batch.lines.len()) as u64;
        if self.size > 0 && !joins && (self.is_full() || self.size.saturating_add(length) > self.limits.bytes) {
            self.put_aside()?;
        }
        if !joins && !self.at_line_start()? {
            first.insert(0, b'\n');
        }
        let offset = self.size + first.len() as u64;
        if says_loss {
            self.mark(0, None);
        }
        self.mark(first.len() as u64, self.by);
        let found = self.opened()?.metadata()?;
        note(self.path(), Place { device: found.dev(), inode: found.ino(), offset });
        if first.is_empty() {
            return self.write_whole(batch.lines);
        }
        first.extend_from_slice(batch.lines);
        self.write_whole(&first)?;
        if says_loss {
            self.loss_is_said();
        }
        Ok(())
    }

    /// Whole or not at all: a piece of it would count as the worker's.
    pub(super) fn write_whole(&mut self, lines: &[u8]) -> io::Result<()> {
        let (before, regular) = (self.size, self.is_regular());
        let file = self.opened()?;
        if let Err(error) = file.write_all(lines) {
            if regular {
                let _ = file.set_len(before);
                file.seek(SeekFrom::Start(before))?;
            }
            return Err(error);
        }
        self.grow(lines.len());
        Ok(())
    }

    /// Ends an unfinished line that its writer can finish no more, so that the next writer begins a new one.
    pub fn end_line(&mut self) {
        let unfinished = self.is_open() && self.at_line_start().is_ok_and(|at_start| !at_start);
        if unfinished && self.write_whole(b"\n").is_ok() {
            self.open_line = None;
        }
    }
}
