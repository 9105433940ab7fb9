//! Changes that wait are carried out in one transaction, in the order in which they came, each in a savepoint of its own: one
//! that fails or panics undoes itself only. After the one commit, subscribers are told and everybody is answered.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
};

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::{broadcast, mpsc, oneshot};

use super::{Change, DatabaseError, LONGEST_QUEUE};
use crate::outbox::{self, Recorded};

/// How many changes are committed together at most: the first of them waits for the last.
const LARGEST_BATCH: usize = 128;

/// A change that waits for the writer, and whoever waits for it.
pub(super) trait Waiting: Send {
    /// Makes the change. `None` if it is to be undone.
    fn carry_out(&mut self, transaction: &Transaction<'_>) -> Option<Vec<Recorded>>;
    /// Says what came of it. `kept` is what came of the commit.
    fn answer(self: Box<Self>, kept: Result<(), Arc<str>>);
}

/// The one kind of [`Waiting`], for every kind of answer.
pub(super) struct Pending<C, T, E> {
    change: Option<C>,
    /// What it came to; nothing before it was made, and if it panicked.
    outcome: Option<Result<T, E>>,
    has_panicked: bool,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<C, T, E> Pending<C, T, E> {
    pub(super) fn new(change: C, reply: oneshot::Sender<Result<T, E>>) -> Self {
        Self { change: Some(change), outcome: None, has_panicked: false, reply }
    }
}

impl<C, T, E> Waiting for Pending<C, T, E>
where
    C: FnOnce(&Transaction<'_>) -> Result<Change<T>, E> + Send,
    T: Send,
    E: From<DatabaseError> + Send,
{
    fn carry_out(&mut self, transaction: &Transaction<'_>) -> Option<Vec<Recorded>> {
        let change = self.change.take()?;
        let made = catch_unwind(AssertUnwindSafe(|| -> Result<_, E> {
            let Change { value, events } = change(transaction)?;
            let recorded: rusqlite::Result<Vec<_>> =
                events.into_iter().map(|event| outbox::record(transaction, event)).collect();
            Ok((value, recorded.map_err(DatabaseError::from)?))
        }));
        match made {
            Ok(Ok((value, recorded))) => {
                self.outcome = Some(Ok(value));
                Some(recorded)
            }
            Ok(Err(error)) => {
                self.outcome = Some(Err(error));
                None
            }
            Err(_) => {
                self.has_panicked = true; // its caller's misfortune
                None
            }
        }
    }

    fn answer(self: Box<Self>, kept: Result<(), Arc<str>>) {
        let answer = match (self.outcome, kept) {
            (Some(Ok(value)), Ok(())) => Ok(value),
            (Some(Err(error)), _) => Err(error),
            (None, _) if self.has_panicked => Err(DatabaseError::Closed.into()),
            (None, Ok(())) => Err(DatabaseError::Closed.into()),
            (Some(Ok(_)) | None, Err(why)) => Err(DatabaseError::NotKept(why).into()),
        };
        drop(self.reply.send(answer)); // the caller may have gone
    }
}

/// Starts the writer.
pub(super) fn work_off(
    mut connection: Connection,
    events: broadcast::Sender<Recorded>,
) -> std::io::Result<mpsc::Sender<Box<dyn Waiting>>> {
    let (sender, mut waiting) = mpsc::channel::<Box<dyn Waiting>>(LONGEST_QUEUE);
    thread::Builder::new().name("sqlite writer".to_owned()).spawn(move || {
        while let Some(first) = waiting.blocking_recv() {
            let mut batch = vec![first];
            while batch.len() < LARGEST_BATCH
                && let Ok(next) = waiting.try_recv()
            {
                batch.push(next);
            }
            commit(&mut connection, batch, &events);
        }
    })?;
    Ok(sender)
}

fn commit(connection: &mut Connection, mut batch: Vec<Box<dyn Waiting>>, events: &broadcast::Sender<Recorded>) {
    let kept = carry_out(connection, &mut batch);
    if let Ok(recorded) = &kept {
        // Told here, by the one thread that writes, so that subscribers hear them in order.
        for event in recorded {
            let _ = events.send(event.clone()); // Fails only when nobody listens.
        }
    }
    let kept = kept.map(drop);
    batch.into_iter().for_each(|waiting| waiting.answer(kept.clone()));
}

/// All events of the changes that were kept, or why none was.
fn carry_out(connection: &mut Connection, batch: &mut [Box<dyn Waiting>]) -> Result<Vec<Recorded>, Arc<str>> {
    let in_words = |error: rusqlite::Error| Arc::from(error.to_string());
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(in_words)?;
    let mut recorded = Vec::new();
    for waiting in batch {
        transaction.execute_batch("SAVEPOINT change").map_err(in_words)?;
        match waiting.carry_out(&transaction) {
            Some(events) => recorded.extend(events),
            // A full disk, for one, ends the whole transaction: nobody's change is left.
            None if transaction.is_autocommit() => return Err(Arc::from("a change beside it ended the transaction")),
            None => transaction.execute_batch("ROLLBACK TO change").map_err(in_words)?,
        }
        transaction.execute_batch("RELEASE change").map_err(in_words)?;
    }
    transaction.commit().map_err(in_words)?;
    Ok(recorded)
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, PoisonError};

    use super::*;
    use crate::outbox::Event;

    /// What each was answered, in the order of the answers.
    type Answers = Arc<Mutex<Vec<(i64, Result<(), String>)>>>;

    /// A change that is made by hand, without a thread in between.
    struct Note<C> {
        pending: Box<Pending<C, (), DatabaseError>>,
        answer: oneshot::Receiver<Result<(), DatabaseError>>,
        number: i64,
        answers: Answers,
    }

    impl<C> Waiting for Note<C>
    where
        C: FnOnce(&Transaction<'_>) -> Result<Change<()>, DatabaseError> + Send,
    {
        fn carry_out(&mut self, transaction: &Transaction<'_>) -> Option<Vec<Recorded>> {
            self.pending.carry_out(transaction)
        }

        fn answer(mut self: Box<Self>, kept: Result<(), Arc<str>>) {
            self.pending.answer(kept);
            let answer = self.answer.try_recv().unwrap().map_err(|error| error.to_string());
            self.answers.lock().unwrap_or_else(PoisonError::into_inner).push((self.number, answer));
        }
    }

    fn notes() -> (Connection, Answers) {
        let connection = Connection::open_in_memory().unwrap();
        connection.pragma_update(None, "foreign_keys", true).unwrap();
        let tables = "CREATE TABLE notes (number INTEGER PRIMARY KEY, answers INTEGER REFERENCES notes
            DEFERRABLE INITIALLY DEFERRED)";
        connection.execute_batch(tables).unwrap();
        connection.execute_batch(outbox::TABLE).unwrap();
        (connection, Answers::default())
    }

    /// Puts a note down, does something more, and says so.
    fn note(
        number: i64,
        answers: &Answers,
        more: impl FnOnce(&Transaction<'_>) -> Result<(), DatabaseError> + Send + 'static,
    ) -> Box<dyn Waiting> {
        let (reply, answer) = oneshot::channel();
        let change = move |transaction: &Transaction<'_>| {
            transaction.execute("INSERT INTO notes (number) VALUES (?)", [number])?;
            more(transaction)?;
            Ok(Change::new((), Event::new("note.put", number)))
        };
        let pending = Box::new(Pending::new(change, reply));
        Box::new(Note { pending, answer, number, answers: answers.clone() })
    }

    fn kept(connection: &Connection) -> (Vec<i64>, Vec<i64>) {
        let numbers = |sql: &str| -> Vec<i64> {
            let mut statement = connection.prepare(sql).unwrap();
            statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
        };
        (
            numbers("SELECT number FROM notes ORDER BY number"),
            numbers("SELECT CAST(payload AS INTEGER) FROM outbox ORDER BY home_seq"),
        )
    }

    #[test]
    fn one_that_fails_or_panics_undoes_itself_only_and_the_others_keep_their_order() {
        let (mut connection, answers) = notes();
        let (events, mut told) = broadcast::channel(16);
        let batch = vec![
            note(1, &answers, |_| Ok(())),
            note(2, &answers, |_| Err(rusqlite::Error::QueryReturnedNoRows.into())),
            note(3, &answers, |_| panic!("on purpose")),
            note(4, &answers, |transaction| {
                transaction.execute("INSERT INTO notes (number) VALUES (1)", []).map(drop).map_err(Into::into)
            }),
            note(5, &answers, |_| Ok(())),
        ];
        commit(&mut connection, batch, &events);
        assert_eq!(kept(&connection), (vec![1, 5], vec![1, 5]));
        let answers = answers.lock().unwrap();
        let numbers: Vec<_> = answers.iter().map(|(number, answer)| (*number, answer.is_ok())).collect();
        assert_eq!(numbers, [(1, true), (2, false), (3, false), (4, false), (5, true)]);
        let seqs: Vec<_> = std::iter::from_fn(|| told.try_recv().ok()).map(|told| told.home_seq).collect();
        assert_eq!(seqs, [1, 2], "places are not used up by what was undone");
    }

    #[test]
    fn a_commit_that_fails_fails_all_and_tells_nobody() {
        let (mut connection, answers) = notes();
        let (events, mut told) = broadcast::channel(16);
        let dangling = |transaction: &Transaction<'_>| {
            let sql = "UPDATE notes SET answers = 99 WHERE number = 2"; // found out at the commit
            transaction.execute(sql, []).map(drop).map_err(Into::into)
        };
        commit(&mut connection, vec![note(1, &answers, |_| Ok(())), note(2, &answers, dangling)], &events);
        assert_eq!(kept(&connection), (vec![], vec![]));
        assert!(told.try_recv().is_err());
        let text = "the change could not be kept: FOREIGN KEY constraint failed";
        let expected = [(1, Err(text.to_owned())), (2, Err(text.to_owned()))];
        assert_eq!(*answers.lock().unwrap(), expected);
        answers.lock().unwrap().clear();
        commit(&mut connection, vec![note(1, &answers, |_| Ok(()))], &events);
        assert_eq!(kept(&connection), (vec![1], vec![1]), "the next batch is not harmed");
    }

    #[test]
    fn when_a_change_ends_the_whole_transaction_nobody_is_told_that_theirs_was_kept() {
        let (mut connection, answers) = notes();
        let events = broadcast::Sender::new(16);
        let ends = |transaction: &Transaction<'_>| {
            // As SQLite does by itself when the disk is full.
            transaction.execute_batch("ROLLBACK")?;
            Err(rusqlite::Error::QueryReturnedNoRows.into())
        };
        let batch = vec![note(1, &answers, |_| Ok(())), note(2, &answers, ends), note(3, &answers, |_| Ok(()))];
        commit(&mut connection, batch, &events);
        assert_eq!(kept(&connection), (vec![], vec![]));
        assert!(answers.lock().unwrap().iter().all(|(_, answer)| answer.is_err()));
    }
}
