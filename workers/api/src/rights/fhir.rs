//! What is kept about a resident as a FHIR R4 bundle (<https://hl7.org/fhir/R4>): Patient, Device, Observation, MedicationStatement,
//! MedicationAdministration, Appointment. Pure: rows in, bundle out. What FHIR has no word for is in the export's own JSON.
//!
//! Unknown is not zero: what is missing is left out, or has FHIR's reason for its absence.

mod appointments;
mod devices;
mod medication;
mod observations;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use kit::clock;
use serde_json::{Map, Value, json};

const LOINC: &str = "http://loinc.org";
const UCUM: &str = "http://unitsofmeasure.org";
const DATA_ABSENT_REASON: &str = "http://terminology.hl7.org/CodeSystem/data-absent-reason";
const DATA_ABSENT_EXTENSION: &str = "http://hl7.org/fhir/StructureDefinition/data-absent-reason";

/// What is kept, a list of rows for each table, and the resources that become of it.
struct Home<'d> {
    databases: &'d Map<String, Value>,
    /// The reference to the resident.
    patient: Value,
}

impl Home<'_> {
    /// The rows of a table of betti-api's.
    fn rows(&self, table: &str) -> &[Value] {
        self.rows_of("api", table)
    }

    fn rows_of(&self, database: &str, table: &str) -> &[Value] {
        let rows = self.databases.get(database).and_then(|tables| tables[table].as_array());
        rows.map_or(&[], Vec::as_slice)
    }

    /// The row that a column of another one points to.
    fn row(&self, table: &str, number: &Value) -> Option<&Value> {
        self.rows(table).iter().find(|row| &row["compat_id"] == number)
    }

    /// The reference to a device by its address, if it is one of the resident's.
    fn device(&self, address: &Value) -> Option<Value> {
        let address = address.as_str()?;
        let is_it = |row: &&Value| row["address"].as_str().is_some_and(|own| own.eq_ignore_ascii_case(address));
        self.rows("devices").iter().chain(self.rows("fitness_devices")).find(is_it).map(|row| reference(&row["id"]))
    }
}

/// The bundle of what is kept: for each database its tables, each a list of rows.
pub fn bundle(databases: &Map<String, Value>, now: Timestamp) -> Value {
    let mut home = Home { databases, patient: Value::Null };
    let mut resources = Vec::new();
    if let Some(resident) = home.rows("residents").first() {
        let patient = patient(resident);
        home.patient = reference(&resident["id"]);
        resources.push(patient);
        resources.extend(devices::all(&home));
        resources.extend(observations::all(&home));
        resources.extend(medication::statements(&home));
        resources.extend(medication::administrations(&home, now));
        resources.extend(appointments::all(&home));
    }
    let entry = |resource: Value| json!({"fullUrl": urn(&resource["id"]), "resource": resource});
    json!({
        "resourceType": "Bundle",
        "type": "collection",
        "timestamp": clock::iso(now),
        "entry": resources.into_iter().map(entry).collect::<Vec<_>>(),
    })
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
