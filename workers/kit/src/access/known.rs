//! The callers that `access.db` knows, read again whenever any process has changed it.

use std::{
    collections::HashMap,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags, OptionalExtension};

use super::{
    kiosk::Lock,
    secret::{HASHED_BY, Hash},
};
use crate::{
    role::Role,
    rule::{Area, Caller, Grant, Level},
};

/// A device's last use is kept no more often than this.
pub(super) const NOTED_EVERY: Duration = Duration::from_secs(60);
/// How long a look may wait for another process that recovers the file after a crash. Readers wait for nothing else.
const BUSY_TIMEOUT: Duration = Duration::from_millis(500);

struct Kiosk {
    has_pin: bool,
    unlocked_at: Option<Timestamp>,
}

pub(super) struct Known {
    connection: Connection,
    /// SQLite's own count of what others changed.
    version: Option<i64>,
    callers: Vec<(Hash, Arc<Caller>)>,
    /// The device that the hub's own workers are.
    hub: Option<String>,
    /// Beside the callers: what a kiosk has open is not closed when it is unlocked.
    kiosks: HashMap<String, Kiosk>,
    noted: HashMap<String, Instant>,
}

impl Known {
    pub fn open(path: &Path) -> rusqlite::Result<Self> {
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.pragma_update(None, "query_only", true)?;
        let mut known = Self {
            connection,
            version: None,
            callers: Vec::new(),
            hub: None,
            kiosks: HashMap::new(),
            noted: HashMap::new(),
        };
        known.refresh()?;
        Ok(known)
    }

    /// Whether anything was changed since the last look.
    pub fn refresh(&mut self) -> rusqlite::Result<bool> {
        // Asked before the rows are read: what is committed in between is read now, and once more next time.
        let version = self.connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?;
        if self.version == Some(version) {
            return Ok(false);
        }
        self.callers = callers(&self.connection)?;
        self.hub = hub(&self.connection)?;
        self.kiosks = kiosks(&self.connection)?;
        let callers = &self.callers;
        self.noted.retain(|device, _| callers.iter().any(|(_, caller)| caller.device == *device));
        self.version = Some(version);
        Ok(true)
    }

    /// Looks at all of them, so that the time it takes says nothing.
    pub fn find(&self, hash: &Hash) -> Option<Arc<Caller>> {
        let fitting =
            self.callers.iter().fold(None, |found, (known, caller)| if known.is(hash) { Some(caller) } else { found });
        fitting.cloned()
    }

    /// Whether this device is the hub's own workers.
    pub fn is_hub(&self, device: &str) -> bool {
        self.hub.as_deref() == Some(device)
    }

    /// What holds this kiosk back.
    pub fn lock_of(&self, device: &str, now: Timestamp) -> Lock {
        self.kiosks.get(device).map_or(Lock::UNKNOWN, |kiosk| Lock::of(kiosk.has_pin, kiosk.unlocked_at, now))
    }

    /// Whether this caller may still do what it could do.
    pub fn has(&self, caller: &Caller) -> bool {
        self.callers.iter().any(|(_, known)| **known == *caller)
    }

    /// Whether a use is to be kept now; it counts as kept then.
    pub fn is_to_be_noted(&mut self, device: &str, now: Instant) -> bool {
        let is_due = self.noted.get(device).is_none_or(|noted| now.saturating_duration_since(*noted) >= NOTED_EVERY);
        if is_due {
            self.noted.insert(device.to_owned(), now);
        }
        is_due
    }
}

fn callers(connection: &Connection) -> rusqlite::Result<Vec<(Hash, Arc<Caller>)>> {
    let transaction = connection.unchecked_transaction()?;
    let mut grants = grants(&transaction)?;
    let sql = "SELECT key_hash, id, name, role, resident, is_kiosk FROM devices
        WHERE revoked_at IS NULL AND hashed_by = ? ORDER BY id";
    let mut statement = transaction.prepare_cached(sql)?;
    let rows = statement.query_map([HASHED_BY], |row| {
        let role: String = row.get(3)?;
        Ok((Hash(row.get(0)?), row.get::<_, String>(1)?, row.get(2)?, role, row.get(4)?, row.get(5)?))
    })?;
    let mut callers = Vec::new();
    for row in rows {
        let (hash, device, name, role, resident, is_kiosk) = row?;
        // A role of a newer version is nobody here.
        let Some(role) = Role::named(&role) else { continue };
        let grants = grants.remove(&device).unwrap_or_default();
        callers.push((hash, Arc::new(Caller { device, name, role, resident, is_kiosk, grants })));
    }
    Ok(callers)
}

fn hub(connection: &Connection) -> rusqlite::Result<Option<String>> {
    let sql = "SELECT id FROM devices WHERE is_hub AND revoked_at IS NULL";
    connection.prepare_cached(sql)?.query_row([], |row| row.get(0)).optional()
}

fn kiosks(connection: &Connection) -> rusqlite::Result<HashMap<String, Kiosk>> {
    let sql = "SELECT id, unlocked_at, resident IN (SELECT resident FROM pins) FROM devices WHERE is_kiosk AND revoked_at IS NULL";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([], |row| {
        let unlocked_at: Option<String> = row.get(1)?;
        let unlocked_at = unlocked_at.and_then(|at| at.parse().ok());
        Ok((row.get(0)?, Kiosk { has_pin: row.get(2)?, unlocked_at }))
    })?;
    rows.collect()
}

fn grants(connection: &Connection) -> rusqlite::Result<HashMap<String, Vec<Grant>>> {
    let sql = "SELECT device, resident, area, level FROM grants WHERE withdrawn_at IS NULL ORDER BY id";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    let mut grants = HashMap::<String, Vec<Grant>>::new();
    while let Some(row) = rows.next()? {
        let (area, level): (String, String) = (row.get(2)?, row.get(3)?);
        if let (Some(area), Some(level)) = (Area::named(&area), Level::named(&level)) {
            grants.entry(row.get(0)?).or_default().push(Grant { resident: row.get(1)?, area, level });
        }
    }
    Ok(grants)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rusqlite::params;

    use super::{
        super::{Access, FILE, KEY_FILE, MIGRATIONS, secret::Token},
        *,
    };
    use crate::database;

    /// How many migrations there were when hashes had no name yet.
    const UNNAMED: usize = 3;

    #[test]
    fn a_hash_of_an_earlier_version_is_known_and_one_that_another_function_made_is_nobodys() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let (paired, newer) = (Token::random().unwrap(), Token::random().unwrap());
        let earlier = database::connection(&path, &MIGRATIONS[..UNNAMED]).unwrap();
        let sql = "INSERT INTO devices (id, name, role, resident, key_hash, paired_at) VALUES (?, 'x', 'carer', 1, ?, '2031-01-01T00:00:00Z')";
        earlier.execute(sql, params!["earlier", paired.hash().0]).unwrap();
        drop(earlier);
        Access::open(folder.path()).unwrap();
        let file = Connection::open(&path).unwrap();
        file.execute(sql, params!["newer", newer.hash().0]).unwrap();
        file.execute("UPDATE devices SET hashed_by = 'sha3-256' WHERE id = 'newer'", []).unwrap();
        let mut known = Known::open(&path).unwrap();
        let device = |token: &Token| known.find(&token.hash()).map(|caller| caller.device.clone());
        assert_eq!(device(&paired).as_deref(), Some("earlier"));
        assert_eq!(device(&newer), None);
        let hub = Token::read(fs::read_to_string(folder.path().join(KEY_FILE)).unwrap().trim_end()).unwrap();
        assert!(device(&hub).is_some(), "the hub knows itself");
        // Named as it is, it counts at once.
        file.execute("UPDATE devices SET hashed_by = ? WHERE id = 'newer'", [HASHED_BY]).unwrap();
        assert!(known.refresh().unwrap() && known.find(&newer.hash()).is_some());
    }

    #[tokio::test]
    async fn a_code_that_another_function_made_opens_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let access = Access::open(folder.path()).unwrap();
        let now = Timestamp::now();
        let invitation = super::super::Invitation::of(Role::Carer);
        let (code, _) = access.invite(invitation, None, now).await.unwrap();
        let file = Connection::open(folder.path().join(FILE)).unwrap();
        file.execute("UPDATE codes SET hashed_by = 'sha3-256'", []).unwrap();
        assert!(access.pair(&code, None, now).await.is_err());
        file.execute("UPDATE codes SET hashed_by = ?", [HASHED_BY]).unwrap();
        assert!(access.pair(&code, None, now).await.is_ok());
    }
}
