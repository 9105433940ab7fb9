//! From what was written to what it means in one profile, with every default filled in.

use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use lifecycle::Policy;

use crate::diagnostic::Mistake;
use crate::model::{App, Instances, LogFormat, Ready};
use crate::name;
use crate::value::Placed;
use crate::written::Written;

/// The namespace of apps that name none, as in PM2.
const DEFAULT_NAMESPACE: &str = "default";
/// Folder of the log files that are not named.
const LOGS: &str = "logs";
/// When a log file is rotated, unless said otherwise.
const LOG_MAX_SIZE: u64 = 10 << 20;
/// PM2's word for a log that is thrown away, besides `/dev/null`.
const NO_LOG: &str = "NULL";
const NOWHERE: &str = "/dev/null";

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
fn name_of_script(script: &str) -> String {
    let program = script.split_whitespace().next().unwrap_or_default();
    let stem = Path::new(program).file_stem().unwrap_or_default();
    stem.to_string_lossy().into_owned()
}

/// What contradicts itself within one app.
pub(crate) fn contradictions(written: &Written, mistakes: &mut Vec<Mistake>) {
    if let (Some(script), Some(args)) = (&written.script, &written.args)
        && is_shell_command(written)
    {
        let message = "`args` cannot be added to a shell command";
        let mistake = Mistake::new(args.span(), message)
            .related(script.span(), "a script with a space in it is run by bash")
            .help("write them into `script`, or keep only the program there");
        mistakes.push(mistake);
    }
    if let (Some(ready), Some(wait_ready)) = (&written.ready, &written.wait_ready)
        && (*ready.get_ref() == Ready::Pipe) != *wait_ready.get_ref()
    {
        let mistake = Mistake::new(wait_ready.span(), "`wait_ready` contradicts `ready`")
            .related(ready.span(), "this says otherwise")
            .help("keep one of them: `wait_ready = true` means `ready = \"pipe\"`");
        mistakes.push(mistake);
    }
}

/// PM2's rule: a space in the script makes it a command for bash.
fn is_shell_command(written: &Written) -> bool {
    let script = written.script.as_ref().map_or("", |script| script.get_ref());
    written.interpreter.is_none() && script.contains(char::is_whitespace)
}

/// The app in this profile; `None` if it lacks a name or script, which is noted elsewhere.
pub(crate) fn app(id: u32, written: &Written, folder: &Path, profile: &str) -> Option<App> {
    let name = written.name.as_ref()?.get_ref().clone();
    let (script, args) = program(written)?;
    let log = |file: &Option<String>, kind: &str| match file.as_deref() {
        Some(NO_LOG) => PathBuf::from(NOWHERE),
        Some(file) => within(folder, file),
        None => folder.join(LOGS).join(format!("{name}-{kind}.log")),
    };
    Some(App {
        id,
        namespace: written.namespace.clone().unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned()),
        script,
        args,
        interpreter: written.interpreter.clone(),
        interpreter_args: written.interpreter_args.clone().unwrap_or_default(),
        cwd: written.cwd.as_ref().map_or_else(|| folder.to_owned(), |cwd| within(folder, cwd)),
        env: environment(written, profile),
        env_file: written.env_file.as_ref().map(|file| within(folder, file)),
        listen: written.listen.iter().map(|address| *address.get_ref()).collect(),
        port: written.port.as_ref().map(|port| *port.get_ref()),
        depends_on: distinct(&written.depends_on),
        ready: readiness(written),
        policy: policy(written),
        kill_signal: written.kill_signal.unwrap_or_default(),
        shutdown_with_message: false,
        instances: Instances::Count(1),
        instance_var: "NODE_APP_INSTANCE".to_owned(),
        autostart: true,
        max_memory_restart: None,
        cron_restart: None,
        watch: None,
        health: None,
        watchdog: None,
        user: None,
        group: None,
        rlimits: Vec::new(),
        nice: None,
        oom_score_adj: 0,
        merge_logs: false,
        log_format: LogFormat::Raw,
        out_file: log(&written.out_file, "out"),
        error_file: log(&written.error_file, "error"),
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

fn environment(written: &Written, profile: &str) -> crate::written::Environment {
    let mut environment = written.env.clone();
    environment.extend(written.overlays.get(profile).cloned().unwrap_or_default());
    if let Some(port) = &written.port {
        environment.entry("PORT".to_owned()).or_insert_with(|| port.get_ref().to_string());
    }
    environment
}

fn readiness(written: &Written) -> Ready {
    let asked = written.wait_ready.as_ref().is_some_and(|wait_ready| *wait_ready.get_ref());
    let ready = if asked { Ready::Pipe } else { Ready::None };
    written.ready.as_ref().map_or(ready, |ready| ready.get_ref().clone())
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
