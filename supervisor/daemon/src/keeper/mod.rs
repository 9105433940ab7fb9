//! The half that must not die. It forks, holds descriptors, waits, and starts another supervisor when one is gone.
//! One thread, one poll loop, no opinions: nothing here depends on what a user wrote.
//!
//! # States
//!
//! ```text
//!              ┌───────────────────────── died, hangs, is upgraded ─────────────────────────┐
//!              ▼                                                                            │
//!   no head ── start ──► handing over ── Adopted ──► at work ──────────────────────────────┤
//!      ▲                      │                         │ SIGTERM, SIGINT: StopAll          │
//!      └── after a pause ─────┘                         ▼                                   │
//!          (never adopted)                       stopping in order ─────────────────────────┘
//!                                                       │ Leave
//!   alone: nobody to stop in order ── 5 s ──► killed ──► left (control socket removed, exit 0)
//! ```
//!
//! * **No head.** Workers run on, their output waits in 1 MiB pipes, `betti-ctl` waits in the control socket's queue.
//! * **Handing over.** `Hello`, every row with its descriptors, every memory, `Told`. The supervisor answers `Adopted`.
//! * **At work.** Orders are obeyed as they come. Exits are told as they come, and stay in the table until `Forget`.
//! * **Stopping.** Asked to end, it tells the supervisor, which stops everyone in order and answers `Leave`.
//! * **Alone.** Asked to end while no supervisor takes over: SIGTERM to all, five seconds, SIGKILL, sweep. It comes to this when
//!   it is asked a second time, or when nobody took over within five seconds.
//!
//! # Rules
//!
//! * Everything that a dead supervisor had sent is obeyed before the next one is started and told.
//! * A run's number is used once in the life of a hub, and noted before it is used.
//! * It never kills a process group because its leader ended: what a run left behind is the supervisor's to end, and
//!   it is told of every adopted process that ends ([`Fact::OrphanEnded`]).
//! * A supervisor is asked for a sign of life every ten seconds, and at once when an exit was reported or a client
//!   connects; it is replaced if it gives none within two seconds. One that waits for a disk is left alone.
//! * A supervisor that ends with [`BAD_FILE`] before anything was ever started ends the hub: there is nothing to go on with.
//! * It never blocks on a supervisor: messages wait in a queue, and a supervisor that lets it overflow is replaced.
//! * Every start first ends what an earlier keeper of this hub left behind: whoever carries the hub's mark.
//! * When it dies, the kernel ends every worker (PR_SET_PDEATHSIG, SIGKILL), and the supervisor ends the rest.

mod directory;
mod head;
mod rows;
mod signals;
mod sockets;
mod spawn;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{CString, OsString};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixListener;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl::{set_child_subreaper, set_name};
use nix::sys::resource::{Resource, getrlimit, rlim_t, setrlimit};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;
use protocol::keeper::{Exit, Fact, Order, Spawn, VERSION};
use protocol::worker::{INHERITED, INHERITED_PREFIX};

use self::directory::{Directory, DirectoryError};
use self::head::{Head, Program, Queued};
use self::rows::Rows;
use self::signals::Signals;
use self::sockets::Sockets;
use crate::clock;
use crate::link::{self, Received};
use crate::supervisor::BAD_FILE;
use crate::tree;

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
/// At most one sign of life is asked for in this time because clients connect.
const CLIENT_PING_EVERY: Duration = Duration::from_secs(1);
/// Messages that wait for a supervisor to read, above the table's own size.
const MOST_WAITING: usize = 4096;
/// Bytes that supervisors may have remembered.
const MOST_REMEMBERED: usize = 16 * 1024 * 1024;

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
    control: UnixListener,
    receiver: link::Receiver,
    sockets: Sockets,
    rows: Rows,
    memory: BTreeMap<String, String>,
    last_run: u64,
    program: Program,
    /// What is started instead if the program never takes over.
    proven: CString,
    head: Option<Head>,
    start_head_at: Duration,
    failed_heads: u32,
    next_client_ping: Duration,
    bad_file: bool,
    ending: Ending,
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
    let swept = tree::sweep(&hub, &BTreeSet::new(), |_| true);
    if swept > 0 {
        say!("{} keeper: ended {swept} processes that an earlier keeper left behind", clock::stamp());
    }
    let program = Program::ourselves(arguments, &hub);
    let mut keeper = Keeper {
        open_files: raise_open_files()?,
        control: directory.bind_control()?,
        receiver: link::Receiver::new(),
        sockets: Sockets::default(),
        rows: Rows::default(),
        memory: BTreeMap::new(),
        last_run: directory.last_run(),
        proven: program.path.clone(),
        program,
        head: None,
        start_head_at: Duration::ZERO,
        failed_heads: 0,
        next_client_ping: Duration::ZERO,
        bad_file: false,
        ending: Ending::No,
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
            if let Some(head) = &mut self.head {
                head.check(planned);
            }
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
        head.min(ending).min(clients)
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
        match poll(&mut fds, timeout(until)) {
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

    // -- the supervisor of the moment

    fn adopted(&self) -> bool {
        self.head.as_ref().is_some_and(|head| head.adopted)
    }

    fn start_head_if_due(&mut self) {
        if self.head.is_some() || clock::now() < self.start_head_at || matches!(self.ending, Ending::Alone { .. }) {
            return;
        }
        match Head::start(&self.program) {
            Ok(mut head) => {
                head.outbox.extend(self.rows.runs().map(Queued::Row));
                head.outbox.extend(self.memory.keys().cloned().map(Queued::Memory));
                head.tell(Queued::Other(Fact::Told));
                if matches!(self.ending, Ending::InOrder { .. }) {
                    head.tell(Queued::Other(Fact::StopAll));
                }
                head.ping();
                self.head = Some(head);
            }
            Err(errno) => self.pause_before_next_head(false, &format!("cannot be started: {}", errno.desc())),
        }
    }

    fn pause_before_next_head(&mut self, adopted: bool, what: &str) {
        self.failed_heads += 1;
        let pause = match (adopted, self.failed_heads) {
            (true, ..=FREE_RETRIES) => Duration::ZERO,
            (true, failed) => FIRST_PAUSE * (1 << failed.min(MOST_DOUBLINGS_AT_WORK)),
            (false, failed) => FIRST_PAUSE * (1 << failed.min(MOST_DOUBLINGS)),
        };
        self.start_head_at = clock::now() + pause;
        say!(
            "{} keeper: the supervisor {what}; workers go on, the next supervisor starts in {} ms",
            clock::stamp(),
            pause.as_millis()
        );
    }

    fn tell(&mut self, message: Queued) {
        let most = MOST_WAITING + self.rows.len() + self.memory.len();
        if let Some(head) = &mut self.head {
            head.tell(message);
            if head.outbox.len() > most {
                head.outbox.clear();
                head.end("does not read");
            }
        }
    }

    fn flush(&mut self) {
        let Some(head) = &mut self.head else { return };
        let Some(socket) = &head.socket else { return head.outbox.clear() };
        while let Some(queued) = head.outbox.front() {
            let fact = match queued {
                Queued::Hello => Some(hello(&self.hub, self.last_run)),
                Queued::Row(run) => self.rows.get(*run).map(|(row, _)| Fact::Run(row.clone())),
                Queued::Memory(key) => {
                    self.memory.get(key).map(|value| Fact::Memory { key: key.clone(), value: value.clone() })
                }
                Queued::Other(fact) => Some(fact.clone()),
            };
            let mut newly_told = None;
            let descriptors = match queued {
                Queued::Hello => vec![self.control.as_fd()],
                Queued::Row(run) if !head.told.contains(run) => {
                    newly_told = Some(*run);
                    self.rows.get(*run).map_or_else(Vec::new, |(_, descriptors)| descriptors)
                }
                _ => vec![],
            };
            let fact = fact.map(|fact| without_unsent_descriptors(fact, descriptors.len()));
            match fact.map_or(Ok(()), |fact| link::send(socket.as_fd(), &fact, &descriptors)) {
                Ok(()) => {
                    head.told.extend(newly_told);
                    head.outbox.pop_front();
                }
                Err(Errno::EAGAIN | Errno::ETOOMANYREFS | Errno::ENOBUFS) => return, // poll says when
                Err(Errno::EMSGSIZE) => drop(head.outbox.pop_front()),               // cannot ever be told
                Err(_) => return head.outbox.clear(),                                // gone; SIGCHLD will say so
            }
        }
    }

    fn obey(&mut self) {
        while let Some(head) = &mut self.head
            && let Some(socket) = &head.socket
        {
            match self.receiver.receive::<Order>(socket) {
                Ok(Received::Message(order, _)) => self.carry_out(order),
                Ok(Received::NotUnderstood(text)) => say!("keeper: an order that is not understood: {text}"),
                Ok(Received::Nothing) => return,
                Ok(Received::End) => {
                    // Gone, or about to be: it can say nothing more, so it must not do anything more.
                    head.socket = None;
                    let _ = kill(head.pid, Signal::SIGKILL);
                }
                Err(errno) => return say!("keeper: cannot receive: {}", errno.desc()),
            }
        }
    }

    fn carry_out(&mut self, order: Order) {
        match order {
            Order::Listen { address } => {
                let answer = match self.sockets.hold(&address) {
                    Ok(()) => Fact::Bound { address },
                    Err(errno) => Fact::NotBound { address, errno: errno as i32 },
                };
                self.tell(Queued::Other(answer));
            }
            Order::Unlisten { address } => self.sockets.close(&address),
            Order::Spawn(order) => self.spawn(order),
            Order::Signal { run, signal } => {
                if let Ok(signal) = Signal::try_from(signal) {
                    self.rows.signal(run, signal);
                }
            }
            Order::Forget { run } => self.rows.forget(run),
            Order::Remember { key, value } => self.remember(key, value),
            Order::Adopted => {
                self.proven = self.program.path.clone();
                if let Some(head) = &mut self.head {
                    head.adopted = true;
                }
            }
            Order::Pong { beat } => {
                if let Some(head) = &mut self.head {
                    head.pong(beat);
                }
            }
            Order::Upgrade { path } => {
                if let Ok(path) = CString::new(path) {
                    self.program.path = path;
                }
            }
            Order::Leave => self.ending = Ending::Leaving { at: clock::now() + LEAVE_WITHIN },
        }
    }

    fn remember(&mut self, key: String, value: Option<String>) {
        let Some(value) = value else {
            self.memory.remove(&key);
            return;
        };
        let remembered: usize = self.memory.iter().map(|(key, value)| key.len() + value.len()).sum();
        if remembered + value.len() > MOST_REMEMBERED {
            return say!("keeper: {key} is not remembered: {MOST_REMEMBERED} bytes are kept already");
        }
        self.memory.insert(key, value);
    }

    // -- workers

    fn spawn(&mut self, order: Spawn) {
        if order.run <= self.last_run {
            // Never twice, whatever a new supervisor believes.
            return say!("keeper: run {} was used before and is not spawned", order.run);
        }
        self.last_run = order.run;
        self.directory.note_run(order.run);
        let spawned = self.lend_and_spawn(&order);
        self.rows.insert(order.run, order.app, spawned);
        self.tell(Queued::Row(order.run));
    }

    fn lend_and_spawn(&mut self, order: &Spawn) -> Result<spawn::Worker, Errno> {
        for address in &order.sockets {
            self.sockets.hold(address)?;
        }
        let around = spawn::Surroundings {
            hub: &self.hub,
            notify_path: self.directory.notify_socket(order.run),
            sockets: order.sockets.iter().filter_map(|address| self.sockets.lend(address)).collect(),
            open_files: self.open_files,
        };
        spawn::spawn(order, &around)
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
                self.head_ended();
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
            Some(run) => self.tell(Queued::Row(run)),
            None => self.tell(Queued::Other(Fact::OrphanEnded)),
        }
        if let Some(head) = &mut self.head {
            head.ping(); // an exit that stays unanswered is noticed in two seconds
        }
    }

    fn head_ended(&mut self) {
        let Some(head) = self.head.take() else { return };
        if self.bad_file {
            return; // it has said why, and there is nothing to go on with
        }
        let pid = head.pid;
        if let Ending::InOrder { patience } = &mut self.ending {
            *patience = clock::now() + GRACE; // the next one goes on where this one was
        }
        if matches!(self.ending, Ending::Leaving { .. }) {
            self.ending = Ending::Leaving { at: Duration::ZERO };
        } else if head.worked(LONG_ENOUGH) {
            self.failed_heads = 0;
            self.start_head_at = Duration::ZERO;
            say!("{} keeper: supervisor {pid} ended; starting the next one", clock::stamp());
        } else {
            if !head.adopted && self.program.path != self.proven {
                say!(
                    "{} keeper: {} never took over; back to the one before",
                    clock::stamp(),
                    self.program.path.to_string_lossy()
                );
                self.program.path = self.proven.clone();
            }
            let what = if head.adopted { "ended" } else { "ended before it took over" };
            self.pause_before_next_head(head.adopted, &format!("({pid}) {what}"));
        }
    }

    // -- ending

    fn end(&mut self) {
        match self.ending {
            Ending::No => {
                say!("{} keeper: asked to end; stopping everything", clock::stamp());
                self.ending = Ending::InOrder { patience: clock::now() + GRACE };
                self.tell(Queued::Other(Fact::StopAll));
            }
            Ending::InOrder { .. } if !self.adopted() => self.end_alone(),
            Ending::InOrder { .. } | Ending::Alone { .. } | Ending::Leaving { .. } => {}
        }
    }

    /// Whether it is time to go.
    fn check_ending(&mut self) -> bool {
        let now = clock::now();
        match self.ending {
            Ending::No => false,
            Ending::InOrder { patience } => {
                if now >= patience && !self.adopted() {
                    self.end_alone();
                }
                false
            }
            Ending::Alone { kill_at } => {
                if now < kill_at && self.rows.any_alive() {
                    return false;
                }
                self.finish();
                true
            }
            Ending::Leaving { at } => {
                if now < at {
                    return false;
                }
                self.finish();
                true
            }
        }
    }

    /// Nobody can be had who knows the apps' own order and times.
    fn end_alone(&mut self) {
        say!("{} keeper: no supervisor takes over; stopping everything without one", clock::stamp());
        if let Some(head) = self.head.take() {
            let _ = kill(head.pid, Signal::SIGKILL);
        }
        self.rows.signal_all(Signal::SIGTERM);
        self.ending = Ending::Alone { kill_at: clock::now() + GRACE };
    }

    /// Whoever is left now is ended: normally nobody.
    fn finish(&mut self) {
        if let Some(head) = self.head.take() {
            let _ = kill(head.pid, Signal::SIGKILL);
        }
        self.rows.signal_all(Signal::SIGKILL);
        tree::sweep(&self.hub, &self.rows.leaders(), |_| true);
    }
}

fn hello(hub: &str, last_run: u64) -> Fact {
    let given = |name: &str| INHERITED.contains(&name) || name.starts_with(INHERITED_PREFIX);
    let inherited = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| given(name))
        .collect();
    Fact::Hello { version: VERSION, hub: hub.to_owned(), keeper: std::process::id() as i32, last_run, inherited }
}

/// A row says what travels with it, which after the first time is nothing.
fn without_unsent_descriptors(fact: Fact, sent: usize) -> Fact {
    match fact {
        Fact::Run(mut row) if sent == 0 => {
            row.descriptors.clear();
            Fact::Run(row)
        }
        other => other,
    }
}

fn timeout(until: Duration) -> PollTimeout {
    if until == Duration::MAX {
        return PollTimeout::NONE;
    }
    // Rounded up, so that we do not wake a moment too early and spin.
    let left = until.saturating_sub(clock::now()) + Duration::from_millis(1);
    PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)
}
