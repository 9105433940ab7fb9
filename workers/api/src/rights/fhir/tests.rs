use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{Home, LOOKED_UP, TABLES, beginning};

const NOW: &str = "2031-02-01T12:00:00Z";

fn id(number: u32) -> String {
    format!("01900000-0000-7000-8000-{number:012}")
}

fn kept() -> Map<String, Value> {
    let reading = |number: u32, kind: &str, primary: f64, secondary: Value, status: &str| {
        json!({"id": id(number), "kind": kind, "canonical_primary": primary, "canonical_secondary": secondary, "status": status,
            "effective_at": "2031-01-31T12:00:00.000Z", "recorded_at": "2031-01-31T12:00:01.000Z", "version": 2,
            "device_address": "AA:BB:CC:DD:EE:FF", "notes": "after lunch"})
    };
    let record = |entries: Value| {
        json!({"key": "schedule-1/2031-01-31/0", "medication": "m", "due_at": "2031-01-31T07:00:00Z",
            "amount": 1.0, "policy": crate::doses::Policy::default(), "entries": entries})
        .to_string()
    };
    let entry =
        |act: Value| json!([{"command": {"id": "c", "by": "Anna", "act": act}, "recorded_at": "2031-01-31T07:05:00Z"}]);
    let dose = |number: u32, record: String| json!({"id": id(number), "medication": 1, "record": record, "recorded_at": "2031-01-31T07:05:00.000Z", "version": 1});
    let api = json!({
        "residents": [{"id": id(1), "subject": 1, "name": "Anna", "version": 1, "recorded_at": "2031-01-01T00:00:00.000Z"}],
        "devices": [{"id": id(2), "address": "AA:BB:CC:DD:EE:FF", "name": "Cuff", "kind": "blood_pressure", "status": "active", "recorded_at": "2031-01-01T00:00:00.000Z", "version": 1}],
        "fitness_devices": [
            {"id": id(3), "address": "AA:BB:CC:DD:EE:FF", "name": "the same", "kind": "heart_rate_monitor", "status": "active", "recorded_at": "2031-01-01T00:00:00.000Z"},
            {"id": id(4), "address": "AA:BB:CC:DD:EE:00", "name": "Band", "kind": "fitness_band", "status": "retired", "recorded_at": "2031-01-01T00:00:00.000Z"},
        ],
        "readings": [
            reading(10, "blood_pressure", 118.0, json!(76.0), "final"),
            reading(11, "blood_pressure", 118.0, Value::Null, "amended"),
            reading(12, "spo2", 97.0, Value::Null, "entered-in-error"),
            reading(13, "consciousness", 1.0, Value::Null, "final"),
            reading(14, "temperature", 37.1, Value::Null, "preliminary"),
        ],
        "drinks": [{"id": id(20), "amount_ml": 250.0, "beverage": "tea", "drunk_at": "2031-01-31T09:00:00.000Z", "status": "final", "recorded_at": "2031-01-31T09:00:00.000Z", "version": 1}],
        "activity_days": [{"id": id(21), "steps": 3210.0, "local_date": "2031-01-31", "status": "final", "recorded_at": "2031-01-31T09:00:00.000Z", "version": 1}],
        "assessments": [{"id": id(22), "kind": "timed_up_and_go", "seconds": null, "performed_at": "2031-01-31T09:00:00.000Z", "status": "final", "recorded_at": "2031-01-31T09:00:00.000Z", "version": 1}],
        "medications": [{"id": id(30), "compat_id": 1, "name": "Ramipril", "dosage": "5mg", "dosage_unit": "tablet", "instructions": "with water", "is_prn": 0, "start_date": "2031-01-01", "end_date": null, "stopped_at": null, "status": "active", "notes": null, "recorded_at": "2031-01-01T00:00:00.000Z", "version": 1}],
        "medication_rows": [{"id": id(31), "medication": 1, "schedule_time": "07:00", "dosage_amount": 1.0, "days_of_week": "daily", "status": "active"}],
        "doses": [
            dose(32, record(entry(json!({"kind": "take", "at": "2031-01-31T07:04:00Z"})))),
            dose(33, record(entry(json!({"kind": "skip", "reason": "feels sick"})))),
            dose(34, record(json!([]))),
        ],
        "appointments": [
            {"id": id(40), "title": "Eye doctor", "appointment_type": "doctor", "starts_at": "2031-03-01T09:00:00.000Z", "ends_at": null, "status": "scheduled", "recurrence_rule": "FREQ=MONTHLY", "recorded_at": "2031-01-01T00:00:00.000Z", "updated_at": "2031-01-02T00:00:00.000Z", "version": 2},
            {"id": id(41), "title": "Dentist", "appointment_type": "dental", "starts_at": "2031-01-01T09:00:00.000Z", "ends_at": "2031-01-01T10:00:00.000Z", "status": "no-show", "recorded_at": "2031-01-01T00:00:00.000Z", "version": 1},
        ],
    });
    let nutrition = json!({
        "meals": [
            {"id": id(50), "compat_id": 1, "version": 2, "effective_at": "2031-01-31T08:00:00.000Z", "status": "final", "recorded_at": "2031-01-31T08:00:00.000Z"},
            {"id": id(51), "compat_id": 2, "version": 1, "effective_at": "2031-01-31T12:00:00.000Z", "status": "final", "recorded_at": "2031-01-31T12:00:00.000Z"},
        ],
        "meal_versions": [{"meal": 1, "version": 2, "meal_type": "breakfast", "notes": "slowly"}, {"meal": 2, "version": 1, "meal_type": "lunch", "notes": null}],
        "meal_foods": [
            {"meal": 1, "version": 1, "name": "cake", "quantity": 1.0, "calories": 900.0},
            {"meal": 1, "version": 2, "name": "porridge", "quantity": 2.0, "calories": 150.0},
            {"meal": 2, "version": 1, "name": "soup", "quantity": 1.0, "calories": 80.0},
            {"meal": 2, "version": 1, "name": "bread", "quantity": 1.0, "calories": null},
        ],
    });
    json!({"api": api, "nutrition": nutrition}).as_object().cloned().unwrap()
}

fn bundle(kept: &Map<String, Value>, now: Timestamp) -> Value {
    let rows = |(database, table): (&str, &str)| -> Vec<Value> {
        kept.get(database).and_then(|tables| tables[table].as_array().cloned()).unwrap_or_default()
    };
    let mut home = Home::new(now);
    for of in LOOKED_UP {
        rows(of).into_iter().for_each(|row| home.take(of.1, row));
    }
    let entries = TABLES.into_iter().flat_map(|of| {
        let home = &home;
        rows(of).into_iter().filter_map(move |row| home.entry(of.1, &row))
    });
    let entries: Vec<_> = entries.map(|entry| entry.to_string()).collect();
    serde_json::from_str(&(beginning(now) + &entries.join(",") + "]}")).unwrap()
}

fn resources() -> Vec<Value> {
    let bundle = bundle(&kept(), NOW.parse().unwrap());
    bundle["entry"].as_array().unwrap().iter().map(|entry| entry["resource"].clone()).collect()
}

fn found(number: u32) -> Value {
    resources()
        .into_iter()
        .find(|resource| resource["id"] == id(number))
        .unwrap_or_else(|| panic!("no resource {number}"))
}

/// The elements that R4 asks for, and the words that it allows for a status.
fn required(kind: &str) -> (&'static [&'static str], &'static [&'static str]) {
    match kind {
        "Patient" => (&[], &[]),
        "Device" => (&[], &["active", "inactive", "entered-in-error", "unknown"]),
        "Observation" => (
            &["status", "code"],
            &["registered", "preliminary", "final", "amended", "corrected", "cancelled", "entered-in-error", "unknown"],
        ),
        "MedicationStatement" => (
            &["status", "medicationCodeableConcept", "subject"],
            &["active", "completed", "entered-in-error", "intended", "stopped", "on-hold", "unknown", "not-taken"],
        ),
        "MedicationAdministration" => (
            &["status", "medicationCodeableConcept", "subject", "effectiveDateTime"],
            &["in-progress", "not-done", "on-hold", "completed", "entered-in-error", "stopped", "unknown"],
        ),
        "Appointment" => (
            &["status", "participant"],
            &[
                "proposed",
                "pending",
                "booked",
                "arrived",
                "fulfilled",
                "cancelled",
                "noshow",
                "entered-in-error",
                "checked-in",
                "waitlist",
            ],
        ),
        other => panic!("{other} is not among what is exported"),
    }
}

fn walk(value: &Value, name: &str, see: &mut impl FnMut(&str, &Value)) {
    see(name, value);
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| walk(value, name, see)),
        Value::Array(items) => items.iter().for_each(|item| walk(item, name, see)),
        _ => {}
    }
}

#[test]
fn every_resource_has_what_r4_asks_for_and_every_reference_leads_to_one() {
    let bundle = bundle(&kept(), NOW.parse().unwrap());
    assert_eq!((&bundle["resourceType"], &bundle["type"]), (&json!("Bundle"), &json!("collection")));
    let entries = bundle["entry"].as_array().unwrap();
    let urls: BTreeSet<_> = entries.iter().map(|entry| entry["fullUrl"].as_str().unwrap()).collect();
    assert_eq!(urls.len(), entries.len(), "each once");
    for entry in entries {
        let resource = &entry["resource"];
        let kind = resource["resourceType"].as_str().unwrap();
        assert_eq!(entry["fullUrl"], format!("urn:uuid:{}", resource["id"].as_str().unwrap()));
        let (elements, statuses) = required(kind);
        for element in elements {
            assert!(!resource[*element].is_null(), "{kind} needs {element}: {resource}");
        }
        if let Some(status) = resource["status"].as_str() {
            assert!(statuses.contains(&status), "{kind}: {status}");
        }
        walk(resource, "", &mut |name, value| {
            assert!(!value.is_null(), "{kind}.{name} is null, which FHIR has no word for");
            assert!(value.as_array().is_none_or(|list| !list.is_empty()), "{kind}.{name} is an empty list");
            assert!(value.as_object().is_none_or(|fields| !fields.is_empty()), "{kind}.{name} is empty");
            assert!(value.as_str().is_none_or(|text| !text.is_empty()), "{kind}.{name} is empty text");
            match name {
                "reference" => assert!(urls.contains(value.as_str().unwrap()), "{value} leads nowhere"),
                "valueQuantity" => {
                    assert!(value["value"].is_number() && value["system"] == super::UCUM && value["code"].is_string())
                }
                "lastUpdated" | "issued" | "created" => assert!(value.as_str().unwrap().parse::<Timestamp>().is_ok()),
                _ => {}
            }
        });
        // A value, components, or why there is none.
        if kind == "Observation" {
            let says = ["valueQuantity", "valueCodeableConcept", "component", "dataAbsentReason"];
            assert_eq!(says.iter().filter(|name| !resource[**name].is_null()).count(), 1, "{resource}");
        }
    }
}

#[test]
fn what_is_not_known_is_said_and_never_zero() {
    let whole = found(10);
    assert_eq!(
        whole["component"][1]["valueQuantity"],
        json!({"value": 76.0, "unit": "mm[Hg]", "system": super::UCUM, "code": "mm[Hg]"})
    );
    assert_eq!(whole["code"]["coding"][0], json!({"system": super::LOINC, "code": "85354-9"}));
    assert_eq!(
        (&whole["meta"]["versionId"], &whole["device"]["reference"]),
        (&json!("2"), &json!(format!("urn:uuid:{}", id(2))))
    );
    let half = found(11);
    assert_eq!(half["component"][1]["dataAbsentReason"]["coding"][0]["code"], "unknown");
    assert_eq!(found(13)["valueCodeableConcept"]["text"], "confusion");
    assert_eq!(found(22)["dataAbsentReason"]["coding"][0]["code"], "not-performed");
    assert_eq!(found(50)["valueQuantity"]["value"], 300.0, "the version that counts");
    assert_eq!(found(51)["dataAbsentReason"]["coding"][0]["code"], "unknown", "nobody knows the bread");
    let visit = found(40);
    assert_eq!((&visit["end"], &visit["_end"]["extension"][0]["valueCode"]), (&Value::Null, &json!("unknown")));
    assert_eq!(found(41)["status"], "noshow");
}

#[test]
fn doses_are_what_was_said_of_them() {
    let taken = found(32);
    assert_eq!(
        (&taken["status"], &taken["effectiveDateTime"]),
        (&json!("completed"), &json!("2031-01-31T07:04:00.000Z"))
    );
    assert_eq!(taken["dosage"]["dose"], json!({"value": 1.0, "unit": "tablet"}));
    let skipped = found(33);
    assert_eq!((&skipped["status"], &skipped["note"][0]["text"]), (&json!("not-done"), &json!("feels sick")));
    assert_eq!(found(34)["statusReason"][0]["text"], "missed");
    assert_eq!(found(30)["dosage"][0]["text"], "1.0 tablet at 07:00 (daily); with water");
}

#[test]
fn a_device_that_is_known_twice_is_one_and_nobody_known_is_an_empty_bundle() {
    let devices = resources().iter().filter(|resource| resource["resourceType"] == "Device").count();
    assert_eq!(devices, 2);
    assert_eq!(found(4)["status"], "inactive");
    let nobody = bundle(&Map::new(), NOW.parse().unwrap());
    assert_eq!(nobody["entry"], json!([]));
}
