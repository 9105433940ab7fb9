//! Who holds a socket.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::ffi::OsStrExt;

use crate::tree::{Process, Stat};

/// A process that holds a socket.
pub struct Holder {
    pub inode: u64,
    pub process: Process,
    /// Its program's name, as the kernel has it.
    pub name: String,
}

impl Holder {
    /// Everybody who can be seen to hold one of these.
    pub fn of(inodes: &BTreeSet<u64>) -> Vec<Self> {
        let pids = fs::read_dir("/proc").into_iter().flatten().flatten();
        pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .flat_map(|pid| Self::held(pid, inodes))
            .collect()
    }

    fn held(pid: i32, inodes: &BTreeSet<u64>) -> Vec<Self> {
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        let held = descriptors.filter_map(|entry| inode_in(fs::read_link(entry.path()).ok()?.as_os_str().as_bytes()));
        let held: BTreeSet<u64> = held.filter(|inode| inodes.contains(inode)).collect();
        if held.is_empty() {
            return Vec::new();
        }
        let Some(stat) = Stat::of(pid) else { return Vec::new() };
        let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim().to_owned();
        held.into_iter().map(|inode| Self { inode, process: stat.process, name: name.clone() }).collect()
    }
}

/// `socket:[4711]`
fn inode_in(link: &[u8]) -> Option<u64> {
    std::str::from_utf8(link.strip_prefix(b"socket:[")?.strip_suffix(b"]")?).ok()?.parse().ok()
}
