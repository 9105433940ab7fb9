//! A resident's limits, what is usual for them, and the score of what was measured last.

use std::sync::Arc;

use http::{Method, StatusCode};
use jiff::Timestamp;
use kit::{Area, Call, Problem, Routes, Rule, clock, reply};
use serde_json::{Value, json};
use warp::reply::Response;

use super::{
    Hub,
    readings::{seen, tagged},
    residents::asked_about,
    with,
};
use crate::{
    alerts::{
        baseline, limit,
        limits::{Limits, LimitsError},
    },
    store::limits::{self, ChangeLimitsError},
    vitals::{Kind, entry::EntryError},
};

/// Fields of an answer that say nothing new when they are sent back.
const ONLY_ANSWERED: [&str; 5] = ["subject", "blood_pressure_bands", "fasting_glucose_target", "version", "review"];

pub fn add(routes: Routes, hub: &Arc<Hub>) -> Routes {
    let (read, write) = (Rule::Read(Area::Vitals), Rule::Write(Area::Vitals));
    routes
        .get("/api/v1/limits", read, with(hub, show))
        .on(Method::PUT, "/api/v1/limits", write, with(hub, change))
        .get("/api/v1/news2", read, with(hub, news2))
        .get("/api/v1/baseline/{kind}", read, with(hub, usual))
}

async fn show(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let subject = asked_about(&call)?;
    hub.store.home_of(subject).await?;
    let (limits, version) = hub.store.limits(subject).await?;
    Ok(answer(subject, &limits, version))
}

async fn change(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let (subject, body) = (asked_about(&call)?, document(&call, "limits", &ONLY_ANSWERED)?);
    let wrong = |error: String| Problem::bad_request(format!("The limits are not valid: {error}"));
    for limit in body["limits"].as_array().into_iter().flatten() {
        if let Some(field) = limit::unknown_field(limit) {
            return Err(wrong(format!("unknown field `{field}` in {limit}")));
        }
    }
    let limits: Limits = serde_json::from_value(body).map_err(|error| wrong(error.to_string()))?;
    let limits = limits.reduced();
    let (limits, version) = hub.store.change_limits(subject, limits, seen(&call)?, Timestamp::now()).await?;
    Ok(answer(subject, &limits, version))
}

/// A body that takes the place of what is there, without the fields that are only answered. A body that was lost on the way
/// must not take everything away.
pub fn document(call: &Call, what: &str, only_answered: &[&str]) -> Result<Value, Problem> {
    let mut body = if call.body().is_empty() { Value::Null } else { call.json()? };
    let wrong = || Problem::bad_request(format!("The body must be an object with the {what}; {{}} is the defaults"));
    let fields = body.as_object_mut().ok_or_else(wrong)?;
    only_answered.iter().for_each(|field| drop(fields.remove(*field)));
    Ok(body)
}

async fn news2(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let (subject, now) = (asked_about(&call)?, Timestamp::now());
    hub.store.home_of(subject).await?;
    let mut score = json!(hub.store.news2(subject, now).await?);
    score["subject"] = subject.into();
    score["note"] = "NEWS2 © Royal College of Physicians 2017. For information only: it is a tool of hospitals.".into();
    Ok(reply::data(StatusCode::OK, &score))
}

async fn usual(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let kind = Kind::of_name(call.parameter("kind")).ok_or(EntryError::UnknownKind(&Kind::ALL))?;
    let (subject, now) = (asked_about(&call)?, Timestamp::now());
    let (baseline, newest) = hub.store.baseline(subject, kind, now).await?;
    let guideline = hub.store.limits(subject).await?.0.choices.blood_pressure;
    let newest = newest.map(|reading| {
        let value = reading.canonical_primary;
        json!({
            "id": reading.id,
            "value": value,
            "effective_at": clock::iso(reading.effective_at),
            "band": (kind == Kind::BloodPressure).then(|| guideline.band(value, reading.canonical_secondary)),
            "deviation": baseline.map(|baseline| baseline.deviation(value)),
        })
    });
    let data = json!({
        "subject": subject,
        "kind": kind.name(),
        "unit": kind.canonical_unit(),
        "baseline": baseline,
        "newest": newest,
        "window_days": baseline::DAYS,
        "least_days": baseline::LEAST_DAYS,
        "unusual_beyond_spreads": baseline::UNUSUAL_BEYOND,
    });
    Ok(reply::data(StatusCode::OK, &data))
}

fn answer(subject: i64, limits: &Limits, version: i64) -> Response {
    tagged(reply::data(StatusCode::OK, &limits::whole(subject, limits, version)), version)
}

impl From<LimitsError> for Problem {
    fn from(error: LimitsError) -> Self {
        Self::bad_request(error.to_string())
    }
}

impl From<ChangeLimitsError> for Problem {
    fn from(error: ChangeLimitsError) -> Self {
        match error {
            ChangeLimitsError::Limits(error) => error.into(),
            ChangeLimitsError::Outdated(_) => Self::new(StatusCode::PRECONDITION_FAILED, error.to_string()),
            ChangeLimitsError::Resident(error) => error.into(),
            ChangeLimitsError::Database(error) => error.into(),
        }
    }
}
