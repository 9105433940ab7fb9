//! Which file a process runs, as the kernel tells.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What the kernel appends to the name of a file that has none any more.
const DELETED: &[u8] = b" (deleted)";

/// Where our own program is, or was: its file may have been replaced by another one.
pub fn our_path() -> io::Result<PathBuf> {
    path_of("self")
}

/// What tells our program's file from every other one: device and inode. Empty if the kernel does not say.
pub fn our_file() -> String {
    fs::metadata("/proc/self/exe").map(|file| format!("{}:{}", file.dev(), file.ino())).unwrap_or_default()
}

/// The folder of a process's program.
pub fn folder_of(pid: i32) -> Option<PathBuf> {
    path_of(&pid.to_string()).ok()?.parent().map(Path::to_path_buf)
}

/// Whether the file that a process runs was removed, or another one put in its place.
pub fn is_replaced(pid: i32) -> bool {
    fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|path| without_mark(path.as_os_str()).is_some())
}

fn path_of(process: &str) -> io::Result<PathBuf> {
    let path = fs::read_link(format!("/proc/{process}/exe"))?;
    Ok(without_mark(path.as_os_str()).unwrap_or(path))
}

fn without_mark(name: &OsStr) -> Option<PathBuf> {
    let name = name.as_bytes().strip_suffix(DELETED)?;
    Some(std::ffi::OsString::from_vec(name.to_vec()).into())
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_program_that_was_replaced_is_told_and_found_where_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap().join("cat");
        fs::copy("/bin/cat", &path).unwrap();
        let mut cat = Command::new(&path).stdin(Stdio::piped()).spawn().unwrap();
        let pid = cat.id().cast_signed();
        assert!(!is_replaced(pid));
        fs::remove_file(&path).unwrap();
        assert!(is_replaced(pid));
        assert_eq!(path_of(&pid.to_string()).unwrap(), path);
        assert_eq!(folder_of(pid).as_deref(), path.parent());
        drop(cat.stdin.take());
        cat.wait().unwrap();
    }

    #[test]
    fn our_own_is_there() {
        assert_eq!(our_path().unwrap(), std::env::current_exe().unwrap());
        assert!(our_file().contains(':'));
    }
}
