//! What this machine's clock says, and whether it is right.
#![allow(unsafe_code)] // adjtimex, which nix does not wrap

use std::time::{SystemTime, UNIX_EPOCH};

use libc::{STA_UNSYNC, TIME_ERROR, timex};
use nix::time::{ClockId, clock_gettime};
use protocol::log_index;

/// Now, in microseconds since 1970.
pub fn now_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.ok().and_then(|since| i64::try_from(since.as_micros()).ok()).unwrap_or(0)
}

/// This boot, and when it began by the wall clock in microseconds since 1970, if the kernel was told that its clock is right.
pub fn boot_and_beginning() -> Option<(u64, i64)> {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let boot = log_index::boot(&id).filter(|_| is_right())?;
    let uptime = clock_gettime(ClockId::CLOCK_BOOTTIME).ok()?;
    let uptime_us = uptime.tv_sec().saturating_mul(1_000_000).saturating_add(uptime.tv_nsec() / 1000);
    Some((boot, now_us().saturating_sub(uptime_us)))
}

fn is_right() -> bool {
    // SAFETY: a plain structure of numbers, for which zeros mean that nothing is to be set.
    let mut asked: timex = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel fills in the structure that it is given, for the time of the call.
    let state = unsafe { libc::adjtimex(&raw mut asked) };
    state >= 0 && state != TIME_ERROR && asked.status & STA_UNSYNC == 0
}
