//! The arguments of verbs that are about copies of everything.

use std::path::PathBuf;

use clap::Args;

/// `backup`
#[derive(Args)]
pub struct Backup {
    /// The folder that the copy goes to, on a stick for instance; where the nightly ones go unless given
    #[arg(long, value_name = "DIR")]
    pub to: Option<PathBuf>,
    /// Make another key and show it: copies from now on are opened by that one only
    #[arg(long)]
    pub new_key: bool,
}

/// `restore`
#[derive(Args)]
pub struct Restore {
    /// Only say what the copy has, from when it is, and whether it is whole
    #[arg(long)]
    pub dry_run: bool,
    /// The file with the key, - for standard input; asked for unless given
    #[arg(long, value_name = "PATH")]
    pub key_file: Option<PathBuf>,
    /// The copy
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}
