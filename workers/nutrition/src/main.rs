//! betti-nutrition: foods, meals and goals, on port 3002.
//!
//! ```text
//!   routes ──► meals (rules) ──► store ──► SQLite + outbox
//!        └───► search ──► catalogue
//! ```

mod catalogue;
mod meals;
mod nutrients;
mod routes;
mod search;
mod show;
mod store;

use std::{process::ExitCode, sync::Arc};

use kit::{Home, Sees, Worker};

use crate::{routes::Kitchen, search::Search, store::Store};

const PORT_VARIABLES: [&str; 2] = ["NUTRITION_PORT", "PORT"];
const DEFAULT_PORT: u16 = 3002;
const DATABASE: &str = "nutrition.db";

fn main() -> ExitCode {
    let sees = Sees::default().databases(&[DATABASE]).listens(&PORT_VARIABLES, DEFAULT_PORT);
    kit::run("betti-nutrition", &sees, serve)
}

async fn serve(mut worker: Worker) -> anyhow::Result<()> {
    let listener = worker.listener(&PORT_VARIABLES, DEFAULT_PORT).await?;
    let store = Store::open(&worker.data_dir()?.join(DATABASE), Home::from_environment()?)?;
    let kitchen = Arc::new(Kitchen { store, search: Search::new(catalogue::built_in()?) });
    let (access, audit) = (worker.access()?, worker.audit()?);
    let routes = routes::table(&kitchen).guarded_by(access).audited_by(audit);
    worker.serve(listener, None, routes.service()).await;
    Ok(())
}
