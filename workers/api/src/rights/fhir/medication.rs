//! Medicines, and what was said of their doses.

use kit::clock;
use serde_json::{Value, json};

use super::{Home, note, reference, resource};
use crate::doses::{DoseState, Record, record::Resolution, state};

/// What is, or was, taken.
pub fn statement(row: &Value, home: &Home) -> Value {
    let status = if row["status"] == "active" { "active" } else { "stopped" };
    let end = [&row["end_date"], &row["stopped_at"]].into_iter().find(|end| !end.is_null());
    let mut period = json!({});
    if let Some(start) = row["start_date"].as_str() {
        period["start"] = start.into();
    }
    if let Some(end) = end {
        period["end"] = end.clone();
    }
    let has_period = period.as_object().is_some_and(|period| !period.is_empty());
    let elements = [
        ("status", Some(status.into())),
        ("medicationCodeableConcept", Some(medicine(row))),
        ("subject", Some(home.patient.clone())),
        ("effectivePeriod", has_period.then_some(period)),
        ("dateAsserted", Some(row["recorded_at"].clone())),
        ("dosage", dosage(row, home)),
        ("note", note(&row["notes"])),
    ];
    resource("MedicationStatement", row, elements)
}

fn medicine(row: &Value) -> Value {
    let words = [row["name"].as_str(), row["dosage"].as_str()];
    json!({"text": words.into_iter().flatten().collect::<Vec<_>>().join(" ")})
}

/// When existing clients ask for it, in words; and what is written about how to take it.
fn dosage(row: &Value, home: &Home) -> Option<Value> {
    let asked = row["compat_id"].as_i64().and_then(|number| home.asked.get(&number)).map_or(&[][..], Vec::as_slice);
    let asked = asked.iter().filter(|asked| asked["status"] == "active");
    let mut lines: Vec<String> = asked
        .map(|asked| {
            let text = |name: &str| asked[name].as_str().unwrap_or_default();
            let unit = row["dosage_unit"].as_str().unwrap_or_default();
            format!("{} {unit} at {} ({})", asked["dosage_amount"], text("schedule_time"), text("days_of_week"))
        })
        .collect();
    lines.extend(row["instructions"].as_str().map(str::to_owned));
    let as_needed = row["is_prn"] == 1;
    if lines.is_empty() && !as_needed {
        return None;
    }
    let mut dosage = json!({"asNeededBoolean": as_needed});
    if !lines.is_empty() {
        dosage["text"] = lines.join("; ").into();
    }
    Some(json!([dosage]))
}

/// What was taken, and what was not. Nothing, of a dose of which nothing was said yet.
pub fn administration(row: &Value, home: &Home) -> Option<Value> {
    let record: Record = serde_json::from_str(row["record"].as_str()?).ok()?;
    let medication = home.medications.get(&row["medication"].as_i64()?)?;
    let (status, at, why, dose) = match record.resolution() {
        Some(Resolution::Taken { at, amount, .. }) => {
            let unit = medication["dosage_unit"].as_str().unwrap_or_default();
            ("completed", at, None, Some(json!({"dose": {"value": amount, "unit": unit}})))
        }
        Some(Resolution::Skipped { .. }) => ("not-done", record.due_at, Some("skipped"), None),
        None if state::of_record(&record, home.now) == DoseState::Missed => {
            ("not-done", record.due_at, Some("missed"), None)
        }
        None => return None,
    };
    let elements = [
        ("status", Some(status.into())),
        ("statusReason", why.map(|why| json!([{"text": why}]))),
        ("medicationCodeableConcept", Some(medicine(medication))),
        ("subject", Some(home.patient.clone())),
        ("supportingInformation", Some(json!([reference(&medication["id"])]))),
        ("effectiveDateTime", Some(clock::iso(at).into())),
        ("dosage", dose),
        ("note", record.note().and_then(|text| note(&text.into()))),
    ];
    Some(resource("MedicationAdministration", row, elements))
}
