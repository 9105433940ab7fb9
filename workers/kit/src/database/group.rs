//! Group commit: whatever changes wait become one transaction with one sync, each in a savepoint of its own.
//!
//! ```text
//!   BEGIN IMMEDIATE
//!     SAVEPOINT; change and its events; RELEASE      or, if it fails or panics, ROLLBACK TO: only that one is undone
//!     SAVEPOINT; …
//!   COMMIT                                           one sync for all of them
//!   events told, then everybody answered
//! ```
//!
//! A change sees what those before it in the same transaction did, and nobody is answered before all of it is on the disk.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::{broadcast, mpsc, oneshot};

use super::{Change, DatabaseError};
use crate::outbox::{self, Event, Recorded};

/// How many changes are committed together at most: as many as may wait.
pub(super) const LARGEST_GROUP: usize = super::LONGEST_QUEUE;

/// A change that waits for its turn, whatever its type.
pub(super) trait Waiting: Send {
    /// Makes the change and remembers what it came to. True if it is to be kept.
    fn make(&mut self, transaction: &Transaction<'_>) -> bool;
    /// The events of a change that was made, to be recorded with it.
    fn events(&mut self) -> Vec<Event>;
    /// It was undone, because its events could not be recorded.
    fn undone(&mut self, error: rusqlite::Error);
    /// Tells the caller what came of it, now that it is on the disk or is not.
    fn answer(self: Box<Self>, kept: Result<(), Arc<rusqlite::Error>>);
}

/// A change with whoever waits for it.
pub(super) struct Asked<C, T, E> {
    change: Option<C>,
    outcome: Option<Result<Change<T>, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<C, T, E> Asked<C, T, E> {
    pub fn new(change: C, reply: oneshot::Sender<Result<T, E>>) -> Self {
        Self { change: Some(change), outcome: None, reply }
    }
}

impl<C, T, E> Waiting for Asked<C, T, E>
where
    C: FnOnce(&Transaction<'_>) -> Result<Change<T>, E> + Send,
    T: Send,
    E: From<DatabaseError> + Send,
{
    fn make(&mut self, transaction: &Transaction<'_>) -> bool {
        self.outcome = self.change.take().map(|change| change(transaction));
        matches!(self.outcome, Some(Ok(_)))
    }

    fn events(&mut self) -> Vec<Event> {
        let Some(Ok(change)) = &mut self.outcome else { return Vec::new() };
        std::mem::take(&mut change.events)
    }

    fn undone(&mut self, error: rusqlite::Error) {
        self.outcome = Some(Err(DatabaseError::from(error).into()));
    }

    fn answer(self: Box<Self>, kept: Result<(), Arc<rusqlite::Error>>) {
        let answer = match (self.outcome, kept) {
            (Some(Ok(change)), Ok(())) => Ok(change.value),
            // Its own reason says more than that nothing was kept.
            (Some(Err(error)), _) => Err(error),
            (Some(Ok(_)), Err(error)) => Err(DatabaseError::NotKept(error).into()),
            // It panicked, or its turn never came.
            (None, Ok(())) => Err(DatabaseError::Closed.into()),
            (None, Err(error)) if self.change.is_some() => Err(DatabaseError::NotKept(error).into()),
            (None, Err(_)) => Err(DatabaseError::Closed.into()),
        };
        let _ = self.reply.send(answer); // A caller that went away has not taken its change back.
    }
}

/// Makes changes as they come, until nobody can ask for one any more.
pub(super) fn work_off(
    mut connection: Connection,
    mut changes: mpsc::Receiver<Box<dyn Waiting>>,
    events: &broadcast::Sender<Recorded>,
) {
    let mut group = Vec::with_capacity(LARGEST_GROUP);
    while changes.blocking_recv_many(&mut group, LARGEST_GROUP) > 0 {
        let kept = commit(&mut connection, &mut group).map_err(Arc::new);
        let kept = kept.map(|recorded| {
            // Told here, by the one thread that writes, so that subscribers hear them in order.
            for event in recorded {
                let _ = events.send(event); // Fails only when nobody listens.
            }
        });
        group.drain(..).for_each(|change| change.answer(kept.clone()));
    }
}

/// All of them or, with an error, none.
fn commit(connection: &mut Connection, group: &mut [Box<dyn Waiting>]) -> rusqlite::Result<Vec<Recorded>> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut recorded = Vec::new();
    for change in group {
        recorded.extend(carry_out(&transaction, change.as_mut())?);
    }
    if let Some(newest) = recorded.last() {
        outbox::trim(&transaction, newest.home_seq)?;
    }
    transaction.commit()?;
    Ok(recorded)
}

/// One of them in its savepoint. Its own failure is its own; an error is everybody's.
fn carry_out(transaction: &Transaction<'_>, change: &mut dyn Waiting) -> rusqlite::Result<Vec<Recorded>> {
    transaction.prepare_cached("SAVEPOINT change")?.execute([])?;
    // One that panics is its caller's misfortune.
    let is_made = catch_unwind(AssertUnwindSafe(|| change.make(transaction))).unwrap_or(false);
    let recorded = if is_made { record(transaction, change) } else { None };
    if transaction.is_autocommit() {
        // The disk is full or broken: SQLite has undone all of the transaction, and what follows would be outside of one.
        return Err(all_undone());
    }
    if recorded.is_none() {
        transaction.prepare_cached("ROLLBACK TO change")?.execute([])?;
    }
    transaction.prepare_cached("RELEASE change")?.execute([])?;
    Ok(recorded.unwrap_or_default())
}

/// Writes its events; `None` if it is to be undone because they cannot be.
fn record(transaction: &Transaction<'_>, change: &mut dyn Waiting) -> Option<Vec<Recorded>> {
    let events = change.events().into_iter();
    let recorded: rusqlite::Result<Vec<_>> = events.map(|event| outbox::record(transaction, event)).collect();
    recorded.map_err(|error| change.undone(error)).ok()
}

fn all_undone() -> rusqlite::Error {
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_ABORT_ROLLBACK);
    let text = "another change of the same transaction met a full or broken disk, and all of it was undone";
    rusqlite::Error::SqliteFailure(code, Some(text.into()))
}
