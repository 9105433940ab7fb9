//! Every name that crosses a process boundary.
//!
//! ```text
//!   betti-ctl ──control──► supervisor ◄──keeper──► keeper ──worker──► worker
//! ```
//!
//! * [`worker`]: what a worker is told through its environment and descriptors.
//! * [`keeper`]: what the keeper and the supervisor say to each other.
//! * [`control`]: what `betti-ctl` and the supervisor say to each other.
//! * [`request`]: what a request to the supervisor asks.
//! * [`metrics`]: in which forms metrics are answered.
//! * [`self_check`]: what another version of the supervisor is asked before it takes over.
//! * [`place`]: where the runtime directory, its socket and its files are.
//! * [`log_index`]: what lies beside each log file, so that its lines have a time and a run.
//!
//! This crate is data only: it opens, sends and decides nothing.

pub mod control;
pub mod keeper;
pub mod log_index;
pub mod metrics;
pub mod place;
pub mod request;
pub mod self_check;
pub mod worker;
