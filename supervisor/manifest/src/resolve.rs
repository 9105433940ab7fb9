//! From what was written to what it means in one profile, with every default filled in.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use lifecycle::Policy;

use crate::diagnostic::Mistake;
use crate::model::{App, Check, Health, Instances, LogFormat, Ready, Url, Watch};
use crate::url::Target;
use crate::value::{Environment, Placed};
use crate::written::{LogType, Written};
use crate::{limits, name, probe, stamp, watch};

/// The namespace of apps that name none, as in PM2.
const DEFAULT_NAMESPACE: &str = "default";
/// Folder of the log files that are not named.
const LOGS: &str = "logs";
/// When a log file is rotated, unless said otherwise.
const LOG_MAX_SIZE: u64 = 10 << 20;
/// PM2's word for a log that is thrown away, besides `/dev/null`.
const NO_LOG: &str = "NULL";
const NOWHERE: &str = "/dev/null";
/// PM2's variable for the number of an instance.
const INSTANCE_VAR: &str = "NODE_APP_INSTANCE";
/// Pause between two health checks, unless said otherwise.
const HEALTH_INTERVAL: Duration = Duration::from_secs(10);
/// How long a health check may take, unless said otherwise.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(5);
/// How many health checks may fail in a row, unless said otherwise: one lost packet restarts nothing.
const HEALTH_THRESHOLD: u32 = 3;

/// Gives apps without a name the one of their script, and notes what cannot be without one.
pub(crate) fn settle_name(written: &mut Written, mistakes: &mut Vec<Mistake>) {
    let Some(script) = &written.script else { return };
    if written.name.is_some() {
        return;
    }
    let name = name_of_script(script.get_ref());
    match name::fault(&name) {
        None if !name.is_empty() => written.name = Some(Placed::new(script.span(), name)),
        _ => mistakes.push(Mistake::new(script.span(), "this app needs a `name`, as its script's cannot be one")),
    }
}

/// The script's file name without its ending, as PM2 has it; of a shell command, that of its first word.
pub(crate) fn name_of_script(script: impl AsRef<str>) -> String {
    let program = script.as_ref().split_whitespace().next().unwrap_or_default();
    let stem = Path::new(program).file_stem().unwrap_or_default();
    stem.to_string_lossy().into_owned()
}

/// PM2's rule: a space in the script makes it a command for bash.
pub(crate) fn is_shell_command(written: &Written) -> bool {
    let script = written.script.as_ref().map_or("", |script| script.get_ref());
    written.interpreter.is_none() && script.contains(char::is_whitespace)
}

/// The app in this profile; `None` if it lacks a name or script, which is noted elsewhere.
pub(crate) fn app(id: u32, written: &Written, folder: &Path, profile: &str) -> Option<App> {
    let name = written.name.as_ref()?.get_ref().clone();
    let (script, args) = program(written)?;
    let cwd = written.cwd.as_ref().map_or_else(|| folder.to_owned(), |cwd| within(folder, cwd));
    let out_file = log_file(written, written.out_file.as_ref(), folder, &format!("{name}-out.log"));
    let error_file = log_file(written, written.error_file.as_ref(), folder, &format!("{name}-error.log"));
    Some(App {
        id,
        namespace: written.namespace.clone().unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned()),
        script,
        args,
        interpreter: written.interpreter.clone(),
        interpreter_args: written.interpreter_args.clone().unwrap_or_default(),
        env: environment(written, profile),
        env_file: written.env_file.as_ref().map(|file| within(folder, file)),
        listen: written.listen.iter().map(|address| *address.get_ref()).collect(),
        port: written.port.as_ref().map(|port| *port.get_ref()),
        depends_on: distinct(&written.depends_on),
        ready: readiness(written),
        policy: policy(written),
        kill_signal: written.kill_signal.unwrap_or_default(),
        shutdown_with_message: written.shutdown_with_message.as_ref().is_some_and(|wanted| *wanted.get_ref()),
        instances: written.instances.as_ref().map_or(Instances::Count(1), |instances| *instances.get_ref()),
        instance_var: written.instance_var.clone().unwrap_or_else(|| INSTANCE_VAR.to_owned()),
        autostart: written.autostart.unwrap_or(true),
        max_memory_restart: written.max_memory_restart,
        cron_restart: written.cron_restart.clone(),
        watch: watched(written, folder, &cwd, [&out_file, &error_file]),
        health: written.health.as_ref().and_then(|health| checked(written, health.get_ref())),
        watchdog: written.watchdog,
        user: written.user.clone(),
        group: written.group.clone(),
        rlimits: written.rlimits.clone(),
        nice: written.nice,
        oom_score_adj: written.oom_score_adj.or(written.priority).unwrap_or(limits::OOM_SCORE_NORMAL),
        merge_logs: written.merge_logs.unwrap_or(false),
        log_format: log_format(written),
        cwd,
        out_file,
        error_file,
        log_max_size: written.log_max_size.unwrap_or(LOG_MAX_SIZE),
        profiles: distinct(&written.profiles),
        name,
    })
}

fn program(written: &Written) -> Option<(String, Vec<String>)> {
    let script = written.script.as_ref()?.get_ref().clone();
    Some(match is_shell_command(written) {
        true => ("bash".to_owned(), vec!["-c".to_owned(), script]),
        false => (script, written.args.as_ref().map(|args| args.get_ref().clone()).unwrap_or_default()),
    })
}

fn environment(written: &Written, profile: &str) -> Environment {
    let mut environment = written.env.clone();
    environment.extend(written.overlays.get(profile).cloned().unwrap_or_default());
    if let Some(port) = &written.port {
        environment.entry("PORT".to_owned()).or_insert_with(|| port.get_ref().to_string());
    }
    environment
}

fn readiness(written: &Written) -> Ready {
    let asked = written.wait_ready.as_ref().is_some_and(|wait_ready| *wait_ready.get_ref());
    match written.ready.as_ref().map(Placed::get_ref) {
        None if asked => Ready::Pipe,
        None | Some(probe::Ready::None) => Ready::None,
        Some(probe::Ready::Pipe) => Ready::Pipe,
        Some(probe::Ready::Tcp(address)) => Ready::Tcp(*address),
        // A path without a port is a mistake that is noted elsewhere.
        Some(probe::Ready::Http(target)) => url(written, target).map_or(Ready::None, Ready::Http),
        Some(probe::Ready::Log(text)) => Ready::Log(text.clone()),
    }
}

fn checked(written: &Written, health: &probe::Health) -> Option<Health> {
    let check = match &health.check {
        probe::Check::Tcp(address) => Check::Tcp(*address),
        probe::Check::Http(target) => Check::Http(url(written, target)?),
        probe::Check::Exec(words) => Check::Exec(words.clone()),
    };
    Some(Health {
        check,
        interval: health.interval.unwrap_or(HEALTH_INTERVAL),
        timeout: health.timeout.unwrap_or(HEALTH_TIMEOUT),
        threshold: health.threshold.unwrap_or(HEALTH_THRESHOLD),
        grace: health.grace.unwrap_or_default(),
    })
}

/// The whole address; `None` if it is a path and it is not clear on which port.
fn url(written: &Written, target: &Target) -> Option<Url> {
    match target {
        Target::Whole(url) => Some(url.clone()),
        Target::Path(path) => {
            let address = own_address(written)?;
            Some(Url { host: address.ip().to_string(), port: address.port(), path: path.clone() })
        }
    }
}

/// Where an app answers itself: at its one held socket, else at its port on this machine.
pub(crate) fn own_address(written: &Written) -> Option<SocketAddr> {
    match (written.listen.as_slice(), &written.port) {
        ([only], _) => Some(reachable(only.get_ref().0)),
        ([], Some(port)) => Some(SocketAddr::from((Ipv4Addr::LOCALHOST, *port.get_ref()))),
        _ => None,
    }
}

/// Nobody is called "everywhere": what listens there is reached on this machine.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

fn watched(written: &Written, folder: &Path, cwd: &Path, logs: [&Path; 2]) -> Option<Watch> {
    let paths = match written.watch.as_ref()? {
        watch::Written::Off => return None,
        watch::Written::WorkingDirectory => vec![cwd.to_owned()],
        watch::Written::Paths(paths) => paths.iter().map(|path| within(cwd, path)).collect(),
    };
    let seen = watch::Seen { folder, cwd, logs };
    Some(watch::resolve(paths, &written.ignore_watch, written.watch_delay, &seen))
}

fn log_file(written: &Written, file: Option<&Placed<String>>, folder: &Path, otherwise: &str) -> PathBuf {
    match file.map(|file| file.get_ref().as_str()) {
        _ if is_silent(written) => PathBuf::from(NOWHERE),
        Some(NO_LOG) => PathBuf::from(NOWHERE),
        Some(file) => within(folder, file),
        None => folder.join(LOGS).join(otherwise),
    }
}

/// Whether its logs are thrown away, both of them.
pub(crate) fn is_silent(written: &Written) -> bool {
    written.disable_logs.as_ref().is_some_and(|disabled| *disabled.get_ref())
}

fn log_format(written: &Written) -> LogFormat {
    let pattern = written.log_date_format.clone().or_else(|| written.time?.then(|| stamp::TIME.to_owned()));
    match (written.log_type, pattern) {
        (Some(LogType::Json), pattern) => LogFormat::Json { pattern },
        (Some(LogType::Raw) | None, Some(pattern)) => LogFormat::Stamped(pattern),
        (Some(LogType::Raw) | None, None) => LogFormat::Raw,
    }
}

fn policy(written: &Written) -> Policy {
    let default = Policy::default();
    // PM2: a first delay that then grows. Here delays grow anyway, so zero is what asks for a constant one.
    let growing = written.exp_backoff_restart_delay;
    let first_delay = growing.filter(|delay| !delay.is_zero());
    Policy {
        listen_timeout: written.listen_timeout.unwrap_or(default.listen_timeout),
        kill_timeout: written.kill_timeout.unwrap_or(default.kill_timeout),
        min_uptime: written.min_uptime.unwrap_or(default.min_uptime),
        restart_delay: first_delay.or(written.restart_delay).unwrap_or(default.restart_delay),
        backoff: growing != Some(Duration::ZERO),
        max_restarts: written.max_restarts.unwrap_or(default.max_restarts),
        autorestart: written.autorestart.unwrap_or(default.autorestart),
        stop_exit_codes: written.stop_exit_codes.clone(),
    }
}

/// Each name once, in the order written.
fn distinct(names: &[Placed<String>]) -> Vec<String> {
    let mut distinct: Vec<String> = Vec::new();
    for name in names.iter().map(Placed::get_ref) {
        if !distinct.contains(name) {
            distinct.push(name.clone());
        }
    }
    distinct
}

/// The path seen from the folder, without `.` and without needless `..`, so that messages stay readable.
fn within(folder: &Path, path: &str) -> PathBuf {
    let mut tidy = PathBuf::new();
    for component in folder.join(path).components() {
        match component {
            Component::CurDir => {}
            other => tidy.push(other),
        }
    }
    tidy
}
