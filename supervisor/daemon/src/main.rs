//! `betti-supervisor`: one binary, two processes.
//!
//! ```text
//!   operator or systemd ──starts──► keeper ──starts──► supervisor        the same binary with --supervise
//!                                     │ holds everything   │ decides everything
//!                                     └──forks──► workers  └──serves──► betti-ctl
//! ```
//!
//! * [`keeper`]: forks, holds descriptors, waits. No opinions; must not die.
//! * [`supervisor`]: reads `ecosystem.toml`, decides (with `lifecycle`), may die at any instant.
//! * [`control`]: what the supervisor answers to `betti-ctl`; asked in HTTP.
//! * [`logs`]: the thread that moves every worker's output to its file.
//! * [`tree`]: finds and ends all processes of a run. [`cgroup`]: the same where control groups are ours to make.
//!   [`users`]: whose processes can be the hub's.
//! * [`say`]: a line for people, which may be lost but never ends us. [`own_log`]: where it goes stays short.
//! * [`whole_lines`]: what a power cut leaves at a file's end.
//! * [`link`]: one datagram between the two halves. [`clock`]: the clocks; [`synchronised`]: whether the wall's is right;
//!   [`alarm`]: a timer on either.

#[macro_use]
mod say;

mod alarm;
mod cgroup;
mod clock;
mod control;
mod keeper;
mod link;
#[allow(clippy::disallowed_methods)] // lines and what is lost of them are told with the time of the wall
mod logs;
mod own_log;
mod regular;
mod supervisor;
mod synchronised;
mod tree;
mod users;
mod whole_lines;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser;

/// Starts the apps of an ecosystem.toml, waits until each is ready, restarts what fails, and stops everything cleanly.
/// Stays in the foreground; `betti-ctl start` puts it into the background.
#[derive(Parser)]
#[command(name = "betti-supervisor", version)]
struct Arguments {
    /// The file that says what runs
    #[arg(long, value_name = "PATH")]
    config: PathBuf,
    /// The profile to use instead of the one that the file names
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// Start only these apps; the others stay down until somebody starts them
    #[arg(long, value_name = "APP", num_args = 1..)]
    only: Vec<String>,
    /// Be the supervisor half; the keeper starts it
    #[arg(long, hide = true)]
    supervise: bool,
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            say!("betti-supervisor: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let config = std::path::absolute(&arguments.config).context("the folder that we are in is gone")?;
    let wish = supervisor::Wish { config, profile: arguments.profile, only: arguments.only };
    if arguments.supervise {
        own_log::rename_when_long();
        supervisor::run(wish)?;
        return Ok(ExitCode::SUCCESS);
    }
    own_log::mend();
    Ok(match keeper::run(&wish.as_arguments())? {
        keeper::Left::Stopped => ExitCode::SUCCESS,
        keeper::Left::BadFile => ExitCode::from(supervisor::BAD_FILE),
    })
}
