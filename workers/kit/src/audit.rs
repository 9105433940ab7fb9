//! Who read or changed what, when, and from which device: one file for all workers of a hub, appended to and never changed.
//!
//! ```text
//!   request ── Routes ── Seen ──► queue ──► writer thread ── windows ──► audit.db (a commit a second, a chain of hashes)
//!                                   │ full: counted, and said in the log and as an entry of its own
//! ```
//!
//! No request waits for it. Changes, refusals, and connections that open and close are entries of their own; reads are taken together
//! (`windows`). A worker that is killed loses what was not committed yet, the last second; of reads that go on, how often they came, but not that they did.
//! A power cut may take some more from the end. What could not be kept because the disk is full is counted and said.
//!
//! Nothing of what was read or sent is here, and no names: the route's pattern, what stood in its place, the device's id. So it
//! can stay when a resident is erased, under a number: whoever looked at somebody answers for it afterwards too, and the
//! chain stays whole. Whoever has the number next sees nothing of it.
//!
//! What the hub's own workers ask of each other is not here: whoever made them ask is.

mod ask;
mod chain;
pub mod entry;
mod file;
mod operator;
mod trail;
mod windows;
mod writer;

use std::{
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc::{SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
};

pub(crate) use self::trail::Trail;
pub use self::{
    ask::{AskError, Checked, Question, ask, check},
    entry::{Entry, Seen, What, Who},
    operator::Operator,
    windows::{MOST_REFUSALS_APART, WINDOW},
};
use self::{file::File, writer::Message};
use crate::database::OpenError;

/// The file's name in the data directory.
pub const FILE: &str = "audit.db";
const MIGRATIONS: [&str; 1] = [include_str!("audit/0001.sql")];
/// How many entries may wait to be written; more are lost, and said to be.
const LONGEST_QUEUE: usize = 4096;

/// Makes the file if it is missing; the connection keeps it as it is.
///
/// # Errors
/// As [`Audit::open`].
pub(crate) fn prepare(directory: &Path) -> Result<rusqlite::Connection, OpenError> {
    crate::database::connection(&directory.join(FILE), &MIGRATIONS)
}

/// A hub's audit, as one worker writes it. Cheap to clone.
#[derive(Clone)]
pub struct Audit(Arc<Inner>);

struct Inner {
    queue: SyncSender<Message>,
    lost: Arc<AtomicU64>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl Audit {
    /// Opens the file in this directory, and makes it if it is missing.
    ///
    /// # Errors
    /// If it cannot be made or used.
    pub fn open(directory: &Path) -> Result<Self, OpenError> {
        let file = File::open(directory)?;
        let (queue, waiting) = sync_channel(LONGEST_QUEUE);
        let lost = Arc::new(AtomicU64::new(0));
        let counted = lost.clone();
        let writer =
            thread::Builder::new().name("audit".to_owned()).spawn(move || writer::work(file, &waiting, &counted));
        let writer = writer.map_err(|error| OpenError::File { path: directory.join(FILE), error })?;
        Ok(Self(Arc::new(Inner { queue, lost, writer: Mutex::new(Some(writer)) })))
    }

    /// Leaves an entry, without waiting.
    pub fn note(&self, seen: Seen) {
        if self.0.queue.try_send(Message::Seen(Box::new(seen))).is_err() {
            self.0.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Writes what waits, and ends. What comes later is lost.
    pub fn close(&self) {
        let writer = self.0.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer
            && self.0.queue.send(Message::Close).is_ok()
            && writer.join().is_err()
        {
            tracing::error!("the audit's writer panicked");
        }
    }
}

#[cfg(test)]
mod tests;
