//! Foods: found by what people call them, and those that are eaten most.

use std::sync::Arc;

use http::StatusCode;
use kit::{Call, Problem, Routes, reply};
use warp::reply::Response;

use super::{Kitchen, READ, count, with};
use crate::{
    catalogue::Food,
    search::{LARGEST_LIMIT, USUAL_LIMIT},
};

/// How many recent foods there are when nobody says.
const USUAL_RECENT: usize = 10;

pub fn add(routes: Routes, kitchen: &Arc<Kitchen>) -> Routes {
    routes.get("/api/nutrition/foods", READ, with(kitchen, find)).get(
        "/api/nutrition/recent-foods",
        READ,
        with(kitchen, recent),
    )
}

async fn find(kitchen: Arc<Kitchen>, call: Call) -> Result<Response, Problem> {
    let query = call.query("query").filter(|query| !query.is_empty());
    let query = query.ok_or_else(|| Problem::bad_request("Query parameter is required"))?;
    let limit = count(&call, "limit").unwrap_or(USUAL_LIMIT).min(LARGEST_LIMIT);
    let found: Vec<_> = kitchen.search.find(query, limit).into_iter().map(Food::shown).collect();
    Ok(reply::data(StatusCode::OK, &found))
}

/// Foods of the catalogue that were logged by name, most used first.
async fn recent(kitchen: Arc<Kitchen>, call: Call) -> Result<Response, Problem> {
    let names = kitchen.store.names_by_use().await?;
    let limit = count(&call, "limit").unwrap_or(USUAL_RECENT).min(LARGEST_LIMIT);
    let known = names.iter().filter_map(|name| kitchen.search.named(name));
    let foods: Vec<_> = known.take(limit).map(Food::shown).collect();
    Ok(reply::data(StatusCode::OK, &foods))
}
