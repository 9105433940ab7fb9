//! Waiting for two descriptors at once.
#![allow(unsafe_code)] // One borrow of a descriptor that the `dbus` crate shows only as a number.

use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use dbus::channel::Channel;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// Until the bus has something for us, a wake-up came, or the time is over.
pub(super) fn wait(channel: &Channel, woken: &UnixStream, timeout: Option<Duration>) {
    // SAFETY: the channel owns this descriptor, and it is borrowed for longer than the descriptor is used here.
    let socket = unsafe { BorrowedFd::borrow_raw(channel.watch().fd) };
    let mut descriptors = [PollFd::new(socket, PollFlags::POLLIN), PollFd::new(woken.as_fd(), PollFlags::POLLIN)];
    // Rounded up: a fraction of a millisecond too early would spin.
    let timeout = timeout.map_or(PollTimeout::NONE, |left| {
        PollTimeout::try_from(left + Duration::from_millis(1)).unwrap_or(PollTimeout::MAX)
    });
    // An interrupted wait is an early one.
    let _ = poll(&mut descriptors, timeout);
}
