//! Who is told of a resident's alerts, and on which ladder.

use std::sync::Arc;

use http::{Method, StatusCode};
use jiff::Timestamp;
use kit::{Area, Call, Problem, Routes, Rule, reply};
use serde::Deserialize;
use serde_json::Value;
use warp::reply::Response;

use super::{Hub, limits::document, residents::asked_about, with};
use crate::{
    alerts::ladder::Ladder,
    store::people::{self, PeopleError, Person, Written},
};

pub fn add(routes: Routes, hub: &Arc<Hub>) -> Routes {
    let (read, write) = (Rule::Read(Area::Vitals), Rule::Write(Area::Vitals));
    routes
        .get("/api/v1/people", read, with(hub, people))
        .on(Method::PUT, "/api/v1/people", write, with(hub, change_people))
        .get("/api/v1/ladder", read, with(hub, ladder))
        .on(Method::PUT, "/api/v1/ladder", write, with(hub, change_ladder))
}

/// `{"people": […]}`, or the list alone, as it is answered.
#[derive(Deserialize)]
#[serde(untagged)]
enum List {
    Named { people: Vec<Written> },
    Alone(Vec<Written>),
}

async fn people(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let subject = asked_about(&call)?;
    hub.store.home_of(subject).await?;
    Ok(everybody(&hub.store.people(subject).await?))
}

async fn change_people(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let subject = asked_about(&call)?;
    let wrong = |_| Problem::bad_request(r#"The body is not valid. Write it like {"people": [{"name": "Anna"}]}"#);
    let list = serde_json::from_value(call.json::<Value>()?).map_err(wrong)?;
    let people = match list {
        List::Named { people } | List::Alone(people) => people,
    };
    Ok(everybody(&hub.store.change_people(subject, people, Timestamp::now()).await?))
}

async fn ladder(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let subject = asked_about(&call)?;
    hub.store.home_of(subject).await?;
    let (ladder, version) = hub.store.ladder(subject).await?;
    Ok(reply::data(StatusCode::OK, &people::whole(subject, &ladder, version)))
}

async fn change_ladder(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let (subject, body) = (asked_about(&call)?, document(&call, "ladder", &["subject", "version"])?);
    let wrong = |error| Problem::bad_request(format!("The ladder is not valid: {error}"));
    let ladder: Ladder = serde_json::from_value(body).map_err(wrong)?;
    let (ladder, version) = hub.store.change_ladder(subject, ladder, Timestamp::now()).await?;
    Ok(reply::data(StatusCode::OK, &people::whole(subject, &ladder, version)))
}

fn everybody(people: &[Person]) -> Response {
    let rows: Vec<_> = people.iter().map(Person::whole).collect();
    reply::data(StatusCode::OK, &rows)
}

impl From<PeopleError> for Problem {
    fn from(error: PeopleError) -> Self {
        match error {
            PeopleError::TooMany | PeopleError::Text | PeopleError::Unknown(_) | PeopleError::Ladder(_) => {
                Self::bad_request(error.to_string())
            }
            PeopleError::OnTheLadder(_) => Self::new(StatusCode::CONFLICT, error.to_string()),
            PeopleError::Resident(error) => error.into(),
            PeopleError::Database(error) => error.into(),
        }
    }
}
