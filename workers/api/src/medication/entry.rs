//! What a client says of a medicine.

use jiff::civil::Date;
use kit::field::{self, FieldError};
use serde_json::{Value, json};

use super::rows::{self, RowEntry, RowsError};

/// The longest name, in characters.
pub const LONGEST_NAME: usize = 200;
/// The longest of the other texts, in characters.
pub const LONGEST_TEXT: usize = 4_000;
/// Most refills of a prescription.
pub const MOST_REFILLS: i32 = 1_000;
/// Most doses that may be taken as needed in 24 hours.
pub const MOST_PRN_DAILY: i32 = 100;
/// What a dose is counted in when nobody says.
pub const USUAL_UNIT: &str = "tablet";

/// A medicine's columns. As a change, only those that are named in `sent` count.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Entry {
    pub name: String,
    pub dosage: Option<String>,
    pub dosage_unit: String,
    pub instructions: Option<String>,
    pub prescriber: Option<String>,
    pub pharmacy: Option<String>,
    pub rx_number: Option<String>,
    pub refills_left: Option<i64>,
    pub start_date: Option<Date>,
    pub end_date: Option<Date>,
    pub is_prn: bool,
    pub prn_max_daily: Option<i64>,
    pub notes: Option<String>,
}

/// The fields that a client may send, apart from schedules.
const FIELDS: [&str; 13] = [
    "name",
    "dosage",
    "dosage_unit",
    "instructions",
    "prescriber",
    "pharmacy",
    "rx_number",
    "refills_left",
    "start_date",
    "end_date",
    "is_prn",
    "prn_max_daily",
    "notes",
];

/// Why a medicine cannot be kept as it was sent.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum EntryError {
    #[error("Medication name is required")]
    NoName,
    #[error("{0} must be at most {1} characters long")]
    TooLong(&'static str, usize),
    #[error("{0} {1} is not a date. Write it like 2031-01-31")]
    NotADate(&'static str, Value),
    #[error("end_date ({end}) must not be before start_date ({start})")]
    Backwards { start: Date, end: Date },
    #[error(transparent)]
    Field(#[from] FieldError),
    #[error(transparent)]
    Rows(#[from] RowsError),
}

impl Entry {
    /// A new medicine with its rows.
    pub fn read(body: &Value) -> Result<(Self, Vec<RowEntry>), EntryError> {
        if field::is_missing(body, "name") {
            return Err(EntryError::NoName);
        }
        let blank = Self { dosage_unit: USUAL_UNIT.into(), ..Self::default() };
        Ok((blank.changed(body)?, rows::read(body)?.unwrap_or_default()))
    }

    /// The medicine with what was sent. Absent fields stay as they are; `null` or nothing written takes away what may be away.
    pub fn changed(mut self, body: &Value) -> Result<Self, EntryError> {
        let sent = |name| body.get(name).is_some();
        if sent("name") {
            self.name = text(body, "name", LONGEST_NAME)?.ok_or(EntryError::NoName)?;
        }
        for (name, place) in [
            ("dosage", &mut self.dosage),
            ("instructions", &mut self.instructions),
            ("prescriber", &mut self.prescriber),
            ("pharmacy", &mut self.pharmacy),
            ("rx_number", &mut self.rx_number),
            ("notes", &mut self.notes),
        ] {
            if sent(name) {
                *place = text(body, name, LONGEST_TEXT)?;
            }
        }
        if let Some(unit) = text(body, "dosage_unit", LONGEST_NAME)? {
            self.dosage_unit = unit;
        }
        if sent("refills_left") {
            self.refills_left = field::whole_within(body, "refills_left", 0, MOST_REFILLS)?;
        }
        if sent("prn_max_daily") {
            self.prn_max_daily = field::whole_within(body, "prn_max_daily", 0, MOST_PRN_DAILY)?;
        }
        for (name, place) in [("start_date", &mut self.start_date), ("end_date", &mut self.end_date)] {
            if sent(name) {
                *place = date(body, name)?;
            }
        }
        self.is_prn = field::flag(body, "is_prn")?.unwrap_or(self.is_prn);
        match (self.start_date, self.end_date) {
            (Some(start), Some(end)) if end < start => Err(EntryError::Backwards { start, end }),
            _ => Ok(self),
        }
    }

    /// What was sent of it, as it is kept: what creating answers.
    pub fn echo(&self, body: &Value) -> Value {
        let whole = json!({
            "name": self.name,
            "dosage": self.dosage,
            "dosage_unit": self.dosage_unit,
            "instructions": self.instructions,
            "prescriber": self.prescriber,
            "pharmacy": self.pharmacy,
            "rx_number": self.rx_number,
            "refills_left": self.refills_left,
            "start_date": self.start_date,
            "end_date": self.end_date,
            "is_prn": i64::from(self.is_prn),
            "prn_max_daily": self.prn_max_daily,
            "notes": self.notes,
        });
        let sent = FIELDS.into_iter().filter(|name| *name == "is_prn" || body.get(name).is_some());
        sent.map(|name| (name.to_owned(), whole[name].clone())).collect::<serde_json::Map<_, _>>().into()
    }
}

/// Text; a number is taken as it is written, as clients send `dosage: 10`.
pub fn text(body: &Value, name: &'static str, longest: usize) -> Result<Option<String>, EntryError> {
    let text = match &body[name] {
        Value::Number(number) => Some(number.to_string()),
        _ => field::text(body, name)?,
    };
    match text {
        Some(text) if text.chars().count() > longest => Err(EntryError::TooLong(name, longest)),
        text => Ok(text),
    }
}

/// A date; of a time only its date counts.
pub fn date(body: &Value, name: &'static str) -> Result<Option<Date>, EntryError> {
    if field::is_missing(body, name) {
        return Ok(None);
    }
    let written = body[name].as_str().and_then(|text| text.get(..10)).and_then(|text| text.parse().ok());
    written.map(Some).ok_or_else(|| EntryError::NotADate(name, body[name].clone()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_absent_stays_and_what_is_null_goes() {
        let body = json!({"name": "Lisinopril", "dosage": 10, "refills_left": 3, "start_date": "2031-01-01"});
        let (entry, rows) = Entry::read(&body).unwrap();
        assert_eq!((entry.dosage.as_deref(), entry.dosage_unit.as_str(), rows.len()), (Some("10"), "tablet", 0));
        assert_eq!(entry.echo(&json!({"name": "x"})), json!({"name": "Lisinopril", "is_prn": 0}));
        let changed = entry.clone().changed(&json!({"dosage": null, "is_prn": true})).unwrap();
        assert_eq!(changed, Entry { dosage: None, is_prn: true, ..entry });
    }

    fn anything() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "\\PC{0,12}".prop_map(Value::from),
            prop::sample::select(vec!["07:00", "mon,fri", "interval", "2031-01-31", "daily", "prn"])
                .prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            let names = prop::sample::select(vec![
                "time",
                "schedule_time",
                "dosage_amount",
                "frequency_type",
                "days",
                "days_of_week",
                "day_of_week",
                "interval_days",
                "interval_start",
                "doses",
                "mon",
                "sun",
            ]);
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::hash_map(names.prop_map(str::to_owned), inner, 0..5)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn whatever_is_sent_is_taken_as_something_possible_or_refused(
            odd in prop::collection::hash_map(
                prop::sample::select(FIELDS.into_iter().chain(["schedules"]).collect::<Vec<_>>()), anything(), 0..6,
            ),
            rows in prop::collection::vec(anything(), 0..3),
        ) {
            let mut body = json!({"name": "a", "schedules": rows});
            for (field, value) in odd {
                body[field] = value;
            }
            if let Ok((entry, rows)) = Entry::read(&body) {
                prop_assert!(!entry.name.is_empty() && entry.name.chars().count() <= LONGEST_NAME);
                prop_assert!(entry.refills_left.is_none_or(|left| (0..=1_000).contains(&left)));
                for row in rows {
                    prop_assert!(row.dosage_amount > 0.0 && row.dosage_amount.is_finite());
                    prop_assert_eq!(row.schedule_time.len(), 5);
                }
            }
            let _ = rows::read_by_day(&body); // It may refuse, and does not panic.
        }
    }

    #[test]
    fn what_cannot_be_is_refused_in_words() {
        for (body, words) in [
            (json!({}), "Medication name is required"),
            (json!({"name": ""}), "Medication name is required"),
            (json!({"name": "a", "notes": []}), "notes must be text"),
            (json!({"name": "a", "refills_left": -1}), "refills_left cannot be -1: it is at least 0 and at most 1000"),
            (json!({"name": "a", "is_prn": "perhaps"}), "is_prn must be true or false"),
            (json!({"name": "a", "start_date": "soon"}), "start_date \"soon\" is not a date. Write it like 2031-01-31"),
            (
                json!({"name": "a", "start_date": "2031-02-01", "end_date": "2031-01-01"}),
                "end_date (2031-01-01) must not be before start_date (2031-02-01)",
            ),
            (json!({"name": "a".repeat(201)}), "name must be at most 200 characters long"),
        ] {
            assert_eq!(Entry::read(&body).unwrap_err().to_string(), words);
        }
    }
}
