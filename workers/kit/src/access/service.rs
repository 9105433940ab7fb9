//! The hub's own credential: what its workers show to each other. Made at the first start, by whichever worker is first.

use std::{
    fmt,
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use arc_swap::ArcSwap;
use http::HeaderValue;
use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags, TransactionBehavior, params};
use uuid::Uuid;

use super::{
    AccessError, FILE,
    secret::{HASHED_BY, Token},
};
use crate::{
    clock, database,
    sandbox::{Content, Reader},
};

/// Where it is kept, readable for the hub's user only.
pub(crate) const KEY_FILE: &str = "service.key";
const KEY_MODE: u32 = 0o600;
/// What it is called in the list of devices.
const NAME: &str = "This hub's own workers";

/// What a worker shows to the hub's other workers. It changes only when its file was lost or exchanged; whoever is refused looks
/// whether that is why, so that nothing has to be restarted. Cheap to clone.
#[derive(Clone)]
pub struct ServiceKey(Arc<Kept>);

struct Kept {
    path: PathBuf,
    reader: Option<Arc<Reader>>,
    token: ArcSwap<Token>,
}

impl ServiceKey {
    pub(super) fn new(directory: &Path, token: Token, reader: Option<Arc<Reader>>) -> Self {
        Self(Arc::new(Kept { path: directory.join(KEY_FILE), reader, token: ArcSwap::from_pointee(token) }))
    }

    /// As a worker sends it to this host; `None` if that is not this machine, which it must not leave.
    #[must_use]
    pub fn bearer_at(&self, host: &str) -> Option<HeaderValue> {
        self.0.token.load().bearer_at(host)
    }

    /// This was refused by a worker of this host: what to show instead, if there is something else by now.
    #[must_use]
    pub fn instead_of(&self, refused: &HeaderValue, host: &str) -> Option<HeaderValue> {
        let content =
            self.0.reader.as_ref().map_or_else(|| Content::of(&self.0.path), |reader| reader.read(&self.0.path));
        let token = content.bytes().and_then(|bytes| Token::read(std::str::from_utf8(&bytes).ok()?.trim()))?;
        let bearer = token.bearer_at(host).filter(|bearer| bearer != refused)?;
        tracing::info!("{KEY_FILE} is another one now");
        self.0.token.store(Arc::new(token));
        Some(bearer)
    }
}

impl fmt::Debug for ServiceKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ServiceKey(…)")
    }
}

/// Reads it, or makes it. Workers that start at the same time wait for each other in the database.
pub(super) fn ensure(directory: &Path) -> Result<Token, AccessError> {
    let mut connection = Connection::open_with_flags(directory.join(FILE), OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.busy_timeout(database::BUSY_TIMEOUT)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let path = directory.join(KEY_FILE);
    let failed = |error| AccessError::ServiceKey { path: path.clone(), error };
    let kept = match fs::read_to_string(&path) {
        Ok(text) => Token::read(text.trim()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(failed(error)),
    };
    let token = match kept {
        Some(token) => token,
        None => {
            let token = Token::random()?;
            write(directory, &path, &token).map_err(failed)?;
            token
        }
    };
    let hash = token.hash().0;
    let sql = "SELECT count(*) FROM devices WHERE key_hash = ? AND hashed_by = ? AND is_hub AND revoked_at IS NULL";
    let is_known = transaction.query_row(sql, params![hash, HASHED_BY], |row| row.get::<_, i64>(0))? > 0;
    if !is_known {
        let now = clock::iso(Timestamp::now());
        // The file was lost or the database is an older copy: the former credential is nobody's any more.
        let sql = "UPDATE devices SET revoked_at = ? WHERE is_hub AND revoked_at IS NULL";
        if transaction.execute(sql, [&now])? > 0 {
            tracing::warn!(
                "{KEY_FILE} was lost, so there is a new one. Workers that run already look for it when the former is refused"
            );
        }
        let sql = "INSERT INTO devices (id, name, role, resident, key_hash, hashed_by, is_hub, paired_at)
            VALUES (?, ?, 'service', 1, ?, ?, 1, ?)
            ON CONFLICT (key_hash) DO UPDATE
            SET role = 'service', hashed_by = excluded.hashed_by, is_hub = 1, revoked_at = NULL";
        transaction.execute(sql, params![Uuid::now_v7().to_string(), NAME, hash, HASHED_BY, now])?;
    }
    transaction.commit()?;
    Ok(token)
}

/// Whole or not at all, whenever the power fails.
fn write(directory: &Path, path: &Path, token: &Token) -> io::Result<()> {
    let beside = directory.join(format!(".{KEY_FILE}.{}", Uuid::now_v7()));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(KEY_MODE).open(&beside)?;
    let written = file
        .write_all(format!("{}\n", token.reveal()).as_bytes())
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&beside, path))
        .and_then(|()| fs::File::open(directory)?.sync_all());
    if written.is_err() {
        let _ = fs::remove_file(&beside); // Gone, if it was the last step that failed.
    }
    written
}
