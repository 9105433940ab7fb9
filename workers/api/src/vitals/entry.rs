//! A new reading, as a client sends it: checked in the order in which existing clients expect to be told.

use jiff::Timestamp;
use kit::{
    Home, clock,
    field::{self, FieldError},
    number,
};
use serde_json::Value;

use super::{
    Kind,
    consciousness::{self, Level},
    names,
    unit::Unit,
};

/// Where a reading comes from when nobody says.
const BY_HAND: &str = "manual";

/// Nobody who lives was measured before this year.
const FIRST_YEAR: i16 = 1900;

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
    /// Whoever measured has symptoms, too: a severe value is not repeated before somebody is told.
    pub symptom: bool,
}

/// Why a reading cannot be kept, for the one who sent it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum EntryError {
    #[error(transparent)]
    Field(#[from] FieldError),
    #[error("Invalid vital_type. Must be one of: {}", names(.0))]
    UnknownKind(&'static [Kind]),
    #[error("{0} must not be negative")]
    Negative(&'static str),
    #[error("unit {written:?} is not known for {}. Must be one of: {}", .kind.name(), .kind.unit_names())]
    UnknownUnit { kind: Kind, written: String },
    /// The ends are in the unit that was written.
    #[error("{field} cannot be {value} {unit}: {} is at least {least} and at most {most} {unit}", .kind.name())]
    Impossible { field: &'static str, kind: Kind, value: f64, unit: String, least: f64, most: f64 },
    /// Two ends of the same beat: the heart pushes, then it rests.
    #[error(
        "value_secondary cannot be {diastolic} {unit}: a diastolic pressure is less than its systolic one, which is \
         {systolic} {unit}. Look whether they were swapped, or leave the one that was not measured out"
    )]
    NotBelow { systolic: f64, diastolic: f64, unit: String },
    #[error("recorded_at {0} is before {FIRST_YEAR}: some clock is wrong")]
    LongAgo(String),
    #[error("value_primary is not a level of consciousness. Must be one of: {}", consciousness::names())]
    UnknownLevel,
}

impl Entry {
    /// Reads the body of a request. Without a time of its own the reading is of now.
    pub fn read(body: &Value, kinds: &'static [Kind], now: Timestamp, home: &Home) -> Result<Self, EntryError> {
        field::require(body, &["vital_type", "value_primary", "unit"])?;
        let kind = body["vital_type"].as_str().and_then(Kind::of_name).filter(|kind| kinds.contains(kind));
        let kind = kind.ok_or(EntryError::UnknownKind(kinds))?;
        let primary = primary(body, kind)?;
        let unit_text = field::text(body, "unit")?.unwrap_or_default();
        let unit = kind.unit(&unit_text).ok_or_else(|| EntryError::UnknownUnit { kind, written: unit_text.clone() })?;
        // Clients send 0 for what was not measured.
        let secondary = value(body, "value_secondary")?.filter(|value| *value != 0.0);
        check(kind, unit, &unit_text, "value_primary", primary)?;
        if let Some(secondary) = secondary {
            check(kind, unit, &unit_text, "value_secondary", secondary)?;
            if kind == Kind::BloodPressure && secondary >= primary {
                return Err(EntryError::NotBelow { systolic: primary, diastolic: secondary, unit: unit_text });
            }
        }
        let (effective_at, effective_at_text) =
            field::time(body, "recorded_at", home)?.unwrap_or_else(|| (now, clock::iso(now)));
        if home.date(effective_at).year() < FIRST_YEAR {
            return Err(EntryError::LongAgo(effective_at_text));
        }
        Ok(Self {
            kind,
            primary,
            secondary,
            unit_text,
            unit,
            effective_at,
            effective_at_text,
            source: field::text(body, "source")?.unwrap_or_else(|| BY_HAND.into()),
            // Ours, like the other fields here; or as clients write it elsewhere.
            device_address: field::text(body, "device_address")?.or(field::text(body, "deviceAddress")?),
            notes: field::text(body, "notes")?,
            // Whatever is written there that is not no: a symptom by its name, too. Nothing is refused for it.
            symptom: field::flag(body, "symptom").map_or(true, Option::unwrap_or_default),
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

/// A number; for a consciousness also a word.
fn primary(body: &Value, kind: Kind) -> Result<f64, EntryError> {
    if kind == Kind::Consciousness {
        let level = body["value_primary"].as_str().and_then(consciousness::of_word);
        let level = level.or_else(|| number::read(&body["value_primary"]).and_then(consciousness::of_step));
        return level.map(Level::step).ok_or(EntryError::UnknownLevel);
    }
    Ok(value(body, "value_primary")?.ok_or(FieldError::Missing("value_primary"))?)
}

fn check(kind: Kind, unit: &Unit, written: &str, field: &'static str, value: f64) -> Result<(), EntryError> {
    let possible = kind.possible();
    if possible.contains(&unit.to_canonical(value)) {
        return Ok(());
    }
    // A tenth is enough to know what is meant, and what is said to be possible is.
    let least = (unit.of_canonical(*possible.start()) * 10.0).ceil() / 10.0;
    let most = (unit.of_canonical(*possible.end()) * 10.0).floor() / 10.0;
    Err(EntryError::Impossible { field, kind, value, unit: written.to_owned(), least, most })
}

fn value(body: &Value, field: &'static str) -> Result<Option<f64>, EntryError> {
    let value = field::number(body, field)?;
    if value.is_some_and(|value| value < 0.0) { Err(EntryError::Negative(field)) } else { Ok(value) }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_no_body_can_have_is_a_mistake_and_what_is_rare_is_not() {
        let asked = |kind: &str, value: f64, unit: &str| {
            read(&json!({"vital_type": kind, "value_primary": value, "unit": unit})).map(|entry| entry.primary)
        };
        for (kind, least, most, unit) in [
            ("blood_pressure", 0.0, 400.0, "mmHg"),
            ("heart_rate", 0.0, 500.0, "bpm"),
            ("spo2", 10.0, 100.0, "%"),
            ("temperature", 10.0, 50.0, "°C"),
            ("temperature", 50.0, 122.0, "°F"),
            ("weight", 0.1, 1_000.0, "kg"),
            ("glucose", 1.0, 3_000.0, "mg/dL"),
            ("respiratory_rate", 0.0, 200.0, "/min"),
            ("oxygen_supplement", 0.0, 100.0, "L/min"),
            ("height", 20.0, 300.0, "cm"),
        ] {
            assert_eq!((asked(kind, least, unit), asked(kind, most, unit)), (Ok(least), Ok(most)), "{kind}");
            assert!(asked(kind, most * 1.01, unit).is_err(), "{kind}");
            assert!(asked(kind, least - 0.01, unit).is_err(), "{kind}");
        }
        let text = "value_primary cannot be 150 %: spo2 is at least 10 and at most 100 %";
        assert_eq!(asked("spo2", 150.0, "%"), Err(text.into()));
        let text = "value_primary cannot be 0 °F: temperature is at least 50 and at most 122 °F";
        assert_eq!(asked("temperature", 0.0, "°F"), Err(text.into()));
        let text = "value_primary cannot be 0.2 lbs: weight is at least 0.3 and at most 2204.6 lbs";
        assert_eq!(asked("weight", 0.2, "lbs"), Err(text.into()));
        assert!(asked("temperature", 122.5, "°F").is_err(), "the limit is one, whatever the unit");
    }

    fn read(body: &Value) -> Result<Entry, String> {
        let now = "2031-01-31T12:00:00Z".parse().unwrap();
        Entry::read(body, &Kind::ALL, now, &Home::in_zone(TimeZone::UTC)).map_err(|error| error.to_string())
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
    fn a_consciousness_is_written_as_a_word_a_letter_or_a_step_and_kept_as_a_step() {
        let asked = |value: Value| {
            read(&json!({"vital_type": "consciousness", "value_primary": value, "unit": "{ACVPU}"}))
                .map(|entry| entry.primary)
        };
        assert_eq!(asked(json!("confusion")), Ok(1.0));
        assert_eq!(asked(json!("A")), Ok(0.0));
        assert_eq!(asked(json!("4")), Ok(4.0));
        let text = "value_primary is not a level of consciousness. Must be one of: \
                    alert, confusion, voice, pain, unresponsive";
        for value in [json!("asleep"), json!(0.5), json!(5), json!(-1), json!([])] {
            assert_eq!(asked(value), Err(text.into()));
        }
    }

    #[test]
    fn a_diastolic_is_below_its_systolic_whatever_the_unit_and_what_was_not_measured_is_not_compared() {
        let asked = |systolic: f64, diastolic: Value, unit: &str| {
            let body = json!({
                "vital_type": "blood_pressure", "value_primary": systolic, "value_secondary": diastolic, "unit": unit,
            });
            read(&body).map(|entry| entry.secondary)
        };
        let text = "value_secondary cannot be 118 mmHg: a diastolic pressure is less than its systolic one, which is 76 \
                    mmHg. Look whether they were swapped, or leave the one that was not measured out";
        assert_eq!(asked(76.0, json!(118), "mmHg"), Err(text.into()));
        assert!(asked(118.0, json!(118), "mmHg").is_err(), "a beat has two ends");
        assert!(asked(10.0, json!("16"), "kPa").is_err());
        assert!(asked(0.0, json!(40), "mmHg").is_err());
        let text = "value_secondary cannot be 500 mmHg: blood_pressure is at least 0 and at most 400 mmHg";
        assert_eq!(asked(118.0, json!(500), "mmHg"), Err(text.into()), "the range is said first");
        assert_eq!(asked(118.0, json!(117.9), "mmHg"), Ok(Some(117.9)));
        assert_eq!((asked(0.0, json!(0), "mmHg"), asked(60.0, json!(null), "mmHg")), (Ok(None), Ok(None)));
        let other = json!({"vital_type": "heart_rate", "value_primary": 72, "value_secondary": 80, "unit": "bpm"});
        assert_eq!(read(&other).unwrap().secondary, Some(80.0), "only a pressure has two ends");
    }

    #[test]
    fn a_symptom_is_ticked_or_named() {
        for (value, expected) in [
            (json!(null), false),
            (json!(false), false),
            (json!("false"), false),
            (json!(0), false),
            (json!(""), false),
            (json!(true), true),
            (json!("1"), true),
            (json!("chest pain"), true),
            (json!(["chest pain"]), true),
        ] {
            let body = json!({"vital_type": "spo2", "value_primary": 80, "unit": "%", "symptom": value});
            assert_eq!(read(&body).unwrap().symptom, expected, "{body}");
        }
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
            "Invalid vital_type. Must be one of: blood_pressure, heart_rate, spo2, temperature, weight, glucose, \
             respiratory_rate, oxygen_supplement, consciousness, height"
        );
        assert_eq!(with("value_primary", json!("abc")), "value_primary must be a number");
        assert_eq!(with("value_primary", json!("inf")), "value_primary must be a number");
        assert_eq!(with("value_primary", json!(-1)), "value_primary must not be negative");
        assert_eq!(with("value_secondary", json!("x")), "value_secondary must be a number");
        assert_eq!(with("unit", json!("kg")), r#"unit "kg" is not known for heart_rate. Must be one of: bpm"#);
        assert_eq!(with("notes", json!({})), "notes must be text");
        let time = r#"recorded_at "noon" is not a time. Write it like 2031-01-31T12:00:00.000Z"#;
        assert_eq!(with("recorded_at", json!("noon")), time);
        for text in ["1899-12-31T23:59:59Z", "-000001-01-01"] {
            let text_of_error = format!("recorded_at {text} is before 1900: some clock is wrong");
            assert_eq!(with("recorded_at", json!(text)), text_of_error);
        }
    }

    /// What a field may hold, sensible or not.
    fn anything() -> impl Strategy<Value = Value> {
        let texts =
            ["", " ", "72", "-1", "1e999", "NaN", "bpm", "°F", "mmHg", "alert", "2031-01-31", "-009999-01-01T00:00Z"];
        prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            prop::sample::select(Kind::ALL.map(Kind::name).to_vec()).prop_map(Value::from),
            prop::sample::select(texts.to_vec()).prop_map(Value::from),
            ".{0,8}".prop_map(Value::from),
            Just(json!([1, {}])),
            Just(json!({"value": 1})),
        ]
    }

    proptest! {
        #[test]
        fn whatever_is_sent_is_taken_as_something_possible_or_refused(
            kind in 0..Kind::ALL.len(),
            unit in any::<prop::sample::Index>(),
            odd in prop::collection::hash_map(
                prop::sample::select(vec![
                    "vital_type", "value_primary", "value_secondary", "unit", "recorded_at", "source", "notes",
                ]),
                anything(),
                0..4,
            ),
        ) {
            let kind = Kind::ALL[kind];
            let units: Vec<_> = kind.unit_names().split(", ").map(str::to_owned).collect();
            let mut body = json!({"vital_type": kind.name(), "value_primary": 50, "unit": unit.get(&units)});
            for (field, value) in odd {
                body[field] = value;
            }
            if let Ok(entry) = read(&body) {
                prop_assert!(entry.kind.possible().contains(&entry.unit.to_canonical(entry.primary)), "{}", body);
                let is_pressure = entry.kind == Kind::BloodPressure;
                prop_assert!(!is_pressure || entry.secondary.is_none_or(|second| second < entry.primary), "{}", body);
                let again: Timestamp = clock::iso(entry.effective_at).parse().unwrap();
                prop_assert!(again.duration_until(entry.effective_at).as_millis() == 0, "times can be read again");
            }
        }
    }
}
