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
    for list in [json!("card"), json!([{"kind": "do"}]), json!([{"text": " "}]), json!([{"text": "x", "kind": "eat"}])]
    {
        assert!(with(Details, json!({"prepare": list})).starts_with("prepare must be a list"), "{list}");
    }
    assert!(with(Visit, json!({"recurrence_rule": null})).starts_with("recurrence_rule is not a field of a visit."));
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
