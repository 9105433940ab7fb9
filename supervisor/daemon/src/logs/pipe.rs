//! One stream of a run on its way to its file: as it is, or line by line.
//!
//! Raw bytes that have their file to themselves go straight to it. While they cannot, and where others write to the same file, they
//! go line by line like those in another form.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use manifest::LogFormat;
use nix::fcntl::{FcntlArg, fcntl};

use super::desk::Desk;
use super::expectation::Expectation;
use super::file::{LogFile, is_about_the_file};
use super::formatter::Formatter;
use super::glass::Glance;
use super::lines::Lines;
use super::outlet::{Kind, Outlet, Writer};
use super::spool::Spool;
use super::{CHUNK, Moved};

pub struct Pipe {
    pub run: u64,
    pub kind: Kind,
    /// Index into the files: several pipes may lead to one file.
    pub file: usize,
    pub finishing: bool,
    pipe: OwnedFd,
    app: String,
    id: u32,
    format: LogFormat,
    /// Others may write to the same file at any time, as whoever asked for it knows.
    shared: bool,
    /// Others write to the same file now, or left something for it.
    with_others: bool,
    /// `None` while bytes go straight to the file.
    lines: Option<Lines>,
    expectation: Option<Expectation>,
}

/// What a run left that could not be written yet.
pub struct Leftover {
    pub file: usize,
    /// Whether it is told that the pipe is done. If not, its row stays, and a successor would find what is left here.
    pub is_told: bool,
    writer: Writer,
    lines: Lines,
}

impl AsFd for Pipe {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pipe.as_fd()
    }
}

impl Pipe {
    /// `with_others`: they write to the file already.
    pub fn new(outlet: Outlet, index: usize, with_others: bool, file: &mut LogFile, desk: &mut Desk) -> Self {
        let Outlet { run, kind, pipe, format, app, id, expect, shared, .. } = outlet;
        let (lines, expectation) = (None, None);
        let mut new = Self {
            run,
            kind,
            file: index,
            finishing: false,
            pipe,
            app,
            id,
            format,
            shared,
            with_others,
            lines,
            expectation,
        };
        // What a predecessor left in a spool is to be written, also if it would go straight now.
        if !new.goes_straight(file) || Spool::find(&desk.folder, run, kind).is_ok() {
            new.begin_lines(file, desk);
        }
        if let Some(text) = expect.filter(|_| !desk.was_said(run)) {
            let before = if !with_others && new.lines.is_none() { file.open_line(text.len()) } else { Vec::new() };
            new.expectation = Some(Expectation::new(&text, &before));
            new.hear_from(0, desk);
        }
        new.write_waiting(file, desk);
        new
    }

    /// Another file is its file from here on. A line that it has begun in this one is ended by nobody.
    pub fn leave(&mut self, new: usize, file: &mut LogFile) {
        file.is_done_with_its_line(Some(self.writer()));
        self.file = new;
        if let Some(lines) = &mut self.lines {
            lines.join(false);
        }
    }

    /// From here on, lines look like this, and the file is others' too or is not, as in [`Pipe::new`].
    pub fn set_way(
        &mut self,
        format: &LogFormat,
        shared: bool,
        with_others: bool,
        file: &mut LogFile,
        desk: &mut Desk,
    ) {
        (self.shared, self.with_others) = (shared, with_others);
        self.write_waiting(file, desk);
        self.format = format.clone();
        let formatter = self.formatter();
        if let Some(lines) = &mut self.lines {
            lines.set_formatter(formatter);
        }
        self.go_on(file, desk);
    }

    /// Others write to the file too from here on, or nobody else does.
    pub fn share(&mut self, with_others: bool, file: &mut LogFile, desk: &mut Desk) {
        self.with_others = with_others;
        self.go_on(file, desk);
    }

    /// Straight or line by line, as it has to be by now.
    fn go_on(&mut self, file: &mut LogFile, desk: &mut Desk) {
        let joins = self.lines.as_ref().map(|lines| lines.joins(file));
        match (self.goes_straight(file), joins) {
            (true, Some(false)) => file.end_line(), // or the next bytes would go on with what is somebody else's
            (false, None) => self.begin_lines(file, desk),
            (false, Some(true)) if self.is_shared() => file.keep_open_for(self.run, self.kind),
            _ => {}
        }
        self.write_waiting(file, desk);
    }

    const fn is_shared(&self) -> bool {
        self.shared || self.with_others
    }

    /// A file that could not be opened yet may be one that has lines.
    fn goes_straight(&self, file: &LogFile) -> bool {
        self.format == LogFormat::Raw && (file.is_device() || !self.is_shared())
    }

    fn begin_lines(&mut self, file: &mut LogFile, desk: &Desk) {
        let mut lines = Lines::new(desk.folder.clone(), self.run, self.kind, self.formatter());
        if let Some((run, kind)) = file.has_begun_a_line() {
            if self.format == LogFormat::Raw && (run, kind) == (self.run, self.kind) {
                lines.join(true);
            }
            if self.is_shared() {
                file.keep_open_for(run, kind);
            }
        }
        self.lines = Some(lines);
    }

    /// Writes what waits for the file, and goes straight to it again if nothing is left and that may be.
    pub fn write_waiting(&mut self, file: &mut LogFile, desk: &mut Desk) {
        let straight = self.goes_straight(file);
        file.hand_to(self.writer());
        let Some(lines) = &mut self.lines else { return };
        let is_done = match straight {
            true => lines.end(file, &mut desk.journal), // the rest of an open line follows it as it comes
            false => {
                lines.write(file, &mut desk.journal);
                false
            }
        };
        if is_done {
            self.lines = None;
        }
    }

    const fn writer(&self) -> Writer {
        Writer { run: self.run, kind: self.kind, app: self.id }
    }

    fn formatter(&self) -> Formatter {
        Formatter::new(&self.format, self.kind, &self.app, self.id)
    }

    pub fn expects_nothing_more(&mut self) {
        self.expectation = None;
    }

    /// Whether lines wait because the file cannot be written.
    pub fn is_held(&self) -> bool {
        self.lines.as_ref().is_some_and(Lines::is_held)
    }

    /// Whether lines wait for the end of somebody else's line.
    pub fn is_blocked(&self) -> bool {
        self.lines.as_ref().is_some_and(Lines::is_blocked)
    }

    /// No more than so many bytes may wait for a file that cannot be written.
    pub fn shorten(&mut self, most: usize, file: &mut LogFile) {
        file.hand_to(self.writer());
        if let Some(lines) = &mut self.lines {
            lines.shorten(most, file);
        }
    }

    /// Moves what is in the pipe, a chunk at most.
    pub fn take(&mut self, file: &mut LogFile, desk: &mut Desk) -> io::Result<Moved> {
        file.hand_to(self.writer());
        let moved = match &self.lines {
            Some(_) => return self.take_lines(file, desk),
            None if self.expectation.is_some() => self.take_and_look(file, desk),
            None => file.take(&self.pipe, CHUNK, &mut desk.glass),
        };
        match moved {
            Err(error) if is_about_the_file(&error) => {
                self.begin_lines(file, desk);
                self.take_lines(file, desk)
            }
            moved => moved,
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
        self.write_waiting(file, desk);
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

    /// Nothing more will come. What cannot be written yet is left.
    pub fn end(mut self, file: &mut LogFile, desk: &mut Desk) -> Option<Leftover> {
        let writer = self.writer();
        file.hand_to(writer);
        let Some(lines) = &mut self.lines else {
            file.is_done_with_its_line(Some(writer));
            return None;
        };
        match lines.end(file, &mut desk.journal) {
            true => None,
            false => Some(Leftover { file: self.file, is_told: false, writer, lines: self.lines? }),
        }
    }
}

impl Leftover {
    /// Writes it, if that can be by now. Whether nothing is left of it.
    pub fn write(&mut self, file: &mut LogFile, desk: &mut Desk) -> bool {
        file.hand_to(self.writer);
        self.lines.end(file, &mut desk.journal)
    }

    /// As for a [`Pipe`].
    pub fn shorten(&mut self, most: usize, file: &mut LogFile) {
        file.hand_to(self.writer);
        self.lines.shorten(most, file);
    }

    pub const fn run(&self) -> u64 {
        self.writer.run
    }

    pub const fn is_held(&self) -> bool {
        self.lines.is_held()
    }

    /// As for a [`Pipe`]. That is over soon, as a full disk may never be.
    pub const fn is_blocked(&self) -> bool {
        self.lines.is_blocked()
    }

    /// It has waited for too long.
    pub fn give_up(&mut self, file: &mut LogFile) {
        file.hand_to(self.writer);
        self.lines.give_up(file);
    }
}
