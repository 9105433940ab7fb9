//! What one process uses, in the units that Prometheus has.

use std::fs;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

use crate::clock;
use crate::supervisor::footprint::Footprint;
use crate::supervisor::measure::Units;
use crate::tree::Stat;

/// As far as the kernel tells.
#[derive(Clone, Copy, Debug)]
pub struct Figures {
    /// When it started, on the monotonic clock.
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
            started: started(stat.process.started_ticks(), units),
            cpu_seconds: stat.cpu_ticks as f64 / units.ticks_a_second,
            resident_bytes: stat.resident_pages * units.page_bytes,
            footprint: Footprint::of(pid),
            descriptors: fs::read_dir(format!("/proc/{pid}/fd")).ok().map(Iterator::count),
            most_descriptors: fs::read_to_string(format!("/proc/{pid}/limits")).ok().and_then(|text| most_files(&text)),
        })
    }
}

/// The kernel counts from when the machine started, sleep included; the monotonic clock stood still meanwhile.
fn started(ticks: u64, units: Units) -> Duration {
    let since_boot = Duration::from_secs_f64(ticks as f64 / units.ticks_a_second);
    let booted = clock_gettime(ClockId::CLOCK_BOOTTIME).map_or(Duration::ZERO, Duration::from);
    let slept = booted.saturating_sub(clock::now()).as_millis() as u64; // whole, so that reading two clocks moves nothing
    since_boot.saturating_sub(Duration::from_millis(slept))
}

/// `Max open files            1024                 524288               files`: the first number is in force.
fn most_files(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

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
