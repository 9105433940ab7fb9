//! Days: how they stand against the goals.

use std::{collections::BTreeMap, sync::Arc};

use http::{Method, StatusCode};
use jiff::{Timestamp, ToSpan, civil::Date};
use kit::{Call, Problem, Routes, reply};
use serde_json::{Value, json};
use warp::reply::Response;

use super::{Kitchen, READ, WRITE, count, with};
use crate::{
    meals::{Goals, total},
    show,
    store::Meal,
};

/// How many days a history has when nobody says.
const USUAL_DAYS: usize = 7;
/// How many days it has at most.
const MOST_DAYS: usize = 3660;

pub fn add(routes: Routes, kitchen: &Arc<Kitchen>) -> Routes {
    routes
        .get("/api/nutrition/daily", READ, with(kitchen, daily))
        .get("/api/nutrition/history", READ, with(kitchen, history))
        .get("/api/nutrition/goals", READ, with(kitchen, goals))
        .on(Method::PUT, "/api/nutrition/goals", WRITE, with(kitchen, set_goals))
}

async fn daily(kitchen: Arc<Kitchen>, call: Call) -> Result<Response, Problem> {
    let date = date(&call, "date")?.unwrap_or_else(|| today(&kitchen));
    let meals = kitchen.store.between(date, date).await?;
    let mut day = stands(&date.to_string(), &meals, kitchen.store.goals().await?);
    day["todaysMeals"] = meals.iter().map(|meal| show::of_day(meal, kitchen.store.home())).collect();
    Ok(reply::data(StatusCode::OK, &day))
}

/// Days with meals only, newest first.
async fn history(kitchen: Arc<Kitchen>, call: Call) -> Result<Response, Problem> {
    let last = date(&call, "endDate")?.unwrap_or_else(|| today(&kitchen));
    let days = count(&call, "days").unwrap_or(USUAL_DAYS).min(MOST_DAYS);
    let before = i32::try_from(days - 1).map_err(Problem::internal)?;
    let first = match date(&call, "startDate")? {
        Some(first) => first,
        None => last.checked_sub(before.days()).map_err(|_| not_a_date("endDate", &last.to_string()))?,
    };
    let goals = kitchen.store.goals().await?;
    let mut by_day = BTreeMap::<_, Vec<_>>::new();
    for meal in kitchen.store.between(first, last).await? {
        by_day.entry(meal.local_date.clone()).or_default().push(meal);
    }
    let history: Vec<_> = by_day.iter().rev().map(|(date, meals)| stands(date, meals, goals)).collect();
    let (first, last) = (first.to_string(), last.to_string());
    Ok(reply::data(StatusCode::OK, &json!({"startDate": first, "endDate": last, "history": history})))
}

async fn goals(kitchen: Arc<Kitchen>, _: Call) -> Result<Response, Problem> {
    Ok(reply::data(StatusCode::OK, &kitchen.store.goals().await?.shown()))
}

async fn set_goals(kitchen: Arc<Kitchen>, call: Call) -> Result<Response, Problem> {
    let body: Value = call.json()?;
    let change = move |goals: Goals| goals.changed(&body).map_err(Problem::from);
    let goals = kitchen.store.set_goals(change, Timestamp::now()).await?;
    Ok(reply::data_with_message(StatusCode::OK, &goals.shown(), "Nutrition goals updated successfully"))
}

fn stands(date: &str, meals: &[Meal], goals: Goals) -> Value {
    let mut day = goals.progress(&total(meals.iter().flat_map(Meal::eaten)));
    day.insert("date".into(), json!(date));
    Value::Object(day)
}

fn today(kitchen: &Kitchen) -> Date {
    kitchen.store.home().date(Timestamp::now())
}

fn date(call: &Call, name: &str) -> Result<Option<Date>, Problem> {
    let Some(text) = call.query(name).filter(|text| !text.is_empty()) else { return Ok(None) };
    text.parse().map(Some).map_err(|_| not_a_date(name, text))
}

fn not_a_date(name: &str, text: &str) -> Problem {
    Problem::bad_request(format!("{name} {text:?} is not a date. Write it like 2031-01-31"))
}
