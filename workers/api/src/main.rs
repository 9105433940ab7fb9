//! betti-api: vitals and their live stream, on port 3001.
//!
//! ```text
//!   routes ──► vitals, alerts (rules) ──► store ──► SQLite + outbox
//!     ▲                              deadlines │ ▲      │ events
//!     │                                      watch      │
//!   WebSockets ◄────────────── feed ◄───────────────────┘
//! ```

mod alarm;
mod alerts;
mod appointments;
mod bluetooth;
mod feed;
mod forward;
#[cfg(test)]
mod fuzzed;
mod routes;
mod show;
mod store;
mod vitals;
mod watch;

use std::{process::ExitCode, sync::Arc};

use anyhow::Context;
use kit::{
    Home, Worker,
    live::{Goodbye, Live},
    stream::Stream,
};

use crate::{alarm::Alarm, bluetooth::Bluetooth, forward::Forward, routes::Hub, store::Store};

const DEFAULT_PORT: u16 = 3001;
const DATABASE: &str = "api.db";
/// Where betti-nutrition answers.
const NUTRITION_URL: &str = "BETTI_NUTRITION_URL";
const DEFAULT_NUTRITION_URL: &str = "http://127.0.0.1:3002";
const GOODBYE: Goodbye = Goodbye { code: 1000, reason: "Server shutting down" };

fn main() -> ExitCode {
    kit::run("betti-api", serve)
}

async fn serve(mut worker: Worker) -> anyhow::Result<()> {
    let listener = worker.listener(&["PORT"], DEFAULT_PORT).await?;
    let store = Store::open(&worker.data_dir()?.join(DATABASE), Home::from_environment()).await?;
    let live = Arc::new(Live::new(GOODBYE, worker.stop()));
    let (events, told) = (store.database().events(), store.newest_event().await?);
    let stream = Stream::new(store.database().clone(), feed::area::rule, worker.stop(), worker.tasks());
    tokio::spawn(feed::run(events, told, store.clone(), live.clone(), stream.clone()));
    tokio::spawn(watch::run(store.database().events(), store.clone(), Alarm::new().context("the alarm for alerts")?));
    let nutrition_url = std::env::var(NUTRITION_URL).unwrap_or_else(|_| DEFAULT_NUTRITION_URL.into());
    let nutrition = Forward::new("betti-nutrition", &nutrition_url).context(NUTRITION_URL)?;
    let hub = Arc::new(Hub { store, live, stream, bluetooth: Bluetooth::default(), nutrition, tasks: worker.tasks() });
    worker.serve(listener, None, routes::table(&hub).service()).await;
    Ok(())
}
