//! What is on the disk when the power is cut, at every instant of what a program did there.
//!
//! ```text
//!   program ──strace──► [`trace`] ──► operations ──► [`disk`] ──► everything that the disk may hold at each instant
//! ```
//!
//! Nothing here cuts anybody's power: what was done is recorded once, and then lost as a disk may lose it.

pub mod disk;
mod letters;
pub mod operation;
pub mod trace;

pub use disk::{Files, power_cuts, power_cuts_at_every_instant, settle, settled};
pub use operation::Operation;
