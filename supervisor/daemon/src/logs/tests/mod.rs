//! The log thread with real pipes and files.
#![allow(clippy::unwrap_used)] // all of this is tests, which the lint only knows of a test's own function

mod full_disk;
mod killed;
mod marks;
mod said;
mod shared;
mod stored;
mod ways;

use std::fs::{self, File};
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use flate2::read::GzDecoder;
use manifest::LogFormat;
use nix::unistd::pipe;

use super::pump::{LogPump, News};
use super::{Kind, Limits, Outlet, index, rotation, tally};

/// Nothing here takes longer, however busy the machine is.
const DEADLINE: Duration = Duration::from_secs(60);

/// As many as an app has unless its file says otherwise.
const KEPT: u32 = 5;

/// A folder, a thread, and what it tells.
struct World {
    folder: tempfile::TempDir,
    pump: LogPump,
    news: Receiver<News>,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (pump, news) = start(folder.path());
        Self { folder, pump, news }
    }

    fn log(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.log(name)).unwrap_or_default()
    }

    /// What a run will write with, and where that goes.
    fn outlet(&self, run: u64, name: &str) -> (File, Outlet) {
        let (pipe, worker) = pipe().unwrap();
        (worker.into(), outlet(run, pipe, self.log(name)))
    }

    fn hears(&self) -> News {
        self.news.recv_timeout(DEADLINE).unwrap()
    }

    /// The thread ends, and another begins where it was.
    fn replace_thread(&mut self) {
        let (pump, news) = start(self.folder.path());
        drop(std::mem::replace(&mut self.pump, pump));
        let told_before = std::mem::replace(&mut self.news, news);
        while told_before.recv_timeout(DEADLINE).is_ok() {}
    }

    /// Waits until all that was asked before is done.
    fn settle(&mut self) {
        let (done, is_done) = channel();
        self.pump.flush(Vec::new(), Box::new(move |result| done.send(result).unwrap()));
        is_done.recv_timeout(DEADLINE).unwrap().unwrap();
    }
}

fn start(folder: &Path) -> (LogPump, Receiver<News>) {
    let (tell, news) = channel();
    let pump = LogPump::start(folder.join("spool"), move |told| {
        let _ = tell.send(told); // a test may have seen enough
    })
    .unwrap();
    (pump, news)
}

fn outlet(run: u64, pipe: OwnedFd, path: PathBuf) -> Outlet {
    let (kind, format) = (Kind::Out, LogFormat::Raw);
    let (limits, shared) = (limits(u64::MAX), false);
    Outlet { run, kind, pipe, path, limits, shared, format, app: "a".to_owned(), id: 3, expect: None }
}

fn limits(bytes: u64) -> Limits {
    Limits { bytes, age: None, kept: KEPT }
}

/// The same pipe's other descriptor, as a successor gets it from the keeper.
fn again(outlet: &Outlet) -> Outlet {
    let pipe = outlet.pipe.as_fd().try_clone_to_owned().unwrap();
    let (format, app, expect) = (outlet.format.clone(), outlet.app.clone(), outlet.expect.clone());
    Outlet { pipe, path: outlet.path.clone(), format, app, expect, ..*outlet }
}

/// What is in a file of a log, by its number; 0 is the one that is written to.
fn bytes_of(log: &Path, number: u32) -> Vec<u8> {
    if number == 0 {
        return fs::read(log).unwrap_or_default();
    }
    let unpacked = File::open(rotation::compressed(log, number)).map(|file| {
        let mut bytes = Vec::new();
        GzDecoder::new(file).read_to_end(&mut bytes).unwrap();
        bytes
    });
    match (fs::read(rotation::numbered(log, number)), unpacked) {
        (Ok(raw), Ok(unpacked)) => {
            assert!(raw == unpacked, "both are there for a moment, and are the same");
            raw
        }
        (raw, unpacked) => raw.or(unpacked).unwrap(),
    }
}

/// All that is kept of a log.
fn kept(log: &Path) -> Vec<u8> {
    let numbers = rotation::aside(log).into_iter().map(|aside| aside.number).rev();
    numbers.chain([0]).flat_map(|number| bytes_of(log, number)).collect()
}

/// Bytes of a log, with indexes.
fn size(log: &Path) -> u64 {
    let length = |path: &Path| fs::metadata(path).map_or(0, |found| found.len());
    let aside: u64 = rotation::aside(log).iter().map(|aside| aside.bytes).sum();
    aside + length(log) + length(&index::path(log))
}

/// How often a counted loop is run: `BETTI_LOOPS`, else this many times.
fn loops(unless_asked: usize) -> usize {
    std::env::var("BETTI_LOOPS").ok().and_then(|loops| loops.parse().ok()).unwrap_or(unless_asked)
}

/// Looks again and again until it is so.
fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = std::time::Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < DEADLINE, "never: {what}");
        std::thread::yield_now();
    }
}
