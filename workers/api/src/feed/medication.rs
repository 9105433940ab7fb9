//! Doses that were announced. Existing clients know three announcements, of their own resident; what was missed in a night without
//! power they see in the day's list.

use jiff::Timestamp;
use kit::clock;
use kit::outbox::Kept;
use serde_json::{Value, json};

use crate::{
    medication::week,
    store::{
        RESIDENT,
        medications::{DOSE_DUE, DOSE_LATE, DOSE_REMINDED},
    },
};

/// `medication-reminder`, `medication-due` or `medication-late`.
pub fn announced(event: &Kept) -> Option<Value> {
    let announced = &event.payload;
    if announced["subject"].as_i64() != Some(RESIDENT) {
        return None;
    }
    let medication = &announced["medication"];
    let name = medication["name"].as_str().unwrap_or_default();
    let time = announced["scheduled_time"].as_str().unwrap_or_default();
    let mut frame = json!({
        "alertId": announced["compat_id"],
        "medicationId": medication["compat_id"],
        "medicationName": name,
        "dosage": medication["dosage"],
        "scheduledTime": time,
        "scheduleId": announced["schedule"],
        "timestamp": clock::iso(Timestamp::now()),
    });
    let (kind, severity, message) = match event.kind.as_str() {
        DOSE_REMINDED => {
            let minutes = announced["minutes_until"].as_i64().unwrap_or_default();
            frame["minutesUntil"] = minutes.into();
            let plural = if minutes == 1 { "" } else { "s" };
            ("medication-reminder", "info", format!("{name} is due in {minutes} minute{plural}"))
        }
        DOSE_DUE => {
            let dosage = medication["dosage"].as_str().map(|dosage| format!("{dosage} of "));
            ("medication-due", "warning", format!("Take {}{name} now", dosage.unwrap_or_default()))
        }
        DOSE_LATE => {
            let time = week::clock_time(time);
            ("medication-late", "warning", format!("{name} was scheduled for {time} and has not been taken"))
        }
        _ => return None,
    };
    if event.kind != DOSE_LATE {
        frame["instructions"] = medication["instructions"].clone();
    }
    frame["type"] = kind.into();
    frame["severity"] = severity.into();
    frame["message"] = message.into();
    Some(frame)
}

/// `medication-error`: announcements may be missing until it is over.
pub fn failed(error: &impl std::fmt::Display) -> Value {
    json!({"type": "medication-error", "error": error.to_string(), "timestamp": clock::iso(Timestamp::now())})
}
