//! Lets go of a child: a session of its own, and none of our caller's descriptors.
#![allow(unsafe_code)] // What happens between fork and exec is unsafe by nature; there is no other way to call setsid there.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// The descriptors that a child is meant to have are 0, 1 and 2.
const FIRST_STRAY: libc::c_uint = 3;

/// Has the child run in a session of its own, so that closing the terminal does not end it, and without descriptors that
/// our caller left open, so that `betti-ctl start | cat` and shells that wait for an end of file do not hang.
pub fn detach(command: &mut Command) -> &mut Command {
    // SAFETY: the closure runs in the child between fork and exec, where only async-signal-safe calls are allowed. It
    // makes two system calls, allocates nothing and touches no lock.
    unsafe { command.pre_exec(in_child) }
}

fn in_child() -> io::Result<()> {
    nix::unistd::setsid()?;
    // Marked instead of closed, because the standard library still needs a descriptor to report a failing exec. A
    // kernel before 5.11 cannot do this; what the caller left open then stays open.
    // SAFETY: close_range with these arguments touches no memory, and CLOSE_RANGE_CLOEXEC closes nothing yet.
    let _ = unsafe { libc::syscall(libc::SYS_close_range, FIRST_STRAY, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    Ok(())
}
