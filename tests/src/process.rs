//! Who runs, by walking `/proc`: the one witness that the supervisor cannot influence.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use protocol::worker;

/// A process with the environment that it was started with.
#[derive(Clone, PartialEq, Eq)]
pub struct Process {
    /// Its pid.
    pub pid: i32,
    /// Its command line, for messages.
    pub command: String,
    /// `NAME=value`, as its program was given it.
    pub environment: Vec<String>,
}

impl Process {
    /// A variable of its environment.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.environment.iter().find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
    }

    /// Whether it is part of a run of this hub. The supervisor is marked too, as run 0.
    #[must_use]
    pub fn runs_for(&self, hub: &str) -> bool {
        let run = self.variable(worker::INVOCATION).and_then(|run| run.strip_prefix(hub)?.strip_prefix('-'));
        run.is_some_and(|run| run != "0")
    }
}

/// Without its environment, which would bury a message.
impl std::fmt::Debug for Process {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl std::fmt::Display for Process {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.pid, self.command)
    }
}

/// Every living process that may be looked at. Zombies are not among them: they have no environment left.
#[must_use]
pub fn all() -> Vec<Process> {
    let entries = std::fs::read_dir("/proc").expect("/proc").filter_map(Result::ok);
    entries.filter_map(|entry| look(entry.file_name().to_str()?.parse().ok()?)).collect()
}

/// The process of this pid, while it lives.
#[must_use]
pub fn look(pid: i32) -> Option<Process> {
    let read = |file: &str| std::fs::read(format!("/proc/{pid}/{file}")).ok();
    let words = |bytes: Vec<u8>| -> Vec<String> {
        let words = bytes.split(|byte| *byte == 0).filter(|word| !word.is_empty());
        words.map(|word| String::from_utf8_lossy(word).into_owned()).collect()
    };
    let command = words(read("cmdline")?).join(" ");
    (!command.is_empty()).then_some(())?;
    Some(Process { pid, command, environment: words(read("environ")?) })
}

/// Whether a process of this pid runs; a zombie does not.
#[must_use]
pub fn is_alive(pid: i32) -> bool {
    state(pid).is_some_and(|state| state != 'Z' && state != 'X')
}

/// Whether a process of this pid has let go of all that it had open: its environment is gone before its sockets are, and its first
/// thread may be before the others.
#[must_use]
pub fn has_let_go(pid: i32) -> bool {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count);
    threads <= 1 && !is_alive(pid)
}

/// The children of a process, zombies included.
#[must_use]
pub fn children(pid: i32) -> Vec<i32> {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().filter_map(Result::ok);
    let lists = threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok());
    lists.flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<i32>>()).collect()
}

/// What a process has open.
#[must_use]
pub fn open_files(pid: i32) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().filter_map(Result::ok);
    entries.filter_map(|entry| std::fs::read_link(entry.path()).ok()).collect()
}

/// Whether the kernel tells a process when something changes in this folder (`inotify(7)`).
///
/// # Panics
/// If the folder is not there.
#[must_use]
pub fn watches(pid: i32, folder: &Path) -> bool {
    let inode = format!(" ino:{:x} ", std::fs::metadata(folder).expect("the folder").ino());
    let entries = std::fs::read_dir(format!("/proc/{pid}/fdinfo")).into_iter().flatten().filter_map(Result::ok);
    let watched = |text: String| text.lines().any(|line| line.starts_with("inotify ") && line.contains(&inode));
    entries.filter_map(|entry| std::fs::read_to_string(entry.path()).ok()).any(watched)
}

/// Memory of a process that is no file's, in KiB: pages of programs come and go with whoever else runs them.
///
/// # Panics
/// If it is gone.
#[must_use]
pub fn anonymous_kib(pid: i32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it lives");
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).expect("the kernel tells");
    line.split_whitespace().next().and_then(|number| number.parse().ok()).expect("a number")
}

/// Ends it as the kernel's out-of-memory killer would: without asking. Nothing happens if it is gone already.
pub fn kill_9(pid: i32) {
    signal(pid, Signal::SIGKILL);
}

/// Sends a signal. Nothing happens if the process is gone already.
pub fn signal(pid: i32, signal: Signal) {
    assert!(pid > 1, "a signal to {pid} would reach more than one process");
    match kill(Pid::from_raw(pid), signal) {
        Ok(()) | Err(nix::errno::Errno::ESRCH) => {}
        Err(error) => panic!("{signal} to {pid}: {error}"),
    }
}

/// The letter that `ps` shows.
fn state(pid: i32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}
