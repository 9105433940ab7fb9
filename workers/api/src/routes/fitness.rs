//! Workouts and days: kept, of a day, of a week, struck out.

mod devices;

use std::sync::Arc;

use http::{Method, StatusCode};
use jiff::{Timestamp, ToSpan, civil::Date};
use kit::{Area, Call, Problem, Routes, Rule, field, reply};
use serde_json::{Value, json};
use warp::reply::Response;

use super::{
    Hub,
    activity::{Day, days_of},
    with,
};
use crate::{
    activity::{
        Sent,
        workout::{Entry, EntryError},
    },
    show::activity as show,
    store::{
        RESIDENT,
        activity::{Workout, Workouts},
    },
};

/// How many workouts a list has when nobody says.
const USUAL_LIMIT: u32 = 20;
/// How many it has at most.
const LARGEST_LIMIT: u32 = 10_000;
/// How many days back a list goes when nobody says.
const USUAL_DAYS: i32 = 30;
/// How long the name of a source may be, in characters.
const LONGEST_SOURCE: usize = 200;

const NO_SUCH_WORKOUT: &str = "Workout not found";

pub fn add(routes: Routes, hub: &Arc<Hub>) -> Routes {
    let (read, bring) = (Rule::Read(Area::Activity), Rule::Record(Area::Activity));
    let routes = routes
        .post("/api/fitness/workout", bring, with(hub, record))
        .everyday()
        .get("/api/fitness/workouts", read, with(hub, list))
        .get("/api/fitness/workout/{id}", read, with(hub, one))
        .on(Method::DELETE, "/api/fitness/workout/{id}", Rule::Write(Area::Activity), with(hub, strike))
        .everyday()
        .get("/api/fitness/today", read, with(hub, today))
        .get("/api/fitness/weekly", read, with(hub, weekly))
        .on(Method::PUT, "/api/fitness/daily", bring, with(hub, put_day))
        .everyday();
    devices::add(routes, hub)
}

async fn record(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let key = call.idempotency_key()?;
    let entry = Entry::read(&call.json::<Value>()?, hub.store.home())?;
    let workout = hub.store.record_workout(RESIDENT, entry, key, Timestamp::now()).await?;
    Ok(reply::data(StatusCode::CREATED, &show::new_workout(&workout)))
}

async fn list(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let asked = call.query("limit").and_then(|limit| limit.parse().ok()).filter(|limit| *limit > 0);
    let limit = asked.unwrap_or(USUAL_LIMIT).min(LARGEST_LIMIT);
    let which = match call.query("type").filter(|name| !name.is_empty()) {
        Some(name) => Workouts::OfType(name.to_owned()),
        None => {
            let last = day(&hub, &call, "endDate")?.unwrap_or_else(|| this_day(&hub));
            let usual = last.checked_sub(USUAL_DAYS.days()).unwrap_or(Date::MIN);
            Workouts::OfDays(day(&hub, &call, "startDate")?.unwrap_or(usual), last)
        }
    };
    let workouts = hub.store.workouts(RESIDENT, which, limit).await?;
    let rows: Vec<_> = workouts.iter().map(show::workout).collect();
    let answer = json!({"success": true, "data": rows, "total": rows.len(), "limit": limit});
    Ok(reply::json(StatusCode::OK, &answer))
}

async fn one(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let found = match call.parameter("id").parse() {
        Ok(id) => hub.store.workout(RESIDENT, id).await?,
        Err(_) => None,
    };
    let workout = found.ok_or_else(|| Problem::not_found(NO_SUCH_WORKOUT))?;
    Ok(reply::data(StatusCode::OK, &show::workout(&workout)))
}

async fn strike(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let found = match call.parameter("id").parse() {
        Ok(id) => hub.store.strike_workout(RESIDENT, id, Timestamp::now()).await?,
        Err(_) => false,
    };
    if !found {
        return Err(Problem::not_found(NO_SUCH_WORKOUT));
    }
    Ok(reply::message(StatusCode::OK, "Workout deleted successfully"))
}

async fn today(hub: Arc<Hub>, _: Call) -> Result<Response, Problem> {
    let (_, today) = of_today(&hub).await?;
    Ok(reply::data(StatusCode::OK, &today))
}

async fn weekly(hub: Arc<Hub>, _: Call) -> Result<Response, Problem> {
    let last = this_day(&hub);
    let days = days_of(&hub, RESIDENT, hub.store.home(), last.saturating_sub(6.days()), last).await?;
    let workouts = workouts_of(&hub, &days).await?;
    let week: Vec<_> = days.iter().map(|day| (day.date, known(day, &workouts))).collect();
    Ok(reply::data(StatusCode::OK, &show::week(&week)))
}

async fn put_day(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let body = call.json::<Value>()?;
    let date = match field::text(&body, "date")? {
        Some(text) => date_of(&hub, "date", &text)?,
        None => this_day(&hub),
    };
    let source = field::text(&body, "source")?;
    if source.as_ref().is_some_and(|source| source.chars().count() > LONGEST_SOURCE) {
        return Err(Problem::bad_request(format!("source is longer than {LONGEST_SOURCE} characters")));
    }
    let day = hub.store.put_day(RESIDENT, date, Sent::read(&body)?, source, Timestamp::now()).await?;
    Ok(reply::data(StatusCode::OK, &show::day(&day)))
}

/// The resident's day with all that is known of it.
async fn of_today(hub: &Hub) -> Result<(Date, Value), Problem> {
    let date = this_day(hub);
    let days = days_of(hub, RESIDENT, hub.store.home(), date, date).await?;
    let workouts = workouts_of(hub, &days).await?;
    let known = days.first().map(|day| known(day, &workouts)).unwrap_or_default();
    Ok((date, show::today(date, &known)))
}

async fn workouts_of(hub: &Hub, days: &[Day]) -> Result<Vec<Workout>, Problem> {
    let (Some(first), Some(last)) = (days.first(), days.last()) else { return Ok(Vec::new()) };
    Ok(hub.store.workouts(RESIDENT, Workouts::OfDays(first.date, last.date), LARGEST_LIMIT).await?)
}

fn known<'a>(day: &Day, workouts: &'a [Workout]) -> show::Known<'a> {
    let date = day.date.to_string();
    let workouts = workouts.iter().filter(|workout| workout.local_date == date);
    show::Known { figures: day.figures(), workouts: workouts.collect() }
}

fn this_day(hub: &Hub) -> Date {
    hub.store.home().date(Timestamp::now())
}

fn day(hub: &Hub, call: &Call, name: &str) -> Result<Option<Date>, Problem> {
    call.query(name).filter(|text| !text.is_empty()).map(|text| date_of(hub, name, text)).transpose()
}

/// A date, or the resident's date at a time.
fn date_of(hub: &Hub, name: &str, text: &str) -> Result<Date, Problem> {
    let is_date = text.len() == "2031-01-31".len();
    let date =
        if is_date { text.parse().ok() } else { hub.store.home().instant(text).map(|at| hub.store.home().date(at)) };
    date.ok_or_else(|| Problem::bad_request(format!("{name} {text:?} is not a date. Write it like 2031-01-31")))
}

impl From<EntryError> for Problem {
    fn from(error: EntryError) -> Self {
        Self::bad_request(error.to_string())
    }
}
