//! When something is written, by the clocks that a mark of an index holds.

use std::fs;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use protocol::log_index;

use crate::synchronised::clock_is_synchronised;

/// `clock = "trusted"` in the file: the wall clock is right although nobody told the kernel.
static CLOCK_IS_TRUSTED: AtomicBool = AtomicBool::new(false);

pub fn trust_clock(trusted: bool) {
    CLOCK_IS_TRUSTED.store(trusted, Ordering::Relaxed);
}

/// Whether the wall clock is right, as far as anybody knows.
pub fn clock_is_right() -> bool {
    CLOCK_IS_TRUSTED.load(Ordering::Relaxed) || clock_is_synchronised()
}

/// Since the machine began; goes on while it sleeps.
pub fn uptime() -> Duration {
    read(ClockId::CLOCK_BOOTTIME)
}

/// The wall clock, in microseconds since 1970.
pub fn wall_us() -> i64 {
    i64::try_from(read(ClockId::CLOCK_REALTIME).as_micros()).unwrap_or(i64::MAX)
}

/// In microseconds, as it is written.
pub fn microseconds(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

/// Which time since it was switched on this is; 0 if the kernel does not tell.
pub fn boot() -> u64 {
    static BOOT: OnceLock<u64> = OnceLock::new();
    *BOOT.get_or_init(|| {
        let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        log_index::boot(&id).unwrap_or_default()
    })
}

fn read(clock: ClockId) -> Duration {
    // Both are always there on Linux.
    clock_gettime(clock).map_or(Duration::ZERO, Duration::from)
}
