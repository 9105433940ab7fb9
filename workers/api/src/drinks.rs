//! What somebody drinks: amounts, what is asked of a day, and whether the day is behind. Pure: no clock, no database.

pub mod amount;
pub mod day;
pub mod entry;
pub mod goal;
pub mod pace;

pub use self::{amount::Amount, entry::Entry, goal::Goal};
