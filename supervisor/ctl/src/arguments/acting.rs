//! The arguments of verbs that change what runs.

use std::path::PathBuf;

use clap::Args;
use nix::sys::signal::Signal;

/// The largest number of a signal on Linux.
const LAST_SIGNAL: u8 = 64;

/// Apps, and whether to wait.
#[derive(Args)]
pub struct Act {
    /// Names, ids or namespaces
    #[arg(value_name = "APP")]
    pub apps: Vec<String>,
    /// Do not wait until it is true
    #[arg(long)]
    pub no_wait: bool,
    /// Needless: the environment is always computed afresh
    #[arg(long, hide = true)]
    pub update_env: bool,
}

/// `restart`
#[derive(Args)]
pub struct Restart {
    /// Which apps, and whether to wait
    #[command(flatten)]
    pub act: Act,
    /// Restart whatever depends on them too
    #[arg(long)]
    pub with_dependants: bool,
}

/// `delete`
#[derive(Args)]
pub struct Delete {
    /// Names, ids, namespaces or all
    #[arg(value_name = "APP", required = true)]
    pub apps: Vec<String>,
    /// Do not wait until it is true
    #[arg(long)]
    pub no_wait: bool,
}

/// Apps, and nothing to wait for.
#[derive(Args)]
pub struct Targets {
    /// Names, ids or namespaces
    #[arg(value_name = "APP")]
    pub apps: Vec<String>,
}

/// `scale`
#[derive(Args)]
pub struct Scale {
    /// Its name, or the id of one of its instances
    #[arg(value_name = "APP")]
    pub app: String,
    /// So many in all, or so many more (+N) or fewer (-N)
    #[arg(value_name = "N|+N|-N", allow_hyphen_values = true, value_parser = instances)]
    pub instances: String,
    /// Do not wait until it is true
    #[arg(long)]
    pub no_wait: bool,
}

/// `send-signal`
#[derive(Args)]
pub struct SendSignal {
    /// Its name, with SIG or without, or its number
    #[arg(value_name = "SIGNAL", value_parser = signal)]
    pub signal: String,
    /// Names, ids or namespaces
    #[arg(value_name = "APP", required = true)]
    pub apps: Vec<String>,
}

/// `upgrade`
#[derive(Args)]
pub struct Upgrade {
    /// The new betti-supervisor; the file that the running one was started from unless given, which may be a new one
    #[arg(value_name = "PATH")]
    pub program: Option<PathBuf>,
}

/// `startOrRestart` and `startOrReload`
#[derive(Args)]
pub struct File {
    /// The ecosystem.toml; the one here or in a folder above unless given
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// The profile to run, instead of the one that the file names
    #[arg(long, visible_alias = "env", value_name = "PROFILE")]
    pub profile: Option<String>,
    /// Do not wait until it is true
    #[arg(long)]
    pub no_wait: bool,
    /// Needless: the environment is always computed afresh
    #[arg(long, hide = true)]
    pub update_env: bool,
}

/// `N`, `+N` or `-N`.
fn instances(written: &str) -> Result<String, String> {
    let digits = written.strip_prefix(['+', '-']).unwrap_or(written);
    match digits.parse::<u32>() {
        Ok(_) if digits.bytes().all(|byte| byte.is_ascii_digit()) => Ok(written.to_owned()),
        _ => Err("write 3 for three in all, +1 for one more, -1 for one fewer".into()),
    }
}

/// `SIGHUP`, `hup` or `1`, written as the first.
fn signal(written: &str) -> Result<String, String> {
    if written.parse::<u8>().is_ok_and(|number| (1..=LAST_SIGNAL).contains(&number)) {
        return Ok(written.to_owned());
    }
    let name = written.to_ascii_uppercase();
    let name = if name.starts_with("SIG") { name } else { format!("SIG{name}") };
    match name.parse::<Signal>() {
        Ok(_) => Ok(name),
        Err(_) => Err("there is no such signal: `kill -l` lists them".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instances_are_a_number_with_or_without_a_sign() {
        for good in ["0", "3", "+1", "-2"] {
            assert_eq!(instances(good).as_deref(), Ok(good));
        }
        for bad in ["", "+", "-", "--1", "+-1", "max", "1.5", "99999999999"] {
            assert!(instances(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_signal_is_a_name_or_a_number() {
        for (written, meant) in [("SIGHUP", "SIGHUP"), ("hup", "SIGHUP"), ("Usr1", "SIGUSR1"), ("1", "1"), ("64", "64")]
        {
            assert_eq!(signal(written).as_deref(), Ok(meant));
        }
        for bad in ["", "0", "65", "SIGNOSUCH", "api"] {
            assert!(signal(bad).is_err(), "{bad}");
        }
    }
}
