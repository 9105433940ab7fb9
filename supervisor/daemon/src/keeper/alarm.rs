//! What wakes the keeper at a moment. The time-out of `poll(2)` stands still while the machine sleeps; this does not.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};

use crate::alarm::left_until;

/// Readable from the moment on that was set last.
pub struct Alarm(TimerFd);

impl Alarm {
    pub fn new() -> Result<Self, Errno> {
        TimerFd::new(ClockId::CLOCK_BOOTTIME, TimerFlags::TFD_CLOEXEC | TimerFlags::TFD_NONBLOCK).map(Self)
    }

    /// From now on it rings at this moment only, or never.
    pub fn set(&self, moment: Duration) -> Result<(), Errno> {
        match left_until(moment) {
            Some(left) => self.0.set(Expiration::OneShot(left), TimerSetTimeFlags::empty()),
            None => self.0.unset(),
        }
    }

    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

    use super::*;
    use crate::clock;

    fn rings(alarm: &Alarm, within_ms: u16) -> bool {
        poll(&mut [PollFd::new(alarm.descriptor(), PollFlags::POLLIN)], PollTimeout::from(within_ms)) == Ok(1)
    }

    #[test]
    fn it_rings_at_its_moment_not_before_it_and_not_for_one_that_was_set_before() {
        let alarm = Alarm::new().unwrap();
        assert!(!rings(&alarm, 0));
        let at = clock::now() + Duration::from_millis(5);
        alarm.set(at).unwrap();
        assert!(rings(&alarm, 30_000) && clock::now() >= at);
        alarm.set(clock::now() + Duration::from_secs(3600)).unwrap();
        assert!(!rings(&alarm, 0));
        alarm.set(Duration::ZERO).unwrap();
        assert!(rings(&alarm, 0), "what is over is due");
        alarm.set(Duration::MAX).unwrap();
        assert!(!rings(&alarm, 0));
    }
}
