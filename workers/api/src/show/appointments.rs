//! Appointments in the two shapes that clients know: rows as existing clients read them, and visits with all that is known.

use jiff::Timestamp;
use kit::clock;
use serde::Serialize;
use serde_json::{Value, json};

use crate::appointments::{Appointment, agenda::Visit, conflicts::Conflict};

/// How many visits are named that one collides with: who has more has seen enough.
const MOST_CONFLICTS: usize = 20;

/// The row as existing clients read it.
#[derive(Debug, PartialEq, Serialize)]
pub struct Row<'a> {
    id: i64,
    user_id: i64,
    title: &'a str,
    description: Option<&'a str>,
    location: Option<&'a str>,
    appointment_type: &'a str,
    provider_name: Option<&'a str>,
    provider_phone: Option<&'a str>,
    starts_at: String,
    ends_at: Option<String>,
    all_day: u8,
    reminder_min: i64,
    is_recurring: u8,
    recurrence_rule: Option<&'a str>,
    status: &'static str,
    completed_at: Option<String>,
    notes: Option<&'a str>,
    created_at: String,
    updated_at: String,
    /// Of a series only.
    #[serde(flatten)]
    instance: Option<Instance>,
}

#[derive(Debug, PartialEq, Serialize)]
struct Instance {
    is_recurring_instance: bool,
    recurring_instance_date: String,
}

/// The row itself: times as they were written.
pub fn row(appointment: &Appointment) -> Row<'_> {
    let content = &appointment.content;
    Row {
        id: appointment.compat_id,
        user_id: appointment.subject,
        title: &content.title,
        description: content.description.as_deref(),
        location: content.location.as_deref(),
        appointment_type: &content.appointment_type,
        provider_name: content.provider_name.as_deref(),
        provider_phone: content.provider_phone.as_deref(),
        starts_at: content.starts_at.clone(),
        ends_at: content.ends_at.clone(),
        all_day: content.all_day.into(),
        reminder_min: content.reminder_min,
        is_recurring: content.is_recurring.into(),
        recurrence_rule: content.recurrence_rule.as_deref(),
        status: content.status.for_existing_clients(),
        completed_at: content.completed_at.as_deref().and_then(|at| at.parse().ok()).map(clock::sql),
        notes: content.notes.as_deref(),
        created_at: clock::sql(appointment.recorded_at),
        updated_at: clock::sql(appointment.updated_at),
        instance: None,
    }
}

/// The row, or for one visit of a series the row with the times of the visit.
pub fn visit(visit: &Visit) -> Row<'_> {
    let row = row(&visit.appointment);
    let Some(date) = visit.instance_date else { return row };
    Row {
        starts_at: clock::iso(visit.starts_at),
        ends_at: visit.ends_at.map(clock::iso),
        instance: Some(Instance { is_recurring_instance: true, recurring_instance_date: date.to_string() }),
        ..row
    }
}

/// A visit with all that is known about it. Times are UTC, `date` is the resident's day.
pub fn details(visit: &Visit) -> Value {
    let Visit { appointment, starts_at, ends_at, .. } = visit;
    let iso = |at: Option<Timestamp>| at.map(clock::iso);
    let (rule, problem) = match appointment.rule() {
        None => (None, None),
        Some(Ok(rule)) => (Some(json!({"rrule": rule.rrule(appointment.content.all_day), "rule": rule.json()})), None),
        Some(Err(error)) => (None, Some(error.to_string())),
    };
    let mut details = json!(appointment.content);
    let more = json!({
        "id": appointment.id,
        "compat_id": appointment.compat_id,
        "subject": appointment.subject,
        "instance_date": visit.instance_date.map(|date| date.to_string()),
        "date": visit.date.to_string(),
        "starts_at": clock::iso(*starts_at),
        "ends_at": iso(*ends_at),
        "zone": appointment.zone,
        "recurrence": rule,
        "recurrence_problem": problem,
        "outcome": appointment.content.status.outcome(),
        "leave_by": iso(visit.leave_by()),
        "prepare_from": iso(visit.prepare_from()),
        "version": appointment.version,
        "visit_version": visit.instance_date.map(|_| visit.version),
        "updated_at": clock::iso(appointment.updated_at),
    });
    for (field, value) in more.as_object().into_iter().flatten() {
        details[field.as_str()] = value.clone();
    }
    details
}

/// Visits that one collides with, as they are named.
pub fn conflicts(found: &[Conflict], visits: &[Visit]) -> Value {
    let named = |conflict: &Conflict| {
        let other = visits.get(conflict.with)?;
        Some(json!({
            "kind": conflict.kind.name(),
            "id": other.appointment.id,
            "instance_date": other.instance_date.map(|date| date.to_string()),
            "title": other.appointment.content.title,
            "starts_at": clock::iso(other.starts_at),
        }))
    };
    found.iter().take(MOST_CONFLICTS).filter_map(named).collect()
}
