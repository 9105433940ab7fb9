//! Waits for a time on the wall clock, and notices when that clock is set. A sleep of the runtime's does neither: it counts the
//! seconds that the machine is awake. A machine that was suspended is told like one whose clock was set; neither wakes it.

use std::{io, os::fd::AsFd};

use jiff::{SignedDuration, Timestamp};
use nix::{
    errno::Errno,
    sys::{
        time::TimeSpec,
        timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags},
    },
};
use tokio::net::unix::pipe::Receiver;

/// When nothing is waited for, the clock may still be set. The kernel takes no time that is much further away than this.
const A_LONG_TIME: SignedDuration = SignedDuration::from_hours(24 * 365);

/// One timer of the kernel's; whoever waits for it anew waits for another time.
pub struct Alarm {
    timer: TimerFd,
    woken: Receiver,
}

/// Why the wait is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Woken {
    /// It is time.
    Due,
    /// The clock was set: what was waited for may be due, or further away.
    ClockSet,
}

impl Alarm {
    /// A timer that does not ring yet, and from now on notices when the clock is set, also before somebody waits.
    ///
    /// # Errors
    /// If there are no descriptors left.
    pub fn new() -> io::Result<Self> {
        let timer = TimerFd::new(ClockId::CLOCK_REALTIME, TimerFlags::TFD_CLOEXEC | TimerFlags::TFD_NONBLOCK)?;
        // Tokio watches no descriptors but those of its own types; this one only reads what it is given.
        let woken = Receiver::from_owned_fd_unchecked(timer.as_fd().try_clone_to_owned()?)?;
        let alarm = Self { timer, woken };
        alarm.set(None, Timestamp::now())?;
        Ok(alarm)
    }

    /// Until the clock shows this time, or is set. May be dropped half-way and asked again.
    ///
    /// # Errors
    /// The kernel's.
    pub async fn at(&self, until: Option<Timestamp>, now: Timestamp) -> io::Result<Woken> {
        match self.set(until, now) {
            // It was set between two waits.
            Err(Errno::ECANCELED) => return Ok(Woken::ClockSet),
            other => other?,
        }
        loop {
            self.woken.readable().await?;
            let mut count = [0; size_of::<u64>()];
            match self.woken.try_io(|| Ok(nix::unistd::read(&self.woken, &mut count)?)) {
                Ok(_) => return Ok(Woken::Due),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.raw_os_error() == Some(Errno::ECANCELED as i32) => {
                    return Ok(Woken::ClockSet);
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn set(&self, until: Option<Timestamp>, now: Timestamp) -> Result<(), Errno> {
        let latest = now.checked_add(A_LONG_TIME).unwrap_or(Timestamp::MAX);
        // At least a second after the epoch: zero would mean never.
        let until = until.unwrap_or(latest).clamp(Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1), latest);
        let flags = TimerSetTimeFlags::TFD_TIMER_ABSTIME | TimerSetTimeFlags::TFD_TIMER_CANCEL_ON_SET;
        let at = TimeSpec::new(until.as_second(), until.subsec_nanosecond().into());
        self.timer.set(Expiration::OneShot(at), flags)
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;

    use super::*;

    /// Tests do not set the clock; the kernel says of what it would tell.
    #[tokio::test]
    async fn it_notices_that_the_clock_is_set_from_the_beginning_and_once_it_rang() {
        let alarm = Alarm::new().unwrap();
        let settings = || {
            let number = alarm.timer.as_fd().as_raw_fd();
            std::fs::read_to_string(format!("/proc/self/fdinfo/{number}")).unwrap()
        };
        let both = TimerSetTimeFlags::TFD_TIMER_ABSTIME | TimerSetTimeFlags::TFD_TIMER_CANCEL_ON_SET;
        let expected = format!("settime flags: 0{:o}\n", both.bits());
        assert!(settings().contains("clockid: 0\n") && settings().contains(&expected), "{}", settings());
        assert_eq!(alarm.at(Some(Timestamp::UNIX_EPOCH), Timestamp::now()).await.unwrap(), Woken::Due);
        assert!(settings().contains(&expected), "{}", settings());
    }

    #[tokio::test]
    async fn it_rings_at_its_time_and_not_before() {
        let alarm = Alarm::new().unwrap();
        let now = Timestamp::now();
        assert_eq!(alarm.at(Some(Timestamp::UNIX_EPOCH), now).await.unwrap(), Woken::Due, "that is over");
        tokio::select! {
            biased;
            rang = alarm.at(None, now) => panic!("{rang:?} before anybody looked"),
            () = std::future::ready(()) => {}
        }
        let soon = now + SignedDuration::from_millis(20);
        assert_eq!(alarm.at(Some(soon), now).await.unwrap(), Woken::Due);
        assert!(Timestamp::now() >= soon);
    }
}
