//! Who may be told of an event, by what its kind begins with.

use kit::{Area, Rule};

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

/// Who may be told of events of this kind. What is of no area is for the hub's own workers only, so that a kind that was
/// forgotten above is never shown to who must not see it.
pub fn rule(kind: &str) -> Rule {
    let thing = kind.split_once('.').map_or(kind, |(thing, _)| thing);
    let area = AREAS.iter().find(|(things, _)| things.contains(&thing)).map(|(_, area)| *area);
    area.map_or(Rule::Service, Rule::Read)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

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
            assert_eq!(rule(kind), rule_of_it, "{kind}");
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
        let none: Vec<_> = kinds.iter().filter(|kind| rule(kind) == Rule::Service).collect();
        assert!(none.is_empty(), "add what these are about to the areas: {none:?}");
    }
}
