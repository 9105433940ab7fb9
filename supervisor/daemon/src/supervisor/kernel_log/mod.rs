//! Whom the kernel ended for want of memory, from its log (`/dev/kmsg`), where we may read that.
//!
//! A task reads what is new as it comes. A supervisor that hears of an end which was before its time looks through all that the
//! log still has, so that it judges as its predecessor would have.

mod record;

use std::cell::RefCell;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use nix::errno::Errno;
use tokio::net::unix::pipe::Receiver;
use tokio::sync::mpsc::UnboundedSender;

pub use self::record::Killed;
use super::Event;
use super::monitors::Task;
use crate::clock;

const KERNEL_LOG: &str = "/dev/kmsg";
/// The longest record that the kernel hands out.
const LONGEST_RECORD: usize = 8192;
/// So many of the last ones that were ended are known.
const MOST_KNOWN: usize = 256;
/// The log numbers processes as the first namespace does, and so must we.
const NAMESPACE: &str = "/proc/self/ns/pid";
const FIRST_NAMESPACE: &str = "pid:[4026531836]";
/// The log's clock is set right by nobody: this much it may differ, and [`DRIFT`] of the time since boot.
const SLACK: Duration = Duration::from_secs(60);
/// One part in so many: clocks are set right by half of that at most.
const DRIFT: u32 = 1000;

/// What is known of the kernel's log.
pub struct KernelLog {
    known: Rc<Known>,
    /// What came before is not known yet.
    since: Duration,
    _task: Option<Task>,
}

struct Known {
    /// `None` where we may not read it.
    log: Option<Receiver>,
    events: UnboundedSender<Event>,
    killed: RefCell<Vec<Killed>>,
}

impl KernelLog {
    /// Sends [`Event::Killed`] of everyone whom the kernel ends from now on.
    pub fn follow(events: UnboundedSender<Event>) -> Self {
        let known = Rc::new(Known { log: open_at_its_end().ok(), events, killed: RefCell::default() });
        let task = known.log.is_some().then(|| Task::spawn(tell(Rc::clone(&known))));
        Self { known, since: clock::now(), _task: task }
    }

    /// Whether it says that the kernel ended one of these numbers since they were a run's.
    pub fn says_killed(&mut self, pids: &[i32], spawned: Duration, exited: Duration) -> bool {
        if let Some(log) = &self.known.log {
            self.known.take_new(log);
            if exited <= self.since {
                // Before our time: look at all that there is, once.
                self.since = Duration::ZERO;
                self.known.note(everything().unwrap_or_default());
            }
        }
        let killed = self.known.killed.borrow();
        killed.iter().any(|killed| pids.contains(&killed.pid) && is_since(killed.awake, spawned))
    }

    /// One that names these, and cannot be read.
    #[cfg(test)]
    pub fn saying(pids: &[i32]) -> Self {
        let killed = |pid: &i32| Killed { pid: *pid, name: String::new(), awake: Duration::ZERO };
        let events = tokio::sync::mpsc::unbounded_channel().0;
        let known = Known { log: None, events, killed: RefCell::new(pids.iter().map(killed).collect()) };
        Self { known: Rc::new(known), since: Duration::ZERO, _task: None }
    }

    /// Whether somebody else was ended about then, who explains what was counted.
    pub fn explains_by_another(&self, pids: &[i32], exited: Duration, within: Duration) -> bool {
        let killed = self.known.killed.borrow();
        killed.iter().any(|killed| !pids.contains(&killed.pid) && is_since(killed.awake, exited.saturating_sub(within)))
    }
}

impl Known {
    fn take_new(&self, log: &Receiver) {
        for killed in self.note(read_new(log)) {
            let _ = self.events.send(Event::Killed(killed));
        }
    }

    /// Those that were not known before.
    fn note(&self, found: Vec<Killed>) -> Vec<Killed> {
        let mut killed = self.killed.borrow_mut();
        let mut new = Vec::new();
        for one in found {
            // It is told up to twice, and everything is read twice by who looks back.
            let is_known = |known: &Killed| known.pid == one.pid && is_same_end(known.awake, one.awake);
            if !killed.iter().any(is_known) {
                new.push(one.clone());
                killed.push(one);
            }
        }
        let surplus = killed.len().saturating_sub(MOST_KNOWN);
        killed.drain(..surplus);
        new
    }
}

/// The two records of one end follow each other.
fn is_same_end(one: Duration, other: Duration) -> bool {
    one.abs_diff(other) < Duration::from_secs(1)
}

async fn tell(known: Rc<Known>) {
    let Some(log) = &known.log else { return };
    while log.readable().await.is_ok() {
        known.take_new(log);
    }
}

/// Whether a record of the log can be of that moment or later.
fn is_since(awake: Duration, moment: Duration) -> bool {
    let at = awake + clock::asleep();
    at + SLACK + at / DRIFT >= moment
}

fn open_at_its_end() -> io::Result<Receiver> {
    let mut file = open()?;
    file.seek(SeekFrom::End(0))?;
    Receiver::from_owned_fd_unchecked(OwnedFd::from(file))
}

fn open() -> io::Result<File> {
    if fs::read_link(NAMESPACE)? != Path::new(FIRST_NAMESPACE) {
        return Err(io::ErrorKind::Unsupported.into());
    }
    OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(KERNEL_LOG)
}

fn read_new(log: &Receiver) -> Vec<Killed> {
    let read = |record: &mut [u8]| log.try_io(|| Ok(nix::unistd::read(log, record)?));
    all_of(read)
}

fn everything() -> io::Result<Vec<Killed>> {
    let mut log = open()?;
    Ok(all_of(|record| log.read(record)))
}

/// One record a reading, until there is none.
fn all_of(mut read: impl FnMut(&mut [u8]) -> io::Result<usize>) -> Vec<Killed> {
    let mut killed = Vec::new();
    let mut record = [0; LONGEST_RECORD];
    loop {
        match read(&mut record) {
            Ok(0) => return killed,
            Ok(length) => killed.extend(record::killed_in(&String::from_utf8_lossy(&record[..length]))),
            // Some were overwritten before we came to them; those that follow are there.
            Err(error) if error.raw_os_error() == Some(Errno::EPIPE as i32) => {}
            Err(_) => return killed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn killed(pid: i32, at: Duration) -> Killed {
        Killed { pid, name: "a".into(), awake: at.saturating_sub(clock::asleep()) }
    }

    fn log_of(killed: Vec<Killed>) -> KernelLog {
        let events = tokio::sync::mpsc::unbounded_channel().0;
        let known = Known { log: None, events, killed: RefCell::new(killed) };
        KernelLog { known: Rc::new(known), since: Duration::ZERO, _task: None }
    }

    #[test]
    fn a_number_that_was_somebody_elses_long_ago_is_not_the_runs() {
        let now = clock::now() + Duration::from_secs(100_000);
        let long_ago = now - Duration::from_secs(1000);
        assert!(is_since(killed(7, now).awake, now));
        assert!(is_since(killed(7, now).awake, now + Duration::from_secs(30)), "the log's clock may be slow");
        assert!(!is_since(killed(7, long_ago).awake, now));
    }

    #[test]
    fn one_end_is_noted_once_however_often_it_is_read() {
        let now = clock::now();
        let log = log_of(vec![]);
        let later = now + Duration::from_millis(1);
        assert_eq!(log.known.note(vec![killed(7, now), killed(7, later), killed(8, now)]).len(), 2);
        assert_eq!(log.known.note(vec![killed(8, now)]).len(), 0);
        let many = (0..1000).map(|pid| killed(pid, now + Duration::from_secs(100))).collect();
        log.known.note(many);
        assert_eq!(log.known.killed.borrow().len(), MOST_KNOWN);
    }

    #[test]
    fn somebody_else_explains_what_was_counted_only_at_that_time() {
        let now = clock::now() + Duration::from_secs(100_000);
        let within = Duration::from_secs(10);
        assert!(log_of(vec![killed(8, now)]).explains_by_another(&[7], now, within));
        assert!(!log_of(vec![killed(7, now)]).explains_by_another(&[7], now, within));
        assert!(!log_of(vec![killed(8, now - Duration::from_secs(500))]).explains_by_another(&[7], now, within));
    }

    #[test]
    fn records_that_were_lost_are_passed_over() {
        let record = b"3,1,5,-;Out of memory: Killed process 7 (a) total-vm:1kB";
        let mut answers = vec![Ok(0), Ok(record.len()), Err(Errno::EPIPE), Ok(record.len())].into_iter().rev();
        let found = all_of(|buffer| {
            buffer[..record.len()].copy_from_slice(record);
            answers.next().unwrap_or(Ok(0)).map_err(io::Error::from)
        });
        assert_eq!(found.len(), 2);
    }

    #[tokio::test]
    async fn what_is_in_the_log_already_is_read_where_we_may() {
        match everything() {
            Ok(found) => assert!(found.iter().all(|killed| killed.pid > 0)),
            Err(error) => eprintln!("skipped: the kernel's log cannot be read here: {error}"),
        }
    }
}
