//! SQLite: one file a worker, one thread that writes, one that reads.
//!
//! ```text
//!   handlers ── write(change) ──► writer thread ── BEGIN; every change that waits; outbox; COMMIT ──► subscribers, answers
//!            ── read(query)   ──► reader thread
//! ```
//!
//! Changes that wait are committed together ([`batch`]), so that the disk is waited for once and not once for each of them.
//!
//! Two processes may use the file at once, as in a reload, in which the old one finishes while the new one begins: changes
//! wait for each other, and the outbox numbers them in the order of their commits. A process's own subscribers hear of its
//! own changes only; [`outbox::after`] tells all of them.
//!
//! A change is answered after its commit has reached the disk (`synchronous=FULL`): what was acknowledged is kept.

mod batch;

use std::{
    fs::{OpenOptions, Permissions},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};
use tokio::sync::{broadcast, mpsc, oneshot};

use self::batch::{Pending, Waiting};
use crate::outbox::{self, Event, Recorded};

/// How many changes or queries may wait; more wait at the caller.
const LONGEST_QUEUE: usize = 256;
/// How many events a subscriber may lag behind.
const LONGEST_LAG: usize = 1024;
/// How long to wait for another process that holds the file, such as the one that this one replaces, or a backup.
pub(crate) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Between two tries of what SQLite does not wait for.
const BETWEEN_TRIES: Duration = Duration::from_millis(10);
/// How many statements are kept prepared: more than a worker has, so that none is compiled twice.
const PREPARED_STATEMENTS: usize = 256;
/// Health data is nobody else's.
const FILE_MODE: u32 = 0o600;

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It cannot be made or opened.
    #[error("cannot open {path}: {error}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// SQLite refuses it.
    #[error("cannot use {path}: {error}")]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// Why.
        error: rusqlite::Error,
    },
    /// A later version of Betti wrote it.
    #[error("{path} is at schema {found}, this program knows {known}: it was written by a newer version, use that one")]
    Newer {
        /// The file.
        path: PathBuf,
        /// The file's schema.
        found: u32,
        /// Ours.
        known: u32,
    },
}

/// Why a change or query has no answer.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// SQLite refused.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// It could be made, but not kept: nothing of it was. Sent again, it may be.
    #[error("the change could not be kept: {0}")]
    NotKept(Arc<str>),
    /// The change or query panicked, or the worker is leaving.
    #[error("the database gave no answer")]
    Closed,
}

/// What a change comes to: its value, and the events that it leaves in the outbox.
#[derive(Debug)]
pub struct Change<T> {
    value: T,
    events: Vec<Event>,
}

impl<T> Change<T> {
    /// Something became true.
    pub fn new(value: T, event: Event) -> Self {
        Self { value, events: vec![event] }
    }

    /// Several things became true, in this order.
    pub fn several(value: T, events: Vec<Event>) -> Self {
        Self { value, events }
    }

    /// Nothing changed: it was so already.
    pub fn none(value: T) -> Self {
        Self { value, events: Vec::new() }
    }
}

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// A worker's database. Cheap to clone.
#[derive(Clone)]
pub struct Database {
    writer: mpsc::Sender<Box<dyn Waiting>>,
    reader: mpsc::Sender<Job>,
    events: broadcast::Sender<Recorded>,
}

impl Database {
    /// Opens the file, makes it if it is missing, and brings it to the newest schema: migration `n` is the n-th text.
    ///
    /// # Errors
    /// If it cannot be opened or migrated; it is then as it was.
    pub fn open(path: &Path, migrations: &[&str]) -> Result<Self, OpenError> {
        let sqlite = |error| OpenError::Sqlite { path: path.into(), error };
        let writer = connection(path, migrations)?;
        let reader = connect(path).map_err(sqlite)?;
        reader.pragma_update(None, "query_only", true).map_err(sqlite)?;
        let thread = |error| OpenError::File { path: path.into(), error };
        let events = broadcast::Sender::new(LONGEST_LAG);
        Ok(Self {
            writer: batch::work_off(writer, events.clone()).map_err(thread)?,
            reader: work_off("reader", reader).map_err(thread)?,
            events,
        })
    }

    /// Makes a change in a transaction, with its events. An error undoes all of it.
    ///
    /// # Errors
    /// The change's own, or that it could not be kept.
    pub async fn write<T, E>(
        &self,
        change: impl FnOnce(&Transaction<'_>) -> Result<Change<T>, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DatabaseError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        // Carried out even if the caller does not wait: a client that hangs up has not taken its reading back.
        self.writer.send(Box::new(Pending::new(change, reply))).await.map_err(|_| DatabaseError::Closed)?;
        answer.await.map_err(|_| E::from(DatabaseError::Closed))?
    }

    /// Asks for something, without changing anything.
    ///
    /// # Errors
    /// The query's own, or that the database is closed.
    pub async fn read<T, E>(&self, query: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DatabaseError> + Send + 'static,
    {
        ask(&self.reader, move |connection| query(connection)).await
    }

    /// Every event from now on, after its commit.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<Recorded> {
        self.events.subscribe()
    }
}

/// A connection to the file, which is made if it is missing and brought to the newest schema.
///
/// # Errors
/// If it cannot be opened or migrated; it is then as it was.
pub(crate) fn connection(path: &Path, migrations: &[&str]) -> Result<Connection, OpenError> {
    make(path).map_err(|error| OpenError::File { path: path.into(), error })?;
    let sqlite = |error| OpenError::Sqlite { path: path.into(), error };
    let mut writer = connect(path).map_err(sqlite)?;
    migrate(&mut writer, path, migrations)?;
    Ok(writer)
}

/// A connection that is only kept: while it is, the file's companions (`-wal`, `-shm`) are there and stay the same files. The schema is
/// left as it is.
///
/// # Errors
/// If it cannot be opened.
pub(crate) fn hold(path: &Path) -> Result<Connection, OpenError> {
    make(path).map_err(|error| OpenError::File { path: path.into(), error })?;
    let sqlite = |error| OpenError::Sqlite { path: path.into(), error };
    let connection = connect(path).map_err(sqlite)?;
    // Asked for something, so that it is really open.
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(())).map_err(sqlite)?;
    Ok(connection)
}

/// Made by us first, because SQLite would make it readable for everybody; its companions take over the mode.
///
/// One that is there is not opened: closing it would take away the locks that SQLite has on it in this process.
fn make(path: &Path) -> std::io::Result<()> {
    match OpenOptions::new().create_new(true).append(true).mode(FILE_MODE).open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        made => return made.map(drop),
    }
    // One that an earlier version made, or that was copied here. Whose it is decides about it, should that not be us.
    let mode = std::fs::metadata(path)?.permissions().mode();
    if mode & !FILE_MODE & 0o777 != 0
        && let Err(error) = std::fs::set_permissions(path, Permissions::from_mode(FILE_MODE))
    {
        tracing::warn!(file = %path.display(), "others may read it: {error}");
    }
    Ok(())
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(PREPARED_STATEMENTS);
    use_wal(&connection)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    Ok(connection)
}

/// SQLite does not wait by itself while another process changes the mode of a file that is new to both: each could be waiting for
/// the other.
fn use_wal(connection: &Connection) -> rusqlite::Result<()> {
    let deadline = Instant::now() + BUSY_TIMEOUT;
    loop {
        match connection.pragma_update(None, "journal_mode", "WAL") {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && Instant::now() < deadline => {
                thread::sleep(BETWEEN_TRIES);
            }
            done => return done,
        }
    }
}

/// `user_version` counts the migrations that the file has had.
fn migrate(connection: &mut Connection, path: &Path, migrations: &[&str]) -> Result<(), OpenError> {
    let sqlite = |error| OpenError::Sqlite { path: path.into(), error };
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(sqlite)?;
    let found: u32 = transaction.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(sqlite)?;
    let known = u32::try_from(migrations.len()).unwrap_or(u32::MAX);
    if found > known {
        return Err(OpenError::Newer { path: path.into(), found, known });
    }
    let apply = || {
        transaction.execute_batch(outbox::TABLE)?;
        migrations.iter().skip(found as usize).try_for_each(|migration| transaction.execute_batch(migration))?;
        transaction.pragma_update(None, "user_version", known)
    };
    apply().map_err(sqlite)?;
    transaction.commit().map_err(sqlite)
}

fn work_off(name: &str, mut connection: Connection) -> std::io::Result<mpsc::Sender<Job>> {
    let (sender, mut jobs) = mpsc::channel::<Job>(LONGEST_QUEUE);
    thread::Builder::new().name(format!("sqlite {name}")).spawn(move || {
        while let Some(job) = jobs.blocking_recv() {
            // A query that panics is its caller's misfortune: its answer is `Closed`, and the next one is carried out.
            let _ = catch_unwind(AssertUnwindSafe(|| job(&mut connection)));
        }
    })?;
    Ok(sender)
}

async fn ask<T, E>(
    thread: &mpsc::Sender<Job>,
    work: impl FnOnce(&mut Connection) -> Result<T, E> + Send + 'static,
) -> Result<T, E>
where
    T: Send + 'static,
    E: From<DatabaseError> + Send + 'static,
{
    let (reply, answer) = oneshot::channel();
    let job: Job = Box::new(move |connection| drop(reply.send(work(connection))));
    thread.send(job).await.map_err(|_| DatabaseError::Closed)?;
    answer.await.map_err(|_| E::from(DatabaseError::Closed))?
}
