//! Medicines as existing clients write and read them. Pure; when which dose is due is [`doses`](crate::doses)' business.
//!
//! * [`entry`]: what a client says of a medicine.
//! * [`rows`]: the rows of its schedule, in both ways of writing them.
//! * [`week`]: the week's doses, and in words.

pub mod entry;
pub mod rows;
pub mod week;
