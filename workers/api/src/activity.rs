//! What somebody does: workouts, and what devices count of a day. Pure: no clock, no database.

pub mod assessment;
pub mod device;
pub mod figures;
pub mod goals;
pub mod interval;
pub mod merge;
pub mod workout;

pub use self::figures::{Figure, Figures, Sent};
