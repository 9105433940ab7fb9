//! What residents may ask for: everything that is kept about them, and that nothing is. On the command line, beside a worker that
//! runs or without one; an export also by a route (`routes/export.rs`).
//!
//! ```text
//!   export: every database ── kit::person::rows ──► JSON, CSV (a table each), FHIR (what it has a word for) ──► one zip
//!   erase:  every database ── kit::person::erase ──► tombstones
//! ```

mod arguments;
mod erase;
mod export;
mod fhir;

use std::path::{Path, PathBuf};

pub use self::{arguments::Asked, export::write as write_export};

/// Where data are when `BETTI_DATA_DIR` is not set, as for the worker.
const DATA_BY_HAND: &str = "data";
/// What residents did, in files of their own: existing clients record it of one resident only.
const RECORDINGS: &str = "accelerometer";

/// Does what was asked for, and says in words what was done.
pub fn answer(asked: Asked) -> anyhow::Result<String> {
    let data = std::env::var_os(kit::worker_files::DATA_DIR).map_or_else(|| DATA_BY_HAND.into(), PathBuf::from);
    match asked {
        Asked::Erase { resident, confirm } => erase::by_command(&data, resident, confirm),
        Asked::Export { resident, to } => export::by_command(&data, resident, &to),
    }
}

/// The database in which residents are.
fn api_database(data: &Path) -> PathBuf {
    data.join(crate::DATABASE)
}
