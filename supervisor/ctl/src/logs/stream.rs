//! One log file, and how its lines are shown.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use protocol::control::LogSource;
use serde::Serialize;

use super::tail;
use crate::printer::{Printer, Tone};

/// How much is read at a time, in bytes.
const CHUNK: usize = 64 * 1024;
/// A line that grows longer than this is shown in pieces, in bytes.
const LONGEST_LINE: usize = 1 << 20;
/// A file that was put aside further back than this is not looked for; far more than are kept.
const MOST_PUT_ASIDE: usize = 100;

/// Which of an app's two outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Standard output.
    Out,
    /// Standard error.
    Error,
}

/// One log file that is shown, line by line.
pub struct Stream {
    path: PathBuf,
    dress: Dress,
    open: Option<Open>,
    /// The beginning of a line whose end is not written yet.
    partial: Vec<u8>,
}

/// How a line is shown.
enum Dress {
    /// After PM2's prefix.
    Prefix(String),
    /// As an object, with the names that PM2 has for these: one a line.
    Json { id: u32, name: String, kind: &'static str },
}

/// A line for programs.
#[derive(Serialize)]
struct Line<'l> {
    message: &'l str,
    #[serde(rename = "type")]
    kind: &'static str,
    process_id: u32,
    app_name: &'l str,
}

impl Dress {
    fn put_on(&self, line: &[u8], shown: &mut Vec<u8>) {
        match self {
            Self::Prefix(prefix) => {
                shown.extend_from_slice(prefix.as_bytes());
                shown.extend_from_slice(line);
            }
            Self::Json { id, name, kind } => {
                let message = String::from_utf8_lossy(line.strip_suffix(b"\n").unwrap_or(line));
                let line = Line { message: &message, kind, process_id: *id, app_name: name };
                // Texts and a number: there is no way for them not to be JSON.
                shown.extend(serde_json::to_vec(&line).unwrap_or_default());
                shown.push(b'\n');
            }
        }
    }
}

/// The file as it was opened. It may be renamed or emptied meanwhile.
struct Open {
    file: File,
    inode: u64,
    offset: u64,
}

/// The files of these apps, each with PM2's prefix `0|name  | ` in PM2's colours.
pub fn streams(sources: &[&LogSource], kinds: &[Kind], printer: &Printer) -> Vec<Stream> {
    let width = sources.iter().map(|source| source.name.chars().count()).max().unwrap_or(0);
    let id_width = sources.iter().map(|source| source.id.to_string().len()).max().unwrap_or(0);
    let mut streams = Vec::new();
    for source in sources {
        for kind in kinds {
            let (path, tone, word) = match kind {
                Kind::Out => (&source.out_file, Tone::Good, "out"),
                Kind::Error => (&source.error_file, Tone::Bad, "err"),
            };
            let label = format!("{:<id_width$}|{:<width$}  |", source.id, source.name);
            let dress = match printer.is_json() {
                true => Dress::Json { id: source.id, name: source.name.clone(), kind: word },
                false => Dress::Prefix(format!("{} ", printer.paint(tone, &label))),
            };
            streams.push(Stream::new(path, dress));
        }
    }
    streams
}

impl Stream {
    fn new(path: impl Into<PathBuf>, dress: Dress) -> Self {
        Self { path: path.into(), dress, open: None, partial: Vec::new() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens the file and shows its last lines, at most this many. A file that is not there yet has none.
    ///
    /// # Errors
    /// If the file is there and cannot be read.
    pub fn show_last(&mut self, lines: usize, printer: &Printer) -> io::Result<()> {
        self.reopen()?;
        let Some(open) = &mut self.open else { return Ok(()) };
        open.offset = tail::start_of_last(&mut open.file, lines)?;
        if lines > 0 && printer.is_live() && open.file.metadata()?.len() > open.offset {
            printer.line(&printer.paint(Tone::Own, &format!("{} last {lines} lines:", self.path.display())));
        }
        self.show_new(printer)
    }

    /// Shows what was added since. A file that was put aside is read to its end before its successor is begun, and so is
    /// each that was put aside after it.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn show_new(&mut self, printer: &Printer) -> io::Result<()> {
        self.drain(printer)?;
        while self.is_replaced() {
            // Nothing is written to it any more, but something may have been since we looked.
            self.drain(printer)?;
            self.open_successor()?;
            self.drain(printer)?;
        }
        Ok(())
    }

    /// Shows the last line, even if its end was never written.
    pub fn finish(&mut self, printer: &Printer) {
        if !self.partial.is_empty() {
            self.partial.push(b'\n');
            self.show_lines(printer);
        }
    }

    fn is_replaced(&self) -> bool {
        let inode = inode_at(&self.path);
        inode.is_some() && inode != self.open.as_ref().map(|open| open.inode)
    }

    /// Opens the file that was begun when ours was put aside: `PATH.2` after `PATH.3`, `PATH` after `PATH.1`.
    fn open_successor(&mut self) -> io::Result<()> {
        let Some(ours) = self.open.as_ref().map(|open| open.inode) else { return self.reopen() };
        loop {
            let place = self.place_of(ours);
            let successor = match place {
                Some(place) if place > 1 => put_aside(&self.path, place - 1),
                Some(_) | None => self.path.clone(),
            };
            let next = open(&successor)?;
            // While we looked, all may have been put aside once more: then what we opened is not the next.
            if self.place_of(ours) == place {
                self.open = next;
                return Ok(());
            }
        }
    }

    /// The number under which a file was put aside. A missing number says nothing: the next rotation may be under way.
    fn place_of(&self, inode: u64) -> Option<usize> {
        (1..=MOST_PUT_ASIDE).find(|place| inode_at(&put_aside(&self.path, *place)) == Some(inode))
    }

    fn reopen(&mut self) -> io::Result<()> {
        self.open = open(&self.path)?;
        Ok(())
    }

    fn drain(&mut self, printer: &Printer) -> io::Result<()> {
        let mut chunk = vec![0; CHUNK];
        loop {
            let Some(open) = &mut self.open else { return Ok(()) };
            if open.file.metadata()?.len() < open.offset {
                // Somebody emptied it.
                open.offset = 0;
            }
            open.file.seek(SeekFrom::Start(open.offset))?;
            let length = open.file.read(&mut chunk)?;
            if length == 0 || printer.is_unread() {
                return Ok(());
            }
            open.offset += length as u64;
            self.partial.extend_from_slice(&chunk[..length]);
            self.show_lines(printer);
        }
    }

    /// Shows all whole lines of what was read.
    fn show_lines(&mut self, printer: &Printer) {
        let whole = match self.partial.iter().rposition(|byte| *byte == b'\n') {
            Some(newline) => newline + 1,
            None if self.partial.len() > LONGEST_LINE => {
                self.partial.push(b'\n');
                self.partial.len()
            }
            None => return,
        };
        let mut shown = Vec::with_capacity(whole + CHUNK);
        for line in self.partial[..whole].split_inclusive(|byte| *byte == b'\n') {
            self.dress.put_on(line, &mut shown);
        }
        printer.bytes(&shown);
        self.partial.drain(..whole);
    }
}

fn open(path: &Path) -> io::Result<Option<Open>> {
    match File::open(path) {
        Ok(file) => Ok(Some(Open { inode: file.metadata()?.ino(), file, offset: 0 })),
        Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(why) => Err(why),
    }
}

fn inode_at(path: &Path) -> Option<u64> {
    std::fs::metadata(path).map(|found| found.ino()).ok()
}

fn put_aside(path: &Path, place: usize) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{place}"));
    name.into()
}
