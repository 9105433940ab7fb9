//! The system as an operator meets it: built programs, files, sockets and processes, never a library's inside.
//!
//! ```text
//!   scenario ──► Hub ──betti-ctl──► supervisor, keeper ──► puppets, real workers
//!      │          └──► guard: ends everything and removes the folder, however the scenario ends
//!      └──► gates and the journal: what a puppet waits for, and what it says it did
//! ```
//!
//! * [`hub`]: a hub of its own for every scenario: folder, file, runtime directory, ports.
//! * [`ecosystem`]: writes its `ecosystem.toml`.
//! * [`fifo`]: gates and journals, so that a scenario orders events instead of waiting for time to pass.
//! * [`process`]: who runs, by walking `/proc`.
//! * [`wait`]: the one way to wait, with a deadline and the last state seen.
//! * [`kept`]: what is kept of a log, with all that was put aside.
//! * [`cgroup`]: a control group for a hub, where one can be had.
//! * [`openmetrics`]: a strict reader of what is scraped.
//! * [`clock`]: whether the kernel believes the clock.
//! * [`load`]: clients that ask all the time, and what became of that.
//! * [`power`]: what a power cut leaves of what was recorded.
//! * [`http`], [`ports`], [`binaries`], [`command`], [`guard`], [`platform`]: what those need.

pub mod binaries;
pub mod cgroup;
pub mod clock;
pub mod command;
pub mod ecosystem;
pub mod fifo;
pub mod guard;
pub mod http;
pub mod hub;
pub mod kept;
pub mod load;
pub mod openmetrics;
pub mod platform;
pub mod ports;
pub mod power;
pub mod process;
pub mod wait;

pub use ecosystem::App;
pub use hub::Hub;

/// How often a counted loop is run: `BETTI_LOOPS`, else this many times.
#[must_use]
pub fn loops(unless_asked: usize) -> usize {
    std::env::var("BETTI_LOOPS").ok().and_then(|loops| loops.parse().ok()).unwrap_or(unless_asked)
}
