//! Meals: logged, read, amended, taken back.

use std::sync::Arc;

use http::{Method, StatusCode};
use jiff::Timestamp;
use kit::{Call, Problem, Routes, reply};
use serde_json::Value;
use warp::reply::Response;

use super::{Kitchen, READ, WRITE, with};
use crate::{meals::MealEntry, show, store::MealError};

const MEAL: &str = "/api/nutrition/meal/{id}";

pub fn add(routes: Routes, kitchen: &Arc<Kitchen>) -> Routes {
    routes
        .post("/api/nutrition/log-meal", WRITE, with(kitchen, log))
        .everyday()
        .get(MEAL, READ, with(kitchen, read))
        .on(Method::PUT, MEAL, WRITE, with(kitchen, amend))
        .everyday()
        .on(Method::DELETE, MEAL, WRITE, with(kitchen, take_back))
        .everyday()
}

async fn log(kitchen: Arc<Kitchen>, call: Call) -> Result<Response, Problem> {
    let key = call.idempotency_key()?;
    let entry = MealEntry::read_new(&call.json::<Value>()?)?;
    let meal = kitchen.store.log(entry, key, Timestamp::now()).await?;
    let shown = show::logged(&meal, kitchen.store.home());
    Ok(reply::data_with_message(StatusCode::OK, &shown, "Meal logged successfully"))
}

async fn read(kitchen: Arc<Kitchen>, call: Call) -> Result<Response, Problem> {
    let meal = kitchen.store.meal(id(&call)?).await?;
    Ok(reply::data(StatusCode::OK, &show::single(&meal, kitchen.store.home())))
}

async fn amend(kitchen: Arc<Kitchen>, call: Call) -> Result<Response, Problem> {
    // Existing clients expect the body to be judged before the id.
    let entry = MealEntry::read_amendment(&call.json::<Value>()?)?;
    let meal = kitchen.store.amend(id(&call)?, entry, Timestamp::now()).await?;
    let shown = show::amended(&meal, kitchen.store.home());
    Ok(reply::data_with_message(StatusCode::OK, &shown, "Meal updated successfully"))
}

async fn take_back(kitchen: Arc<Kitchen>, call: Call) -> Result<Response, Problem> {
    kitchen.store.take_back(id(&call)?).await?;
    Ok(reply::message(StatusCode::OK, "Meal deleted successfully"))
}

/// What is no number is no meal's id.
fn id(call: &Call) -> Result<i64, MealError> {
    call.parameter("id").parse().map_err(|_| MealError::NotFound)
}
