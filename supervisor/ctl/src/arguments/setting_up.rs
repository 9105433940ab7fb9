//! The arguments of verbs that are about the file, and about the machine.

use std::path::PathBuf;

use clap::Args;

/// `apply`
#[derive(Args)]
pub struct Apply {
    /// Only say what would happen
    #[arg(long)]
    pub dry_run: bool,
    /// Switch to this profile, whatever the file names, until the file names another
    #[arg(long, value_name = "PROFILE")]
    pub profile: Option<String>,
    /// Do not wait until it is true
    #[arg(long, conflicts_with = "dry_run")]
    pub no_wait: bool,
}

/// `profile`
#[derive(Args)]
pub struct Profile {
    /// The profile to switch to; without it, the one in force is shown
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// Do not wait until it is true
    #[arg(long)]
    pub no_wait: bool,
}

/// `init`
#[derive(Args)]
pub struct Init {
    /// Where to: a folder, or a file
    #[arg(value_name = "PATH", default_value = ".")]
    pub path: PathBuf,
    /// Overwrite a file that is there
    #[arg(long)]
    pub force: bool,
}

/// `import`
#[derive(Args)]
pub struct Import {
    /// PM2's file
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Where to write the ecosystem.toml; to standard output unless given
    #[arg(short, long, value_name = "PATH")]
    pub output: Option<PathBuf>,
    /// Overwrite a file that is there
    #[arg(long)]
    pub force: bool,
}

/// `certs`
#[derive(Args)]
pub struct Certs {
    /// Where to; $BETTI_CERTS or `certs` beside the file unless given
    #[arg(long, value_name = "PATH")]
    pub folder: Option<PathBuf>,
    /// Another name or address that the hub is reached by; it is kept when the certificate is renewed
    #[arg(long = "name", value_name = "NAME")]
    pub names: Vec<String>,
    /// Make another certificate, although the present one is good
    #[arg(long)]
    pub renew: bool,
    /// Make another authority too, which every device has to trust anew
    #[arg(long)]
    pub new_authority: bool,
}

/// `startup`
#[derive(Args)]
pub struct Startup {
    /// Only print the unit
    #[arg(long)]
    pub print: bool,
    /// The user that everything is to run as; asked for unless given
    #[arg(short, long, value_name = "USER")]
    pub user: Option<String>,
    /// The unit of this service
    #[command(flatten)]
    pub unit: Unit,
}

/// `unstartup`
#[derive(Args)]
pub struct Unstartup {
    /// The unit of this service
    #[command(flatten)]
    pub unit: Unit,
}

/// Which unit.
#[derive(Args)]
pub struct Unit {
    /// What the service is called
    #[arg(long, value_name = "NAME", default_value = "betti", value_parser = service_name)]
    pub service_name: String,
    /// The folder of units, of a machine that is being built for instance; then systemd is not told
    #[arg(long, value_name = "PATH")]
    pub unit_dir: Option<PathBuf>,
}

/// `completion`
#[derive(Args)]
pub struct Completion {
    /// Which shell
    pub shell: clap_complete::Shell,
}

/// The longest name of a service: the unit's file and the runtime directory are called after it.
const LONGEST_SERVICE_NAME: usize = 64;

/// A name that is a file's name, a unit's name and a runtime directory's name at once.
fn service_name(written: &str) -> Result<String, String> {
    let name = written.strip_suffix(".service").unwrap_or(written);
    let is_good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    match name.len() {
        1..=LONGEST_SERVICE_NAME if name.bytes().all(is_good) && !name.starts_with('-') => Ok(name.to_owned()),
        _ => Err("use letters, digits, - and _".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_has_a_name_that_is_safe_everywhere() {
        assert_eq!(service_name("betti.service").as_deref(), Ok("betti"));
        assert_eq!(service_name("betti-2").as_deref(), Ok("betti-2"));
        for bad in ["", ".service", "a b", "../x", "a@b", "-x", "ä"] {
            assert!(service_name(bad).is_err(), "{bad}");
        }
    }
}
