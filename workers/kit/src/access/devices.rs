//! Devices: added, listed with their last use, and revoked at once.

use std::{collections::BTreeSet, net::IpAddr};

use jiff::{SignedDuration, Timestamp};
use rusqlite::{OptionalExtension, Transaction, params};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::{
    Access, AccessError, grants,
    invitations::Invitation,
    invitations::Paired,
    known::NOTED_EVERY,
    passkeys,
    secret::{HASHED_BY, Token},
};
use crate::{clock, database::Change, outbox::Event};

/// Devices at once; a home has some ten.
pub const MOST_DEVICES: usize = 256;
/// The longest name of a device, in characters.
pub const LONGEST_NAME: usize = 64;

/// A device as it is listed. Its credential is nowhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Device {
    /// Its id, a UUID.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// `resident`, `carer`, `clinician`, `device` or `service`.
    pub role: String,
    /// Whose it is, or for whom.
    pub resident: i64,
    /// Whether it is a screen that anybody can touch.
    pub kiosk: bool,
    /// Whether it is the hub itself.
    pub is_hub: bool,
    /// When it was let in.
    pub paired_at: String,
    /// By which device; `None` is the command line.
    pub paired_by: Option<String>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<String>,
    /// From which address.
    pub last_used_from: Option<String>,
    /// Since when it is let in no more.
    pub revoked_at: Option<String>,
}

pub(super) struct NewDevice {
    pub invitation: Invitation,
    pub by: Option<String>,
    pub token: Token,
    pub now: Timestamp,
}

/// What people can read and tell apart.
pub(super) fn check_name(name: &str) -> Result<(), AccessError> {
    let fits = !name.trim().is_empty() && name.chars().count() <= LONGEST_NAME && !name.chars().any(char::is_control);
    fits.then_some(()).ok_or(AccessError::Name)
}

pub(super) fn add(transaction: &Transaction<'_>, new: NewDevice) -> Result<(Paired, Event), AccessError> {
    let NewDevice { invitation: Invitation { role, name, resident, is_kiosk, grants }, by, token, now } = new;
    let sql = "SELECT count(*) FROM devices WHERE revoked_at IS NULL";
    if transaction.query_row(sql, [], |row| row.get::<_, i64>(0))? >= MOST_DEVICES as i64 {
        return Err(AccessError::TooMany);
    }
    let name = name.map_or_else(|| format!("Unnamed {}", role.name()), |name| name.trim().to_owned());
    let device = Uuid::now_v7().to_string();
    let sql = "INSERT INTO devices (id, name, role, resident, key_hash, hashed_by, paired_at, paired_by, is_kiosk)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
    let hash = token.hash().0;
    let paired = clock::iso(now);
    transaction.execute(sql, params![device, name, role.name(), resident, hash, HASHED_BY, paired, by, is_kiosk])?;
    for (area, level) in &grants {
        grants::give(transaction, &device, resident, *area, *level, by.as_deref(), now)?;
    }
    let event =
        json!({"id": device, "name": name, "role": role.name(), "subject": resident, "kiosk": is_kiosk, "by": by});
    Ok((Paired { token, device, name, role, resident, is_kiosk }, Event::new("access.paired", event)))
}

impl Access {
    /// Every device that was ever let in, the newest first.
    ///
    /// # Errors
    /// If they cannot be read.
    pub async fn devices(&self) -> Result<Vec<Device>, AccessError> {
        let sql =
            "SELECT id, name, role, resident, is_hub, paired_at, paired_by, last_used_at, last_used_from, revoked_at, is_kiosk
            FROM devices ORDER BY id DESC";
        let query = move |connection: &rusqlite::Connection| {
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map([], |row| {
                Ok(Device {
                    id: row.get(0)?,
                    name: row.get(1)?,
                    role: row.get(2)?,
                    resident: row.get(3)?,
                    is_hub: row.get(4)?,
                    paired_at: row.get(5)?,
                    paired_by: row.get(6)?,
                    last_used_at: row.get(7)?,
                    last_used_from: row.get(8)?,
                    revoked_at: row.get(9)?,
                    kiosk: row.get(10)?,
                })
            })?;
            Ok::<_, AccessError>(rows.collect::<Result<_, _>>()?)
        };
        self.0.database.read(query).await
    }

    /// Lets a device in no more, from now on, in every worker. Doing it again changes nothing.
    ///
    /// # Errors
    /// [`AccessError::UnknownDevice`], [`AccessError::IsHub`], or that it cannot be kept.
    pub async fn revoke(&self, device: String, by: Option<String>, now: Timestamp) -> Result<(), AccessError> {
        let change = move |transaction: &Transaction<'_>| {
            let sql = "SELECT is_hub, revoked_at IS NOT NULL, name FROM devices WHERE id = ?";
            let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get::<_, String>(2)?));
            let found: Option<(bool, bool, String)> = transaction.query_row(sql, [&device], row).optional()?;
            let (is_hub, is_revoked, name) = found.ok_or_else(|| AccessError::UnknownDevice(device.clone()))?;
            if is_hub {
                return Err(AccessError::IsHub);
            }
            if is_revoked {
                return Ok(Change::none(()));
            }
            let sql = "UPDATE devices SET revoked_at = ?, revoked_by = ? WHERE id = ?";
            transaction.execute(sql, params![clock::iso(now), by, device])?;
            passkeys::forget_those_of(transaction, &device)?;
            let event = json!({"id": device, "name": name, "by": by});
            Ok(Change::new((), Event::new("access.revoked", event)))
        };
        self.0.database.write(change).await
    }

    /// Lets in nobody any more who is a resident's, or there for them, but `keep` and the hub itself: their devices are revoked, what
    /// devices of others were granted of that resident is withdrawn, and codes that nobody used yet are void. How many devices
    /// lost something. All of it, or nothing.
    ///
    /// # Errors
    /// That it cannot be kept.
    pub async fn revoke_others(&self, resident: i64, keep: String, now: Timestamp) -> Result<usize, AccessError> {
        let change = move |transaction: &Transaction<'_>| {
            let mut events = Vec::new();
            let sql = "UPDATE devices SET revoked_at = ?1, revoked_by = ?2
                WHERE resident = ?3 AND id <> ?2 AND is_hub = 0 AND revoked_at IS NULL RETURNING id, name";
            let mut statement = transaction.prepare(sql)?;
            let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
            let revoked = statement.query_map(params![clock::iso(now), keep, resident], row)?;
            for revoked in revoked {
                let (id, name): (String, String) = revoked?;
                events.push(Event::new("access.revoked", json!({"id": id, "name": name, "by": keep})));
            }
            let sql = "UPDATE grants SET withdrawn_at = ?1, withdrawn_by = ?2
                WHERE resident = ?3 AND device <> ?2 AND withdrawn_at IS NULL
                AND device IN (SELECT id FROM devices WHERE revoked_at IS NULL) RETURNING device, area";
            let mut statement = transaction.prepare(sql)?;
            let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
            let withdrawn = statement.query_map(params![clock::iso(now), keep, resident], row)?;
            let mut others = BTreeSet::new();
            for withdrawn in withdrawn {
                let (device, area): (String, String) = withdrawn?;
                let event = json!({"id": device, "subject": resident, "area": area, "by": keep});
                events.push(Event::new("access.withdrawn", event));
                others.insert(device);
            }
            transaction.execute("DELETE FROM codes WHERE resident = ? AND device IS NULL", [resident])?;
            let revoked = events.iter().filter(|event| event.kind == "access.revoked").count();
            Ok::<_, AccessError>(Change::several(revoked + others.len(), events))
        };
        self.0.database.write(change).await
    }

    pub(super) async fn used(
        &self,
        device: String,
        address: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<(), AccessError> {
        let change = move |transaction: &Transaction<'_>| {
            let every = SignedDuration::try_from(NOTED_EVERY).unwrap_or(SignedDuration::ZERO);
            let before = clock::iso(now.saturating_sub(every).unwrap_or(now));
            // Other workers keep it too; a clock that was set back is no reason to keep nothing.
            let sql = "UPDATE devices SET last_used_at = ?1, last_used_from = ?2
                WHERE id = ?3 AND (last_used_at IS NULL OR last_used_at <= ?4 OR last_used_at > ?1)";
            let address = address.map(|address| address.to_string());
            transaction.execute(sql, params![clock::iso(now), address, device, before])?;
            Ok::<_, AccessError>(Change::none(()))
        };
        self.0.database.write(change).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{role::Role, rule::FIRST_RESIDENT};

    #[tokio::test]
    async fn there_are_so_many_devices_at_once_and_one_that_is_revoked_makes_room() {
        let folder = tempfile::tempdir().unwrap();
        let (access, now) = (Access::open(folder.path()).unwrap(), Timestamp::now());
        let file = rusqlite::Connection::open(folder.path().join(super::super::FILE)).unwrap();
        let let_in: i64 =
            file.query_row("SELECT count(*) FROM devices WHERE revoked_at IS NULL", [], |row| row.get(0)).unwrap();
        // All but the last two, which come as devices do.
        for number in let_in..MOST_DEVICES as i64 - 2 {
            let sql = "INSERT INTO devices (id, name, role, resident, key_hash, paired_at) VALUES (?, 'x', 'device', 1, ?, ?)";
            let hash = Token::random().unwrap().hash().0;
            file.execute(sql, params![format!("filler-{number}"), hash, clock::iso(now)]).unwrap();
        }
        let (code, _) = access.invite(Invitation::of(Role::Carer), None, now).await.unwrap();
        let first = access.add_program(Invitation::of(Role::Device), now).await.unwrap();
        access.add_program(Invitation::of(Role::Resident), now).await.unwrap();
        for refused in [
            access.add_program(Invitation::of(Role::Resident), now).await.map(drop),
            access.pair(&code, None, now).await.map(drop),
        ] {
            assert!(matches!(refused, Err(AccessError::TooMany)), "{refused:?}");
        }
        let problem = crate::Problem::from(AccessError::TooMany);
        assert_eq!(problem.status(), http::StatusCode::CONFLICT);
        access.revoke(first.device, None, now).await.unwrap();
        let paired = access.pair(&code, None, now).await.expect("the code was not used up");
        assert_eq!((paired.role, paired.resident), (Role::Carer, FIRST_RESIDENT));
        assert!(matches!(access.add_program(Invitation::of(Role::Carer), now).await, Err(AccessError::TooMany)));
    }
}
