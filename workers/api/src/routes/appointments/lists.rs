//! Lists for existing clients: rows of a range, and today, the coming days and a month with series expanded.

use std::{collections::BTreeMap, sync::Arc};

use http::StatusCode;
use jiff::{
    Timestamp, ToSpan,
    civil::{Date, DateTime, Time},
};
use kit::{Area, Call, Problem, Routes, Rule, reply};
use serde::Serialize;
use serde_json::json;
use warp::reply::Response;

use crate::{
    appointments::{
        Appointment,
        agenda::{Visit, Window, visits},
        moment::YEARS,
        recurrence::MOST_SLOTS,
        status::Status,
    },
    routes::{Hub, with},
    show::appointments as show,
    store::RESIDENT,
};

/// How many days are to come when nobody says.
const USUAL_DAYS: i64 = 30;
/// How many at most: ten years.
const MOST_DAYS: i64 = 3_660;
/// How many rows a list has when nobody says.
const USUAL_LIMIT: usize = 100;
/// How many of the coming visits are shown when nobody says.
const USUAL_UPCOMING: usize = 20;
/// How many of either at most.
const LARGEST_LIMIT: usize = 10_000;

pub fn add(routes: Routes, hub: &Arc<Hub>) -> Routes {
    let read = Rule::Read(Area::Appointments);
    routes
        .get("/api/appointments", read, with(hub, list))
        .get("/api/appointments/today", read, with(hub, today))
        .get("/api/appointments/upcoming", read, with(hub, upcoming))
        .get("/api/appointments/month/{year}/{month}", read, with(hub, month))
}

/// With both dates every row whose beginning, as it was written, sorts between them; else what is to come.
async fn list(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let given = |name: &str| call.query(name).filter(|text| !text.is_empty()).map(str::to_owned);
    let is_asked = |row: &Appointment| {
        given("type").is_none_or(|kind| row.content.appointment_type == kind)
            && given("status").is_none_or(|status| row.content.status.for_existing_clients() == status)
    };
    let (rows, limit) = if !is_about_resident(&call) {
        (Vec::new(), 0)
    } else if let (Some(from), Some(until)) = (given("startDate"), given("endDate")) {
        (hub.store.written_between(RESIDENT, from, until).await?, usize::MAX)
    } else {
        (
            hub.store.scheduled_in(RESIDENT, coming(USUAL_DAYS)).await?,
            number(&call, "limit", USUAL_LIMIT, LARGEST_LIMIT),
        )
    };
    let shown: Vec<_> = rows.iter().filter(|row| is_asked(row)).take(limit).map(show::row).collect();
    Ok(counted(&shown))
}

async fn today(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let today = hub.store.home().date(Timestamp::now());
    let mut visits = if is_about_resident(&call) { of_days(&hub, today, today).await? } else { Vec::new() };
    visits.sort_by_key(|visit| visit.starts_at);
    Ok(counted(&visits.iter().map(show::visit).collect::<Vec<_>>()))
}

/// The visits of a series stand together, at the place of its first one: so existing clients know it.
async fn upcoming(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let days = number(&call, "days", USUAL_DAYS, MOST_DAYS);
    let limit = number(&call, "limit", USUAL_UPCOMING, LARGEST_LIMIT);
    let visits = if is_about_resident(&call) { in_window(&hub, coming(days)).await? } else { Vec::new() };
    let scheduled = visits.iter().filter(|visit| visit.appointment.content.status == Status::Scheduled);
    Ok(counted(&scheduled.take(limit).map(show::visit).collect::<Vec<_>>()))
}

async fn month(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let first = first_of_month(&call).ok_or_else(|| Problem::bad_request("Invalid year or month"))?;
    let mut visits =
        if is_about_resident(&call) { of_days(&hub, first, first.last_of_month()).await? } else { Vec::new() };
    visits.sort_by_key(|visit| visit.starts_at);
    let mut by_date: BTreeMap<String, Vec<show::Row<'_>>> = BTreeMap::new();
    for visit in &visits {
        by_date.entry(visit.date.to_string()).or_default().push(show::visit(visit));
    }
    let all: Vec<_> = visits.iter().map(show::visit).collect();
    let answer = json!({"success": true, "data": by_date, "appointments": all, "count": all.len()});
    Ok(reply::json(StatusCode::OK, &answer))
}

fn first_of_month(call: &Call) -> Option<Date> {
    let (year, month) = (call.parameter("year").parse().ok()?, call.parameter("month").parse().ok()?);
    YEARS.contains(&year).then(|| Date::new(year, month, 1).ok())?
}

/// The visits that begin on days of the resident's, of each row in its place.
async fn of_days(hub: &Hub, first: Date, last: Date) -> Result<Vec<Visit>, Problem> {
    let home = hub.store.home();
    let begin = |day: Date| home.instant(&DateTime::from_parts(day, Time::midnight()).to_string());
    let next = last.tomorrow().ok().and_then(begin).unwrap_or(Timestamp::MAX);
    let from = begin(first).unwrap_or(Timestamp::MIN);
    // Times are kept to the millisecond, so the last instant is one before the next day begins.
    in_window(hub, Window { from, until: next - 1.millisecond() }).await
}

async fn in_window(hub: &Hub, window: Window) -> Result<Vec<Visit>, Problem> {
    let (rows, edits) = hub.store.appointments_in(RESIDENT, window).await?;
    Ok(visits(&rows, &edits, hub.store.home(), window, MOST_SLOTS))
}

/// So many times 24 hours from now.
fn coming(days: i64) -> Window {
    let now = Timestamp::now();
    Window { from: now, until: now + (24 * days).hours() }
}

fn counted(rows: &[impl Serialize]) -> Response {
    reply::json(StatusCode::OK, &json!({"success": true, "data": rows, "count": rows.len()}))
}

/// A positive number of the query; what is none is the usual one.
fn number<N: std::str::FromStr + Ord + Default>(call: &Call, name: &str, usual: N, most: N) -> N {
    let given = call.query(name).and_then(|text| text.parse().ok()).filter(|number| *number > N::default());
    given.unwrap_or(usual).min(most)
}

/// Whoever is named in the query is not believed: there is one resident, and nobody else has appointments here.
fn is_about_resident(call: &Call) -> bool {
    let named = call.query("userId").and_then(|id| id.parse::<i64>().ok());
    named.is_none_or(|id| id == RESIDENT)
}
