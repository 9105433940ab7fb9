//! What a request that was let in will leave behind: known when it is answered, or when its connection ends.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use jiff::Timestamp;

use super::{Audit, Seen, What};

/// Goes with the request; of a stream, until it ends.
pub(crate) struct Trail {
    audit: Audit,
    seen: Seen,
    resident: AtomicI64,
    is_refused: AtomicBool,
    is_open: AtomicBool,
}

impl Trail {
    pub fn new(audit: Audit, seen: Seen) -> Self {
        let resident = AtomicI64::new(seen.resident);
        Self { audit, seen, resident, is_refused: AtomicBool::new(false), is_open: AtomicBool::new(false) }
    }

    /// It turned out to be about somebody else than the request named.
    pub fn about(&self, resident: i64) {
        self.resident.store(resident, Ordering::Relaxed);
    }

    /// Whoever asks may not have what it turned out to be about, however they are answered: as if it were not there.
    pub fn refused(&self) {
        self.is_refused.store(true, Ordering::Relaxed);
    }

    /// It was answered.
    pub fn answered(&self, status: u16) {
        let is_refused = status == 403 || (status >= 400 && self.is_refused.load(Ordering::Relaxed));
        let what = if is_refused { What::Refused } else { self.seen.what };
        self.note(what, status);
    }

    /// What goes on until this is dropped has begun.
    pub fn opened(&self, status: u16) {
        self.is_open.store(true, Ordering::Relaxed);
        self.note(What::Opened, status);
    }

    fn note(&self, what: What, status: u16) {
        let (at, resident) = (Timestamp::now(), self.resident.load(Ordering::Relaxed));
        self.audit.note(Seen { at, what, status, resident, ..self.seen.clone() });
    }
}

impl Drop for Trail {
    fn drop(&mut self) {
        if self.is_open.load(Ordering::Relaxed) {
            self.note(What::Closed, 0);
        }
    }
}
