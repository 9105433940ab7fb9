//! The fields of a body, checked and in the form in which they are kept. A field that is absent stays, `null` clears it.

use jiff::Timestamp;
use kit::{
    Home,
    field::{self, FieldError},
};
use serde_json::{Map, Value};

use super::{
    content::Preparation,
    moment::{Moment, MomentError},
    status::Status,
};

/// What an appointment is when nobody says.
pub const USUAL_TYPE: &str = "personal";
/// How many minutes before it to remind when nobody says.
pub const USUAL_REMINDER_MIN: i64 = 60;
/// The earliest reminder: four weeks before, in minutes.
const EARLIEST_REMINDER_MIN: i32 = 40_320;
/// The longest way, and the longest time to get ready: a day each, in minutes.
const LONGEST_WAY_MIN: i32 = 1_440;
/// The longest list of what to prepare.
const MOST_PREPARATIONS: usize = 100;

/// Who changes what: each may change other fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// A client that knows the original's fields only.
    Compat,
    /// All there is.
    Details,
    /// One visit of a series: what all of them have in common stays.
    Visit,
}

/// How a field is written and kept.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Text,
    TextOr(&'static str),
    Title,
    Start,
    Time,
    Flag,
    Minutes { most: i32, usual: i64 },
    Rule,
    Status,
    Outcome,
    Preparations,
}

use Scope::{Compat, Details, Visit};

const FIELDS: &[(&str, Kind, &[Scope])] = &[
    ("title", Kind::Title, &[Compat, Details, Visit]),
    ("description", Kind::Text, &[Compat, Details, Visit]),
    ("location", Kind::Text, &[Compat, Details, Visit]),
    ("appointment_type", Kind::TextOr(USUAL_TYPE), &[Compat, Details]),
    ("provider_name", Kind::Text, &[Compat, Details, Visit]),
    ("provider_phone", Kind::Text, &[Compat, Details, Visit]),
    ("provider_place", Kind::Text, &[Details, Visit]),
    ("starts_at", Kind::Start, &[Compat, Details, Visit]),
    ("ends_at", Kind::Time, &[Compat, Details, Visit]),
    ("all_day", Kind::Flag, &[Compat, Details]),
    (
        "reminder_min",
        Kind::Minutes { most: EARLIEST_REMINDER_MIN, usual: USUAL_REMINDER_MIN },
        &[Compat, Details, Visit],
    ),
    ("is_recurring", Kind::Flag, &[Compat, Details]),
    ("recurrence_rule", Kind::Rule, &[Compat, Details]),
    ("notes", Kind::Text, &[Compat, Details, Visit]),
    ("status", Kind::Status, &[Compat, Details, Visit]),
    ("outcome", Kind::Outcome, &[Details, Visit]),
    ("outcome_notes", Kind::Text, &[Details, Visit]),
    ("prepare", Kind::Preparations, &[Details, Visit]),
    ("travel_min", Kind::Minutes { most: LONGEST_WAY_MIN, usual: 0 }, &[Details, Visit]),
    ("preparation_min", Kind::Minutes { most: LONGEST_WAY_MIN, usual: 0 }, &[Details, Visit]),
    ("driver", Kind::Text, &[Details, Visit]),
    ("driver_confirmed_by", Kind::Text, &[Details, Visit]),
];

/// Why a change cannot be made, for the one who sent it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ChangeError {
    #[error("Appointment title is required")]
    NoTitle,
    #[error("Appointment start time is required")]
    NoStart,
    #[error(transparent)]
    Field(#[from] FieldError),
    #[error(transparent)]
    Moment(#[from] MomentError),
    #[error("ends_at must not be before starts_at")]
    EndsBeforeItStarts,
    #[error("status must be one of: scheduled, completed, cancelled, no-show")]
    Status,
    #[error("outcome must be one of: fulfilled, no-show")]
    Outcome,
    #[error(
        r#"prepare must be a list of at most {MOST_PREPARATIONS} things like {{"text":"insurance card","kind":"bring","done":false}}; kind is bring or do"#
    )]
    Preparations,
    #[error("{0} is not a field of {1}. The fields are: {2}")]
    Unknown(String, &'static str, String),
}

/// A new appointment: every field that clients can set, with the usual ones where nothing was sent.
pub fn create(body: &Value, scope: Scope, home: &Home) -> Result<Map<String, Value>, ChangeError> {
    if field::is_missing(body, "title") {
        return Err(ChangeError::NoTitle);
    }
    if field::is_missing(body, "starts_at") {
        return Err(ChangeError::NoStart);
    }
    let mut changes = read(body, scope, home)?;
    if scope == Compat {
        // Existing clients make what is to come, whatever else they send.
        changes.remove("status");
    }
    changes.entry("appointment_type").or_insert_with(|| USUAL_TYPE.into());
    changes.entry("reminder_min").or_insert_with(|| USUAL_REMINDER_MIN.into());
    for flag in ["all_day", "is_recurring"] {
        changes.entry(flag).or_insert_with(|| false.into());
    }
    Ok(changes)
}

/// The fields of `body` that may be changed in this scope, checked. Existing clients send more, which is left alone; in the
/// other scopes a field that is not known is refused.
pub fn read(body: &Value, scope: Scope, home: &Home) -> Result<Map<String, Value>, ChangeError> {
    let mut changes = Map::new();
    for (name, kind, scopes) in FIELDS {
        if scopes.contains(&scope) && body.get(name).is_some() {
            let value = value(body, name, *kind, home)?;
            let name = if *name == "outcome" { "status" } else { name };
            changes.insert(name.into(), value);
        }
    }
    refuse_unknown(body, scope)?;
    let (start, end) = (Moment::read(body, "starts_at", home)?, Moment::read(body, "ends_at", home)?);
    start.map_or(Ok(()), |start| check_times(start.at, end.map(|end| end.at)))?;
    Ok(changes)
}

/// That it does not end before it begins, as it is after a change.
pub fn check_times(starts_at: Timestamp, ends_at: Option<Timestamp>) -> Result<(), ChangeError> {
    if ends_at.is_some_and(|end| end < starts_at) { Err(ChangeError::EndsBeforeItStarts) } else { Ok(()) }
}

fn refuse_unknown(body: &Value, scope: Scope) -> Result<(), ChangeError> {
    let whose = match scope {
        Compat => return Ok(()),
        Details => "an appointment",
        Visit => "a visit",
    };
    let known: Vec<_> = FIELDS.iter().filter(|(.., scopes)| scopes.contains(&scope)).map(|(name, ..)| *name).collect();
    let sent = body.as_object().into_iter().flatten();
    let unknown = sent.map(|(name, _)| name).find(|name| !known.contains(&name.as_str()));
    unknown.map_or(Ok(()), |name| Err(ChangeError::Unknown(name.clone(), whose, known.join(", "))))
}

fn value(body: &Value, name: &'static str, kind: Kind, home: &Home) -> Result<Value, ChangeError> {
    Ok(match kind {
        Kind::Text => field::text(body, name)?.into(),
        Kind::TextOr(usual) => field::text(body, name)?.unwrap_or_else(|| usual.into()).into(),
        Kind::Title => field::text(body, name)?.ok_or(ChangeError::NoTitle)?.into(),
        Kind::Start => Moment::read(body, name, home)?.ok_or(ChangeError::NoStart)?.written.into(),
        Kind::Time => Moment::read(body, name, home)?.map(|moment| moment.written).into(),
        Kind::Flag => field::flag(body, name)?.unwrap_or(false).into(),
        Kind::Minutes { most, usual } => field::whole_within(body, name, 0, most)?.unwrap_or(usual).into(),
        // One that cannot be read is kept as well: the appointment must not be lost for it.
        Kind::Rule if body[name].is_object() => body[name].to_string().into(),
        Kind::Rule => field::text(body, name)?.into(),
        Kind::Status => status(&body[name])?.name().into(),
        Kind::Outcome => outcome(&body[name])?.name().into(),
        Kind::Preparations => preparations(&body[name])?,
    })
}

fn status(sent: &Value) -> Result<Status, ChangeError> {
    let status = sent.as_str().and_then(Status::of_name);
    status.filter(|status| *status != Status::EnteredInError).ok_or(ChangeError::Status)
}

fn outcome(sent: &Value) -> Result<Status, ChangeError> {
    match sent.as_str() {
        Some("fulfilled") => Ok(Status::Completed),
        Some("no-show") => Ok(Status::NoShow),
        None if sent.is_null() => Ok(Status::Scheduled),
        _ => Err(ChangeError::Outcome),
    }
}

fn preparations(sent: &Value) -> Result<Value, ChangeError> {
    if sent.is_null() {
        return Ok(Value::Array(Vec::new()));
    }
    let list: Vec<Preparation> = serde_json::from_value(sent.clone()).map_err(|_| ChangeError::Preparations)?;
    let fits = list.len() <= MOST_PREPARATIONS && list.iter().all(|preparation| !preparation.text.trim().is_empty());
    fits.then(|| serde_json::to_value(list).ok()).flatten().ok_or(ChangeError::Preparations)
}

#[cfg(test)]
mod tests;
