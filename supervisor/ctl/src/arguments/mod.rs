//! What can be asked on the command line.

mod acting;
mod reading;
mod setting_up;
mod start;

pub use acting::{Act, Delete, File, Restart, Scale, SendSignal, Targets, Upgrade};
pub use reading::{Check, Describe, Env, Id, Logs, Metrics, Pid, Why};
pub use setting_up::{Apply, Certs, Completion, Import, Init, Profile, Startup, Unstartup};
pub use start::{Script, Start};

use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// Starts, stops and shows the apps of an ecosystem.toml.
///
/// Apps are named by name, id or namespace, several at once; no app, or `all`, means every one.
///
/// Exit codes: 0 done, 1 failed or refused, 2 misuse or a bad file, 3 no supervisor is running.
#[derive(Parser)]
#[command(name = "betti-ctl", version, arg_required_else_help = true)]
pub struct Arguments {
    /// The file to go by; ecosystem.toml here or in a folder above unless given
    #[arg(long, value_name = "PATH", global = true)]
    pub config: Option<PathBuf>,
    /// For programs: one JSON document on standard output, and nothing else there
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do
    #[command(subcommand)]
    pub verb: Verb,
}

/// What to do.
#[derive(Subcommand)]
pub enum Verb {
    /// Start apps, or a script that is in no file, and wait until they are ready; brings the supervisor up if none runs
    Start(Box<Start>),
    /// Stop apps and wait until every process of theirs is gone; they stay down until started
    Stop(Act),
    /// Stop apps and start them again; starts those that are stopped
    Restart(Restart),
    /// Restart apps one after the other, each when the one before it is ready
    Reload(Act),
    /// Stop apps and take them off the list
    #[command(visible_alias = "del")]
    Delete(Delete),
    /// Run so many instances of an app
    Scale(Scale),
    /// Count restarts and failures from 0 again
    Reset(Targets),
    /// Send a signal to the first process of each app
    #[command(name = "send-signal", visible_alias = "sendSignal")]
    SendSignal(SendSignal),
    /// Empty the log files of apps
    Flush(Targets),
    /// Open log files anew, for those who put them aside themselves; what Betti rotates needs none of it
    #[command(name = "reloadLogs", visible_alias = "reload-logs")]
    ReloadLogs,
    /// Have another betti-supervisor take over in place; apps run on and drop no request
    ///
    /// It is first asked what it makes of everything that runs. Unless that is the same, nothing changes; and if it does not
    /// take over, the one before comes back. The keeper stays the old one until the next start; apps get a new program by
    /// `betti-ctl reload APP`.
    Upgrade(Upgrade),
    /// Stop everything, the supervisor too
    Kill,
    /// Show what runs, and how it fares
    #[command(visible_aliases = ["ls", "list", "l", "ps"])]
    Status,
    /// Show all about apps
    #[command(visible_aliases = ["desc", "info", "show"])]
    Describe(Describe),
    /// Show why apps are what they are: their last changes, with the cause and who brought them about
    Why(Why),
    /// Show what apps wrote
    #[command(visible_alias = "log")]
    Logs(Logs),
    /// Show the environment that a run of an app gets
    Env(Env),
    /// Print what can be counted and measured, for Prometheus
    Metrics(Metrics),
    /// Print PM2's own JSON, for scripts that read it
    Jlist,
    /// The same, indented
    Prettylist,
    /// Print the pids of apps, one a line
    Pid(Pid),
    /// Print the ids of an app
    Id(Id),
    /// See whether a supervisor answers
    Ping,
    /// Say whether the file is a good one, and what it would change
    Check(Check),
    /// Make what runs what the file says, and wait until it is true
    Apply(Apply),
    /// Show the profile in force, or switch to another one, in the file too
    Profile(Profile),
    /// Apply the file, and restart what it leaves as it is; brings the supervisor up if none runs
    #[command(name = "startOrRestart", visible_alias = "start-or-restart")]
    StartOrRestart(File),
    /// Apply the file, and reload what it leaves as it is; brings the supervisor up if none runs
    #[command(name = "startOrReload", visible_alias = "start-or-reload")]
    StartOrReload(File),
    /// Write an ecosystem.toml to begin with
    #[command(visible_alias = "ecosystem")]
    Init(Init),
    /// Carry a PM2 file over: ecosystem.config.js, .cjs, .mjs, .json or .yml
    Import(Import),
    /// Make the certificate with which the hub speaks HTTPS, and the authority that signs it
    ///
    /// What is good is left as it is, so it may be run at any time; a month before the certificate ends, it makes another one of
    /// the same authority, which devices trust already. A cert.pem and key.pem of your own are used as they are and never
    /// touched.
    Certs(Certs),
    /// Have systemd start everything when the machine starts
    Startup(Startup),
    /// Undo `startup`
    Unstartup(Unstartup),
    /// Print a script that completes these commands in a shell
    Completion(Completion),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    /// The width at which help is drawn here.
    const WIDTH: usize = 100;

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_verb_explains_itself() {
        let mut command = Arguments::command().term_width(WIDTH);
        command.build();
        insta::assert_snapshot!("help", command.render_long_help());
        for verb in command.get_subcommands_mut() {
            if verb.get_name() != "help" {
                let name = format!("help_{}", verb.get_name());
                insta::assert_snapshot!(name, verb.clone().term_width(WIDTH).render_long_help());
            }
        }
    }
}
