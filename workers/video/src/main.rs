//! WebRTC signaling for rooms of two: two browsers find each other here and then talk directly.
//!
//! ```text
//!   browser ══ WebSocket ══ client ── frame ──► lobby ── wire::parse ──► rooms     (pure: who is told what)
//!                             ▲                   │                        │
//!                             └──── mailbox ◄─────┴── wire::print ◄────────┘
//! ```
//!
//! It is not a media server: sound and picture never pass through the hub. What is said here are offers, answers and
//! candidates, and nothing of them is kept.

mod allowance;
mod certs;
mod client;
mod lobby;
mod message;
mod public;
mod rooms;
mod routes;
mod wire;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::Context;
use clap::{Parser, Subcommand};
use kit::{Sees, tls::Certificates};

use crate::{client::Pings, lobby::Lobby, public::Public, rooms::Targeting, routes::Pages};

const PORT_VARIABLES: [&str; 2] = ["VIDEO_PORT", "PORT"];
const DEFAULT_PORT: u16 = 8080;
const DEFAULT_CERTIFICATES: &str = "certs";
const DEFAULT_PUBLIC: &str = "public";

/// WebRTC signaling for rooms of two
#[derive(Parser)]
#[command(name = "betti-video", version, args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Run behind a tunnel that brings HTTPS: plain HTTP, no pings, and a page for those who come through it
    #[arg(long)]
    tunnel: bool,
    /// With --tunnel: the folder with that page [default: public, if it is there]
    #[arg(long, value_name = "FOLDER", requires = "tunnel")]
    public: Option<PathBuf>,
    /// Where cert.pem and key.pem are looked for; without them it is plain HTTP [default: $BETTI_CERTS, else certs]
    #[arg(long, value_name = "FOLDER")]
    certs: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    /// Make a self-signed certificate for HTTPS at home
    Certs {
        /// Where to put cert.pem and key.pem
        #[arg(long, value_name = "FOLDER", default_value = DEFAULT_CERTIFICATES)]
        folder: PathBuf,
        /// Another name or address that the hub is reached by
        #[arg(long = "name", value_name = "NAME", num_args = 1..)]
        names: Vec<String>,
        /// Replace what is there
        #[arg(long)]
        force: bool,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match arguments.command {
        Some(Command::Certs { folder, names, force }) => make_certificates(&folder, &names, force),
        None => kit::run("betti-video", &sees(&arguments), |worker| serve(worker, arguments)),
    }
}

fn sees(arguments: &Arguments) -> Sees {
    let sees = Sees::default().databases(&[]).listens(&PORT_VARIABLES, DEFAULT_PORT);
    if arguments.tunnel {
        return sees.reads(arguments.public.as_deref().unwrap_or(Path::new(DEFAULT_PUBLIC)));
    }
    sees.certificates(arguments.certs.clone().unwrap_or_else(Certificates::folder_from_environment))
}

fn make_certificates(folder: &Path, names: &[String], force: bool) -> ExitCode {
    match certs::make(folder, names, force) {
        // Whoever closed the pipe does not want to read it.
        Ok(made) => made.print(std::io::stdout()).map_or(ExitCode::SUCCESS, |()| ExitCode::SUCCESS),
        Err(error) => {
            eprintln!("betti-video: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(mut worker: kit::Worker, arguments: Arguments) -> anyhow::Result<()> {
    let listener = worker.listener(&PORT_VARIABLES, DEFAULT_PORT).await?;
    let (tasks, stop, access, audit) = (worker.tasks(), worker.stop(), worker.access()?, worker.audit()?);
    if arguments.tunnel {
        let lobby = Arc::new(Lobby::new(Targeting::Honoured));
        let routes = routes::table(lobby, Pings::Left, pages(arguments.public.as_deref())?, tasks, stop);
        worker.serve(listener, None, routes.guarded_by(access).audited_by(audit).service()).await;
    } else {
        let lobby = Arc::new(Lobby::new(Targeting::Ignored));
        let routes = routes::table(lobby, Pings::Sent, Pages::None, tasks, stop);
        let routes = routes.guarded_by(access).audited_by(audit).service();
        worker.serve(listener, Some(certificates(arguments.certs)), routes).await;
    }
    Ok(())
}

/// A folder that was asked for has to be there.
fn pages(asked: Option<&Path>) -> anyhow::Result<Pages> {
    let folder = asked.unwrap_or(Path::new(DEFAULT_PUBLIC));
    let found = Public::open(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    match (found, asked) {
        (Some(public), _) => {
            tracing::info!(folder = %folder.display(), "serving a page to those who come through the tunnel");
            Ok(Pages::Folder(public))
        }
        (None, None) => Ok(Pages::Status),
        (None, Some(folder)) => anyhow::bail!("--public {}: there is no such folder", folder.display()),
    }
}

fn certificates(asked: Option<PathBuf>) -> Arc<Certificates> {
    let certificates = Certificates::of_folder(&asked.unwrap_or_else(Certificates::folder_from_environment));
    if !certificates.is_there() {
        tracing::info!(
            folder = %certificates.folder().display(),
            "no certificate in force: serving HTTP. Browsers give a camera to this machine only; to call from another, \
             make a certificate: betti-ctl certs"
        );
    }
    certificates
}
