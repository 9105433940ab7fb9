//! Passkeys: kept with the device that made them, and what they let in. What one proves is looked at elsewhere.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction, params};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::{
    Access, AccessError,
    devices::{self, LONGEST_NAME, NewDevice},
    grants,
    invitations::{Invitation, Paired},
    secret::Token,
};
use crate::{
    clock,
    database::Change,
    outbox::Event,
    role::Role,
    rule::{Area, Caller, Level},
};

/// Passkeys that a device may have made; somebody has a telephone, a computer and a key on a ring.
pub const MOST_PASSKEYS: usize = 8;
/// What the name of a device says that came in by a passkey, unless it was given one.
const BY_PASSKEY: &str = ", by passkey";

/// A passkey as it is listed. What it proves itself by is nowhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Passkey {
    /// Its id, a UUID.
    pub id: String,
    /// The device that made it.
    pub device: String,
    /// The host that it is for.
    pub host: String,
    /// When it was made.
    pub made_at: String,
    /// When somebody signed in with it.
    pub last_used_at: Option<String>,
}

/// A passkey that was just made.
#[derive(Clone, Debug)]
pub struct NewPasskey {
    /// What the authenticator calls it.
    pub credential_id: Vec<u8>,
    /// The host that it is for.
    pub host: String,
    /// What is needed to check it, as text.
    pub credential: String,
}

/// What is needed to check a passkey.
#[derive(Clone, Debug)]
pub struct Checkable {
    /// Its id.
    pub id: String,
    /// The device that made it.
    pub device: String,
    /// As it was kept.
    pub credential: String,
}

/// Takes a device's passkeys with it.
pub(super) fn forget_those_of(transaction: &Transaction<'_>, device: &str) -> rusqlite::Result<()> {
    transaction.execute("DELETE FROM passkeys WHERE device = ?", [device]).map(drop)
}

impl Access {
    /// The passkeys of devices that are let in, the newest first.
    ///
    /// # Errors
    /// If they cannot be read.
    pub async fn passkeys(&self) -> Result<Vec<Passkey>, AccessError> {
        let query = |connection: &rusqlite::Connection| {
            let sql = "SELECT passkeys.id, device, host, made_at, passkeys.last_used_at
                FROM passkeys JOIN devices ON devices.id = device WHERE revoked_at IS NULL ORDER BY passkeys.id DESC";
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map([], |row| {
                let (id, device, host) = (row.get(0)?, row.get(1)?, row.get(2)?);
                Ok(Passkey { id, device, host, made_at: row.get(3)?, last_used_at: row.get(4)? })
            })?;
            Ok::<_, AccessError>(rows.collect::<Result<_, _>>()?)
        };
        self.0.database.read(query).await
    }

    /// What authenticators call the passkeys that a device has for a host, so that none makes a second one.
    ///
    /// # Errors
    /// If they cannot be read.
    pub async fn credential_ids(&self, device: String, host: String) -> Result<Vec<Vec<u8>>, AccessError> {
        let query = move |connection: &rusqlite::Connection| {
            let sql = "SELECT credential_id FROM passkeys WHERE device = ? AND host = ?";
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map([device, host], |row| row.get(0))?;
            Ok::<_, AccessError>(rows.collect::<Result<_, _>>()?)
        };
        self.0.database.read(query).await
    }

    /// Keeps a passkey that this caller made, with what the caller may do now; its id.
    ///
    /// # Errors
    /// [`AccessError::UnknownDevice`] if it was revoked meanwhile, [`AccessError::TooManyPasskeys`], or that it cannot be kept.
    pub async fn add_passkey(&self, caller: &Caller, new: NewPasskey, now: Timestamp) -> Result<String, AccessError> {
        let device = caller.device.clone();
        let change = move |transaction: &Transaction<'_>| {
            if role_and_resident(transaction, &device)?.is_none() {
                return Err(AccessError::UnknownDevice(device));
            }
            let sql = "SELECT count(*) FROM passkeys WHERE device = ?";
            if transaction.query_row(sql, [&device], |row| row.get::<_, i64>(0))? >= MOST_PASSKEYS as i64 {
                return Err(AccessError::TooManyPasskeys);
            }
            let id = Uuid::now_v7().to_string();
            let granted = json!(granted(transaction, &device)?).to_string();
            let sql = "INSERT INTO passkeys (id, device, credential_id, host, credential, grants, made_at)
                VALUES (?, ?, ?, ?, ?, ?, ?)";
            let NewPasskey { credential_id, host, credential } = new;
            let values = params![id, device, credential_id, host, credential, granted, clock::iso(now)];
            transaction.execute(sql, values)?;
            let event = Event::new("access.passkey-added", json!({"id": id, "device": device, "host": host}));
            Ok(Change::new(id, event))
        };
        self.0.database.write(change).await
    }

    /// What is needed to check a passkey of this host; `None` if there is none, or whoever made it is let in no more.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn passkey(&self, credential_id: Vec<u8>, host: String) -> Result<Option<Checkable>, AccessError> {
        let query = move |connection: &rusqlite::Connection| {
            let sql = "SELECT passkeys.id, device, credential FROM passkeys JOIN devices ON devices.id = device
                WHERE credential_id = ? AND host = ? AND revoked_at IS NULL";
            let row = |row: &rusqlite::Row<'_>| {
                Ok(Checkable { id: row.get(0)?, device: row.get(1)?, credential: row.get(2)? })
            };
            let found = connection.prepare_cached(sql)?.query_row(params![credential_id, host], row).optional();
            Ok::<_, AccessError>(found?)
        };
        self.0.database.read(query).await
    }

    /// Lets in whoever proved to have this passkey: a new device, with what the one that made it might do then and may do now.
    /// What is kept of the passkey is what `checked` says. Without a name it is called after the one that made the passkey.
    ///
    /// # Errors
    /// [`AccessError::WrongPasskey`] if it or its device is gone, or that it cannot be kept.
    pub async fn sign_in(
        &self,
        checked: Checkable,
        name: Option<String>,
        now: Timestamp,
    ) -> Result<Paired, AccessError> {
        name.as_deref().map_or(Ok(()), devices::check_name)?;
        let token = Token::random()?;
        let change = move |transaction: &Transaction<'_>| {
            let Checkable { id, device: by, credential } = checked;
            let sql = "SELECT grants FROM passkeys WHERE id = ? AND device = ?";
            let then: Option<String> = transaction.query_row(sql, [&id, &by], |row| row.get(0)).optional()?;
            let (Some(then), Some((role, resident))) = (then, role_and_resident(transaction, &by)?) else {
                return Err(AccessError::WrongPasskey);
            };
            let sql = "UPDATE passkeys SET credential = ?, last_used_at = ? WHERE id = ?";
            transaction.execute(sql, params![credential, clock::iso(now), id])?;
            let (then, present) = (read_grants(&then), granted(transaction, &by)?);
            let name = name.map_or_else(|| named_after(transaction, &by), Ok)?;
            let invitation = Invitation { role, name: Some(name), resident, grants: Vec::new(), is_kiosk: false };
            let new = NewDevice { invitation, by: Some(by.clone()), token, now };
            let (paired, event) = devices::add(transaction, new)?;
            for (resident, area, level) in common(&then, &read_grants(&json!(present).to_string())) {
                grants::give(transaction, &paired.device, resident, area, level, Some(&by), now)?;
            }
            Ok(Change::new(paired, event))
        };
        self.0.database.write(change).await
    }

    /// Nobody signs in with it any more. Doing it again changes nothing.
    ///
    /// # Errors
    /// That it cannot be kept.
    pub async fn remove_passkey(&self, id: String, by: Option<String>) -> Result<(), AccessError> {
        let change = move |transaction: &Transaction<'_>| {
            if transaction.execute("DELETE FROM passkeys WHERE id = ?", [&id])? == 0 {
                return Ok(Change::none(()));
            }
            Ok::<_, AccessError>(Change::new((), Event::new("access.passkey-removed", json!({"id": id, "by": by}))))
        };
        self.0.database.write(change).await
    }
}

/// Of a device that is let in.
fn role_and_resident(transaction: &Transaction<'_>, device: &str) -> rusqlite::Result<Option<(Role, i64)>> {
    let sql = "SELECT role, resident FROM devices WHERE id = ? AND revoked_at IS NULL";
    let found = transaction.query_row(sql, [device], |row| Ok((row.get::<_, String>(0)?, row.get(1)?))).optional()?;
    Ok(found.and_then(|(role, resident)| Some((Role::named(&role)?, resident))))
}

/// So that whoever looks who has access sees whose it is, and which of them came later.
fn named_after(transaction: &Transaction<'_>, device: &str) -> rusqlite::Result<String> {
    let sql = "SELECT name FROM devices WHERE id = ?";
    let name: String = transaction.query_row(sql, [device], |row| row.get(0))?;
    let own = name.strip_suffix(BY_PASSKEY).unwrap_or(&name);
    let room = LONGEST_NAME - BY_PASSKEY.chars().count();
    Ok(own.chars().take(room).chain(BY_PASSKEY.chars()).collect())
}

fn granted(transaction: &Transaction<'_>, device: &str) -> rusqlite::Result<Vec<(i64, String, String)>> {
    let sql = "SELECT resident, area, level FROM grants WHERE device = ? AND withdrawn_at IS NULL ORDER BY id";
    let mut statement = transaction.prepare_cached(sql)?;
    statement.query_map([device], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?.collect()
}

fn read_grants(json: &str) -> Vec<(i64, Area, Level)> {
    let written: Vec<(i64, String, String)> = serde_json::from_str(json).unwrap_or_default();
    let known = written
        .iter()
        .filter_map(|(resident, area, level)| Some((*resident, Area::named(area)?, Level::named(level)?)));
    known.collect()
}

/// What is in both, and no more of it than in either.
fn common(then: &[(i64, Area, Level)], now: &[(i64, Area, Level)]) -> Vec<(i64, Area, Level)> {
    let also = |&(resident, area, level): &(i64, Area, Level)| {
        let found = now.iter().find(|(whose, what, _)| (*whose, *what) == (resident, area))?;
        Some((resident, area, level.min(found.2)))
    };
    then.iter().filter_map(also).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_passkey_gives_what_was_given_then_and_still_is() {
        let (read, write) = (Level::Read, Level::Write);
        let then =
            [(1, Area::Vitals, write), (1, Area::Activity, read), (1, Area::Video, write), (2, Area::Vitals, read)];
        let now = [
            (1, Area::Vitals, read),
            (1, Area::Activity, write),
            (1, Area::Medication, write),
            (2, Area::Vitals, read),
        ];
        let expected = [(1, Area::Vitals, read), (1, Area::Activity, read), (2, Area::Vitals, read)];
        assert_eq!(common(&then, &now), expected);
    }
}
