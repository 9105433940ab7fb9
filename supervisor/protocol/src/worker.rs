//! What a worker is told, and how it answers. The contract that any program can follow.

/// Descriptor number of the ready pipe: write one line, then close.
pub const READY_FD: &str = "BETTI_READY_FD";
/// The same descriptor for Node apps, so that an unmodified `process.send('ready')` works.
pub const NODE_CHANNEL_FD: &str = "NODE_CHANNEL_FD";
/// Always [`NODE_CHANNEL_JSON`]; the other mode is a private format of V8's.
pub const NODE_CHANNEL_MODE: &str = "NODE_CHANNEL_SERIALIZATION_MODE";
/// One JSON value a line.
pub const NODE_CHANNEL_JSON: &str = "json";
/// `sd_notify(3)`'s datagram socket.
pub const NOTIFY_SOCKET: &str = "NOTIFY_SOCKET";
/// How often it has to send `WATCHDOG=1` there, in microseconds, and who has to: `sd_watchdog_enabled(3)`.
pub const WATCHDOG_USEC: &str = "WATCHDOG_USEC";
/// The process that is meant by [`WATCHDOG_USEC`].
pub const WATCHDOG_PID: &str = "WATCHDOG_PID";

/// How many sockets are lent, from [`FIRST_SOCKET_FD`] up: `sd_listen_fds(3)`.
pub const LISTEN_FDS: &str = "LISTEN_FDS";
/// The process that the lent sockets are meant for.
pub const LISTEN_PID: &str = "LISTEN_PID";
/// Names of the lent sockets, separated by colons: the port of each, or the name of its file.
pub const LISTEN_FDNAMES: &str = "LISTEN_FDNAMES";
/// The port of the first lent socket for TCP, for those who have to name it: in links, in what they announce.
pub const LISTEN_PORT: &str = "LISTEN_PORT";
/// The first lent socket's descriptor.
pub const FIRST_SOCKET_FD: i32 = 3;

/// The app's name in `ecosystem.toml`.
pub const APP: &str = "BETTI_APP";
/// Which of the app's instances this is, from 0.
pub const INSTANCE: &str = "BETTI_INSTANCE";
/// `<hub id>-<run>`: marks every process of a run's tree, however it detaches itself.
pub const INVOCATION: &str = "BETTI_INVOCATION";
/// Where a worker keeps what must survive it.
pub const DATA_DIR: &str = "BETTI_DATA_DIR";

/// What the keeper was started with and every worker gets; nothing else of the caller's shell. `LC_*` goes too.
pub const INHERITED: [&str; 6] = ["PATH", "HOME", "USER", "LOGNAME", "LANG", "TZ"];
/// Prefix of the locale variables that are inherited as well.
pub const INHERITED_PREFIX: &str = "LC_";

/// The longest first line that is looked at on a ready pipe, in bytes. A longer one does not make an app ready.
pub const LONGEST_READY_LINE: usize = 64 * 1024;
