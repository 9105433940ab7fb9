//! Readings, drinks, days of activity, tests of strength and balance, and meals.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::{Home, coded, note, quantity, resource, unknown};
use crate::vitals::{Kind, consciousness};

const CATEGORIES: &str = "http://terminology.hl7.org/CodeSystem/observation-category";
const SYSTOLIC: &str = "8480-6";
const DIASTOLIC: &str = "8462-4";
/// Number of steps in 24 hour Measured.
const STEPS: &str = "41950-7";
/// Fluid intake oral Estimated.
const DRUNK: &str = "8999-5";
/// Calorie intake total.
const CALORIES: &str = "9052-2";

/// What every observation has.
struct About<'r> {
    category: &'static str,
    code: Value,
    effective: &'r Value,
}

fn observation<const N: usize>(
    row: &Value,
    home: &Home,
    about: About<'_>,
    values: [(&str, Option<Value>); N],
) -> Value {
    let category = json!([{"coding": [{"system": CATEGORIES, "code": about.category}]}]);
    let mut observation = resource(
        "Observation",
        row,
        [
            ("status", Some(status(row).into())),
            ("category", Some(category)),
            ("code", Some(about.code)),
            ("subject", Some(home.patient.clone())),
            ("effectiveDateTime", Some(about.effective.clone())),
            ("issued", Some(row["recorded_at"].clone())),
            ("note", note(&row["notes"])),
        ],
    );
    for (name, value) in values {
        if let Some(value) = value {
            observation[name] = value;
        }
    }
    observation
}

/// Our words are FHIR's; what is not known to it is final.
fn status(row: &Value) -> &str {
    match row["status"].as_str() {
        Some(status @ ("preliminary" | "final" | "amended" | "entered-in-error")) => status,
        _ => "final",
    }
}

/// In the kind's UCUM unit.
pub fn reading(row: &Value, home: &Home) -> Option<Value> {
    let kind = Kind::of_name(row["kind"].as_str()?)?;
    let unit = kind.canonical_unit();
    let about =
        About { category: "vital-signs", code: coded(kind.loinc(), kind.name()), effective: &row["effective_at"] };
    let device = home.device(&row["device_address"]);
    let (primary, secondary) = (&row["canonical_primary"], &row["canonical_secondary"]);
    let value = match kind {
        Kind::BloodPressure => {
            let components = json!([
                component(SYSTOLIC, "systolic", quantity(primary, unit)),
                component(DIASTOLIC, "diastolic", quantity(secondary, unit)),
            ]);
            return Some(observation(row, home, about, [("component", Some(components)), ("device", device)]));
        }
        Kind::Consciousness => {
            let level = primary.as_f64().and_then(consciousness::of_step);
            ("valueCodeableConcept", level.map(|level| json!({"text": level.name()})))
        }
        _ => ("valueQuantity", quantity(primary, unit)),
    };
    Some(observation(row, home, about, [value, ("device", device)]))
}

/// One without a value says that nobody knows it.
fn component(code: &str, text: &str, value: Option<Value>) -> Value {
    let code = coded(&[code], text);
    match value {
        Some(value) => json!({"code": code, "valueQuantity": value}),
        None => json!({"code": code, "dataAbsentReason": unknown()}),
    }
}

/// What was drunk.
pub fn drink(row: &Value, home: &Home) -> Value {
    let text = format!("drink: {}", row["beverage"].as_str().unwrap_or("unknown"));
    let about = About { category: "activity", code: coded(&[DRUNK], &text), effective: &row["drunk_at"] };
    observation(row, home, about, [("valueQuantity", quantity(&row["amount_ml"], "mL"))])
}

/// The steps of a day.
pub fn day(row: &Value, home: &Home) -> Value {
    let about = About { category: "activity", code: coded(&[STEPS], "steps of a day"), effective: &row["local_date"] };
    observation(row, home, about, [("valueQuantity", quantity(&row["steps"], "{steps}"))])
}

/// A test of strength or balance.
pub fn assessment(row: &Value, home: &Home) -> Value {
    let text = row["kind"].as_str().unwrap_or("test").replace('_', " ");
    let about = About { category: "exam", code: coded(&[], &text), effective: &row["performed_at"] };
    let value = quantity(&row["seconds"], "s");
    let absent =
        json!({"coding": [{"system": super::DATA_ABSENT_REASON, "code": "not-performed"}], "text": "could not do it"});
    let absent = value.is_none().then_some(absent);
    observation(row, home, about, [("valueQuantity", value), ("dataAbsentReason", absent)])
}

/// Energy is summed over foods of which it is known; if it is not known of all, that is no sum.
pub fn meal(row: &Value, home: &Home) -> Value {
    let of_it = |rows: &HashMap<i64, Vec<Value>>| -> Vec<Value> {
        let rows = row["compat_id"].as_i64().and_then(|number| rows.get(&number)).map_or(&[][..], Vec::as_slice);
        rows.iter().filter(|other| other["version"] == row["version"]).cloned().collect()
    };
    let (foods, versions) = (of_it(&home.foods), of_it(&home.meals));
    let version = versions.first();
    let names: Vec<_> = foods.iter().filter_map(|food| food["name"].as_str()).collect();
    let kind = version.and_then(|version| version["meal_type"].as_str()).unwrap_or("meal");
    let about = About {
        category: "activity",
        code: coded(&[CALORIES], &format!("{kind}: {}", names.join(", "))),
        effective: &row["effective_at"],
    };
    let energy: Option<f64> =
        foods.iter().map(|food| Some(food["calories"].as_f64()? * food["quantity"].as_f64().unwrap_or(1.0))).sum();
    let energy = energy.filter(|_| !foods.is_empty()).map(|energy| json!(energy));
    let value = energy.and_then(|energy| quantity(&energy, "kcal"));
    let absent = value.is_none().then(unknown);
    let note = version.and_then(|version| note(&version["notes"]));
    observation(row, home, about, [("valueQuantity", value), ("dataAbsentReason", absent), ("note", note)])
}
