//! The thread: waits until a pipe has something to say, somebody has work for it, or something is due.

use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::Moved;
use super::budget::House;
use super::compress::Names;
use super::desk::Desk;
use super::file::{LogFile, empty_unused};
use super::limits::Limits;
use super::outlet::Outlet;
use super::pipe::{Leftover, Pipe};
use super::pump::{Job, News, Way};
use super::store::Store;
use super::when;

/// Rings that are heard at once.
const RINGS: usize = 64;
/// A full disk is asked no more often than this, however many wait for it.
const LEAST_PAUSE: Duration = Duration::from_millis(1);

pub struct Pump<F> {
    inbox: Receiver<Job>,
    bell: UnixStream,
    pub(super) pipes: Vec<Pipe>,
    /// What runs left that could not be written yet, the oldest first.
    pub(super) leftovers: Vec<Leftover>,
    /// Runs that nothing more is expected of when their pipes are done.
    gone: Vec<u64>,
    pub(super) files: Vec<LogFile>,
    /// When each of them is to be put aside, as it was asked for.
    asked: Vec<Limits>,
    pub(super) house: House,
    pub(super) store: Store,
    pub(super) names: Names,
    pub(super) desk: Desk,
    tell: F,
}

impl<F: Fn(News)> Pump<F> {
    pub fn new(inbox: Receiver<Job>, bell: UnixStream, desk: Desk, tell: F) -> Self {
        let (pipes, leftovers, gone, files, asked) = (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let (house, store, names) = (House::default(), Store::default(), Names::default());
        Self { inbox, bell, pipes, leftovers, gone, files, asked, house, store, names, desk, tell }
    }

    pub fn run(mut self) {
        self.desk.journal.finish();
        loop {
            let talking = self.wait();
            if talking.is_empty() && self.take_jobs().is_none() {
                return; // nobody can give us work any more
            }
            self.look_at_what_is_due(); // what waited goes before what comes
            self.move_all(&talking);
            self.look_at_what_is_due();
            self.limit_what_waits();
            self.look_after_the_store();
            self.count();
        }
    }

    /// Which pipes have something to say. Empty also when the bell rang alone.
    fn wait(&mut self) -> Vec<bool> {
        let timeout = self.due_in().map_or(PollTimeout::NONE, |span| {
            // Rounded up, or it would wake up too early and again.
            let milliseconds = span.max(LEAST_PAUSE).as_micros().div_ceil(1000);
            PollTimeout::try_from(milliseconds).unwrap_or(PollTimeout::MAX)
        });
        let mut fds = vec![PollFd::new(self.bell.as_fd(), PollFlags::POLLIN)];
        fds.extend(self.pipes.iter().map(|pipe| PollFd::new(pipe.as_fd(), PollFlags::POLLIN)));
        let _ = poll(&mut fds, timeout);
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
                    self.gone.push(run);
                }
                Job::Redirect(way) => self.redirect(&way),
                Job::Flush { paths, done } => done(paths.iter().try_for_each(|path| self.flush(path))),
                Job::Reopen { done } => done(self.reopen()),
                Job::KeepHouse(house) => self.keep_house(house),
                Job::ForgetApp { id } => self.desk.tallies.forget(id),
            }
        }
        Some(())
    }

    fn add(&mut self, outlet: Outlet) {
        let index = self.file(&outlet.path, outlet.limits);
        let with_others = self.make_way(index);
        self.pipes.push(Pipe::new(outlet, index, with_others, &mut self.files[index], &mut self.desk));
    }

    /// Another stream is about to lead to a file. Whether it will have it with others.
    fn make_way(&mut self, file: usize) -> bool {
        let with_others = self.writers(file) > 0;
        if with_others {
            self.share(file, true);
        }
        with_others
    }

    fn share(&mut self, at: usize, with_others: bool) {
        let (file, desk) = (&mut self.files[at], &mut self.desk);
        self.pipes.iter_mut().filter(|pipe| pipe.file == at).for_each(|pipe| pipe.share(with_others, file, desk));
    }

    /// How many have something to write to a file, or may have.
    fn writers(&self, file: usize) -> usize {
        let pipes = self.pipes.iter().filter(|pipe| pipe.file == file).count();
        pipes + self.leftovers.iter().filter(|leftover| leftover.file == file).count()
    }

    fn file(&mut self, path: &Path, asked: Limits) -> usize {
        let limits = self.house.limits_of(path, asked);
        if let Some(at) = self.files.iter().position(|file| file.path() == path) {
            self.asked[at] = asked;
            self.files[at].use_again(limits);
            return at;
        }
        let mut file = LogFile::open(path, limits, self.names.clone());
        file.take_over(self.desk.losses.of(path));
        self.files.push(file);
        self.asked.push(asked);
        self.files.len() - 1
    }

    fn redirect(&mut self, way: &Way) {
        let Some(at) = self.pipes.iter().position(|pipe| (pipe.run, pipe.kind) == (way.run, way.kind)) else { return };
        let new = self.file(&way.path, way.limits);
        let mut pipe = self.pipes.remove(at);
        let old = pipe.file;
        if old != new {
            pipe.leave(new, &mut self.files[old]);
        }
        let with_others = self.make_way(new);
        pipe.set_way(&way.format, way.shared, with_others, &mut self.files[new], &mut self.desk);
        self.pipes.insert(at, pipe);
        self.leave(old);
    }

    /// One less leads to a file: lets go of it if that was the last, and leaves it to one that is left alone.
    fn leave(&mut self, file: usize) {
        match self.writers(file) {
            0 => {
                self.files[file].end_line();
                self.files[file].close();
            }
            left => self.share(file, left > 1),
        }
    }

    fn flush(&mut self, path: &Path) -> io::Result<()> {
        self.store.forget(path);
        match self.files.iter_mut().find(|file| file.path() == path) {
            Some(file) => file.empty(),
            None => self.names.remove_aside(path).and_then(|()| empty_unused(path)),
        }
    }

    /// All are tried, and the first trouble is told.
    fn reopen(&mut self) -> io::Result<()> {
        let used = self.files.iter_mut().filter(|file| file.is_open() || file.retry_at().is_some());
        used.map(LogFile::reopen).fold(Ok(()), io::Result::and)
    }

    fn keep_house(&mut self, house: House) {
        when::trust_clock(house.trusts_clock);
        for (file, asked) in self.files.iter_mut().zip(&self.asked) {
            let limits = house.limits_of(file.path(), *asked);
            file.set_limits(limits);
        }
        self.house = house;
        self.take_stock();
    }

    /// A chunk from each that talks; whatever is left from each that is finishing.
    fn move_all(&mut self, talking: &[bool]) {
        let (mut done, mut left) = (Vec::new(), Vec::new());
        let (files, desk) = (&mut self.files, &mut self.desk);
        for (at, mut pipe) in std::mem::take(&mut self.pipes).into_iter().enumerate() {
            let talks = talking.get(at).copied().unwrap_or(false);
            let file = &mut files[pipe.file];
            let stays = if pipe.finishing {
                pipe.take_the_rest(file, desk);
                false
            } else {
                !talks || goes_on(pipe.take(file, desk), pipe.run)
            };
            if stays {
                self.pipes.push(pipe);
                continue;
            }
            let (run, index) = (pipe.run, pipe.file);
            let leftover = pipe.end(file, desk);
            done.extend(leftover.is_none().then_some(run));
            left.push(index);
            self.leftovers.extend(leftover);
        }
        self.tell_who_said_it();
        std::mem::take(&mut self.gone).into_iter().for_each(|run| self.desk.forget(run));
        left.into_iter().for_each(|file| self.leave(file));
        done.into_iter().for_each(|run| (self.tell)(News::Ended(run)));
        self.tell_what_takes_long();
    }

    /// Nobody waits for the disk, but for the end of somebody's line.
    fn tell_what_takes_long(&mut self) {
        for leftover in self.leftovers.iter_mut().filter(|leftover| !leftover.is_told && !leftover.is_blocked()) {
            leftover.is_told = true;
            (self.tell)(News::Ended(leftover.run()));
        }
    }

    fn tell_who_said_it(&mut self) {
        for run in std::mem::take(&mut self.desk.news) {
            self.pipes.iter_mut().filter(|pipe| pipe.run == run).for_each(Pipe::expects_nothing_more);
            (self.tell)(News::Said(run));
        }
    }

    // -- what is due although nobody talks

    /// In how long; `None` if nothing is.
    fn due_in(&mut self) -> Option<Duration> {
        let now = when::uptime();
        let waited = (0..self.files.len()).filter_map(|at| self.waited_for_until(at)).min();
        let old = self.files.iter_mut().filter_map(LogFile::due_in).min();
        [waited.map(|at| at.saturating_sub(now)), old].into_iter().flatten().min()
    }

    /// Until when somebody waits for this file, before the next try.
    fn waited_for_until(&self, at: usize) -> Option<Duration> {
        let file = &self.files[at];
        let pipes = || self.pipes.iter().filter(|pipe| pipe.file == at);
        let leftovers = || self.leftovers.iter().filter(|leftover| leftover.file == at);
        let is_held = || pipes().any(Pipe::is_held) || leftovers().any(Leftover::is_held);
        let is_blocked = || pipes().any(Pipe::is_blocked) || leftovers().any(Leftover::is_blocked);
        let retry_at = file.retry_at().filter(|_| is_held());
        let open_until = file.kept_open_until().filter(|_| is_blocked());
        [retry_at, open_until].into_iter().flatten().min()
    }

    fn look_at_what_is_due(&mut self) {
        let now = when::uptime();
        for at in 0..self.files.len() {
            if let Err(error) = self.files[at].put_aside_if_old() {
                say!("logs: {} is old and cannot be put aside: {error}", self.files[at].path().display());
                let limits = self.files[at].limits;
                self.files[at].set_limits(Limits { age: None, ..limits }); // until it is opened again
            }
            let is_freed = self.files[at].was_freed();
            if is_freed || self.waited_for_until(at).is_some_and(|until| until <= now) {
                self.write_what_waits(at);
            }
        }
    }

    /// What is older first: what ended runs left.
    fn write_what_waits(&mut self, at: usize) {
        let (file, desk) = (&mut self.files[at], &mut self.desk);
        let is_written = |leftover: &mut Leftover| leftover.file == at && leftover.write(file, desk);
        let written: Vec<Leftover> = self.leftovers.extract_if(.., is_written).collect();
        self.pipes.iter_mut().filter(|pipe| pipe.file == at).for_each(|pipe| pipe.write_waiting(file, desk));
        file.was_freed(); // for those who were just served
        self.let_go_of(written);
        self.tell_what_takes_long();
    }

    /// Nothing of them is left to be written.
    pub(super) fn let_go_of(&mut self, leftovers: Vec<Leftover>) {
        for leftover in leftovers {
            self.leave(leftover.file);
            if !leftover.is_told {
                (self.tell)(News::Ended(leftover.run()));
            }
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

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::{Error, Write};
    use std::sync::mpsc::channel;

    use manifest::LogFormat;
    use nix::unistd::pipe;

    use super::super::Kind;
    use super::*;

    /// What a run writes with, and a raw stream of it.
    fn outlet(run: u64, path: &Path) -> (fs::File, Outlet) {
        let (pipe, worker) = pipe().unwrap();
        let limits = Limits { bytes: u64::MAX, age: None, kept: 5 };
        let (kind, format, app) = (Kind::Out, LogFormat::Raw, "a".to_owned());
        let (path, shared, expect) = (path.into(), false, None);
        (worker.into(), Outlet { run, kind, pipe, path, limits, shared, format, app, id: 3, expect })
    }

    /// A thread's work that is done by hand; run 1 has begun a line.
    fn begun(folder: &Path) -> (Pump<impl Fn(News)>, fs::File) {
        let (_, inbox) = channel();
        let (_, bell) = UnixStream::pair().unwrap();
        let mut pump = Pump::new(inbox, bell, Desk::new(folder.join("spool")).unwrap(), |_| {});
        let (mut worker, outlet) = outlet(1, &folder.join("a.log"));
        pump.add(outlet);
        worker.write_all(b"begun").unwrap();
        pump.move_all(&[true]);
        (pump, worker)
    }

    fn cannot_be_written(pump: &mut Pump<impl Fn(News)>) {
        let path = pump.files[0].path().to_owned();
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
    }

    #[test]
    fn a_line_of_one_who_waits_for_the_disk_is_kept_whole_too() {
        let folder = tempfile::tempdir().unwrap();
        let (mut pump, mut worker) = begun(folder.path());
        pump.files[0].failed(&Error::other("full"));
        worker.write_all(b" and more").unwrap();
        pump.move_all(&[true]);
        assert_eq!(pump.files[0].kept_open_until(), None, "nobody else is there");
        let format = LogFormat::Stamped("t".to_owned());
        let (_second, to_second) = outlet(2, &folder.path().join("b.log"));
        let (path, limits) = (folder.path().join("a.log"), to_second.limits);
        pump.add(Outlet { format: format.clone(), ..to_second });
        pump.redirect(&Way { run: 2, kind: Kind::Out, path, limits, format, shared: false });
        assert!(pump.files[0].kept_open_until().is_some());
    }

    #[test]
    fn nobody_waits_for_a_line_whose_end_waits_for_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let (mut pump, mut worker) = begun(folder.path());
        let (_second, to_second) = outlet(2, &folder.path().join("a.log"));
        pump.add(to_second);
        cannot_be_written(&mut pump);
        worker.write_all(b" and ended\n").unwrap();
        pump.pipes[0].finishing = true;
        pump.move_all(&[false, false]);
        assert!(pump.leftovers[0].is_held() && pump.files[0].kept_open_until().is_some());
        (0..10).for_each(|_| pump.files[0].failed(&Error::other("full"))); // so that it is not tried soon
        assert_eq!(pump.waited_for_until(0), pump.files[0].retry_at());
    }
}
