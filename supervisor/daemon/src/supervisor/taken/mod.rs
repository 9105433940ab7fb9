//! Whose an address is, and why one cannot be had: what the keeper, which binds, does not look for.
//!
//! * [`table`]: the kernel's tables of sockets have their addresses, inodes and users.
//! * [`holder`]: `/proc/PID/fd` has who holds an inode, as far as we may look.
//! * [`owner`]: who that is, among our apps or beside them.
//! * [`words`]: what is said of that, and what can be done.

mod holder;
mod owner;
mod table;
mod words;

pub use holder::Holder;
pub use owner::{Neighbours, Owner};
pub use table::{Row, listening};
pub use words::why;
