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
//!   [`last_words`]: a panic ends the process, and says so. [`whole_lines`]: what a power cut leaves at a file's end.
//! * [`link`]: one datagram between the two halves. [`program`]: which file a process runs.
//! * [`clock`]: the clocks; [`synchronised`]: whether the wall's is right; [`alarm`]: a timer on either.

#[macro_use]
mod say;

mod alarm;
mod cgroup;
mod clock;
mod control;
mod keeper;
mod last_words;
mod link;
#[allow(clippy::disallowed_methods)] // lines and what is lost of them are told with the time of the wall
mod logs;
mod own_log;
mod program;
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
    /// Say what would be made of a hub that is told on standard input, as it was at this moment
    #[arg(long = protocol::self_check::SELF_CHECK, hide = true, value_name = "NANOSECONDS", conflicts_with = "supervise")]
    self_check: Option<u64>,
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
    last_words::end_at_a_panic(match (arguments.supervise, arguments.self_check) {
        (true, _) => "supervisor",
        (false, Some(_)) => "self-check",
        (false, None) => "keeper",
    });
    if let Some(ns) = arguments.self_check {
        supervisor::self_check(&wish, lifecycle::Moment::at(std::time::Duration::from_nanos(ns)))?;
        return Ok(ExitCode::SUCCESS);
    }
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
