//! What may be said differently about a reading, by whoever finds that it is wrong.

use jiff::Timestamp;
use kit::{
    Home,
    field::{self, FieldError},
};
use serde_json::{Map, Value};

use super::{
    Kind,
    entry::{Entry, EntryError},
};

/// The fields that can be amended. What was measured, by what and of whom cannot: that is another reading.
const AMENDABLE: [&str; 5] = ["value_primary", "value_secondary", "unit", "recorded_at", "notes"];
const AMENDABLE_NAMES: &str = "value_primary, value_secondary, unit, recorded_at, notes";
const REASON: &str = "reason";
/// How long a reason may be, in characters.
const LONGEST_REASON: usize = 1_000;

/// What is to be different. A field that is `null` is emptied, one that is absent stays.
#[derive(Clone, Debug, PartialEq)]
pub struct Amendment {
    fields: Map<String, Value>,
    pub reason: Option<String>,
}

/// Why a reading cannot be amended so.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum AmendmentError {
    #[error("the body must be an object with what is to be different")]
    NotAnObject,
    #[error("nothing is to be different. Fields that can be amended: {AMENDABLE_NAMES}")]
    Nothing,
    #[error("{0} cannot be amended, only {AMENDABLE_NAMES}: strike the reading out and record another one")]
    Fixed(String),
    #[error("reason must not be longer than {LONGEST_REASON} characters")]
    LongReason,
    #[error("this machine does not know the zone {0} in which the reading was taken")]
    Zone(String),
    #[error(transparent)]
    Field(#[from] FieldError),
    #[error(transparent)]
    Entry(#[from] EntryError),
}

impl Amendment {
    /// Reads the body of a request.
    pub fn read(body: &Value) -> Result<Self, AmendmentError> {
        let reason = reason(body)?;
        let mut fields = body.as_object().ok_or(AmendmentError::NotAnObject)?.clone();
        fields.remove(REASON);
        if let Some(field) = fields.keys().find(|field| !AMENDABLE.contains(&field.as_str())) {
            return Err(AmendmentError::Fixed(field.clone()));
        }
        if fields.is_empty() { Err(AmendmentError::Nothing) } else { Ok(Self { fields, reason }) }
    }
}

/// Why something is amended or struck out, if the body says so.
pub fn reason(body: &Value) -> Result<Option<String>, AmendmentError> {
    let reason = field::text(body, REASON)?;
    if reason.as_ref().is_some_and(|reason| reason.chars().count() > LONGEST_REASON) {
        return Err(AmendmentError::LongReason);
    }
    Ok(reason)
}

/// What the reading should have said, checked as if it had been sent so: `before` is the request that would have made it.
///
/// `home` is where it was taken: a time without a zone is on the clock of that place.
pub fn amended(before: &Value, amendment: &Amendment, now: Timestamp, home: &Home) -> Result<Entry, AmendmentError> {
    let mut body = before.clone();
    for (field, value) in &amendment.fields {
        body[field] = value.clone();
    }
    // Without a time a new reading is of now, which an old one is not.
    field::require(&body, &["recorded_at"])?;
    Ok(Entry::read(&body, &Kind::ALL, now, home)?)
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use serde_json::json;

    use super::*;

    fn amend(amendment: &Value) -> Result<Entry, String> {
        let before = json!({
            "vital_type": "blood_pressure", "value_primary": 118, "value_secondary": 76, "unit": "mmHg",
            "recorded_at": "2031-01-31T09:30", "source": "ble_device", "device_address": "AA:BB", "notes": "sitting",
        });
        let home = Home::in_zone(TimeZone::get("America/New_York").unwrap());
        let now = "2031-02-01T12:00:00Z".parse().unwrap();
        let amendment = Amendment::read(amendment).map_err(|error| error.to_string())?;
        amended(&before, &amendment, now, &home).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_not_amended_stays_and_null_empties() {
        let entry = amend(&json!({"value_primary": 181, "reason": "typed wrongly"})).unwrap();
        assert_eq!((entry.primary, entry.secondary, entry.notes.as_deref()), (181.0, Some(76.0), Some("sitting")));
        assert_eq!((entry.source.as_str(), entry.device_address.as_deref()), ("ble_device", Some("AA:BB")));
        assert_eq!(entry.effective_at.to_string(), "2031-01-31T14:30:00Z");
        let entry = amend(&json!({"value_secondary": null, "notes": null})).unwrap();
        assert_eq!((entry.primary, entry.secondary, entry.notes), (118.0, None, None));
        let entry = amend(&json!({"recorded_at": "2031-01-30T23:30"})).unwrap();
        assert_eq!(entry.effective_at.to_string(), "2031-01-31T04:30:00Z", "on the clock where it was taken");
    }

    #[test]
    fn what_cannot_be_is_refused_and_so_is_another_reading() {
        assert_eq!(AMENDABLE.join(", "), AMENDABLE_NAMES);
        for (amendment, error) in [
            (json!([]), "the body must be an object with what is to be different"),
            (
                json!({"reason": "why not"}),
                "nothing is to be different. Fields that can be amended: value_primary, value_secondary, unit, \
                 recorded_at, notes",
            ),
            (
                json!({"vital_type": "weight"}),
                "vital_type cannot be amended, only value_primary, value_secondary, unit, recorded_at, notes: strike \
                 the reading out and record another one",
            ),
            (json!({"value_primary": null}), "value_primary is required"),
            (json!({"recorded_at": null}), "recorded_at is required"),
            (
                json!({"value_primary": 999}),
                "value_primary cannot be 999 mmHg: blood_pressure is at least 0 and at most 400 mmHg",
            ),
            (json!({"notes": "", "reason": 7}), "reason must be text"),
            (json!({"notes": "", "reason": "x".repeat(1_001)}), "reason must not be longer than 1000 characters"),
        ] {
            assert_eq!(amend(&amendment).unwrap_err(), error, "{amendment}");
        }
    }
}
