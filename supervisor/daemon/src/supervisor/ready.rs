//! Hears when a run says that it is ready through its ready pipe or Node's channel. What it says through `sd_notify` is heard
//! in [`notify_socket`](super::monitors::notify_socket).
//!
//! Nothing is taken from a pipe before the readiness it announces is remembered by the keeper: until then it is only looked at
//! (`tee`, `MSG_PEEK`), so that a successor sees the same line. Afterwards everything is read and thrown away, for as
//! long as the app writes, so that it never blocks.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::Duration;

use lifecycle::Ailment;
use nix::errno::Errno;
use nix::fcntl::{OFlag, SpliceFFlags, tee};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{MsgFlags, recv};
use nix::unistd::{pipe2, read};
use protocol::worker::LONGEST_READY_LINE;
use tokio::net::unix::pipe::Receiver;
use tokio::sync::{mpsc::UnboundedSender, oneshot};

use super::Event;
use super::monitors::notify::{Word, main_pid_in, words};
use super::notes::{self, Note};

const SHORTEST_GLANCE: usize = 4096;

/// What a run says about itself.
pub enum Said {
    /// Answered when it is remembered.
    Ready(oneshot::Sender<()>),
    /// It is what the file asks for: its probe passed, or it wrote the line. Answered when it is remembered.
    Passed(oneshot::Sender<()>),
    /// The ready pipe ended without a line.
    NeverReady,
    /// `STATUS=`. Answered when it is remembered.
    Status(String, oneshot::Sender<()>),
    /// `MAINPID=`. Answered when the keeper was told.
    MainPid(i32, oneshot::Sender<()>),
    /// `STOPPING=1`: it ends by itself. Answered when it is remembered.
    Stopping(oneshot::Sender<()>),
    /// `EXTEND_TIMEOUT_USEC=`: it needs so much longer, from now, for what it is doing.
    Extend(Duration),
    /// `WATCHDOG=1`: it lives.
    Watchdog,
    /// `WATCHDOG=trigger`: it gives itself up.
    WatchdogTrigger,
    /// `WATCHDOG_USEC=`: from now on it says so at least this often.
    WatchdogInterval(Duration),
    /// Its probe does not pass yet, for this reason.
    NotYet(String),
    /// A health check failed, and is forgiven.
    CheckFailed,
    /// A monitor gave up on it, for this reason.
    Unhealthy(Ailment, String),
}

/// A descriptor of whatever kind that wakes us when it can be read.
fn watched(descriptor: OwnedFd) -> io::Result<Receiver> {
    Receiver::from_owned_fd_unchecked(descriptor)
}

/// Follows a ready pipe or Node channel. `known` skips the looking: the run's readiness is remembered.
pub async fn follow_pipe(pipe: OwnedFd, node: bool, known: bool, run: u64, events: UnboundedSender<Event>) {
    let Ok(pipe) = watched(pipe) else { return };
    if !known {
        match first_line(&pipe, node).await {
            Ok(true) => {
                if !remembered(run, Said::Ready, &events).await {
                    return;
                }
            }
            Ok(false) => drop(events.send(Event::Said(run, Said::NeverReady))),
            Err(_) => return,
        }
    }
    drain(&pipe).await;
}

/// Tells what the run said, and waits until a successor would know; whether it came to that. So a run that never stops
/// talking is heard at the pace at which we remember, and no faster.
pub async fn remembered(
    run: u64,
    said: impl FnOnce(oneshot::Sender<()>) -> Said,
    events: &UnboundedSender<Event>,
) -> bool {
    let (done, is_done) = oneshot::channel();
    events.send(Event::Said(run, said(done))).is_ok() && is_done.await.is_ok()
}

/// Whether a line that means ready came before the end.
async fn first_line(pipe: &Receiver, node: bool) -> io::Result<bool> {
    let mut enough = SHORTEST_GLANCE;
    let mut in_long_line = false;
    loop {
        pipe.readable().await?;
        let ended = hung_up(pipe); // asked first, so that what is seen afterwards is all there will be
        let seen = match pipe.try_io(|| glance(pipe, node, enough)) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            other => other?,
        };
        if seen.is_empty() {
            return Ok(false);
        }
        if in_long_line {
            // What a line that was too long goes on with, up to its end.
            let end = seen.iter().position(|&byte| byte == b'\n');
            take(pipe, end.map_or(seen.len(), |end| end + 1))?;
            in_long_line = end.is_none();
            continue;
        }
        match judge(&seen, node) {
            Judgement::Ready => return Ok(true),
            // Messages of other kinds on Node's channel are done with.
            Judgement::Passed(length) => take(pipe, length)?,
            Judgement::Unfinished if seen.len() >= LONGEST_READY_LINE => {
                take(pipe, seen.len())?;
                in_long_line = true;
            }
            Judgement::Unfinished if seen.len() == enough => enough *= 2,
            Judgement::Unfinished if ended => return Ok(false),
            Judgement::Unfinished => wait_for_more(pipe, seen.len(), node)?,
        }
    }
}

#[derive(Debug, PartialEq)]
enum Judgement {
    Ready,
    Passed(usize),
    Unfinished,
}

/// What was written so far means. On Node's channel a line that is JSON but not `"ready"` is somebody else's message.
fn judge(seen: &[u8], node: bool) -> Judgement {
    let Some(end) = seen.iter().position(|&byte| byte == b'\n') else { return Judgement::Unfinished };
    let line = &seen[..end];
    if !node || line == b"\"ready\"" || serde_json::from_slice::<serde::de::IgnoredAny>(line).is_err() {
        return Judgement::Ready;
    }
    Judgement::Passed(end + 1)
}

/// Looks at most at so many bytes without taking them; empty at the end.
fn glance(pipe: &impl AsFd, node: bool, most: usize) -> io::Result<Vec<u8>> {
    let mut seen = vec![0; most];
    if node {
        let length =
            recv(pipe.as_fd().as_raw_fd(), &mut seen, MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT).or_else(gone)?;
        seen.truncate(length);
        return Ok(seen);
    }
    let (copy, write) = pipe2(OFlag::O_CLOEXEC)?;
    tee(pipe, &write, most, SpliceFFlags::SPLICE_F_NONBLOCK)?;
    drop(write);
    seen.clear();
    File::from(copy).read_to_end(&mut seen)?;
    Ok(seen)
}

/// A worker that dies with unread messages resets its channel: that is an end as well.
fn gone(errno: Errno) -> Result<usize, Errno> {
    if errno == Errno::ECONNRESET { Ok(0) } else { Err(errno) }
}

/// Makes the next `readable` wait for more than what was seen: there is, or we say that there is nothing.
fn wait_for_more(pipe: &Receiver, known: usize, node: bool) -> io::Result<()> {
    let nothing_new = || match glance(pipe, node, known + 1) {
        Ok(seen) if seen.len() <= known => Err(io::ErrorKind::WouldBlock.into()),
        Ok(_) => Ok(()),
        Err(error) => Err(error),
    };
    match pipe.try_io(nothing_new) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
        other => other,
    }
}

fn hung_up(pipe: &Receiver) -> bool {
    let mut asked = [PollFd::new(pipe.as_fd(), PollFlags::empty())];
    poll(&mut asked, PollTimeout::ZERO).is_ok()
        && asked[0].revents().is_some_and(|found| found.contains(PollFlags::POLLHUP))
}

fn take(pipe: &Receiver, mut length: usize) -> io::Result<()> {
    let mut bytes = [0; SHORTEST_GLANCE];
    while length > 0 {
        let most = length.min(bytes.len());
        length -= read(pipe, &mut bytes[..most])?;
    }
    Ok(())
}

async fn drain(pipe: &Receiver) {
    let mut bytes = [0; SHORTEST_GLANCE];
    while pipe.readable().await.is_ok() {
        match pipe.try_io(|| Ok(read(pipe, &mut bytes)?)) {
            Ok(0) => return,
            // A pipe that is never empty would otherwise keep everybody else from their turn.
            Ok(_) => tokio::task::yield_now().await,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
}

/// Where a run may have said that it is ready, for one that ended before its words were heard.
pub enum Source {
    Pipe { descriptor: OwnedFd, node: bool },
    Notes(OwnedFd),
}

impl Source {
    /// Whether it says so among what waits there. Takes nothing.
    pub fn says_ready(&self, is_believed: impl Fn(u32) -> bool) -> bool {
        match self {
            Self::Pipe { descriptor, node } => glance(descriptor, *node, LONGEST_READY_LINE)
                .is_ok_and(|seen| lines_of(&seen).any(|line| judge(line, *node) == Judgement::Ready)),
            Self::Notes(socket) => believed(socket, is_believed).any(|note| words(&note.text).contains(&Word::Ready)),
        }
    }
}

/// Each with its end.
fn lines_of(seen: &[u8]) -> impl Iterator<Item = &[u8]> {
    seen.split_inclusive(|&byte| byte == b'\n')
}

impl Source {
    /// The process that waiting notes name as the main one, the last word of those who are believed counting. Takes none
    /// of them.
    pub fn main_pid(&self, is_believed: impl Fn(u32) -> bool) -> Option<i32> {
        let Self::Notes(socket) = self else { return None };
        believed(socket, is_believed).filter_map(|note| main_pid_in(&note.text)).last()
    }
}

fn believed(socket: &OwnedFd, is_believed: impl Fn(u32) -> bool) -> impl Iterator<Item = Note> {
    notes::waiting(socket).into_iter().filter(move |note| note.user.is_none_or(&is_believed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_whole_line_on_a_plain_pipe_means_ready() {
        for line in ["ready\n", "READY=1\n", "\"ready\"\n", "\n", "{\"a\":1}\n"] {
            assert_eq!(judge(line.as_bytes(), false), Judgement::Ready, "{line}");
        }
        assert_eq!(judge(b"ready", false), Judgement::Unfinished);
    }

    #[test]
    fn on_nodes_channel_other_messages_are_passed_over() {
        assert_eq!(judge(b"\"ready\"\n", true), Judgement::Ready);
        assert_eq!(judge(b"READY=1\n", true), Judgement::Ready);
        assert_eq!(judge(b"{\"node_version\":\"20\"}\n\"ready\"\n", true), Judgement::Passed(22));
        assert_eq!(judge(b"\"read", true), Judgement::Unfinished);
    }

    fn pipe() -> (Receiver, OwnedFd) {
        let (read, write) = pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK).unwrap();
        (watched(read).unwrap(), write)
    }

    #[tokio::test]
    async fn a_line_that_comes_in_pieces_is_heard_and_left_in_the_pipe() {
        let (pipe, write) = pipe();
        nix::unistd::write(&write, b"rea").unwrap();
        let writer = async {
            tokio::task::yield_now().await;
            nix::unistd::write(&write, b"dy\n").unwrap();
        };
        let (heard, ()) = tokio::join!(first_line(&pipe, false), writer);
        assert!(heard.unwrap());
        assert_eq!(glance(&pipe, false, 100).unwrap(), b"ready\n");
    }

    #[tokio::test]
    async fn a_line_that_is_too_long_is_passed_over_and_the_next_one_counts() {
        let (pipe, write) = pipe();
        let writer = std::thread::spawn(move || {
            nix::fcntl::fcntl(&write, nix::fcntl::FcntlArg::F_SETFL(OFlag::empty())).unwrap(); // waits while it is full
            let long = "x".repeat(3 * LONGEST_READY_LINE);
            std::io::Write::write_all(&mut File::from(write), format!("{long}\nready\n").as_bytes())
        });
        assert!(first_line(&pipe, false).await.unwrap());
        assert_eq!(glance(&pipe, false, 100).unwrap(), b"ready\n");
        writer.join().unwrap().unwrap();
    }

    #[tokio::test]
    async fn an_end_before_a_newline_is_not_ready() {
        let (pipe, write) = pipe();
        nix::unistd::write(&write, b"ready").unwrap();
        drop(write);
        assert!(!first_line(&pipe, false).await.unwrap());
    }
}
