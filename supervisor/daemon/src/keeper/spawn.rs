//! Fork of one worker, and what it inherits; what the child does then is in [`child`].
//!
//! The death signal is SIGKILL. A worker that is to drain needs time, and a keeper that was killed can give it none:
//! with SIGTERM a deaf worker would outlive both halves and be doubled by the next start. Draining belongs to an orderly
//! stop, which always goes through SIGTERM to the keeper. The lifeline (stdin) tells those whom the death signal does
//! not reach: descendants, and programs that changed their user.
#![allow(unsafe_code)] // fork and _exit, in a process with one thread

use std::fs::{self, File};
use std::io::Read;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::path::PathBuf;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::resource::rlim_t;
use nix::sys::signal::{SigSet, SigmaskHow};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
use nix::unistd::{ForkResult, Gid, Pid, Uid, fchown, fork, getpid, pipe2};
use protocol::keeper::{Channel, Identity, Spawn, Step};

use super::child::{self, Equipment, Failure};
use super::notify::{NotifySocket, Place};
use super::protection::Protection;

/// Lets a worker go on talking while its supervisor is replaced.
const LOG_PIPE_BYTES: i32 = 1024 * 1024;
/// The same for an ordinary user, whose pipes may hold 64 MiB together (`pipe-user-pages-soft`); beyond that each new one,
/// whichever of the user's programs makes it, holds two pages. With two of these a run, and two plain pipes, that is after
/// about 100 runs instead of 30.
const ORDINARY_LOG_PIPE_BYTES: i32 = 256 * 1024;
/// `CAP_SYS_RESOURCE`'s place in a set of capabilities: whoever has it has no such allowance.
const SYS_RESOURCE: u32 = 24;
/// The most sockets that can be lent to one worker.
pub const MOST_SOCKETS: usize = 32;
/// What a child exits with whose program could not be run; nobody sees it, because the errno went ahead.
const NOT_RUN: i32 = 127;

/// A worker's process, and our ends of what it inherited.
pub struct Worker {
    pub pid: Pid,
    pub out: OwnedFd,
    pub error: OwnedFd,
    pub ready: OwnedFd,
    pub notify: NotifySocket,
    /// Its own control group.
    pub cgroup: Option<PathBuf>,
    /// Write end of the worker's stdin; nobody writes. Never leaves the keeper: end of file means the keeper is gone.
    _lifeline: OwnedFd,
}

/// What the keeper adds to an order.
pub struct Surroundings<'a> {
    pub hub: &'a str,
    pub notify: Place,
    /// Name and descriptor of each socket that is lent.
    pub sockets: Vec<(String, BorrowedFd<'a>)>,
    /// Soft and hard limit of open files, as the keeper was started with.
    pub open_files: (rlim_t, rlim_t),
    /// See [`log_pipe_bytes`].
    pub log_pipe_bytes: i32,
    /// The run's own control group, made already.
    pub cgroup: Option<PathBuf>,
    pub protection: Protection,
}

/// Starts a worker; which step failed and why otherwise.
pub fn spawn(order: &Spawn, around: Surroundings) -> Result<Worker, Failure> {
    if around.sockets.len() > MOST_SOCKETS {
        return Err(Errno::E2BIG.into());
    }
    let (stdin, lifeline) = pipe2(OFlag::O_CLOEXEC)?;
    let (out, out_end) = log_pipe(around.log_pipe_bytes)?;
    let (error, error_end) = log_pipe(around.log_pipe_bytes)?;
    let (ready, ready_end) = ready_channel(order.channel)?;
    let notify = NotifySocket::bind(around.notify)?;
    if let Some(identity) = &order.identity {
        let pipes = [&stdin, &out_end, &error_end, &ready_end];
        give_away(&pipes, identity).map_err(Failure::at(Step::User))?;
    }
    let pid = fork_exec(
        order,
        &Equipment {
            keeper: getpid(),
            hub: around.hub,
            stdio: [stdin, out_end, error_end],
            ready: ready_end,
            notify: notify.address(),
            sockets: &around.sockets,
            open_files: around.open_files,
            cgroup: around.cgroup.as_deref(),
            protection: around.protection,
        },
    )?;
    Ok(Worker { pid, out, error, ready, notify, cgroup: around.cgroup, _lifeline: lifeline })
}

/// Whoever opens `/dev/stdout` opens the pipe behind it anew, and has to be its owner for that.
fn give_away(pipes: &[&OwnedFd], identity: &Identity) -> Result<(), Errno> {
    let (user, group) = (Uid::from_raw(identity.uid), Gid::from_raw(identity.gid));
    pipes.iter().try_for_each(|pipe| fchown(pipe, Some(user), Some(group)))
}

fn fork_exec(order: &Spawn, with: &Equipment) -> Result<Pid, Failure> {
    let (failure, failure_end) = pipe2(OFlag::O_CLOEXEC)?;
    // A signal that came between fork and exec would run the keeper's handlers in the child.
    let before = SigSet::all().thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
    // SAFETY: this process has one thread.
    let child = match unsafe { fork() } {
        Ok(ForkResult::Child) => {
            let report = child::lift(failure_end.as_raw_fd()).unwrap_or(-1);
            let Err(failure) = child::become_worker(order, with);
            let bytes = reported(failure);
            // SAFETY: writes bytes that live here, then ends the child without running destructors.
            unsafe {
                libc::write(report, bytes.as_ptr().cast(), bytes.len());
                libc::_exit(NOT_RUN)
            }
        }
        Ok(ForkResult::Parent { child }) => Ok(child),
        Err(errno) => Err(errno),
    };
    before.thread_set_mask()?;
    let child = child?;
    drop(failure_end);
    // End of file: exec closed the other end. Else the failure; the child is reaped as nobody's.
    let mut bytes = [0; REPORT_BYTES];
    match File::from(failure).read_exact(&mut bytes) {
        Ok(()) => Err(understood(bytes)),
        Err(_) => Ok(child),
    }
}

/// A failure as the child tells it: the step's place among all, then the errno.
const REPORT_BYTES: usize = 1 + size_of::<i32>();

fn reported(failure: Failure) -> [u8; REPORT_BYTES] {
    let [a, b, c, d] = (failure.errno as i32).to_ne_bytes();
    let step = Step::ALL.iter().position(|step| *step == failure.step).unwrap_or_default();
    [step as u8, a, b, c, d]
}

fn understood([step, a, b, c, d]: [u8; REPORT_BYTES]) -> Failure {
    let errno = Errno::from_raw(i32::from_ne_bytes([a, b, c, d]));
    Failure { step: Step::ALL.get(usize::from(step)).copied().unwrap_or(Step::Prepare), errno }
}

/// How large we make our log pipes.
pub fn log_pipe_bytes() -> i32 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let capabilities = effective.and_then(|set| u64::from_str_radix(set.trim(), 16).ok()).unwrap_or_default();
    if capabilities & (1 << SYS_RESOURCE) == 0 { ORDINARY_LOG_PIPE_BYTES } else { LOG_PIPE_BYTES }
}

fn log_pipe(bytes: i32) -> Result<(OwnedFd, OwnedFd), Errno> {
    let (read, write) = pipe2(OFlag::O_CLOEXEC)?;
    let _ = fcntl(&read, FcntlArg::F_SETPIPE_SZ(bytes)); // refused beyond the user's soft limit: smaller is fine
    fcntl(&read, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?; // the read end only; the worker's end keeps blocking
    Ok((read, write))
}

fn ready_channel(channel: Channel) -> Result<(OwnedFd, OwnedFd), Errno> {
    let (ours, theirs) = match channel {
        Channel::Pipe | Channel::NodeBelow => pipe2(OFlag::O_CLOEXEC)?,
        Channel::Node => socketpair(AddressFamily::Unix, SockType::Stream, None, SockFlag::SOCK_CLOEXEC)?,
    };
    fcntl(&ours, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    Ok((ours, theirs))
}

/// Makes exec close a descriptor that we were started with.
pub fn close_on_exec(descriptor: RawFd) {
    // SAFETY: only changes a flag; a number that is not open is refused by the kernel.
    unsafe { libc::fcntl(descriptor, libc::F_SETFD, libc::FD_CLOEXEC) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_is_understood_as_it_was_reported() {
        for step in Step::ALL {
            let failure = Failure { step, errno: Errno::EPERM };
            assert_eq!(understood(reported(failure)), failure);
        }
    }
}
