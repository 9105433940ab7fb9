//! Who may call what, and what answers.

mod days;
mod foods;
mod health;
mod meals;

use std::sync::Arc;

use kit::{Area, Call, Problem, Routes, Rule};
use warp::reply::Response;

use crate::{
    meals::EntryError,
    search::Search,
    store::{MealError, RESIDENT, Store},
};

const READ: Rule = Rule::Read(Area::Nutrition);
const WRITE: Rule = Rule::Write(Area::Nutrition);

/// What the handlers share.
pub struct Kitchen {
    pub store: Store,
    pub search: Search,
}

/// Every route of this worker.
pub fn table(kitchen: &Arc<Kitchen>) -> Routes {
    let routes = foods::add(health::add(Routes::new()), kitchen);
    days::add(meals::add(routes, kitchen), kitchen)
}

/// A handler with what it shares. All of it is the one resident's, whomever `?resident=` names: so it asks for them.
fn with<F>(
    kitchen: &Arc<Kitchen>,
    handler: impl Fn(Arc<Kitchen>, Call) -> F + Send + Sync + 'static,
) -> impl Fn(Call) -> BoxFuture + Send + Sync + 'static
where
    F: Future<Output = Result<Response, Problem>> + Send + 'static,
{
    let kitchen = kitchen.clone();
    move |call| match call.about(RESIDENT) {
        Ok(()) => Box::pin(handler(kitchen.clone(), call)),
        Err(problem) => Box::pin(std::future::ready(Err(problem))),
    }
}

type BoxFuture = std::pin::Pin<Box<dyn Future<Output = Result<Response, Problem>> + Send>>;

/// A number of the query; anything that is none, or zero, is as if it were not there.
fn count(call: &Call, name: &str) -> Option<usize> {
    call.query(name)?.trim().parse().ok().filter(|count| *count > 0)
}

impl From<EntryError> for Problem {
    fn from(error: EntryError) -> Self {
        Self::bad_request(error.to_string())
    }
}

impl From<MealError> for Problem {
    fn from(error: MealError) -> Self {
        match error {
            MealError::NotFound => Self::not_found(error.to_string()),
            MealError::Database(error) => error.into(),
        }
    }
}

#[cfg(test)]
#[path = "../../../tests/recordings/strangers.rs"]
mod strangers;

#[cfg(test)]
mod tests {
    use super::*;

    fn routes(folder: &std::path::Path) -> Routes {
        let store = Store::open(&folder.join("n.db"), kit::Home::from_environment().unwrap()).unwrap();
        let search = Search::new(crate::catalogue::built_in().unwrap());
        table(&Arc::new(Kitchen { store, search }))
    }

    /// So that `tests/owners.rs`, which asks each for another resident's, knows of all.
    #[test]
    fn every_route_is_written_down_for_the_walk_over_them() {
        let folder = tempfile::tempdir().unwrap();
        strangers::are_written_down(&routes(folder.path()), "tests/routes.txt");
    }

    #[tokio::test]
    async fn strangers_reach_what_is_named_here_and_nothing_else_and_others_leave_an_entry() {
        let folder = tempfile::tempdir().unwrap();
        let (access, routes) = (kit::Access::open(folder.path()).unwrap(), routes(folder.path()));
        let everyday = [
            ("DELETE", "/api/nutrition/meal/{id}"),
            ("POST", "/api/nutrition/log-meal"),
            ("PUT", "/api/nutrition/meal/{id}"),
        ];
        strangers::everyday_is(&routes, &everyday);
        strangers::are_refused_by(routes.clone().guarded_by(access.clone()), &[("GET", "/api/health")]).await;
        strangers::are_let_in_as_sensors_by(routes.clone(), access.clone(), &[]).await;
        strangers::leave_an_entry_by(routes, access, folder.path()).await;
    }
}
