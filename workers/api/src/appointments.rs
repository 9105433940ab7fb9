//! Appointments. Pure: no clock, no database.

pub mod recurrence;
