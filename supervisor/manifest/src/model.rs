//! What a file asks for, with every default filled in.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

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
    /// How many `[[apps]]` there are, in all profiles: ids are less than this.
    pub apps_in_file: u32,
    /// Id and name of the apps of all profiles, in the order of the file.
    pub roster: Vec<(u32, String)>,
    /// Whether the clock is believed although the kernel was never told that it is right; else `cron_restart` waits.
    pub trusts_clock: bool,
    /// How many bytes the log files of all apps may take together, with the rotated ones.
    pub log_max_total: u64,
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
    /// Whether they are lent in non-blocking mode, to a program that takes that for granted (systemd's `NonBlocking=`).
    pub listen_nonblocking: bool,
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
    /// Whether a Node app is asked to stop by the message `shutdown` on its channel, and not by the signal.
    pub shutdown_with_message: bool,
    /// How many processes of it run; 1 unless set. `"max"` is [`Instances::EveryProcessor`].
    pub instances: Instances,
    /// The variable that tells an instance its number, from 0.
    pub instance_var: String,
    /// Whether it is started with the others; else it waits for `betti-ctl start`.
    pub autostart: bool,
    /// Restarted when its whole tree uses more memory than so many bytes (PSS).
    pub max_memory_restart: Option<u64>,
    /// Restarted (or run again) at these times.
    pub cron_restart: Option<Cron>,
    /// Restarted when these files change.
    pub watch: Option<Watch>,
    /// Restarted when this check fails too often in a row.
    pub health: Option<Health>,
    /// Restarted when it does not send `WATCHDOG=1` at least this often.
    pub watchdog: Option<Duration>,
    /// The user that it runs as, a name or a number; the keeper's own unless set.
    pub user: Option<String>,
    /// The group that it runs as, a name or a number; the user's own unless set.
    pub group: Option<String>,
    /// Resource limits, each resource once.
    pub rlimits: Vec<Rlimit>,
    /// Scheduling priority, -20 to 19.
    pub nice: Option<i32>,
    /// What the kernel adds to its badness when memory runs out, -1000 to 1000; follows from `priority` (500 low,
    /// 200 normal, 0 high) unless set.
    pub oom_score_adj: i32,
    /// Where its standard output goes.
    pub out_file: PathBuf,
    /// Where its standard error goes.
    pub error_file: PathBuf,
    /// Whether all instances write to the same pair of files; else those after the first have files of their own.
    pub merge_logs: bool,
    /// What a line in the files looks like.
    pub log_format: LogFormat,
    /// A log file that grows beyond this many bytes is rotated.
    pub log_max_size: u64,
    /// A log file whose first line is older than this is rotated.
    pub log_max_age: Option<Duration>,
    /// How many rotated files are kept of each log file.
    pub log_keep: u32,
    /// How many bytes its log files may take together, with the rotated ones.
    pub log_max_total: Option<u64>,
    /// The profiles that it runs in; none means all.
    pub profiles: Vec<String>,
}

impl App {
    /// How many rotated files are kept of each log file, unless said otherwise.
    pub const LOG_KEEP: u32 = 5;

    /// The port that each of its processes opens by itself; with a held one, `port` is no more than a hint.
    #[must_use]
    pub fn port_of_its_own(&self) -> Option<u16> {
        self.port.filter(|_| self.listen.iter().all(|address| address.port().is_none()))
    }
}

/// When an app counts as online.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Ready {
    /// As soon as it was executed.
    #[default]
    None,
    /// When it said so, through its ready pipe, Node's IPC channel or `sd_notify`.
    Pipe,
    /// When a connection to this address is accepted.
    Tcp(SocketAddr),
    /// When this URL is answered with a status from 200 to 399.
    Http(Url),
    /// When a line of its output contains this text.
    Log(String),
}

/// A plain HTTP address that is asked for: `http://HOST:PORT/PATH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    /// Where to connect to: an address (IPv6 without brackets), or a name that is looked up when it is asked.
    pub host: String,
    /// 80 unless written.
    pub port: u16,
    /// From the slash on, with the query.
    pub path: String,
}

impl Url {
    /// `HOST:PORT` as the header `Host` has it, with an IPv6 host in brackets.
    #[must_use]
    pub fn authority(&self) -> String {
        match self.host.contains(':') {
            true => format!("[{}]:{}", self.host, self.port),
            false => format!("{}:{}", self.host, self.port),
        }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}{}", self.authority(), self.path)
    }
}

/// How many processes of an app run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instances {
    /// So many, at least one.
    Count(u32),
    /// As many as there are processors, less this many; at least one. PM2's `"max"`, `0` and `-1`.
    EveryProcessor {
        /// How many processors are spared.
        less: u32,
    },
}

/// `4`, `max` or `max - 1`
impl fmt::Display for Instances {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::EveryProcessor { less: 0 } => f.write_str("max"),
            Self::EveryProcessor { less } => write!(f, "max - {less}"),
        }
    }
}

/// A regular check of an app that is online.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// What is tried.
    pub check: Check,
    /// From one check's end to the next one's beginning.
    pub interval: Duration,
    /// How long one may take.
    pub timeout: Duration,
    /// It is unhealthy when so many fail in a row.
    pub threshold: u32,
    /// Failures this soon after it became ready do not count.
    pub grace: Duration,
}

/// What a health check tries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Check {
    /// A connection to this address is accepted.
    Tcp(SocketAddr),
    /// This URL is answered with a status from 200 to 399.
    Http(Url),
    /// This program ends with code 0; run in the app's folder, environment and user. The first word is the program.
    Exec(Vec<String>),
}

/// When an app is restarted by the clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cron {
    /// Five fields, or six with seconds first; known to be a good pattern.
    pub pattern: String,
    /// An IANA zone that is known to exist; the system's (or `TZ`'s) unless set.
    pub zone: Option<String>,
}

/// Which files' changes restart an app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watch {
    /// Files and folders, absolute if the file's path is; a folder with all below it.
    pub paths: Vec<PathBuf>,
    /// Patterns of what is passed over, gitignore's syntax, seen from `cwd`.
    pub ignore: Vec<String>,
    /// How long it has to be quiet after a change.
    pub delay: Duration,
}

/// A resource limit of every process of an app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rlimit {
    /// Which one, as `setrlimit(2)` has it, in lower case and without `RLIMIT_`: `nofile`, `core`, …
    pub resource: &'static str,
    /// The limit in force; `None` is unlimited.
    pub soft: Option<u64>,
    /// How far it may be raised; `None` is unlimited.
    pub hard: Option<u64>,
}

/// What a line in a log file looks like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// As the app wrote it.
    #[default]
    Raw,
    /// After the time, written as this `strftime` pattern says.
    Stamped(String),
    /// As PM2's `log_type = "json"`: an object with `message`, `timestamp`, `type`, `process_id` and `app_name`.
    Json {
        /// How `timestamp` is written, a `strftime` pattern; ISO 8601 unless set.
        pattern: Option<String>,
    },
}

/// An address to listen on, spelt in one way however it was written: two that are the same are equal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Address {
    /// Connections: `HOST:PORT`, with an IPv6 host in brackets.
    Tcp(SocketAddr),
    /// Datagrams: `udp:HOST:PORT`.
    Udp(SocketAddr),
    /// Connections at a file, absolute if the file's path is: `unix:PATH`.
    Unix(PathBuf),
}

impl Address {
    /// Where TCP connections are made to.
    #[must_use]
    pub fn tcp(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(address) => Some(*address),
            Self::Udp(_) | Self::Unix(_) => None,
        }
    }

    /// Its port, if it has one.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        match self {
            Self::Tcp(address) | Self::Udp(address) => Some(address.port()),
            Self::Unix(_) => None,
        }
    }

    /// Whether only one of them can be held at a time.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        let everywhere = |address: SocketAddr| address.ip().is_unspecified();
        match (self, other) {
            (Self::Tcp(one), Self::Tcp(other)) | (Self::Udp(one), Self::Udp(other)) => {
                one.port() == other.port() && (one.ip() == other.ip() || everywhere(*one) || everywhere(*other))
            }
            (Self::Unix(one), Self::Unix(other)) => one == other,
            (Self::Tcp(_) | Self::Udp(_) | Self::Unix(_), _) => false,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Udp(address) => write!(f, "udp:{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
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
