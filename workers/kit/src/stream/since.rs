//! Where a listener begins.

use crate::{Call, Problem};

/// The last event that a listener saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// It saw none: it is told what happens from now on.
    Now,
    /// It is told everything that follows this place.
    Seq(i64),
}

impl Since {
    /// `Last-Event-ID`, which a browser sends when it connects again by itself, else `?since=`.
    ///
    /// # Errors
    /// 400 if it is no place.
    pub fn of(call: &Call) -> Result<Self, Problem> {
        let last = call.header("last-event-id").filter(|id| !id.is_empty());
        match last.or_else(|| call.query("since")) {
            None => Ok(Self::Now),
            Some(text) => text.parse().ok().filter(|seq| *seq >= 0).map(Self::Seq).ok_or_else(|| {
                Problem::bad_request(format!(
                    "since {text:?} is no place in the stream: it is the seq of the last event seen, or 0"
                ))
            }),
        }
    }
}
