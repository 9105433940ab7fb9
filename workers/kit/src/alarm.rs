//! A timer on the wall clock, which also rings when that clock is set. A sleep of the runtime's is on another clock: it comes late
//! by as long as the machine slept, or as the wall clock was set forwards.

use std::{io, os::fd::AsFd};

use jiff::Timestamp;
use nix::{
    errno::Errno,
    sys::{
        time::TimeSpec,
        timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags},
    },
};
use tokio::net::unix::pipe::Receiver;

/// One timer; whoever waits for it anew waits for another time.
pub struct Alarm {
    timer: TimerFd,
    woken: Receiver,
}

impl Alarm {
    /// A timer that does not ring yet.
    ///
    /// # Errors
    /// If the kernel gives none.
    pub fn on_the_wall() -> io::Result<Self> {
        let flags = TimerFlags::TFD_CLOEXEC | TimerFlags::TFD_NONBLOCK;
        let timer = TimerFd::new(ClockId::CLOCK_REALTIME, flags)?;
        // Tokio watches no descriptors but those of its own types; this one only reads what it is given.
        let woken = Receiver::from_owned_fd_unchecked(timer.as_fd().try_clone_to_owned()?)?;
        Ok(Self { timer, woken })
    }

    /// Waits until the clock shows this time, or is set. May be dropped half-way and asked again.
    ///
    /// # Errors
    /// The kernel's.
    pub async fn at(&self, until: Timestamp) -> io::Result<()> {
        // All zeroes would mean never.
        let nanoseconds = i64::from(until.subsec_nanosecond().max(0));
        let at = TimeSpec::new(until.as_second().max(1), nanoseconds);
        let flags = TimerSetTimeFlags::TFD_TIMER_ABSTIME | TimerSetTimeFlags::TFD_TIMER_CANCEL_ON_SET;
        self.timer.set(Expiration::OneShot(at), flags)?;
        loop {
            self.woken.readable().await?;
            let mut count = [0; size_of::<u64>()];
            match self.woken.try_io(|| Ok(nix::unistd::read(&self.woken, &mut count)?)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.raw_os_error() != Some(Errno::ECANCELED as i32) => return Err(error),
                Ok(_) | Err(_) => return Ok(()), // its time, or the clock was set
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[tokio::test]
    async fn it_rings_at_its_time_and_at_once_if_that_is_over() {
        let alarm = Alarm::on_the_wall().unwrap();
        alarm.at(Timestamp::UNIX_EPOCH).await.unwrap();
        let soon = Timestamp::now() + SignedDuration::from_millis(20);
        alarm.at(soon).await.unwrap();
        assert!(Timestamp::now() >= soon);
    }

    #[tokio::test]
    async fn it_does_not_ring_at_a_time_that_was_asked_for_before() {
        let alarm = Alarm::on_the_wall().unwrap();
        let (soon, later) = (SignedDuration::from_millis(5), SignedDuration::from_millis(30));
        let (soon, later) = (Timestamp::now() + soon, Timestamp::now() + later);
        tokio::select! {
            biased;
            rang = alarm.at(soon) => panic!("{rang:?} before anybody looked"),
            () = std::future::ready(()) => {}
        }
        alarm.at(later).await.unwrap();
        assert!(Timestamp::now() >= later);
    }
}
