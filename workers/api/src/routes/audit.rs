//! Who looked at or changed what, for the resident and whoever speaks for them.

use std::sync::Arc;

use http::StatusCode;
use jiff::Timestamp;
use kit::{Area, Call, Problem, Routes, Rule, audit::Question, reply};
use warp::reply::Response;

use super::{Hub, residents::asked_about, with};
use crate::audit::{LARGEST_LIMIT, USUAL_LIMIT, tell};

pub fn add(routes: Routes, hub: &Arc<Hub>) -> Routes {
    // Not for those who only see what is shared: it says what everybody does.
    routes.get("/api/v1/access/audit", Rule::Write(Area::Sharing), with(hub, show))
}

async fn show(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let resident = asked_about(&call)?;
    let question = Question {
        resident: Some(resident),
        from: time(&call, "from")?,
        to: time(&call, "to")?,
        before: whole(&call, "before", i64::MAX)?,
        device: call.query("device").map(str::to_owned),
        area: area(&call)?,
        limit: whole(&call, "limit", i64::from(LARGEST_LIMIT))?
            .and_then(|limit| u32::try_from(limit).ok())
            .unwrap_or(USUAL_LIMIT),
    };
    let home = hub.store.home_of(resident).await?;
    let told = tell(&hub.data, &hub.access, home, question).await.map_err(Problem::internal)?;
    Ok(reply::data(StatusCode::OK, &told))
}

fn time(call: &Call, name: &str) -> Result<Option<Timestamp>, Problem> {
    let wrong = |text| Problem::bad_request(format!("{name} {text:?} is no time: write 2031-01-31T12:00:00Z"));
    call.query(name).map(|text| text.parse().map_err(|_| wrong(text))).transpose()
}

fn area(call: &Call) -> Result<Option<Area>, Problem> {
    let wrong = |name| {
        let all: Vec<_> = Area::ALL.iter().map(|area| area.name()).collect();
        Problem::bad_request(format!("area {name:?} is none: there are {}", all.join(", ")))
    };
    call.query("area").map(|name| Area::named(name).ok_or_else(|| wrong(name))).transpose()
}

fn whole(call: &Call, name: &str, most: i64) -> Result<Option<i64>, Problem> {
    let wrong = |text| Problem::bad_request(format!("{name} {text:?} is no whole number from 1 to {most}"));
    let number = |text: &str| text.parse().ok().filter(|number| (1..=most).contains(number));
    call.query(name).map(|text| number(text).ok_or_else(|| wrong(text))).transpose()
}
