//! The supervisor of the moment: started, told, asked whether it is there, replaced.
#![allow(unsafe_code)] // fork and _exit, in a process with one thread

use std::collections::{BTreeSet, VecDeque};
use std::fs;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
use nix::unistd::{ForkResult, Pid, fork, setsid};
use protocol::keeper::{Exit, Fact, SUPERVISOR_FD};

use super::child::{lift, put};
use super::program::{Ended, Programs};
use super::protection::Protection;
use crate::clock;

/// How often an idle supervisor is asked. No busier: an idle hub does not wake up.
const PING_EVERY: Duration = Duration::from_secs(10);
/// The same while everything is being stopped: whoever hangs then must not use up everybody's time.
const PING_EVERY_IN_THE_END: Duration = Duration::from_secs(1);
/// How long it may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// How long it may take to take over, whatever else it answers.
pub const ADOPT_WITHIN: Duration = Duration::from_secs(30);
/// Woken this much later than asked for, we starved ourselves, or the machine slept, and so did the supervisor.
const OVERSLEPT: Duration = Duration::from_millis(500);

/// A message to be sent. What it says is looked up when it is sent, so that a row heard late is heard as it is then.
#[derive(Clone, Debug, PartialEq)]
pub enum Queued {
    Hello,
    Row(u64),
    Memory(String),
    Other(Fact),
}

pub struct Head {
    pub pid: Pid,
    /// Which program it is.
    pub program: u32,
    /// `None` once its end is closed, which is the end of it.
    pub socket: Option<OwnedFd>,
    pub outbox: VecDeque<Queued>,
    /// Runs whose descriptors it has.
    pub told: BTreeSet<u64>,
    pub adopted: bool,
    pub started: Duration,
    /// When it has to have taken over.
    adopt_by: Duration,
    beat: u64,
    /// When the answer to the ping that is under way is due.
    answer_due: Option<Duration>,
    next_ping: Duration,
    ping_every: Duration,
    excused: bool,
    killed: bool,
}

impl Head {
    /// Gone, or about to be: it can say nothing more, so it must not do anything more.
    pub fn cut_off(&mut self) {
        self.socket = None;
        let _ = kill(self.pid, Signal::SIGKILL); // fails only when it has ended already
    }

    pub fn start(programs: &Programs, protection: Protection) -> Result<Self, Errno> {
        let (ours, theirs) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)?;
        // SAFETY: this process has one thread.
        let pid = match unsafe { fork() }? {
            ForkResult::Child => {
                let _ = become_supervisor(programs, &theirs, protection);
                // SAFETY: ends the child without running destructors.
                unsafe { libc::_exit(127) }
            }
            ForkResult::Parent { child } => child,
        };
        let started = clock::now();
        Ok(Self {
            pid,
            program: programs.present(),
            socket: Some(ours),
            outbox: VecDeque::from([Queued::Hello]),
            told: BTreeSet::new(),
            adopted: false,
            started,
            adopt_by: started + ADOPT_WITHIN,
            beat: 0,
            answer_due: None,
            next_ping: started,
            ping_every: PING_EVERY,
            excused: false,
            killed: false,
        })
    }

    /// Queues a message; one that already waits to be sent is not queued twice.
    pub fn tell(&mut self, message: Queued) {
        if !self.outbox.contains(&message) {
            self.outbox.push_back(message);
        }
    }

    /// Asks whether it is there, unless an answer is already due.
    pub fn ping(&mut self) {
        if self.answer_due.is_none() {
            self.beat += 1;
            self.outbox.push_back(Queued::Other(Fact::Ping { beat: self.beat }));
            self.answer_due = Some(clock::now() + ANSWER_WITHIN);
        }
    }

    pub fn pong(&mut self, beat: u64) {
        if beat == self.beat {
            self.answer_due = None;
            self.excused = false;
            self.next_ping = clock::now() + self.ping_every;
        }
    }

    /// Everything is to end: asks at once, and often from now on.
    pub fn hurry(&mut self) {
        self.ping_every = PING_EVERY_IN_THE_END;
        self.tell(Queued::Other(Fact::StopAll));
        self.ping();
    }

    pub fn owes_an_answer(&self) -> bool {
        self.answer_due.is_some()
    }

    /// When to look again.
    pub fn deadline(&self) -> Duration {
        if self.killed {
            return Duration::MAX; // its death will be noticed
        }
        self.answer_due.unwrap_or(self.next_ping).min(self.adopt_by())
    }

    fn adopt_by(&self) -> Duration {
        if self.adopted { Duration::MAX } else { self.adopt_by }
    }

    /// Asks if it is time to, and replaces a supervisor that owes an answer. `planned` is when we meant to wake up. Returns
    /// whether it was time for anything.
    pub fn check(&mut self, planned: Duration) -> bool {
        let is_time = clock::now() >= self.deadline();
        if is_time {
            self.check_now(planned);
        }
        is_time
    }

    fn check_now(&mut self, planned: Duration) {
        let now = clock::now();
        let overslept = now.saturating_sub(planned) > OVERSLEPT;
        if now >= self.adopt_by() && overslept {
            self.adopt_by = now + ADOPT_WITHIN;
        }
        if now >= self.adopt_by() {
            return self.end("did not take over in 30 s");
        }
        let Some(due) = self.answer_due else { return self.ping() };
        if now < due {
            return;
        }
        if overslept {
            self.answer_due = Some(now + ANSWER_WITHIN);
            return;
        }
        if self.in_disk_sleep() {
            // Cannot be killed and is not at fault: the disk is.
            if !self.excused {
                say!("{} keeper: supervisor {} waits for a disk; waiting with it", clock::stamp(), self.pid);
            }
            self.excused = true;
            self.answer_due = Some(now + ANSWER_WITHIN);
            return;
        }
        self.end("gave no answer for 2 s");
    }

    /// Ends it; its death, noticed like any other, starts the next one.
    pub fn end(&mut self, why: &str) {
        say!("{} keeper: supervisor {} {why}; replacing it", clock::stamp(), self.pid);
        self.killed = true;
        let _ = kill(self.pid, Signal::SIGKILL);
    }

    /// Whether we ended it, because it did not do its work.
    pub fn was_killed(&self) -> bool {
        self.killed
    }

    /// Whether it took over and stayed for a while.
    pub fn worked(&self, at_least: Duration) -> bool {
        self.adopted && !self.killed && clock::now().saturating_sub(self.started) >= at_least
    }

    /// How it ended, for judging its program. A kill that was not ours is no fault of its own.
    pub fn ended(&self, exit: Exit, long_enough: Duration) -> Ended {
        let is_killed = matches!(exit, Exit::Signal { signal, .. } if signal == Signal::SIGKILL as i32);
        Ended { program: self.program, worked: self.worked(long_enough), by_itself: self.killed || !is_killed }
    }

    fn in_disk_sleep(&self) -> bool {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid)).unwrap_or_default();
        stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('D'))
    }
}

/// Only returns if that fails.
fn become_supervisor(
    programs: &Programs,
    socket: &OwnedFd,
    protection: Protection,
) -> Result<std::convert::Infallible, Errno> {
    protection.of_supervisor();
    setsid()?; // the terminal's Ctrl-C is for the keeper
    put(lift(socket.as_fd().as_raw_fd())?, SUPERVISOR_FD)?;
    SigSet::empty().thread_set_mask()?;
    Err(programs.execute())
}
