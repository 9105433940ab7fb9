//! Visits. R4 has no word for a series: its rule stands in the comment.

use serde_json::{Value, json};

use super::{DATA_ABSENT_EXTENSION, Home, resource};

/// One visit, or the first of a series.
pub fn appointment(row: &Value, home: &Home) -> Value {
    let participant = json!([{"actor": home.patient, "status": "accepted"}]);
    let comments = [
        row["notes"].as_str().map(str::to_owned),
        row["location"].as_str().map(|place| format!("Where: {place}")),
        row["provider_name"].as_str().map(|who| format!("With: {who}")),
        row["recurrence_rule"].as_str().map(|rule| format!("Repeats: {rule}")),
    ];
    let comment = comments.into_iter().flatten().collect::<Vec<_>>().join("\n");
    let end = &row["ends_at"];
    // A start asks for an end; that nobody knows it is a statement too.
    let no_end = json!({"extension": [{"url": DATA_ABSENT_EXTENSION, "valueCode": "unknown"}]});
    let elements = [
        ("status", Some(status(row).into())),
        ("appointmentType", row["appointment_type"].as_str().map(|kind| json!({"text": kind}))),
        ("description", row["title"].as_str().map(Into::into)),
        ("start", Some(row["starts_at"].clone())),
        ("end", Some(end.clone())),
        ("_end", end.is_null().then_some(no_end)),
        ("created", Some(row["recorded_at"].clone())),
        ("comment", (!comment.is_empty()).then(|| comment.into())),
        ("participant", Some(participant)),
    ];
    resource("Appointment", row, elements)
}

fn status(row: &Value) -> &'static str {
    match row["status"].as_str() {
        Some("completed") => "fulfilled",
        Some("cancelled") => "cancelled",
        Some("no-show") => "noshow",
        Some("entered-in-error") => "entered-in-error",
        _ => "booked",
    }
}
