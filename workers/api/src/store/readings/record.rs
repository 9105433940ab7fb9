//! A reading that is new.

use jiff::Timestamp;
use kit::{Home, clock, database::Change, outbox::Event};
use rusqlite::{Connection, OptionalExtension, ToSql, named_params};
use uuid::Uuid;

use super::{Computed, Reading, by_compat_id, computed, reading};
use crate::{
    store::{self, Store, alerts, devices, entries::RecordError, history},
    vitals::entry::Entry,
};

/// A reading was kept.
pub const READING_RECORDED: &str = "reading.recorded";

const BY_KEY: &str = "SELECT * FROM readings WHERE idempotency_key = ?";

impl Store {
    /// Keeps a reading of a resident's. The same key again is the same reading again: nothing new is kept, and the answer is
    /// that reading as it is now.
    pub async fn record(
        &self,
        subject: i64,
        entry: Entry,
        key: Option<String>,
        now: Timestamp,
    ) -> Result<Reading, RecordError> {
        let home = self.home_of(subject).await?;
        self.database
            .write(move |transaction| {
                if let Some(known) = by_key(transaction, key.as_deref())? {
                    let sent = as_sent(transaction, &known)?;
                    // A device does not know who wears it by now.
                    let is_whose = sent.subject == subject || entry.device_address.is_some();
                    let is_same = is_whose && sent.is_of(&entry);
                    return if is_same { Ok(Change::none(known)) } else { Err(RecordError::KeyOfAnother("reading")) };
                }
                let compat_id = insert(transaction, subject, &entry, home, key.as_deref(), now)?;
                let reading = by_compat_id(transaction, compat_id)?;
                let mut events: Vec<Event> = devices::source_of(transaction, &reading, now)?.into_iter().collect();
                events.push(Event::new(READING_RECORDED, reading.whole()));
                events.extend(alerts::after_reading(transaction, &reading, entry.symptom, home, now)?);
                Ok(Change::several(reading, events))
            })
            .await
    }
}

fn by_key(connection: &Connection, key: Option<&str>) -> rusqlite::Result<Option<Reading>> {
    let Some(key) = key else { return Ok(None) };
    connection.prepare_cached(BY_KEY)?.query_row([key], reading).optional()
}

/// A reading as it came, whatever became of it: a device that sends it again does not know that it was amended.
fn as_sent(connection: &Connection, known: &Reading) -> rusqlite::Result<Reading> {
    if known.version == 1 {
        return Ok(known.clone());
    }
    let versions = history::versions(connection, "readings", known.compat_id)?;
    let first = versions.into_iter().next().and_then(|row| serde_json::from_value(row).ok());
    Ok(first.unwrap_or_else(|| known.clone()))
}

fn insert(
    connection: &Connection,
    subject: i64,
    entry: &Entry,
    home: &Home,
    key: Option<&str>,
    now: Timestamp,
) -> rusqlite::Result<i64> {
    let Computed { canonical_primary, canonical_secondary, word } = computed(entry);
    let values: &[(&str, &dyn ToSql)] = named_params! {
        ":id": Uuid::now_v7().to_string(),
        ":subject": subject,
        ":kind": entry.kind.name(),
        ":entered_primary": entry.primary,
        ":entered_secondary": entry.secondary,
        ":entered_unit": entry.unit_text,
        ":canonical_primary": canonical_primary,
        ":canonical_secondary": canonical_secondary,
        ":canonical_unit": entry.kind.canonical_unit(),
        ":word": word.name(),
        ":effective_at": clock::iso(entry.effective_at),
        ":effective_at_entered": entry.effective_at_text,
        ":zone": home.zone_at(entry.effective_at),
        ":local_date": home.date(entry.effective_at).to_string(),
        ":source": entry.source,
        ":source_kind": entry.source_kind(),
        ":device_address": entry.device_address,
        ":notes": entry.notes,
        ":recorded_at": clock::iso(now),
        ":idempotency_key": key,
    };
    store::insert(connection, "readings", values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::plans::{assert_indexed, empty};

    #[test]
    fn a_key_is_found_at_once() {
        let (_folder, connection) = empty();
        assert_indexed(&connection, BY_KEY);
    }
}
