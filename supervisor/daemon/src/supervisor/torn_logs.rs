//! Logs after a power cut: before the first run of a boot, when nobody writes them, what is torn at their ends is cut off.
//!
//! Only then. While the machine is on, a line without an end is a worker's that died, or one that goes on: those are left to the
//! logs' writer. Which boot was seen to is noted in the runtime directory; usually that is gone with the power.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::clock;
use crate::logs::forget_lost;
use crate::whole_lines::cut_torn_end;

/// In the runtime directory: the boot whose start found the logs in order.
const SEEN_TO: &str = "boot";

/// Sees to these logs and to what was put aside of them, unless that was done in this boot.
pub fn mend(runtime_dir: &Path, logs: impl Iterator<Item = PathBuf>) {
    let note = runtime_dir.join(SEEN_TO);
    if fs::read_to_string(&note).is_ok_and(|boot| boot == clock::boot()) {
        return;
    }
    for log in logs.flat_map(|log| with_those_put_aside(&log)) {
        match mend_one(&log) {
            Ok(0) => {}
            Ok(cut) => say!(
                "{} logs: {} ended in {cut} bytes that a power cut had torn; they are cut off",
                clock::stamp(),
                log.display()
            ),
            Err(error) => say!("{} logs: {} cannot be looked at: {error}", clock::stamp(), log.display()),
        }
    }
    if let Err(error) = fs::write(&note, clock::boot()) {
        say!("{} supervisor: cannot note this boot in {}: {error}", clock::stamp(), note.display());
    }
}

/// `a.log`, and `a.log.1` and so on as far as there are any.
fn with_those_put_aside(log: &Path) -> Vec<PathBuf> {
    let (Some(folder), Some(name)) = (log.parent(), log.file_name().and_then(|name| name.to_str())) else {
        return Vec::new();
    };
    let is_one = |entry: &fs::DirEntry| {
        let found = entry.file_name();
        let rest = found.to_str().and_then(|found| found.strip_prefix(name));
        rest.is_some_and(|rest| rest.is_empty() || rest.strip_prefix('.').is_some_and(is_number))
    };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter(is_one).map(|entry| entry.path()).collect()
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn mend_one(log: &Path) -> io::Result<u64> {
    let opened = OpenOptions::new().read(true).write(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(log);
    let file: File = opened?;
    if !file.metadata()?.is_file() {
        return Ok(0);
    }
    let cut = cut_torn_end(&file)?;
    forget_lost(log, file.metadata()?.len())?; // also where whole lines are lost
    Ok(cut)
}

#[cfg(test)]
mod tests {
    use protocol::log_index::Mark;

    use super::*;

    #[test]
    fn logs_and_those_put_aside_are_mended_once_a_boot_and_nothing_else_is_touched() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let torn = ["a.log", "a.log.1", "a.log.12", "a.log.1.gz", "a.log.index", "aa.log", "a.log.", "b.log"];
        let tear = || torn.iter().for_each(|name| fs::write(path(name), "one\ntw\0").unwrap());
        let read = |name: &str| fs::read_to_string(path(name)).unwrap();
        tear();
        let logs = || [path("a.log"), path("missing/x.log"), PathBuf::from("/dev/null")].into_iter();
        mend(folder.path(), logs());
        for name in torn {
            let is_mended = ["a.log", "a.log.1", "a.log.12"].contains(&name);
            assert_eq!(read(name), if is_mended { "one\n" } else { "one\ntw\0" }, "{name}");
        }
        tear();
        mend(folder.path(), logs());
        assert_eq!(read("a.log"), "one\ntw\0", "somebody's who goes on, or who died");
        fs::write(path(SEEN_TO), "0").unwrap();
        let marks = [0, 3, 5].map(|offset| Mark { offset, ..Mark::default() }.encode());
        fs::write(path("a.log.index"), marks.concat()).unwrap();
        mend(folder.path(), logs());
        assert_eq!(read("a.log"), "one\n");
        assert_eq!(fs::read(path("a.log.index")).unwrap(), marks[..2].concat(), "times of what is left");
    }
}
