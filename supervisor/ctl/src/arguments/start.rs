//! `start`: apps, an ecosystem.toml, or a script that is in no file.

use std::path::PathBuf;

use clap::Args;

/// `start`
#[derive(Args)]
pub struct Start {
    /// Names, ids or namespaces; or one ecosystem.toml; or one script
    #[arg(value_name = "APP|FILE|SCRIPT")]
    pub targets: Vec<String>,
    /// The profile to run, instead of the one that the file names
    #[arg(long, value_name = "PROFILE")]
    pub profile: Option<String>,
    /// Of the file, only these apps
    #[arg(long, value_name = "APP", value_delimiter = ',')]
    pub only: Vec<String>,
    /// Keep the supervisor in this terminal: Ctrl-C stops everything
    #[arg(long, conflicts_with = "no_wait")]
    pub foreground: bool,
    /// Do not wait until it is true
    #[arg(long)]
    pub no_wait: bool,
    /// Needless: the environment is always computed afresh
    #[arg(long, hide = true)]
    pub update_env: bool,
    /// How a script is run
    #[command(flatten)]
    pub script: Script,
}

/// How a script is run: the keys of an app, by the names that PM2 has for them.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Of a script")]
pub struct Script {
    /// What it is called; the script's name without its ending unless given
    #[arg(short, long)]
    pub name: Option<String>,
    /// Its group
    #[arg(long)]
    pub namespace: Option<String>,
    /// Working directory; this folder unless given
    #[arg(long, value_name = "PATH")]
    pub cwd: Option<PathBuf>,
    /// A variable for it; with a file, the profile to run
    #[arg(long, value_name = "KEY=VALUE")]
    pub env: Vec<String>,
    /// How many of it; `max` is one a processor
    #[arg(short, long, value_name = "N", allow_hyphen_values = true)]
    pub instances: Option<String>,
    /// What runs it; `none` runs it directly
    #[arg(long)]
    pub interpreter: Option<String>,
    /// Between the interpreter and the script
    #[arg(long, visible_alias = "node-args", value_name = "ARGS", allow_hyphen_values = true)]
    pub interpreter_args: Option<String>,
    /// Restart it when files change
    #[arg(long)]
    pub watch: bool,
    /// Restart it at these times
    #[arg(long, visible_alias = "cron-restart", value_name = "PATTERN")]
    pub cron: Option<String>,
    /// Restart it when it uses more memory: 300M
    #[arg(long, value_name = "SIZE")]
    pub max_memory_restart: Option<String>,
    /// It is ready when it says so
    #[arg(long)]
    pub wait_ready: bool,
    /// How long it may take to become ready
    #[arg(long, value_name = "TIME")]
    pub listen_timeout: Option<String>,
    /// How long it may take to stop
    #[arg(long, value_name = "TIME")]
    pub kill_timeout: Option<String>,
    /// Do not start it again when it ends
    #[arg(long)]
    pub no_autorestart: bool,
    /// It ends for good with one of these codes
    #[arg(long, value_name = "CODE", value_delimiter = ',')]
    pub stop_exit_codes: Vec<i64>,
    /// Pause before it is started again
    #[arg(long, value_name = "TIME")]
    pub restart_delay: Option<String>,
    /// More crashes than this in a minute, and it is tried once a minute only
    #[arg(long, value_name = "N")]
    pub max_restarts: Option<i64>,
    /// Where its standard output goes
    #[arg(short, long, value_name = "PATH")]
    pub output: Option<PathBuf>,
    /// Where its standard error goes
    #[arg(short, long, value_name = "PATH")]
    pub error: Option<PathBuf>,
    /// Its arguments
    #[arg(last = true, value_name = "ARGS")]
    pub args: Vec<String>,
}
