//! How often the kernel ended somebody for want of memory, as it counts that for control groups. A number of the kernel's,
//! read while the dead are not reaped yet: what the supervisor makes of it, together with the kernel's log, is its business.
//!
//! ```text
//!   version 2   memory.events        oom_kill 3      of a group and of all below it
//!   version 1   memory.oom_control   oom_kill 3      of a group alone
//! ```
//!
//! It counts everybody, also a child of which we are never told. So what was counted counts for a run whose first process is
//! killed soon after, and later for nobody any more.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cgroup;

const OF_VERSION_2: &str = "memory.events";
const OF_VERSION_1: &str = "memory.oom_control";
const COUNTED: &str = "oom_kill ";
/// Who is killed may take so long to be gone: its memory is given back first.
const GONE_WITHIN: Duration = Duration::from_secs(20);

/// The count of one group.
pub struct MemoryKills {
    file: PathBuf,
    seen: u64,
    /// Counted, and nobody's yet.
    open: u64,
    grown_at: Duration,
}

impl MemoryKills {
    /// Of the group that we are in, and so is everybody whom we start, unless they have groups of their own.
    pub fn ours() -> Option<Self> {
        let of = |group: Option<PathBuf>, file: &str| Self::of(group?.join(file));
        of(cgroup::own_group_of_memory(), OF_VERSION_1).or_else(|| of(cgroup::own_group(), OF_VERSION_2))
    }

    /// Of a run's own group, if memory is counted in it.
    pub fn of_group(group: &Path) -> Option<Self> {
        Self::of(group.join(OF_VERSION_2))
    }

    fn of(file: PathBuf) -> Option<Self> {
        let seen = read(&file)?;
        Some(Self { file, seen, open: 0, grown_at: Duration::ZERO })
    }

    /// Whether one was counted for somebody who was found killed now.
    pub fn explain(&mut self, now: Duration) -> bool {
        self.look(now);
        let explains = self.open > 0;
        self.open = self.open.saturating_sub(1);
        explains
    }

    /// To be called now and then: what was counted long ago was for somebody of whom we hear nothing.
    pub fn look(&mut self, now: Duration) {
        if now.saturating_sub(self.grown_at) > GONE_WITHIN {
            self.open = 0;
        }
        let Some(count) = read(&self.file) else { return };
        if count > self.seen {
            self.open += count - self.seen;
            self.grown_at = now;
        }
        self.seen = count;
    }
}

fn read(file: &Path) -> Option<u64> {
    count_in(&fs::read_to_string(file).ok()?)
}

fn count_in(text: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(COUNTED)?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_count_on_a_line_of_that_name() {
        for (text, expected) in [
            // Linux 4.19, 5.10, 6.1 and 6.6, version 2
            ("low 0\nhigh 0\nmax 21\noom 1\noom_kill 1\n", Some(1)),
            ("low 0\nhigh 0\nmax 21\noom 4\noom_kill 3\noom_group_kill 0\n", Some(3)),
            // version 1; the count came with 4.13
            ("oom_kill_disable 0\nunder_oom 0\noom_kill 12\n", Some(12)),
            ("oom_kill_disable 0\nunder_oom 0\n", None),
            ("oom_kill x\n", None),
            ("", None),
        ] {
            assert_eq!(count_in(text), expected, "{text}");
        }
    }

    #[test]
    fn what_was_counted_is_for_one_who_is_found_killed_soon_and_for_nobody_later() {
        let folder = tempfile::tempdir().unwrap();
        let counted =
            |count: u64| fs::write(folder.path().join(OF_VERSION_2), format!("oom 9\noom_kill {count}\n")).unwrap();
        let at = |seconds: u64| Duration::from_secs(1000 + seconds);
        assert!(MemoryKills::of_group(folder.path()).is_none(), "memory is not counted there");
        counted(3);
        let mut kills = MemoryKills::of_group(folder.path()).unwrap();
        assert!(!kills.explain(at(0)), "before our time");
        counted(4);
        assert!(kills.explain(at(1)) && !kills.explain(at(1)), "one is for one");
        counted(6);
        kills.look(at(2));
        assert!(kills.explain(at(10)) && kills.explain(at(11)) && !kills.explain(at(12)));
        counted(7);
        kills.look(at(20));
        assert!(!kills.explain(at(100)), "it was a child of somebody's");
        counted(8);
        assert!(kills.explain(at(200)), "however long ago the one before was");
        fs::remove_file(folder.path().join(OF_VERSION_2)).unwrap();
        assert!(!kills.explain(at(201)));
    }
}
