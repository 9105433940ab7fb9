//! One log file. There is one writer at a time, because the keeper reaps before it replaces. No O_APPEND: `splice` refuses it.
//! A successor opens the file and goes on at its end.
//!
//! [`append`](super::append) puts lines at its end, [`raw`](super::raw) moves bytes there; [`loss`](super::loss) is what became of
//! those that it did not take.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Seek, SeekFrom};
use std::os::unix::fs::{DirBuilderExt, FileExt, FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::errno::Errno;

use super::compress::Names;
use super::index::Index;
use super::limits::{FILE_MODE, FOLDER_MODE, Limits};
use super::loss::Loss;
use super::open_line::OpenLine;
use super::outlet::Writer;
use super::retry::Retry;
use super::rotation;
use super::tally::Count;

/// A log with a smaller limit is not put aside because of an index of so many bytes.
const SHORT_INDEX: u64 = 64 * 1024;

pub struct LogFile {
    path: PathBuf,
    /// `None` while it is not used or cannot be opened.
    file: Option<File>,
    /// Whether it is no device and no pipe: those have no size, no end, no index, and are never put aside.
    regular: bool,
    pub(super) size: u64,
    pub(super) index: Option<Index>,
    pub(super) limits: Limits,
    /// Held while names change that the compressing thread may change too.
    names: Names,
    /// Bytes of what was put aside.
    aside: u64,
    /// It was put aside since somebody asked.
    rotated: bool,
    /// Whose bytes are being moved.
    pub(super) by: Option<Writer>,
    /// What became of each app's bytes since somebody asked.
    counts: BTreeMap<u32, Count>,
    pub(super) loss: Loss,
    /// Its bytes when somebody last asked.
    pub(super) told_loss: u64,
    /// Why it did not take what was last written.
    pub(super) trouble: Option<String>,
    /// The trouble when somebody last asked.
    told_trouble: Option<String>,
    pub(super) retry: Retry,
    pub(super) open_line: Option<OpenLine>,
    /// Whoever waited for it may go on.
    pub(super) freed: bool,
}

impl LogFile {
    pub fn open(path: &Path, limits: Limits, names: Names) -> Self {
        let mut log = Self {
            path: path.into(),
            file: None,
            regular: false,
            size: 0,
            index: None,
            limits,
            names,
            aside: 0,
            rotated: false,
            by: None,
            counts: BTreeMap::new(),
            loss: Loss::default(),
            told_loss: 0,
            trouble: None,
            told_trouble: None,
            retry: Retry::default(),
            open_line: None,
            freed: false,
        };
        if let Err(error) = log.names.put_right(path) {
            say!("logs: what was put aside of {} is not in order: {error}", path.display());
        }
        let _ = log.reopen(); // there from the start, for whoever follows it; tried again when there is something to say
        log
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Somebody has something to write again.
    pub fn use_again(&mut self, limits: Limits) {
        self.limits = limits;
        if self.file.is_none() {
            let _ = self.reopen(); // as when it was opened first
        }
    }

    pub const fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// From here on it is this one's bytes that are moved.
    pub const fn hand_to(&mut self, writer: Writer) {
        self.by = Some(writer);
    }

    /// What became of each app's bytes since this was last asked.
    pub fn take_counts(&mut self) -> BTreeMap<u32, Count> {
        std::mem::take(&mut self.counts)
    }

    /// Why it cannot be written, if that is another reason, or none any more, since this was last asked.
    pub fn news_of_trouble(&mut self) -> Option<Option<String>> {
        let is_news = self.trouble != self.told_trouble;
        is_news.then(|| {
            self.told_trouble.clone_from(&self.trouble);
            self.trouble.clone()
        })
    }

    /// Whether it was put aside since this was last asked.
    pub const fn was_put_aside(&mut self) -> bool {
        std::mem::replace(&mut self.rotated, false)
    }

    /// Whether those who waited for it may go on, since this was last asked.
    pub const fn was_freed(&mut self) -> bool {
        std::mem::replace(&mut self.freed, false)
    }

    /// The last bytes of a line that is not finished yet, `most` of them at most.
    pub fn open_line(&self, most: usize) -> Vec<u8> {
        let Some(file) = &self.file else { return Vec::new() };
        let start = self.size.saturating_sub(most as u64);
        let mut tail = vec![0; (self.size - start) as usize];
        if file.read_exact_at(&mut tail, start).is_err() {
            return Vec::new();
        }
        let line = tail.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        tail.split_off(line)
    }

    /// Empties the file, and removes those that were put aside. Nothing is written to an old offset afterwards, because this is
    /// the writer.
    pub fn empty(&mut self) -> io::Result<()> {
        self.names.remove_aside(&self.path)?;
        self.retry.at_once();
        if self.file.is_none() {
            return empty_unused(&self.path);
        }
        self.aside = 0;
        if !self.regular {
            return keeps_nothing(&self.opened()?.metadata()?);
        }
        self.begin_index_anew(); // before, or for a moment it would tell of what is not there
        let file = self.opened()?;
        file.set_len(0)?;
        file.seek(SeekFrom::Start(0))?;
        self.size = 0;
        Ok(())
    }

    /// Goes on in whatever has the file's name now, and makes it if nothing has.
    pub fn reopen(&mut self) -> io::Result<()> {
        self.file = None;
        self.index = None;
        self.retry.at_once();
        if let Some(folder) = self.path.parent() {
            DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(folder)?;
        }
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(FILE_MODE);
        // A FIFO that nobody reads, or a terminal that somebody stopped, is not to stop everybody's logs.
        let mut file = options.custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(&self.path)?;
        self.regular = file.metadata()?.is_file();
        self.size = if self.regular { file.seek(SeekFrom::End(0))? } else { 0 };
        self.file = Some(file);
        self.index = self.regular.then(|| Index::open(&self.path, self.size));
        self.look_aside();
        Ok(())
    }

    /// Lets go of the file until somebody has something to write.
    pub fn close(&mut self) {
        (self.file, self.index) = (None, None);
    }

    /// Whether it is a file in the ordinary sense, and no device and no pipe.
    pub const fn is_regular(&self) -> bool {
        self.regular
    }

    pub const fn is_open(&self) -> bool {
        self.file.is_some()
    }

    /// Whether it is a device or a pipe, which takes bytes or does not: waiting for it makes no sense.
    pub const fn is_device(&self) -> bool {
        self.file.is_some() && !self.regular
    }

    /// When those who wait for it are to try again.
    pub const fn retry_at(&self) -> Option<Duration> {
        self.retry.at()
    }

    /// Bytes that it takes itself, with its index.
    pub fn bytes(&self) -> u64 {
        self.size + self.index.as_ref().map_or(0, Index::length)
    }

    /// Bytes that it takes, with all that was put aside.
    pub fn on_disk(&self) -> u64 {
        self.bytes() + self.aside
    }

    /// Looks again at what was put aside.
    pub fn look_aside(&mut self) {
        let aside = if self.regular { rotation::aside(&self.path) } else { Vec::new() };
        self.aside = aside.iter().map(|aside| aside.bytes).sum();
    }

    /// Sees to it that the file is there and that we are at its end.
    pub(super) fn make_ready(&mut self) -> io::Result<()> {
        // Removed by somebody: begin anew. Cut short by somebody: go on where it ends now.
        if let Some(file) = &mut self.file {
            let found = file.metadata()?;
            if found.nlink() == 0 {
                self.file = None;
            } else if self.regular && found.len() != self.size {
                let was_cut = found.len() < self.size;
                self.size = file.seek(SeekFrom::End(0))?;
                if was_cut {
                    self.begin_index_anew();
                }
            }
        }
        if self.file.is_none() {
            self.reopen()?;
        }
        Ok(())
    }

    fn begin_index_anew(&mut self) {
        if let Some(index) = &mut self.index {
            index.begin_anew();
        }
    }

    /// Bytes so far behind the end will be this writer's, or ours if it is nobody's.
    pub(super) fn mark(&mut self, behind: u64, writer: Option<Writer>) {
        if let Some(index) = &mut self.index {
            index.mark(self.size + behind, writer);
        }
    }

    pub(super) fn opened(&mut self) -> io::Result<&mut File> {
        self.file.as_mut().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    pub(super) fn grow(&mut self, bytes: usize) {
        self.trouble = None;
        if self.regular {
            self.size += bytes as u64;
            self.count().written += bytes as u64;
        }
    }

    pub(super) fn count(&mut self) -> &mut Count {
        self.counts.entry(self.by.map_or(u32::MAX, |writer| writer.app)).or_default()
    }

    // -- putting it aside

    /// Whether it is to be put aside when its line ends.
    pub(super) fn is_full(&self) -> bool {
        let index = self.index.as_ref().map_or(0, Index::length);
        self.size >= self.limits.bytes || index >= self.limits.bytes.max(SHORT_INDEX) || self.is_too_old()
    }

    fn is_too_old(&self) -> bool {
        self.size > 0 && self.old_in().is_some_and(|left| left.is_zero())
    }

    /// In how long it is too old; `None` if never, as far as anybody knows.
    fn old_in(&self) -> Option<Duration> {
        let age = self.limits.age.filter(|_| self.size > 0)?;
        Some(age.saturating_sub(self.index.as_ref()?.age()?))
    }

    /// In how long it is to be looked at although nobody writes.
    pub fn due_in(&mut self) -> Option<Duration> {
        let left = self.old_in()?;
        // An open line may yet be ended, and is looked at then.
        (!left.is_zero() || self.at_line_start().unwrap_or(false)).then_some(left)
    }

    /// Puts it aside if it is too old and its line is ended.
    pub fn put_aside_if_old(&mut self) -> io::Result<()> {
        match self.is_too_old() && self.at_line_start()? {
            true => self.put_aside(),
            false => Ok(()),
        }
    }

    pub(super) fn put_aside(&mut self) -> io::Result<()> {
        self.names.put_aside(&self.path, self.limits.kept)?;
        self.rotated = true;
        self.reopen()
    }

    pub(super) fn at_line_start(&mut self) -> io::Result<bool> {
        let size = self.size;
        let mut last = [b'\n'];
        if size > 0 {
            self.opened()?.read_exact_at(&mut last, size - 1)?;
        }
        Ok(last == [b'\n'])
    }
}

/// Empties a file that nobody here writes to.
pub fn empty_unused(path: &Path) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(found) if found.is_file() => {
            super::index::remove(path)?;
            OpenOptions::new().write(true).open(path)?.set_len(0)
        }
        Ok(found) => keeps_nothing(&found),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Err(_) if path.is_symlink() => Err(io::Error::other("it is a link to what is not there")),
        Err(_) => Ok(()),
    }
}

/// Whether what is no file is a device: nothing is left there of what was said.
fn keeps_nothing(found: &fs::Metadata) -> io::Result<()> {
    match found.file_type() {
        kind if kind.is_dir() => Err(io::Error::other("it is a folder")),
        kind if kind.is_fifo() => Err(io::Error::other("it is a FIFO: what is in it is for whoever reads it")),
        kind if kind.is_socket() => Err(io::Error::other("it is a socket")),
        _ => Ok(()),
    }
}

/// Troubles of the pipe end its pumping; troubles of the file must not.
pub fn is_about_the_file(error: &io::Error) -> bool {
    !matches!(error.raw_os_error().map(Errno::from_raw), Some(Errno::EBADF | Errno::EFAULT))
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::os::fd::OwnedFd;
    use std::os::unix::fs::symlink;

    use manifest::LogFormat;
    use nix::unistd::{pipe, write};

    use super::*;
    use crate::logs::append::Batch;
    use crate::logs::formatter::Formatter;
    use crate::logs::glass::Glass;
    use crate::logs::outlet::Kind;
    use crate::logs::{CHUNK, LONGEST_OPEN_LINE, Moved};

    fn limits(bytes: u64) -> Limits {
        Limits { bytes, age: None, kept: 5 }
    }

    fn lines(lines: &[u8]) -> Batch<'_> {
        Batch { lines, joins: false }
    }

    struct World {
        folder: tempfile::TempDir,
        pipe: OwnedFd,
        worker: OwnedFd,
    }

    impl World {
        fn new() -> Self {
            let (pipe, worker) = pipe().unwrap();
            Self { folder: tempfile::tempdir().unwrap(), pipe, worker }
        }

        fn path(&self) -> PathBuf {
            self.folder.path().join("logs/a.log")
        }

        fn file(&self, bytes: u64) -> LogFile {
            let mut file = LogFile::open(&self.path(), limits(bytes), Names::default());
            file.hand_to(Writer { run: 7, kind: Kind::Out, app: 3 });
            file
        }

        fn says(&self, text: &str) {
            write(&self.worker, text.as_bytes()).unwrap();
        }

        fn pump(&self, file: &mut LogFile) {
            let mut glass = Glass::new().unwrap();
            while matches!(file.take(&self.pipe, CHUNK, &mut glass).unwrap(), Moved::Some(_)) {}
        }

        fn text(&self) -> String {
            fs::read_to_string(self.path()).unwrap()
        }
    }

    #[test]
    fn bytes_arrive_as_they_were_and_a_successor_goes_on_at_the_end() {
        let world = World::new();
        let mut file = world.file(u64::MAX);
        world.says("one\ntw");
        world.pump(&mut file);
        drop(file); // the supervisor dies
        world.says("o\nthree\n");
        world.pump(&mut world.file(u64::MAX));
        assert_eq!(world.text(), "one\ntwo\nthree\n");
    }

    #[test]
    fn a_full_file_is_put_aside_at_the_end_of_a_line() {
        let world = World::new();
        let mut file = world.file(10);
        world.says("0123456789 the line go");
        world.pump(&mut file);
        world.says("es on\nnext\n");
        world.pump(&mut file);
        assert_eq!(
            fs::read_to_string(world.folder.path().join("logs/a.log.1")).unwrap(),
            "0123456789 the line goes on\n"
        );
        assert_eq!(world.text(), "next\n");
    }

    #[test]
    fn output_without_lines_is_put_aside_too_and_loses_nothing() {
        let world = World::new();
        let mut file = world.file(10);
        let piece = "x".repeat(32 * 1024);
        let pieces = 3 * usize::try_from(LONGEST_OPEN_LINE).unwrap() / piece.len();
        for _ in 0..pieces {
            world.says(&piece);
            world.pump(&mut file);
        }
        let lengths = ["logs/a.log.2", "logs/a.log.1", "logs/a.log"]
            .map(|name| fs::metadata(world.folder.path().join(name)).map_or(0, |found| found.len()));
        assert_eq!(lengths.iter().sum::<u64>(), (pieces * piece.len()) as u64, "{lengths:?}");
        assert!(lengths.iter().all(|length| *length <= 10 + LONGEST_OPEN_LINE), "{lengths:?}");
    }

    #[test]
    fn a_removed_file_is_made_again_and_a_cut_one_is_continued_at_its_end() {
        let world = World::new();
        let mut file = world.file(u64::MAX);
        world.says("one\n");
        world.pump(&mut file);
        fs::remove_file(world.path()).unwrap();
        world.says("two\n");
        world.pump(&mut file);
        assert_eq!(world.text(), "two\n");
        fs::write(world.path(), "").unwrap();
        world.says("three\n");
        world.pump(&mut file);
        assert_eq!(world.text(), "three\n");
    }

    #[test]
    fn a_full_disk_blocks_nobody_and_the_loss_is_said_when_there_is_room_again() {
        let world = World::new();
        let mut file = LogFile::open(Path::new("/dev/full"), limits(u64::MAX), Names::default());
        world.says("lost\n");
        world.pump(&mut file);
        assert_eq!(file.lost(), 5);
        file.path = world.path();
        file.file = None;
        world.says("kept\n");
        world.pump(&mut file);
        assert!(
            world.text().starts_with("[betti] 5 bytes of output were lost here (1 line): No space left"),
            "{}",
            world.text()
        );
        assert!(world.text().ends_with("\nkept\n"));
    }

    #[test]
    fn a_line_that_nobody_will_finish_is_ended() {
        let world = World::new();
        let mut file = world.file(u64::MAX);
        file.end_line();
        world.says("half");
        world.pump(&mut file);
        file.end_line();
        file.end_line();
        assert_eq!(world.text(), "half\n");
    }

    #[test]
    fn a_device_is_never_put_aside() {
        let world = World::new();
        fs::create_dir_all(world.path().parent().unwrap()).unwrap();
        symlink("/dev/null", world.path()).unwrap();
        let mut file = world.file(10);
        let mut formatter = Formatter::new(&LogFormat::Stamped("%S".to_owned()), Kind::Out, "a", 0);
        for _ in 0..5 {
            world.says("more than ten bytes\n");
            world.pump(&mut file);
            file.append(&lines(b"more than ten bytes\n"), &mut formatter, |_, _| {}).unwrap();
        }
        assert_eq!(file.lost(), 0);
        assert!(world.path().is_symlink());
        file.empty().unwrap();
        assert!(world.path().is_symlink());
    }

    #[test]
    fn what_is_no_file_cannot_be_emptied_unless_it_is_a_device() {
        let world = World::new();
        let fifo = world.folder.path().join("fifo");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let nowhere = world.folder.path().join("nowhere");
        symlink("absent/file", &nowhere).unwrap();
        for (path, expected) in [
            (world.folder.path(), Some("a folder")),
            (&*fifo, Some("a FIFO")),
            (&*nowhere, Some("a link")),
            (Path::new("/dev/null"), None),
            (&*world.folder.path().join("missing"), None),
        ] {
            let whys = [empty_unused(path), LogFile::open(path, limits(10), Names::default()).empty()];
            for why in whys.map(|emptied| emptied.err().map(|why| why.to_string())) {
                assert_eq!(why.is_some(), expected.is_some(), "{path:?}: {why:?}");
                assert!(why.is_none_or(|why| why.contains(expected.unwrap())), "{path:?}");
            }
        }
    }

    #[test]
    fn a_fifo_that_nobody_reads_blocks_nobody() {
        let world = World::new();
        fs::create_dir_all(world.path().parent().unwrap()).unwrap();
        nix::unistd::mkfifo(&world.path(), nix::sys::stat::Mode::S_IRWXU).unwrap();
        let mut file = world.file(u64::MAX);
        let words = "words\n".repeat(5000);
        for _ in 0..10 {
            world.says(&words); // together more than a FIFO holds
            world.pump(&mut file);
        }
        assert!(file.lost() > 0);
        let mut formatter = Formatter::new(&LogFormat::Stamped("%S".to_owned()), Kind::Out, "a", 0);
        for _ in 0..10 {
            let _ = file.append(&lines(words.as_bytes()), &mut formatter, |_, _| {});
        }
    }

    #[test]
    fn lines_begin_at_a_lines_start_go_whole_into_a_file_with_room_and_a_loss_is_said_in_their_form() {
        let world = World::new();
        let mut formatter = Formatter::new(&LogFormat::Json { pattern: Some("%Y".to_owned()) }, Kind::Out, "a", 0);
        let mut file = world.file(10);
        world.says("half");
        world.pump(&mut file);
        let expected = (&*world.path(), 5);
        file.append(&lines(b"123\n"), &mut formatter, |path, place| assert_eq!((path, place.offset), expected))
            .unwrap();
        assert_eq!(world.text(), "half\n123\n");
        file.append(&lines(b"4567\n"), &mut formatter, |_, place| assert_eq!(place.offset, 0)).unwrap();
        assert_eq!(world.text(), "4567\n");
        file.complain(&ErrorKind::StorageFull.into());
        file.lose(b"1\n3\n567");
        file.use_again(limits(u64::MAX));
        file.append(&lines(b"8\n"), &mut formatter, |_, _| {}).unwrap();
        let lines: Vec<String> = world.text().lines().map(str::to_owned).collect();
        assert!(
            lines[1].starts_with("{\"message\":\"[betti] 7 bytes of output were lost here (2 lines): "),
            "{lines:?}"
        );
        assert_eq!(lines[2], "8");
    }

    #[test]
    fn an_emptied_file_is_written_from_its_beginning_and_what_was_put_aside_is_gone() {
        let world = World::new();
        let mut file = world.file(4);
        world.says("one\ntwo\n");
        world.pump(&mut file);
        world.says("three\n");
        world.pump(&mut file);
        assert_eq!(fs::read_dir(world.path().parent().unwrap()).unwrap().count(), 2 * 4, "each with its index");
        file.empty().unwrap();
        assert_eq!(world.text(), "");
        file.use_again(limits(u64::MAX));
        world.says("four\n");
        world.pump(&mut file);
        assert_eq!(world.text(), "four\n");
        assert_eq!(fs::read_dir(world.path().parent().unwrap()).unwrap().count(), 2);
    }

    #[test]
    fn a_renamed_file_is_left_when_asked_to() {
        let world = World::new();
        let mut file = world.file(u64::MAX);
        world.says("one\n");
        world.pump(&mut file);
        let old = world.path().with_extension("old");
        fs::rename(world.path(), &old).unwrap();
        file.reopen().unwrap();
        world.says("two\n");
        world.pump(&mut file);
        assert_eq!((fs::read_to_string(old).unwrap(), world.text()), ("one\n".to_owned(), "two\n".to_owned()));
    }

    #[test]
    fn only_the_open_line_is_shown() {
        let world = World::new();
        let mut file = world.file(u64::MAX);
        assert_eq!(file.open_line(5), b"");
        world.says("one\ntwo");
        world.pump(&mut file);
        assert_eq!((file.open_line(100), file.open_line(2)), (b"two".to_vec(), b"wo".to_vec()));
        world.says("\n");
        world.pump(&mut file);
        assert_eq!(file.open_line(5), b"");
    }
}
