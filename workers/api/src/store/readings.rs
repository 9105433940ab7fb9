//! Readings as they are kept.

mod amend;
mod ask;
mod record;

use jiff::Timestamp;
use kit::clock;
use rusqlite::{Connection, Row};
use serde::{Deserialize, Deserializer, de::Error};
use serde_json::json;

pub use self::{
    amend::{AmendError, READING_AMENDED, READING_STRUCK_OUT, Version},
    ask::{CLOCK_TOLERANCE, Span},
    record::READING_RECORDED,
};
use super::{parsed, understood};
use crate::vitals::{Kind, entry::Entry, status, status::Word};

/// The status of a reading that does not count any more.
const IN_ERROR: &str = "entered-in-error";

const BY_COMPAT_ID: &str = "SELECT * FROM readings WHERE compat_id = ?";

/// A reading as it is kept. Its fields are the table's columns.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub struct Reading {
    pub compat_id: i64,
    pub id: String,
    pub subject: i64,
    #[serde(deserialize_with = "kind")]
    pub kind: Kind,
    #[serde(rename = "entered_primary")]
    pub primary: f64,
    #[serde(rename = "entered_secondary")]
    pub secondary: Option<f64>,
    #[serde(rename = "entered_unit")]
    pub unit: String,
    pub canonical_primary: f64,
    pub canonical_secondary: Option<f64>,
    pub canonical_unit: String,
    #[serde(deserialize_with = "word")]
    pub word: Word,
    #[serde(deserialize_with = "instant")]
    pub effective_at: Timestamp,
    #[serde(rename = "effective_at_entered")]
    pub effective_at_text: String,
    pub zone: String,
    pub local_date: String,
    pub source: String,
    pub source_kind: String,
    pub device_address: Option<String>,
    pub notes: Option<String>,
    pub status: String,
    pub version: i64,
    /// Why it was amended or struck out. Rows from before there were reasons have none.
    #[serde(default)]
    pub reason: Option<String>,
    #[serde(deserialize_with = "instant")]
    pub recorded_at: Timestamp,
}

impl Reading {
    pub fn is_struck_out(&self) -> bool {
        self.status == IN_ERROR
    }

    /// Whether this is what was sent. Times are not compared: a request without one means each time another.
    fn is_of(&self, entry: &Entry) -> bool {
        (self.kind, self.primary, self.secondary, &self.unit)
            == (entry.kind, entry.primary, entry.secondary, &entry.unit_text)
    }

    /// Whether both say the same of the resident, at the same time.
    fn measures_as(&self, other: &Self) -> bool {
        let said = |reading: &Self| (reading.canonical_primary, reading.canonical_secondary, reading.effective_at);
        said(self) == said(other)
    }

    /// The whole of it, entered and canonical values side by side, for whoever follows the outbox and for newer clients.
    pub fn whole(&self) -> serde_json::Value {
        json!({
            "id": self.id,
            "compat_id": self.compat_id,
            "subject": self.subject,
            "kind": self.kind.name(),
            "loinc": self.kind.loinc(),
            "entered": {"primary": self.primary, "secondary": self.secondary, "unit": self.unit},
            "canonical": {
                "primary": self.canonical_primary,
                "secondary": self.canonical_secondary,
                "unit": self.canonical_unit,
            },
            "word": self.word.name(),
            "effective_at": clock::iso(self.effective_at),
            "zone": self.zone,
            "local_date": self.local_date,
            "source": {"kind": self.source_kind, "text": self.source, "device_address": self.device_address},
            "notes": self.notes,
            "status": self.status,
            "reason": self.reason,
            "version": self.version,
            "recorded_at": clock::iso(self.recorded_at),
        })
    }
}

/// What is computed from what was entered.
struct Computed {
    canonical_primary: f64,
    canonical_secondary: Option<f64>,
    word: Word,
}

fn computed(entry: &Entry) -> Computed {
    let (kind, unit) = (entry.kind, entry.unit);
    let usual = |value| kind.in_usual_unit(value, unit);
    // Only a blood pressure has a second value of the same quantity.
    let second = entry.secondary.filter(|_| kind == Kind::BloodPressure);
    Computed {
        canonical_primary: unit.to_canonical(entry.primary),
        canonical_secondary: second.map(|value| unit.to_canonical(value)),
        word: status::word(kind, usual(entry.primary), entry.secondary.map(usual)),
    }
}

/// One reading, also one that was struck out.
pub fn by_compat_id(connection: &Connection, compat_id: i64) -> rusqlite::Result<Reading> {
    connection.prepare_cached(BY_COMPAT_ID)?.query_row([compat_id], reading)
}

fn reading(row: &Row<'_>) -> rusqlite::Result<Reading> {
    Ok(Reading {
        compat_id: row.get("compat_id")?,
        id: row.get("id")?,
        subject: row.get("subject")?,
        kind: understood(row, "kind", Kind::of_name)?,
        primary: row.get("entered_primary")?,
        secondary: row.get("entered_secondary")?,
        unit: row.get("entered_unit")?,
        canonical_primary: row.get("canonical_primary")?,
        canonical_secondary: row.get("canonical_secondary")?,
        canonical_unit: row.get("canonical_unit")?,
        word: understood(row, "word", Word::of_name)?,
        effective_at: parsed(row, "effective_at")?,
        effective_at_text: row.get("effective_at_entered")?,
        zone: row.get("zone")?,
        local_date: row.get("local_date")?,
        source: row.get("source")?,
        source_kind: row.get("source_kind")?,
        device_address: row.get("device_address")?,
        notes: row.get("notes")?,
        status: row.get("status")?,
        version: row.get("version")?,
        reason: row.get("reason")?,
        recorded_at: parsed(row, "recorded_at")?,
    })
}

fn kind<'de, D: Deserializer<'de>>(column: D) -> Result<Kind, D::Error> {
    of_text(column, Kind::of_name)
}

fn word<'de, D: Deserializer<'de>>(column: D) -> Result<Word, D::Error> {
    of_text(column, Word::of_name)
}

fn instant<'de, D: Deserializer<'de>>(column: D) -> Result<Timestamp, D::Error> {
    of_text(column, |text| text.parse().ok())
}

fn of_text<'de, D: Deserializer<'de>, T>(column: D, meaning: fn(&str) -> Option<T>) -> Result<T, D::Error> {
    let text = String::deserialize(column)?;
    meaning(&text).ok_or_else(|| D::Error::custom(format!("{text:?} means nothing to this version")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::plans::{assert_indexed, empty};

    #[test]
    fn a_reading_is_found_by_its_number_at_once() {
        let (_folder, connection) = empty();
        assert_indexed(&connection, BY_COMPAT_ID);
    }
}
