//! The index beside a log: before bytes are moved into the log, a mark says where they will begin, when, and whose they are
//! ([`protocol::log_index`] says how). It is not as important as the log: if it cannot be written, the log goes on without.
//!
//! A mark may be there without its bytes (a kill came between), never the other way round. What cannot be true any more is
//! dropped as a whole: if the log is shorter than a mark says, somebody has cut it or put another one in its place. After a power
//! cut it was the cut that made it shorter ([`forget_lost`]), and the other marks stay.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use protocol::log_index::{LENGTH, Mark, NOBODY, SUFFIX};

use super::limits::FILE_MODE;
use super::outlet::{Kind, Writer};
use super::when;

/// Bytes of one writer that come within this of the last mark belong to it …
const BATCH_TIME: Duration = Duration::from_millis(10);
/// … up to so many bytes.
const BATCH_BYTES: u64 = 64 * 1024;
/// So many torn marks at the end are cut off, as a power cut leaves them; with more of them the index begins anew.
const TORN: u64 = 128;
const MARK: u64 = LENGTH as u64;

pub struct Index {
    path: PathBuf,
    /// `None` until there is something to mark, or while it cannot be opened.
    file: Option<File>,
    /// Its length in bytes, a multiple of a mark's.
    length: u64,
    first: Option<Mark>,
    /// The last one before the offset of `last`, whose bytes may not have come.
    before: Option<Mark>,
    last: Option<Mark>,
}

impl Index {
    /// Of a log that is so long now.
    pub fn open(log: &Path, size: u64) -> Self {
        let mut index = Self { path: path(log), file: None, length: 0, first: None, before: None, last: None };
        if let Err(error) = index.go_on(size)
            && error.kind() != io::ErrorKind::NotFound
        {
            say!("logs: {} cannot be used: {error}", index.path.display());
        }
        index
    }

    /// Goes on in what is there, as far as it can be true.
    fn go_on(&mut self, size: u64) -> io::Result<()> {
        let file = OpenOptions::new().read(true).write(true).open(&self.path)?;
        let marks = file.metadata()?.len() / MARK;
        let mut newest = (marks.saturating_sub(TORN)..marks).rev().filter_map(|at| Some((at, read(&file, at)?)));
        match newest.next() {
            Some((at, last)) if size > 0 && last.offset <= size => {
                self.length = (at + 1) * MARK;
                (self.first, self.last) = (read(&file, 0), Some(last));
                self.before = newest.map(|(_, mark)| mark).find(|mark| mark.offset < last.offset);
            }
            _ => self.length = 0,
        }
        file.set_len(self.length)?;
        self.file = Some(file);
        Ok(())
    }

    /// The log was emptied or cut.
    pub fn begin_anew(&mut self) {
        if let Some(file) = &self.file {
            let _ = file.set_len(0); // else what is in there is overwritten, and the rest torn off by whoever opens it next
        }
        (self.length, self.first, self.before, self.last) = (0, None, None, None);
    }

    /// Bytes that come next, at this offset, are this writer's; the supervisor's own if it is nobody's.
    pub fn mark(&mut self, offset: u64, writer: Option<Writer>) {
        let uptime = when::uptime();
        if self.last.is_some_and(|last| covers(&last, offset, writer, uptime)) {
            return;
        }
        let mark = Mark {
            wall_us: when::wall_us(),
            uptime_us: when::microseconds(uptime),
            boot: when::boot(),
            clock_is_right: when::clock_is_right(),
            ..owned(offset, writer)
        };
        if self.write(&mark).is_err() {
            self.file = None; // tried again with the next one
        }
    }

    fn write(&mut self, mark: &Mark) -> io::Result<()> {
        if self.file.is_none() {
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).truncate(false).mode(FILE_MODE);
            let opened = options.open(&self.path)?;
            opened.set_len(self.length)?;
            // After a power cut the index says that the log is ours to mend: it is there before anything that may be torn. Once for
            // each file, so rarely.
            if let Some(folder) = self.path.parent() {
                File::open(folder)?.sync_all()?;
            }
            self.file = Some(opened);
        }
        let Some(file) = &self.file else { return Ok(()) };
        if let Err(error) = file.write_all_at(&mark.encode(), self.length) {
            let _ = file.set_len(self.length); // a piece of a mark is cut off by whoever opens it next
            return Err(error);
        }
        self.length += MARK;
        self.first = self.first.or(Some(*mark));
        self.before = self.last.filter(|last| last.offset < mark.offset).or(self.before);
        self.last = Some(*mark);
        Ok(())
    }

    pub const fn length(&self) -> u64 {
        self.length
    }

    /// Who wrote the last bytes of a log of this size, as far as it is known: the run, and which of its streams.
    pub fn last_writer(&self, size: u64) -> Option<(u64, Kind)> {
        let last = self.last.filter(|last| last.offset < size).or(self.before).filter(|last| last.run != 0)?;
        Some((last.run, if last.error { Kind::Error } else { Kind::Out }))
    }

    /// How long ago the first bytes were written; `None` if that cannot be known.
    pub fn age(&self) -> Option<Duration> {
        let first = self.first?;
        let now = Mark {
            wall_us: when::wall_us(),
            uptime_us: when::microseconds(when::uptime()),
            boot: when::boot(),
            clock_is_right: when::clock_is_right(),
            ..first
        };
        span(&first, &now)
    }
}

/// Where a log's index is. `log` is its name without `.gz`, if it was compressed.
pub fn path(log: &Path) -> PathBuf {
    let mut name = log.as_os_str().to_owned();
    name.push(SUFFIX);
    name.into()
}

/// A power cut took all of a log behind this size, and so the marks that are about it.
pub fn forget_lost(log: &Path, size: u64) -> io::Result<()> {
    let file = match OpenOptions::new().read(true).write(true).open(path(log)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => opened?,
    };
    let marks = file.metadata()?.len() / MARK;
    let is_true = |at: &u64| read(&file, *at).is_some_and(|mark| mark.offset <= size);
    let kept = (0..marks).rev().find(is_true).map_or(0, |at| at + 1);
    if kept < marks { file.set_len(kept * MARK) } else { Ok(()) }
}

/// Removes the index of a log.
pub fn remove(log: &Path) -> io::Result<()> {
    match fs::remove_file(path(log)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn read(file: &File, at: u64) -> Option<Mark> {
    let mut bytes = [0; LENGTH];
    file.read_exact_at(&mut bytes, at * MARK).ok()?;
    Mark::decode(&bytes)
}

fn owned(offset: u64, writer: Option<Writer>) -> Mark {
    let Some(Writer { run, kind, app }) = writer else { return Mark { offset, app: NOBODY, ..Mark::default() } };
    let app = u16::try_from(app).unwrap_or(NOBODY);
    Mark { offset, run, app, error: kind == Kind::Error, ..Mark::default() }
}

/// Whether the last mark says enough of what comes at this offset now.
fn covers(last: &Mark, offset: u64, writer: Option<Writer>, uptime: Duration) -> bool {
    let new = owned(offset, writer);
    let same_writer = (last.run, last.app, last.error) == (new.run, new.app, new.error) && last.boot == when::boot();
    let since = when::microseconds(uptime).saturating_sub(last.uptime_us);
    same_writer && since < when::microseconds(BATCH_TIME) && offset.saturating_sub(last.offset) < BATCH_BYTES
}

/// How long it is from one mark to a later one. Over a boot only the wall clock can tell, if it was right both times.
fn span(first: &Mark, now: &Mark) -> Option<Duration> {
    if first.boot == now.boot {
        return Some(Duration::from_micros(now.uptime_us.saturating_sub(first.uptime_us)));
    }
    let both_right = first.clock_is_right && now.clock_is_right;
    both_right.then(|| Duration::from_micros(u64::try_from(now.wall_us - first.wall_us).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use protocol::log_index::marks;

    use super::*;

    const WRITER: Writer = Writer { run: 7, kind: Kind::Error, app: 3 };

    struct World {
        folder: tempfile::TempDir,
    }

    impl World {
        fn new() -> Self {
            Self { folder: tempfile::tempdir().unwrap() }
        }

        fn log(&self) -> PathBuf {
            self.folder.path().join("a.log")
        }

        fn open(&self, size: u64) -> Index {
            Index::open(&self.log(), size)
        }

        fn offsets(&self) -> Vec<u64> {
            marks(&fs::read(path(&self.log())).unwrap()).map(|mark| mark.offset).collect()
        }
    }

    #[test]
    fn a_mark_says_where_when_and_whose() {
        let world = World::new();
        let before = when::wall_us();
        let mut index = world.open(0);
        assert!(!path(&world.log()).exists(), "nothing is written yet");
        index.mark(0, Some(WRITER));
        index.mark(9, None);
        let marks: Vec<Mark> = marks(&fs::read(path(&world.log())).unwrap()).collect();
        let Mark { offset: 0, run: 7, app: 3, error: true, wall_us, uptime_us, boot, .. } = marks[0] else {
            panic!("{marks:?}")
        };
        assert!((before..=when::wall_us()).contains(&wall_us));
        assert!(uptime_us <= when::microseconds(when::uptime()) && boot != 0 && boot == when::boot());
        assert_eq!((marks[1].offset, marks[1].run, marks[1].app), (9, 0, NOBODY));
        assert_eq!(
            [index.last_writer(10), index.last_writer(9)],
            [None, Some((7, Kind::Error))],
            "nothing of ours came"
        );
    }

    #[test]
    fn a_batch_is_one_writers_short_and_small() {
        let last = Mark { uptime_us: 1_000_000, boot: when::boot(), ..owned(100, Some(WRITER)) };
        let at = |microseconds: u64| Duration::from_micros(1_000_000 + microseconds);
        for (offset, writer, uptime, expected) in [
            (100, WRITER, at(0), true),
            (100 + BATCH_BYTES - 1, WRITER, at(9_999), true),
            (100 + BATCH_BYTES, WRITER, at(0), false),
            (101, WRITER, at(10_000), false),
            (101, Writer { run: 8, ..WRITER }, at(0), false),
            (101, Writer { kind: Kind::Out, ..WRITER }, at(0), false),
        ] {
            assert_eq!(covers(&last, offset, Some(writer), uptime), expected, "{offset} {writer:?} {uptime:?}");
        }
        assert!(!covers(&Mark { boot: 1, ..last }, 101, Some(WRITER), at(0)), "another boot");
    }

    #[test]
    fn a_successor_goes_on_and_cuts_off_what_is_torn() {
        let world = World::new();
        let mut index = world.open(0);
        index.mark(0, Some(WRITER));
        index.mark(10, None);
        let whole = fs::read(path(&world.log())).unwrap();
        fs::write(path(&world.log()), [&whole[..], &[1; 20]].concat()).unwrap();
        assert_eq!(world.open(20).length(), 2 * MARK);
        fs::write(path(&world.log()), [&whole[..], &[0; 48 + 7]].concat()).unwrap();
        let mut index = world.open(20);
        index.mark(20, Some(WRITER));
        assert_eq!(world.offsets(), [0, 10, 20]);
        assert_eq!(index.last_writer(30), Some((7, Kind::Error)));
        let index = world.open(20);
        assert_eq!([index.last_writer(30), index.last_writer(20)], [Some((7, Kind::Error)), None]);
    }

    #[test]
    fn what_cannot_be_true_begins_anew() {
        for size in [0, 9] {
            let world = World::new();
            let mut index = world.open(0);
            index.mark(0, Some(WRITER));
            index.mark(10, None);
            let mut index = world.open(size);
            assert_eq!((index.length(), index.age()), (0, None));
            index.mark(size, Some(WRITER));
            assert_eq!(world.offsets(), [size]);
        }
    }

    #[test]
    fn what_a_power_cut_left_of_a_log_keeps_its_marks() {
        let world = World::new();
        let mut index = world.open(0);
        [0, 10, 20, 30].into_iter().zip([Some(WRITER), None].into_iter().cycle()).for_each(|(at, writer)| {
            index.mark(at, writer);
        });
        let whole = fs::read(path(&world.log())).unwrap();
        for (size, expected) in [(31, &[0, 10, 20, 30][..]), (20, &[0, 10, 20]), (19, &[0, 10]), (0, &[0])] {
            fs::write(path(&world.log()), [&whole[..], &[0; 3 * LENGTH]].concat()).unwrap();
            forget_lost(&world.log(), size).unwrap();
            assert_eq!(world.offsets(), expected);
            let length = if size == 0 { 0 } else { expected.len() as u64 * MARK };
            assert_eq!(world.open(size).length(), length);
        }
        forget_lost(Path::new("/nonexistent"), 5).unwrap();
    }

    #[test]
    fn where_it_cannot_be_the_log_goes_on_without() {
        let world = World::new();
        fs::create_dir(path(&world.log())).unwrap();
        let mut index = world.open(0);
        index.mark(0, Some(WRITER));
        assert_eq!(index.length(), 0);
        fs::remove_dir(path(&world.log())).unwrap();
        index.mark(5, Some(WRITER));
        assert_eq!(world.offsets(), [5]);
    }

    #[test]
    fn an_age_is_known_within_a_boot_and_over_one_where_the_clock_was_right() {
        let mark = |boot, uptime_us, wall_us, clock_is_right| Mark {
            boot,
            uptime_us,
            wall_us,
            clock_is_right,
            ..Mark::default()
        };
        for (first, now, expected) in [
            (mark(1, 5, 900, false), mark(1, 7, 100, false), Some(2)),
            (mark(1, 5, 100, true), mark(2, 1, 900, true), Some(800)),
            (mark(1, 5, 900, true), mark(2, 1, 100, true), Some(0)),
            (mark(1, 5, 100, false), mark(2, 1, 900, true), None),
            (mark(1, 5, 100, true), mark(2, 1, 900, false), None),
        ] {
            assert_eq!(span(&first, &now), expected.map(Duration::from_micros), "{first:?} {now:?}");
        }
    }
}
