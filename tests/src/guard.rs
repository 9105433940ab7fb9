//! Ends everything of a hub and removes its folder, however the scenario ends: passed, panicked or killed.
//!
//! A process of its own, in a process group of its own, that waits for the scenario's end of a pipe to be closed.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use protocol::place;

use crate::process::{self, Process};
use crate::{binaries, wait};

/// The scenario's end.
pub struct Guard(Child);

impl Guard {
    /// Guards the hub of this folder from now on.
    #[must_use]
    pub(crate) fn over(folder: &Path) -> Self {
        let mut guard = Command::new(binaries::built("puppet"));
        // The runner signals the scenario's process group when it takes too long; the guard has to survive that.
        guard.arg("guard").arg(folder).env_clear().stdin(Stdio::piped()).stdout(Stdio::null()).process_group(0);
        Self(guard.spawn().expect("the guard"))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let ended = self.0.wait();
        if !std::thread::panicking() {
            assert!(ended.is_ok_and(|status| status.success()), "the guard could not end everything");
        }
    }
}

/// What the guard does: waits for end of file on stdin, ends everything, removes the folder.
pub fn stand_over(folder: &Path) {
    // Nothing is ever written; an error means the same as the end.
    let _ = std::io::stdin().read(&mut [0]);
    let mark = Mark::of(folder);
    wait::until("everything of the hub is gone", || {
        let left = mark.bearers();
        // The keeper first: it would start again what is ended before it.
        left.iter().filter(|process| process.variable(place::RUNTIME_DIR).is_some()).for_each(end);
        left.iter().for_each(end);
        if left.is_empty() { Ok(()) } else { Err(listed(&left)) }
    });
    // It is in the temporary folder: what cannot be removed now is removed with that.
    let _ = std::fs::remove_dir_all(folder);
}

fn end(process: &Process) {
    process::kill_9(process.pid);
}

/// What tells a hub's processes from all others.
#[derive(Clone, Debug)]
pub struct Mark {
    folder: String,
    hub: Option<String>,
}

impl Mark {
    /// The mark of the hub of this folder.
    #[must_use]
    pub fn of(folder: &Path) -> Self {
        let hub = std::fs::read_to_string(runtime_dir(folder).join(place::HUB_ID)).ok();
        let hub = hub.map(|id| id.trim().to_owned()).filter(|id| !id.is_empty());
        Self { folder: folder.to_string_lossy().into_owned(), hub }
    }

    /// Every living process of the hub: workers by their invocation, the rest by the folder in their environment or on
    /// their command line. The guard itself is none.
    #[must_use]
    pub fn bearers(&self) -> Vec<Process> {
        let guard = format!(" guard {}", self.folder);
        let marked = |process: &Process| {
            let mut texts = process.environment.iter().chain([&process.command]);
            texts.any(|text| text.contains(&self.folder)) && !process.command.ends_with(&guard)
        };
        process::all().into_iter().filter(|process| marked(process) || self.is_worker(process)).collect()
    }

    /// Whether this is a process of one of the hub's runs.
    #[must_use]
    pub fn is_worker(&self, process: &Process) -> bool {
        self.hub.as_ref().is_some_and(|hub| process.runs_for(hub))
    }
}

/// Where a scenario's hub has its sockets.
#[must_use]
pub(crate) fn runtime_dir(folder: &Path) -> PathBuf {
    folder.join("run")
}

/// Processes in one line.
#[must_use]
pub fn listed(processes: &[Process]) -> String {
    processes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
