//! Who looked at or changed what, told to the resident in plain words, and on the command line.
//!
//! ```text
//!   audit.db ── kit::audit::ask ──► entries ──► words ◄── names (devices of access.db, medicines of api.db)
//! ```

mod command;
mod names;
mod phrases;
mod words;

use std::path::Path;

use kit::{
    Access, Home,
    audit::{self, Entry, Question},
};
use serde::Serialize;

pub use self::command::Asked;
use self::names::Names;

/// How many entries are shown unless asked otherwise.
pub const USUAL_LIMIT: u32 = 100;
/// How many are shown at most.
pub const LARGEST_LIMIT: u32 = 1000;

/// An entry as it is shown.
#[derive(Debug, Serialize)]
pub struct Told {
    /// In plain words.
    pub words: String,
    /// The day on which it was done or began, where the resident is: `2031-01-31`.
    pub date: String,
    /// Where that is: `Europe/Vienna`.
    pub zone: String,
    /// What people call the device; `null` if it is none, or is not known any more.
    pub name: Option<String>,
    #[serde(flatten)]
    pub entry: Entry,
}

/// What an audit answers to a question, the newest first.
pub async fn tell(data: &Path, access: &Access, home: &Home, question: Question) -> anyhow::Result<Vec<Told>> {
    let folder = data.to_owned();
    let devices = access.devices().await?;
    let home = home.clone();
    let asked = tokio::task::spawn_blocking(move || {
        let names = Names::open(&folder, devices)?;
        let told = |entry: Entry| {
            let (name, medicine) = (names.device(&entry).map(str::to_owned), names.medicine(&entry)?);
            let at = entry.first_at.parse().unwrap_or_default();
            let (date, zone) = (home.date(at).to_string(), home.zone_at(at));
            let words = words::of(&entry, name.as_deref(), medicine.as_deref(), &home);
            Ok(Told { words, date, zone, name, entry })
        };
        audit::ask(&folder, &question)?.into_iter().map(told).collect()
    });
    asked.await?
}
