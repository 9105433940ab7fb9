//! The fields of a body, checked and in the form in which they are kept. A field that is absent stays, `null` clears it.

use kit::{
    Home,
    field::{self, FieldError},
};
use serde_json::{Map, Value};

use super::{
    content::{Preparation, Status},
    moment::{Moment, MomentError},
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
    if start.zip(end).is_some_and(|(start, end)| end.at < start.at) {
        return Err(ChangeError::EndsBeforeItStarts);
    }
    Ok(changes)
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
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::appointments::content::tests::dentist;

    /// Anything that a client may write into a field.
    fn anything() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(json!(null)),
            any::<bool>().prop_map(Value::from),
            (-3..70_000_i64).prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "[0-9TZ:.+ -]{0,26}".prop_map(Value::from),
            "\\PC{0,20}".prop_map(Value::from),
            prop::sample::select(&["2031-05-07", "2031-05-07T00:00:00.000Z", "2031-05-07T09:30", "1", "no-show"][..])
                .prop_map(Value::from),
            Just(json!([{"text": "card"}])),
            Just(json!([{"text": "card", "done": 1}])),
            Just(json!({"frequency": "daily"})),
        ]
    }

    proptest! {
        #[test]
        fn whatever_is_sent_is_refused_or_fits_what_is_kept(
            sent in prop::collection::btree_map(prop::sample::select(FIELDS).prop_map(|(name, ..)| name.to_owned()), anything(), 0..6),
        ) {
            let body = json!(sent);
            for scope in [Compat, Details, Visit] {
                if let Ok(changes) = read(&body, scope, &home()) {
                    let changed = dentist().with(&changes);
                    prop_assert!(changed.is_ok(), "{:?} of {}", changed, body);
                }
            }
            if let Ok(created) = create(&body, Details, &home()) {
                let content = crate::appointments::content::Content::new(&created, jiff::Timestamp::UNIX_EPOCH);
                prop_assert!(content.is_ok(), "{:?} of {}", content, body);
            }
        }
    }

    fn home() -> Home {
        Home::of_name("America/New_York").unwrap()
    }

    #[test]
    fn a_new_appointment_has_the_usual_values_and_keeps_what_was_sent() {
        let created =
            create(&json!({"title": "Walk", "starts_at": "2031-06-01T10:00", "reminder_min": 0}), Compat, &home());
        let expected = json!({"title": "Walk", "starts_at": "2031-06-01T10:00", "appointment_type": "personal",
            "reminder_min": 0, "all_day": false, "is_recurring": false});
        assert_eq!(created.map(Value::Object), Ok(expected), "0 is at the time itself");
        let body = json!({"title": "Walk", "starts_at": "2031-06-01T10:00", "all_day": 1, "is_recurring": true,
            "reminder_min": null, "appointment_type": "", "recurrence_rule": {"frequency": "daily"}, "colour": "red"});
        let created = create(&body, Compat, &home()).unwrap();
        assert_eq!((&created["all_day"], &created["is_recurring"]), (&json!(true), &json!(true)));
        assert_eq!((&created["reminder_min"], &created["appointment_type"]), (&json!(60), &json!("personal")));
        assert_eq!(created["recurrence_rule"], r#"{"frequency":"daily"}"#);
        assert!(!created.contains_key("colour"));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let with = |scope: Scope, body: Value| read(&body, scope, &home()).unwrap_err().to_string();
        assert_eq!(create(&json!({}), Compat, &home()), Err(ChangeError::NoTitle));
        assert_eq!(create(&json!({"title": "x", "starts_at": null}), Compat, &home()), Err(ChangeError::NoStart));
        for (body, text) in [
            (json!({"title": ""}), "Appointment title is required"),
            (json!({"starts_at": null}), "Appointment start time is required"),
            (json!({"starts_at": "soon"}), r#"starts_at "soon" is not a time. Write it like 2031-01-31T12:00:00.000Z"#),
            (json!({"reminder_min": -5}), "reminder_min cannot be -5: it is at least 0 and at most 40320"),
            (json!({"all_day": "perhaps"}), "all_day must be true or false"),
            (json!({"status": "entered-in-error"}), "status must be one of: scheduled, completed, cancelled, no-show"),
            (
                json!({"starts_at": "2031-06-01T10:00", "ends_at": "2031-06-01T09:00"}),
                "ends_at must not be before starts_at",
            ),
        ] {
            assert_eq!(with(Compat, body.clone()), text, "{body}");
        }
        assert!(with(Details, json!({"outcome": "late"})).starts_with("outcome must be"));
        for list in
            [json!("card"), json!([{"kind": "do"}]), json!([{"text": " "}]), json!([{"text": "x", "kind": "eat"}])]
        {
            assert!(with(Details, json!({"prepare": list})).starts_with("prepare must be a list"), "{list}");
        }
        assert!(
            with(Visit, json!({"recurrence_rule": null})).starts_with("recurrence_rule is not a field of a visit.")
        );
        assert!(with(Details, json!({"colour": "red"})).contains("driver_confirmed_by"));
    }

    #[test]
    fn an_outcome_is_a_status_and_a_tick_is_kept() {
        for (outcome, status) in
            [(json!("fulfilled"), "completed"), (json!("no-show"), "no-show"), (json!(null), "scheduled")]
        {
            assert_eq!(read(&json!({"outcome": outcome}), Visit, &home()).unwrap()["status"], status);
        }
        let list = json!([{"text": "insurance card"}, {"text": "fast", "kind": "do", "done": true}]);
        let read = read(&json!({"prepare": list}), Details, &home()).unwrap();
        let expected = json!([{"text": "insurance card", "kind": "bring", "done": false}, {"text": "fast", "kind": "do", "done": true}]);
        assert_eq!(read["prepare"], expected);
    }
}
