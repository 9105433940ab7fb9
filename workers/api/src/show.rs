//! Readings in the two shapes that existing clients know: raw rows, and rows for people.

pub mod appointments;

use jiff::Timestamp;
use kit::{clock, number};
use serde::Serialize;
use serde_json::Value;

use crate::{
    store::readings::Reading,
    vitals::{age, value_text},
};

/// The row as it is.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Raw<'a> {
    id: i64,
    user_id: i64,
    vital_type: &'static str,
    value_primary: Value,
    value_secondary: Option<Value>,
    unit: &'a str,
    status: &'static str,
    source: &'a str,
    notes: Option<&'a str>,
    recorded_at: &'a str,
    created_at: String,
}

/// The row as people read it.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Formatted<'a> {
    id: i64,
    icon: &'static str,
    label: &'static str,
    value: String,
    unit: &'a str,
    status: &'static str,
    updated: String,
    recorded_at: &'a str,
    source: &'a str,
    notes: Option<&'a str>,
    vital_type: &'static str,
}

pub fn raw(reading: &Reading) -> Raw<'_> {
    Raw {
        id: reading.compat_id,
        user_id: reading.subject,
        vital_type: reading.kind.name(),
        value_primary: number::json(reading.primary),
        value_secondary: reading.secondary.map(number::json),
        unit: &reading.unit,
        status: reading.word.name(),
        source: &reading.source,
        notes: reading.notes.as_deref(),
        recorded_at: &reading.effective_at_text,
        created_at: clock::sql(reading.recorded_at),
    }
}

pub fn formatted(reading: &Reading, now: Timestamp) -> Formatted<'_> {
    Formatted {
        id: reading.compat_id,
        icon: reading.kind.icon(),
        label: reading.kind.label(),
        value: value_text(reading.kind, reading.primary, reading.secondary),
        unit: &reading.unit,
        status: reading.word.shown(),
        updated: age::in_words(reading.effective_at, now),
        recorded_at: &reading.effective_at_text,
        source: &reading.source,
        notes: reading.notes.as_deref(),
        vital_type: reading.kind.name(),
    }
}
