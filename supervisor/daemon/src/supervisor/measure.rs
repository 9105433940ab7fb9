//! Processor time and memory of a run's whole tree. Measured only when somebody asks, against what was seen the last time.

use std::collections::BTreeMap;
use std::time::Duration;

use nix::unistd::{SysconfVar, sysconf};

use crate::clock;
use crate::tree::{Process, Stat};

/// Two samples closer together than this say little: the answer before is given again.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(500);
const FALLBACK_TICKS_A_SECOND: i64 = 100;
const FALLBACK_PAGE_BYTES: i64 = 4096;

/// What a tree uses.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// Of one core.
    pub cpu_percent: f64,
    pub memory_bytes: u64,
}

/// What the kernel counts in.
#[derive(Clone, Copy, Debug)]
pub struct Units {
    /// Clock ticks.
    pub ticks_a_second: f64,
    pub page_bytes: u64,
}

impl Units {
    pub fn of_the_kernel() -> Self {
        let asked = |variable, fallback: i64| sysconf(variable).ok().flatten().unwrap_or(fallback);
        Self {
            ticks_a_second: asked(SysconfVar::CLK_TCK, FALLBACK_TICKS_A_SECOND) as f64,
            page_bytes: asked(SysconfVar::PAGE_SIZE, FALLBACK_PAGE_BYTES).unsigned_abs(),
        }
    }
}

/// What a tree has used up to now, and what it is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// Of everybody who lives, and of those whom they have reaped. What the keeper reaped is not in it.
    pub cpu_ticks: u64,
    pub resident_pages: u64,
    pub processes: usize,
}

impl Sum {
    pub fn of(tree: &[Process]) -> Self {
        let stats: Vec<Stat> = tree.iter().filter_map(|process| Stat::of(process.pid)).collect();
        Self {
            cpu_ticks: stats.iter().map(|stat| stat.cpu_ticks + stat.reaped_ticks).sum(),
            resident_pages: stats.iter().map(|stat| stat.resident_pages).sum(),
            processes: stats.len(),
        }
    }
}

#[derive(Clone, Copy)]
struct Sample {
    at: Duration,
    ticks: u64,
    usage: Usage,
}

/// The last sample of each run.
pub struct Measure {
    units: Units,
    samples: BTreeMap<u64, Sample>,
    /// The most that each run was ever seen to have used.
    most_ticks: BTreeMap<u64, u64>,
}

impl Measure {
    pub fn new() -> Self {
        Self { units: Units::of_the_kernel(), samples: BTreeMap::new(), most_ticks: BTreeMap::new() }
    }

    /// What a run used when it was last measured.
    pub fn last(&self, run: u64) -> Option<Usage> {
        self.samples.get(&run).map(|sample| sample.usage)
    }

    /// Whether a run was not measured a moment ago, or when it had hardly begun and used nothing yet.
    pub fn is_due(&self, run: u64) -> bool {
        let Some(sample) = self.samples.get(&run) else { return true };
        sample.usage.memory_bytes == 0 || clock::now().saturating_sub(sample.at) >= SHORTEST_INTERVAL
    }

    /// What a run's processes use now. The first time, the average since it was spawned.
    pub fn usage(&mut self, run: u64, spawned: Duration, tree: &[Process]) -> Usage {
        let Sum { cpu_ticks: ticks, resident_pages, .. } = Sum::of(tree);
        let now = clock::now();
        let cpu_percent = self.cpu_percent(run, spawned, now, ticks);
        let usage = Usage { cpu_percent, memory_bytes: resident_pages * self.units.page_bytes };
        self.samples.insert(run, Sample { at: now, ticks, usage });
        usage
    }

    pub fn forget(&mut self, run: u64) {
        self.samples.remove(&run);
        self.most_ticks.remove(&run);
    }

    /// A run was seen to have used so much processor time.
    pub fn note_ticks(&mut self, run: u64, ticks: u64) {
        let most = self.most_ticks.entry(run).or_default();
        *most = ticks.max(*most);
    }

    /// The most that a run was seen to have used: a tree that lost a process to the keeper has used no less than before.
    pub fn most_ticks(&self, run: u64) -> u64 {
        self.most_ticks.get(&run).copied().unwrap_or(0)
    }

    fn cpu_percent(&self, run: u64, spawned: Duration, now: Duration, ticks: u64) -> f64 {
        let (since, before) = self.samples.get(&run).map_or((spawned, 0), |sample| (sample.at, sample.ticks));
        let interval = now.saturating_sub(since);
        if interval < SHORTEST_INTERVAL {
            return 0.0; // just spawned: too short to say
        }
        // A tree that lost a process may seem to have used less than before.
        let used = ticks.saturating_sub(before) as f64 / self.units.ticks_a_second;
        (used / interval.as_secs_f64() * 1000.0).round() / 10.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_what_was_used_between_two_looks() {
        let mut measure = Measure::new();
        measure.units.ticks_a_second = 100.0;
        let at = Duration::from_secs;
        assert_eq!(measure.cpu_percent(1, at(10), at(12), 100), 50.0, "since it was spawned");
        assert_eq!(measure.cpu_percent(1, at(10), at(10), 100), 0.0, "too soon to say");
        measure.samples.insert(1, Sample { at: at(12), ticks: 100, usage: Usage::default() });
        assert_eq!(measure.cpu_percent(1, at(10), at(16), 200), 25.0);
        assert_eq!(measure.cpu_percent(1, at(10), at(20), 20), 0.0, "a process left");
    }

    #[test]
    fn a_run_has_never_used_less_than_before() {
        let mut measure = Measure::new();
        for (seen, expected) in [(5, 5), (3, 5), (8, 8)] {
            measure.note_ticks(1, seen);
            assert_eq!(measure.most_ticks(1), expected);
        }
        measure.forget(1);
        assert_eq!(measure.most_ticks(1), 0);
    }

    #[test]
    fn what_a_child_used_is_still_counted_when_it_was_reaped() {
        let busy = "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done";
        let script = format!("bash -c '{busy}'; echo done; read line");
        let mut parent = std::process::Command::new("bash");
        parent.args(["-c", &script]).stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
        let mut parent = parent.spawn().unwrap();
        let mut said = [0; 5];
        std::io::Read::read_exact(&mut parent.stdout.take().unwrap(), &mut said).unwrap();
        let tree = crate::tree::subtree(parent.id() as i32);
        let sum = Sum::of(&tree);
        assert_eq!(sum.processes, 1);
        assert!(sum.cpu_ticks > Stat::of(parent.id() as i32).unwrap().cpu_ticks, "{sum:?}");
        drop(parent.stdin.take());
        parent.wait().unwrap();
    }

    #[test]
    fn we_use_some_memory() {
        let me = std::process::id() as i32;
        let usage = Measure::new().usage(1, Duration::ZERO, &crate::tree::subtree(me));
        assert!(usage.memory_bytes > 100_000, "{usage:?}");
    }
}
