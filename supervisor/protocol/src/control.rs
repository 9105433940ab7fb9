//! What `betti-ctl` and the supervisor say to each other: HTTP and JSON over the Unix socket
//! [`CONTROL_SOCKET`](crate::place::CONTROL_SOCKET).
//!
//! | method and path | asks | answers |
//! |---|---|---|
//! | `GET /v1/status` | | [`Status`] |
//! | `GET /v1/watch?after=N` | waits until the sequence is not `N` any more, at most [`LONGEST_WATCH_MS`]; without `after` not at all | [`Watch`] |
//! | `GET /v1/describe?target=T&target=U` | | list of [`Description`] |
//! | `GET /v1/why?target=T&target=U` | | list of [`Why`] |
//! | `GET /v1/ping` | | [`Pong`] |
//! | `GET /v1/logs` | | list of [`LogSource`] |
//! | `GET /metrics` | a form by `Accept`: [`Format`](crate::metrics::Format) | text, OpenMetrics or a list of [`Family`] |
//! | `POST /v1/start`, `/v1/stop`, `/v1/restart`, `/v1/reload`, `/v1/delete`, `/v1/reset` | [`Targets`] | [`Accepted`] |
//! | `POST /v1/scale` | [`Scale`] | [`Accepted`]: those that come, and those that go |
//! | `POST /v1/signal` | [`SendSignal`] | [`Accepted`]: those that were signalled |
//! | `POST /v1/flush` | [`Targets`] | [`Flushed`] |
//! | `POST /v1/reload-logs` | | `{}`: files that somebody put aside are opened anew |
//! | `POST /v1/run` | [`Run`] | [`Accepted`] |
//! | `POST /v1/apply` | [`Apply`] | [`Applied`] |
//! | `POST /v1/upgrade` | [`Upgrade`] | [`Upgrading`]; the supervisor then makes room for another one |
//! | `POST /v1/kill` | | `{}`; the keeper leaves when everything is stopped |
//!
//! A body that is left out means the same as `{}`: every app, or the file as it is.
//!
//! An act is answered as soon as it is decided; whether it came true is seen by watching. So a caller loses nothing
//! when the supervisor is replaced in between: it asks the next one.
//!
//! Everything refused is answered with a [`Refusal`]: 400 not understood, 404 no such path or no such app, 409 another file or a
//! conflict with what runs or a program that cannot take over, 422 a file with mistakes, 500 a log file that cannot be emptied or opened, 503 the supervisor is
//! being replaced: ask again.

use serde::{Deserialize, Serialize};

/// Header that names the caller's `ecosystem.toml`, an absolute path; one that is not the supervisor's own is refused.
pub const CONFIG_HEADER: &str = "betti-config";
/// How long `GET /v1/watch` waits for news, in milliseconds.
pub const LONGEST_WATCH_MS: u64 = 20_000;
/// The largest request body, in bytes.
pub const LONGEST_BODY: usize = 64 * 1024;

/// What runs, and how it fares.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The process that holds everything.
    pub keeper: Keeper,
    /// The process that answers.
    pub supervisor: Supervisor,
    /// The profile in force.
    pub profile: String,
    /// Every app of the profile, those that are in no file, and those on their way out, by id; each instance is one.
    pub apps: Vec<App>,
    /// What the operator should know of the file: that it is broken and the last good one is in force, or that another
    /// profile did not become ready and the last good one came back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<String>,
}

/// The keeper's process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keeper {
    /// Its pid.
    pub pid: i32,
}

/// The supervisor's process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Supervisor {
    /// Its pid.
    pub pid: i32,
    /// Its version.
    pub version: String,
}

/// One app.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct App {
    /// PM2's number for it: from 0, by its place in the file when it came; stays with it however the file is edited, and is the
    /// same in every profile. Further instances and apps that are in no file come after those.
    pub id: u32,
    /// Its name.
    pub name: String,
    /// Its namespace, `default` unless set.
    pub namespace: String,
    /// What it is doing.
    pub status: Word,
    /// Why it is not online; stays until the next ready.
    pub reason: Option<String>,
    /// Its first process, while one runs.
    pub pid: Option<i32>,
    /// Since the running process was spawned, in milliseconds.
    pub uptime_ms: Option<u64>,
    /// From spawned to ready, of the run that is or was last ready, in milliseconds.
    pub ready_ms: Option<u64>,
    /// How often it was started again.
    pub restarts: u64,
    /// Of one core, over the last measuring interval, of the whole tree.
    pub cpu_percent: f64,
    /// Resident memory of the whole tree, in bytes.
    pub memory_bytes: u64,
    /// How the last finished run ended.
    pub exit: Option<Exit>,
    /// What the running process says of itself (`sd_notify`'s `STATUS=`), if it says anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub says: Option<String>,
    /// Which instance of its app this is, from 0, if the app has more than one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<u32>,
    /// The user that it runs as, if that is not the keeper's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Whether changes of files restart it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub watching: bool,
}

/// Status words: PM2's, and two of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Word {
    /// Ready.
    #[serde(rename = "online")]
    Online,
    /// Spawned, not ready.
    #[serde(rename = "launching")]
    Launching,
    /// Told to stop, not gone.
    #[serde(rename = "stopping")]
    Stopping,
    /// Gone, as wanted.
    #[serde(rename = "stopped")]
    Stopped,
    /// Failed, and not to be retried.
    #[serde(rename = "errored")]
    Errored,
    /// Failed, to be retried soon.
    #[serde(rename = "waiting restart")]
    WaitingRestart,
    /// Held back by a dependency that is not ready.
    #[serde(rename = "waiting")]
    Waiting,
    /// Failed too often, retried slowly.
    #[serde(rename = "cooling")]
    Cooling,
}

impl Word {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Online,
        Self::Launching,
        Self::Stopping,
        Self::Stopped,
        Self::Errored,
        Self::WaitingRestart,
        Self::Waiting,
        Self::Cooling,
    ];

    /// The word as PM2 prints it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::Launching => "launching",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::Errored => "errored",
            Self::WaitingRestart => "waiting restart",
            Self::Waiting => "waiting",
            Self::Cooling => "cooling",
        }
    }
}

/// How a run ended, with names instead of numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Exit {
    /// `{"code":1}`
    Code {
        /// What it returned.
        code: i32,
    },
    /// `{"signal":"SIGSEGV","core_dumped":false}`
    Signal {
        /// The signal's name.
        signal: String,
        /// Whether the kernel wrote a core file.
        core_dumped: bool,
    },
    /// `{"out_of_memory":true}`
    OutOfMemory {
        /// Always true.
        out_of_memory: bool,
    },
    /// `{"not_spawned":"ENOENT"}`
    NotSpawned {
        /// The errno's name.
        not_spawned: String,
    },
}

/// A status with what a caller needs to see whether its request came true.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Watch {
    /// Changes whenever anything below does, apart from times and measurements. Differs between supervisors.
    pub sequence: u64,
    /// Whether the whole hub is on its way out.
    pub leaving: bool,
    /// As of now.
    pub status: Status,
    /// Runs and wishes, by app, in the order of `status.apps`.
    pub runs: Vec<Runs>,
}

/// The runs of one app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Runs {
    /// The app's id.
    #[serde(default)]
    pub id: u32,
    /// The app's name.
    pub name: String,
    /// Whether it is wanted up.
    pub wanted: bool,
    /// The newest run, finished or not.
    pub newest: Option<u64>,
    /// The newest run that is finished: every process of it gone.
    pub finished: Option<u64>,
    /// The apps that it waits for, by name: those that are not ready.
    pub waits_for: Vec<String>,
    /// The apps that have to be gone before it starts, by name.
    #[serde(default)]
    pub follows: Vec<String>,
    /// Whether a rolling restart has still to come to it, or to its end: it runs in its new run, and only in that.
    #[serde(default)]
    pub to_be_reloaded: bool,
}

impl Runs {
    /// The apps that it waits for in either way, by name.
    #[must_use]
    pub fn held_back_by(&self) -> Vec<&str> {
        self.waits_for.iter().chain(&self.follows).map(String::as_str).collect()
    }
}

/// Which apps an act is about: names, ids, namespaces or `all`. None at all means all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Targets {
    /// As the user wrote them.
    #[serde(default)]
    pub targets: Vec<String>,
    /// `restart` only: whatever depends on them is restarted too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dependants: bool,
}

/// How many instances of an app are to run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scale {
    /// The app's name or the id of one of its instances.
    pub app: String,
    /// `N`, `+N` or `-N`.
    pub instances: String,
}

/// A signal to the first process of each of some apps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendSignal {
    /// Its name, with `SIG` or without, or its number.
    pub signal: String,
    /// As the user wrote them; at least one.
    pub targets: Vec<String>,
}

/// The log files that were emptied.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flushed {
    /// Absolute paths.
    pub files: Vec<String>,
    /// Those that could not be.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<NotFlushed>,
}

/// A log file that could not be emptied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotFlushed {
    /// Its absolute path.
    pub file: String,
    /// In words.
    pub why: String,
}

/// An app that is in no file: runs until it is deleted, or the hub is ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// One `[[apps]]` table, its paths absolute, as it would stand in the file.
    pub table: String,
}

/// Have the file applied as it is now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Apply {
    /// Only say what would happen.
    #[serde(default)]
    pub dry_run: bool,
    /// Switch to this profile, whatever the file names; until the file names another or it is switched again.
    #[serde(default)]
    pub profile: Option<String>,
}

/// What happens, or would.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    /// The profile in force before.
    pub from_profile: String,
    /// The profile in force from now on.
    pub profile: String,
    /// One an app: those that leave first, then the others in the order of the file.
    pub steps: Vec<Step>,
    /// The apps that are started or restarted by it, to be watched; none of a dry run.
    #[serde(default)]
    pub apps: Vec<AcceptedApp>,
    /// Whether the last good profile comes back if one of them does not become ready.
    #[serde(default)]
    pub on_trial: bool,
}

/// What becomes of one app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Its name.
    pub app: String,
    /// What becomes of it.
    pub what: What,
    /// Why.
    pub why: Vec<String>,
}

/// What becomes of an app when the file is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// It comes.
    Add,
    /// It leaves.
    Remove,
    /// It is restarted.
    Restart,
    /// It is looked after in another way, and runs on.
    Change,
    /// Nothing.
    Keep,
}

/// I am here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pong {
    /// The keeper's pid.
    pub keeper: i32,
    /// The supervisor's pid.
    pub supervisor: i32,
    /// Its version.
    pub version: String,
    /// The supervisor's program, an absolute path.
    #[serde(default)]
    pub program: Option<String>,
    /// That program's file: device and inode. Another one under the same path is another file.
    #[serde(default)]
    pub file: Option<String>,
}

/// Another program is to be the supervisor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upgrade {
    /// Its path, an absolute one; the one that the running supervisor was started from unless given.
    #[serde(default)]
    pub path: Option<String>,
}

/// Another program understands what runs as the running supervisor does, and takes over now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upgrading {
    /// Who makes room.
    pub from: Supervisor,
    /// The new program's path.
    pub program: String,
    /// Its version, as it says.
    pub version: String,
    /// Its file, as [`Pong::file`] will say it.
    pub file: String,
    /// Apps whose program's file was replaced since they were started, by name.
    #[serde(default)]
    pub changed: Vec<String>,
}

/// All about one app.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Description {
    /// What it is doing.
    pub app: App,
    /// What runs: the program's absolute path, if it can be found now.
    pub program: Option<String>,
    /// The script as it was written.
    pub script: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// What runs the script, if it was named.
    pub interpreter: Option<String>,
    /// Working directory.
    pub cwd: String,
    /// Where its standard output goes.
    pub out_file: String,
    /// Where its standard error goes.
    pub error_file: String,
    /// The profiles that it runs in; none means all.
    pub profiles: Vec<String>,
    /// The apps that must be ready before it starts.
    pub depends_on: Vec<String>,
    /// The addresses that are held for it.
    pub listen: Vec<String>,
    /// When it counts as ready, in words.
    pub ready: String,
    /// The rest of how it is looked after, in words, by key: only what is set.
    pub settings: Vec<(String, String)>,
    /// Failures within the last minute.
    pub recent_failures: usize,
    /// How its runs ended and how often, by reason and detail (`["code", "1", 3]`, `["asked", "", 1]`), since the hub started.
    #[serde(default)]
    pub exits: Vec<(String, String, u64)>,
    /// Health checks that failed, since the hub started.
    #[serde(default)]
    pub health_failures: u64,
    /// Whether an operator's stop holds it.
    pub held: bool,
    /// Whether it is in no file.
    pub ad_hoc: bool,
    /// The environment that a run spawned now would get, apart from what only the keeper knows.
    pub environment: Vec<(String, String)>,
    /// What of that is not what the running process was started with: name, running value, new value.
    pub divergent: Vec<(String, Option<String>, Option<String>)>,
    /// What it wrote into its logs.
    #[serde(default)]
    pub logs: Logs,
    /// When the running process was spawned, in UTC, as RFC 3339 has it: how long ago that is by a clock that nobody sets, taken
    /// from what the wall clock shows now. So it is right as soon as the clock is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    /// When the last run that ended did, in the same way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exited_at: Option<String>,
    /// [`CLOCK_NOT_SET`] while nobody keeps the wall clock right, so that no time above is to be believed; else left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<String>,
}

/// What became of an app lately.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Why {
    /// As `status` has it.
    pub app: App,
    /// Its last changes, oldest first, since the hub started.
    pub happenings: Vec<Happening>,
}

/// One change in an app's life.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Happening {
    /// When, in UTC, as RFC 3339 has it, by what the wall clock shows now.
    pub at: String,
    /// [`CLOCK_NOT_SET`] while nobody keeps the wall clock right, so that `at` is not to be believed; else left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<String>,
    /// The first digits of the boot's id.
    pub boot: String,
    /// When, in milliseconds since that boot, sleep included: true however the clock is set.
    pub after_boot_ms: u64,
    /// What it was from then on.
    pub status: Word,
    /// The run that it is about, if one was alive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<u64>,
    /// What changed and why, in words.
    pub what: String,
    /// Who brought it about.
    pub actor: Actor,
}

/// Who brings changes about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// Whoever uses `betti-ctl`, or ended the hub.
    Operator,
    /// An edit of the file.
    File,
    /// The app: it became ready, or ended by itself.
    App,
    /// The hub, as the file asks it to: a retry, a check that failed, a time that came, files that changed.
    Hub,
}

impl Actor {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::File => "file",
            Self::App => "app",
            Self::Hub => "hub",
        }
    }
}

/// What became of an app's output since the hub's start, in bytes unless said otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Logs {
    /// Written to log files.
    pub written: u64,
    /// Of that, written today, by the clock in the hub's zone.
    pub written_today: u64,
    /// Lost, because it could not be written.
    pub lost: u64,
    /// Lines whose end was lost.
    pub lost_lines: u64,
    /// What its log files take now, with all that was put aside. Files that instances share are the first one's.
    pub on_disk: u64,
    /// Which of its log files could not be written when that was last tried, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

/// What is said of times while the kernel was not told that its wall clock is right.
pub const CLOCK_NOT_SET: &str = "not set yet";

/// What an act is about, and from where on to watch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// The apps meant, by id.
    pub apps: Vec<AcceptedApp>,
}

/// An app that an act is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcceptedApp {
    /// Its id.
    pub id: u32,
    /// Its name.
    pub name: String,
    /// The newest run when the request was taken: what comes after it is the request's doing.
    pub after: u64,
    /// Whether a running process goes on, because it is what was asked for.
    pub unchanged: bool,
    /// Whether it is to leave the list.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub leaves: bool,
}

/// Where an app's output goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogSource {
    /// The app's id.
    pub id: u32,
    /// The app's name.
    pub name: String,
    /// The app's namespace.
    pub namespace: String,
    /// Where its standard output goes, an absolute path.
    pub out_file: String,
    /// Where its standard error goes, an absolute path.
    pub error_file: String,
}

/// One family of metrics, as OpenMetrics has them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Family {
    /// Its name, without the endings of its samples.
    pub name: String,
    /// `counter`, `gauge`, `histogram`, `info` or `stateset`.
    pub r#type: String,
    /// What its samples are measured in; the name ends with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// What it means.
    pub help: String,
    /// What was counted or measured.
    pub samples: Vec<Sample>,
}

/// One number of a [`Family`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// The family's name with this sample's ending.
    pub name: String,
    /// What it is about.
    pub labels: std::collections::BTreeMap<String, String>,
    /// How much.
    pub value: f64,
}

/// Why a request was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// In words, with what to do.
    pub error: String,
}
