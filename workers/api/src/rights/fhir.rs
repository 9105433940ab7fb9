//! What is kept about a resident as a FHIR R4 bundle (<https://hl7.org/fhir/R4>): Patient, Device, Observation, MedicationStatement,
//! MedicationAdministration, Appointment. Pure: a row in, an entry out, because there may be millions. What FHIR has no word for is in the export's own JSON.
//!
//! Unknown is not zero: what is missing is left out, or has FHIR's reason for its absence.

mod appointments;
mod devices;
mod medication;
mod observations;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use jiff::Timestamp;
use kit::clock;
use serde_json::{Value, json};

const LOINC: &str = "http://loinc.org";
const UCUM: &str = "http://unitsofmeasure.org";
const DATA_ABSENT_REASON: &str = "http://terminology.hl7.org/CodeSystem/data-absent-reason";
const DATA_ABSENT_EXTENSION: &str = "http://hl7.org/fhir/StructureDefinition/data-absent-reason";

/// The tables that have a word in FHIR, in the order in which a bundle has them.
pub const TABLES: [(&str, &str); 11] = [
    (API, "residents"),
    (API, DEVICES),
    (API, FITNESS_DEVICES),
    (API, "readings"),
    (API, "drinks"),
    (API, "activity_days"),
    (API, "assessments"),
    (NUTRITION, "meals"),
    (API, MEDICATIONS),
    (API, "doses"),
    (API, "appointments"),
];
/// The tables that others are explained by, which are few rows each.
pub const LOOKED_UP: [(&str, &str); 7] = [
    (API, "residents"),
    (API, DEVICES),
    (API, FITNESS_DEVICES),
    (API, MEDICATIONS),
    (API, MEDICATION_ROWS),
    (NUTRITION, MEAL_VERSIONS),
    (NUTRITION, MEAL_FOODS),
];

const API: &str = "api";
const NUTRITION: &str = "nutrition";
const DEVICES: &str = "devices";
const FITNESS_DEVICES: &str = "fitness_devices";
const MEDICATIONS: &str = "medications";
const MEDICATION_ROWS: &str = "medication_rows";
const MEAL_VERSIONS: &str = "meal_versions";
const MEAL_FOODS: &str = "meal_foods";

/// What resources refer to, and are explained by.
#[derive(Default)]
pub struct Home {
    /// The reference to the resident.
    patient: Value,
    devices: Vec<Value>,
    fitness_devices: Vec<Value>,
    /// By number.
    medications: HashMap<i64, Value>,
    /// When existing clients ask for doses, by the number of the medicine.
    asked: HashMap<i64, Vec<Value>>,
    /// By the number of the meal; so are the foods.
    meals: HashMap<i64, Vec<Value>>,
    foods: HashMap<i64, Vec<Value>>,
    now: Timestamp,
}

impl Home {
    /// Of nobody yet: [`take`](Self::take) the rows of [`LOOKED_UP`] first.
    pub fn new(now: Timestamp) -> Self {
        Self { now, ..Self::default() }
    }

    /// Takes on a row that others are explained by.
    pub fn take(&mut self, table: &str, row: Value) {
        let number = |column: &str| row[column].as_i64().unwrap_or_default();
        match table {
            "residents" => self.patient = reference(&row["id"]),
            DEVICES => self.devices.push(row),
            FITNESS_DEVICES => self.fitness_devices.push(row),
            MEDICATIONS => drop(self.medications.insert(number("compat_id"), row)),
            MEDICATION_ROWS => self.asked.entry(number("medication")).or_default().push(row),
            MEAL_VERSIONS => self.meals.entry(number("meal")).or_default().push(row),
            MEAL_FOODS => self.foods.entry(number("meal")).or_default().push(row),
            _ => {}
        }
    }

    /// The entry of a bundle that a row of one of [`TABLES`] becomes, if it becomes one.
    pub fn entry(&self, table: &str, row: &Value) -> Option<Value> {
        let resource = match table {
            "residents" => Some(patient(row)),
            DEVICES => Some(devices::device(row, self)),
            FITNESS_DEVICES => devices::another(row, self),
            "readings" => observations::reading(row, self),
            "drinks" => Some(observations::drink(row, self)),
            "activity_days" => Some(observations::day(row, self)),
            "assessments" => Some(observations::assessment(row, self)),
            "meals" => Some(observations::meal(row, self)),
            MEDICATIONS => Some(medication::statement(row, self)),
            "doses" => medication::administration(row, self),
            "appointments" => Some(appointments::appointment(row, self)),
            _ => None,
        }?;
        Some(json!({"fullUrl": urn(&resource["id"]), "resource": resource}))
    }

    /// The reference to a device by its address, if it is one of the resident's.
    fn device(&self, address: &Value) -> Option<Value> {
        let address = address.as_str()?;
        let is_it = |row: &&Value| row["address"].as_str().is_some_and(|own| own.eq_ignore_ascii_case(address));
        self.devices.iter().chain(&self.fitness_devices).find(is_it).map(|row| reference(&row["id"]))
    }
}

/// What a bundle begins with; its entries follow, and `]}`.
pub fn beginning(now: Timestamp) -> String {
    let time = clock::iso(now);
    format!("{{\"resourceType\":\"Bundle\",\"type\":\"collection\",\"timestamp\":\"{time}\",\"entry\":[")
}

fn patient(row: &Value) -> Value {
    let name = row["name"].as_str().map(|name| json!([{"text": name}]));
    resource("Patient", row, [("active", Some(json!(true))), ("name", name)])
}

/// A resource with the id and version of its row, and those of these elements that there are.
fn resource<const N: usize>(kind: &str, row: &Value, elements: [(&str, Option<Value>); N]) -> Value {
    let mut meta = json!({});
    if let Some(version) = row["version"].as_i64() {
        meta["versionId"] = version.to_string().into();
    }
    let updated = [&row["updated_at"], &row["changed_at"], &row["recorded_at"]].into_iter().find_map(Value::as_str);
    meta["lastUpdated"] = updated.into();
    let mut resource = json!({"resourceType": kind, "id": row["id"], "meta": meta});
    for (name, element) in elements {
        if let Some(element) = element.filter(|element| !element.is_null()) {
            resource[name] = element;
        }
    }
    resource
}

fn urn(id: &Value) -> String {
    format!("urn:uuid:{}", id.as_str().unwrap_or_default())
}

fn reference(id: &Value) -> Value {
    json!({"reference": urn(id)})
}

fn coded(codes: &[&str], text: &str) -> Value {
    let coding: Vec<_> = codes.iter().map(|code| json!({"system": LOINC, "code": code})).collect();
    if coding.is_empty() { json!({"text": text}) } else { json!({"coding": coding, "text": text}) }
}

/// A quantity in a UCUM unit; `None` if it is not known.
fn quantity(value: &Value, unit: &str) -> Option<Value> {
    value.is_number().then(|| json!({"value": value, "unit": unit, "system": UCUM, "code": unit}))
}

/// Why a value is missing: nobody knows.
fn unknown() -> Value {
    json!({"coding": [{"system": DATA_ABSENT_REASON, "code": "unknown"}]})
}

/// Text that says something, as a note.
fn note(text: &Value) -> Option<Value> {
    let text = text.as_str().filter(|text| !text.trim().is_empty())?;
    Some(json!([{"text": text}]))
}
