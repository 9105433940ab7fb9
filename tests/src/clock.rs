//! Whether the kernel was told that the wall clock is right, asked as the supervisor asks it.
#![allow(unsafe_code)] // adjtimex, which nix does not wrap

use nix::libc::{STA_UNSYNC, TIME_ERROR, adjtimex, timex};

/// Whether somebody keeps this machine's clock right.
#[must_use]
pub fn is_synchronised() -> bool {
    // SAFETY: a plain structure of numbers, for which zeros mean that nothing is to be set.
    let mut asked: timex = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel fills in the structure that it is given, for the time of the call.
    let state = unsafe { adjtimex(&raw mut asked) };
    state >= 0 && state != TIME_ERROR && asked.status & STA_UNSYNC == 0
}
