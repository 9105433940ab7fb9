//! What people say of devices: that they belong here, what they are called, and who wears them.

use jiff::Timestamp;
use kit::{clock, outbox::Event};
use rusqlite::{OptionalExtension, Transaction, params};
use serde_json::Value;

use super::{
    Change, DatabaseError, Device, Store, by_address, device,
    sighted::{DEVICE_REGISTERED, NewDevice, register},
};
use crate::{
    devices::{Address, LONGEST_KIND, LONGEST_NAME, MOST_DEVICES, Seen, UNKNOWN_KIND, USUAL_KIND},
    store::{RESIDENT, history, residents::ResidentError},
};

/// A device may be connected to from now on. The payload has `asked_address`: the address as whoever paired it wrote it.
pub const DEVICE_PAIRED: &str = "device.paired";
/// A device is not connected to any more; without `asked_address` because another one of its kind took its place.
pub const DEVICE_UNPAIRED: &str = "device.unpaired";
/// A device has another name, kind or wearer.
pub const DEVICE_CHANGED: &str = "device.changed";

const PAIRED_OF_KIND: &str = "SELECT * FROM devices WHERE is_paired = 1 AND kind = ? AND subject = ?";

/// A device that somebody pairs.
#[derive(Clone, Debug, PartialEq)]
pub struct Pairing {
    pub address: Address,
    /// As it was written.
    pub written: String,
    pub name: Option<String>,
    pub kind: Option<String>,
    /// Of the device as it was heard lately.
    pub sighting: Seen,
}

/// Why a device is not as somebody wants it.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    #[error("Device not found")]
    Unknown,
    #[error("{MOST_DEVICES} devices are known already, which is the most there may be")]
    TooMany,
    #[error("{field} must be 1 to {longest} characters long")]
    Length { field: &'static str, longest: usize },
    #[error(transparent)]
    Resident(#[from] ResidentError),
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl From<rusqlite::Error> for DeviceError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error.into())
    }
}

impl Store {
    /// Pairs a device; the answer is the device as it was before, as existing clients expect. Another one of its kind that
    /// was paired for the same resident is not any more.
    pub async fn pair(&self, pairing: Pairing, now: Timestamp) -> Result<Device, DeviceError> {
        let name = pairing.name.clone().map(|name| checked("name", name, LONGEST_NAME)).transpose()?;
        let kind = pairing.kind.clone().map(|kind| checked("deviceType", kind, LONGEST_KIND)).transpose()?;
        self.database
            .write(move |transaction| {
                let mut events = Vec::new();
                let before = known_or_new(transaction, &pairing, name, kind, now, &mut events)?;
                events.extend(give_way(transaction, &before, before.subject, now)?);
                let after = set_paired(transaction, &before, true, now)?;
                events.push(Event::new(DEVICE_PAIRED, asked(&after, &pairing.written)));
                Ok(Change::several(before, events))
            })
            .await
    }

    /// Unpairs a device that is known; one that is not paired stays so.
    pub async fn unpair(&self, address: Address, written: String, now: Timestamp) -> Result<Device, DeviceError> {
        self.database
            .write(move |transaction| {
                let known = by_address(transaction, address)?.ok_or(DeviceError::Unknown)?;
                if !known.is_paired {
                    return Ok(Change::none(known));
                }
                let after = set_paired(transaction, &known, false, now)?;
                let event = Event::new(DEVICE_UNPAIRED, asked(&after, &written));
                Ok(Change::new(after, event))
            })
            .await
    }

    /// Another name or another wearer. What was measured stays with whom it was measured at.
    pub async fn change_device(
        &self,
        address: Address,
        name: Option<String>,
        wearer: Option<i64>,
        now: Timestamp,
    ) -> Result<Device, DeviceError> {
        let name = name.map(|name| checked("name", name, LONGEST_NAME)).transpose()?;
        if let Some(wearer) = wearer {
            self.home_of(wearer).await?;
        }
        self.database
            .write(move |transaction| {
                let known = by_address(transaction, address)?.ok_or(DeviceError::Unknown)?;
                let name = name.or_else(|| known.seen.name.clone());
                let subject = wearer.unwrap_or(known.subject);
                if (&name, subject) == (&known.seen.name, known.subject) {
                    return Ok(Change::none(known));
                }
                let mut events = Vec::new();
                if known.is_paired {
                    events.extend(give_way(transaction, &known, subject, now)?);
                }
                history::keep(transaction, "devices", known.compat_id, now)?;
                let sql = "UPDATE devices SET name = ?, subject = ?, version = version + 1, changed_at = ?
                           WHERE compat_id = ? RETURNING *";
                let values = params![name, subject, clock::iso(now), known.compat_id];
                let changed = transaction.query_row(sql, values, device)?;
                events.push(Event::new(DEVICE_CHANGED, changed.whole()));
                Ok(Change::several(changed, events))
            })
            .await
    }
}

fn checked(field: &'static str, text: String, longest: usize) -> Result<String, DeviceError> {
    let text = text.trim();
    let fits = (1..=longest).contains(&text.chars().count());
    if fits { Ok(text.to_owned()) } else { Err(DeviceError::Length { field, longest }) }
}

/// The device with the name and kind that it is paired under.
fn known_or_new(
    transaction: &Transaction<'_>,
    pairing: &Pairing,
    name: Option<String>,
    kind: Option<String>,
    now: Timestamp,
    events: &mut Vec<Event>,
) -> Result<Device, DeviceError> {
    let Some(known) = by_address(transaction, pairing.address)? else {
        let kind = kind.unwrap_or_else(|| USUAL_KIND.into());
        let name = name.or_else(|| pairing.sighting.name.clone());
        let sighting = Seen { name, at: pairing.sighting.at.or(Some(now)), ..pairing.sighting.clone() };
        let (address, written) = (pairing.address, pairing.written.as_str());
        let new = NewDevice { address, written, kind: &kind, subject: RESIDENT, sighting };
        let device = register(transaction, &new, now)?.ok_or(DeviceError::TooMany)?;
        events.push(Event::new(DEVICE_REGISTERED, device.whole()));
        return Ok(device);
    };
    let usual = if known.kind == UNKNOWN_KIND { USUAL_KIND } else { &known.kind };
    let kind = kind.unwrap_or_else(|| usual.to_owned());
    let name = name.or_else(|| known.seen.name.clone());
    if (&name, &kind) == (&known.seen.name, &known.kind) {
        return Ok(known);
    }
    history::keep(transaction, "devices", known.compat_id, now)?;
    // A paired one that becomes something else may meet another of that kind: it is paired anew below.
    let sql = "UPDATE devices SET name = ?, kind = ?, is_paired = 0, version = version + 1, changed_at = ?
               WHERE compat_id = ? RETURNING *";
    let changed = transaction.query_row(sql, params![name, kind, clock::iso(now), known.compat_id], device)?;
    events.push(Event::new(DEVICE_CHANGED, changed.whole()));
    Ok(changed)
}

/// The one of its kind that is paired for this resident gives way to this one.
fn give_way(
    transaction: &Transaction<'_>,
    to: &Device,
    subject: i64,
    now: Timestamp,
) -> rusqlite::Result<Option<Event>> {
    let mut statement = transaction.prepare_cached(PAIRED_OF_KIND)?;
    let other = statement.query_row(params![to.kind, subject], device).optional()?;
    let Some(other) = other.filter(|other| other.address != to.address) else { return Ok(None) };
    let other = set_paired(transaction, &other, false, now)?;
    Ok(Some(Event::new(DEVICE_UNPAIRED, other.whole())))
}

fn set_paired(
    transaction: &Transaction<'_>,
    known: &Device,
    is_paired: bool,
    now: Timestamp,
) -> rusqlite::Result<Device> {
    history::keep(transaction, "devices", known.compat_id, now)?;
    let sql =
        "UPDATE devices SET is_paired = ?1, paired_at = iif(?1, ?2, paired_at), changed_at = ?2, version = version + 1
               WHERE compat_id = ?3 RETURNING *";
    transaction.query_row(sql, params![is_paired, clock::iso(now), known.compat_id], device)
}

fn asked(device: &Device, written: &str) -> Value {
    let mut whole = device.whole();
    whole["asked_address"] = written.into();
    whole
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::plans::{assert_indexed, empty};

    #[test]
    fn the_paired_device_of_a_kind_is_found_at_once() {
        let (_folder, connection) = empty();
        assert_indexed(&connection, PAIRED_OF_KIND);
    }
}
