//! Readings: taken, latest, of a day, of a kind.

use std::sync::Arc;

use http::StatusCode;
use jiff::{Timestamp, ToSpan, civil::Date};
use kit::{Area, Call, Problem, Routes, Rule, reply};
use serde_json::Value;
use warp::reply::Response;

use super::{Hub, is_about_resident, readings::theirs, with, with_any};
use crate::{
    feed, show,
    store::{
        RESIDENT,
        readings::{Reading, Span},
    },
    vitals::{
        Kind,
        entry::{Entry, EntryError},
    },
};

/// How many readings a history has when nobody says.
const USUAL_LIMIT: u32 = 30;
/// How many it has at most.
const LARGEST_LIMIT: u32 = 10_000;

pub fn add(routes: Routes, hub: &Arc<Hub>) -> Routes {
    let read = Rule::Read(Area::Vitals);
    routes
        .post("/api/vitals", Rule::Record(Area::Vitals), with_any(hub, record))
        .everyday()
        .get("/api/vitals", read, with(hub, latest_raw))
        .get("/api/vitals/latest", read, with(hub, latest))
        .get("/api/vitals/today", read, with(hub, today))
        .get("/api/vitals/history/{type}", read, with(hub, history))
        .get("/api/vitals/meta/types", read, with(hub, types))
        .get("/api/vitals/{type}", read, with(hub, latest_of))
}

async fn record(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let body = call.json::<Value>()?;
    let kept = keep(&hub, &call, &body).await;
    // Whoever may not write to existing clients' resident tells their clients nothing either.
    if let Err(problem) = &kept
        && call.may_see(RESIDENT)
    {
        tell_of_refusal(&hub, &body, problem).await?;
    }
    kept
}

/// Nobody sees the answer that a device gets, so existing clients are told, if it is their resident's device or nobody's.
async fn tell_of_refusal(hub: &Hub, body: &Value, problem: &Problem) -> Result<(), Problem> {
    let Some(address) = ["device_address", "deviceAddress"].iter().find_map(|field| body[field].as_str()) else {
        return Ok(());
    };
    if hub.store.wearer_of(Some(address)).await?.is_none_or(|wearer| wearer == RESIDENT) {
        hub.live.tell(
            Rule::Read(Area::Vitals),
            &feed::vitals::refused(body["vital_type"].as_str(), address, problem.text()),
        );
    }
    Ok(())
}

async fn keep(hub: &Hub, call: &Call, body: &Value) -> Result<Response, Problem> {
    let now = Timestamp::now();
    let key = call.idempotency_key()?;
    let mut entry = Entry::read(body, &Kind::KNOWN_TO_CLIENTS, now, hub.store.home())?;
    let wearer = hub.store.wearer_of(entry.device_address.as_deref()).await?.unwrap_or(RESIDENT);
    call.about(wearer)?;
    if wearer != RESIDENT {
        // A time without a zone is on the wearer's clock.
        entry = Entry::read(body, &Kind::KNOWN_TO_CLIENTS, now, hub.store.home_of(wearer).await?)?;
    }
    let reading = hub.store.record(wearer, entry, key, now).await?;
    theirs(call, &reading)?;
    Ok(reply::data(StatusCode::CREATED, &show::raw(&reading)))
}

async fn latest_raw(hub: Arc<Hub>, _: Call) -> Result<Response, Problem> {
    let readings = hub.store.latest(RESIDENT, &Kind::KNOWN_TO_CLIENTS_BY_NAME).await?;
    let rows: Vec<_> = readings.iter().map(show::raw).collect();
    Ok(reply::data(StatusCode::OK, &rows))
}

async fn latest(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    Ok(formatted(&if is_about_resident(&call) {
        hub.store.latest(RESIDENT, &Kind::KNOWN_TO_CLIENTS_BY_NAME).await?
    } else {
        Vec::new()
    }))
}

async fn today(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let today = hub.store.home().date(Timestamp::now());
    let mut readings = if is_about_resident(&call) { hub.store.on_day(RESIDENT, today).await? } else { Vec::new() };
    readings.retain(|reading| reading.kind.is_known_to_clients());
    Ok(formatted(&readings))
}

async fn history(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let kind = kind(&call)?;
    let span = Span {
        from: moment(&hub, &call, "startDate", |midnight, _| midnight)?,
        until: moment(&hub, &call, "endDate", |_, last| last)?,
    };
    let limit = call.query("limit").and_then(|limit| limit.parse().ok()).filter(|limit| *limit > 0);
    let limit = limit.unwrap_or(USUAL_LIMIT).min(LARGEST_LIMIT);
    Ok(formatted(&if is_about_resident(&call) {
        hub.store.history(RESIDENT, kind, span, limit).await?
    } else {
        Vec::new()
    }))
}

async fn types(_: Arc<Hub>, _: Call) -> Result<Response, Problem> {
    Ok(reply::data(StatusCode::OK, &Kind::KNOWN_TO_CLIENTS.map(Kind::name)))
}

async fn latest_of(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let kind = kind(&call)?;
    match hub.store.latest_of(RESIDENT, kind).await? {
        Some(reading) => Ok(reply::data(StatusCode::OK, &show::raw(&reading))),
        None => Err(Problem::not_found(format!("No {} readings found", kind.name()))),
    }
}

fn formatted(readings: &[Reading]) -> Response {
    let now = Timestamp::now();
    let rows: Vec<_> = readings.iter().map(|reading| show::formatted(reading, now)).collect();
    reply::data(StatusCode::OK, &rows)
}

fn kind(call: &Call) -> Result<Kind, EntryError> {
    let kind = Kind::of_name(call.parameter("type")).filter(|kind| kind.is_known_to_clients());
    kind.ok_or(EntryError::UnknownKind(&Kind::KNOWN_TO_CLIENTS))
}

/// A time, or a date of the resident's, of which `pick` takes the first or the last instant.
fn moment(
    hub: &Hub,
    call: &Call,
    name: &str,
    pick: fn(Timestamp, Timestamp) -> Timestamp,
) -> Result<Option<Timestamp>, Problem> {
    let Some(text) = call.query(name).filter(|text| !text.is_empty()) else { return Ok(None) };
    let home = hub.store.home();
    let found = match whole_day(text) {
        Some(day) => {
            // A day beyond the end of time stands for "for ever".
            let begin =
                |day: Option<Date>| day.and_then(|day| home.instant(&day.to_string())).unwrap_or(Timestamp::MAX);
            Some((begin(Some(day)), begin(day.tomorrow().ok())))
        }
        None => home.instant(text).and_then(|at| Some((at, at.checked_add(1.millisecond()).ok()?))),
    };
    let wrong =
        || Problem::bad_request(format!("{name} {text:?} is neither a date nor a time. Write it like 2031-01-31"));
    let (first, next) = found.ok_or_else(wrong)?;
    // Times are kept to the millisecond, so the last instant is one before the next begins.
    Ok(Some(pick(first, next - 1.millisecond())))
}

fn whole_day(text: &str) -> Option<Date> {
    (text.len() == "2031-01-31".len()).then(|| text.parse().ok())?
}

impl From<EntryError> for Problem {
    fn from(error: EntryError) -> Self {
        Self::bad_request(error.to_string())
    }
}
