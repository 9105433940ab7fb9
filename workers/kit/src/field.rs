//! Fields of a JSON body, as clients write them: a number may be a text, and empty text, `null` and nothing are all nothing.

use jiff::Timestamp;
use serde_json::Value;

use crate::{Home, number};

/// Why a field cannot be taken, for the one who sent it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum FieldError {
    /// It has to be there.
    #[error("{0} is required")]
    Missing(&'static str),
    /// It has to be a number.
    #[error("{0} must be a number")]
    NotANumber(&'static str),
    /// It has to be a whole number.
    #[error("{0} must be a whole number")]
    NotWhole(&'static str),
    /// It has to be text.
    #[error("{0} must be text")]
    NotText(&'static str),
    /// It has to be a time.
    #[error("{0} {1} is not a time. Write it like 2031-01-31T12:00:00.000Z")]
    NotATime(&'static str, Value),
    /// It has to be yes or no.
    #[error("{0} must be true or false")]
    NotAFlag(&'static str),
    /// It is a number that cannot be.
    #[error("{field} cannot be {value}: it is at least {least} and at most {most}")]
    OutOfRange {
        /// Which.
        field: &'static str,
        /// As it was sent.
        value: f64,
        /// The least that can be.
        least: f64,
        /// The most that can be.
        most: f64,
    },
}

impl From<FieldError> for crate::Problem {
    fn from(error: FieldError) -> Self {
        Self::bad_request(error.to_string())
    }
}

/// Missing, `null` or empty text; 0 and `false` are values.
#[must_use]
pub fn is_missing(body: &Value, field: &str) -> bool {
    match body.get(field) {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.is_empty(),
        Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => false,
    }
}

/// The first of these that is missing is what is wrong.
///
/// # Errors
/// [`FieldError::Missing`].
pub fn require(body: &Value, fields: &[&'static str]) -> Result<(), FieldError> {
    fields.iter().find(|field| is_missing(body, field)).map_or(Ok(()), |field| Err(FieldError::Missing(field)))
}

/// Text as it was written, spaces and all.
///
/// # Errors
/// [`FieldError::NotText`].
pub fn text(body: &Value, field: &'static str) -> Result<Option<String>, FieldError> {
    if is_missing(body, field) {
        return Ok(None);
    }
    body[field].as_str().map(|text| Some(text.to_owned())).ok_or(FieldError::NotText(field))
}

/// A number, whichever.
///
/// # Errors
/// [`FieldError::NotANumber`].
pub fn number(body: &Value, field: &'static str) -> Result<Option<f64>, FieldError> {
    if is_missing(body, field) {
        return Ok(None);
    }
    number::read(&body[field]).map(Some).ok_or(FieldError::NotANumber(field))
}

/// A number from `least` to `most`.
///
/// # Errors
/// [`FieldError::NotANumber`], or [`FieldError::OutOfRange`].
pub fn number_within(body: &Value, field: &'static str, least: f64, most: f64) -> Result<Option<f64>, FieldError> {
    match number(body, field)? {
        Some(value) if !(least..=most).contains(&value) => Err(FieldError::OutOfRange { field, value, least, most }),
        value => Ok(value),
    }
}

/// A whole number from `least` to `most`.
///
/// # Errors
/// [`FieldError::NotANumber`], [`FieldError::NotWhole`], or [`FieldError::OutOfRange`].
pub fn whole_within(body: &Value, field: &'static str, least: i32, most: i32) -> Result<Option<i64>, FieldError> {
    match number_within(body, field, f64::from(least), f64::from(most))? {
        None => Ok(None),
        Some(value) => number::whole(value).map(Some).ok_or(FieldError::NotWhole(field)),
    }
}

/// Yes or no, as clients write it: `true`, `1`, `0`.
///
/// # Errors
/// [`FieldError::NotAFlag`].
pub fn flag(body: &Value, field: &'static str) -> Result<Option<bool>, FieldError> {
    if is_missing(body, field) {
        return Ok(None);
    }
    match (&body[field], number::read(&body[field])) {
        (Value::Bool(flag), _) => Ok(Some(*flag)),
        (_, Some(0.0)) => Ok(Some(false)),
        (_, Some(1.0)) => Ok(Some(true)),
        (Value::String(text), _) if text == "true" || text == "false" => Ok(Some(text == "true")),
        _ => Err(FieldError::NotAFlag(field)),
    }
}

/// An instant, with the text that says it: a time without a zone is on the resident's clock.
///
/// # Errors
/// [`FieldError::NotATime`].
pub fn time(body: &Value, field: &'static str, home: &Home) -> Result<Option<(Timestamp, String)>, FieldError> {
    if is_missing(body, field) {
        return Ok(None);
    }
    let not_a_time = || FieldError::NotATime(field, body[field].clone());
    let written = body[field].as_str().ok_or_else(not_a_time)?;
    Ok(Some((home.instant(written).ok_or_else(not_a_time)?, written.to_owned())))
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use serde_json::json;

    use super::*;

    #[test]
    fn nothing_is_written_in_three_ways_and_zero_is_something() {
        let body = json!({"a": null, "b": "", "c": 0, "d": false});
        assert!(["a", "b", "e"].iter().all(|field| is_missing(&body, field)));
        assert!(["c", "d"].iter().all(|field| !is_missing(&body, field)));
        assert_eq!(require(&body, &["c", "b", "e"]), Err(FieldError::Missing("b")));
        assert_eq!(require(&body, &["c", "d"]), Ok(()));
    }

    #[test]
    fn a_number_that_cannot_be_is_refused_with_the_range() {
        let body = json!({"drunk": "12.5", "far": 1e9, "none": "x", "half": 0.5});
        assert_eq!(number_within(&body, "drunk", 0.0, 200.0), Ok(Some(12.5)));
        assert_eq!(number_within(&body, "absent", 0.0, 200.0), Ok(None));
        let error = number_within(&body, "far", 0.0, 200.0).unwrap_err().to_string();
        assert_eq!(error, "far cannot be 1000000000: it is at least 0 and at most 200");
        assert_eq!(number_within(&body, "none", 0.0, 1.0), Err(FieldError::NotANumber("none")));
        assert_eq!(whole_within(&body, "half", 0, 1), Err(FieldError::NotWhole("half")));
    }

    #[test]
    fn yes_and_no_are_written_in_several_ways() {
        let body = json!({"a": true, "b": 1, "c": 0, "d": "1", "e": "false", "f": "maybe", "g": 2});
        let flags = ["a", "b", "c", "d", "e"].map(|field| flag(&body, field).unwrap().unwrap());
        assert_eq!(flags, [true, true, false, true, false]);
        for field in ["f", "g"] {
            assert_eq!(flag(&body, field), Err(FieldError::NotAFlag(field)));
        }
    }

    #[test]
    fn a_time_is_kept_as_it_was_written() {
        let home = Home::in_zone(TimeZone::get("America/New_York").unwrap());
        let body = json!({"at": "2031-05-07T09:30", "noon": "noon"});
        let (at, written) = time(&body, "at", &home).unwrap().unwrap();
        assert_eq!((at.to_string().as_str(), written.as_str()), ("2031-05-07T13:30:00Z", "2031-05-07T09:30"));
        let error = time(&body, "noon", &home).unwrap_err().to_string();
        assert_eq!(error, r#"noon "noon" is not a time. Write it like 2031-01-31T12:00:00.000Z"#);
    }
}
