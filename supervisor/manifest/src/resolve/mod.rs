//! From what was written to what it means in one profile, with every default filled in.

mod logs;
mod probes;

use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use lifecycle::Policy;

use crate::diagnostic::Mistake;
use crate::model::{App, Instances, Ready, Watch};
use crate::value::{Environment, Placed};
use crate::written::Written;
use crate::{limits, name, watch};

pub(crate) use logs::{files as log_files, is_silent};
pub(crate) use probes::own_address;

/// The namespace of apps that name none, as in PM2.
const DEFAULT_NAMESPACE: &str = "default";
/// When a log file is rotated, unless said otherwise.
const LOG_MAX_SIZE: u64 = 10 << 20;
/// PM2's variable for the number of an instance.
const INSTANCE_VAR: &str = "NODE_APP_INSTANCE";
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
    let (out_file, error_file) = logs::files(written, folder)?;
    let ready = probes::ready(written);
    let policy = policy(written, &ready);
    Some(App {
        id,
        namespace: written.namespace.clone().unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned()),
        script,
        args,
        interpreter: written.interpreter.clone(),
        interpreter_args: written.interpreter_args.clone().unwrap_or_default(),
        env: environment(written, profile),
        env_file: written.env_file.as_ref().map(|file| within(folder, file)),
        listen: written.listen.iter().map(|address| address.get_ref().clone()).collect(),
        listen_nonblocking: written.listen_nonblocking.as_ref().is_some_and(|wanted| *wanted.get_ref()),
        port: written.port.as_ref().map(|port| *port.get_ref()),
        depends_on: distinct(&written.depends_on),
        ready,
        policy,
        kill_signal: written.kill_signal.unwrap_or_default(),
        shutdown_with_message: written.shutdown_with_message.as_ref().is_some_and(|wanted| *wanted.get_ref()),
        instances: written.instances.as_ref().map_or(Instances::Count(1), |instances| *instances.get_ref()),
        instance_var: written.instance_var.clone().unwrap_or_else(|| INSTANCE_VAR.to_owned()),
        autostart: written.autostart.unwrap_or(true),
        max_memory_restart: written.max_memory_restart,
        cron_restart: written.cron_restart.clone(),
        watch: watched(written, folder, &cwd, [&out_file, &error_file]),
        health: probes::health(written),
        watchdog: written.watchdog,
        user: written.user.clone(),
        group: written.group.clone(),
        rlimits: written.rlimits.clone(),
        nice: written.nice,
        oom_score_adj: written.oom_score_adj.or(written.priority).unwrap_or(limits::OOM_SCORE_NORMAL),
        merge_logs: written.merge_logs.unwrap_or(false),
        log_format: logs::format(written),
        cwd,
        out_file,
        error_file,
        log_max_size: written.log_max_size.unwrap_or(LOG_MAX_SIZE),
        log_max_age: written.log_max_age,
        log_keep: written.log_keep.unwrap_or(App::LOG_KEEP),
        log_max_total: written.log_max_total,
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

fn watched(written: &Written, folder: &Path, cwd: &Path, logs: [&Path; 2]) -> Option<Watch> {
    let paths = match written.watch.as_ref()? {
        watch::Written::Off => return None,
        watch::Written::WorkingDirectory => vec![cwd.to_owned()],
        watch::Written::Paths(paths) => paths.iter().map(|path| within(cwd, path)).collect(),
    };
    let seen = watch::Seen { folder, cwd, logs };
    Some(watch::resolve(paths, &written.ignore_watch, written.watch_delay, &seen))
}

fn policy(written: &Written, ready: &Ready) -> Policy {
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
        // Two runs answer at one socket, so a probe could not tell which of them did.
        overlap: !written.listen.is_empty() && !matches!(ready, Ready::Tcp(_) | Ready::Http(_)),
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
