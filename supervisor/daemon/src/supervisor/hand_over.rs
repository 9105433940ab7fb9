//! From the keeper's table and memories to a supervisor that knows what its predecessor knew.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use lifecycle::{AppId, Fleet, Invocation, Moment};
use manifest::Manifest;
use protocol::keeper::{Fact, Order, Row, VERSION};

use super::Wish;
use super::keeper_link::{Facts, Orders};
use super::memory::{self, Memory, Notes};

/// A longer file is refused before it is read.
const LONGEST_FILE: u64 = 4 * 1024 * 1024;

/// Why the file cannot be used at the first start.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("{path}: {error}", path = path.display())]
    Read { path: PathBuf, error: io::Error },
    #[error("{path} is longer than {LONGEST_FILE} bytes", path = path.display())]
    TooLong { path: PathBuf },
    #[error("{0}")]
    Wrong(String),
}

/// What the keeper tells a new supervisor.
#[derive(Default)]
pub struct HandOver {
    pub hub: String,
    pub keeper: i32,
    pub last_run: u64,
    pub inherited: Vec<(String, String)>,
    pub control: Option<OwnedFd>,
    pub rows: BTreeMap<u64, (Row, Vec<OwnedFd>)>,
    pub memory: Memory,
    /// The keeper was asked to end before we came.
    pub stop_all: bool,
}

impl HandOver {
    /// Listens until the table is complete; `None` if the keeper went away before.
    pub async fn receive(facts: &mut Facts, orders: &Orders) -> io::Result<Option<Self>> {
        let mut told = Self::default();
        while let Some((fact, descriptors)) = facts.receive().await? {
            match fact {
                Fact::Hello { version, hub, keeper, last_run, inherited } => {
                    if version != VERSION {
                        return Err(io::Error::other(format!(
                            "the keeper speaks version {version} and we speak {VERSION}; stop everything and start anew"
                        )));
                    }
                    let control = descriptors.into_iter().next();
                    told = Self { hub, keeper, last_run, inherited, control, ..told };
                }
                Fact::Run(row) => match told.rows.get_mut(&row.run) {
                    Some((known, _)) => *known = row,
                    None => drop(told.rows.insert(row.run, (row, descriptors))),
                },
                Fact::Memory { key, value } => drop(told.memory.insert(key, value)),
                Fact::Told => return Ok(Some(told)),
                Fact::Ping { beat } => orders.give(&Order::Pong { beat })?,
                Fact::StopAll => told.stop_all = true,
                Fact::OrphanEnded | Fact::Bound { .. } | Fact::NotBound { .. } => {}
            }
        }
        Ok(None)
    }
}

/// The file in force: what was remembered, so that a file that broke meanwhile hurts nothing that runs; else what is on disk,
/// with the orders that have it remembered.
pub fn manifest(wish: &Wish, memory: &Memory) -> Result<(Manifest, Vec<Order>), FileError> {
    let (text, profile, orders) = match memory::remembered_file(memory) {
        Some((text, profile)) => (text, Some(profile).filter(|profile| !profile.is_empty()), Vec::new()),
        None => {
            let text = read(&wish.config)?;
            let orders = memory::remember_file(&text, wish.profile.as_deref().unwrap_or_default());
            (text, wish.profile.clone(), orders)
        }
    };
    let manifest = manifest::parse(&wish.config, &text, profile.as_deref())
        .map_err(|diagnostics| FileError::Wrong(diagnostics.to_string()))?;
    if let Some(unknown) = wish.only.iter().find(|name| manifest.app(name).is_none()) {
        let names: Vec<&str> = manifest.apps.iter().map(|app| app.name.as_str()).collect();
        return Err(FileError::Wrong(format!("--only {unknown}: no such app; there are {}", names.join(", "))));
    }
    Ok((manifest, orders))
}

fn read(path: &Path) -> Result<String, FileError> {
    let failed = |error| FileError::Read { path: path.into(), error };
    if fs::metadata(path).map_err(failed)?.len() > LONGEST_FILE {
        return Err(FileError::TooLong { path: path.into() });
    }
    fs::read_to_string(path).map_err(failed)
}

/// The apps as they were, and what was noted about each.
pub fn fleet(manifest: &Manifest, told: &HandOver, now: Moment) -> anyhow::Result<(Fleet, BTreeMap<AppId, Notes>)> {
    let id_of = |name: &String| manifest.app(name).map(|app| AppId(app.id));
    let apps = manifest
        .apps
        .iter()
        .map(|app| (AppId(app.id), app.policy.clone(), app.depends_on.iter().filter_map(id_of).collect()));
    let kept: BTreeMap<AppId, _> = manifest
        .apps
        .iter()
        .filter_map(|app| Some((AppId(app.id), memory::remembered_app(&told.memory, &app.name)?)))
        .collect();
    // A run that could not even be ordered has a number that the keeper never heard of.
    let newest = kept.values().filter_map(|(snapshot, _)| snapshot.newest_run).max().unwrap_or_default();
    let mut fleet = Fleet::new(apps, newest.max(Invocation(told.last_run)))
        .map_err(|_| anyhow::anyhow!("apps wait for each other in a circle"))?;
    let mut notes = BTreeMap::new();
    for (id, (snapshot, noted)) in kept {
        fleet.restore(now, id, snapshot, |run| told.rows.contains_key(&run.0));
        notes.insert(id, noted);
    }
    Ok((fleet, notes))
}
