//! Reads Bluetooth health devices and sensors of rooms, and takes what they say to betti-backend.
//!
//! ```text
//!   bus ── attempt ── sightings ──► device (one task each) ── gatt ── plausible ──► store ──► delivery ──► betti-backend
//!    │   thread and runtime of its own                                                SQLite                    ▲
//!    └──────────────► status (board), rooms ───────────────────────────────────────► report ─────────────────────┘
//! ```
//!
//! It is ready at once and stays up whatever is missing: no D-Bus, no bluetoothd, no adapter, no API.

mod adoption;
mod api;
mod bus;
mod config;
mod delivery;
mod device;
mod downsample;
mod gatt;
mod observation;
mod plausible;
mod report;
mod room;
mod status;
mod store;
mod wanted;

use std::process::ExitCode;
use std::time::Duration;

use jiff::tz::TimeZone;
use tokio::sync::watch;

/// How long stopping the scan may take.
const LEAVE_WITHIN: Duration = Duration::from_millis(1500);

fn main() -> ExitCode {
    let bus = std::env::var("DBUS_SYSTEM_BUS_ADDRESS").unwrap_or_default();
    let api = std::env::var(config::API_URL).unwrap_or_else(|_| config::DEFAULT_API_URL.into());
    let sees = kit::Sees::default().databases(&[store::FILE]).calls(&api).bus(&bus);
    kit::run("betti-ble", &sees, serve)
}

async fn serve(mut worker: kit::Worker) -> anyhow::Result<()> {
    let config::Configuration { api, adopted } = config::Configuration::from_environment()?;
    let store = store::Store::open(&worker.data_dir()?)?;
    let api = api.with_credential(worker.service_key()?);
    let (board, bells, stop) = (status::Board::new(), delivery::Bells::default(), worker.stop());
    worker.ready();

    tokio::spawn(delivery::deliver(store.clone(), api.clone(), bells.clone(), stop.clone()));
    tokio::spawn(report::say(board.watch(), worker.notifier(), stop.clone()));
    tokio::spawn(report::tell(board.watch(), api.clone(), bells.clone(), stop.clone()));
    let (wish, wanted) = watch::channel(wanted::Wanted::default());
    tokio::spawn(wanted::follow(wish, api, stop.clone()));

    let intake = device::Intake::new(store, bells, TimeZone::system());
    let context = bus::Context { adopted: adoption::Adoption::new(adopted, wanted), board, intake, stop: stop.clone() };
    let supervision = tokio::spawn(bus::supervise(context));
    stop.cancelled().await;
    if tokio::time::timeout(LEAVE_WITHIN, supervision).await.is_err() {
        tracing::warn!("Bluetooth does not answer; leaving without stopping the scan");
    }
    Ok(())
}
