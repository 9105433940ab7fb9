//! Named pipes between a scenario and its puppets: gates that hold a puppet back, and the journal of what puppets did.
//!
//! Both are opened for reading *and* writing here, which on Linux never blocks: whoever comes second finds the pipe open.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};

use crate::wait::PATIENCE;

/// Holds back whoever reads a byte from it.
pub struct Gate(File);

impl Gate {
    pub(crate) fn new(path: &Path) -> Self {
        Self(open(path))
    }

    /// Lets one run through: the next one to come, or the one that stands there.
    ///
    /// # Panics
    /// If the pipe is full: thousands were let through and nobody came.
    pub fn let_one_through(&self) {
        (&self.0).write_all(b".").expect("room in the gate's pipe");
    }
}

/// What puppets did, in the order in which they did it. A line is `APP EVENT`.
pub struct Journal(Mutex<Receiver<String>>);

impl Journal {
    pub(crate) fn new(path: &Path) -> Self {
        let (tell, lines) = channel();
        let pipe = BufReader::new(open(path));
        // Ends with the process: the pipe is held open, so there is no end of file.
        std::thread::spawn(move || pipe.lines().map_while(Result::ok).try_for_each(|line| tell.send(line)));
        Self(Mutex::new(lines))
    }

    /// Waits for this line; answers what came up to it, itself included.
    ///
    /// # Panics
    /// If it does not come.
    pub fn until(&self, line: &str) -> Vec<String> {
        self.until_any(line, |next| next == line)
    }

    /// Waits for any line that is as asked; answers what came up to it, itself included.
    ///
    /// # Panics
    /// If none comes.
    pub fn until_any(&self, what: &str, is_it: impl Fn(&str) -> bool) -> Vec<String> {
        let lines = self.0.lock().expect("the journal");
        let mut seen: Vec<String> = Vec::new();
        while !seen.last().is_some_and(|last| is_it(last)) {
            match lines.recv_timeout(PATIENCE) {
                Ok(next) => seen.push(next),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!("waited {PATIENCE:?} in vain for {what:?} in the journal; seen: {seen:?}")
                }
            }
        }
        seen
    }

    /// What has come and was not asked for yet.
    pub fn so_far(&self) -> Vec<String> {
        self.0.lock().expect("the journal").try_iter().collect()
    }
}

fn open(path: &Path) -> File {
    nix::unistd::mkfifo(path, nix::sys::stat::Mode::S_IRUSR | nix::sys::stat::Mode::S_IWUSR).expect("a named pipe");
    OpenOptions::new().read(true).write(true).open(path).expect("the named pipe")
}
