//! Looks at the memory of all runs that have a limit (`max_memory_restart`), in one walk every [`SAMPLE_EVERY`].
//!
//! A run uses what its whole tree uses: the sum of the proportional set sizes (PSS), in which a page that five processes
//! share counts a fifth for each, so that a forking server is not counted five times. Where the kernel does not tell
//! (`/proc/PID/smaps_rollup` of somebody else's process, or a kernel without it), resident memory without what is shared
//! stands in: less than the truth rather than more, because a restart is not to be had by sharing.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use lifecycle::Ailment;
use nix::unistd::{SysconfVar, sysconf};
use tokio::sync::{mpsc::UnboundedSender, watch};

use super::Task;
use crate::cgroup;
use crate::supervisor::Event;
use crate::supervisor::ready::Said;
use crate::supervisor::reason::bytes;
use crate::supervisor::runs::Leaders;
use crate::tree::{self, Process};

/// How often.
pub const SAMPLE_EVERY: Duration = Duration::from_secs(5);
const FALLBACK_PAGE_BYTES: u64 = 4096;

/// All that a walk needs to know.
pub struct Limited {
    pub hub: String,
    pub keeper: i32,
    /// First and main processes of all runs, limited or not: whose a process is, is seen only among all.
    pub leaders: Leaders,
    /// In bytes, by run: those that are ready and have a limit.
    pub most: BTreeMap<u64, u64>,
    /// Control groups of those that have one.
    pub groups: BTreeMap<u64, PathBuf>,
}

/// The one task for all runs. It sleeps for good while no run has a limit.
pub struct MemoryLimit {
    limited: watch::Sender<Option<Arc<Limited>>>,
    _task: Task,
}

impl MemoryLimit {
    /// Says [`Said::Unhealthy`] of whoever is over its limit, at every sample, until it is no more among the limited.
    pub fn start(events: UnboundedSender<Event>) -> Self {
        let (limited, watched) = watch::channel(None);
        Self { limited, _task: Task::spawn(sample(watched, events)) }
    }

    /// From now on these; to be called whenever runs come, go, or become ready.
    pub fn set(&self, limited: Limited) {
        let limited = Some(limited).filter(|limited| !limited.most.is_empty()).map(Arc::new);
        let (before, after) = (self.limited.borrow().is_some(), limited.is_some());
        if before || after {
            self.limited.send_replace(limited);
        }
    }
}

async fn sample(mut watched: watch::Receiver<Option<Arc<Limited>>>, events: UnboundedSender<Event>) {
    while watched.wait_for(Option::is_some).await.is_ok() {
        tokio::time::sleep(SAMPLE_EVERY).await;
        let Some(limited) = watched.borrow_and_update().clone() else { continue };
        // Adding up a large process's pages may take a while; not on the thread that everything else waits for.
        let Ok(found) = tokio::task::spawn_blocking(move || over_limit(&limited)).await else { continue };
        for (run, words) in found {
            let _ = events.send(Event::Said(run, Said::Unhealthy(Ailment::Memory, words)));
        }
    }
}

/// Whoever uses more than it may, in words.
fn over_limit(limited: &Limited) -> Vec<(u64, String)> {
    let mut members = tree::members(&limited.leaders.hub(&limited.hub, limited.keeper));
    for (run, group) in &limited.groups {
        let known = members.entry(*run).or_default();
        known.extend(cgroup::processes(group));
        known.sort_unstable();
        known.dedup();
    }
    let page = page_bytes();
    let used = |run: &u64| members.get(run).map_or(0, |tree| tree.iter().map(|one| used_by(*one, page)).sum());
    limited.most.iter().filter_map(|(run, most)| Some((*run, judge(used(run), *most)?))).collect()
}

fn judge(used: u64, most: u64) -> Option<String> {
    (used > most).then(|| format!("uses {}, more than max_memory_restart = {}", bytes(used), bytes(most)))
}

fn used_by(process: Process, page: u64) -> u64 {
    let read = |name: &str| fs::read_to_string(format!("/proc/{}/{name}", process.pid)).ok();
    let proportional = read("smaps_rollup").and_then(|text| pss_in(&text));
    proportional.or_else(|| Some(unshared_pages_in(&read("statm")?)? * page)).unwrap_or(0)
}

/// `Pss:    1234 kB`, in bytes.
fn pss_in(rollup: &str) -> Option<u64> {
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// The second number is resident, the third shared.
fn unshared_pages_in(statm: &str) -> Option<u64> {
    let mut numbers = statm.split_whitespace().map(str::parse::<u64>);
    let (resident, shared) = (numbers.nth(1)?.ok()?, numbers.next()?.ok()?);
    Some(resident.saturating_sub(shared))
}

fn page_bytes() -> u64 {
    let asked = sysconf(SysconfVar::PAGE_SIZE).ok().flatten();
    asked.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(FALLBACK_PAGE_BYTES)
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command, Stdio};

    use lifecycle::AppId;
    use protocol::keeper::Row;
    use tokio::sync::mpsc;
    use tokio::task::LocalSet;

    use super::*;
    use crate::supervisor::runs::Run;

    #[test]
    fn what_the_kernel_tells_is_read() {
        let rollup = "5581 ---p 00000000 00:00 0 [rollup]\nRss:    4000 kB\nPss:    1234 kB\nPss_Dirty:  99 kB\n";
        assert_eq!(pss_in(rollup), Some(1234 * 1024));
        for nonsense in ["", "Rss: 1 kB\n", "Pss: many kB\n", "Pss: 5 MB\n"] {
            assert_eq!(pss_in(nonsense), None, "{nonsense:?}");
        }
        assert_eq!(unshared_pages_in("5000 300 120 50 0 400 0\n"), Some(180));
        assert_eq!(unshared_pages_in("5000 100 120 50 0 400 0\n"), Some(0));
        assert_eq!(unshared_pages_in("5000 300\n"), None);
    }

    #[test]
    fn only_more_than_the_limit_is_too_much() {
        const MIB: u64 = 1 << 20;
        assert_eq!(judge(300 * MIB, 300 * MIB), None);
        let words = judge(312 * MIB, 300 * MIB).unwrap();
        assert_eq!(words, "uses 312 MiB, more than max_memory_restart = 300 MiB");
    }

    /// A shell with a child that holds some megabytes, and says so.
    fn fat_family(megabytes: u32) -> Child {
        let script =
            format!("bash -c 'x=$(head -c {megabytes}000000 /dev/zero | tr \"\\0\" x); echo up; sleep 1000; :' & wait");
        Command::new("bash").args(["-c", &script]).stdout(Stdio::piped()).spawn().unwrap()
    }

    fn limited(runs: &[(u64, &Child, u64)]) -> Limited {
        let row = |run, child: &Child| Row { run, pid: Some(child.id().cast_signed()), ..row() };
        let known = runs.iter().map(|(run, child, _)| (*run, Run::new(AppId(0), row(*run, child)))).collect();
        Limited {
            hub: "0".repeat(32),
            keeper: std::process::id().cast_signed(), // the children of this test are the runs
            leaders: Leaders::of(&known),
            most: runs.iter().map(|(run, _, most)| (*run, *most)).collect(),
            groups: BTreeMap::new(),
        }
    }

    fn row() -> Row {
        serde_json::from_str(r#"{"run":1,"app":"a","pid":null,"spawned_at_ns":0,"exit":null,"exited_at_ns":null}"#)
            .unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_is_over_its_limit_is_named_with_its_whole_tree_and_nobody_else() {
        use std::io::{BufRead, BufReader};
        const LIMIT: u64 = 20_000_000;
        let mut fat = fat_family(30);
        let mut thin = fat_family(1);
        for family in [&mut fat, &mut thin] {
            BufReader::new(family.stdout.take().unwrap()).read_line(&mut String::new()).unwrap();
        }
        let body = async {
            let (events, mut heard) = mpsc::unbounded_channel();
            let limit = MemoryLimit::start(events);
            limit.set(limited(&[(1, &fat, LIMIT), (2, &thin, LIMIT)]));
            for _ in 0..2 {
                let next = tokio::time::timeout(SAMPLE_EVERY * 3, heard.recv()).await.unwrap();
                let Some(Event::Said(1, Said::Unhealthy(Ailment::Memory, words))) = next else {
                    panic!("run 1 and nobody else")
                };
                assert!(
                    words.starts_with("uses ") && words.ends_with("more than max_memory_restart = 19.1 MiB"),
                    "{words}"
                );
            }
            limit.set(limited(&[]));
            tokio::time::sleep(SAMPLE_EVERY * 3).await;
            assert!(heard.try_recv().is_err(), "nobody has a limit any more");
        };
        LocalSet::new().run_until(body).await;
        for mut family in [fat, thin] {
            for process in tree::subtree(family.id().cast_signed()) {
                tree::signal(process, nix::sys::signal::Signal::SIGKILL);
            }
            family.wait().unwrap();
        }
    }
}
