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
//! This crate opens no file (but for the system's list of time zones) and knows no clock: whether a script exists is for
//! those to say who run it.

mod address;
mod check;
mod cron;
mod diagnostic;
mod fields;
mod file;
mod keys;
mod limits;
mod log_paths;
mod model;
mod name;
pub mod plan;
pub mod pm2;
mod probe;
mod profile;
mod resolve;
mod section;
mod stamp;
mod starter;
mod suggest;
mod switch;
pub mod targets;
mod units;
mod url;
mod value;
mod watch;
mod within;
mod words;
mod written;

pub use diagnostic::{Diagnostic, Diagnostics, Related};
pub use file::{LONGEST_FILE, MOST_APPS, parse, parse_in_place};
pub use model::{
    Address, App, Check, Cron, Health, Instances, LogFormat, Manifest, Ready, Rlimit, StopSignal, Url, Watch,
};
pub use starter::STARTER;
pub use switch::with_profile;
