//! Readings as they are kept.

use jiff::{SignedDuration, Timestamp, civil::Date};
use kit::{
    clock,
    database::{Change, DatabaseError},
    outbox::Event,
};
use rusqlite::{Connection, OptionalExtension, Row, ToSql, named_params, params};
use serde_json::json;
use uuid::Uuid;

use super::{RESIDENT, Store, understood};
use crate::vitals::{Kind, entry::Entry, status, status::Word};

/// A reading was kept.
pub const READING_RECORDED: &str = "reading.recorded";

/// How far ahead a device's clock may run before its readings count as future ones.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_mins(5);
/// Rows that count. One that was entered in error stays in the file and is not shown.
const VALID: &str = "SELECT * FROM readings WHERE subject = 1 AND status <> 'entered-in-error'";

/// A reading as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    pub compat_id: i64,
    pub id: String,
    pub kind: Kind,
    pub primary: f64,
    pub secondary: Option<f64>,
    pub unit: String,
    pub canonical_primary: f64,
    pub canonical_secondary: Option<f64>,
    pub canonical_unit: String,
    pub word: Word,
    pub effective_at: Timestamp,
    pub effective_at_text: String,
    pub zone: String,
    pub local_date: String,
    pub source: String,
    pub source_kind: String,
    pub device_address: Option<String>,
    pub notes: Option<String>,
    pub status: String,
    pub version: i64,
    pub recorded_at: Timestamp,
}

impl Reading {
    /// Whether this is what was sent. Times are not compared: a request without one means each time another.
    fn is_of(&self, entry: &Entry) -> bool {
        (self.kind, self.primary, self.secondary, &self.unit)
            == (entry.kind, entry.primary, entry.secondary, &entry.unit_text)
    }
}

/// Why a reading was not kept.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    #[error("this Idempotency-Key was sent with another reading before: a new reading needs a new key")]
    KeyOfAnother,
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl From<rusqlite::Error> for RecordError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error.into())
    }
}

/// From when to when, both included.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Span {
    pub from: Option<Timestamp>,
    pub until: Option<Timestamp>,
}

impl Store {
    /// Keeps a reading. The same key again is the same reading again: nothing new is kept.
    pub async fn record(&self, entry: Entry, key: Option<String>, now: Timestamp) -> Result<Reading, RecordError> {
        let (zone, local_date) =
            (self.home.zone_at(entry.effective_at), self.home.date(entry.effective_at).to_string());
        self.database
            .write(move |transaction| {
                if let Some(known) = by_key(transaction, key.as_deref())? {
                    return if known.is_of(&entry) { Ok(Change::none(known)) } else { Err(RecordError::KeyOfAnother) };
                }
                let compat_id = insert(transaction, &entry, &zone, &local_date, key.as_deref(), now)?;
                let reading = by_compat_id(transaction, compat_id)?;
                let event = Event::new(READING_RECORDED, payload(&reading));
                Ok(Change::new(reading, event))
            })
            .await
    }

    /// One reading.
    pub async fn reading(&self, compat_id: i64) -> Result<Reading, DatabaseError> {
        self.database.read(move |connection| Ok(by_compat_id(connection, compat_id)?)).await
    }

    /// The newest of each kind, by the kind's name.
    pub async fn latest(&self) -> Result<Vec<Reading>, DatabaseError> {
        let mut kinds = Kind::KNOWN_TO_CLIENTS;
        kinds.sort_by_key(|kind| kind.name());
        self.database
            .read(move |connection| {
                let newest: rusqlite::Result<Vec<_>> = kinds.iter().map(|kind| newest(connection, *kind)).collect();
                Ok(newest?.into_iter().flatten().collect())
            })
            .await
    }

    /// The newest of one kind.
    pub async fn latest_of(&self, kind: Kind) -> Result<Option<Reading>, DatabaseError> {
        self.database.read(move |connection| Ok(newest(connection, kind)?)).await
    }

    /// A day of the resident's, newest first.
    pub async fn on_day(&self, day: Date) -> Result<Vec<Reading>, DatabaseError> {
        let sql = format!("{VALID} AND local_date = ? ORDER BY effective_at DESC, compat_id DESC");
        self.database.read(move |connection| Ok(all(connection, &sql, params![day.to_string()])?)).await
    }

    /// One kind in a span, newest first.
    pub async fn history(&self, kind: Kind, span: Span, limit: u32) -> Result<Vec<Reading>, DatabaseError> {
        let sql = format!(
            "{VALID} AND kind = :kind AND effective_at >= :from AND effective_at <= :until
             ORDER BY effective_at DESC, compat_id DESC LIMIT :limit"
        );
        self.database
            .read(move |connection| {
                // Texts that sort before and after every time.
                let from = span.from.map_or_else(String::new, clock::iso);
                let until = span.until.map_or_else(|| "~".to_owned(), clock::iso);
                let values = named_params! {":kind": kind.name(), ":from": from, ":until": until, ":limit": limit};
                Ok(all(connection, &sql, values)?)
            })
            .await
    }
}

fn by_key(connection: &Connection, key: Option<&str>) -> rusqlite::Result<Option<Reading>> {
    let Some(key) = key else { return Ok(None) };
    let sql = "SELECT * FROM readings WHERE idempotency_key = ?";
    connection.prepare_cached(sql)?.query_row([key], reading).optional()
}

fn by_compat_id(connection: &Connection, compat_id: i64) -> rusqlite::Result<Reading> {
    connection.prepare_cached("SELECT * FROM readings WHERE compat_id = ?")?.query_row([compat_id], reading)
}

/// A reading from a clock that runs ahead comes last: it must not hide what is true now until its day has come.
fn newest(connection: &Connection, kind: Kind) -> rusqlite::Result<Option<Reading>> {
    let sql = format!("{VALID} AND kind = ? ORDER BY effective_at > ?, effective_at DESC, compat_id DESC LIMIT 1");
    let soon = clock::iso(Timestamp::now() + CLOCK_TOLERANCE);
    connection.prepare_cached(&sql)?.query_row([kind.name(), &soon], reading).optional()
}

fn all(connection: &Connection, sql: &str, values: impl rusqlite::Params) -> rusqlite::Result<Vec<Reading>> {
    connection.prepare_cached(sql)?.query_map(values, reading)?.collect()
}

fn insert(
    connection: &Connection,
    entry: &Entry,
    zone: &str,
    local_date: &str,
    key: Option<&str>,
    now: Timestamp,
) -> rusqlite::Result<i64> {
    let (kind, unit) = (entry.kind, entry.unit);
    let usual = |value| kind.in_usual_unit(value, unit);
    let word = status::word(kind, usual(entry.primary), entry.secondary.map(usual));
    // Only a blood pressure has a second value of the same quantity.
    let second = entry.secondary.filter(|_| kind == Kind::BloodPressure);
    let values: &[(&str, &dyn ToSql)] = named_params! {
        ":id": Uuid::now_v7().to_string(),
        ":subject": RESIDENT,
        ":kind": kind.name(),
        ":entered_primary": entry.primary,
        ":entered_secondary": entry.secondary,
        ":entered_unit": entry.unit_text,
        ":canonical_primary": unit.to_canonical(entry.primary),
        ":canonical_secondary": second.map(|value| unit.to_canonical(value)),
        ":canonical_unit": kind.canonical_unit(),
        ":word": word.name(),
        ":effective_at": clock::iso(entry.effective_at),
        ":effective_at_entered": entry.effective_at_text,
        ":zone": zone,
        ":local_date": local_date,
        ":source": entry.source,
        ":source_kind": entry.source_kind(),
        ":device_address": entry.device_address,
        ":notes": entry.notes,
        ":recorded_at": clock::iso(now),
        ":idempotency_key": key,
    };
    let columns: Vec<_> = values.iter().map(|(name, _)| name.trim_start_matches(':')).collect();
    let places: Vec<_> = values.iter().map(|(name, _)| *name).collect();
    let sql =
        format!("INSERT INTO readings ({}) VALUES ({}) RETURNING compat_id", columns.join(", "), places.join(", "));
    connection.prepare_cached(&sql)?.query_row(values, |row| row.get(0))
}

fn reading(row: &Row<'_>) -> rusqlite::Result<Reading> {
    Ok(Reading {
        compat_id: row.get("compat_id")?,
        id: row.get("id")?,
        kind: understood(row, "kind", Kind::of_name)?,
        primary: row.get("entered_primary")?,
        secondary: row.get("entered_secondary")?,
        unit: row.get("entered_unit")?,
        canonical_primary: row.get("canonical_primary")?,
        canonical_secondary: row.get("canonical_secondary")?,
        canonical_unit: row.get("canonical_unit")?,
        word: understood(row, "word", Word::of_name)?,
        effective_at: understood(row, "effective_at", |text| text.parse().ok())?,
        effective_at_text: row.get("effective_at_entered")?,
        zone: row.get("zone")?,
        local_date: row.get("local_date")?,
        source: row.get("source")?,
        source_kind: row.get("source_kind")?,
        device_address: row.get("device_address")?,
        notes: row.get("notes")?,
        status: row.get("status")?,
        version: row.get("version")?,
        recorded_at: understood(row, "recorded_at", |text| text.parse().ok())?,
    })
}

/// The whole reading for whoever follows the outbox, entered and canonical values side by side.
fn payload(reading: &Reading) -> serde_json::Value {
    json!({
        "id": reading.id,
        "compat_id": reading.compat_id,
        "subject": RESIDENT,
        "kind": reading.kind.name(),
        "loinc": reading.kind.loinc()[0],
        "entered": {"primary": reading.primary, "secondary": reading.secondary, "unit": reading.unit},
        "canonical": {
            "primary": reading.canonical_primary,
            "secondary": reading.canonical_secondary,
            "unit": reading.canonical_unit,
        },
        "word": reading.word.name(),
        "effective_at": clock::iso(reading.effective_at),
        "zone": reading.zone,
        "local_date": reading.local_date,
        "source": {"kind": reading.source_kind, "text": reading.source, "device_address": reading.device_address},
        "notes": reading.notes,
        "status": reading.status,
        "version": reading.version,
        "recorded_at": clock::iso(reading.recorded_at),
    })
}
