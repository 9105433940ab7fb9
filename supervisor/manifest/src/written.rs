//! One `[[apps]]` table as it was written: keys understood, values read, nothing decided yet.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use toml::de::DeTable;

use crate::diagnostic::Mistake;
use crate::fields::Fields;
use crate::model::{Address, Cron, Instances, Rlimit, StopSignal};
use crate::value::{self, Environment, Placed, Read, Value};
use crate::{address, cron, limits, name, probe, stamp, units, watch};

/// What one table says; `None` is what it does not say, or says wrongly.
#[derive(Debug, Default)]
pub(crate) struct Written {
    /// The table's `[[apps]]`.
    pub header: Range<usize>,
    pub name: Option<Placed<String>>,
    pub namespace: Option<String>,
    pub script: Option<Placed<String>>,
    pub args: Option<Placed<Vec<String>>>,
    pub interpreter: Option<String>,
    pub interpreter_args: Option<Vec<String>>,
    pub cwd: Option<String>,
    pub env: Environment,
    /// `env_<profile>`, by profile.
    pub overlays: BTreeMap<String, Environment>,
    pub env_file: Option<String>,
    pub listen: Vec<Placed<Address>>,
    pub listen_nonblocking: Option<Placed<bool>>,
    pub port: Option<Placed<u16>>,
    pub depends_on: Vec<Placed<String>>,
    pub profiles: Vec<Placed<String>>,
    pub ready: Option<Placed<probe::Ready>>,
    pub wait_ready: Option<Placed<bool>>,
    pub listen_timeout: Option<Duration>,
    pub kill_timeout: Option<Duration>,
    pub kill_signal: Option<StopSignal>,
    pub shutdown_with_message: Option<Placed<bool>>,
    pub instances: Option<Placed<Instances>>,
    pub instance_var: Option<String>,
    pub autostart: Option<bool>,
    pub autorestart: Option<bool>,
    pub stop_exit_codes: Vec<i32>,
    pub min_uptime: Option<Duration>,
    pub max_restarts: Option<u32>,
    pub restart_delay: Option<Duration>,
    pub exp_backoff_restart_delay: Option<Duration>,
    pub max_memory_restart: Option<u64>,
    pub cron_restart: Option<Cron>,
    pub watch: Option<watch::Written>,
    pub ignore_watch: Vec<String>,
    pub watch_delay: Option<Duration>,
    pub health: Option<Placed<probe::Health>>,
    pub watchdog: Option<Duration>,
    pub user: Option<String>,
    pub group: Option<String>,
    pub rlimits: Vec<Rlimit>,
    pub nice: Option<i32>,
    pub oom_score_adj: Option<i32>,
    /// The `oom_score_adj` of the priority.
    pub priority: Option<i32>,
    pub out_file: Option<Placed<String>>,
    pub error_file: Option<Placed<String>>,
    pub merge_logs: Option<bool>,
    pub log_type: Option<LogType>,
    /// A pattern of `strftime`.
    pub log_date_format: Option<String>,
    pub time: Option<bool>,
    pub disable_logs: Option<Placed<bool>>,
    pub log_max_size: Option<u64>,
    pub log_max_age: Option<Duration>,
    pub log_keep: Option<u32>,
    pub log_max_total: Option<u64>,
}

/// PM2's words for what a line in a log file looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogType {
    Raw,
    Json,
}

/// A log file smaller than this would be rotated every few lines.
const LEAST_LOG_SIZE: u64 = 1024;
/// A log file younger than this would be put aside every few lines.
const LEAST_LOG_AGE: Duration = Duration::from_secs(60);
/// Each is renamed whenever a log is put aside.
const MOST_LOGS_KEPT: i64 = 100;
/// Fewer bytes than this are no room for a log of an app and one that was put aside.
const LEAST_LOG_TOTAL: u64 = 16 * 1024;
/// As much patience as this is needed by any program that is to become ready.
const LEAST_LISTEN_TIMEOUT: Duration = Duration::from_millis(100);
/// A watchdog that barks sooner than this would bark at a busy machine.
const LEAST_WATCHDOG: Duration = Duration::from_millis(100);
/// A program with less memory than this does not even begin; most likely a unit was forgotten.
const LEAST_MEMORY: u64 = 1 << 20;

impl Written {
    /// Whether each of its processes opens `port` by itself; with a held one it is no more than a hint.
    pub(crate) fn opens_its_port(&self) -> bool {
        self.port.is_some() && self.listen.iter().all(|address| address.get_ref().port().is_none())
    }

    /// Reads one table, adding what is wrong with it.
    pub(crate) fn read(header: Range<usize>, table: &DeTable<'_>, mistakes: &mut Vec<Mistake>) -> Self {
        let mut fields = Fields::sort(table, mistakes);
        let overlays = std::mem::take(&mut fields.overlays);
        if !fields.has("script") {
            let mistake = Mistake::new(header.clone(), "this app has no `script`");
            mistakes.push(mistake.help("say what to run: script = \"./my-program\""));
        }
        let mut from = fields.reader(mistakes);
        // Both modes are processes that share the sockets in `listen`: there is nothing to keep.
        from.read("exec_mode", limits::exec_mode);
        let codes = |value: &Value<'_>| value::list(value, exit_code);
        let names = |value: &Value<'_>| value::list(value, value::filled);
        let patterns = |value: &Value<'_>| value::list(value, watch::pattern);
        Self {
            header,
            name: from.placed("name", name::read),
            namespace: from.read("namespace", name::read),
            script: from.placed("script", value::filled),
            args: from.placed("args", value::arguments),
            interpreter: from.read("interpreter", value::filled),
            interpreter_args: from.read("interpreter_args", value::arguments),
            cwd: from.read("cwd", value::filled),
            env: from.read("env", value::environment).unwrap_or_default(),
            overlays,
            env_file: from.read("env_file", value::filled),
            listen: from.read("listen", address::listen).unwrap_or_default(),
            listen_nonblocking: from.placed("listen_nonblocking", value::boolean),
            port: from.placed("port", value::port),
            depends_on: from.read("depends_on", names).unwrap_or_default(),
            profiles: from.read("profiles", |value| value::list(value, name::profile)).unwrap_or_default(),
            ready: from.placed("ready", probe::ready),
            wait_ready: from.placed("wait_ready", value::boolean),
            listen_timeout: from.read("listen_timeout", listen_timeout),
            kill_timeout: from.read("kill_timeout", value::duration),
            kill_signal: from.read("kill_signal", value::signal),
            shutdown_with_message: from.placed("shutdown_with_message", value::boolean),
            instances: from.placed("instances", limits::instances),
            instance_var: from.read("instance_var", value::variable_name),
            autostart: from.read("autostart", value::boolean),
            autorestart: from.read("autorestart", value::boolean),
            stop_exit_codes: from.read("stop_exit_codes", codes).map(inner).unwrap_or_default(),
            min_uptime: from.read("min_uptime", value::duration),
            max_restarts: from.read("max_restarts", max_restarts),
            restart_delay: from.read("restart_delay", value::duration),
            exp_backoff_restart_delay: from.read("exp_backoff_restart_delay", value::duration),
            max_memory_restart: from.read("max_memory_restart", |value| value::size(value, LEAST_MEMORY)),
            cron_restart: from.read("cron_restart", cron::read).flatten(),
            watch: from.read("watch", watch::read),
            ignore_watch: from.read("ignore_watch", patterns).map(inner).unwrap_or_default(),
            watch_delay: from.read("watch_delay", value::duration),
            health: from.placed("health", probe::health),
            watchdog: from.read("watchdog", |value| value::duration_from(value, LEAST_WATCHDOG)),
            user: from.read("user", limits::account),
            group: from.read("group", limits::account),
            rlimits: from.read("rlimits", limits::rlimits).unwrap_or_default(),
            nice: from.read("nice", limits::nice),
            oom_score_adj: from.read("oom_score_adj", limits::oom_score_adj),
            priority: from.read("priority", limits::priority),
            out_file: from.placed("out_file", value::filled),
            error_file: from.placed("error_file", value::filled),
            merge_logs: from.read("merge_logs", value::boolean),
            log_type: from.read("log_type", log_type),
            log_date_format: from.read("log_date_format", stamp::read),
            time: from.read("time", value::boolean),
            disable_logs: from.placed("disable_logs", value::boolean),
            log_max_size: from.read("log_max_size", |value| value::size(value, LEAST_LOG_SIZE)),
            log_max_age: from.read("log_max_age", log_max_age),
            log_keep: from.read("log_keep", |value| value::count(value, 1, MOST_LOGS_KEPT)),
            log_max_total: from.read("log_max_total", log_max_total),
        }
    }
}

fn inner<T>(placed: Vec<Placed<T>>) -> Vec<T> {
    placed.into_iter().map(Placed::into_inner).collect()
}

fn exit_code(value: &Value<'_>) -> Read<i32> {
    value::integer(value, 0, 255).and_then(|code| i32::try_from(code).map_err(|_| value::wrong(value, "an exit code")))
}

fn max_restarts(value: &Value<'_>) -> Read<u32> {
    value::count(value, 0, u32::MAX.into())
}

fn log_type(value: &Value<'_>) -> Read<LogType> {
    match value::filled(value)?.as_str() {
        "raw" => Ok(LogType::Raw),
        "json" => Ok(LogType::Json),
        other => Err(Mistake::new(value.span(), format!("`{other}` is not a type of log"))
            .help("\"raw\": lines as the app writes them; \"json\": an object for each")),
    }
}

fn log_max_age(value: &Value<'_>) -> Read<Duration> {
    let age = value::age(value)?;
    match age < LEAST_LOG_AGE {
        true => Err(Mistake::new(value.span(), "this must be at least a minute").help(units::AGE_HELP)),
        false => Ok(age),
    }
}

/// What all logs of an app, or of all apps, may take.
pub(crate) fn log_max_total(value: &Value<'_>) -> Read<u64> {
    value::size(value, LEAST_LOG_TOTAL)
}

fn listen_timeout(value: &Value<'_>) -> Read<Duration> {
    let timeout = value::duration(value)?;
    match timeout < LEAST_LISTEN_TIMEOUT {
        true => Err(Mistake::new(value.span(), "no program becomes ready this fast").help("give it at least 100 ms")),
        false => Ok(timeout),
    }
}
