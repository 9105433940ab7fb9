//! How much memory processes use.
//!
//! A run uses what its whole tree uses: the sum of the proportional set sizes (PSS), in which a page that five processes
//! share counts a fifth for each, so that a forking server is not counted five times. Where the kernel does not tell
//! (`/proc/PID/smaps_rollup` of somebody else's process, or a kernel without it), resident memory without what is shared
//! stands in: less than the truth rather than more, because a restart is not to be had by sharing.
//!
//! To tell it the kernel adds up a process's pages, which takes a while for a large one: not on the thread that everything waits
//! for.

use std::fs;

use super::measure::Units;
use crate::tree::Process;

/// What a process has in memory, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Footprint {
    /// With its share of what it shares.
    pub proportional: u64,
    /// What nobody shares.
    pub private: u64,
}

impl Footprint {
    /// `None` if the kernel does not tell.
    pub fn of(pid: i32) -> Option<Self> {
        Self::parse(&read(pid, "smaps_rollup")?)
    }

    fn parse(rollup: &str) -> Option<Self> {
        let line = |name: &str| rollup.lines().find_map(|line| line.strip_prefix(name));
        // `Pss:    1234 kB`
        let bytes = |name| line(name)?.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024);
        let private = bytes("Private_Clean:").unwrap_or(0) + bytes("Private_Dirty:").unwrap_or(0);
        Some(Self { proportional: bytes("Pss:")?, private })
    }
}

/// What a tree uses, in bytes.
pub fn used_by(tree: &[Process]) -> u64 {
    let page = Units::of_the_kernel().page_bytes;
    let used = |pid| {
        let proportional = Footprint::of(pid).map(|footprint| footprint.proportional);
        proportional.or_else(|| Some(unshared_pages_in(&read(pid, "statm")?)? * page)).unwrap_or(0)
    };
    tree.iter().map(|process| used(process.pid)).sum()
}

fn read(pid: i32, name: &str) -> Option<String> {
    fs::read_to_string(format!("/proc/{pid}/{name}")).ok()
}

/// The second number is resident, the third shared.
fn unshared_pages_in(statm: &str) -> Option<u64> {
    let mut numbers = statm.split_whitespace().map(str::parse::<u64>);
    let (resident, shared) = (numbers.nth(1)?.ok()?, numbers.next()?.ok()?);
    Some(resident.saturating_sub(shared))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_tells_is_read() {
        let rollup = "5581 ---p 00000000 00:00 0 [rollup]\nRss:    4000 kB\nPss:    1234 kB\nPss_Dirty:  99 kB\n\
                      Private_Clean:    3 kB\nPrivate_Dirty:    4 kB\n";
        let expected = Footprint { proportional: 1234 * 1024, private: 7 * 1024 };
        assert_eq!(Footprint::parse(rollup), Some(expected));
        for nonsense in ["", "Rss: 1 kB\n", "Pss: many kB\n", "Pss: 5 MB\n"] {
            assert_eq!(Footprint::parse(nonsense), None, "{nonsense:?}");
        }
        assert_eq!(unshared_pages_in("5000 300 120 50 0 400 0\n"), Some(180));
        assert_eq!(unshared_pages_in("5000 100 120 50 0 400 0\n"), Some(0));
        assert_eq!(unshared_pages_in("5000 300\n"), None);
    }
}
