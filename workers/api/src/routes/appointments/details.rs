//! What existing clients do not know: visits with leave-by times and conflicts, who drives, what to prepare, and changes of
//! one visit of a series.

use std::sync::Arc;

use http::{Method, StatusCode};
use jiff::{SignedDuration, Timestamp, ToSpan, civil::Date};
use kit::{Area, Call, Home, Problem, Routes, Rule, reply};
use serde_json::{Value, json};
use warp::reply::Response;

use super::not_found;
use crate::{
    appointments::{
        Appointment,
        agenda::{Visit, Window, visits},
        change::{self, Scope},
        conflicts::{Conflict, conflicts},
        recurrence::MOST_SLOTS,
    },
    routes::{
        Hub,
        readings::{seen, tagged},
        residents::asked_about,
        with,
    },
    show::appointments as show,
    store::appointments::{Versions, VisitChange},
};

/// How many days are shown when nobody says.
const USUAL_DAYS: i32 = 30;
/// The longest time that can be asked for at once.
const LONGEST_SPAN: SignedDuration = SignedDuration::from_hours(24 * 367);
/// How long before the window something may have begun that goes on in it.
const LONGEST_VISIT: SignedDuration = SignedDuration::from_hours(24 * 31);
/// How long before a visit its preparation may begin: a day for that, and a day for the way.
const LONGEST_LEAD: SignedDuration = SignedDuration::from_hours(24 * 2);
/// How many visits a series has in all of this at most: one on each day.
const MOST_AROUND: usize = 402;

pub fn add(routes: Routes, hub: &Arc<Hub>) -> Routes {
    let (read, write) = (Rule::Read(Area::Appointments), Rule::Write(Area::Appointments));
    routes
        .get("/api/v1/appointments", read, with(hub, list))
        .post("/api/v1/appointments", write, with(hub, create))
        .get("/api/v1/appointments/providers", read, with(hub, providers))
        .get("/api/v1/appointments/{id}", read, with(hub, one))
        .get("/api/v1/appointments/{id}/history", read, with(hub, history))
        .on(Method::PATCH, "/api/v1/appointments/{id}", write, with(hub, patch))
        .on(Method::PUT, "/api/v1/appointments/{id}/instances/{date}", write, with(hub, put_visit))
        .on(Method::DELETE, "/api/v1/appointments/{id}/instances/{date}", write, with(hub, remove_visit))
        .post("/api/v1/appointments/{id}/instances/{date}/split", write, with(hub, split))
}

/// Visits that begin or go on between `from` and `to` (the days of both included), in their order, with what they collide with.
async fn list(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let subject = asked_about(&call)?;
    let home = hub.store.home_of(subject).await?;
    let window = window(home, &call)?;
    let all = visits_around(&hub, subject, home, window).await?;
    let found = conflicts(&all);
    let is_asked = |visit: &Visit| {
        window.has(visit.starts_at)
            || (visit.starts_at < window.from && visit.ends_at.is_some_and(|end| end > window.from))
    };
    let shown: Vec<_> = all.iter().zip(&found).filter(|(visit, _)| is_asked(visit)).collect();
    let with_conflicts = |(visit, found): &(&Visit, &Vec<Conflict>)| {
        let mut details = show::details(visit);
        details["conflicts"] = show::conflicts(found, &all);
        details
    };
    let data: Vec<Value> = shown.iter().take(MOST_SLOTS).map(with_conflicts).collect();
    let is_cut = shown.len() > data.len();
    let answer = json!({"success": true, "data": data, "count": data.len(), "truncated": is_cut});
    Ok(reply::json(StatusCode::OK, &answer))
}

/// With what may collide from outside, by time.
async fn visits_around(hub: &Hub, subject: i64, home: &Home, window: Window) -> Result<Vec<Visit>, Problem> {
    let from = window.from.checked_sub(LONGEST_VISIT).unwrap_or(window.from);
    let until = window.until.checked_add(LONGEST_LEAD).unwrap_or(window.until);
    let around = Window { from, until };
    let (rows, edits) = hub.store.appointments_in(subject, around).await?;
    let mut visits = visits(&rows, &edits, home, around, MOST_AROUND);
    visits.sort_by_key(|visit| visit.starts_at);
    Ok(visits)
}

async fn create(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let (subject, body) = (asked_about(&call)?, call.json::<Value>()?);
    let home = hub.store.home_of(subject).await?;
    let changes = change::create(&body, Scope::Details, home)?;
    let (key, now) = (call.idempotency_key()?, Timestamp::now());
    let created = hub.store.create_appointment(subject, changes.clone(), changes, key, now).await?;
    let created = match created["id"].as_i64() {
        Some(compat_id) => hub.store.appointment(compat_id).await?,
        None => None,
    };
    let deleted =
        "the appointment that was made with this Idempotency-Key was deleted: a new appointment needs a new key";
    let created = created.ok_or_else(|| Problem::new(StatusCode::CONFLICT, deleted))?;
    Ok(answer(StatusCode::CREATED, &created, home))
}

async fn one(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let (appointment, home) = find(&hub, &call).await?;
    Ok(answer(StatusCode::OK, &appointment, home))
}

async fn providers(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let subject = asked_about(&call)?;
    hub.store.home_of(subject).await?;
    Ok(reply::data(StatusCode::OK, &hub.store.providers(subject).await?))
}

/// Rows as they were before each change.
async fn history(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let (appointment, _) = find(&hub, &call).await?;
    let Versions { row, visits } = hub.store.appointment_versions(appointment.compat_id).await?;
    Ok(reply::data(StatusCode::OK, &json!({"appointment": row, "instances": visits})))
}

/// Details of an appointment, or what all visits of its series have in common. What is absent stays, `null` clears it.
async fn patch(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let body: Value = call.json()?;
    let (appointment, home) = find(&hub, &call).await?;
    let changes = change::read(&body, Scope::Details, home)?;
    let (scope, seen, now) = (Scope::Details, seen(&call)?, Timestamp::now());
    let changed = hub.store.change_appointment(appointment.compat_id, changes, scope, seen, now).await?;
    Ok(answer(StatusCode::OK, &changed.ok_or_else(not_found)?, home))
}

/// All that is different about one visit: what is absent is as in its series.
async fn put_visit(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let body: Value = call.json()?;
    let ((appointment, home), date) = (find(&hub, &call).await?, date(&call)?);
    let changes = change::read(&body, Scope::Visit, home)?;
    let change = VisitChange::Only(changes);
    let visit = hub.store.change_visit(appointment.compat_id, date, change, seen(&call)?, Timestamp::now()).await?;
    let version = visit.as_ref().map_or(0, |visit| visit.version);
    Ok(tagged(reply::data(StatusCode::OK, &visit.as_ref().map(show::details)), version))
}

/// This visit and all that follow become a series of their own, with these fields changed; what was before stays.
async fn split(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let body: Value = call.json()?;
    let ((appointment, home), date) = (find(&hub, &call).await?, date(&call)?);
    let changes = change::read(&body, Scope::Details, home)?;
    let later = hub.store.split_series(appointment.compat_id, date, changes, seen(&call)?, Timestamp::now()).await?;
    Ok(answer(StatusCode::CREATED, &later, home))
}

async fn remove_visit(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let ((appointment, _), date) = (find(&hub, &call).await?, date(&call)?);
    let (seen, now) = (seen(&call)?, Timestamp::now());
    hub.store.change_visit(appointment.compat_id, date, VisitChange::Remove, seen, now).await?;
    Ok(reply::message(StatusCode::OK, "The visit was taken out of its series"))
}

/// The appointment, with its version as its `ETag`.
fn answer(status: StatusCode, appointment: &Appointment, home: &Home) -> Response {
    tagged(reply::data(status, &show::details(&Visit::of_row(appointment, home))), appointment.version)
}

/// An appointment by its id, and where whose it is lives.
/// One of a resident's whom the caller may ask about: anybody else's is not there.
async fn find(hub: &Hub, call: &Call) -> Result<(Appointment, &'static Home), Problem> {
    let appointment = hub.store.find_appointment(call.parameter("id").to_owned()).await?;
    let appointment = appointment.filter(|found| call.about(found.subject).is_ok()).ok_or_else(not_found)?;
    let home = hub.store.home_of(appointment.subject).await?;
    Ok((appointment, home))
}

fn date(call: &Call) -> Result<Date, Problem> {
    let text = call.parameter("date");
    let wrong = || Problem::bad_request(format!("{text:?} is not a date. Write it like 2031-01-31"));
    text.parse().map_err(|_| wrong())
}

fn window(home: &Home, call: &Call) -> Result<Window, Problem> {
    let day = |name: &str| match call.query(name).filter(|text| !text.is_empty()) {
        None => Ok(None),
        Some(text) => text
            .parse::<Date>()
            .ok()
            .filter(|_| text.len() == "2031-01-31".len())
            .map(Some)
            .ok_or_else(|| Problem::bad_request(format!("{name} {text:?} is not a date. Write it like 2031-01-31"))),
    };
    let from = day("from")?.unwrap_or_else(|| home.date(Timestamp::now()));
    let to = day("to")?.unwrap_or_else(|| from.saturating_add(USUAL_DAYS.days()));
    let begin = |day: Date| home.instant(&day.to_string()).unwrap_or(Timestamp::MAX);
    let window = Window { from: begin(from), until: begin(to.tomorrow().unwrap_or(to)) - 1.millisecond() };
    let length = window.until.duration_since(window.from);
    if length.is_negative() {
        return Err(Problem::bad_request("to must not be before from"));
    }
    if length > LONGEST_SPAN {
        return Err(Problem::bad_request("from and to must not be more than a year apart"));
    }
    Ok(window)
}
