//! What one process uses, in the units that Prometheus has.

use std::fs;
use std::time::Duration;

use crate::supervisor::footprint::Footprint;
use crate::supervisor::measure::Units;
use crate::tree::Stat;

/// As far as the kernel tells.
#[derive(Clone, Copy, Debug)]
pub struct Figures {
    /// When it started, by [`clock::now`](crate::clock::now), which the kernel goes by as well.
    pub started: Duration,
    /// Its own, without those whom it reaped.
    pub cpu_seconds: f64,
    pub resident_bytes: u64,
    pub footprint: Option<Footprint>,
    pub descriptors: Option<usize>,
    pub most_descriptors: Option<u64>,
}

impl Figures {
    /// `None` if there is no such process.
    pub fn of(pid: i32, units: Units) -> Option<Self> {
        let stat = Stat::of(pid)?;
        Some(Self {
            started: Duration::from_secs_f64(stat.process.started_ticks() as f64 / units.ticks_a_second),
            cpu_seconds: stat.cpu_ticks as f64 / units.ticks_a_second,
            resident_bytes: stat.resident_pages * units.page_bytes,
            footprint: Footprint::of(pid),
            descriptors: fs::read_dir(format!("/proc/{pid}/fd")).ok().map(Iterator::count),
            most_descriptors: fs::read_to_string(format!("/proc/{pid}/limits")).ok().and_then(|text| most_files(&text)),
        })
    }
}

/// `Max open files            1024                 524288               files`: the first number is in force.
fn most_files(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    #[test]
    fn the_limit_in_force_is_read() {
        let limits = "Max processes             1    2   processes\nMax open files            1024    4096  files\n";
        assert_eq!(most_files(limits), Some(1024));
        assert_eq!(most_files("Max open files            unlimited   4096  files\n"), None);
        assert_eq!(most_files(""), None);
    }

    #[test]
    fn our_own_figures_are_likely() {
        let figures = Figures::of(std::process::id() as i32, Units::of_the_kernel()).unwrap();
        assert!(figures.started <= clock::now() + Duration::from_millis(20), "{figures:?}");
        assert!(clock::now().saturating_sub(figures.started) < Duration::from_secs(600), "{figures:?}");
        assert!(figures.resident_bytes > 100_000, "{figures:?}");
        assert!(figures.footprint.unwrap().private > 10_000, "{figures:?}");
        assert!(figures.descriptors.unwrap() >= 3, "{figures:?}");
        assert!(Figures::of(-1, Units::of_the_kernel()).is_none());
    }
}
