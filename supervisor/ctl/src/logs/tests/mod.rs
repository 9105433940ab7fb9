//! The reading side as a whole, on real files: against slow and simple rules, for any logs that there may be.

mod cut;
mod garbage;
mod reach;
mod rotation;
mod written;
