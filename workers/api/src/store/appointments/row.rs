//! The row of an appointment, and what is said of it in the outbox.

use jiff::civil::Date;
use kit::{Home, clock};
use rusqlite::{Connection, Row, ToSql, named_params};
use serde_json::{Value, json};

use crate::{
    appointments::{Appointment, content::Content, moment::Moment, status::Status},
    store::{self, parsed, understood},
};

pub fn insert(connection: &Connection, appointment: &Appointment, home: &Home) -> rusqlite::Result<i64> {
    with_columns(appointment, home, |values| {
        // SQLite numbers it.
        let values: Vec<_> = values.iter().filter(|(name, _)| *name != ":compat_id").copied().collect();
        store::insert(connection, "appointments", &values)
    })
}

pub fn update(connection: &Connection, appointment: &Appointment, home: &Home) -> rusqlite::Result<()> {
    with_columns(appointment, home, |values| {
        let set: Vec<_> = values.iter().map(|(name, _)| format!("{} = {name}", name.trim_start_matches(':'))).collect();
        let sql = format!("UPDATE appointments SET {} WHERE compat_id = :compat_id", set.join(", "));
        connection.prepare_cached(&sql)?.execute(values).map(drop)
    })
}

fn with_columns<T>(
    appointment: &Appointment,
    home: &Home,
    then: impl FnOnce(&[(&str, &dyn ToSql)]) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    let Appointment { content, starts, ends, .. } = appointment;
    then(named_params! {
        ":compat_id": appointment.compat_id,
        ":id": appointment.id,
        ":subject": appointment.subject,
        ":title": content.title,
        ":description": content.description,
        ":location": content.location,
        ":appointment_type": content.appointment_type,
        ":provider_name": content.provider_name,
        ":provider_phone": content.provider_phone,
        ":provider_place": content.provider_place,
        ":starts_at": clock::iso(starts.at),
        ":starts_at_written": starts.written,
        ":ends_at": ends.as_ref().map(|end| clock::iso(end.at)),
        ":ends_at_written": ends.as_ref().map(|end| &end.written),
        ":zone": appointment.zone,
        ":local_date": home.date(starts.at).to_string(),
        ":all_day": content.all_day,
        ":reminder_min": content.reminder_min,
        ":is_recurring": content.is_recurring,
        ":recurrence_rule": content.recurrence_rule,
        ":prepare": json!(content.prepare).to_string(),
        ":travel_min": content.travel_min,
        ":preparation_min": content.preparation_min,
        ":driver": content.driver,
        ":driver_confirmed_by": content.driver_confirmed_by,
        ":driver_confirmed_at": content.driver_confirmed_at,
        ":notes": content.notes,
        ":status": content.status.name(),
        ":completed_at": content.completed_at,
        ":outcome_notes": content.outcome_notes,
        ":version": appointment.version,
        ":recorded_at": clock::iso(appointment.recorded_at),
        ":updated_at": clock::iso(appointment.updated_at),
    })
}

pub fn read(row: &Row<'_>) -> rusqlite::Result<Appointment> {
    let at = |column: &str| parsed(row, column);
    let starts = Moment { at: at("starts_at")?, written: row.get("starts_at_written")? };
    let ends = match row.get::<_, Option<String>>("ends_at_written")? {
        Some(written) => Some(Moment { at: at("ends_at")?, written }),
        None => None,
    };
    Ok(Appointment {
        compat_id: row.get("compat_id")?,
        id: row.get("id")?,
        subject: row.get("subject")?,
        content: content(row, &starts, ends.as_ref())?,
        starts,
        ends,
        zone: row.get("zone")?,
        version: row.get("version")?,
        recorded_at: at("recorded_at")?,
        updated_at: at("updated_at")?,
    })
}

fn content(row: &Row<'_>, starts: &Moment, ends: Option<&Moment>) -> rusqlite::Result<Content> {
    Ok(Content {
        title: row.get("title")?,
        description: row.get("description")?,
        location: row.get("location")?,
        appointment_type: row.get("appointment_type")?,
        provider_name: row.get("provider_name")?,
        provider_phone: row.get("provider_phone")?,
        provider_place: row.get("provider_place")?,
        starts_at: starts.written.clone(),
        ends_at: ends.map(|end| end.written.clone()),
        all_day: row.get("all_day")?,
        reminder_min: row.get("reminder_min")?,
        is_recurring: row.get("is_recurring")?,
        recurrence_rule: row.get("recurrence_rule")?,
        notes: row.get("notes")?,
        status: understood(row, "status", Status::of_name)?,
        completed_at: row.get("completed_at")?,
        outcome_notes: row.get("outcome_notes")?,
        prepare: understood(row, "prepare", |text| serde_json::from_str(text).ok())?,
        travel_min: row.get("travel_min")?,
        preparation_min: row.get("preparation_min")?,
        driver: row.get("driver")?,
        driver_confirmed_by: row.get("driver_confirmed_by")?,
        driver_confirmed_at: row.get("driver_confirmed_at")?,
    })
}

/// The whole appointment for whoever follows the outbox; of one visit of a series, the date that names it.
pub fn payload(appointment: &Appointment, visit: Option<Date>) -> Value {
    let mut payload = json!(appointment.content);
    payload["id"] = appointment.id.clone().into();
    payload["compat_id"] = appointment.compat_id.into();
    payload["subject"] = appointment.subject.into();
    payload["instance_date"] = visit.map(|date| date.to_string()).into();
    payload["starts_at"] = clock::iso(appointment.starts.at).into();
    payload["ends_at"] = appointment.ends.as_ref().map(|end| clock::iso(end.at)).into();
    payload["written"] = json!({
        "starts_at": appointment.starts.written,
        "ends_at": appointment.ends.as_ref().map(|end| &end.written),
    });
    payload["zone"] = appointment.zone.clone().into();
    payload["version"] = appointment.version.into();
    payload["recorded_at"] = clock::iso(appointment.recorded_at).into();
    payload
}
