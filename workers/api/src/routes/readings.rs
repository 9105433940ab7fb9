//! Readings with all that is known about them: taken, amended, struck out, and as they were.

use std::sync::Arc;

use http::{
    HeaderValue, Method, StatusCode,
    header::{ETAG, IF_MATCH},
};
use jiff::Timestamp;
use kit::{Area, Call, Problem, Routes, Rule, reply};
use serde_json::{Value, json};
use warp::reply::Response;

use super::{Hub, residents::asked_about, with};
use crate::{
    store::{
        entries::RecordError,
        readings::{AmendError, Reading, Version},
    },
    vitals::{
        Kind,
        amendment::{self, Amendment, AmendmentError},
        entry::Entry,
    },
};

pub fn add(routes: Routes, hub: &Arc<Hub>) -> Routes {
    let (read, write) = (Rule::Read(Area::Vitals), Rule::Write(Area::Vitals));
    routes
        .post("/api/v1/readings", Rule::Record(Area::Vitals), with(hub, record))
        .everyday()
        .get("/api/v1/readings/{id}", read, with(hub, one))
        .on(Method::PATCH, "/api/v1/readings/{id}", write, with(hub, amend))
        .post("/api/v1/readings/{id}/strike-out", write, with(hub, strike_out))
        .get("/api/v1/readings/{id}/history", read, with(hub, history))
}

async fn record(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let (now, key, body) = (Timestamp::now(), call.idempotency_key()?, call.json::<Value>()?);
    let asked = asked_about(&call)?;
    let mut subject = asked;
    let mut entry = Entry::read(&body, &Kind::ALL, now, hub.store.home_of(asked).await?)?;
    if call.query("resident").is_none() {
        // Nobody says whose it is: it is theirs who wear the device.
        subject = hub.store.wearer_of(entry.device_address.as_deref()).await?.unwrap_or(asked);
    }
    if subject != asked {
        entry = Entry::read(&body, &Kind::ALL, now, hub.store.home_of(subject).await?)?;
    }
    call.about(subject)?;
    let kept = hub.store.record(subject, entry, key, now).await?;
    theirs(&call, &kept)?;
    Ok(answer(StatusCode::CREATED, &kept))
}

/// A device that sends a reading again does not know who wore it then: the answer is that one's reading, for whoever may have it.
pub fn theirs(call: &Call, kept: &Reading) -> Result<(), Problem> {
    let is_theirs = call.about(kept.subject);
    is_theirs.map_err(|_| RecordError::KeyOfAnother("reading").into())
}

async fn one(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    Ok(answer(StatusCode::OK, &find(&hub, &call).await?))
}

/// One reading of a resident's whom the caller may ask about: anybody else's is not there.
async fn find(hub: &Hub, call: &Call) -> Result<Reading, Problem> {
    let id = call.parameter("id").to_owned();
    let found = hub.store.find_reading(id.clone()).await?.filter(|reading| call.about(reading.subject).is_ok());
    Ok(found.ok_or(AmendError::Unknown(id))?)
}

async fn amend(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let amendment = Amendment::read(&call.json::<Value>()?)?;
    let (id, seen) = (find(&hub, &call).await?.id, seen(&call)?);
    Ok(answer(StatusCode::OK, &hub.store.amend_reading(id, amendment, seen, Timestamp::now()).await?))
}

async fn strike_out(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let reason = amendment::reason(&call.json::<Value>()?)?;
    let (id, seen) = (find(&hub, &call).await?.id, seen(&call)?);
    Ok(answer(StatusCode::OK, &hub.store.strike_out_reading(id, reason, seen, Timestamp::now()).await?))
}

async fn history(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let id = find(&hub, &call).await?.id;
    let versions = hub.store.reading_versions(id.clone()).await?.ok_or(AmendError::Unknown(id))?;
    let rows: Vec<_> = versions.iter().map(version).collect();
    Ok(reply::data(StatusCode::OK, &rows))
}

fn version(version: &Version) -> Value {
    let mut whole = version.reading.whole();
    whole["replaced_at"] = json!(version.replaced_at);
    whole
}

/// The reading, with its version as its `ETag`.
fn answer(status: StatusCode, reading: &Reading) -> Response {
    tagged(reply::data(status, &reading.whole()), reading.version)
}

/// An answer with the version of what it shows as its `ETag`.
pub fn tagged(mut response: Response, version: i64) -> Response {
    if let Ok(version) = HeaderValue::from_str(&format!("\"{version}\"")) {
        response.headers_mut().insert(ETAG, version);
    }
    response
}

/// The version that whoever changes something has looked at: `If-Match: "2"`.
pub fn seen(call: &Call) -> Result<Option<i64>, Problem> {
    let Some(text) = call.header(IF_MATCH.as_str()).map(str::trim).filter(|text| *text != "*") else { return Ok(None) };
    let number = text.strip_prefix("W/").unwrap_or(text).trim_matches('"').parse();
    let wrong = |_| Problem::bad_request(format!("If-Match {text:?} is not a version. Write it like \"2\""));
    number.map(Some).map_err(wrong)
}

impl From<AmendmentError> for Problem {
    fn from(error: AmendmentError) -> Self {
        Self::bad_request(error.to_string())
    }
}

impl From<AmendError> for Problem {
    fn from(error: AmendError) -> Self {
        let status = match error {
            AmendError::Unknown(_) => StatusCode::NOT_FOUND,
            AmendError::StruckOut => StatusCode::CONFLICT,
            AmendError::Outdated(_) => StatusCode::PRECONDITION_FAILED,
            AmendError::Amendment(error) => return error.into(),
            AmendError::Database(error) => return error.into(),
        };
        Self::new(status, error.to_string())
    }
}
