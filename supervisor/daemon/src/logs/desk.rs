//! What all streams use, one after the other.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::PathBuf;

use super::glass::Glass;
use super::journal::Journal;
use super::tally::TallyBook;
use super::unsaid::UnsaidLosses;

pub struct Desk {
    pub folder: PathBuf,
    pub glass: Glass,
    pub journal: Journal,
    pub tallies: TallyBook,
    pub losses: UnsaidLosses,
    /// Runs that said what was expected of them.
    said: BTreeSet<u64>,
    /// Those of them that were not told of yet.
    pub news: Vec<u64>,
}

impl Desk {
    pub fn new(folder: PathBuf) -> io::Result<Self> {
        let (journal, tallies, losses) = (Journal::new(&folder), TallyBook::open(&folder), UnsaidLosses::open(&folder));
        Ok(Self { folder, glass: Glass::new()?, journal, tallies, losses, said: BTreeSet::new(), news: Vec::new() })
    }

    /// Notes that a run said what was expected, before its words are taken from the pipe: a successor will not see them there.
    pub fn note_said(&mut self, run: u64) {
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
    pub fn was_said(&mut self, run: u64) -> bool {
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
