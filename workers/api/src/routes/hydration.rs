//! Drinks: taken, struck out, of a day, of many days, and what is asked of a day.

use std::sync::Arc;

use http::{Method, StatusCode};
use jiff::{Timestamp, ToSpan, civil::Date};
use kit::{Area, Call, Home, Problem, Routes, Rule, number, reply};
use serde_json::{Value, json};
use warp::reply::Response;

use super::{Hub, is_about_resident, residents::asked_about, with};
use crate::{
    drinks::{Entry, Goal, amount::shown_ml, day::Day, entry::EntryError, goal::GoalError, pace::Moment},
    show::drinks as show,
    store::{
        RESIDENT,
        drinks::{Drink, PutGoalError},
        entries::Kept,
    },
};

/// How many days a history has when nobody says.
const USUAL_DAYS: i32 = 7;
/// How many it has at most: ten years.
const MOST_DAYS: i32 = 3_653;

const OTHERS_GOAL: &str =
    "userId can only be 1 here: ask for anybody else's goal with PUT /api/v1/goals/hydration?resident=";
const NO_SUCH_DRINK: &str = "Drink log not found";

pub fn add(routes: Routes, hub: &Arc<Hub>) -> Routes {
    let (read, write) = (Rule::Read(Area::Nutrition), Rule::Write(Area::Nutrition));
    routes
        .post("/api/hydration/log", write, with(hub, record_ounces))
        .everyday()
        .get("/api/hydration/today", read, with(hub, today))
        .get("/api/hydration/history", read, with(hub, history))
        .get("/api/hydration/goal", read, with(hub, goal))
        .on(Method::PUT, "/api/hydration/goal", write, with(hub, put_goal))
        .on(Method::DELETE, "/api/hydration/{id}", write, with(hub, strike))
        .everyday()
        .post("/api/v1/drinks", write, with(hub, record))
        .everyday()
        .get("/api/v1/hydration", read, with(hub, day))
        .get("/api/v1/goals/hydration", read, with(hub, whole_goal))
        .on(Method::PUT, "/api/v1/goals/hydration", write, with(hub, put_whole_goal))
}

async fn record_ounces(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let (now, key) = (Timestamp::now(), call.idempotency_key()?);
    let entry = Entry::in_ounces(&call.json::<Value>()?, now, hub.store.home())?;
    let drink = hub.store.record_drink(RESIDENT, entry, key, now).await?;
    let mut answer = json!({"success": true, "data": show::row(&drink), "message": "Hydration logged successfully"});
    // Only where fluids are restricted; who does not know the field loses nothing.
    if let Some(warning) = day_of(&hub, &drink, now).await?.warning() {
        answer["warning"] = json!(warning);
    }
    Ok(reply::json(StatusCode::CREATED, &answer))
}

async fn today(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let today = hub.store.home().date(Timestamp::now());
    if !is_about_resident(&call) {
        return Ok(reply::data(StatusCode::OK, &show::today(&[], &Goal::default())));
    }
    let (drinks, kept) = (hub.store.drinks(RESIDENT, today, today).await?, hub.store.drink_goal(RESIDENT).await?);
    Ok(reply::data(StatusCode::OK, &show::today(&drinks, &kept.goal)))
}

async fn history(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let asked = call.query("days").and_then(|days| days.parse().ok()).filter(|days| *days > 0);
    let days = asked.unwrap_or(USUAL_DAYS).min(MOST_DAYS);
    let today = hub.store.home().date(Timestamp::now());
    let first = today.checked_sub((days - 1).days()).unwrap_or(Date::MIN);
    let rows = if is_about_resident(&call) {
        let kept = hub.store.drink_goal(RESIDENT).await?;
        show::history(&hub.store.drinks(RESIDENT, first, today).await?, &kept.goal)
    } else {
        Vec::new()
    };
    Ok(reply::json(StatusCode::OK, &json!({"success": true, "data": rows, "count": rows.len()})))
}

async fn goal(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let (goal, date, is_default) = if is_about_resident(&call) {
        let kept = hub.store.drink_goal(RESIDENT).await?;
        (kept.goal, kept.effective_date, false)
    } else {
        (Goal::default(), hub.store.home().date(Timestamp::now()).to_string(), true)
    };
    let ounces = number::json(show::target_ounces(&goal));
    let data = json!({"daily_goal_oz": ounces, "effective_date": date, "is_default": is_default});
    Ok(reply::data(StatusCode::OK, &data))
}

async fn put_goal(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let body = call.json::<Value>()?;
    let change = move |goal: Goal| goal.with_ounces(&body);
    if !is_about_resident(&call) {
        // Whoever is named in the query is not believed; and what is not kept is not said to be.
        return Err(Problem::not_found(OTHERS_GOAL));
    }
    let goal = hub.store.put_drink_goal(RESIDENT, change, Timestamp::now()).await?.goal;
    let ounces = goal.target.map(|target| number::json(target.ounces()));
    let text = "Hydration goal updated successfully";
    Ok(reply::data_with_message(StatusCode::OK, &json!({"daily_goal_oz": ounces}), text))
}

async fn strike(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let found = match call.parameter("id").parse() {
        Ok(id) => hub.store.strike_drink(RESIDENT, id, Timestamp::now()).await?,
        Err(_) => false,
    };
    if !found {
        return Err(Problem::not_found(NO_SUCH_DRINK));
    }
    Ok(reply::message(StatusCode::OK, "Drink log removed successfully"))
}

async fn record(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let (now, subject, key) = (Timestamp::now(), asked_about(&call)?, call.idempotency_key()?);
    let entry = Entry::read(&call.json::<Value>()?, now, hub.store.home_of(subject).await?)?;
    let drink = hub.store.record_drink(subject, entry, key, now).await?;
    let mut data = drink.whole();
    data["warning"] = json!(day_of(&hub, &drink, now).await?.warning());
    Ok(reply::data(StatusCode::CREATED, &data))
}

async fn day(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let (now, subject) = (Timestamp::now(), asked_about(&call)?);
    let home = hub.store.home_of(subject).await?;
    let date = match call.query("date").filter(|text| !text.is_empty()) {
        None => home.date(now),
        Some(text) => {
            let wrong = |_| Problem::bad_request(format!("date {text:?} is not a date. Write it like 2031-01-31"));
            text.parse().map_err(wrong)?
        }
    };
    let (kept, drinks) = (hub.store.drink_goal(subject).await?, hub.store.drinks(subject, date, date).await?);
    let day = Day::new(show::total(&drinks), &kept.goal, moment(home, date, now));
    let ml = |amount: f64| number::json(shown_ml(amount));
    let data = json!({
        "resident": subject,
        "date": date.to_string(),
        "zone": home.zone_at(now),
        "loinc": TOTAL_LOINC,
        "total_ml": ml(day.drunk),
        "target_ml": ml(day.target),
        "target_source": kept.goal.target().1.name(),
        "remaining_ml": ml(day.remaining()),
        "maximum_ml": day.maximum.map(ml),
        "above_maximum_ml": day.above_maximum().map(number::json),
        "warning": day.warning(),
        "pace": {
            "state": day.pace.state.name(),
            "expected_ml": ml(day.pace.expected),
            "behind_ml": ml(day.pace.behind),
        },
        "drinks": drinks.iter().map(Drink::whole).collect::<Vec<_>>(),
    });
    Ok(reply::data(StatusCode::OK, &data))
}

/// Fluid intake of a day.
const TOTAL_LOINC: &str = "9108-2";

async fn whole_goal(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let subject = asked_about(&call)?;
    let kept = hub.store.drink_goal(subject).await?;
    Ok(reply::data(StatusCode::OK, &kept.whole(subject)))
}

async fn put_whole_goal(hub: Arc<Hub>, call: Call) -> Result<Response, Problem> {
    let (subject, body) = (asked_about(&call)?, call.json::<Value>()?);
    let kept = hub.store.put_drink_goal(subject, move |goal| goal.with(&body), Timestamp::now()).await?;
    Ok(reply::data(StatusCode::OK, &kept.whole(subject)))
}

/// The day of a drink as it is with it.
async fn day_of(hub: &Hub, drink: &Drink, now: Timestamp) -> Result<Day, Problem> {
    let home = hub.store.home_of(drink.subject).await?;
    let (date, kept) = (home.date(drink.drunk_at), hub.store.drink_goal(drink.subject).await?);
    let drinks = hub.store.drinks(drink.subject, date, date).await?;
    Ok(Day::new(show::total(&drinks), &kept.goal, moment(home, date, now)))
}

/// What of the resident's day has been.
fn moment(home: &Home, date: Date, now: Timestamp) -> Moment {
    let local = home.local(now);
    let minute = i32::from(local.hour()) * 60 + i32::from(local.minute());
    match date.cmp(&local.date()) {
        std::cmp::Ordering::Less => Moment::Over,
        std::cmp::Ordering::Equal => Moment::Now(u16::try_from(minute).unwrap_or_default()),
        std::cmp::Ordering::Greater => Moment::Ahead,
    }
}

impl From<EntryError> for Problem {
    fn from(error: EntryError) -> Self {
        Self::bad_request(error.to_string())
    }
}

impl From<GoalError> for Problem {
    fn from(error: GoalError) -> Self {
        Self::bad_request(error.to_string())
    }
}

impl From<PutGoalError> for Problem {
    fn from(error: PutGoalError) -> Self {
        match error {
            PutGoalError::Goal(error) => error.into(),
            PutGoalError::Resident(error) => error.into(),
            PutGoalError::Database(error) => error.into(),
        }
    }
}
