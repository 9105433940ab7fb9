//! Shows what apps wrote.
//!
//! ```text
//!   a.log.2.gz  a.log.1  a.log ──lines──► with marks ──stream──► with times, of writers ──┐
//!   b.log.1  b.log ──lines──►  …                                                          ├─merge──► look ──► printer
//!   …                                                                                     ┘
//! ```
//!
//! * [`place`], `generation` and `neighbours`: the files that a log consists of, while they are put aside and compressed.
//! * `marks` and `lines`: a file cut into lines, each with the mark of its index that says when and by whom it was begun.
//! * `reach`: how far back to begin, found from the end. `stream`: a log through all of its files.
//! * `clocks`: what a mark's time is worth. `owners`: whose a line is. `sieve`: whether it is asked for.
//! * `look`, `harmless`, `palette`: how it is shown.
//!
//! * `follow` goes on when something is written: `watch` tells; `newcomers` tells of apps that came, `unread` that nobody reads.
//! * `offline`: whose logs there are when no supervisor can be asked.
//!
//! Nothing is held of a log but a piece of each file and one line, however long it is.

mod clocks;
mod follow;
mod generation;
mod harmless;
mod lines;
mod look;
mod marks;
mod merge;
mod moment;
mod neighbours;
mod newcomers;
mod offline;
mod owners;
mod palette;
mod place;
mod present;
mod reach;
mod sieve;
mod stream;
#[cfg(test)]
mod tests;
mod unread;
mod view;
mod watch;

pub use follow::Follow;
pub use look::{Look, Stamp};
pub use moment::parse as moment;
pub use newcomers::Newcomers;
pub use offline::sources;
pub use owners::Kind;
pub use sieve::{Sieve, pattern};
pub use view::{View, Wanted};
