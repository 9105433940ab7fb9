//! Which log files there are, what they may take, and who writes to them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use lifecycle::AppId;
use manifest::{App, LogFormat};

use super::Supervisor;
use super::roster::Unit;
use crate::logs::{AppLogs, House, Kind, Limits, Way};

/// When an app's log files are put aside.
pub fn log_limits(app: &App) -> Limits {
    Limits { bytes: app.log_max_size, age: app.log_max_age, kept: app.log_keep }
}

/// Where one stream goes and how.
#[derive(Clone, PartialEq)]
pub struct LogWay {
    path: PathBuf,
    limits: Limits,
    format: LogFormat,
    shared: bool,
}

impl Supervisor {
    /// Whether several streams go to this file.
    pub(super) fn is_shared(&self, path: &Path) -> bool {
        self.units().values().flat_map(|unit| files(unit)).filter(|file| file == path).count() > 1
    }

    /// Where all streams go now.
    pub(super) fn log_ways(&self) -> BTreeMap<AppId, [LogWay; 2]> {
        let units = self.units();
        let mut writers: BTreeMap<PathBuf, usize> = BTreeMap::new();
        units.values().flat_map(|unit| files(unit)).for_each(|file| *writers.entry(file).or_default() += 1);
        let ways = |unit: &Unit| {
            files(unit).map(|path| LogWay {
                shared: writers.get(&path).is_some_and(|writers| *writers > 1),
                path,
                limits: log_limits(&unit.app),
                format: unit.app.log_format.clone(),
            })
        };
        units.values().map(|unit| (unit.id, ways(unit))).collect()
    }

    /// Output of what runs goes where the file now says, without a restart.
    pub(super) fn redirect_logs(&mut self, before: &BTreeMap<AppId, [LogWay; 2]>) {
        let now = self.log_ways();
        for run in self.runs.values().filter(|run| !run.gone) {
            let (Some(old), Some(new)) = (before.get(&run.app), now.get(&run.app)) else { continue };
            for ((kind, new), old) in [Kind::Out, Kind::Error].into_iter().zip(new).zip(old) {
                if new != old {
                    let LogWay { path, limits, format, shared } = new.clone();
                    self.logs.redirect(Way { run: run.row.run, kind, path, limits, format, shared });
                }
            }
        }
    }

    /// Tells the log thread which files are ours and what they may take.
    pub(super) fn keep_log_house(&mut self) {
        self.logs.keep_house(self.log_house());
    }

    /// Which files are ours and what they may take.
    pub(super) fn log_house(&self) -> House {
        let mut apps: BTreeMap<String, (Option<u64>, BTreeSet<PathBuf>)> = BTreeMap::new();
        let mut seen = BTreeSet::new();
        for unit in self.units().values() {
            let (most, known) = apps.entry(unit.app.name.clone()).or_default();
            *most = unit.app.log_max_total;
            known.extend(files(unit).into_iter().filter(|file| !file.starts_with("/dev") && seen.insert(file.clone())));
        }
        let apps = apps.into_values().map(|(most, files)| AppLogs { files: files.into_iter().collect(), most });
        let manifest = &self.roster.manifest;
        let (most, trusts_clock) = (Some(manifest.log_max_total), manifest.trusts_clock);
        House { most, apps: apps.collect(), trusts_clock }
    }
}

fn files(unit: &Unit) -> [PathBuf; 2] {
    [unit.out_file(), unit.error_file()]
}
