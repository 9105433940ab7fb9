//! Doses as they are: one for each rule, date and slot, with all that was said of it; plans, adherence and stock.

use std::sync::Arc;

use http::{Method, StatusCode};
use jiff::{Timestamp, ToSpan};
use kit::{
    Area, Call, Home, Problem, Routes, Rule, clock,
    field::{self, FieldError},
    reply,
};
use serde_json::{Value, json};
use uuid::Uuid;
use warp::reply::Response;

use super::{Hub, medication::records, residents::asked_about, with};
use crate::{
    doses::{
        Key, Plan,
        adherence::{Listed, Tally, adherence, listed, planned},
        check::MOST_AMOUNT,
        plan::Prn,
        prn::{self, NextSafe},
        record::{Act, CLOCKS_AGREE_WITHIN_SECONDS, Command, MOST_ENTRIES},
        state,
        stock::{Keeping, Movement, MovementKind},
    },
    medication::entry::{LONGEST_NAME, LONGEST_TEXT, MOST_REFILLS},
    store::medications::{Cabinet, Medication, MedicationError, Taken},
};

/// How many days are counted when nobody says, and at most.
const USUAL_DAYS: i64 = 7;
const MOST_DAYS: i32 = 366;
/// Most packs at once.
const MOST_PACKS: u32 = 1_000;
/// Longest time before a box is empty at which somebody wants to hear of it, in days.
const MOST_REFILL_DAYS: i32 = 366;
/// The least that is taken at once as needed, and that one unit of a box has: less is a mistake.
const LEAST_AMOUNT: f64 = 0.000_001;
/// Who speaks when nobody says.
const SOMEBODY: &str = "somebody at home";

pub fn add(routes: Routes, hub: &Arc<Hub>) -> Routes {
    let (read, write) = (Rule::Read(Area::Medication), Rule::Write(Area::Medication));
    routes
        .get("/api/v1/doses", read, with(hub, of_date))
        .on(Method::PUT, "/api/v1/doses/{*occurrence}", write, with(hub, tell))
        .everyday()
        .get("/api/v1/adherence", read, with(hub, counted))
        .get("/api/v1/medications", read, with(hub, medications))
        .on(Method::PUT, "/api/v1/medications/{id}/plan", write, with(hub, plan))
        .get("/api/v1/medications/{id}/as-needed", read, with(hub, as_needed))
        .post("/api/v1/medications/{id}/as-needed", write, with(hub, take_as_needed))
        .everyday()
        .get("/api/v1/medications/{id}/stock", read, with(hub, stock))
        .post("/api/v1/medications/{id}/stock", write, with(hub, move_stock))
        .on(Method::PUT, "/api/v1/medications/{id}/keeping", write, with(hub, keep))
}

async fn of_date(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let (now, subject) = (Timestamp::now(), asked_about(&call)?);
    let home = hub.store.home_of(subject).await?;
    let date = match call.query("date").filter(|text| !text.is_empty()) {
        Some(text) => text.parse().map_err(|_| not_a_date(text))?,
        None => home.date(now),
    };
    let cabinet = hub.store.cabinet(subject).await?;
    let records = records(&hub, subject, &cabinet, (date, date)).await?;
    let plans = cabinet.plans();
    let doses = listed(&plans, &records, home.zone(), date, date);
    let asked = doses.iter().filter_map(|dose| shown(&cabinet, dose, now));
    let as_needed = records.iter().filter(|record| record.as_needed && record.key.date == date).filter_map(|record| {
        let occurrence = planned(record);
        shown(&cabinet, &Listed { occurrence, record: Some(record) }, now)
    });
    let doses: Vec<_> = asked.chain(as_needed).collect();
    Ok(reply::data(StatusCode::OK, &json!({"date": date, "doses": doses})))
}

async fn tell(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let (now, subject) = (Timestamp::now(), asked_about(&call)?);
    let home = hub.store.home_of(subject).await?;
    let key: Key = call.parameter("occurrence").parse().map_err(|error| Problem::not_found(format!("{error}")))?;
    let body = call.json::<Value>()?;
    let id = wish(&call, &body)?;
    let command = Command {
        by: text(&body, "by", LONGEST_NAME)?.unwrap_or_else(|| SOMEBODY.into()),
        act: act(&body, home, now)?,
        seen_version: seen(&body)?,
        override_reason: text(&body, "override_reason", LONGEST_TEXT)?,
        id: id.clone().unwrap_or_else(|| Uuid::now_v7().to_string()),
    };
    if command.act == (Act::Undo { of: None }) && id.is_none() && command.seen_version.is_none() {
        let words =
            "undo needs an id (or Idempotency-Key, of, seen_version), so that sent again it takes back nothing more";
        return Err(Problem::bad_request(words));
    }
    let (medication, dose) = hub.store.tell(subject, key, (command, id.is_some()), now).await?;
    Ok(reply::data(StatusCode::OK, &dose.whole(&medication, now)))
}

async fn counted(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let (now, subject) = (Timestamp::now(), asked_about(&call)?);
    let home = hub.store.home_of(subject).await?;
    let days = field::whole_within(&json!({"days": call.query("days")}), "days", 1, MOST_DAYS)?;
    let last = home.date(now);
    let range = (last.saturating_sub((days.unwrap_or(USUAL_DAYS) - 1).days()), last);
    let cabinet = hub.store.cabinet(subject).await?;
    let records = records(&hub, subject, &cabinet, range).await?;
    let counted = adherence(&cabinet.plans(), &records, home.zone(), range, now);
    let of_medication = |(id, tally): (&String, &Tally)| {
        let medication = cabinet.of_plan(id).map(named);
        json!({"medication": medication, "tally": tally, "taken_percent": tally.taken_percent()})
    };
    let body = json!({
        "from": range.0,
        "until": range.1,
        "total": counted.total,
        "taken_percent": counted.total.taken_percent(),
        "by_day": counted.by_day,
        "by_medication": counted.by_medication.iter().map(of_medication).collect::<Value>(),
    });
    Ok(reply::data(StatusCode::OK, &body))
}

async fn medications(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let cabinet = hub.store.cabinet(asked_about(&call)?).await?;
    let whole: Vec<_> = cabinet.medications.iter().map(Medication::whole).collect();
    Ok(reply::data(StatusCode::OK, &whole))
}

async fn plan(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let (subject, id) = find(&hub, &call).await?;
    let mut body = call.json::<Value>()?;
    // Whose plan it is, its path says.
    if let Some(body) = body.as_object_mut() {
        body.insert("medication".into(), id.to_string().into());
    }
    let plan: Plan = read(body)?;
    let medication = hub.store.plan_medication(subject, id, plan, Timestamp::now()).await?;
    Ok(reply::data(StatusCode::OK, &medication.whole()))
}

/// Whether another one may be taken, and from when on: `?amount=` of the medicine's unit, one if nobody says.
async fn as_needed(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let now = Timestamp::now();
    let (subject, id) = find(&hub, &call).await?;
    let home = hub.store.home_of(subject).await?;
    let amount =
        field::number_within(&json!({"amount": call.query("amount")}), "amount", 0.0, MOST_AMOUNT)?.unwrap_or(1.0);
    let date = home.date(now);
    let cabinet = hub.store.cabinet(subject).await?;
    let records = records(&hub, subject, &cabinet, (date, date)).await?;
    let medication = cabinet.find(id).ok_or(MedicationError::Unknown)?;
    let found = medication.as_needed_on(date);
    let bounds = found.as_ref().map_or_else(Prn::default, |(_, _, bounds)| *bounds);
    let standing = prn::standing(&bounds, &prn::takings(&records, &id.to_string()), amount, now);
    let next_safe = if found.is_some() { standing.next_safe } else { NextSafe::Never };
    let (may_take, next_safe_at) = match next_safe {
        NextSafe::Now => (true, Some(now)),
        NextSafe::At(at) => (false, Some(at)),
        NextSafe::Never => (false, None),
    };
    let body = json!({
        "doses_in_24_hours": standing.doses,
        "amount_in_24_hours": standing.amount,
        "doses_left": standing.doses_left,
        "may_take": may_take,
        "next_safe_at": next_safe_at.map(clock::iso),
        "as_needed": found.is_some(),
        "bounds": bounds,
    });
    Ok(reply::data(StatusCode::OK, &body))
}

/// `{amount, taken_at, by, note, id, override_reason}`; one, now, if nobody says.
async fn take_as_needed(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let (now, body) = (Timestamp::now(), call.json::<Value>()?);
    let (subject, id) = find(&hub, &call).await?;
    let home = hub.store.home_of(subject).await?;
    if !body.is_object() {
        return Err(Problem::bad_request("the body must be an object like {\"amount\": 1}; {} is one, now"));
    }
    let taken = Taken {
        id: wish(&call, &body)?,
        by: text(&body, "by", LONGEST_NAME)?.unwrap_or_else(|| SOMEBODY.into()),
        taken_at: field::time(&body, "taken_at", home)?.map(|(at, _)| at),
        amount: field::number_within(&body, "amount", LEAST_AMOUNT, MOST_AMOUNT)?.unwrap_or(1.0),
        note: text(&body, "note", LONGEST_TEXT)?,
        override_reason: text(&body, "override_reason", LONGEST_TEXT)?,
    };
    let (medication, dose) = hub.store.take_as_needed(subject, id, taken, now).await?;
    Ok(reply::data(StatusCode::CREATED, &dose.whole(&medication, now)))
}

async fn stock(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let (subject, id) = find(&hub, &call).await?;
    left(&hub, subject, id, StatusCode::OK).await
}

async fn move_stock(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let (subject, id) = find(&hub, &call).await?;
    let (now, key, body) = (Timestamp::now(), call.idempotency_key()?, call.json::<Value>()?);
    let home = hub.store.home_of(subject).await?;
    let at = not_in_the_future(field::time(&body, "at", home)?.map_or(now, |(at, _)| at), now)?;
    let kind = checked(read(body)?)?;
    hub.store.move_stock(subject, id, Movement { at, kind }, key, now).await?;
    left(&hub, subject, id, StatusCode::CREATED).await
}

async fn keep(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let (subject, id) = find(&hub, &call).await?;
    let body = call.json::<Value>()?;
    let amount = field::number_within(&body, "amount_per_unit", LEAST_AMOUNT, MOST_AMOUNT)?;
    let days = field::whole_within(&body, "refill_days_before", 0, MOST_REFILL_DAYS)?;
    let usual = Keeping::default();
    let keeping = Keeping {
        amount_per_unit: amount.unwrap_or(usual.amount_per_unit),
        refill_days_before: days.and_then(|days| u32::try_from(days).ok()).unwrap_or(usual.refill_days_before),
        ..usual
    };
    hub.store.keep_medication(subject, id, keeping, Timestamp::now()).await?;
    left(&hub, subject, id, StatusCode::OK).await
}

async fn left(hub: &Hub, subject: i64, id: i64, status: StatusCode) -> Result<Response, Problem> {
    let (keeping, forecast) = hub.store.stock(subject, id, Timestamp::now()).await?;
    let mut body = json!(forecast);
    body["keeping"] = json!(keeping);
    Ok(reply::data(status, &body))
}

/// A planned dose with what it is now; nothing if its medicine is not known.
fn shown(cabinet: &Cabinet, dose: &Listed<'_>, now: Timestamp) -> Option<Value> {
    let Listed { occurrence, record } = dose;
    Some(json!({
        "occurrence": occurrence.key,
        "medication": named(cabinet.of_plan(&occurrence.medication)?),
        "due_at": clock::iso(record.map_or(occurrence.due_at, |record| record.due_at)),
        "amount": occurrence.amount,
        "provisional": occurrence.provisional,
        "as_needed": record.is_some_and(|record| record.as_needed),
        "state": state::of(occurrence, *record, now).name(),
        "is_late": state::is_late(occurrence, *record, now),
        "was_ever_late": record.is_some_and(|record| record.was_ever_late()),
        "taken_at": record.and_then(|record| record.taken_at()).map(clock::iso),
        "snoozed_until": record.and_then(|record| record.snoozed_until()).map(clock::iso),
        "note": record.and_then(|record| record.note()),
        "version": record.map_or(0, |record| record.version()),
        "if_missed": occurrence.policy.if_missed,
    }))
}

fn named(medication: &Medication) -> Value {
    json!({"id": medication.id, "compat_id": medication.compat_id, "name": medication.entry.name, "unit": medication.entry.dosage_unit})
}

async fn find(hub: &Hub, call: &Call) -> Result<(i64, i64), Problem> {
    let subject = asked_about(call)?;
    let cabinet = hub.store.cabinet(subject).await?;
    let found = cabinet.named(call.parameter("id")).ok_or(MedicationError::Unknown)?;
    Ok((subject, found.compat_id))
}

/// `{action: take|skip|snooze|correct|note|undo, …}`
fn act(body: &Value, home: &Home, now: Timestamp) -> Result<Act, Problem> {
    let time = |name| field::time(body, name, home).map(|found| found.map(|(at, _)| at));
    let action = field::text(body, "action")?.ok_or(FieldError::Missing("action"))?;
    Ok(match action.as_str() {
        "take" => Act::Take {
            at: time("at")?.unwrap_or(now),
            amount: field::number_within(body, "amount", 0.0, MOST_AMOUNT)?,
            note: text(body, "note", LONGEST_TEXT)?,
        },
        "skip" => Act::Skip { reason: text(body, "reason", LONGEST_TEXT)? },
        "snooze" => Act::Snooze { until: time("until")?.ok_or(FieldError::Missing("until"))? },
        "correct" => Act::Correct { taken_at: time("taken_at")?.ok_or(FieldError::Missing("taken_at"))? },
        "note" => Act::Note { text: text(body, "note", LONGEST_TEXT)?.ok_or(FieldError::Missing("note"))? },
        "undo" => Act::Undo { of: text(body, "of", LONGEST_NAME)? },
        other => {
            let words = format!("action must be one of take, skip, snooze, correct, note, undo; not {other:?}");
            return Err(Problem::bad_request(words));
        }
    })
}

/// What a wish is known by, if whoever asks chose something.
fn wish(call: &Call, body: &Value) -> Result<Option<String>, Problem> {
    text(body, "id", LONGEST_NAME)?.map_or_else(|| call.idempotency_key(), |id| Ok(Some(id)))
}

fn seen(body: &Value) -> Result<Option<usize>, Problem> {
    let most = i32::try_from(MOST_ENTRIES).unwrap_or(i32::MAX);
    Ok(field::whole_within(body, "seen_version", 0, most)?.and_then(|version| usize::try_from(version).ok()))
}

fn text(body: &Value, name: &'static str, longest: usize) -> Result<Option<String>, Problem> {
    match field::text(body, name)? {
        Some(text) if text.chars().count() > longest => {
            Err(Problem::bad_request(format!("{name} must be at most {longest} characters long")))
        }
        text => Ok(text),
    }
}

fn read<T: serde::de::DeserializeOwned>(body: Value) -> Result<T, Problem> {
    serde_json::from_value(body).map_err(|error| Problem::bad_request(format!("The body is not valid: {error}")))
}

fn checked(kind: MovementKind) -> Result<MovementKind, Problem> {
    let most_refills = MOST_REFILLS.cast_unsigned();
    let (name, possible) = match kind {
        MovementKind::Dispensed { packs, units_per_pack, .. } => (
            "packs are 1 to 1000, and units_per_pack is above 0 and at most 100000",
            (1..=MOST_PACKS).contains(&packs) && units_per_pack > 0.0 && units_per_pack <= MOST_AMOUNT,
        ),
        MovementKind::Counted { units } | MovementKind::Lost { units } => {
            ("units are 0 to 100000", (0.0..=MOST_AMOUNT).contains(&units))
        }
        MovementKind::Prescribed { refills } => ("refills are 0 to 1000", refills <= most_refills),
    };
    if possible { Ok(kind) } else { Err(Problem::bad_request(name)) }
}

fn not_in_the_future(at: Timestamp, now: Timestamp) -> Result<Timestamp, Problem> {
    let ahead = at.duration_since(now).as_secs();
    let words = || Problem::bad_request(format!("a box cannot be moved in the future ({at})"));
    if ahead > CLOCKS_AGREE_WITHIN_SECONDS { Err(words()) } else { Ok(at) }
}

fn not_a_date(text: &str) -> Problem {
    Problem::bad_request(format!("date {text:?} is not a date. Write it like 2031-01-31"))
}
