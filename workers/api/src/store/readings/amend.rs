//! Readings that turn out to be wrong: amended or struck out, and kept as they were beside that.

use jiff::Timestamp;
use kit::{
    clock,
    database::{Change, DatabaseError},
    outbox::Event,
};
use rusqlite::{Connection, Transaction, named_params, params};
use serde_json::Value;

use super::{Computed, Reading, ask::find, by_compat_id, computed};
use crate::{
    store::{
        Store, alerts, history,
        residents::homes::{self, Homes},
    },
    vitals::{
        amendment::{self, Amendment, AmendmentError},
        entry::Entry,
    },
};

/// A reading says something else than before.
pub const READING_AMENDED: &str = "reading.amended";
/// A reading does not count any more: it was entered in error.
pub const READING_STRUCK_OUT: &str = "reading.struck_out";

const TABLE: &str = "readings";
const AMEND: &str = "UPDATE readings SET
    entered_primary = :entered_primary, entered_secondary = :entered_secondary, entered_unit = :entered_unit,
    canonical_primary = :canonical_primary, canonical_secondary = :canonical_secondary, word = :word,
    effective_at = :effective_at, effective_at_entered = :effective_at_entered, local_date = :local_date,
    notes = :notes, reason = :reason, status = 'amended', version = version + 1
    WHERE compat_id = :compat_id";
const STRIKE_OUT: &str =
    "UPDATE readings SET reason = ?, status = 'entered-in-error', version = version + 1 WHERE compat_id = ?";
const REPLACED_AT: &str = "SELECT replaced_at FROM history WHERE table_name = ? AND compat_id = ? ORDER BY version";

/// Why a reading stays as it is.
#[derive(Debug, thiserror::Error)]
pub enum AmendError {
    #[error("there is no reading {0}")]
    Unknown(String),
    #[error("this reading was struck out: record it anew instead")]
    StruckOut,
    #[error("this reading is at version {0} by now: look at it, then send that version with If-Match")]
    Outdated(i64),
    #[error(transparent)]
    Amendment(#[from] AmendmentError),
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl From<rusqlite::Error> for AmendError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error.into())
    }
}

/// A reading as it was, or is.
#[derive(Clone, Debug, PartialEq)]
pub struct Version {
    pub reading: Reading,
    /// Until when it was so; `None` for what counts.
    pub replaced_at: Option<String>,
}

impl Store {
    /// Makes a reading say what it should have said. The same amendment again changes nothing.
    ///
    /// `seen` is the version that whoever amends it has looked at, if they say so.
    pub async fn amend_reading(
        &self,
        id: String,
        amendment: Amendment,
        seen: Option<i64>,
        now: Timestamp,
    ) -> Result<Reading, AmendError> {
        let homes = self.homes.clone();
        self.database
            .write(move |transaction| {
                let before = find(transaction, &id)?.ok_or(AmendError::Unknown(id))?;
                if before.is_struck_out() {
                    return Err(AmendError::StruckOut);
                }
                let home = homes::named(&before.zone).ok_or_else(|| AmendmentError::Zone(before.zone.clone()))?;
                let entry = amendment::amended(&as_body(&before), &amendment, now, home)?;
                if says(&before, &entry) {
                    return Ok(Change::none(before));
                }
                check_seen(&before, seen)?;
                history::keep(transaction, TABLE, before.compat_id, now)?;
                let local_date = home.date(entry.effective_at).to_string();
                amend(transaction, before.compat_id, &entry, &local_date, amendment.reason.as_deref())?;
                changed(transaction, &homes, &before, READING_AMENDED, now)
            })
            .await
    }

    /// Makes a reading not count any more. Once more changes nothing.
    pub async fn strike_out_reading(
        &self,
        id: String,
        reason: Option<String>,
        seen: Option<i64>,
        now: Timestamp,
    ) -> Result<Reading, AmendError> {
        let homes = self.homes.clone();
        self.database
            .write(move |transaction| {
                let before = find(transaction, &id)?.ok_or(AmendError::Unknown(id))?;
                if before.is_struck_out() {
                    return Ok(Change::none(before));
                }
                check_seen(&before, seen)?;
                history::keep(transaction, TABLE, before.compat_id, now)?;
                transaction.prepare_cached(STRIKE_OUT)?.execute(params![reason, before.compat_id])?;
                changed(transaction, &homes, &before, READING_STRUCK_OUT, now)
            })
            .await
    }

    /// Everything that a reading ever said, the first version first; `None` if there is no such reading.
    pub async fn reading_versions(&self, id: String) -> Result<Option<Vec<Version>>, DatabaseError> {
        self.database
            .read(move |connection| {
                let Some(reading) = find(connection, &id)? else { return Ok(None) };
                let mut versions = earlier(connection, reading.compat_id)?;
                versions.push(Version { reading, replaced_at: None });
                Ok(Some(versions))
            })
            .await
    }
}

fn changed(
    transaction: &Transaction<'_>,
    homes: &Homes,
    before: &Reading,
    event: &'static str,
    now: Timestamp,
) -> Result<Change<Reading>, AmendError> {
    let reading = by_compat_id(transaction, before.compat_id)?;
    let mut events = vec![Event::new(event, reading.whole())];
    // A note says nothing of what was measured: what waits for a repeat waits on, and what was counted counts.
    if !reading.is_struck_out() && reading.measures_as(before) {
        return Ok(Change::several(reading, events));
    }
    // What follows is of now: on the clock of where the resident lives, not of where the reading was taken.
    let home = homes.of(reading.subject).unwrap_or_else(|| homes.new_home());
    events.extend(alerts::after_correction(transaction, before, &reading, home, now)?);
    Ok(Change::several(reading, events))
}

fn check_seen(before: &Reading, seen: Option<i64>) -> Result<(), AmendError> {
    if seen.is_none_or(|seen| seen == before.version) { Ok(()) } else { Err(AmendError::Outdated(before.version)) }
}

/// The request that would make this reading.
fn as_body(reading: &Reading) -> Value {
    serde_json::json!({
        "vital_type": reading.kind.name(),
        "value_primary": reading.primary,
        "value_secondary": reading.secondary,
        "unit": reading.unit,
        "recorded_at": reading.effective_at_text,
        "source": reading.source,
        "device_address": reading.device_address,
        "notes": reading.notes,
    })
}

fn says(reading: &Reading, entry: &Entry) -> bool {
    reading.is_of(entry) && (&reading.effective_at_text, &reading.notes) == (&entry.effective_at_text, &entry.notes)
}

fn amend(
    connection: &Connection,
    compat_id: i64,
    entry: &Entry,
    local_date: &str,
    reason: Option<&str>,
) -> rusqlite::Result<()> {
    let Computed { canonical_primary, canonical_secondary, word } = computed(entry);
    let values = named_params! {
        ":compat_id": compat_id,
        ":entered_primary": entry.primary,
        ":entered_secondary": entry.secondary,
        ":entered_unit": entry.unit_text,
        ":canonical_primary": canonical_primary,
        ":canonical_secondary": canonical_secondary,
        ":word": word.name(),
        ":effective_at": clock::iso(entry.effective_at),
        ":effective_at_entered": entry.effective_at_text,
        ":local_date": local_date,
        ":notes": entry.notes,
        ":reason": reason,
    };
    connection.prepare_cached(AMEND)?.execute(values).map(drop)
}

fn earlier(connection: &Connection, compat_id: i64) -> rusqlite::Result<Vec<Version>> {
    let rows = history::versions(connection, TABLE, compat_id)?;
    let replaced_at: rusqlite::Result<Vec<String>> =
        connection.prepare_cached(REPLACED_AT)?.query_map(params![TABLE, compat_id], |row| row.get(0))?.collect();
    let readings = rows.into_iter().map(serde_json::from_value::<Reading>);
    let version = |(reading, replaced_at): (Result<Reading, _>, String)| match reading {
        Ok(reading) => Some(Version { reading, replaced_at: Some(replaced_at) }),
        Err(error) => {
            tracing::error!(compat_id, "an earlier version of a reading cannot be understood: {error}");
            None
        }
    };
    Ok(readings.zip(replaced_at?).filter_map(version).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::plans::{assert_indexed, empty};

    #[test]
    fn what_is_amended_is_found_at_once_and_so_is_what_it_changes_in_its_day() {
        let (_folder, connection) = empty();
        for sql in [AMEND, STRIKE_OUT, REPLACED_AT] {
            assert_indexed(&connection, sql);
        }
    }
}
