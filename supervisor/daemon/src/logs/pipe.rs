//! One stream of a run on its way to its file: as it is, or line by line in another form.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;

use manifest::LogFormat;
use nix::fcntl::{FcntlArg, fcntl};

use super::expectation::Expectation;
use super::file::{LogFile, is_about_the_file};
use super::formatter::Formatter;
use super::glass::{Glance, Glass};
use super::journal::Journal;
use super::lines::Lines;
use super::outlet::{Kind, Outlet, Writer};
use super::spool::Spool;
use super::tally::TallyBook;
use super::{CHUNK, Moved};

/// What all streams use, one after the other.
pub struct Desk {
    pub folder: PathBuf,
    pub glass: Glass,
    pub journal: Journal,
    pub tallies: TallyBook,
    /// Runs that said what was expected of them.
    said: BTreeSet<u64>,
    /// Those of them that were not told of yet.
    pub news: Vec<u64>,
}

impl Desk {
    pub fn new(folder: PathBuf) -> io::Result<Self> {
        let (journal, tallies) = (Journal::new(&folder), TallyBook::open(&folder));
        Ok(Self { folder, glass: Glass::new()?, journal, tallies, said: BTreeSet::new(), news: Vec::new() })
    }

    /// Notes that a run said what was expected, before its words are taken from the pipe: a successor will not see them there.
    fn note_said(&mut self, run: u64) {
        let made = fs::create_dir_all(&self.folder).and_then(|()| File::create(self.mark(run)));
        if let Err(error) = made {
            say!("logs: that run {run} said what was expected cannot be noted: {error}");
        }
        self.tell_said(run);
    }

    fn tell_said(&mut self, run: u64) {
        if self.said.insert(run) {
            self.news.push(run);
        }
    }

    /// Whether a run said it already, perhaps to a predecessor.
    fn was_said(&mut self, run: u64) -> bool {
        let was = self.said.contains(&run) || self.mark(run).exists();
        if was {
            self.tell_said(run);
        }
        was
    }

    pub fn forget(&mut self, run: u64) {
        self.said.remove(&run);
        let _ = fs::remove_file(self.mark(run)); // there is none, or nobody asks for it again
    }

    fn mark(&self, run: u64) -> PathBuf {
        self.folder.join(format!("{run}-said"))
    }
}

pub struct Pipe {
    pub run: u64,
    pub kind: Kind,
    /// Index into the files: several pipes may lead to one file.
    pub file: usize,
    pub finishing: bool,
    pipe: OwnedFd,
    app: String,
    id: u32,
    /// `None` for raw output.
    lines: Option<Lines>,
    expectation: Option<Expectation>,
}

impl AsFd for Pipe {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pipe.as_fd()
    }
}

impl Pipe {
    /// `alone`: nobody else writes to the file.
    pub fn new(outlet: Outlet, index: usize, alone: bool, file: &mut LogFile, desk: &mut Desk) -> Self {
        let Outlet { run, kind, pipe, format, app, id, expect, .. } = outlet;
        let mut new = Self { run, kind, file: index, finishing: false, pipe, app, id, lines: None, expectation: None };
        // What a predecessor left in a spool is to be written, also if the format has become another.
        if format != LogFormat::Raw || Spool::find(&desk.folder, run, kind).is_ok() {
            new.lines = Some(Lines::new(desk.folder.clone(), run, kind, new.formatter(&format)));
        }
        if let Some(text) = expect.filter(|_| !desk.was_said(run)) {
            let before = if alone && new.lines.is_none() { file.open_line(text.len()) } else { Vec::new() };
            new.expectation = Some(Expectation::new(&text, &before));
            new.hear_from(0, desk);
        }
        new.set_format(&format, file, desk);
        new
    }

    /// From here on, lines look like this.
    pub fn set_format(&mut self, format: &LogFormat, file: &mut LogFile, desk: &mut Desk) {
        let formatter = self.formatter(format);
        file.hand_to(self.writer());
        let Some(lines) = &mut self.lines else {
            if *format != LogFormat::Raw {
                self.lines = Some(Lines::new(desk.folder.clone(), self.run, self.kind, formatter));
            }
            return;
        };
        lines.write(file, &mut desk.journal);
        lines.set_formatter(formatter);
        if *format == LogFormat::Raw {
            lines.end(file, &mut desk.journal); // the rest of an open line follows it as it comes
            self.lines = None;
        }
    }

    fn writer(&self) -> Writer {
        Writer { run: self.run, kind: self.kind, app: self.id }
    }

    fn formatter(&self, format: &LogFormat) -> Formatter {
        Formatter::new(format, self.kind, &self.app, self.id)
    }

    pub fn expects_nothing_more(&mut self) {
        self.expectation = None;
    }

    /// Moves what is in the pipe, a chunk at most.
    pub fn take(&mut self, file: &mut LogFile, desk: &mut Desk) -> io::Result<Moved> {
        file.hand_to(self.writer());
        match &self.lines {
            Some(_) => self.take_lines(file, desk),
            None if self.expectation.is_some() => self.take_and_look(file, desk),
            None => file.take(&self.pipe, CHUNK, &mut desk.glass),
        }
    }

    /// Only what was looked at is taken.
    fn take_and_look(&mut self, file: &mut LogFile, desk: &mut Desk) -> io::Result<Moved> {
        let seen = match desk.glass.look(&self.pipe, CHUNK)? {
            Glance::Seen(seen) => seen,
            Glance::Not(moved) => return Ok(moved),
        };
        if self.expectation.as_ref().is_some_and(|expectation| expectation.is_met_by(&seen)) {
            desk.note_said(self.run);
            self.expectation = None;
        }
        let moved = file.take(&self.pipe, seen.len(), &mut desk.glass)?;
        if let (Moved::Some(taken), Some(expectation)) = (moved, &mut self.expectation) {
            expectation.pass(&seen[..taken]);
        }
        Ok(moved)
    }

    fn take_lines(&mut self, file: &mut LogFile, desk: &mut Desk) -> io::Result<Moved> {
        let Some(lines) = &mut self.lines else { return Ok(Moved::Empty) };
        let known = lines.waiting().len();
        let moved = match lines.fill(&self.pipe) {
            Err(error) if is_about_the_file(&error) => return file.discard(&self.pipe, CHUNK, &mut desk.glass, &error),
            moved => moved?,
        };
        self.hear_from(known, desk);
        if let Some(lines) = &mut self.lines {
            lines.write(file, &mut desk.journal);
        }
        Ok(moved)
    }

    /// Looks at what came into the spool. What is in there a successor looks at again, so nothing has to be noted before.
    fn hear_from(&mut self, known: usize, desk: &mut Desk) {
        let (Some(lines), Some(expectation)) = (&self.lines, &mut self.expectation) else { return };
        let new = lines.waiting().get(known..).unwrap_or_default();
        if expectation.is_met_by(new) {
            desk.note_said(self.run);
            self.expectation = None;
        } else {
            expectation.pass(new);
        }
    }

    /// Moves what a run left in its pipe, which is no more than a pipe holds. Somebody who escaped from the run and still has the
    /// pipe may never stop writing; it must not keep the others waiting.
    pub fn take_the_rest(&mut self, file: &mut LogFile, desk: &mut Desk) {
        let capacity = fcntl(&self.pipe, FcntlArg::F_GETPIPE_SZ).unwrap_or(i32::MAX); // fails for no pipe
        let mut left = usize::try_from(capacity).unwrap_or_default();
        while left > 0
            && let Ok(Moved::Some(taken)) = self.take(file, desk)
        {
            left = left.saturating_sub(taken);
        }
    }

    /// Nothing more will come.
    pub fn end(&mut self, file: &mut LogFile, desk: &mut Desk) {
        file.hand_to(self.writer());
        if let Some(lines) = &mut self.lines {
            lines.end(file, &mut desk.journal);
        }
    }
}
