//! Keeps `logs/betti-supervisor.log` short. It is the standard error of both halves when `betti-ctl start` puts them into the
//! background; what somebody else has chosen as their standard error is left alone.
//!
//! The supervisor renames a long one and goes on in a new one. The keeper, which has the old one too, goes on in the new one when
//! it next has something to say. Nothing is lost and nobody wakes up for it.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use nix::unistd::{dup2_stderr, dup2_stdout};

use crate::whole_lines::cut_torn_end;

/// As `betti-ctl` names it.
const NAME: &str = "betti-supervisor.log";
/// What a long one is renamed to.
const OLD_NAME: &str = "betti-supervisor.log.1";
/// From so many bytes on it is long. With the old one that is twice as much, and a line.
const LIMIT: u64 = 1024 * 1024;

/// Only one process renames, or two that do so at once would lose the old one.
static RENAMES: AtomicBool = AtomicBool::new(false);

/// From now on this process renames a long one.
pub fn rename_when_long() {
    RENAMES.store(true, Ordering::Relaxed);
}

/// Before the first line of all: a line of ours that has no end was torn by a power cut, because we write them whole.
pub fn mend() {
    let _ = try_mend();
}

fn try_mend() -> io::Result<()> {
    let Some(path) = own_log(&fs::read_link("/proc/self/fd/2")?) else { return Ok(()) };
    // Ours is only for writing.
    cut_torn_end(&OpenOptions::new().read(true).write(true).open(path)?).map(drop)
}

/// Before a line is said: goes on in another file if ours is long. If that cannot be, it grows.
pub fn keep_short() {
    let _ = try_keep_short();
}

fn try_keep_short() -> io::Result<()> {
    let ours = File::from(io::stderr().as_fd().try_clone_to_owned()?).metadata()?;
    if !ours.is_file() || ours.len() < LIMIT {
        return Ok(());
    }
    let Some(path) = own_log(&fs::read_link("/proc/self/fd/2")?) else { return Ok(()) };
    if fs::metadata(&path).is_ok_and(|there| (there.dev(), there.ino()) == (ours.dev(), ours.ino())) {
        if !RENAMES.load(Ordering::Relaxed) {
            return Ok(());
        }
        fs::rename(&path, path.with_file_name(OLD_NAME))?;
    }
    let new = OpenOptions::new().create(true).append(true).open(&path)?;
    dup2_stderr(&new)?;
    dup2_stdout(&new)?; // the same file until now; whoever held it would keep its bytes on the disk
    Ok(())
}

/// Where the current one is, if this is one of them: the kernel tells what it is called by now, or that it is deleted.
fn own_log(target: &Path) -> Option<PathBuf> {
    let name = target.file_name()?.to_str()?;
    let name = name.strip_suffix(" (deleted)").unwrap_or(name);
    (name == NAME || name == OLD_NAME).then(|| target.with_file_name(NAME))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_log_is_ours() {
        for (target, expected) in [
            ("/a/logs/betti-supervisor.log", Some("/a/logs/betti-supervisor.log")),
            ("/a/logs/betti-supervisor.log.1", Some("/a/logs/betti-supervisor.log")),
            ("/a/logs/betti-supervisor.log.1 (deleted)", Some("/a/logs/betti-supervisor.log")),
            ("/a/mine.log", None),
            ("pipe:[123]", None),
            ("/", None),
        ] {
            assert_eq!(own_log(Path::new(target)), expected.map(PathBuf::from), "{target}");
        }
    }
}
