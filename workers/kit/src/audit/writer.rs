//! The thread that writes: a commit for what came in a second.

use std::{
    sync::{
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

use jiff::Timestamp;

use super::{
    LONGEST_QUEUE,
    entry::{Entry, Seen},
    file::File,
    windows::{Due, Windows},
};

/// How long entries wait for others, so that the disk is asked once for all of them.
const COMMIT_EVERY: Duration = Duration::from_secs(1);
/// How often windows are looked at, while any is open.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// How often old entries are let go.
const LET_GO_EVERY: Duration = Duration::from_secs(24 * 3600);
/// How often it is tried again when the worker leaves and another one holds the file.
const LAST_TRIES: u32 = 3;

pub(super) enum Message {
    Seen(Box<Seen>),
    Close,
}

/// Writes until it is told to close.
pub(super) fn work(file: File, waiting: &Receiver<Message>, lost: &AtomicU64) {
    let mut writer = Writer { file, windows: Windows::default(), due: Vec::new(), dropped: 0, is_failing: false };
    let mut let_go_at = None::<Instant>;
    loop {
        if let_go_at.is_none_or(|at| at.elapsed() >= LET_GO_EVERY) {
            writer.let_go();
            let_go_at = Some(Instant::now());
        }
        let goes_on = writer.gather(waiting);
        let now = Timestamp::now();
        let ended = writer.windows.end(now);
        writer.due.extend(ended);
        if goes_on {
            writer.commit(lost, now);
            continue;
        }
        let ended = writer.windows.end_all();
        writer.due.extend(ended);
        let is_kept = (0..LAST_TRIES).any(|_| writer.commit(lost, now));
        if !is_kept {
            tracing::error!("{} entries of the audit are lost: they could not be kept", writer.due.len());
        }
        return;
    }
}

struct Writer {
    file: File,
    windows: Windows,
    /// What is to be written.
    due: Vec<Due>,
    /// What there was no room for.
    dropped: u64,
    is_failing: bool,
}

impl Writer {
    /// Takes what comes until there is something to commit. Whether it goes on.
    fn gather(&mut self, waiting: &Receiver<Message>) -> bool {
        let mut until = None::<Instant>;
        loop {
            if until.is_none() && !self.due.is_empty() {
                until = Some(Instant::now() + COMMIT_EVERY);
            }
            let wait = match until {
                Some(until) => until.saturating_duration_since(Instant::now()),
                None if self.windows.is_empty() => Duration::MAX,
                None => LOOK_EVERY,
            };
            // A hub at rest is not woken.
            let message = match wait {
                Duration::MAX => waiting.recv().map_err(|_| RecvTimeoutError::Disconnected),
                wait => waiting.recv_timeout(wait),
            };
            match message {
                Ok(Message::Seen(seen)) => {
                    let due = self.windows.take(*seen);
                    self.due.extend(due);
                }
                Err(RecvTimeoutError::Timeout) => return true,
                Ok(Message::Close) | Err(RecvTimeoutError::Disconnected) => return false,
            }
        }
    }

    /// Whether everything is kept.
    fn commit(&mut self, lost: &AtomicU64, now: Timestamp) -> bool {
        let missed = lost.swap(0, Ordering::Relaxed);
        if missed > 0 {
            self.dropped += missed;
            tracing::error!("{missed} entries of the audit are lost: they came faster than they could be kept");
        }
        if self.due.is_empty() && self.dropped == 0 {
            return true;
        }
        let count = self.due.len();
        if self.dropped > 0 {
            let entry = Entry::lost(i64::try_from(self.dropped).unwrap_or(i64::MAX), now);
            self.due.push(Due { entry, begins: None, ends: None });
        }
        match self.file.append(&self.due) {
            Ok(()) => {
                if std::mem::take(&mut self.is_failing) {
                    tracing::info!(lost = self.dropped, "the audit can be written again");
                }
                self.due.clear();
                self.dropped = 0;
                true
            }
            Err(error) => {
                self.due.truncate(count.min(LONGEST_QUEUE));
                let dropped = (count - self.due.len()) as u64;
                self.dropped += dropped;
                if !std::mem::replace(&mut self.is_failing, true) {
                    tracing::error!("the audit cannot be written, requests go on; it is tried again: {error}");
                }
                if dropped > 0 {
                    tracing::error!("{dropped} entries of the audit are lost: {error}");
                }
                false
            }
        }
    }

    fn let_go(&mut self) {
        match self.file.let_go(Timestamp::now()) {
            Ok(0) => {}
            Ok(entries) => tracing::info!(entries, "let go of entries of the audit that are older than two years"),
            Err(error) => tracing::warn!("old entries of the audit stay for now: {error}"),
        }
    }
}
