//! A program that we run beside the apps, in a session and a group of its own: nothing of its group is left when it is let go of.

use std::io;

use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::net::unix::pipe;
use tokio::process::Child;

use crate::tree;

/// Until it was waited for, its number is its own, and so is its group's.
pub struct InGroup(pub Child);

impl InGroup {
    /// Readable once it has ended; it is not reaped by that.
    pub fn has_ended(&self) -> io::Result<pipe::Receiver> {
        let pid = self.0.id().ok_or(Errno::ECHILD)?;
        pipe::Receiver::from_owned_fd_unchecked(tree::pidfd_open(pid.cast_signed())?)
    }

    pub fn kill_group(&self) {
        if let Some(pid) = self.0.id() {
            let _ = killpg(Pid::from_raw(pid.cast_signed()), Signal::SIGKILL);
        }
    }
}

impl Drop for InGroup {
    fn drop(&mut self) {
        self.kill_group();
    }
}
