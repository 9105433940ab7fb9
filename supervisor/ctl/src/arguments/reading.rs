//! The arguments of verbs that only look.

use std::path::PathBuf;

use clap::Args;

/// `describe`
#[derive(Args)]
pub struct Describe {
    /// Names, ids or namespaces
    #[arg(value_name = "APP")]
    pub apps: Vec<String>,
    /// Show the values of variables whose names look secret, too
    #[arg(long)]
    pub show_secrets: bool,
}

/// `why`
#[derive(Args)]
pub struct Why {
    /// Names, ids or namespaces
    #[arg(value_name = "APP", required = true)]
    pub apps: Vec<String>,
}

/// `env`
#[derive(Args)]
pub struct Env {
    /// Names, ids or namespaces
    #[arg(value_name = "APP", required = true)]
    pub apps: Vec<String>,
    /// Only what differs from the environment of the process that runs
    #[arg(long)]
    pub diff: bool,
    /// Show the values of variables whose names look secret, too
    #[arg(long)]
    pub show_secrets: bool,
}

/// `logs`
#[derive(Args)]
#[command(after_long_help = "\
Lines of all apps are merged in the order of time, from files that were put aside, too. Before a time, ~ means that the clock was \
not right when the line was written, and could not be put right since; `unknown` that nobody noted the time.

On a terminal the apps' colours pass, and other control characters are shown instead of obeyed; --raw passes everything.")]
pub struct Logs {
    /// Names, ids or namespaces
    #[arg(value_name = "APP")]
    pub apps: Vec<String>,
    /// Go on with what is written from now on
    #[arg(short, long)]
    pub follow: bool,
    /// PM2's: do not go on; so it is unless -f says otherwise
    #[arg(long, conflicts_with = "follow")]
    pub nostream: bool,
    /// How many lines of each file to begin with: 15, or with --since all
    #[arg(short = 'n', long, value_name = "N")]
    pub lines: Option<u64>,
    /// Only what was written since: 10m, 2h, 1d, "2026-11-25 08:00", 2026-11-25T08:00:00Z, today
    #[arg(long, value_name = "WHEN", value_parser = crate::logs::moment)]
    pub since: Option<i64>,
    /// Only lines that match a regular expression; -n counts those
    #[arg(long, value_name = "RE")]
    pub grep: Option<String>,
    /// Whatever the case of letters, for --grep
    #[arg(short, long, requires = "grep")]
    pub ignore_case: bool,
    /// Only what went to standard output
    #[arg(long)]
    pub out: bool,
    /// Only what went to standard error
    #[arg(long)]
    pub err: bool,
    /// The time before each line, local, in this format of strftime(3); RFC 3339 unless given
    #[arg(long, value_name = "FORMAT", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub timestamp: Option<String>,
    /// The bytes as they are, without a prefix
    #[arg(long, conflicts_with = "timestamp")]
    pub raw: bool,
}

/// `metrics`
#[derive(Args)]
pub struct Metrics {
    /// As OpenMetrics, with units and times of creation, instead of Prometheus' older text
    #[arg(long)]
    pub openmetrics: bool,
    /// Where to write them; the file is replaced in one go, so that whoever reads it never finds half of them
    #[arg(short, long, value_name = "PATH")]
    pub output: Option<PathBuf>,
}

/// `pid`
#[derive(Args)]
pub struct Pid {
    /// A name, id or namespace; every app unless given
    #[arg(value_name = "APP")]
    pub app: Option<String>,
}

/// `id`
#[derive(Args)]
pub struct Id {
    /// Its name, or a namespace
    #[arg(value_name = "NAME")]
    pub name: String,
}

/// `check`
#[derive(Args)]
pub struct Check {
    /// The file to look at; ecosystem.toml here or in a folder above unless given
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// The profile to look at, instead of the one that the file names
    #[arg(long, value_name = "PROFILE")]
    pub profile: Option<String>,
}
