//! betti-api: vitals and their live stream, on port 3001.
//!
//! ```text
//!   routes ──► vitals, alerts (rules) ──► store ──► SQLite + outbox
//!     ▲                              deadlines │ ▲      │ events
//!     │                                      watch      │
//!   WebSockets ◄────────────── feed ◄───────────────────┘
//! ```

mod accelerometer;
mod activity;
mod address;
mod alerts;
mod appointments;
mod audit;
mod bluetooth;
mod command;
mod devices;
mod doses;
mod drinks;
mod feed;
mod forward;
#[cfg(test)]
mod fuzzed;
mod medication;
mod passkeys;
mod recordings;
mod reminders;
mod rights;
mod routes;
mod show;
mod store;
mod thirst;
mod vitals;
mod watch;

use std::{process::ExitCode, sync::Arc};

use anyhow::Context;
use clap::Parser;
use kit::{
    Home, Sees, Worker,
    alarm::Alarm,
    listen::{self, ListenError},
    live::{Goodbye, Live},
    stream::Stream,
};

use crate::{
    bluetooth::Bluetooth, command::Arguments, forward::Forward, passkeys::Passkeys, recordings::Recordings,
    routes::Hub, store::Store,
};

const PORT_VARIABLES: [&str; 1] = ["PORT"];
const DEFAULT_PORT: u16 = 3001;
const DATABASE: &str = "api.db";
/// Where betti-nutrition answers, unless it is where it listens on this machine.
const NUTRITION_URL: &str = "BETTI_NUTRITION_URL";
/// Decides where betti-nutrition listens.
const NUTRITION_PORT: &str = "NUTRITION_PORT";
const DEFAULT_NUTRITION_PORT: u16 = 3002;
const GOODBYE: Goodbye = Goodbye { code: 1000, reason: "Server shutting down" };

fn main() -> ExitCode {
    match Arguments::parse().command {
        Some(command) => command.run(),
        None => kit::run("betti-api", &sees(), serve),
    }
}

/// All of the data: handing out everything that is kept about somebody is about those of all workers, and recordings are many files.
fn sees() -> Sees {
    let sees = Sees::default().all_data().listens(&PORT_VARIABLES, DEFAULT_PORT);
    // One that cannot be used is told by who serves.
    nutrition_url().map_or(sees.clone(), |url| sees.calls(&url))
}

fn nutrition_url() -> Result<String, ListenError> {
    std::env::var(NUTRITION_URL).or_else(|_| listen::neighbour(NUTRITION_PORT, DEFAULT_NUTRITION_PORT))
}

async fn serve(mut worker: Worker) -> anyhow::Result<()> {
    let listener = worker.listener(&PORT_VARIABLES, DEFAULT_PORT).await?;
    let data = worker.data_dir()?;
    let store = Store::open(&data.join(DATABASE), Home::from_environment()?).await?;
    let (access, audit) = (worker.access()?, worker.audit()?);
    let recordings = Recordings::below(&data);
    let live = Arc::new(Live::new(GOODBYE, worker.stop()));
    let (events, told) = (store.database().events(), store.newest_event().await?);
    let stream = Stream::new(store.database().clone(), feed::area::rule, worker.stop(), worker.tasks());
    tokio::spawn(feed::run(events, told, store.clone(), live.clone(), stream.clone()));
    if reminders::are_enabled(std::env::var(reminders::ENABLED).ok().as_deref())? {
        let events = store.database().events();
        let alarm = Alarm::new().context("the alarm for doses")?;
        tokio::spawn(reminders::run(events, alarm, store.clone(), live.clone(), feed::BESIDE_FOR, worker.stop()));
    }
    tokio::spawn(watch::run(store.database().events(), store.clone(), Alarm::new().context("the alarm for alerts")?));
    let alarm = Alarm::new().context("the alarm for drinks")?;
    tokio::spawn(thirst::run(store.database().events(), store.clone(), alarm, feed::BESIDE_FOR));
    let nutrition = Forward::new("betti-nutrition", &nutrition_url()?, access.service()).context(NUTRITION_URL)?;
    let hub = Arc::new(Hub {
        access: access.clone(),
        data,
        store,
        live,
        stream,
        bluetooth: Bluetooth::default(),
        passkeys: Passkeys::new(address::public_url()),
        nutrition,
        recordings,
        tasks: worker.tasks(),
        stop: worker.stop(),
    });
    worker.serve(listener, None, routes::table(&hub).guarded_by(access).audited_by(audit).service()).await;
    Ok(())
}
