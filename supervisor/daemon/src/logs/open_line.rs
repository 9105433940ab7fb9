//! A line in a file that is not ended yet, where others have lines for that file too. Such lines come about only where a stream
//! that had the file to itself has to share it from now on: what is shared goes line by line.

use std::time::Duration;

use super::file::LogFile;
use super::outlet::{Kind, Writer};
use super::when;

/// How long the others wait for its end, then it is ended for it.
const PATIENCE: Duration = Duration::from_secs(1);

/// Whose line it is, and until when the others wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenLine {
    run: u64,
    kind: Kind,
    until: Duration,
}

impl LogFile {
    /// Whose line the file ends in, if it is not ended yet: a run, and which of its streams.
    pub fn has_begun_a_line(&mut self) -> Option<(u64, Kind)> {
        let writer = self.index.as_ref().and_then(|index| index.last_writer(self.size))?;
        (self.is_open() && self.at_line_start().is_ok_and(|at_start| !at_start)).then_some(writer)
    }

    /// From here on the others wait until this stream has ended its line, or for as long as they wait already.
    pub fn keep_open_for(&mut self, run: u64, kind: Kind) {
        self.open_line.get_or_insert_with(|| OpenLine { run, kind, until: when::uptime() + PATIENCE });
    }

    /// Whether this stream has to wait for the end of somebody else's line. One that waited for too long is ended.
    pub fn is_kept_open_for_another(&mut self, writer: Option<Writer>) -> bool {
        let Some(line) = self.open_line else { return false };
        let others = writer.is_none_or(|writer| (writer.run, writer.kind) != (line.run, line.kind));
        if others && line.until <= when::uptime() {
            self.end_line();
            self.open_line = None;
        }
        others && self.open_line.is_some()
    }

    /// Nobody has to wait for this stream any more.
    pub fn is_done_with_its_line(&mut self, writer: Option<Writer>) {
        let is_its = |line: &OpenLine| writer.is_some_and(|writer| (writer.run, writer.kind) == (line.run, line.kind));
        if self.open_line.as_ref().is_some_and(is_its) {
            self.open_line = None;
            self.freed = true;
        }
    }

    /// Until when the others wait.
    pub fn kept_open_until(&self) -> Option<Duration> {
        self.open_line.map(|line| line.until)
    }
}
