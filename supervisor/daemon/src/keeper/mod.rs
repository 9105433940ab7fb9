//! The half that must not die. It forks, holds descriptors, waits, and starts another supervisor when one is gone.
//! One thread, one poll loop, no opinions: nothing here depends on what a user wrote.
//!
//! # States
//!
//! ```text
//!   start: directory locked, leftovers swept, control socket bound
//!     │
//!     ▼
//!   no head ── started ──► telling ── Adopted ──► at work ◄──── Pong ────┐
//!     ▲                      │  ▲                    │ │ └──── Ping ──► asked
//!     │                      │  └─── StopAll ────────│─│────────────┐     │ no answer for 2 s
//!     │                      │                       │ │            │     ▼
//!     │                      │                       │ │            │   hung ── waits for a disk: left alone
//!     │                      ▼                       ▼ │            │     │
//!     └── replacing ◄── died, never took over ── died, made room ───│── killed
//!          │ what it had sent is obeyed first          │            │
//!          │ at once, or after a pause that grows      │ SIGTERM,   │
//!          │ the program before, if a new one failed   ▼ SIGINT     │
//!          │                                     stopping in order ─┘
//!          │ SIGTERM, SIGINT                           │ Leave
//!          ▼                                           ▼
//!        alone ── all are gone, or 5 s: SIGKILL ──► leaving ──► control socket removed, exit 0
//! ```
//!
//! * **No head.** Workers run on, their output waits in large pipes, `betti-ctl` waits in the control socket's queue.
//! * **Telling.** `Hello`, every row with its descriptors, every memory, `Told`. The supervisor answers `Adopted`, within 30
//!   seconds; whether it is there at all is asked from the beginning.
//! * **At work.** Orders are obeyed as they come. Exits are told as they come, and stay in the table until `Forget`.
//! * **Asked, hung.** It owes an answer to a ping. One that gives none in two seconds is killed and replaced, unless it waits for
//!   a disk.
//! * **Replacing.** After a death. One that had worked is replaced at once; if supervisors die one after the other the pause
//!   doubles from [`FIRST_PAUSE`], and each is said on standard error. There is no end to it: workers go on meanwhile.
//! * **On trial.** Beside all these: a program that came by `Upgrade` and has not worked for [`LONG_ENOUGH`] makes room for the one
//!   before if it never takes over, or ends by itself too often ([`program`]).
//! * **Stopping.** Asked to end, it tells the supervisor, which stops everyone in order and answers `Leave`.
//! * **Alone.** Asked to end while no supervisor has taken over: SIGTERM to all, five seconds, SIGKILL, sweep. It comes to this
//!   when it is asked a second time, when nobody took over within five seconds of being asked or of the last one's end, and at
//!   once if there was none for as long already. While a supervisor is at work, asking again changes nothing: it stops everyone
//!   by the apps' own times.
//!
//! A service manager that started us is told: `READY=1` with the first `Adopted`, `STOPPING=1` when stopping begins, and signs
//! of life for as long as a supervisor is at work or is being replaced within the time that one may take ([`service_manager`]).
//!
//! # Rules
//!
//! * Everything that a dead supervisor had sent is obeyed before the next one is started and told.
//! * A run's number is used once in the life of a hub, and noted before it is used.
//! * It never kills a process group because its leader ended: what a run left behind is the supervisor's to end, and
//!   it is told of every adopted process that ends ([`Fact::OrphanEnded`]).
//! * A run's end is the end of its first process, or of its main one where `MAINPID=` named it and it is our child
//!   ([`main_process`]).
//! * A run has a control group of its own where groups are delegated to us, from before it is executed until it is forgotten.
//! * A user is noted before the first process of theirs is started, and a held socket is bound anew before it is lent to
//!   another one.
//! * A supervisor is asked for a sign of life every ten seconds, and at once when an exit was reported or a client
//!   connects; it is replaced if it gives none within two seconds. One that waits for a disk is left alone.
//! * A supervisor that ends with [`BAD_FILE`] before anything was ever started ends the hub: there is nothing to go on with.
//! * It never blocks on a supervisor: messages wait in a queue, and a supervisor that lets it overflow is replaced.
//! * Every start first ends what an earlier keeper of this hub left behind: whoever is in a control group of one of its runs,
//!   or carries the hub's mark and is of a user that was noted.
//! * It is protected for when memory runs out, the supervisor less, workers not at all ([`protection`]); whether the kernel
//!   counted a kill for want of memory is noted before a run's end is told ([`memory_kills`]).
//! * When it dies, the kernel ends every worker (PR_SET_PDEATHSIG, SIGKILL), and the supervisor ends the rest.

mod alarm;
mod child;
mod conversation;
mod directory;
mod ending;
mod head;
mod main_process;
mod memory;
mod memory_kills;
mod notify;
mod program;
mod protection;
mod rows;
mod service_manager;
mod signals;
mod sockets;
mod spawn;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixListener;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl::{set_child_subreaper, set_name};
use nix::sys::resource::{Resource, getrlimit, rlim_t, setrlimit};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::{Pid, getegid, geteuid};
use protocol::keeper::{Exit, Fact, Predecessors, Spawn, Step};

use self::alarm::Alarm;
use self::child::Failure;
use self::directory::{Directory, DirectoryError};
use self::head::{Head, Queued};
use self::memory_kills::MemoryKills;
use self::program::Programs;
use self::protection::Protection;
use self::rows::Rows;
use self::service_manager::ServiceManager;
use self::signals::Signals;
use self::sockets::Sockets;
use crate::cgroup::Groups;
use crate::clock;
use crate::link;
use crate::supervisor::BAD_FILE;
use crate::tree::{self, Mark};
use crate::users::Users;

/// The pause before the next supervisor, doubled with each that fails.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
/// How often it doubles when supervisors die before they take over: up to 10 s.
const MOST_DOUBLINGS: u32 = 11;
/// How often it doubles when they take over and die soon after: up to 0.3 s, because each does some work.
const MOST_DOUBLINGS_AT_WORK: u32 = 6;
/// Supervisors that took over and died soon are replaced without a pause this often in a row.
const FREE_RETRIES: u32 = 3;
/// A supervisor that lived this long worked.
const LONG_ENOUGH: Duration = Duration::from_secs(1);
/// Between SIGTERM and SIGKILL when there is nobody to ask for the apps' own times.
const GRACE: Duration = Duration::from_secs(5);
/// How long a supervisor that said `Leave` may take to leave.
const LEAVE_WITHIN: Duration = Duration::from_secs(2);
/// Without a supervisor at work for longer than this we are not well: as long as one may take to take over.
const HEADLESS_AT_MOST: Duration = head::ADOPT_WITHIN;
/// At most one sign of life is asked for in this time because clients connect.
const CLIENT_PING_EVERY: Duration = Duration::from_secs(1);
/// Messages that wait for a supervisor to read, above the table's own size.
const MOST_WAITING: usize = 4096;

/// Why the keeper could not start.
#[derive(Debug, thiserror::Error)]
pub enum KeeperError {
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    #[error("cannot become a keeper: {0}")]
    System(#[from] io::Error),
}

impl From<Errno> for KeeperError {
    fn from(errno: Errno) -> Self {
        Self::System(errno.into())
    }
}

/// What the keeper was asked to do about ending.
#[derive(Clone, Copy, PartialEq)]
enum Ending {
    No,
    /// The supervisor stops everyone; after this moment we do it, if none has taken over.
    InOrder {
        patience: Duration,
    },
    /// SIGTERM is sent; SIGKILL at this moment.
    Alone {
        kill_at: Duration,
    },
    /// Everything is stopped; at the latest at this moment we are gone.
    Leaving {
        at: Duration,
    },
}

struct Keeper {
    directory: Directory,
    hub: String,
    open_files: (rlim_t, rlim_t),
    log_pipe_bytes: i32,
    control: UnixListener,
    receiver: link::Receiver,
    sockets: Sockets,
    users: Users,
    /// Where control groups are delegated to us.
    groups: Option<Groups>,
    /// In the group that we are in, if the kernel counts there.
    memory_kills: Option<MemoryKills>,
    protection: Protection,
    rows: Rows,
    memory: BTreeMap<String, String>,
    last_run: u64,
    programs: Programs,
    head: Option<Head>,
    start_head_at: Duration,
    failed_heads: u32,
    predecessors: Predecessors,
    next_client_ping: Duration,
    bad_file: bool,
    ending: Ending,
    service_manager: ServiceManager,
    alarm: Alarm,
    /// When a supervisor was last seen at work; at first, when we began.
    at_work: Duration,
}

/// How a keeper left.
#[derive(Clone, Copy, PartialEq)]
pub enum Left {
    /// Everything was stopped.
    Stopped,
    /// Nothing was ever started: the supervisor cannot use the file, and has said why.
    BadFile,
}

/// Runs until everything is stopped. `arguments` are what the supervisor half is started with.
pub fn run(arguments: &[OsString]) -> Result<Left, KeeperError> {
    close_leaked_descriptors();
    let _ = set_name(c"betti-keeper");
    set_child_subreaper(true)?;
    let signals = Signals::register()?;
    let directory = Directory::open()?;
    let hub = directory.hub_id()?;
    let mut users = Users::noted(directory.path());
    let mut groups = Groups::delegated(&hub);
    let swept =
        groups.as_mut().map_or(0, Groups::sweep) + tree::sweep(&hub, &users, &BTreeSet::new(), Mark::is_the_hubs);
    users.forget(directory.path());
    if swept > 0 {
        say!("{} keeper: ended {swept} processes that an earlier keeper left behind", clock::stamp());
    }
    let protection = Protection::take();
    let mut keeper = Keeper {
        open_files: raise_open_files()?,
        log_pipe_bytes: spawn::log_pipe_bytes(),
        control: directory.bind_control()?,
        receiver: link::Receiver::new(),
        sockets: Sockets::default(),
        users,
        groups,
        memory_kills: MemoryKills::ours(),
        protection,
        rows: Rows::default(),
        memory: BTreeMap::new(),
        last_run: directory.last_run(),
        programs: Programs::ourselves(arguments, &hub),
        head: None,
        start_head_at: Duration::ZERO,
        failed_heads: 0,
        predecessors: Predecessors::default(),
        next_client_ping: Duration::ZERO,
        bad_file: false,
        ending: Ending::No,
        service_manager: ServiceManager::of_environment(),
        alarm: Alarm::new()?,
        at_work: clock::now(),
        directory,
        hub,
    };
    let left = keeper.live(&signals)?;
    keeper.directory.remove_control();
    Ok(left)
}

/// What the caller's shell left open reaches no worker: closed by every exec.
fn close_leaked_descriptors() {
    for entry in std::fs::read_dir("/proc/self/fd").into_iter().flatten().flatten() {
        if let Some(number @ 3..) = entry.file_name().to_str().and_then(|name| name.parse().ok()) {
            spawn::close_on_exec(number);
        }
    }
}

/// Raises our limit of open files, three or more a run; workers get the old one back.
fn raise_open_files() -> Result<(rlim_t, rlim_t), Errno> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    Ok((soft, hard))
}

impl Keeper {
    fn live(&mut self, signals: &Signals) -> Result<Left, Errno> {
        loop {
            self.start_head_if_due();
            self.flush();
            let planned = self.next_deadline();
            self.wait_for_something(signals, planned)?;
            self.obey();
            for _ in 0..signals.asked_to_end() {
                self.end();
            }
            if signals.child_ended() {
                self.reap()?;
            }
            if self.head.as_mut().is_some_and(|head| head.check(planned)) {
                self.look_at_memory_kills(); // as often as a supervisor is asked whether it is there
            }
            self.give_sign_of_life();
            if self.bad_file {
                return Ok(Left::BadFile);
            }
            if self.check_ending() {
                return Ok(Left::Stopped);
            }
        }
    }

    fn next_deadline(&self) -> Duration {
        let head = self.head.as_ref().map_or(self.start_head_at, Head::deadline);
        let ending = match self.ending {
            Ending::No => Duration::MAX,
            Ending::InOrder { .. } if self.adopted() => Duration::MAX,
            Ending::InOrder { patience: at } | Ending::Alone { kill_at: at } | Ending::Leaving { at } => at,
        };
        let clients = if self.next_client_ping > clock::now() { self.next_client_ping } else { Duration::MAX };
        head.min(ending).min(clients).min(self.service_manager.next_sign())
    }

    fn give_sign_of_life(&mut self) {
        let now = clock::now();
        if self.adopted() {
            self.at_work = now;
        }
        let is_well = now.saturating_sub(self.at_work) < HEADLESS_AT_MOST;
        self.service_manager.sign_of_life(is_well);
    }

    fn wait_for_something(&mut self, signals: &Signals, until: Duration) -> Result<(), Errno> {
        let mut fds: Vec<PollFd> =
            signals.descriptors().into_iter().map(|fd| PollFd::new(fd, PollFlags::POLLIN)).collect();
        let mut watches_clients = false;
        if let Some(head) = &self.head
            && let Some(socket) = &head.socket
        {
            let writable = if head.outbox.is_empty() { PollFlags::empty() } else { PollFlags::POLLOUT };
            fds.push(PollFd::new(socket.as_fd(), PollFlags::POLLIN | writable));
            // A client that connects is the supervisor's business; that it takes care of it is ours.
            watches_clients = !head.owes_an_answer() && head.adopted && clock::now() >= self.next_client_ping;
            if watches_clients {
                fds.push(PollFd::new(self.control.as_fd(), PollFlags::POLLIN));
            }
        }
        self.alarm.set(until)?;
        fds.insert(0, PollFd::new(self.alarm.descriptor(), PollFlags::POLLIN));
        match poll(&mut fds, PollTimeout::NONE) {
            Err(Errno::EINTR) | Ok(_) => {}
            Err(errno) => return Err(errno),
        }
        let client = watches_clients && fds.last().is_some_and(|fd| fd.any().unwrap_or(false));
        if client && let Some(head) = &mut self.head {
            self.next_client_ping = clock::now() + CLIENT_PING_EVERY;
            head.ping();
        }
        Ok(())
    }

    // -- workers

    fn spawn(&mut self, order: Spawn) {
        let run = order.run;
        if run <= self.last_run {
            // Never twice, whatever a new supervisor believes. It is answered all the same.
            say!("{} keeper: run {run} was used before and is not spawned", clock::stamp());
            if self.rows.get(run).is_none() {
                self.rows.insert(order, Err(Errno::EEXIST.into()));
            }
            return self.tell(Queued::Row(run));
        }
        self.last_run = run;
        self.directory.note_run(run);
        let spawned = self.lend_and_spawn(&order);
        self.rows.insert(order, spawned);
        self.tell(Queued::Row(run));
    }

    fn lend_and_spawn(&mut self, order: &Spawn) -> Result<spawn::Worker, Failure> {
        let ours = (geteuid().as_raw(), getegid().as_raw());
        let (user, group) = order.identity.as_ref().map_or(ours, |identity| (identity.uid, identity.gid));
        for address in &order.sockets {
            let is_served = self.rows.any_serves(address);
            self.sockets.hold_for(address, user, group, is_served).map_err(Failure::at(Step::Listen))?;
            if order.nonblocking && !is_served {
                self.sockets.set_nonblocking(address).map_err(Failure::at(Step::Listen))?;
            }
        }
        if let Err(error) = self.users.note(self.directory.path(), user) {
            say!("{} keeper: cannot note user {user} in {}: {error}", clock::stamp(), self.directory.path().display());
        }
        let notify = match order.identity {
            Some(_) => notify::Place::Abstract(format!("betti-{}-{}", self.hub, order.run)),
            None => notify::Place::File(self.directory.notify_socket(order.run)),
        };
        let cgroup = self.groups.as_mut().and_then(|groups| groups.make(order.run));
        let around = spawn::Surroundings {
            hub: &self.hub,
            notify,
            sockets: order.sockets.iter().filter_map(|address| self.sockets.lend(address)).collect(),
            open_files: self.open_files,
            log_pipe_bytes: self.log_pipe_bytes,
            cgroup: cgroup.clone(),
            protection: self.protection,
        };
        let spawned = spawn::spawn(order, around);
        if let (Err(_), Some(cgroup), Some(groups)) = (&spawned, cgroup, &mut self.groups) {
            groups.remove(cgroup);
        }
        spawned
    }

    fn forget(&mut self, run: u64) {
        let cgroup = self.rows.forget(run);
        if let Some(head) = self.head.as_mut().filter(|_| self.rows.get(run).is_none()) {
            head.told.remove(&run);
        }
        if let (Some(cgroup), Some(groups)) = (cgroup, &mut self.groups) {
            groups.remove(cgroup);
        }
    }

    /// Looks before it reaps: while the dead is still a zombie its pid cannot belong to anybody else.
    fn reap(&mut self) -> Result<(), Errno> {
        let peek = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT | WaitPidFlag::WNOHANG;
        loop {
            let (pid, exit) = match waitid(Id::All, peek) {
                Ok(WaitStatus::Exited(pid, code)) => (pid, Exit::Code(code)),
                Ok(WaitStatus::Signaled(pid, signal, core_dumped)) => {
                    (pid, Exit::Signal { signal: signal as i32, core_dumped })
                }
                Ok(_) | Err(Errno::ECHILD) => return Ok(()),
                Err(errno) => return Err(errno),
            };
            if self.head.as_ref().is_some_and(|head| head.pid == pid) {
                self.obey(); // all that it said before it died
                let nothing_is_held = self.rows.len() == 0 && self.memory.is_empty();
                self.bad_file = exit == Exit::Code(i32::from(BAD_FILE)) && nothing_is_held;
                self.head_ended(exit);
            } else {
                self.worker_ended(pid, exit);
            }
            waitid(Id::Pid(pid), WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG)
                .map(drop)
                .or_else(|errno| if errno == Errno::ECHILD { Ok(()) } else { Err(errno) })?;
        }
    }

    fn worker_ended(&mut self, pid: Pid, exit: Exit) {
        match self.rows.ended(pid, exit) {
            Some(run) => {
                self.count_memory_kill(run);
                self.tell(Queued::Row(run));
            }
            None => self.tell(Queued::Other(Fact::OrphanEnded)),
        }
        if let Some(head) = &mut self.head {
            head.ping(); // an exit that stays unanswered is noticed in two seconds
        }
    }

    /// Notes whether the kernel counted a kill for want of memory for a run that ended. Before it is told of, so that every
    /// supervisor hears the same.
    fn count_memory_kill(&mut self, run: u64) {
        let Some(held) = self.rows.held(run).filter(|held| held.was_killed_by_others()) else { return };
        let now = clock::now();
        let ours = self.memory_kills.as_mut();
        held.row.memory_kill = match &mut held.memory_kills {
            Some(own) => own.explain(now),
            None => ours.is_some_and(|kills| kills.explain(now)),
        };
    }

    /// What was counted a while ago was for nobody whom we look after.
    fn look_at_memory_kills(&mut self) {
        let now = clock::now();
        let counts = self.rows.memory_kills().chain(&mut self.memory_kills);
        counts.for_each(|kills| kills.look(now));
    }
}
