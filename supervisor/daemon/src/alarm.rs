//! A timer of the kernel's that a task waits for: on the clock that goes on while the machine sleeps, or on the wall clock, where
//! it also wakes when that is set. A sleep of the runtime's is on neither: it comes late by as long as the machine slept.

use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use jiff::Timestamp;
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use tokio::net::unix::pipe::Receiver;

use crate::clock;

/// One timer; whoever waits for it anew waits for another time.
pub struct Alarm {
    timer: TimerFd,
    woken: Receiver,
}

impl Alarm {
    /// On the clock of [`clock::now`](crate::clock::now).
    pub fn since_boot() -> io::Result<Self> {
        Self::on(ClockId::CLOCK_BOOTTIME)
    }

    /// On the clock of [`clock::wall`](crate::clock::wall).
    pub fn on_the_wall() -> io::Result<Self> {
        Self::on(ClockId::CLOCK_REALTIME)
    }

    fn on(clock: ClockId) -> io::Result<Self> {
        let timer = TimerFd::new(clock, TimerFlags::TFD_CLOEXEC | TimerFlags::TFD_NONBLOCK)?;
        // Tokio watches no descriptors but those of its own types; this one only reads what it is given.
        let woken = Receiver::from_owned_fd_unchecked(timer.as_fd().try_clone_to_owned()?)?;
        Ok(Self { timer, woken })
    }

    /// Until so long after boot; for good if that never comes. May be dropped half-way and asked again.
    pub async fn at(&self, moment: Option<Duration>) -> io::Result<()> {
        let Some(left) = moment.and_then(left_until) else {
            return std::future::pending().await;
        };
        self.timer.set(Expiration::OneShot(left), TimerSetTimeFlags::empty())?;
        self.ring().await
    }

    /// Until the clock shows this time, or is set.
    pub async fn at_wall(&self, until: Timestamp) -> io::Result<()> {
        // Rounded up: woken early, we would have to wait once more.
        let at = TimeSpec::new(until.as_second() + i64::from(until.subsec_nanosecond() > 0), 0);
        let flags = TimerSetTimeFlags::TFD_TIMER_ABSTIME | TimerSetTimeFlags::TFD_TIMER_CANCEL_ON_SET;
        self.timer.set(Expiration::OneShot(at), flags)?;
        self.ring().await
    }

    async fn ring(&self) -> io::Result<()> {
        loop {
            self.woken.readable().await?;
            let mut count = [0; size_of::<u64>()];
            let taken = self.woken.try_io(|| Ok(nix::unistd::read(&self.woken, &mut count)?));
            match taken {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.raw_os_error() != Some(libc::ECANCELED) => return Err(error),
                Ok(_) | Err(_) => return Ok(()), // its time, or the clock was set
            }
        }
    }
}

/// How far away a moment is, as the kernel takes it: zero would mean never. `None` if it is too far away to ever come.
pub fn left_until(moment: Duration) -> Option<TimeSpec> {
    let left = moment.saturating_sub(clock::now());
    (left < FOREVER).then(|| TimeSpec::from_duration(left.max(Duration::from_nanos(1))))
}

/// The kernel counts nanoseconds in 63 bits; a century is as good as never.
const FOREVER: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_time_that_is_over_is_not_waited_for() {
        let wall = Alarm::on_the_wall().unwrap();
        wall.at_wall(Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_secs(1)).await.unwrap();
        wall.at_wall(clock::wall()).await.unwrap();
        let boot = Alarm::since_boot().unwrap();
        boot.at(Some(Duration::ZERO)).await.unwrap();
        boot.at(Some(clock::now())).await.unwrap();
    }

    #[tokio::test]
    async fn it_rings_at_its_time_and_not_at_one_that_was_asked_for_before() {
        let alarm = Alarm::since_boot().unwrap();
        let begun = clock::now();
        let (soon, later) = (begun + Duration::from_millis(5), begun + Duration::from_millis(20));
        tokio::select! {
            biased;
            rang = alarm.at(Some(soon)) => panic!("{rang:?} before anybody looked"),
            () = std::future::ready(()) => {}
        }
        alarm.at(Some(later)).await.unwrap();
        assert!(clock::now() >= later);
    }

    #[test]
    fn what_is_too_far_away_never_comes() {
        assert_eq!(left_until(Duration::MAX), None);
        assert_eq!(left_until(Duration::ZERO), Some(TimeSpec::new(0, 1)));
        let left = left_until(clock::now() + Duration::from_secs(9)).map(Duration::from);
        assert!(left.is_some_and(|left| left <= Duration::from_secs(9) && left > Duration::from_secs(1)), "{left:?}");
    }
}
