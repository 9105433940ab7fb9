//! Fork and exec of one worker, and what it inherits. Only for a process with one thread: the child may then do
//! anything between `fork` and `exec`, such as learn its own pid for `LISTEN_PID`.
//!
//! The death signal is SIGKILL. A worker that is to drain needs time, and a keeper that was killed can give it none:
//! with SIGTERM a deaf worker would outlive both halves and be doubled by the next start. Draining belongs to an orderly
//! stop, which always goes through SIGTERM to the keeper. The lifeline (stdin) tells those whom the death signal does
//! not reach: descendants, and programs that changed their user.
#![allow(unsafe_code)] // fork, dup2 and _exit, all in a process with one thread

use std::convert::Infallible;
use std::ffi::CString;
use std::fs::{self, File};
use std::io::Read;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::resource::{Resource, rlim_t, setrlimit};
use nix::sys::signal::{SigHandler, SigSet, SigmaskHow, Signal, signal};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
use nix::unistd::{ForkResult, Pid, chdir, execve, fork, getpid, getppid, pipe2, setsid};
use protocol::keeper::{Channel, Spawn};
use protocol::worker;

/// Lets a worker go on talking while its supervisor is replaced.
const LOG_PIPE_BYTES: i32 = 1024 * 1024;
/// The same for an ordinary user, whose pipes may hold 64 MiB together (`pipe-user-pages-soft`); beyond that each new one,
/// whichever of the user's programs makes it, holds two pages. With two of these a run, and two plain pipes, that is after
/// about 100 runs instead of 30.
const ORDINARY_LOG_PIPE_BYTES: i32 = 256 * 1024;
/// `CAP_SYS_RESOURCE`'s place in a set of capabilities: whoever has it has no such allowance.
const SYS_RESOURCE: u32 = 24;
/// Above every number that a worker inherits: 0-2, its sockets, its ready pipe.
const LIFTED: RawFd = 64;
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
    pub notify: OwnedFd,
    notify_path: PathBuf,
    /// Write end of the worker's stdin; nobody writes. Never leaves the keeper: end of file means the keeper is gone.
    _lifeline: OwnedFd,
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.notify_path);
    }
}

/// What the keeper adds to an order.
pub struct Surroundings<'a> {
    pub hub: &'a str,
    pub notify_path: PathBuf,
    /// Name and descriptor of each socket that is lent.
    pub sockets: Vec<(String, BorrowedFd<'a>)>,
    /// Soft and hard limit of open files, as the keeper was started with.
    pub open_files: (rlim_t, rlim_t),
    /// See [`log_pipe_bytes`].
    pub log_pipe_bytes: i32,
}

/// The child's ends of what it inherits.
struct Inherited {
    stdio: [OwnedFd; 3],
    ready: OwnedFd,
}

/// Starts a worker; the errno of the step that failed otherwise.
pub fn spawn(order: &Spawn, around: &Surroundings) -> Result<Worker, Errno> {
    if around.sockets.len() > MOST_SOCKETS {
        return Err(Errno::E2BIG);
    }
    let (stdin, lifeline) = pipe2(OFlag::O_CLOEXEC)?;
    let (out, out_end) = log_pipe(around.log_pipe_bytes)?;
    let (error, error_end) = log_pipe(around.log_pipe_bytes)?;
    let (ready, ready_end) = ready_channel(order.channel)?;
    let notify = UnixDatagram::bind(&around.notify_path).map_err(|e| Errno::from_raw(e.raw_os_error().unwrap_or(0)))?;
    let notify = OwnedFd::from(notify);
    let inherited = Inherited { stdio: [stdin, out_end, error_end], ready: ready_end };
    let pid = fork_exec(order, around, inherited).inspect_err(|_| drop(fs::remove_file(&around.notify_path)))?;
    Ok(Worker { pid, out, error, ready, notify, notify_path: around.notify_path.clone(), _lifeline: lifeline })
}

fn fork_exec(order: &Spawn, around: &Surroundings, inherited: Inherited) -> Result<Pid, Errno> {
    let (failure, failure_end) = pipe2(OFlag::O_CLOEXEC)?;
    let keeper = getpid();
    // A signal that came between fork and exec would run the keeper's handlers in the child.
    let before = SigSet::all().thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
    // SAFETY: this process has one thread.
    let child = match unsafe { fork() } {
        Ok(ForkResult::Child) => {
            let report = lift(failure_end.as_raw_fd()).unwrap_or(-1);
            let Err(errno) = become_worker(keeper, order, around, &inherited);
            let errno = errno as i32;
            // SAFETY: writes four bytes from a live integer, then ends the child without running destructors.
            unsafe {
                libc::write(report, (&raw const errno).cast(), size_of::<i32>());
                libc::_exit(NOT_RUN)
            }
        }
        Ok(ForkResult::Parent { child }) => Ok(child),
        Err(errno) => Err(errno),
    };
    before.thread_set_mask()?;
    let child = child?;
    drop(failure_end);
    // End of file: exec closed the other end. Four bytes: the errno; the child is reaped as nobody's.
    let mut errno = [0; size_of::<i32>()];
    match File::from(failure).read_exact(&mut errno) {
        Ok(()) => Err(Errno::from_raw(i32::from_ne_bytes(errno))),
        Err(_) => Ok(child),
    }
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

fn become_worker(
    keeper: Pid,
    order: &Spawn,
    around: &Surroundings,
    inherited: &Inherited,
) -> Result<Infallible, Errno> {
    set_pdeathsig(Signal::SIGKILL)?;
    if getppid() != keeper {
        return Err(Errno::ESRCH); // the keeper died between fork and prctl
    }
    setsid()?;
    reset_signals()?;
    chdir(order.cwd.as_str())?;
    let ready = put_in_place(around, inherited)?;
    let text = |text: &String| CString::new(text.as_str()).map_err(|_| Errno::EINVAL);
    let program = text(&order.program)?;
    let argv = order.argv.iter().map(text).collect::<Result<Vec<_>, _>>()?;
    let env = environment(order, around, ready).iter().map(text).collect::<Result<Vec<_>, _>>()?;
    setrlimit(Resource::RLIMIT_NOFILE, around.open_files.0, around.open_files.1)?;
    execve(&program, &argv, &env)
}

/// Default actions for all: Rust's runtime ignores SIGPIPE, the keeper handles others, and ignored ones survive exec.
fn reset_signals() -> Result<(), Errno> {
    for each in Signal::iterator().filter(|each| !matches!(each, Signal::SIGKILL | Signal::SIGSTOP)) {
        // SAFETY: a default action runs no code of ours.
        unsafe { signal(each, SigHandler::SigDfl) }?;
    }
    SigSet::empty().thread_set_mask()
}

/// Lifts everything out of the range that is about to be filled, then puts it in place from 0 up: stdin, stdout,
/// stderr, lent sockets, ready pipe. Returns the ready pipe's number.
fn put_in_place(around: &Surroundings, inherited: &Inherited) -> Result<RawFd, Errno> {
    let mut wanted: Vec<RawFd> = inherited.stdio.iter().map(AsRawFd::as_raw_fd).collect();
    wanted.extend(around.sockets.iter().map(|(_, socket)| socket.as_raw_fd()));
    wanted.push(inherited.ready.as_fd().as_raw_fd());
    let lifted = wanted.into_iter().map(lift).collect::<Result<Vec<_>, _>>()?;
    let mut target = 0;
    for descriptor in lifted {
        put(descriptor, target)?;
        target += 1;
    }
    Ok(target - 1)
}

fn environment(order: &Spawn, around: &Surroundings, ready: RawFd) -> Vec<String> {
    let mut all: Vec<String> = order.env.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut add = |name: &str, value: &str| all.push(format!("{name}={value}"));
    add(worker::INVOCATION, &format!("{}-{}", around.hub, order.run));
    add(worker::READY_FD, &ready.to_string());
    add(worker::NOTIFY_SOCKET, &around.notify_path.to_string_lossy());
    if matches!(order.channel, Channel::Node | Channel::NodeBelow) {
        add(worker::NODE_CHANNEL_FD, &ready.to_string());
        add(worker::NODE_CHANNEL_MODE, worker::NODE_CHANNEL_JSON);
    }
    if !around.sockets.is_empty() {
        let names: Vec<&str> = around.sockets.iter().map(|(name, _)| name.as_str()).collect();
        add(worker::LISTEN_FDS, &names.len().to_string());
        add(worker::LISTEN_PID, &getpid().to_string());
        add(worker::LISTEN_FDNAMES, &names.join(":"));
    }
    all
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

/// Makes exec close a descriptor that we were started with.
pub fn close_on_exec(descriptor: RawFd) {
    // SAFETY: only changes a flag; a number that is not open is refused by the kernel.
    unsafe { libc::fcntl(descriptor, libc::F_SETFD, libc::FD_CLOEXEC) };
}
