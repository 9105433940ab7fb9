//! Whether the kernel was told that the wall clock is right (`adjtimex(2)`): NTP and its like do so.
#![allow(unsafe_code)] // adjtimex, which nix does not wrap

use libc::{STA_UNSYNC, TIME_ERROR, c_int, timex};

/// Whether somebody keeps the clock right. A hub without a battery for its clock begins in the past, until then.
pub fn clock_is_synchronised() -> bool {
    // SAFETY: a plain structure of numbers, for which zeros mean that nothing is to be set.
    let mut asked: timex = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel fills in the structure that it is given, for the time of the call.
    let state = unsafe { libc::adjtimex(&raw mut asked) };
    means_synchronised(state, asked.status)
}

fn means_synchronised(state: c_int, status: c_int) -> bool {
    state >= 0 && state != TIME_ERROR && status & STA_UNSYNC == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clock_that_nobody_doubts_is_right() {
        const TIME_OK: c_int = 0;
        for (state, status, expected) in [
            (TIME_OK, 0, true),
            (TIME_OK, libc::STA_PLL | libc::STA_NANO, true),
            (TIME_OK, STA_UNSYNC, false),
            (TIME_ERROR, 0, false),
            (TIME_ERROR, STA_UNSYNC, false),
            (-1, 0, false),
        ] {
            assert_eq!(means_synchronised(state, status), expected, "{state} {status}");
        }
    }

    #[test]
    fn the_kernel_answers_the_same_twice() {
        assert_eq!(clock_is_synchronised(), clock_is_synchronised());
    }
}
