use serde_json::json;

use super::*;

pub fn dentist() -> Content {
    let content = json!({"title": "Dentist", "appointment_type": "dental", "starts_at": "2031-05-07T09:30",
        "all_day": false, "reminder_min": 60, "is_recurring": false});
    serde_json::from_value(content).unwrap()
}

fn settled(content: &Content, changes: Value, now: &str) -> Content {
    let Value::Object(said) = changes else { panic!("an object") };
    let mut changes = said.clone();
    content.settle(&mut changes, content, content, &said, now.parse().unwrap()).unwrap();
    content.with(&changes).unwrap()
}

#[test]
fn what_is_completed_says_since_when_and_saying_so_again_does_not_change_it() {
    let first = settled(&dentist(), json!({"status": "completed"}), "2031-05-07T14:00Z");
    assert_eq!(first.completed_at.as_deref(), Some("2031-05-07T14:00:00.000Z"));
    assert_eq!(settled(&first, json!({"status": "completed"}), "2031-05-07T15:00Z"), first);
    assert_eq!(settled(&first, json!({"status": "no-show"}), "2031-05-07T15:00Z").completed_at, None);
}

#[test]
fn a_drivers_word_is_for_one_driver_and_one_time() {
    let asked = settled(&dentist(), json!({"driver": "Anna"}), "2031-05-01T08:00Z");
    let confirmed = settled(&asked, json!({"driver_confirmed_by": "Anna"}), "2031-05-01T09:00Z");
    assert_eq!(confirmed.driver_confirmed_at.as_deref(), Some("2031-05-01T09:00:00.000Z"));
    let again = json!({"driver": "Anna", "driver_confirmed_by": "Anna"});
    assert_eq!(settled(&confirmed, again, "2031-05-02T09:00Z"), confirmed);
    for change in [json!({"driver": "Ben"}), json!({"starts_at": "2031-05-08T09:30"}), json!({"driver": null})] {
        let after = settled(&confirmed, change.clone(), "2031-05-02T09:00Z");
        assert_eq!((after.driver_confirmed_by, after.driver_confirmed_at), (None, None), "{change}");
    }
    let both = settled(&confirmed, json!({"driver": "Ben", "driver_confirmed_by": "Ben"}), "2031-05-02T09:00Z");
    assert_eq!(both.driver_confirmed_by.as_deref(), Some("Ben"));
    let notes = settled(&confirmed, json!({"notes": "side door"}), "2031-05-02T09:00Z");
    assert_eq!(notes.driver_confirmed_at, confirmed.driver_confirmed_at);
}

#[test]
fn a_new_one_may_be_over_and_confirmed_already() {
    let now: Timestamp = "2031-05-01T09:00Z".parse().unwrap();
    let said = |more: Value| {
        let mut said = json!({"title": "Lab", "appointment_type": "lab", "starts_at": "2031-05-07T09:30",
            "all_day": false, "reminder_min": 60, "is_recurring": false, "driver": "Anna"});
        said.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Content::new(said.as_object().unwrap(), now).unwrap()
    };
    let plain = said(json!({}));
    assert_eq!((plain.status, plain.completed_at, plain.driver_confirmed_at), (Status::Scheduled, None, None));
    let over = said(json!({"status": "completed", "driver_confirmed_by": "Anna"}));
    let at = Some("2031-05-01T09:00:00.000Z".to_owned());
    assert_eq!((over.completed_at, over.driver_confirmed_at), (at.clone(), at));
}

#[test]
fn every_status_has_one_name_and_a_word_that_existing_clients_know() {
    for status in Status::ALL {
        assert_eq!(Status::of_name(status.name()), Some(status));
        assert_eq!(serde_json::to_value(status).unwrap(), status.name());
        assert!(["scheduled", "completed", "cancelled"].contains(&status.for_existing_clients()));
    }
}
