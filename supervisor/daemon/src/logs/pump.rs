//! One plain thread that moves every worker's output. A slow disk stops logs, never the supervisor's answers.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};

use nix::fcntl::{FcntlArg, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::file::{LogFile, Moved};

const STACK_BYTES: usize = 128 * 1024;

/// The way to the thread.
pub struct LogPump {
    jobs: Sender<Job>,
    bell: UnixStream,
}

enum Job {
    Add {
        run: u64,
        pipe: OwnedFd,
        path: PathBuf,
        limit: u64,
    },
    /// Nobody of this run is left: what is in its pipes is all there will be.
    Finish {
        run: u64,
    },
}

struct Pipe {
    run: u64,
    pipe: OwnedFd,
    /// Index into the files: several pipes may lead to one file.
    file: usize,
    finishing: bool,
}

struct Pump<F> {
    inbox: Receiver<Job>,
    bell: UnixStream,
    pipes: Vec<Pipe>,
    files: Vec<LogFile>,
    ended: F,
}

impl LogPump {
    /// `ended` is called on the thread, once for each pipe that is done.
    pub fn start(ended: impl Fn(u64) + Send + 'static) -> io::Result<Self> {
        let (jobs, inbox) = channel();
        let (bell, heard) = UnixStream::pair()?;
        heard.set_nonblocking(true)?;
        bell.set_nonblocking(true)?;
        let mut pump = Pump { inbox, bell: heard, pipes: Vec::new(), files: Vec::new(), ended };
        std::thread::Builder::new().name("logs".into()).stack_size(STACK_BYTES).spawn(move || pump.run())?;
        Ok(Self { jobs, bell })
    }

    /// Moves what comes out of the pipe to the end of the file, until [`LogPump::finish`] or the pipe's end.
    pub fn add(&mut self, run: u64, pipe: OwnedFd, path: PathBuf, limit: u64) {
        self.send(Job::Add { run, pipe, path, limit });
    }

    /// Empties a file.
    pub fn flush(&mut self, _path: PathBuf) {}

    /// Opens every file anew.
    pub fn reopen(&mut self) {}

    /// Moves what is left of a run's output, and ends its pipes.
    pub fn finish(&mut self, run: u64) {
        self.send(Job::Finish { run });
    }

    fn send(&mut self, job: Job) {
        if self.jobs.send(job).is_ok() {
            let _ = self.bell.write(b"!"); // a full bell rings already
        }
    }
}

impl<F: Fn(u64)> Pump<F> {
    fn run(&mut self) {
        loop {
            let talking = self.wait();
            if talking.is_empty() && self.take_jobs().is_none() {
                return; // nobody can give us work any more
            }
            self.move_all(&talking);
        }
    }

    /// Which pipes have something to say. Empty also when the bell rang alone.
    fn wait(&mut self) -> Vec<bool> {
        let mut fds = vec![PollFd::new(self.bell.as_fd(), PollFlags::POLLIN)];
        fds.extend(self.pipes.iter().map(|pipe| PollFd::new(pipe.pipe.as_fd(), PollFlags::POLLIN)));
        let _ = poll(&mut fds, PollTimeout::NONE);
        let rang = fds[0].any().unwrap_or(false);
        let talking = fds[1..].iter().map(|fd| fd.any().unwrap_or(false)).collect();
        if rang { Vec::new() } else { talking }
    }

    fn take_jobs(&mut self) -> Option<()> {
        const RINGS: usize = 64;
        if let Ok(0) = self.bell.read(&mut [0; RINGS]) {
            return None;
        }
        while let Ok(job) = self.inbox.try_recv() {
            match job {
                Job::Add { run, pipe, path, limit } => match self.file(path, limit) {
                    Ok(file) => self.pipes.push(Pipe { run, pipe, file, finishing: false }),
                    Err(error) => {
                        say!("logs: run {run} goes unlogged: {error}");
                        (self.ended)(run);
                    }
                },
                Job::Finish { run } => {
                    self.pipes.iter_mut().filter(|pipe| pipe.run == run).for_each(|pipe| pipe.finishing = true);
                }
            }
        }
        Some(())
    }

    fn file(&mut self, path: PathBuf, limit: u64) -> io::Result<usize> {
        if let Some(at) = self.files.iter().position(|file| file.path() == path) {
            self.files[at].set_limit(limit);
            return Ok(at);
        }
        self.files.push(LogFile::open(&path, limit)?);
        Ok(self.files.len() - 1)
    }

    /// A chunk from each that talks; whatever is left from each that is finishing.
    fn move_all(&mut self, talking: &[bool]) {
        let mut at = 0;
        let mut done = Vec::new();
        let files = &mut self.files;
        self.pipes.retain(|pipe| {
            let talks = talking.get(at).copied().unwrap_or(false);
            at += 1;
            let goes_on = if pipe.finishing {
                move_the_rest(&mut files[pipe.file], &pipe.pipe);
                false
            } else {
                !talks || goes_on(files[pipe.file].take(&pipe.pipe), pipe.run)
            };
            if !goes_on {
                done.push((pipe.run, pipe.file));
            }
            goes_on
        });
        for (run, file) in done {
            if !self.pipes.iter().any(|pipe| pipe.file == file) {
                self.files[file].end_line();
            }
            (self.ended)(run);
        }
    }
}

/// What a run left in its pipe, which is no more than a pipe holds. Somebody who escaped from the run and still has the
/// pipe may never stop writing; it must not keep the others waiting.
fn move_the_rest(file: &mut LogFile, pipe: &OwnedFd) {
    let capacity = fcntl(pipe, FcntlArg::F_GETPIPE_SZ).unwrap_or(i32::MAX); // fails for no pipe
    let mut left = usize::try_from(capacity).unwrap_or_default();
    while left > 0
        && let Ok(Moved::Some(taken)) = file.take(pipe)
    {
        left = left.saturating_sub(taken);
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
    use std::fs::{self, File};
    use std::sync::{Arc, Barrier, mpsc};
    use std::time::Duration;

    use nix::unistd::{pipe, write};

    use super::*;

    #[test]
    fn a_run_that_is_finished_is_moved_whole_even_if_somebody_holds_its_pipe_open() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        let (ended, is_ended) = mpsc::channel();
        let mut pump = LogPump::start(move |run| ended.send(run).unwrap()).unwrap();
        let (read, worker) = pipe().unwrap();
        write(&worker, b"words\nhalf").unwrap();
        pump.add(7, read, path.clone(), u64::MAX);
        pump.finish(7);
        assert_eq!(is_ended.recv().unwrap(), 7);
        assert_eq!(fs::read_to_string(path).unwrap(), "words\nhalf\n");
        drop(worker);
    }

    #[test]
    fn a_run_is_finished_although_somebody_who_escaped_never_stops_writing() {
        const WRITERS: usize = 4; // so that the pipe is never found empty by chance
        const CAPACITY: i32 = 1024 * 1024;
        const OFTEN_FULL: u64 = 64; // putting a file aside takes longer than filling the pipe again
        let folder = tempfile::tempdir().unwrap();
        let (ended, is_ended) = mpsc::channel();
        let mut pump = LogPump::start(move |run| ended.send(run).unwrap()).unwrap();
        let (read, escaped) = pipe().unwrap();
        fcntl(&read, FcntlArg::F_SETPIPE_SZ(CAPACITY)).unwrap();
        let under_way = Arc::new(Barrier::new(WRITERS + 1));
        let writers: Vec<_> = (0..WRITERS)
            .map(|_| {
                let (mut escaped, under_way) = (File::from(escaped.try_clone().unwrap()), under_way.clone());
                std::thread::spawn(move || {
                    let words = b"words\n".repeat(CAPACITY as usize); // more than the pipe holds: the pump is at it
                    escaped.write_all(&words).unwrap();
                    under_way.wait();
                    while escaped.write_all(&words).is_ok() {}
                })
            })
            .collect();
        drop(escaped);
        pump.add(7, read, folder.path().join("a.log"), OFTEN_FULL);
        under_way.wait();
        pump.finish(7);
        assert_eq!(is_ended.recv_timeout(Duration::from_secs(10)), Ok(7));
        for writer in writers {
            writer.join().unwrap(); // its pipe is closed
        }
    }

    #[test]
    fn two_runs_of_one_app_share_their_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        let (ended, is_ended) = mpsc::channel();
        let mut pump = LogPump::start(move |run| ended.send(run).unwrap()).unwrap();
        for (run, words) in [(1, b"one\n"), (2, b"two\n")] {
            let (read, worker) = pipe().unwrap();
            write(&worker, words).unwrap();
            drop(worker);
            pump.add(run, read, path.clone(), u64::MAX);
            assert_eq!(is_ended.recv().unwrap(), run);
        }
        assert_eq!(fs::read_to_string(path).unwrap(), "one\ntwo\n");
    }
}
