//! Appointments: lists, one, made, changed, over, cancelled, moved. What existing clients do not know is in `details`.

mod details;
mod lists;

use std::sync::Arc;

use http::{Method, StatusCode};
use jiff::{Timestamp, civil::Date};
use kit::{Area, Call, Problem, Routes, Rule, field, reply};
use serde_json::{Map, Value, json};
use warp::reply::Response;

use super::{Hub, with};
use crate::{
    appointments::{
        Appointment,
        change::{self, ChangeError, Scope, USUAL_REMINDER_MIN, USUAL_TYPE},
        split::SplitError,
        status::Status,
    },
    show::appointments as show,
    store::{
        RESIDENT,
        appointments::{AppointmentError, VisitChange, VisitError},
    },
};

/// What a new appointment is answered with, in so far as it was sent.
const ECHOED: [&str; 12] = [
    "title",
    "description",
    "location",
    "appointment_type",
    "provider_name",
    "provider_phone",
    "starts_at",
    "ends_at",
    "all_day",
    "reminder_min",
    "notes",
    "is_recurring",
];

pub fn add(routes: Routes, hub: &Arc<Hub>) -> Routes {
    let (read, write) = (Rule::Read(Area::Appointments), Rule::Write(Area::Appointments));
    let routes = lists::add(routes, hub)
        .post("/api/appointments", write, with(hub, create))
        .get("/api/appointments/{id}", read, with(hub, one))
        .on(Method::PUT, "/api/appointments/{id}", write, with(hub, update))
        .on(Method::DELETE, "/api/appointments/{id}", write, with(hub, delete))
        .post("/api/appointments/{id}/complete", write, with(hub, complete))
        .everyday()
        .post("/api/appointments/{id}/uncomplete", write, with(hub, uncomplete))
        .everyday()
        .post("/api/appointments/{id}/cancel", write, with(hub, cancel))
        .post("/api/appointments/{id}/reschedule", write, with(hub, reschedule));
    details::add(routes, hub)
}

async fn create(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let body: Value = call.json()?;
    let changes = change::create(&body, Scope::Compat, hub.store.home())?;
    let created =
        hub.store.create_appointment(RESIDENT, changes, echo(&body), call.idempotency_key()?, Timestamp::now()).await?;
    Ok(reply::data_with_message(StatusCode::CREATED, &created, "Appointment created successfully"))
}

/// What was sent as it was sent, with the usual values where something has to be.
fn echo(body: &Value) -> Map<String, Value> {
    let sent = ECHOED.into_iter().filter_map(|name| Some((name.to_owned(), body.get(name)?.clone())));
    let mut echo: Map<String, Value> = sent.collect();
    echo.insert("user_id".into(), RESIDENT.into());
    for (name, usual) in [
        ("appointment_type", json!(USUAL_TYPE)),
        ("reminder_min", json!(USUAL_REMINDER_MIN)),
        ("all_day", json!(false)),
        ("is_recurring", json!(false)),
        ("recurrence_rule", Value::Null),
    ] {
        // 0 minutes are 0 minutes, but a flag that is 0 is written as false.
        let is_usual = matches!(&body[name], Value::Null) || body[name] == "" || (usual == false && body[name] == 0);
        echo.insert(name.into(), if is_usual { usual } else { body[name].clone() });
    }
    echo
}

async fn one(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let appointment = find(&hub, &call).await?;
    Ok(reply::data(StatusCode::OK, &show::row(&appointment)))
}

async fn update(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let body: Value = call.json()?;
    let appointment = find(&hub, &call).await?;
    let changes = change::read(&body, Scope::Compat, hub.store.home())?;
    change_to(&hub, appointment.compat_id, changes).await?;
    let mut answer = body.as_object().cloned().unwrap_or_default();
    answer.insert("id".into(), appointment.compat_id.into());
    Ok(reply::data_with_message(StatusCode::OK, &answer, "Appointment updated successfully"))
}

async fn delete(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let appointment = find(&hub, &call).await?;
    change_to(&hub, appointment.compat_id, status(Status::EnteredInError)).await?;
    Ok(reply::message(StatusCode::OK, "Appointment deleted successfully"))
}

async fn complete(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let (body, appointment) = (call.json::<Value>()?, find(&hub, &call).await?);
    let mut changes = status(Status::Completed);
    note(&mut changes, &body, "notes")?;
    over(&hub, &appointment, &body, changes, "completed").await
}

async fn uncomplete(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let (body, appointment) = (call.json::<Value>()?, find(&hub, &call).await?);
    over(&hub, &appointment, &body, status(Status::Scheduled), "scheduled").await
}

/// One visit if its date is given, else all of it.
async fn over(
    hub: &Hub,
    appointment: &Appointment,
    body: &Value,
    changes: Map<String, Value>,
    word: &str,
) -> Result<Response, Problem> {
    let date = instance_date(hub, body)?.filter(|_| matches!(appointment.rule(), Some(Ok(_))));
    let Some(date) = date else {
        change_to(hub, appointment.compat_id, changes).await?;
        return Ok(reply::message(StatusCode::OK, &format!("Appointment marked as {word}")));
    };
    let change = VisitChange::Also(changes);
    hub.store.change_visit(appointment.compat_id, date, change, None, Timestamp::now()).await?;
    Ok(reply::message(StatusCode::OK, &format!("Recurring appointment instance marked as {word}")))
}

async fn cancel(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let (body, appointment) = (call.json::<Value>()?, find(&hub, &call).await?);
    let mut changes = status(Status::Cancelled);
    note(&mut changes, &body, "reason")?;
    change_to(&hub, appointment.compat_id, changes).await?;
    Ok(reply::message(StatusCode::OK, "Appointment cancelled"))
}

async fn reschedule(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let body: Value = call.json()?;
    if field::is_missing(&body, "starts_at") {
        return Err(Problem::bad_request("New start time is required"));
    }
    let appointment = find(&hub, &call).await?;
    let times = json!({"starts_at": body["starts_at"], "ends_at": body["ends_at"]});
    change_to(&hub, appointment.compat_id, change::read(&times, Scope::Compat, hub.store.home())?).await?;
    Ok(reply::message(StatusCode::OK, "Appointment rescheduled successfully"))
}

async fn find(hub: &Hub, call: &Call) -> Result<Appointment, Problem> {
    let found = match call.parameter("id").parse() {
        Ok(id) => hub.store.appointment(id).await?,
        Err(_) => None,
    };
    found.filter(|appointment| appointment.subject == RESIDENT).ok_or_else(not_found)
}

fn not_found() -> Problem {
    Problem::not_found("Appointment not found")
}

async fn change_to(hub: &Hub, compat_id: i64, changes: Map<String, Value>) -> Result<Appointment, Problem> {
    let changed = hub.store.change_appointment(compat_id, changes, Scope::Compat, None, Timestamp::now()).await?;
    changed.ok_or_else(not_found)
}

fn status(status: Status) -> Map<String, Value> {
    Map::from_iter([("status".to_owned(), status.name().into())])
}

/// Notes are replaced if there are new ones.
fn note(changes: &mut Map<String, Value>, body: &Value, name: &'static str) -> Result<(), Problem> {
    if let Some(text) = field::text(body, name)? {
        changes.insert("notes".into(), text.into());
    }
    Ok(())
}

/// A date, or a time on the resident's day.
fn instance_date(hub: &Hub, body: &Value) -> Result<Option<Date>, Problem> {
    let Some(text) = field::text(body, "instance_date")? else { return Ok(None) };
    let home = hub.store.home();
    let date = text.parse().ok().filter(|_| text.len() == "2031-01-31".len());
    let date = date.or_else(|| home.instant(&text).map(|at| home.date(at)));
    date.map(Some)
        .ok_or_else(|| Problem::bad_request(format!("instance_date {text:?} is not a date. Write it like 2031-01-31")))
}

impl From<ChangeError> for Problem {
    fn from(error: ChangeError) -> Self {
        Self::bad_request(error.to_string())
    }
}

impl From<AppointmentError> for Problem {
    fn from(error: AppointmentError) -> Self {
        match error {
            AppointmentError::KeyOfAnother => Self::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string()),
            AppointmentError::Outdated(_) => Self::new(StatusCode::PRECONDITION_FAILED, error.to_string()),
            AppointmentError::Change(error) => error.into(),
            AppointmentError::Field(_) | AppointmentError::Time(_) => Self::internal(error),
            AppointmentError::Database(error) => error.into(),
        }
    }
}

impl From<VisitError> for Problem {
    fn from(error: VisitError) -> Self {
        match error {
            VisitError::NoAppointment | VisitError::NoVisit(_) => Self::not_found(error.to_string()),
            VisitError::Split(_, SplitError::First) => Self::bad_request(error.to_string()),
            VisitError::Split(_, SplitError::NoVisit) => Self::not_found(error.to_string()),
            VisitError::Outdated(_) => Self::new(StatusCode::PRECONDITION_FAILED, error.to_string()),
            VisitError::Change(error) => error.into(),
            VisitError::Appointment(error) => error.into(),
            VisitError::Field(_) => Self::internal(error),
            VisitError::Database(error) => error.into(),
        }
    }
}
