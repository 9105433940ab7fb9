//! betti-backup: encrypted copies of everything that a home has, and the way back.
//!
//! ```text
//!   nightly ──► schedule (pure) ──► make ──► snapshot, archive, rotation (pure) ──► a stick or a folder (place, mounts)
//!   commands ─────────────────────► make
//!           └─────────────────────► restore ──► archive, snapshot, placing ──► the data
//! ```
//!
//! Without a command it is the worker that makes one copy a night. `betti-ctl backup` and `betti-ctl restore` run it with one.

mod archive;
mod commands;
mod contents;
mod digest;
mod erased;
mod key;
mod make;
mod mounts;
mod naming;
mod nightly;
mod place;
mod restore;
mod rotation;
mod schedule;
mod settings;
mod snapshot;
mod staging;
mod state;
mod whole;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Parser, Subcommand};

use crate::settings::Settings;

/// Encrypted copies of everything that a home has. Without a command: one every night
///
/// Exit codes: 0 done, 1 failed or refused, 2 misuse.
#[derive(Parser)]
#[command(name = "betti-backup", version)]
struct Arguments {
    /// The ecosystem.toml of the home; the one in this folder unless given
    #[arg(long, value_name = "PATH", global = true)]
    config: Option<PathBuf>,
    /// For programs: one JSON document on standard output, and nothing else there
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

/// What to do by hand.
#[derive(Subcommand)]
enum Command {
    /// Make a copy now, and test it by restoring it
    Now {
        /// The folder that it goes to; where nightly copies go unless given
        #[arg(long, value_name = "DIR")]
        to: Option<PathBuf>,
        /// Make another key: copies from now on are opened by that one only
        #[arg(long)]
        new_key: bool,
    },
    /// Say what a copy has, from when it is, and whether it is whole
    Check {
        #[command(flatten)]
        which: Which,
    },
    /// Put a copy in the place of the present data, which are kept; everything has to be stopped
    Restore {
        #[command(flatten)]
        which: Which,
        /// Only unpack and test it: the apps may run
        #[arg(long)]
        unpack: bool,
    },
    /// Put in place what was unpacked
    Place,
    /// Give up what was unpacked
    GiveUp,
}

/// A copy, and its key.
#[derive(clap::Args)]
struct Which {
    /// The copy
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The file with the key, - for standard input; asked for on a terminal unless given
    #[arg(long, value_name = "PATH")]
    key_file: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let settings = Settings::read(arguments.config.as_deref(), |name| std::env::var_os(name));
    match arguments.command {
        None => {
            // What is wrong with settings is told by who serves.
            let sees = settings.as_ref().map(sees).unwrap_or_default();
            kit::run("betti-backup", &sees, async |worker| nightly::serve(worker, settings?).await)
        }
        Some(command) => commands::run(command, arguments.json, settings),
    }
}

/// The home, its data, where copies go, and what the kernel says of mounts. It listens to nobody, calls nobody and executes nothing.
fn sees(settings: &Settings) -> kit::Sees {
    let home = settings.config.parent().unwrap_or(Path::new("/"));
    let home = home.canonicalize().unwrap_or_else(|_| home.to_owned());
    let sees = kit::Sees::default().writes(&home).writes(&settings.data).reads(mounts::ABOUT);
    mounts::seen_from(&settings.to, &home).into_iter().fold(sees, kit::Sees::writes)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        super::Arguments::command().debug_assert();
    }
}
