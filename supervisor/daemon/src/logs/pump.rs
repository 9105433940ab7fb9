//! The way to the one plain thread that moves every worker's output. A slow disk stops logs, never the supervisor's answers.

use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::mpsc::{Sender, channel};

use manifest::LogFormat;

use super::budget::House;
use super::desk::Desk;
use super::limits::Limits;
use super::outlet::{Kind, Outlet};
use super::tally::{self, Shown, Tallies};
use super::thread::Pump;

/// Only what is used of it takes memory. Formatting a time takes most, in a build without optimisation.
const STACK_BYTES: usize = 512 * 1024;

/// The way to the thread.
pub struct LogPump {
    jobs: Sender<Job>,
    bell: UnixStream,
    tallies: Shown,
}

/// What the thread tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// One of this run's pipes is done.
    Ended(u64),
    /// This run said what was expected of it: now, or to a predecessor. Once a run.
    Said(u64),
}

/// Where a stream is to go from now on.
pub struct Way {
    pub run: u64,
    pub kind: Kind,
    pub path: PathBuf,
    pub limits: Limits,
    pub format: LogFormat,
    /// Whether others write to the same file.
    pub shared: bool,
}

/// What is called, on the thread, when something is done.
pub type Done = Box<dyn FnOnce(io::Result<()>) + Send>;

pub enum Job {
    Add(Box<Outlet>),
    /// Nobody of this run is left: what is in its pipes is all there will be.
    Finish {
        run: u64,
    },
    Redirect(Way),
    Flush {
        paths: Vec<PathBuf>,
        done: Done,
    },
    Reopen {
        done: Done,
    },
    KeepHouse(House),
    ForgetApp {
        id: u32,
    },
}

impl LogPump {
    /// `folder` is where lines wait that are not whole yet; it lives as long as the keeper, and nobody else uses it. `tell` is
    /// called on the thread.
    pub fn start(folder: PathBuf, tell: impl Fn(News) + Send + 'static) -> io::Result<Self> {
        let (jobs, inbox) = channel();
        let (bell, heard) = UnixStream::pair()?;
        heard.set_nonblocking(true)?;
        bell.set_nonblocking(true)?;
        let desk = Desk::new(folder)?;
        let tallies = desk.tallies.shown();
        let pump = Pump::new(inbox, heard, desk, tell);
        std::thread::Builder::new().name("logs".into()).stack_size(STACK_BYTES).spawn(move || pump.run())?;
        Ok(Self { jobs, bell, tallies })
    }

    /// Moves what comes out of a pipe to the end of a file, until [`LogPump::finish`] or the pipe's end.
    pub fn add(&mut self, outlet: Outlet) {
        self.send(Job::Add(Box::new(outlet)));
    }

    /// Moves what is left of a run's output, and ends its pipes.
    pub fn finish(&mut self, run: u64) {
        self.send(Job::Finish { run });
    }

    /// Sends a stream another way, or in another form, from what comes next on. A line that has begun goes the new way if
    /// lines are formatted; raw bytes stay where they are.
    pub fn redirect(&mut self, way: Way) {
        self.send(Job::Redirect(way));
    }

    /// Empties files and removes those of them that were put aside, so that afterwards nothing is left of what was said. A line
    /// that has begun and waits for its end is not in the file yet, and stays.
    pub fn flush(&mut self, paths: Vec<PathBuf>, done: Done) {
        self.send(Job::Flush { paths, done });
    }

    /// Goes on in whatever has the files' names now: somebody renamed them, and made new ones or did not.
    pub fn reopen(&mut self, done: Done) {
        self.send(Job::Reopen { done });
    }

    /// What each app wrote and lost since the hub's start, and what each log takes on the disk. Asks nobody and waits for
    /// nobody.
    pub fn tallies(&self) -> Tallies {
        tally::shown(&self.tallies)
    }

    /// From here on these are all logs that there may be, and what they may take.
    pub fn keep_house(&mut self, house: House) {
        self.send(Job::KeepHouse(house));
    }

    /// This app is gone: whoever gets its number next has written nothing yet.
    pub fn forget_app(&mut self, id: u32) {
        self.send(Job::ForgetApp { id });
    }

    fn send(&mut self, job: Job) {
        if self.jobs.send(job).is_ok() {
            let _ = self.bell.write(b"!"); // a full bell rings already
        }
    }
}
