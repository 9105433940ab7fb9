//! What a process weighs, by the kernel's own accounts.

use std::ops::Add;

/// Of one process.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// Its own pages, and its share of those that it has in common with others.
    pub pss_kib: u64,
    /// What would be free if it ended.
    pub private_kib: u64,
}

impl Memory {
    pub fn of(pid: i32) -> Self {
        let path = format!("/proc/{pid}/smaps_rollup");
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let row = |key: &str| {
            let row = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
            row.and_then(|row| row.trim().strip_suffix(" kB")?.parse().ok()).unwrap_or(0)
        };
        Self { pss_kib: row("Pss"), private_kib: row("Private_Clean") + row("Private_Dirty") }
    }
}

/// The shared pages of two are shared among them: their PSS adds up.
impl Add for Memory {
    type Output = u64;

    fn add(self, other: Self) -> u64 {
        self.pss_kib + other.pss_kib
    }
}
