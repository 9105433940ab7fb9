//! Devices that showed themselves: to betti-ble, or by a reading.

use jiff::Timestamp;
use kit::{clock, outbox::Event};
use rusqlite::{Transaction, params};
use uuid::Uuid;

use super::{Change, DatabaseError, Device, Store, by_address, device};
use crate::{
    devices::{Address, LONGEST_NAME, MOST_DEVICES, Seen, UNKNOWN_KIND, kind_that_measures},
    store::{RESIDENT, readings::Reading},
};

/// A device belongs to this home from now on.
pub const DEVICE_REGISTERED: &str = "device.registered";
/// A device showed itself, or its battery changed.
pub const DEVICE_SEEN: &str = "device.seen";

/// A device as betti-ble heard it.
#[derive(Clone, Debug, PartialEq)]
pub struct Heard {
    pub address: Address,
    /// Whether betti-ble was told that it belongs to this home.
    pub is_ours: bool,
    pub sighting: Seen,
}

/// A device that is new here.
pub(super) struct NewDevice<'a> {
    pub address: Address,
    pub written: &'a str,
    pub kind: &'a str,
    pub subject: i64,
    pub sighting: Seen,
}

impl Store {
    /// Keeps what is new of devices that belong to this home; who else is near stays a stranger.
    pub async fn note_heard(&self, heard: Vec<Heard>, now: Timestamp) -> Result<(), DatabaseError> {
        let known = self.devices().await?;
        // Reports come often and say little that is new: nothing is written for those.
        let is_news = |heard: &Heard| match known.iter().find(|device| device.address == heard.address) {
            Some(device) => device.seen.after(&heard.sighting).is_some(),
            None => heard.is_ours,
        };
        let news: Vec<_> = heard.into_iter().filter(is_news).collect();
        if news.is_empty() {
            return Ok(());
        }
        self.database
            .write(move |transaction| {
                let events: rusqlite::Result<Vec<_>> = news.iter().map(|heard| note(transaction, heard, now)).collect();
                Ok::<_, DatabaseError>(Change::several((), events?.into_iter().flatten().collect()))
            })
            .await
    }
}

fn note(transaction: &Transaction<'_>, heard: &Heard, now: Timestamp) -> rusqlite::Result<Option<Event>> {
    let (written, sighting) = (heard.address.to_string(), heard.sighting.clone());
    let new = NewDevice { address: heard.address, written: &written, kind: UNKNOWN_KIND, subject: RESIDENT, sighting };
    if heard.is_ours || by_address(transaction, heard.address)?.is_some() {
        see(transaction, new, now)
    } else {
        Ok(None)
    }
}

/// The device that a reading came from, as part of the reading's own change. What is no address of a device says nothing, nor does
/// what is kept of one resident about another one's device.
pub fn source_of(transaction: &Transaction<'_>, reading: &Reading, now: Timestamp) -> rusqlite::Result<Option<Event>> {
    let Some(written) = &reading.device_address else { return Ok(None) };
    let Ok(address) = written.parse() else { return Ok(None) };
    if by_address(transaction, address)?.is_some_and(|known| known.subject != reading.subject) {
        return Ok(None);
    }
    let sighting = Seen { at: Some(reading.effective_at.min(now)), ..Seen::default() };
    let (kind, subject) = (kind_that_measures(reading.kind), reading.subject);
    see(transaction, NewDevice { address, written, kind, subject, sighting }, now)
}

/// Keeps what is new of a device, or the device.
fn see(transaction: &Transaction<'_>, new: NewDevice<'_>, now: Timestamp) -> rusqlite::Result<Option<Event>> {
    let Some(known) = by_address(transaction, new.address)? else {
        return Ok(register(transaction, &new, now)?.map(|device| Event::new(DEVICE_REGISTERED, device.whole())));
    };
    // What a device is shows in what it measures; a paired one is what whoever paired it says.
    let is_told_apart = known.kind == UNKNOWN_KIND && new.kind != UNKNOWN_KIND && !known.is_paired;
    let kind = if is_told_apart { new.kind } else { &known.kind };
    let seen = match known.seen.after(&new.sighting) {
        Some(seen) => seen,
        None if is_told_apart => known.seen,
        None => return Ok(None),
    };
    let sql = "UPDATE devices SET name = ?, kind = ?, last_seen_at = ?, rssi = ?, battery = ? WHERE compat_id = ?
               RETURNING *";
    let values = params![seen.name, kind, seen.at.map(clock::iso), seen.rssi, seen.battery, known.compat_id];
    let device = transaction.prepare_cached(sql)?.query_row(values, device)?;
    Ok(Some(Event::new(DEVICE_SEEN, device.whole())))
}

/// The new device; `None` if there are as many as there may be.
pub(super) fn register(
    transaction: &Transaction<'_>,
    new: &NewDevice<'_>,
    now: Timestamp,
) -> rusqlite::Result<Option<Device>> {
    let count: i64 = transaction.query_row("SELECT count(*) FROM devices", [], |row| row.get(0))?;
    if count >= MOST_DEVICES {
        tracing::warn!(address = %new.address, "{MOST_DEVICES} devices are known, which is the most that are kept");
        return Ok(None);
    }
    let sql = "INSERT INTO devices (id, address, address_entered, name, kind, subject, last_seen_at, rssi, battery,
                 recorded_at)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING *";
    let sighting = &new.sighting;
    let name = sighting.name.as_ref().map(|name| name.chars().take(LONGEST_NAME).collect::<String>());
    let values = params![
        Uuid::now_v7().to_string(),
        new.address.to_string(),
        new.written,
        name,
        new.kind,
        new.subject,
        sighting.at.map(clock::iso),
        sighting.rssi,
        sighting.battery,
        clock::iso(now),
    ];
    transaction.prepare_cached(sql)?.query_row(values, device).map(Some)
}
