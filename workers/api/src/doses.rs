//! When which dose of a medicine is due, and what became of it. Pure: no clock, no database, no HTTP.
//!
//! ```text
//!   Plan ── phases ── rules ──► occurrences(plans, records, zone, range) ──► Occurrence { key, due_at, … }
//!                                     ▲                                           │
//!   a person's Command ──► Record ────┘    state, remind, adherence, stock ◄──────┘
//! ```
//!
//! * [`plan`] is what the prescriber said, [`check`] whether it can be, [`compat`] makes one of existing clients' rows.
//! * [`occurrence`] is one planned dose; its [`Key`] (rule, local date, slot) is unique and never changes, so whatever is
//!   said twice about a dose is said once.
//! * [`record`] is what people said of one dose; [`state`] what that means at an instant.
//! * [`remind`] says what to announce now and when to look again, [`adherence`] counts, [`prn`] answers "may I take
//!   another one?", [`stock`] how long the box lasts.
//!
//! Clock rules follow the resident's zone. A time that a day does not have (clocks go forward) is due at the first valid
//! minute, one that it has twice is due the first time, once. Elapsed rules count hours that really pass.
//!
//! Defaults are design, not medical advice: a clinician reviews them, and every plan can have its own.

pub mod adherence;
pub mod check;
pub mod compat;
mod days;
mod elapsed;
mod linked;
pub mod local;
pub mod occurrence;
pub mod plan;
pub mod prn;
pub mod record;
pub mod remind;
pub mod state;
pub mod stock;

pub use occurrence::{Key, Occurrence};
pub use plan::{Plan, Policy, RuleId};
pub use record::Record;
pub use state::DoseState;

#[cfg(test)]
mod tests;
