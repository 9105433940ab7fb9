//! What a worker sees of the machine: nothing but what it says that it needs. Held by the kernel (Landlock), from before the worker
//! has a second thread and before it takes anything from anybody.
//!
//! ```text
//!   Sees (what a worker says in its main) ──► prepare: files are made and held open ──► rules ──► the kernel, for good
//! ```
//!
//! What it has open already stays usable: sockets that were lent, the ready pipe, the lifeline. Nothing may be executed, and TCP goes
//! to the named ports only. Unix sockets with a path, and UDP, are not held back by kernels of today.
//!
//! Rules are about files themselves, not about their names. A database's companions (`-wal`, `-shm`) stay the same files for as long
//! as one connection to it is open, so a worker that sees single databases opens them beforehand and keeps them open (`Held`). What is
//! exchanged by its name while the worker runs, certificates and the workers' key, is read for it by a process that may read and nothing
//! else (`reader`).

mod content;
mod enter;
mod reader;
mod sees;

pub use self::{content::Content, sees::Sees};
pub(crate) use self::{
    enter::enter,
    reader::{Reader, files_to_read, read_for_another},
};

/// Turned off by `off`, for a house in which something of ours is in an unusual place. Anything else leaves it on.
pub const SWITCH: &str = "BETTI_SANDBOX";
