//! The PIN is set, and typed: what becomes of that, in the file that all workers look at.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{OptionalExtension, Transaction, params};
use serde_json::json;

use super::{HashError, Kept, MOST_WRONG, MOST_WRONG_OF_RESIDENT, Pin, tries::Tries};
use crate::{
    access::{
        Access, AccessError,
        kiosk::{Lock, UNLOCKED_FOR},
    },
    clock,
    database::Change,
    outbox::Event,
    rule::Caller,
};

/// How long after its pairing a kiosk may set the first PIN, so that a house whose only device it is can begin.
pub const SET_WITHIN: SignedDuration = SignedDuration::from_mins(15);

/// What came of a PIN that was typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unlocking {
    /// It was right; until when the kiosk is unlocked.
    Unlocked(Timestamp),
    /// There is none.
    NoPin,
    /// It was not right.
    Wrong,
    /// Too many were not right: for how long none is looked at.
    LockedOut(SignedDuration),
}

/// What came of setting a PIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PinChange {
    /// It is set.
    Set,
    /// The kiosk was paired too long ago to set the first one.
    TooLate,
    /// The present PIN is needed as well.
    NeedsPresent,
    /// The present PIN was not right.
    Wrong,
    /// Too many were not right: for how long none is looked at.
    LockedOut(SignedDuration),
}

/// Whether a PIN may be looked at; then it counts as wrong until it was.
enum Try {
    Look(Kept),
    NoPin,
    LockedOut(SignedDuration),
}

impl Access {
    /// How this kiosk is locked; `None` of every other device.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn kiosk(&self, caller: &Caller, now: Timestamp) -> Result<Option<Lock>, AccessError> {
        let (device, resident) = (caller.device.clone(), caller.resident);
        if !caller.is_kiosk {
            return Ok(None);
        }
        let query = move |connection: &rusqlite::Connection| {
            let sql = "SELECT unlocked_at FROM devices WHERE id = ?";
            let at: Option<String> = connection.query_row(sql, [device], |row| row.get(0)).optional()?.flatten();
            let has_pin = kept(connection, resident)?.is_some();
            Ok::<_, AccessError>(Some(Lock::of(has_pin, at.and_then(|at| at.parse().ok()), now)))
        };
        self.0.database.read(query).await
    }

    /// Whether this resident has a PIN.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn has_pin(&self, resident: i64) -> Result<bool, AccessError> {
        self.0.database.read(move |connection| Ok::<_, AccessError>(kept(connection, resident)?.is_some())).await
    }

    /// How long this kiosk may set the first PIN yet; `None` if it may not. Whether there is one is another question.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn first_pin_within(
        &self,
        kiosk: &Caller,
        now: Timestamp,
    ) -> Result<Option<SignedDuration>, AccessError> {
        let device = kiosk.device.clone();
        let query =
            move |connection: &rusqlite::Connection| Ok::<_, AccessError>(just_paired(connection, Some(&device), now)?);
        self.0.database.read(query).await
    }

    /// Unlocks a kiosk, in every worker at once.
    ///
    /// # Errors
    /// If it cannot be looked at or kept.
    pub async fn unlock(&self, kiosk: &Caller, typed: &str, now: Timestamp) -> Result<Unlocking, AccessError> {
        let (device, resident) = (kiosk.device.clone(), kiosk.resident);
        let checked = self.try_pin(&device, resident, typed, now).await?;
        if checked != Unlocking::Unlocked(now) {
            return Ok(checked);
        }
        let change = move |transaction: &Transaction<'_>| {
            forgive(transaction, resident)?;
            let sql = "UPDATE devices SET unlocked_at = ? WHERE id = ? AND is_kiosk";
            transaction.execute(sql, params![clock::iso(now), device])?;
            let event = json!({"id": device, "subject": resident});
            Ok::<_, AccessError>(Change::new((), Event::new("access.unlocked", event)))
        };
        self.0.database.write(change).await?;
        Ok(Unlocking::Unlocked(now.saturating_add(UNLOCKED_FOR).unwrap_or(now)))
    }

    /// Locks a kiosk again.
    ///
    /// # Errors
    /// If it cannot be kept.
    pub async fn lock(&self, device: String) -> Result<(), AccessError> {
        let change = move |transaction: &Transaction<'_>| {
            let sql = "UPDATE devices SET unlocked_at = NULL WHERE id = ? AND unlocked_at IS NOT NULL";
            if transaction.execute(sql, [&device])? == 0 {
                return Ok::<_, AccessError>(Change::none(()));
            }
            Ok(Change::new((), Event::new("access.locked", json!({"id": device}))))
        };
        self.0.database.write(change).await
    }

    /// Sets a resident's PIN. `by` is the device; `None` is the command line. A kiosk needs the present one, or is just paired
    /// and there is none. All kiosks are locked then, and wrong ones are forgiven.
    ///
    /// # Errors
    /// If it cannot be kept.
    pub async fn set_pin(
        &self,
        resident: i64,
        pin: &Pin,
        by: Option<(&Caller, Option<String>)>,
        now: Timestamp,
    ) -> Result<PinChange, AccessError> {
        let device = by.as_ref().map(|(caller, _)| caller.device.clone());
        let mut is_first = false;
        if let Some((caller, present)) = by.filter(|(caller, _)| caller.is_kiosk) {
            match present {
                None if self.has_pin(resident).await? => return Ok(PinChange::NeedsPresent),
                None => is_first = true,
                Some(present) => match self.try_pin(&caller.device, resident, &present, now).await? {
                    Unlocking::Unlocked(_) => {}
                    Unlocking::NoPin => is_first = true,
                    Unlocking::Wrong => return Ok(PinChange::Wrong),
                    Unlocking::LockedOut(left) => return Ok(PinChange::LockedOut(left)),
                },
            }
        }
        let one_at_a_time = self.0.pins.lock().await;
        let pin = pin.clone();
        let made = tokio::task::spawn_blocking(move || Kept::of(&pin)).await;
        drop(one_at_a_time);
        let made = flat(made)?;
        let change = move |transaction: &Transaction<'_>| {
            if is_first && kept(transaction, resident)?.is_some() {
                return Ok(Change::none(PinChange::NeedsPresent));
            }
            if is_first && just_paired(transaction, device.as_deref(), now)?.is_none() {
                return Ok(Change::none(PinChange::TooLate));
            }
            let sql =
                "INSERT OR REPLACE INTO pins (resident, hashed_by, salt, hash, memory_kib, passes, set_at, set_by)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
            let Kept { hashed_by, salt, hash, memory_kib, passes } = &made;
            let values = params![resident, hashed_by, salt, hash, memory_kib, passes, clock::iso(now), device];
            transaction.execute(sql, values)?;
            transaction.execute("UPDATE devices SET unlocked_at = NULL WHERE resident = ?", [resident])?;
            forgive(transaction, resident)?;
            let event = json!({"subject": resident, "by": device});
            Ok::<_, AccessError>(Change::new(PinChange::Set, Event::new("access.pin_set", event)))
        };
        self.0.database.write(change).await
    }

    /// `Unlocked(now)` if it is right.
    async fn try_pin(
        &self,
        device: &str,
        resident: i64,
        typed: &str,
        now: Timestamp,
    ) -> Result<Unlocking, AccessError> {
        let one_at_a_time = self.0.pins.lock().await;
        let places =
            [(format!("device {device}"), MOST_WRONG), (format!("resident {resident}"), MOST_WRONG_OF_RESIDENT)];
        let counted = places.clone();
        let change = move |transaction: &Transaction<'_>| count(transaction, &counted, resident, now).map(Change::none);
        let kept = match self.0.database.write(change).await? {
            Try::Look(kept) => kept,
            Try::NoPin => return Ok(Unlocking::NoPin),
            Try::LockedOut(left) => return Ok(Unlocking::LockedOut(left)),
        };
        let text = typed.to_owned();
        let is_right = flat(tokio::task::spawn_blocking(move || kept.is(&text)).await)?;
        drop(one_at_a_time);
        if is_right {
            return Ok(Unlocking::Unlocked(now));
        }
        let left = self.0.database.read(move |connection| longest_wait(connection, &places, now)).await?;
        Ok(left.map_or(Unlocking::Wrong, |left| {
            tracing::warn!(device, "wrong PINs again and again: none is looked at for {left:#}");
            Unlocking::LockedOut(left)
        }))
    }
}

fn flat<T>(done: Result<Result<T, HashError>, tokio::task::JoinError>) -> Result<T, AccessError> {
    match done {
        Ok(Ok(made)) => Ok(made),
        Ok(Err(HashError::NoRandomness(error))) => Err(error.into()),
        Ok(Err(error)) => Err(AccessError::PinUnusable(error.to_string())),
        Err(error) => Err(AccessError::PinUnusable(error.to_string())),
    }
}

/// Counted before it is looked at, so that nobody has more tries by being quick, or by having the hub killed.
fn count(
    transaction: &Transaction<'_>,
    places: &[(String, u32)],
    resident: i64,
    now: Timestamp,
) -> Result<Try, AccessError> {
    let Some(kept) = kept(transaction, resident)? else { return Ok(Try::NoPin) };
    if let Some(left) = longest_wait(transaction, places, now)? {
        let sql = "UPDATE wrong_pins SET latest_at = ?1 WHERE place = ?2 AND latest_at > ?1";
        for (place, _) in places {
            let seen = tries(transaction, place)?.map(|tries| tries.seen_at(now).latest).unwrap_or(now);
            transaction.execute(sql, params![clock::iso(seen), place])?;
        }
        return Ok(Try::LockedOut(left));
    }
    let sql = "INSERT INTO wrong_pins (place, resident, wrong, latest_at) VALUES (?, ?, 1, ?)
        ON CONFLICT (place) DO UPDATE SET wrong = wrong + 1, latest_at = excluded.latest_at";
    for (place, _) in places {
        transaction.execute(sql, params![place, resident, clock::iso(now)])?;
    }
    Ok(Try::Look(kept))
}

fn longest_wait(
    connection: &rusqlite::Connection,
    places: &[(String, u32)],
    now: Timestamp,
) -> Result<Option<SignedDuration>, AccessError> {
    let mut longest = None;
    for (place, most) in places {
        longest = longest.max(tries(connection, place)?.and_then(|tries| tries.left(*most, now)));
    }
    Ok(longest)
}

fn tries(connection: &rusqlite::Connection, place: &str) -> Result<Option<Tries>, AccessError> {
    let sql = "SELECT wrong, latest_at FROM wrong_pins WHERE place = ?";
    let row = connection.query_row(sql, [place], |row| Ok((row.get(0)?, row.get::<_, String>(1)?))).optional()?;
    Ok(row.map(|(wrong, latest)| Tries { wrong, latest: latest.parse().unwrap_or(Timestamp::MIN) }))
}

fn forgive(transaction: &Transaction<'_>, resident: i64) -> rusqlite::Result<usize> {
    transaction.execute("DELETE FROM wrong_pins WHERE resident = ?", [resident])
}

fn kept(connection: &rusqlite::Connection, resident: i64) -> rusqlite::Result<Option<Kept>> {
    let sql = "SELECT hashed_by, salt, hash, memory_kib, passes FROM pins WHERE resident = ?";
    let read = |row: &rusqlite::Row<'_>| {
        let [salt, hash] = [row.get(1)?, row.get(2)?];
        Ok(Kept { hashed_by: row.get(0)?, salt, hash, memory_kib: row.get(3)?, passes: row.get(4)? })
    };
    connection.query_row(sql, [resident], read).optional()
}

/// For how long a device counts as just paired yet; `None` if it does not.
fn just_paired(
    connection: &rusqlite::Connection,
    device: Option<&str>,
    now: Timestamp,
) -> rusqlite::Result<Option<SignedDuration>> {
    let sql = "SELECT paired_at FROM devices WHERE id = ?";
    let paired: Option<String> = connection.query_row(sql, [device], |row| row.get(0)).optional()?;
    let paired = paired.and_then(|at| at.parse::<Timestamp>().ok()).filter(|at| *at <= now);
    Ok(paired.map(|at| SET_WITHIN - now.duration_since(at)).filter(|left| left.is_positive()))
}
