//! What a log file could not keep: counted, complained of once, and said in the file when it takes bytes again.

use std::io;

use serde::{Deserialize, Serialize};

use super::file::LogFile;
use super::glass::{Glance, Glass};
use super::{Moved, when};
use std::os::fd::OwnedFd;

/// Since the last time that bytes were taken.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loss {
    pub bytes: u64,
    pub lines: u64,
    /// What was last complained of, so that it is said once.
    pub trouble: Option<String>,
}

impl Loss {
    pub const fn is_any(&self) -> bool {
        self.bytes > 0
    }
}

impl LogFile {
    /// What a device or a FIFO does not take is nobody's. It keeps the worker from blocking, at the price of its words.
    pub fn discard(&mut self, pipe: &OwnedFd, most: usize, glass: &mut Glass, why: &io::Error) -> io::Result<Moved> {
        self.complain(why);
        match glass.take_away(pipe, most)? {
            Glance::Seen(bytes) => {
                self.lose(&bytes);
                Ok(Moved::Some(bytes.len()))
            }
            Glance::Not(moved) => Ok(moved),
        }
    }

    /// These bytes of the writer's are thrown away.
    pub fn lose(&mut self, bytes: &[u8]) {
        let (lost, lines) = (bytes.len() as u64, line_ends(bytes));
        self.loss.bytes += lost;
        self.loss.lines += lines;
        let count = self.count();
        count.lost_bytes += lost;
        count.lost_lines += lines;
    }

    /// A predecessor could not say this any more.
    pub fn take_over(&mut self, loss: Loss) {
        self.told_loss = loss.bytes;
        self.loss = loss;
    }

    /// What is to be said, if that is another number of bytes since this was last asked.
    pub fn news_of_loss(&mut self) -> Option<Loss> {
        // A device is never told of a loss.
        let is_news = self.loss.bytes != self.told_loss && !self.is_device();
        self.told_loss = self.loss.bytes;
        is_news.then(|| self.loss.clone())
    }

    /// Says in the file that bytes were lost, if any were.
    pub(super) fn say_loss(&mut self) -> io::Result<()> {
        let Some(loss) = self.loss_in_words() else { return Ok(()) };
        let break_first = if self.at_line_start()? { "" } else { "\n" };
        self.mark(0, None);
        self.write_whole(format!("{break_first}{loss}").as_bytes())?;
        self.loss_is_said();
        Ok(())
    }

    /// What is to be said of a loss; nothing in a device, which would take that and then no more, again and again.
    pub(super) fn loss_in_words(&self) -> Option<String> {
        let Loss { bytes, lines, trouble } = &self.loss;
        let why = trouble.as_deref().unwrap_or("it could not be written");
        let plural = if *lines == 1 { "" } else { "s" };
        (*bytes > 0 && self.is_regular())
            .then(|| format!("[betti] {bytes} bytes of output were lost here ({lines} line{plural}): {why}\n"))
    }

    pub(super) fn loss_is_said(&mut self) {
        if self.loss.bytes > 0 && self.is_regular() {
            say!("logs: {} takes bytes again; {} were lost", self.path().display(), self.loss.bytes);
            self.loss = Loss::default();
        }
    }

    pub(super) fn complain(&mut self, why: &io::Error) {
        let trouble = why.to_string();
        self.trouble = Some(trouble.clone());
        if self.loss.trouble.as_ref() == Some(&trouble) {
            return;
        }
        let then = if self.is_device() { "output is thrown away" } else { "the newest lines wait until it can" };
        say!("logs: {} cannot be written ({trouble}); {then}", self.path().display());
        self.loss.trouble = Some(trouble);
    }

    /// Tried, and failed.
    pub(super) fn failed(&mut self, why: &io::Error) {
        self.complain(why);
        self.retry.failed(when::uptime());
    }

    /// Tried, and it worked.
    pub(super) fn worked(&mut self) {
        self.freed |= self.retry.worked();
        if self.loss.bytes == 0 {
            self.loss.trouble = None;
        }
    }

    /// It failed a moment ago, and is not to be tried again yet.
    pub(super) fn not_yet(&self) -> io::Result<()> {
        match self.retry.is_due(when::uptime()) {
            true => Ok(()),
            false => Err(io::Error::other(self.loss.trouble.clone().unwrap_or_default())),
        }
    }

    #[cfg(test)]
    pub(super) fn lost(&self) -> u64 {
        self.loss.bytes
    }
}

/// How many lines end in there.
fn line_ends(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|byte| **byte == b'\n').count() as u64
}
