//! Names that are looked up anew: a process of its own that reads a few named files for a worker that may not.
//!
//! A worker is held to files, not to names, so it could not open what was put in the place of a file, or of a folder on the way to
//! it. The process is the worker's own program, begun before the worker holds itself back. It may read, and nothing else; the list of
//! its files is made before anybody is listened to, and all that can be asked of it is one of them.
//!
//! ```text
//!   worker ── number of a file ──► reader ── what is at that name now ──► worker
//! ```

use std::{
    env,
    io::{self, Read, Write},
    os::{
        fd::{AsFd, OwnedFd},
        unix::{net::UnixStream, process::CommandExt},
    },
    path::{Path, PathBuf},
    process::{Child, Command, ExitCode, Stdio},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use super::{
    Content, Sees,
    content::LARGEST_FILE,
    enter::{Rules, restrict},
};

/// The program itself, also if another one has its name by now.
const OWN_PROGRAM: &str = "/proc/self/exe";
/// Says to the program that it is a reader: this and a number is the variable of each file.
const FILE_VARIABLE: &str = "BETTI_READS_";
/// More files than this are a mistake.
const MOST_FILES: usize = 16;
/// How long the reader may take; it waits for nothing but the disk.
const ANSWERED_WITHIN: Duration = Duration::from_secs(5);

const MISSING: u8 = 0;
const UNREADABLE: u8 = 1;
const BYTES: u8 = 2;

/// Reads certain files by their names, whatever they mean by then.
pub struct Reader {
    files: Vec<PathBuf>,
    /// `None` when it does not answer any more.
    process: Mutex<Option<Process>>,
}

/// It ends by itself when its stream does: a worker that is held back may signal nobody else.
struct Process {
    _child: Child,
    stream: UnixStream,
}

impl Reader {
    /// Begins it. Call it before anything is held back.
    pub(super) fn start(name: &str, files: Vec<PathBuf>) -> io::Result<Self> {
        if files.len() > MOST_FILES {
            return Err(io::Error::other("too many files"));
        }
        let (stream, theirs) = UnixStream::pair()?;
        stream.set_read_timeout(Some(ANSWERED_WITHIN))?;
        stream.set_write_timeout(Some(ANSWERED_WITHIN))?;
        let mut command = Command::new(OWN_PROGRAM);
        command.arg0(name).stdin(Stdio::from(OwnedFd::from(theirs))).stdout(Stdio::null());
        command.envs(files.iter().enumerate().map(|(number, file)| (format!("{FILE_VARIABLE}{number}"), file)));
        let child = command.spawn()?;
        Ok(Self { files, process: Mutex::new(Some(Process { _child: child, stream })) })
    }

    /// What is at this name now; as far as this process may see, if nobody reads it.
    pub(crate) fn read(&self, path: &Path) -> Content {
        let mut process = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        let number = self.files.iter().position(|file| file == path).and_then(|number| u8::try_from(number).ok());
        let (Some(number), Some(running)) = (number, process.as_mut()) else { return Content::of(path) };
        running.ask(number).unwrap_or_else(|error| {
            // Nothing can be begun by now.
            tracing::warn!("files that are exchanged are seen after a restart only: {error}");
            *process = None;
            Content::of(path)
        })
    }
}

impl Process {
    fn ask(&mut self, number: u8) -> io::Result<Content> {
        self.stream.write_all(&[number])?;
        let mut head = [0; 5];
        self.stream.read_exact(&mut head)?;
        let [kind, length @ ..] = head;
        let length = u64::from(u32::from_be_bytes(length));
        if length > LARGEST_FILE {
            return Err(io::Error::other("an answer that is too long"));
        }
        let mut bytes = Vec::new();
        if (&self.stream).take(length).read_to_end(&mut bytes)? as u64 != length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match kind {
            MISSING => Ok(Content::Missing),
            UNREADABLE => Ok(Content::Unreadable(String::from_utf8_lossy(&bytes).into_owned())),
            BYTES => Ok(Content::Bytes(bytes)),
            _ => Err(io::Error::other("an answer that is none")),
        }
    }
}

/// The files that this process is to read for another one, if that is what it was begun for.
pub(crate) fn files_to_read() -> Option<Vec<PathBuf>> {
    let files = (0..MOST_FILES).map_while(|number| env::var_os(format!("{FILE_VARIABLE}{number}")));
    let files: Vec<_> = files.map(PathBuf::from).collect();
    (!files.is_empty()).then_some(files)
}

/// Answers until nobody is there to ask: what `main` returns.
pub(crate) fn read_for_another(files: &[PathBuf]) -> ExitCode {
    let everything = Rules { read: vec!["/".into()], ..Rules::default() };
    // Where the kernel cannot, nobody is held back, and the worker says so.
    let _ = restrict(everything, &Sees::default(), false);
    let asked = io::stdin().as_fd().try_clone_to_owned().map(UnixStream::from);
    let answered = asked.and_then(|stream| answer(stream, files));
    if answered.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn answer(mut stream: UnixStream, files: &[PathBuf]) -> io::Result<()> {
    let mut number = [0];
    while stream.read(&mut number)? > 0 {
        let content = files.get(usize::from(number[0])).map_or(Content::Missing, |path| Content::of(path));
        let (kind, bytes) = match &content {
            Content::Missing => (MISSING, &[][..]),
            Content::Unreadable(why) => (UNREADABLE, why.as_bytes()),
            Content::Bytes(bytes) => (BYTES, &bytes[..]),
        };
        let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
        stream.write_all(&[&[kind][..], &length.to_be_bytes(), bytes].concat())?;
    }
    Ok(())
}
