//! Reads `ecosystem.toml`: text in, manifest or diagnostics out.
//!
//! ```text
//!   text ──toml──► tables ──written──► what each says ──profile, check, resolve──► Manifest
//!             │                 │                               │
//!             └─────────────────┴───────────────────────────────┴──► Diagnostics: every mistake at once
//! ```
//!
//! * A [`Manifest`] is what one profile asks for, with every default filled in, ready to be acted on.
//! * [`Diagnostics`] show each mistake where it is, and how to mend it.
//!
//! This crate opens no file and knows no clock: whether a script exists is for those to say who run it.

mod check;
mod diagnostic;
mod file;
mod keys;
mod model;
mod name;
pub mod plan;
mod profile;
mod resolve;
mod suggest;
pub mod targets;
mod units;
mod value;
mod words;
mod written;

pub use diagnostic::{Diagnostic, Diagnostics, Related};
pub use file::{LONGEST_FILE, MOST_APPS, parse};
pub use model::{
    Address, App, Check, Cron, Health, Instances, LogFormat, Manifest, Ready, Rlimit, StopSignal, Url, Watch,
};
