//! A new reading, as a client sends it: checked in the order in which existing clients expect to be told.

use jiff::Timestamp;
use kit::{
    Home, clock,
    field::{self, FieldError},
};
use serde_json::Value;

use super::{Kind, names, unit::Unit};

/// Where a reading comes from when nobody says.
const BY_HAND: &str = "manual";

/// A reading that can be kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub kind: Kind,
    pub primary: f64,
    pub secondary: Option<f64>,
    /// As it was written.
    pub unit_text: String,
    pub unit: &'static Unit,
    pub effective_at: Timestamp,
    /// As it was written.
    pub effective_at_text: String,
    pub source: String,
    pub device_address: Option<String>,
    pub notes: Option<String>,
}

/// Why a reading cannot be kept, for the one who sent it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum EntryError {
    #[error(transparent)]
    Field(#[from] FieldError),
    #[error("Invalid vital_type. Must be one of: {}", names())]
    UnknownKind,
    #[error("{0} must not be negative")]
    Negative(&'static str),
    #[error("unit {written:?} is not known for {}. Must be one of: {}", .kind.name(), .kind.unit_names())]
    UnknownUnit { kind: Kind, written: String },
    #[error("{field} cannot be {value} {unit}: nobody's {} is above {most} {}", .kind.name(), .kind.canonical_unit())]
    Impossible { field: &'static str, kind: Kind, value: f64, unit: String, most: f64 },
}

impl Entry {
    /// Reads the body of a request. Without a time of its own the reading is of now.
    pub fn read(body: &Value, now: Timestamp, home: &Home) -> Result<Self, EntryError> {
        field::require(body, &["vital_type", "value_primary", "unit"])?;
        let kind = body["vital_type"].as_str().and_then(Kind::of_name).ok_or(EntryError::UnknownKind)?;
        let primary = value(body, "value_primary")?.ok_or(FieldError::Missing("value_primary"))?;
        let unit_text = field::text(body, "unit")?.unwrap_or_default();
        let unit = kind.unit(&unit_text).ok_or_else(|| EntryError::UnknownUnit { kind, written: unit_text.clone() })?;
        let secondary = value(body, "value_secondary")?;
        for (field, value) in [("value_primary", Some(primary)), ("value_secondary", secondary)] {
            let most = kind.most_possible();
            if let Some(value) = value.filter(|value| unit.to_canonical(*value) > most) {
                return Err(EntryError::Impossible { field, kind, value, unit: unit_text, most });
            }
        }
        let (effective_at, effective_at_text) =
            field::time(body, "recorded_at", home)?.unwrap_or_else(|| (now, clock::iso(now)));
        Ok(Self {
            kind,
            primary,
            // Clients send 0 for what was not measured.
            secondary: secondary.filter(|value| *value != 0.0),
            unit_text,
            unit,
            effective_at,
            effective_at_text,
            source: field::text(body, "source")?.unwrap_or_else(|| BY_HAND.into()),
            // Ours, like the other fields here; or as clients write it elsewhere.
            device_address: field::text(body, "device_address")?.or(field::text(body, "deviceAddress")?),
            notes: field::text(body, "notes")?,
        })
    }

    /// `manual`, `import` or `device`: whatever neither a person nor an import says comes from a machine.
    pub fn source_kind(&self) -> &'static str {
        if self.source == BY_HAND && self.device_address.is_none() {
            "manual"
        } else if self.source.starts_with("import") {
            "import"
        } else {
            "device"
        }
    }
}

fn value(body: &Value, field: &'static str) -> Result<Option<f64>, EntryError> {
    let value = field::number(body, field)?;
    if value.is_some_and(|value| value < 0.0) { Err(EntryError::Negative(field)) } else { Ok(value) }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_no_body_can_have_is_a_mistake_and_what_is_rare_is_not() {
        let asked = |kind: &str, value: f64, unit: &str| {
            read(&json!({"vital_type": kind, "value_primary": value, "unit": unit})).map(|entry| entry.primary)
        };
        for (kind, most, unit) in [
            ("blood_pressure", 400.0, "mmHg"),
            ("heart_rate", 500.0, "bpm"),
            ("spo2", 100.0, "%"),
            ("temperature", 50.0, "°C"),
            ("weight", 1_000.0, "kg"),
            ("glucose", 3_000.0, "mg/dL"),
        ] {
            assert_eq!(asked(kind, most, unit), Ok(most));
            assert!(asked(kind, most * 1.01, unit).is_err(), "{kind}");
        }
        let text = "value_primary cannot be 150 %: nobody's spo2 is above 100 %";
        assert_eq!(asked("spo2", 150.0, "%"), Err(text.into()));
        assert!(asked("temperature", 122.5, "°F").is_err(), "the limit is one, whatever the unit");
    }

    fn read(body: &Value) -> Result<Entry, String> {
        let now = "2031-01-31T12:00:00Z".parse().unwrap();
        Entry::read(body, now, &Home::in_zone(TimeZone::UTC)).map_err(|error| error.to_string())
    }

    #[test]
    fn a_minimal_reading_is_by_hand_and_of_now() {
        let entry = read(&json!({"vital_type": "spo2", "value_primary": "97", "unit": "%"})).unwrap();
        assert_eq!((entry.kind, entry.primary, entry.secondary), (Kind::Spo2, 97.0, None));
        assert_eq!((entry.source.as_str(), entry.source_kind(), entry.notes), ("manual", "manual", None));
        assert_eq!(entry.effective_at_text, "2031-01-31T12:00:00.000Z");
    }

    #[test]
    fn what_a_client_writes_is_kept_as_it_is() {
        let entry = read(&json!({
            "vital_type": "blood_pressure", "value_primary": 118, "value_secondary": 0, "unit": "mm[hg]",
            "source": "ble_device", "deviceAddress": "AA:BB", "recorded_at": "2031-01-30T12:00", "unknown": [],
        }))
        .unwrap();
        assert_eq!((entry.secondary, entry.unit_text.as_str(), entry.source_kind()), (None, "mm[hg]", "device"));
        assert_eq!(entry.effective_at_text, "2031-01-30T12:00");
        assert_eq!(entry.effective_at.to_string(), "2031-01-30T12:00:00Z");
        let zero = read(&json!({"vital_type": "heart_rate", "value_primary": 0, "unit": "bpm"})).unwrap();
        assert_eq!(zero.primary, 0.0, "0 is a value");
    }

    #[test]
    fn what_is_wrong_is_said_in_the_order_that_clients_expect() {
        let with = |field: &str, value: Value| {
            let mut body = json!({"vital_type": "heart_rate", "value_primary": 72, "unit": "bpm"});
            body[field] = value;
            read(&body).unwrap_err()
        };
        assert_eq!(read(&json!([])).unwrap_err(), "vital_type is required");
        assert_eq!(read(&json!({"vital_type": "pulse"})).unwrap_err(), "value_primary is required");
        assert_eq!(read(&json!({"vital_type": "pulse", "value_primary": 0})).unwrap_err(), "unit is required");
        assert_eq!(
            with("vital_type", json!("pulse")),
            "Invalid vital_type. Must be one of: blood_pressure, heart_rate, spo2, temperature, weight, glucose"
        );
        assert_eq!(with("value_primary", json!("abc")), "value_primary must be a number");
        assert_eq!(with("value_primary", json!("inf")), "value_primary must be a number");
        assert_eq!(with("value_primary", json!(-1)), "value_primary must not be negative");
        assert_eq!(with("value_secondary", json!("x")), "value_secondary must be a number");
        assert_eq!(with("unit", json!("kg")), r#"unit "kg" is not known for heart_rate. Must be one of: bpm"#);
        assert_eq!(with("notes", json!({})), "notes must be text");
        let time = r#"recorded_at "noon" is not a time. Write it like 2031-01-31T12:00:00.000Z"#;
        assert_eq!(with("recorded_at", json!("noon")), time);
    }
}
