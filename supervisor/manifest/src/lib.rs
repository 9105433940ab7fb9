//! Reads `ecosystem.toml`: text in, manifest or diagnostics out.
//!
//! ```text
//!   text ──toml──► tables with places ──app──► apps ──check──► Manifest
//!                        │                      │        │
//!                        └──────────────────────┴────────┴──► Diagnostics: every mistake at once
//! ```
//!
//! * A [`Manifest`] is what one profile asks for, with every default filled in, ready to be acted on.
//! * [`Diagnostics`] show each mistake where it is, and how to mend it.
//!
//! This crate opens no file and knows no clock: whether a script exists is for those to say who run it.

mod diagnostic;
mod model;

use std::path::Path;

pub use diagnostic::{Diagnostic, Diagnostics};
pub use model::{Address, App, Manifest, Ready, StopSignal};

/// Reads the text of an `ecosystem.toml`.
///
/// `path` is named in messages, and its folder is what relative paths in the file are relative to, so it should be
/// absolute. `profile` is in force instead of the file's own if given.
///
/// # Errors
/// If the file asks for something that cannot be done. Every mistake is reported, in the order of the file; a text that
/// is not TOML has one only.
pub fn parse(path: &Path, text: &str, profile: Option<&str>) -> Result<Manifest, Diagnostics> {
    let _ = (path, text, profile);
    todo!("being written")
}
