//! What can be asked on the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Starts, stops and shows the apps of an ecosystem.toml.
///
/// Apps are named by name, id or namespace; no app, or `all`, means every one.
///
/// Exit codes: 0 done, 1 failed or refused, 2 misuse or a bad file, 3 no supervisor is running.
#[derive(Parser)]
#[command(name = "betti-ctl", version, arg_required_else_help = true)]
pub struct Arguments {
    /// The file to go by; ecosystem.toml here or in a folder above unless given
    #[arg(long, value_name = "PATH", global = true)]
    pub config: Option<PathBuf>,
    /// What to do
    #[command(subcommand)]
    pub verb: Verb,
}

/// What to do.
#[derive(Subcommand)]
pub enum Verb {
    /// Start apps and wait until they are ready; brings the supervisor up if none runs
    Start(Start),
    /// Stop apps and wait until every process of theirs is gone; they stay down until started
    Stop(Act),
    /// Stop apps and start them again; starts those that are stopped
    Restart(Act),
    /// Show what runs, and how it fares
    #[command(visible_aliases = ["ls", "list", "l", "ps"])]
    Status(Status),
    /// Show what apps wrote
    #[command(visible_alias = "log")]
    Logs(Logs),
    /// Stop everything, the supervisor too
    Kill,
    /// Print a script that completes these commands in a shell
    Completion(Completion),
}

/// `start`
#[derive(Args)]
pub struct Start {
    /// Names, ids or namespaces
    #[arg(value_name = "APP")]
    pub apps: Vec<String>,
    /// The profile to run, instead of the one that the file names
    #[arg(long, value_name = "PROFILE")]
    pub profile: Option<String>,
    /// Keep the supervisor in this terminal: Ctrl-C stops everything
    #[arg(long, conflicts_with = "no_wait")]
    pub foreground: bool,
    /// Do not wait until it is true
    #[arg(long)]
    pub no_wait: bool,
}

/// `stop` and `restart`
#[derive(Args)]
pub struct Act {
    /// Names, ids or namespaces
    #[arg(value_name = "APP")]
    pub apps: Vec<String>,
    /// Do not wait until it is true
    #[arg(long)]
    pub no_wait: bool,
}

/// `status`
#[derive(Args)]
pub struct Status {
    /// For programs
    #[arg(long)]
    pub json: bool,
}

/// `logs`
#[derive(Args)]
pub struct Logs {
    /// Names, ids or namespaces
    #[arg(value_name = "APP")]
    pub apps: Vec<String>,
    /// Go on with what is written from now on
    #[arg(short, long)]
    pub follow: bool,
    /// How many lines of each file to begin with
    #[arg(short = 'n', long, value_name = "N", default_value_t = 15)]
    pub lines: usize,
    /// Only what went to standard output
    #[arg(long, conflicts_with = "err")]
    pub out: bool,
    /// Only what went to standard error
    #[arg(long)]
    pub err: bool,
}

/// `completion`
#[derive(Args)]
pub struct Completion {
    /// Which shell
    pub shell: clap_complete::Shell,
}
