//! Another program, asked whether it could be the supervisor. It gets a copy of everything that it would be told and nothing that
//! it could do harm with: no descriptor of a run, and not the keeper's socket.
#![allow(unsafe_code)] // what the child does to itself between fork and exec

use std::ffi::{CString, OsString};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use lifecycle::Moment;
use nix::errno::Errno;
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
use nix::unistd::{getpid, getppid, setsid};
use protocol::keeper::Fact;
use protocol::self_check::{SELF_CHECK, Understood};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::unix::pipe;
use tokio::process::Command;

use super::Wish;
use super::in_group::InGroup;
use super::reason::{signal_name, span};
use crate::link;

/// How long its self-check may take.
const SELF_CHECK_WITHIN: Duration = Duration::from_secs(10);
/// The longest answer, in bytes: some hundred for each of the most instances.
const LONGEST_ANSWER: u64 = 1024 * 1024;
/// What is shown of what it says on standard error, in bytes.
const LONGEST_COMPLAINT: u64 = 2048;

/// Why a program cannot be the supervisor.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    #[error("{path} cannot be run: {why}", path = path.display())]
    NotRun { path: PathBuf, why: String },
    #[error("{path} did not end its self-check within {within}", path = path.display(), within = span(SELF_CHECK_WITHIN))]
    TooLong { path: PathBuf },
    #[error("{path} failed its self-check: it {how}{said}", path = path.display())]
    Failed { path: PathBuf, how: String, said: String },
    #[error("{path} is no betti-supervisor: what it answers to --{SELF_CHECK} is not understood", path = path.display())]
    Strange { path: PathBuf },
}

/// What it makes of what it is told, if it makes anything of it. `at` is when that was so.
pub async fn ask(path: &Path, wish: &Wish, at: Moment, facts: Vec<Fact>) -> Result<Understood, Unfit> {
    let not_run = |error: io::Error| Unfit::NotRun { path: path.into(), why: words(&error) };
    let (ours, theirs) = pair().map_err(not_run)?;
    let mut running = start(path, wish, at, theirs).map_err(not_run)?;
    let (mut answer, mut complaint) = (Vec::new(), Vec::new());
    let output = running.0.stdout.take();
    let errors = running.0.stderr.take();
    let end = running.has_ended().map_err(not_run)?;
    let conversation = async {
        // What it does not read, or does not say, is judged by its end.
        tokio::join!(
            tell(&ours, &facts),
            listen(output, &mut answer, LONGEST_ANSWER),
            listen(errors, &mut complaint, LONGEST_COMPLAINT),
            async {
                let _ = end.readable().await;
                running.kill_group(); // whoever it left behind, so that its pipes end as well
            }
        );
        running.0.wait().await
    };
    let status = match tokio::time::timeout(SELF_CHECK_WITHIN, conversation).await {
        Err(_) => return Err(Unfit::TooLong { path: path.into() }),
        Ok(status) => status.map_err(not_run)?,
    };
    if !status.success() {
        return Err(Unfit::Failed { path: path.into(), how: ended(status), said: said(&complaint) });
    }
    serde_json::from_slice(&answer).map_err(|_| Unfit::Strange { path: path.into() })
}

fn pair() -> io::Result<(pipe::Sender, OwnedFd)> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let (ours, theirs) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, flags)?;
    Ok((pipe::Sender::from_owned_fd_unchecked(ours)?, theirs))
}

/// In a session of its own, and gone when we are.
fn start(path: &Path, wish: &Wish, at: Moment, socket: OwnedFd) -> io::Result<InGroup> {
    let flag = [format!("--{SELF_CHECK}"), at.since(Moment::START).as_nanos().to_string()].map(OsString::from);
    let arguments = [path.as_os_str().to_owned()].into_iter().chain(flag).chain(wish.as_arguments());
    let arguments = arguments.map(|word| CString::new(word.into_vec())).collect::<Result<Vec<_>, _>>()?;
    let mut command = Command::new(path);
    command.stdin(socket).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let us = getpid();
    // Addresses as numbers, so that they may go into the child; the text that they are of goes along.
    let pointers: Vec<usize> = arguments.iter().map(|word| word.as_ptr().expose_provenance()).chain([0]).collect();
    // SAFETY: only system calls on what was allocated before the fork: words that end with a zero, and a list of them that
    // ends with a null.
    unsafe {
        command.pre_exec(move || {
            setsid()?;
            set_pdeathsig(Signal::SIGKILL)?;
            if getppid() != us {
                return Err(Errno::ESRCH.into()); // we fell before it was set
            }
            // As the keeper does it. The standard library would try a file of another machine as a shell's script.
            libc::execv(arguments[0].as_ptr(), pointers.as_ptr().cast());
            Err(io::Error::last_os_error())
        });
    }
    Ok(InGroup(command.spawn()?))
}

async fn tell(socket: &pipe::Sender, facts: &[Fact]) {
    for fact in facts {
        let mut sent = false;
        while !sent && socket.writable().await.is_ok() {
            match socket.try_io(|| link::send(socket.as_fd(), fact, &[]).map_err(io::Error::from)) {
                Ok(()) => sent = true,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return, // it is gone
            }
        }
    }
}

async fn listen(from: Option<impl AsyncRead + Unpin>, into: &mut Vec<u8>, most: u64) {
    let Some(mut from) = from else { return };
    let _ = (&mut from).take(most).read_to_end(into).await;
    let _ = tokio::io::copy(&mut from, &mut tokio::io::sink()).await; // so that it can go on
}

fn said(complaint: &[u8]) -> String {
    let text = String::from_utf8_lossy(complaint);
    let text = text.trim().trim_start_matches("betti-supervisor: ");
    if text.is_empty() { String::new() } else { format!(": {text}") }
}

fn ended(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("ended with code {code}"),
        (None, Some(signal)) => format!("was ended by {}", signal_name(signal)),
        (None, None) => "ended strangely".to_owned(),
    }
}

fn words(error: &io::Error) -> String {
    error.raw_os_error().map_or_else(|| error.to_string(), |errno| Errno::from_raw(errno).desc().to_lowercase())
}
