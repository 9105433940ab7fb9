//! Medicines and their doses, as existing clients know them.

use std::sync::Arc;

use http::{Method, StatusCode};
use jiff::{Timestamp, ToSpan, civil::Date};
use kit::{Area, Call, Problem, Routes, Rule, field, reply};
use serde_json::{Value, json};
use warp::reply::Response;

use super::{Hub, with};
use crate::{
    doses::{Record, adherence::adherence, check::MOST_AMOUNT},
    medication::{
        entry::{self, Entry, EntryError, LONGEST_TEXT},
        rows::{self, RowsError},
    },
    show::medication::{self as show, Day},
    store::{
        RESIDENT,
        medications::{Cabinet, Medication, MedicationError, Wish},
    },
};

/// How many days of doses are counted when nobody says.
const USUAL_DAYS: i64 = 7;
/// How many days a medicine's history has when nobody says.
const USUAL_HISTORY_DAYS: i64 = 30;
/// How many days there may be at most: whoever wants more asks twice.
const MOST_DAYS: i64 = 366;

pub fn add(routes: Routes, hub: &Arc<Hub>) -> Routes {
    let (read, write) = (Rule::Read(Area::Medication), Rule::Write(Area::Medication));
    routes
        .get("/api/medications", read, with(hub, list))
        .post("/api/medications", write, with(hub, create))
        .get("/api/medications/today", read, with(hub, today))
        .get("/api/medications/adherence", read, with(hub, counted))
        .get("/api/medications/overview", read, with(hub, overview))
        .get("/api/medications/{id}", read, with(hub, one))
        .on(Method::PUT, "/api/medications/{id}", write, with(hub, change))
        .on(Method::DELETE, "/api/medications/{id}", write, with(hub, stop))
        .get("/api/medications/{id}/history", read, with(hub, history))
        .post("/api/medications/{id}/take", write, with(hub, take))
        .everyday()
        .post("/api/medications/{id}/skip", write, with(hub, skip))
        .everyday()
        .on(Method::PUT, "/api/medications/{id}/schedule", write, with(hub, reschedule))
}

async fn list(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let named = call.query("userId").and_then(|id| id.parse::<i64>().ok());
    let cabinet =
        if named.is_none_or(|id| id == RESIDENT) { hub.store.cabinet(RESIDENT).await? } else { Cabinet::default() };
    let stopped_too = call.query("activeOnly") == Some("false");
    let rows: Vec<_> = cabinet.medications.iter().filter(|one| stopped_too || one.is_active()).map(show::row).collect();
    Ok(reply::json(StatusCode::OK, &json!({"success": true, "data": rows, "count": rows.len()})))
}

async fn create(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let (key, body) = (call.idempotency_key()?, call.json::<Value>()?);
    let medication = hub.store.add_medication(RESIDENT, Entry::read(&body)?, key, Timestamp::now()).await?;
    Ok(reply::data(StatusCode::CREATED, &show::created(&medication, &body)))
}

async fn one(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    Ok(reply::data(StatusCode::OK, &show::row(&find(&hub, &call).await?)))
}

async fn change(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let (id, body) = (id(&call)?, call.json::<Value>()?);
    let rows = rows::read(&body)?;
    let change = move |entry: Entry| entry.changed(&body).map_err(MedicationError::from);
    let medication = hub.store.change_medication(RESIDENT, id, change, rows, Timestamp::now()).await?;
    Ok(reply::data(StatusCode::OK, &show::row(&medication)))
}

async fn stop(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    hub.store.stop_medication(RESIDENT, id(&call)?, Timestamp::now()).await?;
    Ok(reply::message(StatusCode::OK, "Medication deactivated successfully"))
}

async fn today(hub: Arc<Hub>, _: Call) -> Result<Response, Problem> {
    of_today(&hub, |day| day.today()).await
}

async fn overview(hub: Arc<Hub>, _: Call) -> Result<Response, Problem> {
    of_today(&hub, |day| day.overview()).await
}

async fn of_today(hub: &Hub, show: fn(&Day<'_>) -> Value) -> Result<Response, Problem> {
    let (now, home) = (Timestamp::now(), hub.store.home());
    let date = home.date(now);
    let cabinet = hub.store.cabinet(RESIDENT).await?;
    let records = records(hub, RESIDENT, &cabinet, (date, date)).await?;
    let day = Day { cabinet: &cabinet, records: &records, zone: home.zone(), date, now };
    Ok(reply::json(StatusCode::OK, &json!({"success": true, "data": show(&day), "date": date})))
}

async fn counted(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let (now, home) = (Timestamp::now(), hub.store.home());
    let range = last_days(home.date(now), days(&call, USUAL_DAYS));
    let cabinet = hub.store.cabinet(RESIDENT).await?;
    let records = records(&hub, RESIDENT, &cabinet, range).await?;
    let counted = adherence(&cabinet.plans(), &records, home.zone(), range, now);
    Ok(reply::data(StatusCode::OK, &show::adherence(&counted, &cabinet, range)))
}

async fn history(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let medication = find(&hub, &call).await?;
    let (now, home) = (Timestamp::now(), hub.store.home());
    let days = days(&call, USUAL_HISTORY_DAYS);
    let (first, last) = last_days(home.date(now), days);
    // The first day is that many days ago, and what is taken early belongs to tomorrow.
    let range = (first.saturating_sub(1.day()), last.saturating_add(1.day()));
    let doses = hub.store.doses_of(medication.compat_id, range).await?;
    let body = json!({
        "success": true,
        "data": show::history(&medication, &doses, home.zone(), now),
        "medication": show::row(&medication),
        "days": days,
    });
    Ok(reply::json(StatusCode::OK, &body))
}

async fn take(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let body = call.json::<Value>()?;
    let amount = field::number_within(&body, "dosage_amount", 0.0, MOST_AMOUNT)?.filter(|amount| *amount > 0.0);
    let wish = Wish::Take { amount, notes: entry::text(&body, "notes", LONGEST_TEXT)? };
    said(&hub, &call, &body, wish, "Medication marked as taken").await
}

async fn skip(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let body = call.json::<Value>()?;
    let wish = Wish::Skip { reason: entry::text(&body, "reason", LONGEST_TEXT)? };
    said(&hub, &call, &body, wish, "Medication marked as skipped").await
}

async fn said(hub: &Hub, call: &Call, body: &Value, wish: Wish, message: &str) -> Result<Response, Problem> {
    let (now, key) = (Timestamp::now(), call.idempotency_key()?);
    let row = field::whole_within(body, "scheduleId", 0, i32::MAX)?;
    let (medication, dose) = hub.store.wish(RESIDENT, (id(call)?, row), wish, key, now).await?;
    let row = show::log_row(&medication, &dose, hub.store.home().zone(), now);
    Ok(reply::data_with_message(StatusCode::OK, &row, message))
}

async fn reschedule(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let rows = rows::read_by_day(&call.json::<Value>()?)?;
    hub.store.change_medication(RESIDENT, id(&call)?, Ok, Some(rows), Timestamp::now()).await?;
    let message = "Schedule updated successfully";
    Ok(reply::data_with_message(StatusCode::OK, &json!({"success": true}), message))
}

/// What was said of a resident's doses that matters for these dates. Whose they are is said: an empty cabinet is somebody's too.
pub async fn records(hub: &Hub, subject: i64, cabinet: &Cabinet, range: (Date, Date)) -> Result<Vec<Record>, Problem> {
    let doses = hub.store.doses(subject, cabinet.plans(), range).await?;
    Ok(doses.into_iter().map(|dose| dose.record).collect())
}

async fn find(hub: &Hub, call: &Call) -> Result<Medication, Problem> {
    let cabinet = hub.store.cabinet(RESIDENT).await?;
    Ok(cabinet.find(id(call)?).cloned().ok_or(MedicationError::Unknown)?)
}

/// What is no number is simply not found.
fn id(call: &Call) -> Result<i64, MedicationError> {
    call.parameter("id").parse().map_err(|_| MedicationError::Unknown)
}

fn days(call: &Call, usual: i64) -> i64 {
    let asked = call.query("days").and_then(|days| days.parse().ok()).filter(|days| *days > 0);
    asked.unwrap_or(usual).min(MOST_DAYS)
}

/// So many dates that end today.
fn last_days(today: Date, days: i64) -> (Date, Date) {
    (today.saturating_sub((days - 1).days()), today)
}

impl From<EntryError> for Problem {
    fn from(error: EntryError) -> Self {
        Self::bad_request(error.to_string())
    }
}

impl From<RowsError> for Problem {
    fn from(error: RowsError) -> Self {
        Self::bad_request(error.to_string())
    }
}

impl From<MedicationError> for Problem {
    fn from(error: MedicationError) -> Self {
        use crate::doses::record::Refused;
        let status = match error {
            MedicationError::Unknown | MedicationError::UnknownRow | MedicationError::UnknownDose(_) => {
                StatusCode::NOT_FOUND
            }
            MedicationError::KeyOfAnother | MedicationError::Refused(Refused::IdUsed) => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            MedicationError::Plan(_)
            | MedicationError::TakenAt { .. }
            | MedicationError::FirstLongAgo { .. }
            | MedicationError::FollowsNothing { .. }
            | MedicationError::Entry(_)
            | MedicationError::Rows(_)
            | MedicationError::Refused(
                Refused::InTheFuture { .. }
                | Refused::LongBefore { .. }
                | Refused::Amount { .. }
                | Refused::Snooze { .. },
            ) => StatusCode::BAD_REQUEST,
            MedicationError::RuleOfAnother(_) | MedicationError::Unsafe(_) | MedicationError::Refused(_) => {
                StatusCode::CONFLICT
            }
            MedicationError::Resident(error) => return error.into(),
            MedicationError::Database(error) => return error.into(),
        };
        Self::new(status, error.to_string())
    }
}
