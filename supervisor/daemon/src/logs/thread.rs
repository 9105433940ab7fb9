//! The thread: waits until a pipe has something to say or somebody has work for it.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::mpsc::Receiver;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::file::{LogFile, empty_unused};
use super::outlet::Outlet;
use super::pipe::{Desk, Pipe};
use super::pump::{Job, News, Way};
use super::tally::Count;
use super::{Moved, rotation};

/// Rings that are heard at once.
const RINGS: usize = 64;

pub struct Pump<F> {
    inbox: Receiver<Job>,
    bell: UnixStream,
    pipes: Vec<Pipe>,
    files: Vec<LogFile>,
    desk: Desk,
    tell: F,
}

impl<F: Fn(News)> Pump<F> {
    pub fn new(inbox: Receiver<Job>, bell: UnixStream, desk: Desk, tell: F) -> Self {
        Self { inbox, bell, pipes: Vec::new(), files: Vec::new(), desk, tell }
    }

    pub fn run(mut self) {
        self.desk.journal.finish();
        loop {
            let talking = self.wait();
            if talking.is_empty() && self.take_jobs().is_none() {
                return; // nobody can give us work any more
            }
            self.move_all(&talking);
            self.count();
        }
    }

    /// Which pipes have something to say. Empty also when the bell rang alone.
    fn wait(&self) -> Vec<bool> {
        let mut fds = vec![PollFd::new(self.bell.as_fd(), PollFlags::POLLIN)];
        fds.extend(self.pipes.iter().map(|pipe| PollFd::new(pipe.as_fd(), PollFlags::POLLIN)));
        let _ = poll(&mut fds, PollTimeout::NONE);
        let rang = fds[0].any().unwrap_or(false);
        let talking = fds[1..].iter().map(|fd| fd.any().unwrap_or(false)).collect();
        if rang { Vec::new() } else { talking }
    }

    fn take_jobs(&mut self) -> Option<()> {
        if let Ok(0) = self.bell.read(&mut [0; RINGS]) {
            return None;
        }
        while let Ok(job) = self.inbox.try_recv() {
            match job {
                Job::Add(outlet) => self.add(*outlet),
                Job::Finish { run } => {
                    self.pipes.iter_mut().filter(|pipe| pipe.run == run).for_each(|pipe| pipe.finishing = true);
                    self.desk.forget(run);
                }
                Job::Redirect(way) => self.redirect(&way),
                Job::Flush { paths, done } => done(paths.iter().try_for_each(|path| self.flush(path))),
                Job::Reopen { done } => done(self.reopen()),
            }
        }
        Some(())
    }

    fn add(&mut self, outlet: Outlet) {
        let index = self.file(&outlet.path, outlet.limit);
        let alone = self.pipes.iter().all(|pipe| pipe.file != index);
        self.pipes.push(Pipe::new(outlet, index, alone, &mut self.files[index], &mut self.desk));
    }

    fn file(&mut self, path: &Path, limit: u64) -> usize {
        if let Some(at) = self.files.iter().position(|file| file.path() == path) {
            self.files[at].use_again(limit);
            return at;
        }
        self.files.push(LogFile::open(path, limit));
        self.files.len() - 1
    }

    fn redirect(&mut self, way: &Way) {
        let Some(at) = self.pipes.iter().position(|pipe| (pipe.run, pipe.kind) == (way.run, way.kind)) else { return };
        let new = self.file(&way.path, way.limit);
        let old = std::mem::replace(&mut self.pipes[at].file, new);
        self.pipes[at].set_format(&way.format, &mut self.files[new], &mut self.desk);
        self.leave(old);
    }

    /// Lets go of a file if no pipe leads to it any more.
    fn leave(&mut self, file: usize) {
        if !self.pipes.iter().any(|pipe| pipe.file == file) {
            self.files[file].end_line();
            self.files[file].close();
        }
    }

    fn flush(&mut self, path: &Path) -> io::Result<()> {
        match self.files.iter_mut().find(|file| file.path() == path) {
            Some(file) => file.empty(),
            None => rotation::remove_aside(path).and_then(|()| empty_unused(path)),
        }
    }

    /// All are tried, and the first trouble is told.
    fn reopen(&mut self) -> io::Result<()> {
        let used = self.files.iter_mut().filter(|file| file.is_open());
        used.map(LogFile::reopen).fold(Ok(()), io::Result::and)
    }

    /// A chunk from each that talks; whatever is left from each that is finishing.
    fn move_all(&mut self, talking: &[bool]) {
        let mut at = 0;
        let mut done = Vec::new();
        let (files, desk) = (&mut self.files, &mut self.desk);
        self.pipes.retain_mut(|pipe| {
            let talks = talking.get(at).copied().unwrap_or(false);
            let file = &mut files[pipe.file];
            at += 1;
            let stays = if pipe.finishing {
                pipe.take_the_rest(file, desk);
                false
            } else {
                !talks || goes_on(pipe.take(file, desk), pipe.run)
            };
            if !stays {
                pipe.end(file, desk);
                done.push((pipe.run, pipe.file));
            }
            stays
        });
        self.tell_who_said_it();
        for (run, file) in done {
            self.leave(file);
            (self.tell)(News::Ended(run));
        }
    }

    /// Writes down what became of the bytes that were just moved.
    fn count(&mut self) {
        let mut all: BTreeMap<u32, Count> = BTreeMap::new();
        for file in &mut self.files {
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

    fn tell_who_said_it(&mut self) {
        for run in std::mem::take(&mut self.desk.news) {
            self.pipes.iter_mut().filter(|pipe| pipe.run == run).for_each(Pipe::expects_nothing_more);
            (self.tell)(News::Said(run));
        }
    }
}

fn goes_on(moved: io::Result<Moved>, run: u64) -> bool {
    match moved {
        Ok(Moved::Some(_) | Moved::Empty) => true,
        Ok(Moved::End) => false,
        Err(error) => {
            say!("logs: output of run {run} cannot be read: {error}");
            false
        }
    }
}
