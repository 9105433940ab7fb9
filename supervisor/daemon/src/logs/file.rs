//! One log file. There is one writer at a time, because the keeper reaps before it replaces. No O_APPEND: `splice` refuses it.
//! A successor opens the file and goes on at its end.
//!
//! When the file cannot take any more, the pipe is emptied into nothing, so that the worker does not block, and the loss is
//! counted and said in the file once it takes bytes again.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use nix::errno::Errno;

use super::formatter::Formatter;
use super::glass::{Glance, Glass};
use super::journal::Place;
use super::outlet::Writer;
use super::tally::Count;
use super::{Moved, rotation};

pub struct LogFile {
    path: PathBuf,
    /// `None` while it is not used or cannot be opened.
    file: Option<File>,
    /// Whether it is no device and no pipe: those have no size, no end, and are never put aside.
    regular: bool,
    pub(super) size: u64,
    /// Put aside when it is this long, at the end of a line.
    pub(super) limit: u64,
    /// Bytes that could not be kept since the last that could, and line ends among them.
    pub(super) lost: u64,
    lost_lines: u64,
    /// Bytes of what was put aside.
    aside: u64,
    /// Whose bytes are being moved.
    by: Option<Writer>,
    /// What became of each app's bytes since somebody asked.
    counts: BTreeMap<u32, Count>,
    /// What was last complained of, so that it is said once.
    trouble: Option<String>,
}

impl LogFile {
    pub fn open(path: &Path, limit: u64) -> Self {
        let mut log = Self {
            path: path.into(),
            file: None,
            regular: false,
            size: 0,
            limit,
            lost: 0,
            lost_lines: 0,
            aside: 0,
            by: None,
            counts: BTreeMap::new(),
            trouble: None,
        };
        let _ = log.reopen(); // there from the start, for whoever follows it; tried again when there is something to say
        log
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Somebody has something to write again.
    pub fn use_again(&mut self, limit: u64) {
        self.limit = limit;
        if self.file.is_none() {
            let _ = self.reopen(); // as when it was opened first
        }
    }

    /// From here on it is this one's bytes that are moved.
    pub fn hand_to(&mut self, writer: Writer) {
        self.by = Some(writer);
    }

    /// What became of each app's bytes since this was last asked.
    pub fn take_counts(&mut self) -> BTreeMap<u32, Count> {
        std::mem::take(&mut self.counts)
    }

    /// Keeps the worker from blocking, at the price of its words.
    pub fn discard(&mut self, pipe: &OwnedFd, most: usize, glass: &mut Glass, why: &io::Error) -> io::Result<Moved> {
        match glass.take_away(pipe, most)? {
            Glance::Seen(bytes) => {
                self.lose(bytes.len() as u64, line_ends(&bytes), why);
                Ok(Moved::Some(bytes.len()))
            }
            Glance::Not(moved) => {
                if self.lost > 0 {
                    self.complain(why);
                }
                Ok(moved)
            }
        }
    }

    /// Ends an unfinished line that its writer can finish no more, so that the next writer begins a new one.
    pub fn end_line(&mut self) {
        let Some(file) = &mut self.file else { return };
        let mut last = [b'\n'];
        let unfinished = self.size > 0 && file.read_exact_at(&mut last, self.size - 1).is_ok() && last != [b'\n'];
        if unfinished && file.write_all(b"\n").is_ok() {
            self.grow(1);
        }
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

    // -- lines in another form

    /// Puts whole lines at the end, all or none of them, in a new file if this one has no room for them. Before the first byte
    /// is written, `note` is told where they will be. If they cannot be written, `original` counts as lost.
    pub fn append(
        &mut self,
        lines: &[u8],
        original: &[u8],
        formatter: &mut Formatter,
        note: impl FnOnce(&Path, Place),
    ) {
        if let Err(error) = self.try_append(lines, formatter, note) {
            self.lose(original.len() as u64, line_ends(original), &error);
        }
    }

    fn try_append(
        &mut self,
        lines: &[u8],
        formatter: &mut Formatter,
        note: impl FnOnce(&Path, Place),
    ) -> io::Result<()> {
        self.make_ready()?;
        // A loss is said together with the lines that follow it: alone it would fit again and again where they do not.
        let mut first = Vec::new();
        if let Some(loss) = self.loss() {
            formatter.write(Timestamp::now(), loss.as_bytes(), &mut first);
        }
        let length = (first.len() + lines.len()) as u64;
        if self.size > 0 && self.size.saturating_add(length) > self.limit {
            self.put_aside()?;
        }
        if !self.at_line_start()? {
            first.insert(0, b'\n');
        }
        let offset = self.size + first.len() as u64;
        let found = self.opened()?.metadata()?;
        note(&self.path, Place { device: found.dev(), inode: found.ino(), offset });
        if first.is_empty() {
            return self.write_whole(lines);
        }
        first.extend_from_slice(lines);
        self.write_whole(&first)?;
        self.loss_is_said();
        Ok(())
    }

    /// Whole or not at all: a piece of it would count as the worker's.
    fn write_whole(&mut self, lines: &[u8]) -> io::Result<()> {
        let (before, regular) = (self.size, self.regular);
        let file = self.opened()?;
        if let Err(error) = file.write_all(lines) {
            if regular {
                let _ = file.set_len(before);
                file.seek(SeekFrom::Start(before))?;
            }
            return Err(error);
        }
        self.grow(lines.len());
        Ok(())
    }

    // -- the file itself

    /// Empties the file, and removes those that were put aside. Nothing is written to an old offset afterwards, because this is
    /// the writer.
    pub fn empty(&mut self) -> io::Result<()> {
        rotation::remove_aside(&self.path)?;
        if self.file.is_none() {
            return empty_unused(&self.path);
        }
        self.aside = 0;
        if self.regular {
            let file = self.opened()?;
            file.set_len(0)?;
            file.seek(SeekFrom::Start(0))?;
            self.size = 0;
        }
        Ok(())
    }

    /// Goes on in whatever has the file's name now, and makes it if nothing has.
    pub fn reopen(&mut self) -> io::Result<()> {
        self.file = None;
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        // A FIFO that nobody reads, or a terminal that somebody stopped, is not to stop everybody's logs.
        let mut file = options.custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(&self.path)?;
        self.regular = file.metadata()?.is_file();
        self.size = if self.regular { file.seek(SeekFrom::End(0))? } else { 0 };
        self.file = Some(file);
        self.aside = if self.regular { rotation::bytes_aside(&self.path) } else { 0 };
        Ok(())
    }

    /// Bytes that it takes, with all that was put aside.
    pub const fn on_disk(&self) -> u64 {
        self.size + self.aside
    }

    /// Lets go of the file until somebody has something to write.
    pub fn close(&mut self) {
        self.file = None;
    }

    /// Whether it is a file in the ordinary sense, and no device and no pipe.
    pub const fn is_regular(&self) -> bool {
        self.regular
    }

    pub const fn is_open(&self) -> bool {
        self.file.is_some()
    }

    /// Sees to it that the file is there and that we are at its end.
    pub(super) fn make_ready(&mut self) -> io::Result<()> {
        // Removed by somebody: begin anew. Cut short by somebody: go on where it ends now.
        if let Some(file) = &mut self.file {
            let found = file.metadata()?;
            if found.nlink() == 0 {
                self.file = None;
            } else if self.regular && found.len() != self.size {
                self.size = file.seek(SeekFrom::End(0))?;
            }
        }
        if self.file.is_none() {
            self.reopen()?;
        }
        Ok(())
    }

    // -- what could not be kept

    /// Says in the file that bytes were lost, if any were.
    pub(super) fn say_loss(&mut self) -> io::Result<()> {
        let Some(loss) = self.loss() else { return Ok(()) };
        let break_first = if self.at_line_start()? { "" } else { "\n" };
        self.write_whole(format!("{break_first}{loss}").as_bytes())?;
        self.loss_is_said();
        Ok(())
    }

    /// What is to be said of a loss; nothing in a device, which would take that and then no more, again and again.
    fn loss(&self) -> Option<String> {
        let why = self.trouble.as_deref().unwrap_or("it could not be written");
        (self.lost > 0 && self.regular).then(|| {
            format!("[betti] {} bytes of output were lost here ({} lines): {why}\n", self.lost, self.lost_lines)
        })
    }

    fn loss_is_said(&mut self) {
        if self.lost > 0 && self.regular {
            say!("logs: {} takes bytes again; {} were lost", self.path.display(), self.lost);
            (self.lost, self.lost_lines, self.trouble) = (0, 0, None);
        }
    }

    pub(super) fn lose(&mut self, bytes: u64, lines: u64, why: &io::Error) {
        self.lost += bytes;
        self.lost_lines += lines;
        let count = self.count();
        count.lost_bytes += bytes;
        count.lost_lines += lines;
        self.complain(why);
    }

    fn complain(&mut self, why: &io::Error) {
        let trouble = why.to_string();
        if self.trouble.as_ref() != Some(&trouble) {
            say!("logs: {} cannot be written ({trouble}); output is thrown away", self.path.display());
            self.trouble = Some(trouble);
        }
    }

    pub(super) fn opened(&mut self) -> io::Result<&mut File> {
        self.file.as_mut().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    pub(super) fn grow(&mut self, bytes: usize) {
        if self.regular {
            self.size += bytes as u64;
            self.count().written += bytes as u64;
        }
    }

    fn count(&mut self) -> &mut Count {
        self.counts.entry(self.by.map_or(u32::MAX, |writer| writer.app)).or_default()
    }

    pub(super) fn put_aside(&mut self) -> io::Result<()> {
        rotation::put_aside(&self.path)?;
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
        Ok(found) if found.is_file() => OpenOptions::new().write(true).open(path)?.set_len(0),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// How many lines end in there.
pub fn line_ends(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|byte| **byte == b'\n').count() as u64
}

/// Troubles of the pipe end its pumping; troubles of the file must not.
pub fn is_about_the_file(error: &io::Error) -> bool {
    !matches!(error.raw_os_error().map(Errno::from_raw), Some(Errno::EBADF | Errno::EFAULT))
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::os::unix::fs::symlink;

    use manifest::LogFormat;
    use nix::unistd::{pipe, write};

    use super::*;
    use crate::logs::outlet::Kind;
    use crate::logs::{CHUNK, LONGEST_OPEN_LINE};

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

        fn file(&self, limit: u64) -> LogFile {
            LogFile::open(&self.path(), limit)
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
        let mut file = LogFile::open(Path::new("/dev/full"), u64::MAX);
        world.says("lost\n");
        world.pump(&mut file);
        assert_eq!(file.lost, 5);
        file.path = world.path();
        file.file = None;
        world.says("kept\n");
        world.pump(&mut file);
        assert!(
            world.text().starts_with("[betti] 5 bytes of output were lost here (1 lines): No space left"),
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
            file.append(b"more than ten bytes\n", b"", &mut formatter, |_, _| {});
        }
        assert_eq!(file.lost, 0);
        assert!(world.path().is_symlink());
        file.empty().unwrap();
        assert!(world.path().is_symlink());
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
        assert!(file.lost > 0);
        let mut formatter = Formatter::new(&LogFormat::Stamped("%S".to_owned()), Kind::Out, "a", 0);
        for _ in 0..10 {
            file.append(words.as_bytes(), b"", &mut formatter, |_, _| {});
        }
    }

    #[test]
    fn lines_begin_at_a_lines_start_go_whole_into_a_file_with_room_and_a_loss_is_said_in_their_form() {
        let world = World::new();
        let mut formatter = Formatter::new(&LogFormat::Json { pattern: Some("%Y".to_owned()) }, Kind::Out, "a", 0);
        let mut file = world.file(10);
        world.says("half");
        world.pump(&mut file);
        file.append(b"123\n", b"", &mut formatter, |path, place| assert_eq!((path, place.offset), (&*world.path(), 5)));
        assert_eq!(world.text(), "half\n123\n");
        file.append(b"4567\n", b"", &mut formatter, |_, place| assert_eq!(place.offset, 0));
        assert_eq!(world.text(), "4567\n");
        file.lose(7, 2, &ErrorKind::StorageFull.into());
        file.use_again(u64::MAX);
        file.append(b"8\n", b"", &mut formatter, |_, _| {});
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
        assert_eq!(fs::read_dir(world.path().parent().unwrap()).unwrap().count(), 4);
        file.empty().unwrap();
        assert_eq!(world.text(), "");
        file.use_again(u64::MAX);
        world.says("four\n");
        world.pump(&mut file);
        assert_eq!(world.text(), "four\n");
        assert_eq!(fs::read_dir(world.path().parent().unwrap()).unwrap().count(), 1);
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
