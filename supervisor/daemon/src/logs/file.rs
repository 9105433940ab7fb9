//! One log file: bytes go from a worker's pipe into it inside the kernel (`splice`), which takes exactly as many from
//! the pipe as it put into the file. Our memory never holds the only copy, so SIGKILL at any instant loses and doubles
//! nothing: a successor opens the file and goes on at its end.
//!
//! There is one writer at a time, because the keeper reaps before it replaces. No O_APPEND: `splice` refuses it.
//! When the file cannot take any more, the pipe is emptied into nothing, so that the worker does not block, and the loss is
//! counted and said in the file once it takes bytes again.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, SpliceFFlags, splice, tee};
use nix::unistd::{pipe2, read};

use super::rotation;

/// How much longer than its limit a file may grow for a line to end; then it is cut within the line. Progress bars and
/// binary output have no lines.
const LONGEST_OPEN_LINE: u64 = 1024 * 1024;
/// The most that is moved at once, so that one flood does not silence the others.
const CHUNK: usize = 64 * 1024;

/// What became of one attempt to move bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moved {
    /// So many bytes were taken from the pipe; none where a full file was only put aside.
    Some(usize),
    /// Nothing is in the pipe now.
    Empty,
    /// Nothing will ever be in the pipe again.
    End,
}

/// What a look into a pipe shows.
enum Glance {
    Seen(Vec<u8>),
    Not(Moved),
}

pub struct LogFile {
    path: PathBuf,
    /// `None` while it cannot be opened.
    file: Option<File>,
    size: u64,
    /// Rotated when it is at least this long, at the end of a line.
    limit: u64,
    /// Bytes that could not be kept since the last that could.
    lost: u64,
    /// What was last complained of, so that it is said once.
    trouble: Option<String>,
    /// `tee` copies into this pipe, so that looking for line ends takes nothing from the worker's pipe.
    glass: (File, OwnedFd),
    nothing: File,
}

impl LogFile {
    pub fn open(path: &Path, limit: u64) -> io::Result<Self> {
        let (read, write) = pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)?;
        let nothing = OpenOptions::new().write(true).open("/dev/null")?;
        let glass = (File::from(read), write);
        let mut log = Self { path: path.into(), file: None, size: 0, limit, lost: 0, trouble: None, glass, nothing };
        let _ = log.reopen(); // there from the start, for whoever follows it; tried again when there is something to say
        Ok(log)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn set_limit(&mut self, limit: u64) {
        self.limit = limit;
    }

    /// Moves what is in the pipe, a chunk at most.
    pub fn take(&mut self, pipe: &OwnedFd) -> io::Result<Moved> {
        if let Err(error) = self.make_ready() {
            return self.discard(pipe, &error);
        }
        let moved = if self.size < self.limit { self.move_chunk(pipe) } else { self.move_past_limit(pipe) };
        match moved {
            Ok(moved) => Ok(moved),
            Err(error) if is_about_the_file(&error) => self.discard(pipe, &error),
            Err(error) => Err(error),
        }
    }

    /// Ends an unfinished line that its writer can finish no more, so that the next writer begins a new one.
    pub fn end_line(&mut self) {
        let Some(file) = &mut self.file else { return };
        let mut last = [b'\n'];
        let unfinished = self.size > 0 && file.read_exact_at(&mut last, self.size - 1).is_ok() && last != [b'\n'];
        if unfinished && file.write_all(b"\n").is_ok() {
            self.size += 1;
        }
    }

    /// Sees to it that the file is there, that we are at its end, and that a loss is said.
    fn make_ready(&mut self) -> io::Result<()> {
        // Removed by somebody: begin anew. Cut short by somebody: go on where it ends now.
        if let Some(file) = &mut self.file {
            let found = file.metadata()?;
            if found.nlink() == 0 {
                self.file = None;
            } else if found.is_file() && found.len() != self.size {
                self.size = file.seek(SeekFrom::End(0))?;
            }
        }
        if self.file.is_none() {
            self.reopen()?;
        }
        if self.lost > 0 {
            self.say_loss()?;
        }
        Ok(())
    }

    fn reopen(&mut self) -> io::Result<()> {
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&self.path)?;
        self.size = file.seek(SeekFrom::End(0))?;
        self.file = Some(file);
        Ok(())
    }

    fn say_loss(&mut self) -> io::Result<()> {
        let why = self.trouble.clone().unwrap_or_else(|| "it could not be written".to_owned());
        let break_first = if self.at_line_start()? { "" } else { "\n" };
        let line = format!("{break_first}[betti] {} bytes of output were lost here: {why}\n", self.lost);
        let file = self.opened()?;
        // Whole or not at all: a piece of it would count as the worker's.
        let before = file.stream_position()?;
        if let Err(error) = file.write_all(line.as_bytes()) {
            let _ = file.set_len(before);
            file.seek(SeekFrom::Start(before))?;
            return Err(error);
        }
        say!("logs: {} takes bytes again; {} were lost", self.path.display(), self.lost);
        self.size += line.len() as u64;
        (self.lost, self.trouble) = (0, None);
        Ok(())
    }

    fn opened(&mut self) -> io::Result<&mut File> {
        self.file.as_mut().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn move_chunk(&mut self, pipe: &OwnedFd) -> io::Result<Moved> {
        let file = self.opened()?;
        match splice(pipe, None, &*file, None, CHUNK, SpliceFFlags::SPLICE_F_NONBLOCK) {
            Ok(0) => Ok(Moved::End),
            Ok(moved) => {
                self.size += moved as u64;
                Ok(Moved::Some(moved))
            }
            Err(Errno::EAGAIN) => Ok(Moved::Empty),
            Err(Errno::EINVAL) => self.copy_chunk(pipe),
            Err(errno) => Err(errno.into()),
        }
    }

    /// For what is no file of a kind that the kernel can splice into: a device, some file systems. A kill between the
    /// two steps loses what was read.
    fn copy_chunk(&mut self, pipe: &OwnedFd) -> io::Result<Moved> {
        let mut bytes = match self.glance(pipe)? {
            Glance::Seen(bytes) => bytes,
            Glance::Not(moved) => return Ok(moved),
        };
        let length = read(pipe, &mut bytes)?;
        if let Err(error) = self.opened()?.write_all(&bytes[..length]) {
            self.lost += length as u64;
            return Err(error);
        }
        self.size += length as u64;
        Ok(Moved::Some(length))
    }

    /// What is in the pipe, without taking it.
    fn glance(&mut self, pipe: &OwnedFd) -> io::Result<Glance> {
        let mut seen = vec![0; CHUNK];
        match tee(pipe, &self.glass.1, CHUNK, SpliceFFlags::SPLICE_F_NONBLOCK) {
            Ok(0) => return Ok(Glance::Not(Moved::End)),
            Ok(length) => seen.truncate(length),
            Err(Errno::EAGAIN) => return Ok(Glance::Not(Moved::Empty)),
            Err(errno) => return Err(errno.into()),
        }
        self.glass.0.read_exact(&mut seen)?;
        Ok(Glance::Seen(seen))
    }

    /// The file is full: finish the line that is open, then go on in a new file.
    fn move_past_limit(&mut self, pipe: &OwnedFd) -> io::Result<Moved> {
        let seen = match self.glance(pipe)? {
            Glance::Seen(seen) => seen,
            Glance::Not(moved) => return Ok(moved),
        };
        let mut taken = 0;
        if !self.at_line_start()? {
            let end = seen.iter().position(|&byte| byte == b'\n').map(|at| at + 1);
            taken = end.unwrap_or(seen.len());
            self.move_exactly(pipe, taken)?;
            if end.is_none() && self.size < self.limit.saturating_add(LONGEST_OPEN_LINE) {
                return Ok(Moved::Some(taken));
            }
        }
        rotation::put_aside(&self.path)?;
        self.file = None;
        self.reopen()?;
        Ok(Moved::Some(taken))
    }

    fn at_line_start(&mut self) -> io::Result<bool> {
        let size = self.size;
        let mut last = [b'\n'];
        if size > 0 {
            self.opened()?.read_exact_at(&mut last, size - 1)?;
        }
        Ok(last == [b'\n'])
    }

    fn move_exactly(&mut self, pipe: &OwnedFd, mut length: usize) -> io::Result<()> {
        while length > 0 {
            let file = self.opened()?;
            let moved = splice(pipe, None, &*file, None, length, SpliceFFlags::empty())?;
            length -= moved;
            self.size += moved as u64;
        }
        Ok(())
    }

    /// Keeps the worker from blocking, at the price of its words.
    fn discard(&mut self, pipe: &OwnedFd, error: &io::Error) -> io::Result<Moved> {
        let moved = match splice(pipe, None, &self.nothing, None, CHUNK, SpliceFFlags::SPLICE_F_NONBLOCK) {
            Ok(0) => Moved::End,
            Ok(length) => {
                self.lost += length as u64;
                Moved::Some(length)
            }
            Err(Errno::EAGAIN) => Moved::Empty,
            Err(errno) => return Err(errno.into()),
        };
        if self.lost == 0 {
            return Ok(moved);
        }
        let trouble = error.to_string();
        if self.trouble.as_ref() != Some(&trouble) {
            say!("logs: {} cannot be written ({trouble}); output is thrown away", self.path.display());
            self.trouble = Some(trouble);
        }
        Ok(moved)
    }
}

/// Troubles of the pipe end its pumping; troubles of the file must not.
fn is_about_the_file(error: &io::Error) -> bool {
    !matches!(error.raw_os_error().map(Errno::from_raw), Some(Errno::EBADF | Errno::EFAULT))
}

#[cfg(test)]
mod tests {
    use nix::unistd::write;

    use super::*;

    struct World {
        folder: tempfile::TempDir,
        pipe: OwnedFd,
        worker: OwnedFd,
    }

    impl World {
        fn new() -> Self {
            let (pipe, worker) = pipe2(OFlag::O_CLOEXEC).unwrap();
            Self { folder: tempfile::tempdir().unwrap(), pipe, worker }
        }

        fn path(&self) -> PathBuf {
            self.folder.path().join("logs/a.log")
        }

        fn file(&self, limit: u64) -> LogFile {
            LogFile::open(&self.path(), limit).unwrap()
        }

        fn says(&self, text: &str) {
            write(&self.worker, text.as_bytes()).unwrap();
        }

        fn pump(&self, file: &mut LogFile) {
            while matches!(file.take(&self.pipe).unwrap(), Moved::Some(_)) {}
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
        assert!(lengths.iter().all(|length| *length <= 10 + LONGEST_OPEN_LINE + CHUNK as u64), "{lengths:?}");
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
        let mut file = LogFile::open(Path::new("/dev/full"), u64::MAX).unwrap();
        world.says("lost\n");
        world.pump(&mut file);
        assert_eq!(file.lost, 5);
        file.path = world.path();
        file.file = None;
        world.says("kept\n");
        world.pump(&mut file);
        assert!(
            world.text().starts_with("[betti] 5 bytes of output were lost here: No space left"),
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
}
