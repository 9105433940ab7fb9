//! What the keeper and the supervisor say to each other: one JSON value a `SOCK_SEQPACKET` datagram, descriptors alongside.
//!
//! An upgraded supervisor meets an older keeper, and one that went back meets a newer one, so messages only ever gain fields with
//! defaults and new kinds. A field that is not known is passed over; a kind that is not understood is reported and skipped, and so
//! is a message of a known kind with a word in it that is not: there must be no new word ([`Step`], [`Descriptor`], [`Channel`],
//! [`Exit`]) without a sign in [`Fact::Hello`] that the other side knows it. [`VERSION`] changes only when that is not enough.
//! `tests/compatible.rs` holds all this to what version 1 wrote.
//!
//! A supervisor that hears of another version in `Hello` than its own ends before it takes over and says so: asked for its
//! self-check, it is refused as an upgrade; started nevertheless, the keeper goes back to the program before.
//!
//! # What closes the races
//!
//! * The keeper's table is the truth. A [`Fact::Run`] is a whole row, so hearing it twice does no harm.
//! * A row and its descriptors stay until [`Order::Forget`]: an exit whose supervisor died before acting is told again.
//! * [`Order::Remember`] before acting: a datagram once sent is read by the keeper even if its sender is dead.
//! * The keeper obeys everything that a dead supervisor had sent before it starts the next one.
//! * One row a datagram: a message takes at most 253 descriptors and about 208 KiB.
//!
//! # Hand-over
//!
//! ```text
//!   keeper                                  supervisor
//!     │ Hello (control socket) ─────────────────►│
//!     │ Run, Run, … (out, err, ready, notify) ──►│
//!     │ Memory, Memory, … ──────────────────────►│
//!     │ Told ───────────────────────────────────►│ rebuilds what it knew
//!     │◄──────────────────────────────── Adopted │ decides from here on
//! ```

use serde::{Deserialize, Serialize};

/// The language spoken here.
pub const VERSION: u32 = 1;
/// The longest message, in bytes; under the kernel's limit for one datagram.
pub const LONGEST_MESSAGE: usize = 160 * 1024;
/// The most descriptors that travel with one message.
pub const MOST_DESCRIPTORS: usize = 8;
/// Marks a supervisor with its hub's id, so that the next keeper finds one that outlived its own. Not the mark of a run's
/// processes: what is stopped leaves nothing that carries that one.
pub const SUPERVISOR_OF: &str = "BETTI_SUPERVISOR_OF";
/// The descriptor of the keeper's socket in the supervisor.
pub const SUPERVISOR_FD: i32 = 3;

/// How a run's first process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// It returned this code.
    Code(i32),
    /// A signal ended it.
    Signal {
        /// The signal's number.
        signal: i32,
        /// Whether the kernel wrote a core file.
        core_dumped: bool,
    },
    /// The kernel ended it for want of memory.
    OutOfMemory,
    /// It never ran: the errno of the step that failed.
    NotSpawned(i32),
}

/// One row of the keeper's table.
///
/// Descriptors, the first time a supervisor hears of a living run, in the order of [`Row::descriptors`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// The run's number.
    pub run: u64,
    /// Which app it is a run of.
    pub app: String,
    /// Its first process, leader of a process group and session of the same number; `None` if it never ran.
    pub pid: Option<i32>,
    /// When it was spawned: nanoseconds of `CLOCK_BOOTTIME` (see [`Fact::Hello`]).
    pub spawned_at_ns: u64,
    /// How its first process ended, once it has.
    pub exit: Option<Exit>,
    /// When it ended: nanoseconds of `CLOCK_BOOTTIME` (see [`Fact::Hello`]).
    pub exited_at_ns: Option<u64>,
    /// What travels alongside.
    #[serde(default)]
    pub descriptors: Vec<Descriptor>,
    /// The process that `MAINPID=` named, if one did. Its end is the run's, once it is the keeper's child: the kernel tells
    /// the end of a process to its parent only. While its own parent lives, the first process's end is the run's.
    #[serde(default)]
    pub main_pid: Option<i32>,
    /// The user that it was started as, if not the keeper's own.
    #[serde(default)]
    pub user: Option<u32>,
    /// The first process has ended while the main one lives: its number may be anybody's.
    #[serde(default)]
    pub first_ended: bool,
    /// The run's own control group, an absolute path, where groups are delegated to us.
    #[serde(default)]
    pub cgroup: Option<String>,
    /// Which step failed, if it was not spawned.
    #[serde(default)]
    pub step: Option<Step>,
    /// SIGKILL ended it that was not the keeper's, and about then the kernel counted a kill for want of memory in the run's
    /// control group, or in the keeper's where the run has none in which that is counted.
    #[serde(default)]
    pub memory_kill: bool,
    /// The last signal that a supervisor had sent to it.
    #[serde(default)]
    pub last_signal: Option<i32>,
}

/// The steps by which a keeper's copy becomes a worker, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Pipes, descriptors, the fork itself.
    Prepare,
    /// A held socket that had to be bound anew, or whose file could not be given to its user.
    Listen,
    /// Entering the run's control group.
    ControlGroup,
    /// [`Spawn::oom_score_adj`]
    OomScore,
    /// [`Spawn::rlimits`]
    Limits,
    /// [`Spawn::nice`]
    Nice,
    /// [`Spawn::identity`]
    User,
    /// [`Spawn::cwd`]
    Folder,
    /// [`Spawn::program`]
    Program,
}

impl Step {
    /// All of them, in their order.
    pub const ALL: [Self; 9] = [
        Self::Prepare,
        Self::Listen,
        Self::ControlGroup,
        Self::OomScore,
        Self::Limits,
        Self::Nice,
        Self::User,
        Self::Folder,
        Self::Program,
    ];
}

/// What a descriptor that travels with a [`Row`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Descriptor {
    /// Read end of the run's standard output.
    Out,
    /// Read end of the run's standard error.
    Error,
    /// The supervisor's end of the ready pipe; both ways when the run was spawned with [`Channel::Node`].
    Ready,
    /// The datagram socket that `NOTIFY_SOCKET` names.
    Notify,
}

/// Which kind of ready pipe a run gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// A plain pipe.
    #[default]
    Pipe,
    /// A socket pair that is also Node's IPC channel.
    Node,
    /// A plain pipe that a Node program further down can use one way: for shells, whose scripts may start one, and may
    /// write to `/dev/fd/N`, which a socket refuses.
    NodeBelow,
}

/// A run to be spawned. Whatever is not named here is inherited from nobody.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spawn {
    /// Higher than every earlier one; a number that was used is refused.
    pub run: u64,
    /// Which app it is a run of.
    pub app: String,
    /// The program as an absolute path.
    pub program: String,
    /// Its arguments; the first is the name it sees for itself.
    pub argv: Vec<String>,
    /// The whole environment, apart from what the keeper knows better (descriptor numbers, pids, the invocation).
    pub env: Vec<(String, String)>,
    /// Working directory, an absolute path.
    pub cwd: String,
    /// Addresses of the held sockets to lend, in the order of their descriptors.
    #[serde(default)]
    pub sockets: Vec<String>,
    /// Whether they are lent in non-blocking mode. A keeper that does not know this lends them in blocking mode.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub nonblocking: bool,
    /// Kind of ready pipe.
    #[serde(default)]
    pub channel: Channel,
    /// Who it is to be; the keeper's own user unless set.
    #[serde(default)]
    pub identity: Option<Identity>,
    /// Resource limits.
    #[serde(default)]
    pub rlimits: Vec<Rlimit>,
    /// Scheduling priority, -20 to 19.
    #[serde(default)]
    pub nice: Option<i32>,
    /// What the kernel adds to its badness when memory runs out, -1000 to 1000. Below what the keeper has and may not go
    /// below, it stays as it is.
    #[serde(default)]
    pub oom_score_adj: Option<i32>,
    /// How often it has to send `WATCHDOG=1`, in microseconds: told to it as `WATCHDOG_USEC`.
    #[serde(default)]
    pub watchdog_usec: Option<u64>,
}

/// A user, as numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// Supplementary groups, the whole list.
    pub groups: Vec<u32>,
}

/// A resource limit; `None` is unlimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rlimit {
    /// The number of the resource, as `setrlimit(2)` has it.
    pub resource: u32,
    /// In force.
    pub soft: Option<u64>,
    /// How far it may be raised.
    pub hard: Option<u64>,
}

/// Supervisor to keeper.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Bind and hold a socket; asking again for one that is held checks that it is still of use.
    /// Answered by [`Fact::Bound`] or [`Fact::NotBound`].
    Listen {
        /// `HOST:PORT` for connections, `udp:HOST:PORT` for datagrams, `unix:` and an absolute path for connections at a
        /// file. The host is a number.
        address: String,
    },
    /// Close a held socket, and remove its file if it has one.
    Unlisten {
        /// As it was bound.
        address: String,
    },
    /// Close every held socket but these: a predecessor may not have come to that.
    UnlistenOthers {
        /// As they were bound.
        addresses: Vec<String>,
    },
    /// Answered by a [`Fact::Run`].
    Spawn(Spawn),
    /// Signal a run's process group, and its main process if that is in another one. Nothing happens after its exit.
    Signal {
        /// The run.
        run: u64,
        /// The signal's number.
        signal: i32,
    },
    /// `MAINPID=` named this process: from now on it is the run's main one, if it lives, is of the run's tree and has the
    /// run's user. May come after the first process's exit was told, and takes that back. Answered by a [`Fact::Run`] with
    /// what is true now.
    MainPid {
        /// The run.
        run: u64,
        /// The process.
        pid: i32,
    },
    /// The exit was acted on, the tree is empty and the logs are drained: drop the row.
    Forget {
        /// The run.
        run: u64,
    },
    /// Keep this for my successor; `None` removes it. The keeper never looks inside.
    Remember {
        /// What it is about.
        key: String,
        /// What to keep.
        value: Option<String>,
    },
    /// I know the table, have taken over, and work.
    Adopted,
    /// Answer to [`Fact::Ping`].
    Pong {
        /// The ping's number.
        beat: u64,
    },
    /// Start this program instead of me when I end; back to the present one if it never adopts, or ends too often.
    Upgrade {
        /// An absolute path.
        path: String,
    },
    /// Everything is stopped: the keeper may leave too.
    Leave,
}

/// How supervisors ended, since the keeper started; not those that left because everything was stopped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Predecessors {
    /// They ended by themselves, or somebody killed them.
    pub died: u64,
    /// They made room for another program.
    pub upgraded: u64,
    /// The keeper ended them: they gave no answer, did not read, or did not take over.
    pub hung: u64,
}

/// Keeper to supervisor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    /// The first message. Descriptor: the control socket, held by the keeper so that clients wait instead of being refused.
    Hello {
        /// [`VERSION`].
        version: u32,
        /// The hub's id.
        hub: String,
        /// The keeper's pid.
        keeper: i32,
        /// The newest run's number.
        last_run: u64,
        /// Variables of the environment that the keeper was started with and that workers get.
        inherited: Vec<(String, String)>,
        /// The supervisors before this one.
        #[serde(default)]
        predecessors: Predecessors,
        /// Whether the keeper's moments are of `CLOCK_BOOTTIME`, which goes on while the machine sleeps. An older keeper's are
        /// of `CLOCK_MONOTONIC`.
        #[serde(default)]
        counts_sleep: bool,
    },
    /// A run, as it is now.
    Run(Row),
    /// Something that a predecessor wanted remembered.
    Memory {
        /// What it is about.
        key: String,
        /// What was kept.
        value: String,
    },
    /// That was all: the table is complete.
    Told,
    /// An adopted process ended: a tree may have become empty.
    OrphanEnded,
    /// The socket is held.
    Bound {
        /// As it was asked for.
        address: String,
    },
    /// The socket could not be bound.
    NotBound {
        /// As it was asked for.
        address: String,
        /// Why.
        errno: i32,
    },
    /// Are you there?
    Ping {
        /// The ping's number.
        beat: u64,
    },
    /// The keeper was asked to end: stop everyone in order, then [`Order::Leave`].
    StopAll,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What version 1 looks like on the wire. A change here breaks an upgrade in place: add, never rename.
    #[test]
    fn messages_keep_their_shape() {
        let orders = [
            (Order::Forget { run: 7 }, r#"{"forget":{"run":7}}"#),
            (Order::Adopted, r#""adopted""#),
            (Order::Listen { address: "127.0.0.1:1".into() }, r#"{"listen":{"address":"127.0.0.1:1"}}"#),
            (Order::Remember { key: "a".into(), value: None }, r#"{"remember":{"key":"a","value":null}}"#),
        ];
        for (order, text) in orders {
            assert_eq!(serde_json::to_string(&order).unwrap(), text);
            assert_eq!(serde_json::from_str::<Order>(text).unwrap(), order);
        }
        let older = r#"{"run":{"run":1,"app":"a","pid":9,"spawned_at_ns":5,"exit":{"code":1},"exited_at_ns":6}}"#;
        let Fact::Run(row) = serde_json::from_str(older).unwrap() else { panic!("a row") };
        assert_eq!((row.exit, row.descriptors), (Some(Exit::Code(1)), vec![]));
    }
}
