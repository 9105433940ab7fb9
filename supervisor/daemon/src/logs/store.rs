//! What all logs take on the disk: kept within its budgets, compressed, and counted; and how much may wait while it is full.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::budget::{self, Stored};
use super::file::LogFile;
use super::pipe::Leftover;
use super::pump::News;
use super::rotation::{self, Aside};
use super::tally::Count;
use super::thread::Pump;

/// So many bytes of one stream wait, the newest lines, while its log cannot be written …
const MOST_WAITING: usize = 64 * 1024;
/// … so many of all of them together, in the runtime directory and as a copy in memory …
const MOST_WAITING_OF_ALL: usize = 4 * 1024 * 1024;
/// … and what so many ended runs left.
const MOST_LEFTOVERS: usize = 64;

/// What was put aside of each log, the newest first.
#[derive(Default)]
pub struct Store(BTreeMap<PathBuf, Vec<Aside>>);

impl Store {
    /// Everything of it was removed.
    pub fn forget(&mut self, log: &Path) {
        self.0.remove(log);
    }

    fn look(&mut self, log: &Path) {
        self.0.insert(log.to_owned(), rotation::aside(log));
    }
}

impl<F: Fn(News)> Pump<F> {
    /// Looks at all logs that there may be; a predecessor may have been killed at anything.
    pub(super) fn take_stock(&mut self) {
        let logs: BTreeSet<PathBuf> = self.house.apps.iter().flat_map(|app| app.files.iter().cloned()).collect();
        let folders: BTreeSet<&Path> = logs.iter().filter_map(|log| log.parent()).collect();
        let with_aside: BTreeSet<PathBuf> = folders.into_iter().flat_map(rotation::logs_with_aside).collect();
        self.store.0.retain(|log, _| logs.contains(log));
        for log in logs.intersection(&with_aside) {
            if let Err(error) = self.names.put_right(log) {
                say!("logs: what was put aside of {} is not in order: {error}", log.display());
            }
            self.store.look(log);
            self.names.compress(log);
        }
        self.keep_within_budgets();
        let of_others = logs.iter().filter(|log| !self.files.iter().any(|file| file.path() == *log));
        of_others.for_each(|log| self.desk.tallies.set_file(log, self.on_disk(log)));
    }

    /// After something was put aside or compressed.
    pub(super) fn look_after_the_store(&mut self) {
        let mut changed = self.names.take_done();
        for file in &mut self.files {
            if file.was_put_aside() {
                self.names.compress(file.path());
                changed.insert(file.path().to_owned());
            }
        }
        if changed.is_empty() {
            return;
        }
        changed.iter().for_each(|log| self.store.look(log));
        self.keep_within_budgets();
        for file in self.files.iter_mut().filter(|file| changed.contains(file.path())) {
            file.look_aside();
            self.desk.tallies.set_file(file.path(), file.on_disk());
        }
    }

    /// Those of an app first, then all of them.
    fn keep_within_budgets(&mut self) {
        let apps = self.house.apps.clone();
        for app in &apps {
            if let Some(most) = app.most {
                self.keep_within(&app.files, most);
            }
        }
        if let Some(most) = self.house.most {
            let all: BTreeSet<PathBuf> = apps.into_iter().flat_map(|app| app.files).collect();
            self.keep_within(&all.into_iter().collect::<Vec<_>>(), most);
        }
    }

    fn keep_within(&mut self, logs: &[PathBuf], most: u64) {
        let present = logs.iter().map(|log| self.present(log)).sum();
        let of_log = |(log, path): (usize, &PathBuf)| {
            let aside = self.store.0.get(path).into_iter().flatten();
            aside.map(move |aside| Stored { log, number: aside.number, bytes: aside.bytes, written: aside.written })
        };
        let stored = logs.iter().enumerate().flat_map(of_log).collect();
        for gone in budget::too_many(present, stored, most) {
            let log = &logs[gone.log];
            if let Err(error) = self.names.remove(log, gone.number) {
                say!("logs: {} cannot be removed: {error}", rotation::numbered(log, gone.number).display());
            }
            self.store.look(log);
            self.files.iter_mut().filter(|file| file.path() == log).for_each(LogFile::look_aside);
        }
    }

    /// Bytes of the file that is written to.
    fn present(&self, log: &Path) -> u64 {
        match self.files.iter().find(|file| file.path() == log && file.is_open()) {
            Some(file) => file.bytes(),
            None => on_disk_now(log) + on_disk_now(&super::index::path(log)),
        }
    }

    fn on_disk(&self, log: &Path) -> u64 {
        self.present(log) + self.store.0.get(log).into_iter().flatten().map(|aside| aside.bytes).sum::<u64>()
    }

    /// Throws away the oldest lines where too many wait for a disk that is full.
    pub(super) fn limit_what_waits(&mut self) {
        let given_up = self.leftovers.len().saturating_sub(MOST_LEFTOVERS);
        let mut given_up: Vec<Leftover> = self.leftovers.drain(..given_up).collect();
        given_up.iter_mut().for_each(|leftover| leftover.give_up(&mut self.files[leftover.file]));
        self.let_go_of(given_up);
        let held = self.pipes.iter().filter(|pipe| pipe.is_held()).count();
        let held = held + self.leftovers.iter().filter(|leftover| leftover.is_held()).count();
        if held == 0 {
            return;
        }
        let most = MOST_WAITING.min(MOST_WAITING_OF_ALL / held);
        let files = &mut self.files;
        self.pipes.iter_mut().for_each(|pipe| pipe.shorten(most, &mut files[pipe.file]));
        self.leftovers.iter_mut().for_each(|leftover| leftover.shorten(most, &mut files[leftover.file]));
    }

    /// Writes down what became of the bytes that were just moved.
    pub(super) fn count(&mut self) {
        let mut all: BTreeMap<u32, Count> = BTreeMap::new();
        let losses = self.files.iter_mut().filter_map(|file| Some((file.news_of_loss()?, file.path().to_owned())));
        self.desk.losses.set(losses.map(|(loss, path)| (path, loss)).collect());
        for file in &mut self.files {
            if let Some(trouble) = file.news_of_trouble() {
                self.desk.tallies.set_trouble(file.path(), trouble);
            }
            let counts = file.take_counts();
            if !counts.is_empty() {
                self.desk.tallies.set_file(file.path(), file.on_disk());
            }
            counts.into_iter().for_each(|(app, count)| all.entry(app).or_default().add(count));
        }
        if !all.is_empty() {
            self.desk.tallies.add(&all);
        }
    }
}

fn on_disk_now(path: &Path) -> u64 {
    std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file).map_or(0, |found| found.len())
}
