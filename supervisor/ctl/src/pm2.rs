//! PM2's own array, as `pm2 jlist` prints it, so that scripts that read it go on working.

use std::collections::BTreeMap;

use nix::sys::signal::Signal;
use protocol::control::{Description, Exit};
use serde::Serialize;

/// What a shell adds to a signal's number when it tells how a program ended.
const SIGNALLED: i32 = 128;
/// The code of a shell that cannot find a program.
const NOT_FOUND: i32 = 127;

/// One app.
#[derive(Serialize)]
pub struct Process<'d> {
    pid: i32,
    name: &'d str,
    pm2_env: Record<'d>,
    pm_id: u32,
    monit: Monit,
}

/// What it uses.
#[derive(Serialize)]
struct Monit {
    memory: u64,
    cpu: f64,
}

/// PM2's record of it, as far as it has a meaning here.
#[derive(Serialize)]
struct Record<'d> {
    name: &'d str,
    namespace: &'d str,
    pm_id: u32,
    status: &'static str,
    version: &'static str,
    exec_mode: &'static str,
    instances: usize,
    restart_time: u64,
    unstable_restarts: usize,
    /// Milliseconds since 1970.
    pm_uptime: u64,
    /// The same: when an app was made is not kept.
    created_at: u64,
    pm_exec_path: &'d str,
    pm_cwd: &'d str,
    pm_out_log_path: &'d str,
    pm_err_log_path: &'d str,
    exec_interpreter: &'d str,
    args: &'d [String],
    username: Option<&'d str>,
    watch: bool,
    /// As a shell tells it: 128 and the signal's number for a signal.
    exit_code: Option<i32>,
    env: BTreeMap<&'d str, &'d str>,
}

/// PM2's array; `now_ms` is the time in milliseconds since 1970.
pub fn list(descriptions: &[Description], now_ms: u64) -> Vec<Process<'_>> {
    let process = |description| process(description, descriptions, now_ms);
    descriptions.iter().map(process).collect()
}

fn process<'d>(description: &'d Description, all: &[Description], now_ms: u64) -> Process<'d> {
    let app = &description.app;
    let instances = all.iter().filter(|other| other.app.name == app.name).count();
    let since = now_ms.saturating_sub(app.uptime_ms.unwrap_or(0));
    let is_cluster = instances > 1 || app.instance.is_some();
    Process {
        pid: app.pid.unwrap_or(0),
        name: &app.name,
        pm_id: app.id,
        monit: Monit { memory: app.memory_bytes, cpu: app.cpu_percent },
        pm2_env: Record {
            name: &app.name,
            namespace: &app.namespace,
            pm_id: app.id,
            status: app.status.as_str(),
            version: "N/A",
            exec_mode: if is_cluster { "cluster_mode" } else { "fork_mode" },
            instances,
            restart_time: app.restarts,
            unstable_restarts: description.recent_failures,
            pm_uptime: since,
            created_at: since,
            pm_exec_path: description.program.as_deref().unwrap_or(&description.script),
            pm_cwd: &description.cwd,
            pm_out_log_path: &description.out_file,
            pm_err_log_path: &description.error_file,
            exec_interpreter: description.interpreter.as_deref().unwrap_or("none"),
            args: &description.args,
            username: app.user.as_deref(),
            watch: app.watching,
            exit_code: app.exit.as_ref().map(code),
            env: description.environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect(),
        },
    }
}

fn code(exit: &Exit) -> i32 {
    match exit {
        Exit::Code { code } => *code,
        Exit::Signal { signal, .. } => SIGNALLED + signal.parse::<Signal>().map_or(0, |signal| signal as i32),
        Exit::OutOfMemory { .. } => SIGNALLED + Signal::SIGKILL as i32,
        Exit::NotSpawned { .. } => NOT_FOUND,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_a_number_that_is_0_only_for_success() {
        let signal = |signal: &str| Exit::Signal { signal: signal.into(), core_dumped: false };
        for (exit, expected) in [
            (Exit::Code { code: 0 }, 0),
            (Exit::Code { code: 3 }, 3),
            (signal("SIGSEGV"), 139),
            (signal("SIGRTMIN+1"), 128),
            (Exit::OutOfMemory { out_of_memory: true }, 137),
            (Exit::NotSpawned { not_spawned: "ENOENT".into() }, 127),
        ] {
            assert_eq!(code(&exit), expected, "{exit:?}");
        }
    }
}
