//! Between fork and exec: a copy of the keeper becomes a worker. Only for a process with one thread: the child may then do
//! anything here, such as learn its own pid for `LISTEN_PID`.
//!
//! What takes privileges comes before the user changes, what that clears comes after it: the death signal.
#![allow(unsafe_code)] // setrlimit and setpriority by number, dup2

use std::convert::Infallible;
use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::path::Path;

use nix::errno::Errno;
use nix::sys::prctl::set_pdeathsig;
use nix::sys::resource::{Resource, rlim_t, setrlimit};
use nix::sys::signal::{SigHandler, SigSet, Signal, signal};
use nix::unistd::{Gid, Pid, Uid, chdir, execve, getpid, getppid, setgid, setgroups, setsid, setuid};
use protocol::keeper::{Channel, Identity, Rlimit, Spawn, Step};
use protocol::worker;

use super::protection::{Protection, set_own_score};
use crate::cgroup;

/// Above every number that a worker inherits: 0-2, its sockets, its ready pipe.
const LIFTED: RawFd = 64;

/// Why a worker could not be spawned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    pub step: Step,
    pub errno: Errno,
}

impl Failure {
    pub fn at(step: Step) -> impl Fn(Errno) -> Self {
        move |errno| Self { step, errno }
    }
}

impl From<Errno> for Failure {
    fn from(errno: Errno) -> Self {
        Self { step: Step::Prepare, errno }
    }
}

/// What the child becomes a worker with, beside its order.
pub struct Equipment<'a> {
    pub keeper: Pid,
    pub hub: &'a str,
    /// stdin, stdout, stderr.
    pub stdio: [OwnedFd; 3],
    pub ready: OwnedFd,
    /// As `NOTIFY_SOCKET` has it.
    pub notify: &'a str,
    /// Name and descriptor of each socket that is lent.
    pub sockets: &'a [(String, BorrowedFd<'a>)],
    /// Soft and hard limit of open files, as the keeper was started with.
    pub open_files: (rlim_t, rlim_t),
    /// The run's own control group.
    pub cgroup: Option<&'a Path>,
    /// The keeper's, which is not for workers.
    pub protection: Protection,
}

/// Does not return, unless some step fails.
pub fn become_worker(order: &Spawn, with: &Equipment) -> Result<Infallible, Failure> {
    // What takes memory comes before the limits.
    let text = |text: &String| CString::new(text.as_str()).map_err(|_| Errno::EINVAL);
    let program = text(&order.program)?;
    let argv = order.argv.iter().map(text).collect::<Result<Vec<_>, _>>()?;
    let env = environment(order, with).iter().map(text).collect::<Result<Vec<_>, _>>()?;
    with.cgroup.map_or(Ok(()), cgroup::enter).map_err(Failure::at(Step::ControlGroup))?;
    setsid()?;
    reset_signals()?;
    put_in_place(with)?;
    set_own_score(with.protection.of_worker(order.oom_score_adj)).map_err(Failure::at(Step::OomScore))?;
    set_limits(with.open_files, &order.rlimits).map_err(Failure::at(Step::Limits))?;
    order.nice.map_or(Ok(()), set_nice).map_err(Failure::at(Step::Nice))?;
    order.identity.as_ref().map_or(Ok(()), become_user).map_err(Failure::at(Step::User))?;
    set_pdeathsig(Signal::SIGKILL)?;
    if getppid() != with.keeper {
        return Err(Errno::ESRCH.into()); // the keeper died before the death signal was in place
    }
    chdir(order.cwd.as_str()).map_err(Failure::at(Step::Folder))?;
    execve(&program, &argv, &env).map_err(Failure::at(Step::Program))
}

/// Default actions for all: Rust's runtime ignores SIGPIPE, the keeper handles others, and ignored ones survive exec.
fn reset_signals() -> Result<(), Errno> {
    for each in Signal::iterator().filter(|each| !matches!(each, Signal::SIGKILL | Signal::SIGSTOP)) {
        // SAFETY: a default action runs no code of ours.
        unsafe { signal(each, SigHandler::SigDfl) }?;
    }
    SigSet::empty().thread_set_mask()
}

/// The keeper's own limit of open files was raised for itself only.
fn set_limits(open_files: (rlim_t, rlim_t), limits: &[Rlimit]) -> Result<(), Errno> {
    setrlimit(Resource::RLIMIT_NOFILE, open_files.0, open_files.1)?;
    limits.iter().try_for_each(|limit| {
        let number = |limit: Option<u64>| limit.unwrap_or(libc::RLIM_INFINITY);
        let pair = libc::rlimit { rlim_cur: number(limit.soft), rlim_max: number(limit.hard) };
        // SAFETY: reads two numbers; a resource that the kernel does not know is refused.
        Errno::result(unsafe { libc::setrlimit(limit.resource as _, &raw const pair) }).map(drop)
    })
}

fn set_nice(nice: i32) -> Result<(), Errno> {
    // SAFETY: takes numbers; 0 is this process.
    Errno::result(unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, nice) }).map(drop)
}

/// Groups first: whoever is no longer root may not change them.
fn become_user(identity: &Identity) -> Result<(), Errno> {
    let groups: Vec<Gid> = identity.groups.iter().copied().map(Gid::from_raw).collect();
    setgroups(&groups)?;
    setgid(Gid::from_raw(identity.gid))?;
    setuid(Uid::from_raw(identity.uid))
}

/// Lifts everything out of the range that is about to be filled, then puts it in place from 0 up: stdin, stdout,
/// stderr, lent sockets, ready pipe.
fn put_in_place(with: &Equipment) -> Result<(), Errno> {
    let mut wanted: Vec<RawFd> = with.stdio.iter().map(AsRawFd::as_raw_fd).collect();
    wanted.extend(with.sockets.iter().map(|(_, socket)| socket.as_raw_fd()));
    wanted.push(with.ready.as_fd().as_raw_fd());
    let lifted = wanted.into_iter().map(lift).collect::<Result<Vec<_>, _>>()?;
    for (target, descriptor) in (0..).zip(lifted) {
        put(descriptor, target)?;
    }
    Ok(())
}

/// The order's, with what only the keeper and the child itself know in place of what the order may say of it.
fn environment(order: &Spawn, with: &Equipment) -> Vec<String> {
    let ready = (with.stdio.len() + with.sockets.len()).to_string();
    let pid = getpid().to_string();
    let mut ours = vec![
        (worker::INVOCATION, format!("{}-{}", with.hub, order.run)),
        (worker::READY_FD, ready.clone()),
        (worker::NOTIFY_SOCKET, with.notify.to_owned()),
    ];
    if matches!(order.channel, Channel::Node | Channel::NodeBelow) {
        ours.push((worker::NODE_CHANNEL_FD, ready));
        ours.push((worker::NODE_CHANNEL_MODE, worker::NODE_CHANNEL_JSON.to_owned()));
    }
    if !with.sockets.is_empty() {
        let names: Vec<&str> = with.sockets.iter().map(|(name, _)| name.as_str()).collect();
        ours.push((worker::LISTEN_FDS, names.len().to_string()));
        ours.push((worker::LISTEN_PID, pid.clone()));
        ours.push((worker::LISTEN_FDNAMES, names.join(":")));
    }
    if let Some(every) = order.watchdog_usec {
        ours.push((worker::WATCHDOG_USEC, every.to_string()));
        ours.push((worker::WATCHDOG_PID, pid));
    }
    let ordered = order.env.iter().map(|(name, value)| (name.as_str(), value));
    let kept = ordered.filter(|(name, _)| ours.iter().all(|(known, _)| known != name));
    let all = kept.chain(ours.iter().map(|(name, value)| (*name, value)));
    all.map(|(name, value)| format!("{name}={value}")).collect()
}

/// A copy of a descriptor above everything that a child inherits; closed by exec.
pub fn lift(descriptor: RawFd) -> Result<RawFd, Errno> {
    // SAFETY: only duplicates a number.
    Errno::result(unsafe { libc::fcntl(descriptor, libc::F_DUPFD_CLOEXEC, LIFTED) })
}

/// A copy with exactly this number, that exec leaves open. In a child only, after [`lift`].
pub fn put(descriptor: RawFd, target: RawFd) -> Result<RawFd, Errno> {
    // SAFETY: whatever had this number was lifted or is close-on-exec.
    Errno::result(unsafe { libc::dup2(descriptor, target) })
}
