//! All the logs that are shown, in the order of time.

use std::io;
use std::path::{Path, PathBuf};

use protocol::control::LogSource;

use super::clocks::Clocks;
use super::look::Look;
use super::merge::{Merge, Ordered};
use super::owners::{self, Kind, Log};
use super::present;
use super::reach::Asked;
use super::sieve::Sieve;
use super::stream::{Line, Stream};
use crate::printer::Printer;

/// So much is gathered before it is written, in bytes.
const BATCH: usize = 64 * 1024;
/// So many lines are shown before every stream is looked at again: one that floods must not hold up the others.
const ROUND: usize = 4096;

impl Ordered for Line {
    fn order(&self) -> i64 {
        self.order_us
    }
}

/// What is asked for.
pub struct Wanted {
    /// Which of apps' outputs.
    pub kinds: Vec<Kind>,
    /// Which lines.
    pub sieve: Sieve,
    /// How many of those of each log, the last; all of them if `None`.
    pub last: Option<u64>,
    /// Whether to go on reading what is written from now on.
    pub follow: bool,
}

/// The logs that are shown.
pub struct View {
    wanted: Wanted,
    look: Look,
    clocks: Clocks,
    streams: Vec<Stream>,
    merge: Merge<Line>,
    /// What could not be read.
    troubles: Vec<String>,
    /// What was removed before it could be shown.
    losses: Vec<String>,
}

impl View {
    /// The logs of those of all apps that are meant.
    pub fn new(all: &[LogSource], meant: &[&LogSource], wanted: Wanted, look: Look) -> Self {
        let files = all.iter().flat_map(|source| [&source.out_file, &source.error_file]);
        let clocks =
            Clocks::new(files.map(|file| owners::resolved(Path::new(file))).collect(), present::boot_and_beginning);
        let (streams, merge, troubles, losses) = (Vec::new(), Merge::default(), Vec::new(), Vec::new());
        let mut view = Self { wanted, look, clocks, streams, merge, troubles, losses };
        view.add(all, meant, None);
        view
    }

    /// Shows those, too, that came since.
    pub fn take_on(&mut self, all: &[LogSource], meant: &[&LogSource], since_us: i64) {
        self.add(all, meant, Some(since_us));
    }

    fn add(&mut self, all: &[LogSource], meant: &[&LogSource], came_us: Option<i64>) {
        self.look.make_room(meant.iter().map(|source| (source.id, source.name.as_str())));
        for log in owners::logs(all, meant, &self.wanted.kinds) {
            match self.streams.iter_mut().find(|stream| stream.log().path == log.path) {
                Some(stream) => stream.set_owners(log),
                None => self.begin(log, came_us),
            }
        }
    }

    fn begin(&mut self, log: Log, came_us: Option<i64>) {
        let Wanted { sieve, last, follow, .. } = &self.wanted;
        let reach = match came_us {
            None => Asked { log: &log, sieve, last: *last, follow: *follow, is_new: false }.reach(&mut self.clocks),
            Some(came_us) => {
                let since = Sieve { pattern: None, since_us: Some(came_us) };
                Asked { log: &log, sieve: &since, last: None, follow: *follow, is_new: true }.reach(&mut self.clocks)
            }
        };
        match reach {
            Ok(reach) => self.streams.push(Stream::new(log, reach, *follow)),
            Err(why) => self.troubles.push(format!("{}: {why}", log.path.display())),
        }
    }

    /// The folders in which something happens when something is written.
    pub fn folders(&self) -> impl Iterator<Item = PathBuf> + '_ {
        self.streams.iter().filter_map(|stream| stream.log().path.parent()).map(Path::to_owned)
    }

    /// Shows what there is, or a good part of it; whether there may be more.
    pub fn show(&mut self, printer: &Printer) -> bool {
        self.look_again();
        let mut shown = Vec::new();
        for _ in 0..ROUND {
            // Where they are: behind what was written before, and before what was written after.
            for loss in self.take_losses() {
                printer.bytes(&std::mem::take(&mut shown));
                printer.error(&loss);
            }
            let Some((number, line)) = self.next() else {
                printer.bytes(&shown);
                return false;
            };
            self.look.write(number, &line, &mut shown);
            if shown.len() >= BATCH {
                printer.bytes(&shown);
                shown.clear();
            }
            if printer.is_unread() {
                return false;
            }
        }
        printer.bytes(&shown);
        true
    }

    /// Looks into those streams in which there was nothing more.
    pub fn look_again(&mut self) {
        for number in 0..self.streams.len() {
            if self.merge.lacks(number) {
                self.pull(number);
            }
        }
    }

    /// The earliest line of all, and of which stream it is.
    pub fn next(&mut self) -> Option<(usize, Line)> {
        let (number, line) = self.merge.take()?;
        self.pull(number);
        Some((number, line))
    }

    /// What could not be read since this was asked last.
    pub fn take_troubles(&mut self) -> Vec<String> {
        std::mem::take(&mut self.troubles)
    }

    /// What was removed before it could be read since this was asked last.
    pub fn take_losses(&mut self) -> Vec<String> {
        std::mem::take(&mut self.losses)
    }

    fn pull(&mut self, number: usize) {
        let stream = &mut self.streams[number];
        let next = stream.next(&self.wanted.sieve, &mut self.clocks);
        self.troubles.extend(stream.take_broken());
        self.losses.extend(stream.take_lost());
        match next {
            Ok(Some(line)) => self.merge.put(number, line),
            Ok(None) => {}
            Err(why) => self.trouble(number, &why),
        }
    }

    fn trouble(&mut self, number: usize, why: &io::Error) {
        let trouble = format!("{}: {why}", self.streams[number].log().path.display());
        if !self.troubles.contains(&trouble) {
            self.troubles.push(trouble);
        }
    }
}
