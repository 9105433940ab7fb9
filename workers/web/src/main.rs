//! The web app and the one origin that phones talk to.
//!
//! ```text
//!                        ┌─ /api/*            proxy ───► betti-backend
//!   browser ── gateway ──┼─ /api/nutrition/*  proxy ───► betti-nutrition
//!              (routes)  ├─ /ws               tunnel ══► betti-backend
//!                        ├─ /video            tunnel ══► betti-webrtc (HTTP, or HTTPS with the hub's certificate)
//!                        ├─ /trust            trust_page, also without encryption
//!                        └─ everything else   page ────► files built into this program
//! ```
//!
//! It decides nothing about health: it has no data, and what it passes on it does not read.

mod answer;
mod carry;
mod files;
mod frames;
mod gateway;
mod headers;
mod page;
mod placed;
mod proxy;
mod routes;
mod trust;
mod trust_page;
mod tunnel;
mod upstream;

use std::{convert::Infallible, path::PathBuf, process::ExitCode, sync::Arc};

use anyhow::Context;
use clap::Parser;
use http::Request;
use hyper::{body::Incoming, service::service_fn};
use kit::{Sees, tls::Certificates};

use crate::{files::Files, gateway::Gateway, proxy::Proxy, routes::App, tunnel::Tunnels, upstream::Upstreams};

const PORT_VARIABLES: [&str; 1] = ["PORT"];
const DEFAULT_PORT: u16 = 5173;

/// The web app and the one origin that phones talk to
#[derive(Parser)]
#[command(name = "betti-web", version)]
struct Arguments {
    /// Serve the web app in this folder instead of the one that is built in
    #[arg(long, value_name = "FOLDER")]
    root: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    kit::run("betti-web", &sees(&arguments), |worker| serve(worker, arguments))
}

/// No data: what it passes on is in nobody's file here.
fn sees(arguments: &Arguments) -> Sees {
    let sees = Sees::default()
        .certificates(Certificates::folder_from_environment())
        .listens(&PORT_VARIABLES, DEFAULT_PORT)
        .reads(arguments.root.as_deref().unwrap_or(Files::built_from()));
    // Addresses that cannot be used are told by who serves.
    let Ok(upstreams) = Upstreams::from_environment() else { return sees };
    [App::Backend, App::Nutrition, App::Video].iter().fold(sees, |sees, app| sees.calls_port(upstreams.of(*app).port()))
}

async fn serve(mut worker: kit::Worker, arguments: Arguments) -> anyhow::Result<()> {
    let files = match arguments.root {
        None => Files::BuiltIn,
        Some(folder) => Files::of_folder(&folder).with_context(|| format!("--root {}", folder.display()))?,
    };
    let certificates = Certificates::with_open_paths(&Certificates::folder_from_environment(), &[trust_page::PATH]);
    let gateway = Arc::new(Gateway {
        files,
        upstreams: Upstreams::from_environment()?,
        proxy: Proxy::new(),
        tunnels: Tunnels::new(trust::neighbour(), worker.stop(), worker.tasks()),
        certificates: certificates.clone(),
    });
    let listener = worker.listener(&PORT_VARIABLES, DEFAULT_PORT).await?;
    let answer = service_fn(move |request: Request<Incoming>| {
        let gateway = gateway.clone();
        async move { Ok::<_, Infallible>(gateway.answer(request).await) }
    });
    worker.serve(listener, Some(certificates), answer).await;
    Ok(())
}
