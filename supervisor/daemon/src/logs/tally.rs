//! How much each app has written and what of it was lost, since the hub's start; and what each log takes on the disk.
//!
//! It outlives the supervisor in a file in the runtime directory, which is written once for all that was moved in one go. A kill
//! in between loses that count: at most a chunk of each stream. The runtime directory is usually memory, so no card wears out.
//!
//! ```text
//!   ┌ number ┬ day ┬ written ┬ of it today ┬ bytes lost ┬ lines lost ┐   one after the other, as the apps came
//!   └ u64    ┴ i64 ┴ u64     ┴ u64         ┴ u64        ┴ u64        ┘
//! ```

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use jiff::tz::TimeZone;

pub const NAME: &str = "tally";
const NUMBERS: usize = 6;
const RECORD: usize = NUMBERS * 8;
const SECONDS_A_DAY: i64 = 86_400;

/// What one app (one instance of it, by its number) wrote since the hub's start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Bytes in its log files, whatever became of those.
    pub written: u64,
    /// What of that was written today, by the clock in the hub's zone.
    pub today: u64,
    /// Bytes of its output that could not be kept.
    pub lost_bytes: u64,
    /// Line ends among those.
    pub lost_lines: u64,
    /// The day that `today` is about, counted from 1970.
    day: i64,
}

/// All that is counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tallies {
    /// By the number that operators know an app by (PM2's `pm_id`).
    pub apps: BTreeMap<u32, Tally>,
    /// Bytes that each log takes on the disk, with all that was put aside of it.
    pub files: BTreeMap<PathBuf, u64>,
    /// Why a log could not be written when that was last tried.
    pub troubles: BTreeMap<PathBuf, String>,
}

/// The copy that others look at.
pub type Shown = Arc<Mutex<Tallies>>;

/// What is shown, as of today.
pub fn shown(tallies: &Shown) -> Tallies {
    let mut tallies = tallies.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let today = today();
    tallies.apps.values_mut().filter(|tally| tally.day != today).for_each(|tally| tally.today = 0);
    tallies
}

/// What happened to an app's bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    pub written: u64,
    pub lost_bytes: u64,
    pub lost_lines: u64,
}

impl Count {
    pub fn add(&mut self, other: Self) {
        self.written += other.written;
        self.lost_bytes += other.lost_bytes;
        self.lost_lines += other.lost_lines;
    }
}

/// Counts for the log thread.
pub struct TallyBook {
    path: PathBuf,
    file: Option<File>,
    /// Each app and its tally, in the order of the file.
    tallies: Vec<(u32, Tally)>,
    shown: Shown,
    zone: TimeZone,
}

impl TallyBook {
    /// Goes on where a predecessor was.
    pub fn open(folder: &Path) -> Self {
        let path = folder.join(NAME);
        let tallies: Vec<(u32, Tally)> = read(&std::fs::read(&path).unwrap_or_default());
        let apps = tallies.iter().copied().filter(|(_, tally)| *tally != Tally::default()).collect();
        let shown = Arc::new(Mutex::new(Tallies { apps, ..Tallies::default() }));
        Self { path, file: None, tallies, shown, zone: TimeZone::system() }
    }

    pub fn shown(&self) -> Shown {
        self.shown.clone()
    }

    /// Adds what happened in one go.
    pub fn add(&mut self, counts: &BTreeMap<u32, Count>) {
        let day = day(Timestamp::now(), &self.zone);
        for (app, count) in counts {
            let at = self.tallies.iter().position(|(known, _)| known == app).unwrap_or_else(|| {
                self.tallies.push((*app, Tally::default()));
                self.tallies.len() - 1
            });
            self.tallies[at].1.add(*count, day);
            let _ = self.keep(at); // counted all the same, for as long as we live
            self.lock().apps.insert(*app, self.tallies[at].1);
        }
    }

    /// Nothing is counted of this app any more. Its record stays, with nothing in it.
    pub fn forget(&mut self, app: u32) {
        if let Some(at) = self.tallies.iter().position(|(known, _)| *known == app) {
            self.tallies[at].1 = Tally::default();
            let _ = self.keep(at); // as in `add`
        }
        self.lock().apps.remove(&app);
    }

    /// A log takes so much of the disk.
    pub fn set_file(&self, path: &Path, bytes: u64) {
        let mut shown = self.lock();
        match shown.files.get_mut(path) {
            Some(known) => *known = bytes,
            None => drop(shown.files.insert(path.to_owned(), bytes)),
        }
    }

    /// A log cannot be written, or can be again.
    pub fn set_trouble(&self, path: &Path, trouble: Option<String>) {
        let mut shown = self.lock();
        match trouble {
            Some(trouble) => drop(shown.troubles.insert(path.to_owned(), trouble)),
            None => drop(shown.troubles.remove(path)),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Tallies> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&mut self, at: usize) -> io::Result<()> {
        if self.file.is_none() {
            self.path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
            let opened = OpenOptions::new().write(true).create(true).truncate(false).open(&self.path)?;
            self.file = Some(opened);
        }
        let (app, tally) = &self.tallies[at];
        let record = record(*app, tally);
        self.file.as_ref().map_or(Ok(()), |file| file.write_all_at(&record, (at * RECORD) as u64))
    }
}

impl Tally {
    fn add(&mut self, count: Count, day: i64) {
        if self.day != day {
            (self.day, self.today) = (day, 0);
        }
        self.written += count.written;
        self.today += count.written;
        self.lost_bytes += count.lost_bytes;
        self.lost_lines += count.lost_lines;
    }
}

fn record(app: u32, tally: &Tally) -> [u8; RECORD] {
    let Tally { written, today, lost_bytes, lost_lines, day } = *tally;
    let numbers = [app.into(), day.cast_unsigned(), written, today, lost_bytes, lost_lines].map(u64::to_le_bytes);
    let mut record = [0; RECORD];
    record.copy_from_slice(numbers.as_flattened());
    record
}

fn read(records: &[u8]) -> Vec<(u32, Tally)> {
    let tally = |record: &[u8]| {
        let (numbers, _) = record.as_chunks::<8>();
        let number = |at: usize| u64::from_le_bytes(numbers[at]);
        let day = number(1).cast_signed();
        let tally = Tally { written: number(2), today: number(3), lost_bytes: number(4), lost_lines: number(5), day };
        (number(0) as u32, tally)
    };
    records.chunks_exact(RECORD).map(tally).collect()
}

fn today() -> i64 {
    day(Timestamp::now(), &TimeZone::system())
}

fn day(now: Timestamp, zone: &TimeZone) -> i64 {
    (now.as_second() + i64::from(zone.to_offset(now).seconds())).div_euclid(SECONDS_A_DAY)
}

/// What all apps wrote, as a successor would find it.
#[cfg(test)]
pub fn written(folder: &Path) -> u64 {
    read(&std::fs::read(folder.join(NAME)).unwrap_or_default()).iter().map(|(_, tally)| tally.written).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNT: Count = Count { written: 10, lost_bytes: 3, lost_lines: 1 };

    #[test]
    fn a_successor_goes_on_counting() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spool");
        let mut book = TallyBook::open(&path);
        book.add(&[(7, COUNT), (0, Count { written: 1, ..Count::default() })].into());
        book.add(&[(7, COUNT)].into());
        drop(book);
        let mut book = TallyBook::open(&path);
        book.add(&[(7, COUNT), (9, COUNT)].into());
        let tallies = shown(&book.shown());
        let seen: Vec<_> =
            tallies.apps.iter().map(|(app, tally)| (*app, tally.written, tally.lost_bytes, tally.lost_lines)).collect();
        assert_eq!(seen, [(0, 1, 0, 0), (7, 30, 9, 3), (9, 10, 3, 1)]);
        assert_eq!(shown(&TallyBook::open(&path).shown()).apps, tallies.apps);
    }

    #[test]
    fn who_gets_the_number_of_one_who_is_gone_begins_at_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut book = TallyBook::open(folder.path());
        book.add(&[(7, COUNT), (8, COUNT)].into());
        book.forget(7);
        book.forget(9);
        let apps = |book: &TallyBook| shown(&book.shown()).apps.into_keys().collect::<Vec<_>>();
        assert_eq!([apps(&book), apps(&TallyBook::open(folder.path()))], [[8], [8]]);
        book.add(&[(7, COUNT)].into());
        for book in [book, TallyBook::open(folder.path())] {
            assert_eq!(shown(&book.shown()).apps[&7].written, COUNT.written);
        }
    }

    #[test]
    fn a_new_day_begins_at_nothing() {
        let mut tally = Tally::default();
        for (day, today) in [(5, 10), (5, 20), (6, 10), (5, 10)] {
            tally.add(COUNT, day);
            assert_eq!(tally.today, today);
        }
        assert_eq!(tally.written, 40);
        let book = TallyBook::open(Path::new("/nonexistent"));
        book.lock().apps.insert(1, tally);
        assert_eq!(shown(&book.shown()).apps[&1].today, 0, "of another day");
    }

    #[test]
    fn days_are_those_of_the_zone() {
        let zone = TimeZone::get("America/New_York").unwrap();
        let day = |text: &str| day(text.parse().unwrap(), &zone);
        assert_eq!(day("2026-03-02T04:59:59Z") + 1, day("2026-03-02T05:00:00Z"));
        assert_eq!(day("1970-01-01T00:00:00Z"), -1);
    }
}
