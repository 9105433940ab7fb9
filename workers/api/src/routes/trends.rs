//! Trends: what the days and hours of one kind come to.

use std::sync::Arc;

use http::StatusCode;
use jiff::{Timestamp, civil::Date};
use kit::{Area, Call, Problem, Routes, Rule, reply};
use serde_json::json;
use warp::reply::Response;

use super::{Hub, residents::asked_about, with};
use crate::vitals::{
    Kind,
    entry::EntryError,
    trend::{self, Resolution, TrendError},
};

pub fn add(routes: Routes, hub: &Arc<Hub>) -> Routes {
    routes.get("/api/v1/trends/{kind}", Rule::Read(Area::Vitals), with(hub, trend))
}

async fn trend(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let kind = Kind::of_name(call.parameter("kind")).ok_or(EntryError::UnknownKind(&Kind::ALL))?;
    let subject = asked_about(&call)?;
    let (home, now) = (hub.store.home_of(subject).await?, Timestamp::now());
    let by = call.query("resolution").map_or(Ok(Resolution::Day), |name| {
        Resolution::of_name(name).ok_or_else(|| TrendError::UnknownResolution(name.to_owned()))
    })?;
    let days = trend::days(date(&call, "from")?, date(&call, "to")?, home.date(now), by)?;
    let buckets = hub.store.trend(subject, kind, days, by).await?;
    let data = json!({
        "resident": subject,
        "kind": kind.name(),
        "loinc": kind.loinc(),
        "zone": home.zone_at(now),
        "from": days.first.to_string(),
        "to": days.last.to_string(),
        "resolution": by.name(),
        "series": trend::series(kind, &buckets),
    });
    Ok(reply::data(StatusCode::OK, &data))
}

fn date(call: &Call, name: &'static str) -> Result<Option<Date>, TrendError> {
    let Some(text) = call.query(name).filter(|text| !text.is_empty()) else { return Ok(None) };
    text.parse().map(Some).map_err(|_| TrendError::NotADate(name, text.to_owned()))
}

impl From<TrendError> for Problem {
    fn from(error: TrendError) -> Self {
        Self::bad_request(error.to_string())
    }
}
