//! Logs when nothing runs: nobody is left to finish an open line, so that what comes next begins a new one. After a power cut, what
//! is torn at their ends is cut off first.
//!
//! Only what we wrote can be torn: a log that has an index, or had one when it was put aside. Another one is somebody's, and may end as it likes. And only before the
//! first run of a boot. While the machine is on, a line without an end is a worker's that died. Which boot was seen to is noted in
//! the runtime directory; usually that is gone with the power.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::clock;
use crate::logs::{forget_lost, index_path};
use crate::whole_lines::cut_torn_end;

/// In the runtime directory: the boot whose start found the logs in order.
const SEEN_TO: &str = "boot";

/// Sees to these logs, and once in a boot to what was put aside of them.
pub fn mend(runtime_dir: &Path, logs: impl Iterator<Item = PathBuf>) {
    let logs: Vec<PathBuf> = logs.collect();
    mend_torn(runtime_dir, &logs);
    for log in &logs {
        if let Err(error) = end_line(log)
            && error.kind() != io::ErrorKind::NotFound
        {
            say!("{} logs: {} cannot be looked at: {error}", clock::stamp(), log.display());
        }
    }
}

fn mend_torn(runtime_dir: &Path, logs: &[PathBuf]) {
    let note = runtime_dir.join(SEEN_TO);
    if fs::read_to_string(&note).is_ok_and(|boot| boot == clock::boot()) {
        return;
    }
    let ours = logs.iter().map(|log| (log, with_those_put_aside(log))).filter(|(log, family)| is_ours(log, family));
    for log in ours.flat_map(|(_, family)| family) {
        match cut_end(&log) {
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

/// Whether a log was written here: one of its files has an index. Not each must: a file and its index are put aside one after the
/// other.
fn is_ours(log: &PathBuf, family: &[PathBuf]) -> bool {
    family.iter().chain([log]).any(|log| index_path(log).is_file())
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

fn cut_end(log: &Path) -> io::Result<u64> {
    let Some(file) = opened(log)? else { return Ok(0) };
    let cut = cut_torn_end(&file)?;
    forget_lost(log, file.metadata()?.len())?; // also where whole lines are lost
    Ok(cut)
}

fn end_line(log: &Path) -> io::Result<()> {
    let Some(mut file) = opened(log)? else { return Ok(()) };
    let Some(last) = file.metadata()?.len().checked_sub(1) else { return Ok(()) };
    let mut byte = [0];
    file.read_exact_at(&mut byte, last)?;
    if byte == *b"\n" { Ok(()) } else { file.write_all(b"\n") }
}

/// For reading, and for writing at the end; `None` for what is no file in the ordinary sense.
fn opened(log: &Path) -> io::Result<Option<File>> {
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    let file = OpenOptions::new().read(true).append(true).custom_flags(flags).open(log)?;
    Ok(file.metadata()?.is_file().then_some(file))
}

#[cfg(test)]
mod tests {
    use protocol::log_index::Mark;

    use super::*;

    #[test]
    fn our_logs_and_those_put_aside_are_mended_once_a_boot_and_nothing_else_is_touched() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let torn = ["a.log", "a.log.1", "a.log.12", "a.log.1.gz", "aa.log", "a.log.", "b.log"];
        let tear = || torn.iter().for_each(|name| fs::write(path(name), "one\ntw\0").unwrap());
        let ours = ["a.log", "aa.log"];
        ours.iter().for_each(|name| fs::write(path(&format!("{name}.index")), "").unwrap());
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
        assert_eq!((&*read("a.log"), &*read("a.log.1")), ("one\ntw\0\n", "one\ntw\0"), "a worker's that died");
        tear();
        fs::write(path(SEEN_TO), "0").unwrap();
        let marks = [0, 3, 5].map(|offset| Mark { offset, ..Mark::default() }.encode());
        fs::write(path("a.log.index"), marks.concat()).unwrap();
        mend(folder.path(), logs());
        assert_eq!(read("a.log"), "one\n");
        assert_eq!(fs::read(path("a.log.index")).unwrap(), marks[..2].concat(), "times of what is left");
    }

    #[test]
    fn what_somebody_else_wrote_is_kept_to_its_last_byte_and_what_comes_next_begins_a_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        for (before, after) in [("old\nlast words", "old\nlast words\n"), ("old\n", "old\n"), ("", "")] {
            fs::write(&path, before).unwrap();
            let _ = fs::remove_file(folder.path().join(SEEN_TO));
            mend(folder.path(), [path.clone()].into_iter());
            mend(folder.path(), [path.clone()].into_iter());
            assert_eq!(fs::read_to_string(&path).unwrap(), after);
        }
    }
}
