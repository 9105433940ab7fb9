//! Who lives here. Until access control has a rule for the household itself, whoever may see and change readings may see and
//! change this.

use std::sync::Arc;

use http::{Method, StatusCode};
use jiff::Timestamp;
use kit::{
    Area, Call, Problem, Routes, Rule,
    field::{self, FieldError},
    reply,
};
use serde_json::Value;
use warp::reply::Response;

use super::{Hub, with};
use crate::store::{RESIDENT, residents::ResidentError};

pub fn add(routes: Routes, hub: &Arc<Hub>) -> Routes {
    let write = Rule::Write(Area::Vitals);
    routes
        .get("/api/v1/residents", Rule::Known, with(hub, list))
        .post("/api/v1/residents", write, with(hub, welcome))
        .on(Method::PATCH, "/api/v1/residents/{resident}", write, with(hub, change))
}

/// Whom a request is about: `?resident=2`, else the one whom existing clients mean.
pub fn asked_about(call: &Call) -> Result<i64, Problem> {
    call.query("resident").map_or(Ok(RESIDENT), number)
}

/// Those of whom the caller may see anything.
async fn list(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let may_see = |subject| Area::ALL.into_iter().any(|area| Rule::Read(area).admits(&call.identity, subject));
    let mut residents = hub.store.residents().await?;
    residents.retain(|resident| may_see(resident.subject));
    let residents: Vec<_> = residents.iter().map(|resident| resident.whole()).collect();
    Ok(reply::data(StatusCode::OK, &residents))
}

async fn welcome(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let body = call.json::<Value>()?;
    let name = field::text(&body, "name")?.ok_or(FieldError::Missing("name"))?;
    let resident = hub.store.add_resident(name, field::text(&body, "zone")?, Timestamp::now()).await?;
    Ok(reply::data(StatusCode::CREATED, &resident.whole()))
}

async fn change(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let (subject, body) = (number(call.parameter("resident"))?, call.json::<Value>()?);
    call.about(subject).map_err(|_| ResidentError::Unknown(subject))?;
    let (name, zone) = (field::text(&body, "name")?, field::text(&body, "zone")?);
    let resident = hub.store.change_resident(subject, name, zone, Timestamp::now()).await?;
    Ok(reply::data(StatusCode::OK, &resident.whole()))
}

fn number(text: &str) -> Result<i64, Problem> {
    text.parse().map_err(|_| Problem::not_found(format!("there is no resident {text:?}: residents have numbers")))
}

impl From<ResidentError> for Problem {
    fn from(error: ResidentError) -> Self {
        match error {
            ResidentError::Unknown(_) => Self::not_found(error.to_string()),
            ResidentError::TooMany => Self::new(StatusCode::CONFLICT, error.to_string()),
            ResidentError::Name | ResidentError::Zone(_) => Self::bad_request(error.to_string()),
            ResidentError::Database(error) => error.into(),
        }
    }
}
