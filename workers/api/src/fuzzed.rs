//! What must hold whatever the body of a request says. Used by the replay of the kept corpus, below, and by the fuzzer
//! (`tests/fuzz`), which takes this file and the rules into a crate of its own.

use jiff::{Timestamp, tz::TimeZone};
use kit::{Home, clock};
use serde_json::{Value, json};

use crate::{
    activity::interval,
    appointments::{
        change::{self, Scope},
        moment::Moment,
        recurrence::rule::Rule,
    },
    drinks,
    medication::{self, rows},
    vitals::{
        Kind,
        amendment::{self, Amendment},
        entry::Entry,
    },
};

/// In summer, where the clock was put forward.
const NOW: i64 = 1_940_000_000;
const ZONE: &str = "America/New_York";

/// Everything that reads the body of a request without doing anything. Whoever adds one adds its line here.
const READERS: &[fn(&Value, Timestamp, &Home)] =
    &[reading, amended_reading, appointment, recurrence, medicine, schedule, drink, intervals];

/// A body, which may be meant for any of them.
pub fn bodies(bytes: &[u8]) {
    let Ok(body) = serde_json::from_slice::<Value>(bytes) else { return };
    let now = Timestamp::from_second(NOW).expect("a time");
    let home = Home::in_zone(TimeZone::get(ZONE).expect("a zone that every machine knows"));
    READERS.iter().for_each(|read| read(&body, now, &home));
}

fn reading(body: &Value, now: Timestamp, home: &Home) {
    match Entry::read(body, &Kind::ALL, now, home) {
        Ok(entry) => is_possible(&entry),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// Of a reading that was fine, whatever is to be different about it.
fn amended_reading(body: &Value, now: Timestamp, home: &Home) {
    let Ok(amendment) = Amendment::read(body) else { return };
    let before = json!({
        "vital_type": "blood_pressure", "value_primary": 120, "value_secondary": 80, "unit": "mmHg",
        "recorded_at": "2031-01-31T12:00:00Z",
    });
    match amendment::amended(&before, &amendment, now, home) {
        Ok(entry) => {
            assert_eq!(entry.kind, Kind::BloodPressure);
            is_possible(&entry);
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

fn is_possible(entry: &Entry) {
    let (possible, primary) = (entry.kind.possible(), entry.unit.to_canonical(entry.primary));
    assert!(possible.contains(&primary), "{entry:?}");
    let is_pressure = entry.kind == Kind::BloodPressure;
    assert!(!is_pressure || entry.secondary.is_none_or(|diastolic| diastolic < entry.primary), "{entry:?}");
    let again: Timestamp = clock::iso(entry.effective_at).parse().expect("a time that can be read again");
    assert_eq!(again.duration_until(entry.effective_at).as_millis(), 0, "{entry:?}");
}

/// What was understood, sent again, is understood as the same.
fn appointment(body: &Value, _: Timestamp, home: &Home) {
    for scope in [Scope::Compat, Scope::Details, Scope::Visit] {
        let Ok(changes) = change::read(body, scope, home) else { continue };
        let sent = Value::Object(changes.clone());
        assert_eq!(change::read(&sent, scope, home), Ok(changes), "{scope:?}");
        let times = (Moment::read(&sent, "starts_at", home), Moment::read(&sent, "ends_at", home));
        if let (Ok(Some(start)), Ok(Some(end))) = times {
            assert!(start.at <= end.at, "{scope:?}: {sent}");
        }
    }
    for scope in [Scope::Compat, Scope::Details] {
        let Ok(created) = change::create(body, scope, home) else { continue };
        assert!(created.contains_key("title") && created.contains_key("starts_at"), "{created:?}");
    }
}

fn recurrence(body: &Value, _: Timestamp, _: &Home) {
    let Some(text) = body["recurrence_rule"].as_str() else { return };
    if let Ok(rule) = Rule::read(text) {
        assert_eq!(Rule::read(&rule.json().to_string()).as_ref(), Ok(&rule), "{}", rule.json());
    }
}

/// What was understood of a medicine is left as it is by the same words.
fn medicine(body: &Value, _: Timestamp, _: &Home) {
    match medication::entry::Entry::read(body) {
        Ok((entry, _)) => {
            assert!(!entry.name.is_empty(), "{body}");
            assert_eq!(entry.clone().changed(body), Ok(entry), "{body}");
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

fn schedule(body: &Value, _: Timestamp, _: &Home) {
    for read in [rows::read(body).map(Option::unwrap_or_default), rows::read_by_day(body)] {
        if let Err(error) = read {
            assert!(!error.to_string().is_empty());
        }
    }
}

fn drink(body: &Value, now: Timestamp, home: &Home) {
    for read in [drinks::Entry::in_ounces(body, now, home), drinks::Entry::read(body, now, home)] {
        match read {
            Ok(entry) => assert!(entry.amount.value > 0.0 && entry.amount.value.is_finite(), "{entry:?}"),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}

fn intervals(body: &Value, _: Timestamp, home: &Home) {
    match interval::read(body, home) {
        Ok(intervals) => assert!(intervals.iter().all(|interval| interval.started_at < interval.ended_at), "{body}"),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// The corpus is kept for what it covers, not for how much it is, in bytes.
    const LARGEST_CORPUS: usize = 50_000;

    #[test]
    fn what_was_tried_once_still_holds() {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/corpus/bodies");
        let (mut count, mut size) = (0, 0);
        for file in std::fs::read_dir(&corpus).unwrap().map(|file| file.unwrap().path()) {
            // Named before it is tried, so that a failure says which it was.
            println!("{}", file.display());
            let bytes = std::fs::read(file).unwrap();
            (count, size) = (count + 1, size + bytes.len());
            bodies(&bytes);
        }
        assert!(count > 5, "the corpus is missing");
        assert!(size < LARGEST_CORPUS, "{size} bytes");
    }
}
