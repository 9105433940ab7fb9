//! Who may be told of an event, by what its kind begins with, and an alert by what it is about.

use kit::{Area, Rule, outbox::Kept};

use crate::alerts::Topic;

/// Of which area the things are that events are about.
const AREAS: [(&[&str], Area); 6] = [
    // People and where they live are shown wherever readings are.
    (&["reading", "limits", "alert", "repeat", "ladder", "people", "resident"], Area::Vitals),
    (&["medication", "dose", "doses", "stock"], Area::Medication),
    (&["appointment"], Area::Appointments),
    (&["drink", "drink-goal"], Area::Nutrition),
    (&["workout", "activity", "activity-intervals", "assessment", "fitness-device"], Area::Activity),
    (&["device"], Area::Devices),
];

/// What is said of alerts.
const ALERT: &str = "alert";

/// Who may be told of this event. An alert is of the area of what it is about, as where it is looked up: about nothing that is
/// known, it is for the hub's own workers only.
pub fn rule(event: &Kept) -> Rule {
    if thing(&event.kind) != ALERT {
        return of_kind(&event.kind);
    }
    let about = event.payload["kind"].as_str().and_then(Topic::area_of_kind);
    about.map_or(Rule::Service, Rule::Read)
}

/// Who may be told of events of this kind. What is of no area is for the hub's own workers only, so that a kind that was
/// forgotten above is never shown to who must not see it.
fn of_kind(kind: &str) -> Rule {
    let thing = thing(kind);
    let area = AREAS.iter().find(|(things, _)| things.contains(&thing)).map(|(_, area)| *area);
    area.map_or(Rule::Service, Rule::Read)
}

fn thing(kind: &str) -> &str {
    kind.split_once('.').map_or(kind, |(thing, _)| thing)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn an_event_belongs_to_the_area_of_its_thing() {
        for (kind, rule_of_it) in [
            ("reading.recorded", Rule::Read(Area::Vitals)),
            ("dose.taken", Rule::Read(Area::Medication)),
            ("drink.recorded", Rule::Read(Area::Nutrition)),
            ("device.paired", Rule::Read(Area::Devices)),
            ("readings.recorded", Rule::Service),
            ("secret", Rule::Service),
        ] {
            assert_eq!(of_kind(kind), rule_of_it, "{kind}");
        }
    }

    #[test]
    fn an_alert_is_told_to_whoever_may_see_what_it_is_about() {
        for (about, rule_of_it) in [
            (json!("heart_rate"), Rule::Read(Area::Vitals)),
            (json!("dose"), Rule::Read(Area::Medication)),
            (json!("dose-17"), Rule::Read(Area::Medication)),
            (json!("something"), Rule::Service),
            (Value::Null, Rule::Service),
        ] {
            let payload = json!({"subject": 1, "kind": about});
            let event = Kept { home_seq: 1, kind: "alert.opened".into(), payload, recorded_at: String::new() };
            assert_eq!(rule(&event), rule_of_it, "{about}");
        }
    }

    /// Kinds of events that the files below a folder declare, as `const NAME: &str = "thing.participle"`.
    fn declared(folder: &Path, kinds: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if entry.path().is_dir() {
                declared(&entry.path(), kinds);
                continue;
            }
            let text = std::fs::read_to_string(entry.path()).unwrap();
            let texts = text.lines().filter(|line| line.contains("const ") && line.contains(": &str = \""));
            let texts = texts.filter_map(|line| line.split('"').nth(1));
            let is_kind = |text: &&str| {
                let parts: Vec<_> = text.split('.').collect();
                parts.len() == 2
                    && parts
                        .iter()
                        .all(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c == '-'))
            };
            kinds.extend(texts.filter(is_kind).map(str::to_owned));
        }
    }

    #[test]
    fn every_kind_of_event_that_is_kept_has_an_area() {
        let mut kinds = Vec::new();
        declared(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store"), &mut kinds);
        assert!(kinds.contains(&"reading.recorded".to_owned()), "{kinds:?}");
        let none: Vec<_> = kinds.iter().filter(|kind| of_kind(kind) == Rule::Service).collect();
        assert!(none.is_empty(), "add what these are about to the areas: {none:?}");
    }
}
