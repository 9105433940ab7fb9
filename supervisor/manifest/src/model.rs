//! What a file asks for, with every default filled in.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use lifecycle::Policy;

/// What one profile of an `ecosystem.toml` asks for.
///
/// Names are unique, dependencies exist in the profile and form no cycle, and no two apps share an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The file, as it was given to [`parse`](crate::parse).
    pub path: PathBuf,
    /// The file's folder: what relative paths are relative to.
    pub folder: PathBuf,
    /// The profile in force; [`Manifest::DEFAULT_PROFILE`] if nothing names one.
    pub profile: String,
    /// The apps of the profile, in the order of the file.
    pub apps: Vec<App>,
}

impl Manifest {
    /// The profile in force when nothing names one.
    pub const DEFAULT_PROFILE: &str = "default";

    /// The app of this name.
    #[must_use]
    pub fn app(&self, name: &str) -> Option<&App> {
        self.apps.iter().find(|app| app.name == name)
    }
}

/// One `[[apps]]` table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct App {
    /// Its place in the file among the apps of all profiles, from 0: PM2's `pm_id`. Stays the same at a profile switch.
    pub id: u32,
    /// Unique in the file; the script's name without its ending unless set.
    pub name: String,
    /// `default` unless set.
    pub namespace: String,
    /// The program as it was written: a path relative to the folder, an absolute path, or a bare name.
    pub script: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// What runs the script; `"none"` runs it directly. `None` means by what the script is.
    pub interpreter: Option<String>,
    /// Between the interpreter and the script.
    pub interpreter_args: Vec<String>,
    /// Working directory, absolute if the file's path is; the file's folder unless set.
    pub cwd: PathBuf,
    /// `env` with `env_<profile>` over it, and `PORT` from `port` unless they name one.
    pub env: BTreeMap<String, String>,
    /// A file of `NAME=value` lines that `env` is laid over.
    pub env_file: Option<PathBuf>,
    /// Sockets that are held for it and lent.
    pub listen: Vec<Address>,
    /// The port that it is told to open itself.
    pub port: Option<u16>,
    /// Names of the apps that must be ready before it starts; all of them are in the manifest.
    pub depends_on: Vec<String>,
    /// When it counts as online.
    pub ready: Ready,
    /// How it is started, stopped and restarted.
    pub policy: Policy,
    /// What asks it to stop.
    pub kill_signal: StopSignal,
    /// Where its standard output goes.
    pub out_file: PathBuf,
    /// Where its standard error goes.
    pub error_file: PathBuf,
    /// A log file that grows beyond this many bytes is rotated.
    pub log_max_size: u64,
    /// The profiles that it runs in; none means all.
    pub profiles: Vec<String>,
}

/// When an app counts as online.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ready {
    /// As soon as it was executed.
    #[default]
    None,
    /// When it said so, through its ready pipe, Node's IPC channel or `sd_notify`.
    Pipe,
}

/// An address to listen on. Written `HOST:PORT`, with an IPv6 host in brackets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(pub SocketAddr);

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A signal that can ask a program to stop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StopSignal {
    /// `SIGHUP`
    Hangup,
    /// `SIGINT`: Ctrl-C, and PM2's own.
    Interrupt,
    /// `SIGQUIT`
    Quit,
    /// `SIGKILL`: without asking.
    Kill,
    /// `SIGUSR1`
    User1,
    /// `SIGUSR2`
    User2,
    /// `SIGTERM`
    #[default]
    Terminate,
    /// `SIGWINCH`: Apache's word for a graceful stop.
    WindowChange,
}

impl StopSignal {
    /// All of them, by number.
    pub const ALL: [Self; 8] = [
        Self::Hangup,
        Self::Interrupt,
        Self::Quit,
        Self::Kill,
        Self::User1,
        Self::User2,
        Self::Terminate,
        Self::WindowChange,
    ];

    /// Its number on Linux.
    #[must_use]
    pub const fn number(self) -> i32 {
        match self {
            Self::Hangup => 1,
            Self::Interrupt => 2,
            Self::Quit => 3,
            Self::Kill => 9,
            Self::User1 => 10,
            Self::User2 => 12,
            Self::Terminate => 15,
            Self::WindowChange => 28,
        }
    }

    /// Its name, as in `kill -l` with `SIG` before it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hangup => "SIGHUP",
            Self::Interrupt => "SIGINT",
            Self::Quit => "SIGQUIT",
            Self::Kill => "SIGKILL",
            Self::User1 => "SIGUSR1",
            Self::User2 => "SIGUSR2",
            Self::Terminate => "SIGTERM",
            Self::WindowChange => "SIGWINCH",
        }
    }
}
