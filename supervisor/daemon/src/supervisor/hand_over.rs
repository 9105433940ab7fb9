//! From the keeper's table and memories to a supervisor that knows what its predecessor knew.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use lifecycle::{AppId, Fleet, Invocation, Moment};
use manifest::{App, Manifest};
use protocol::keeper::{Fact, Order, Predecessors, Row, VERSION};

use super::Wish;
use super::book::{self, File, InForce};
use super::keeper_link::{Facts, Orders};
use super::memory::{self, Memory, Notes};
use super::roster::{Roster, Unit};
use crate::{clock, regular};

/// A longer file is refused before it is looked at.
const LONGEST_FILE: u64 = manifest::LONGEST_FILE as u64;

/// Why a file cannot be used.
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
    pub predecessors: Predecessors,
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
                Fact::Hello { version, hub, keeper, last_run, inherited, predecessors, counts_sleep: _ } => {
                    if version != VERSION {
                        return Err(io::Error::other(format!(
                            "the keeper speaks version {version} and we speak {VERSION}; stop everything and start anew"
                        )));
                    }
                    let control = descriptors.into_iter().next();
                    told = Self { hub, keeper, last_run, inherited, predecessors, control, ..told };
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

/// What is in force, and who there is.
pub struct Taken {
    pub file: File,
    pub in_force: InForce,
    pub roster: Roster,
    pub leaving: BTreeMap<AppId, Rc<Unit>>,
    /// It was read from the disk, and is not remembered yet.
    pub is_new: bool,
}

/// What was remembered, so that a file that broke meanwhile hurts nothing that runs; else what is on disk.
pub fn take(wish: &Wish, memory: &Memory) -> Result<Taken, FileError> {
    let in_force = book::remembered_in_force(memory);
    let is_new = in_force.is_none();
    let (file, in_force) = match in_force {
        Some(in_force) => {
            let text = book::remembered_texts(memory).remove(&in_force.generation).unwrap_or_default();
            (File { text, asked: in_force.asked.clone() }, in_force)
        }
        None => {
            let file = File { text: read(&wish.config)?, asked: wish.profile.clone() };
            let (asked, applied_at_ns) = (wish.profile.clone(), clock::now_ns());
            let in_force = InForce { generation: 1, asked, applied_at_ns, ..InForce::default() };
            (file, in_force)
        }
    };
    let manifest = parse(&wish.config, &file)?;
    if let Some(unknown) = wish.only.iter().find(|name| !name.is_empty() && manifest.app(name).is_none()) {
        let names: Vec<&str> = manifest.apps.iter().map(|app| app.name.as_str()).collect();
        return Err(FileError::Wrong(format!("--only {unknown}: no such app; there are {}", names.join(", "))));
    }
    let ad_hoc = book::remembered_ad_hoc(memory).into_iter().filter_map(|table| only_app(&wish.config, &table));
    let leavers = book::remembered_leaving(memory);
    let taken = leavers.iter().map(|(key, leaver)| (key.clone(), leaver.id)).collect();
    let roster = Roster::new(manifest, ad_hoc, book::remembered_changes(memory), &taken);
    let leaving = leavers.iter().filter(|(_, leaver)| roster.unit(AppId(leaver.id)).is_none());
    let leaving = leaving.filter_map(|(key, leaver)| {
        let app = Rc::new(only_app(&wish.config, &leaver.table)?);
        let instance = key.rsplit_once('/').and_then(|(_, instance)| instance.parse().ok()).unwrap_or(0);
        let id = AppId(leaver.id);
        Some((id, Rc::new(Unit { id, instance, of: instance + 1, app, ad_hoc: false })))
    });
    Ok(Taken { leaving: leaving.collect(), file, in_force, roster, is_new })
}

/// The file's text as a manifest.
pub fn parse(config: &Path, file: &File) -> Result<Manifest, FileError> {
    manifest::parse(config, &file.text, file.asked.as_deref())
        .map_err(|diagnostics| FileError::Wrong(diagnostics.to_string()))
}

/// The app of a text with a single table.
pub fn only_app(config: &Path, table: &str) -> Option<App> {
    manifest::parse(config, table, None).ok()?.apps.into_iter().next()
}

pub fn read(path: &Path) -> Result<String, FileError> {
    let failed = |error| FileError::Read { path: path.into(), error };
    let mut text = Vec::new();
    regular::open(path).and_then(|file| file.take(LONGEST_FILE + 1).read_to_end(&mut text)).map_err(failed)?;
    if text.len() as u64 > LONGEST_FILE {
        return Err(FileError::TooLong { path: path.into() });
    }
    String::from_utf8(text).map_err(|error| failed(io::Error::new(io::ErrorKind::InvalidData, error.utf8_error())))
}

/// The fleet as a predecessor left it, and what was noted about each. Who is new in the file is not in it yet, and who is
/// missing there still is: [`Supervisor::converge`](super::Supervisor::converge) goes on from here.
pub fn fleet(taken: &Taken, told: &HandOver, now: Moment) -> anyhow::Result<(Fleet, BTreeMap<AppId, Notes>)> {
    let units = taken.roster.units().chain(taken.leaving.values());
    let known: Vec<_> =
        units.filter_map(|unit| Some((unit, memory::remembered_app(&told.memory, &unit.key())?))).collect();
    let ids: BTreeSet<AppId> = known.iter().map(|(unit, _)| unit.id).collect();
    let needs = |unit: &Unit| -> Vec<AppId> {
        unit.app.depends_on.iter().flat_map(|name| taken.roster.ids_of(name)).filter(|id| ids.contains(id)).collect()
    };
    // A run that could not even be ordered has a number that the keeper never heard of.
    let newest = known.iter().filter_map(|(_, (snapshot, _))| snapshot.newest_run).max().unwrap_or_default();
    let stay = known.iter().filter(|(_, (snapshot, _))| !snapshot.leaving);
    let stay = stay.map(|(unit, _)| (unit.id, unit.app.policy.clone(), needs(unit)));
    let mut fleet = Fleet::new(stay, newest.max(Invocation(told.last_run)))
        .map_err(|_| anyhow::anyhow!("apps wait for each other in a circle"))?;
    let mut notes = BTreeMap::new();
    for (unit, (snapshot, noted)) in known {
        let exists = |run: Invocation| told.rows.contains_key(&run.0);
        match snapshot.leaving {
            true => fleet.restore_leaving(now, unit.id, unit.app.policy.clone(), needs(unit), snapshot, exists),
            false => fleet.restore(now, unit.id, snapshot, exists),
        }
        notes.insert(unit.id, noted);
    }
    Ok((fleet, notes))
}
