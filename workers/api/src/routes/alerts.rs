//! Alerts, and what people answer to them.

use std::sync::Arc;

use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use kit::{
    Area, Call, Problem, Routes, Rule,
    field::{self, FieldError},
    reply,
};
use serde_json::{Value, json};
use warp::reply::Response;

use super::{Hub, residents::asked_about, with};
use crate::{
    store::alerts::{Alert, AnswerError, Attempt, Repeat},
    vitals::{Kind, entry::EntryError},
};

/// How many alerts a list has when nobody says.
const USUAL_LIMIT: u32 = 100;
/// How many it has at most.
const LARGEST_LIMIT: u32 = 1_000;
/// The longest snooze that can be asked for, in minutes; the alert may take less.
const MOST_MINUTES: i32 = 24 * 60;
/// What they are told who may see an alert and not answer it, or see none.
const NOT_ALLOWED: &str = "You are not allowed to do this";
/// How long a name may be, in characters.
const LONGEST_NAME: usize = 200;

pub fn add(routes: Routes, hub: &Arc<Hub>) -> Routes {
    let (read, write) = (Rule::Read(Area::Vitals), Rule::Write(Area::Vitals));
    // What an alert is about decides who may see and answer it.
    let each = Rule::Known;
    routes
        .get("/api/v1/alerts", each, with(hub, list))
        .get("/api/v1/alerts/{id}", each, with(hub, one))
        .post("/api/v1/alerts/{id}/ack", each, with(hub, acknowledge))
        .everyday()
        .post("/api/v1/alerts/{id}/snooze", each, with(hub, snooze))
        .everyday()
        .get("/api/v1/repeats", read, with(hub, repeats))
        .post("/api/v1/symptoms", write, with(hub, symptom))
        .everyday()
}

/// Those that are not over; with `status=all` the newest ones, whatever became of them.
async fn list(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let subject = asked_about(&call)?;
    let may_see = |area| Rule::Read(area).admits(&call.identity, subject);
    let rule = Rule::Read(if may_see(Area::Medication) { Area::Medication } else { Area::Vitals });
    call.about_by(rule, subject).map_err(|_| Problem::new(StatusCode::FORBIDDEN, NOT_ALLOWED))?;
    hub.store.home_of(subject).await?;
    let mut alerts = match call.query("status").unwrap_or("open") {
        "open" | "" => hub.store.open_alerts(subject).await?,
        "all" => {
            let limit = call.query("limit").and_then(|limit| limit.parse().ok()).filter(|limit| *limit > 0);
            hub.store.all_alerts(subject, limit.unwrap_or(USUAL_LIMIT).min(LARGEST_LIMIT)).await?
        }
        other => return Err(Problem::bad_request(format!("status {other:?} is not known. Must be one of: open, all"))),
    };
    alerts.retain(|alert| may_see(alert.kind.area()));
    let rows: Vec<_> = alerts.iter().map(Alert::whole).collect();
    Ok(reply::data(StatusCode::OK, &rows))
}

async fn one(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let (alert, attempts) = find(&hub, &call).await?;
    let mut whole = alert.whole();
    whole["attempts"] = attempts.iter().map(Attempt::whole).collect();
    Ok(reply::data(StatusCode::OK, &whole))
}

/// One alert of what the caller may see: any other is not there.
async fn find(hub: &Hub, call: &Call) -> Result<(Alert, Vec<Attempt>), Problem> {
    let id = call.parameter("id").to_owned();
    let found = hub.store.find_alert(id.clone()).await?;
    let may_see = |alert: &Alert| call.about_by(Rule::Read(alert.kind.area()), alert.subject).is_ok();
    Ok(found.filter(|(alert, _)| may_see(alert)).ok_or(AnswerError::Unknown(id))?)
}

/// The id of one that the caller may answer.
async fn to_answer(hub: &Hub, call: &Call) -> Result<String, Problem> {
    let (alert, _) = find(hub, call).await?;
    let may_answer = call.about_by(Rule::Write(alert.kind.area()), alert.subject);
    may_answer.map(|()| alert.id).map_err(|_| Problem::new(StatusCode::FORBIDDEN, NOT_ALLOWED))
}

async fn acknowledge(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let (by, id) = (name(&call.json()?)?, to_answer(&hub, &call).await?);
    let alert = hub.store.acknowledge_alert(id, by, Timestamp::now()).await?;
    Ok(reply::data(StatusCode::OK, &alert.whole()))
}

async fn snooze(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let body = call.json::<Value>()?;
    let minutes = field::whole_within(&body, "minutes", 1, MOST_MINUTES)?.ok_or(FieldError::Missing("minutes"))?;
    let (id, long) = (to_answer(&hub, &call).await?, SignedDuration::from_mins(minutes));
    let alert = hub.store.snooze_alert(id, long, name(&body)?, Timestamp::now()).await?;
    Ok(reply::data(StatusCode::OK, &alert.whole()))
}

async fn repeats(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let subject = asked_about(&call)?;
    hub.store.home_of(subject).await?;
    let rows: Vec<_> = hub.store.repeats(subject).await?.iter().map(Repeat::whole).collect();
    Ok(reply::data(StatusCode::OK, &rows))
}

/// Somebody ticked a symptom while a repeat is asked for: what waits for it is told at once.
async fn symptom(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let (subject, body) = (asked_about(&call)?, call.json::<Value>()?);
    hub.store.home_of(subject).await?;
    let kind = field::text(&body, "vital_type")?;
    let known = |name: String| Kind::of_name(&name).ok_or(EntryError::UnknownKind(&Kind::ALL));
    let opened = hub.store.symptom(subject, kind.map(known).transpose()?, name(&body)?, Timestamp::now()).await?;
    Ok(reply::data(StatusCode::OK, &json!({"opened": opened.iter().map(Alert::whole).collect::<Vec<_>>()})))
}

/// Who answers, as they call themselves.
fn name(body: &Value) -> Result<Option<String>, Problem> {
    let name = field::text(body, "by")?.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
    if name.as_ref().is_some_and(|name| name.chars().count() > LONGEST_NAME) {
        return Err(Problem::bad_request(format!("by is longer than {LONGEST_NAME} characters")));
    }
    Ok(name)
}

impl From<AnswerError> for Problem {
    fn from(error: AnswerError) -> Self {
        let status = match error {
            AnswerError::Unknown(_) => StatusCode::NOT_FOUND,
            AnswerError::Over(_) => StatusCode::CONFLICT,
            AnswerError::TooLong { .. } => StatusCode::BAD_REQUEST,
            AnswerError::Database(error) => return error.into(),
        };
        Self::new(status, error.to_string())
    }
}
