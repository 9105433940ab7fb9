//! What the hub remembers of its copies: where they go, which were made, and how the last try ended.

use std::{
    collections::BTreeMap,
    fs::File,
    io,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{contents::Databases, whole};

/// The folder in the data that is about copies, and is not copied itself.
pub const FOLDER: &str = "backup";
const FILE: &str = "state.json";
const LOCK: &str = "lock";
/// How many copies are remembered; of older ones the key has to say what they are.
const MOST_COPIES: usize = 500;
/// How many letters of a random number tell one hub's copies from another's.
const HUB_LETTERS: usize = 8;

/// All of it, as it is written down.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// Tells this hub's copies from those of another one on the same stick.
    pub hub: String,
    /// The mount that each place was on when a copy went there last.
    pub mounts: BTreeMap<PathBuf, PathBuf>,
    /// The newest one last.
    pub copies: Vec<Copy>,
    /// Why the last try where nightly copies go failed; nothing if it did not.
    pub failure: Option<Failure>,
}

/// A copy that was made and tested.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Copy {
    pub name: String,
    pub folder: PathBuf,
    /// The same as it was asked for: where nightly copies go, or another place.
    pub to: PathBuf,
    /// Whether it is on the disk that the data are on: then it does not outlive that.
    pub same_disk: bool,
    pub made_at: Timestamp,
    /// In bytes.
    pub size: u64,
    pub sha256: String,
    pub files: usize,
    pub databases: Databases,
}

/// A try that failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    pub to: PathBuf,
    pub at: Timestamp,
    pub why: String,
}

/// Why the hub's own folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    #[error("{path}: {error}")]
    File { path: PathBuf, error: io::Error },
    #[error("a copy or a restore is being made at this moment: try again when it is done")]
    Busy,
}

/// The hub's own folder, in which only one process works at a time.
pub struct Book {
    folder: PathBuf,
    _lock: Flock<File>,
}

impl Book {
    /// Opens it, and keeps everybody else out.
    pub fn open(data: &Path) -> Result<Self, StateError> {
        Self::locked(data, FlockArg::LockExclusiveNonblock)
    }

    /// The same for a person, who would only try again: waits for whoever is at it, and says so.
    pub fn when_free(data: &Path) -> Result<Self, StateError> {
        match Self::open(data) {
            Err(StateError::Busy) => {
                eprintln!("Waiting until the copy or restore that is being made is done");
                Self::locked(data, FlockArg::LockExclusive)
            }
            opened => opened,
        }
    }

    fn locked(data: &Path, how: FlockArg) -> Result<Self, StateError> {
        let folder = data.join(FOLDER);
        let failed = |error| StateError::File { path: folder.clone(), error };
        whole::folder(&folder).map_err(failed)?;
        let path = folder.join(LOCK);
        let file = File::options().create(true).append(true).open(path).map_err(failed)?;
        match Flock::lock(file, how) {
            Ok(lock) => Ok(Self { folder, _lock: lock }),
            Err((_, nix::errno::Errno::EWOULDBLOCK)) => Err(StateError::Busy),
            Err((_, errno)) => Err(failed(errno.into())),
        }
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What is remembered, with a name for the hub if it had none.
    pub fn state(&self) -> Result<State, StateError> {
        let mut state = read(&self.folder)?;
        if state.hub.is_empty() {
            state.hub = random_letters();
            self.keep(&state)?;
        }
        Ok(state)
    }

    /// Remembers it instead of what was.
    pub fn keep(&self, state: &State) -> Result<(), StateError> {
        let path = self.folder.join(FILE);
        let text = serde_json::to_vec_pretty(state).map_err(io::Error::from);
        text.and_then(|text| whole::write(&path, &text)).map_err(|error| StateError::File { path, error })
    }
}

/// The end of a UUIDv7 is random.
fn random_letters() -> String {
    let mut letters = Uuid::now_v7().simple().to_string();
    letters.split_off(letters.len() - HUB_LETTERS)
}

impl State {
    /// Takes on a copy that was made.
    pub fn made(&mut self, copy: Copy) {
        if self.failure.as_ref().is_some_and(|failure| failure.to == copy.to) {
            self.failure = None;
        }
        self.copies.push(copy);
        let too_many = self.copies.len().saturating_sub(MOST_COPIES);
        self.copies.drain(..too_many);
    }

    /// Only what is about one place: another one is begun anew.
    pub fn about(mut self, to: &Path) -> Self {
        self.copies.retain(|copy| copy.to == to);
        self.failure = self.failure.filter(|failure| failure.to == to);
        self
    }

    /// The newest copy.
    pub fn last(&self) -> Option<&Copy> {
        self.copies.last()
    }
}

/// What is remembered, for who only looks. Nothing, if there never was anything.
pub fn look(data: &Path) -> Result<State, StateError> {
    read(&data.join(FOLDER))
}

fn read(folder: &Path) -> Result<State, StateError> {
    let path = folder.join(FILE);
    let failed = |error| StateError::File { path: path.clone(), error };
    match std::fs::read(&path) {
        Ok(text) => serde_json::from_slice(&text).map_err(|error| failed(error.into())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(State::default()),
        Err(error) => Err(failed(error)),
    }
}
