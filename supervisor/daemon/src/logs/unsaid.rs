//! Losses that logs could not say yet, because they still take no bytes: a successor says them. They outlive the supervisor in a
//! file in the runtime directory, which is written once for all that was moved in one go, when any of them changed.
//!
//! A kill in between loses what was added in that go from the number that will be said; one right after it was said has it said
//! twice.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::loss::Loss;

pub const NAME: &str = "unsaid-losses";

/// The losses of all logs.
pub struct UnsaidLosses {
    path: PathBuf,
    losses: BTreeMap<PathBuf, Loss>,
}

impl UnsaidLosses {
    /// What a predecessor could not say.
    pub fn open(folder: &Path) -> Self {
        let path = folder.join(NAME);
        let losses = fs::read(&path).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
        Self { path, losses }
    }

    /// What is to be said in this log.
    pub fn of(&self, log: &Path) -> Loss {
        self.losses.get(log).cloned().unwrap_or_default()
    }

    /// These logs have other losses now.
    pub fn set(&mut self, changed: Vec<(PathBuf, Loss)>) {
        if changed.is_empty() {
            return;
        }
        for (log, loss) in changed {
            match loss.is_any() {
                true => drop(self.losses.insert(log, loss)),
                false => drop(self.losses.remove(&log)),
            }
        }
        let _ = self.keep(); // said all the same, if we live until then
    }

    /// There as a whole, or as it was.
    fn keep(&self) -> io::Result<()> {
        if self.losses.is_empty() {
            return fs::remove_file(&self.path);
        }
        self.path.parent().map_or(Ok(()), fs::create_dir_all)?;
        let unnamed = self.path.with_extension("new");
        fs::write(&unnamed, serde_json::to_vec(&self.losses)?)?;
        fs::rename(&unnamed, &self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_successor_knows_what_is_still_to_be_said_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let (full, other) = (PathBuf::from("/full.log"), PathBuf::from("/other.log"));
        let lost = |bytes, lines| Loss { bytes, lines, trouble: Some("No space left on device".to_owned()) };
        let mut losses = UnsaidLosses::open(folder.path());
        losses.set(vec![(full.clone(), lost(7, 1)), (other.clone(), lost(1, 0))]);
        losses.set(vec![(full.clone(), lost(9, 2))]);
        losses.set(vec![(other.clone(), Loss::default())]);
        let mut successors = UnsaidLosses::open(folder.path());
        assert_eq!((successors.of(&full), successors.of(&other)), (lost(9, 2), Loss::default()));
        successors.set(vec![(full.clone(), Loss::default())]);
        assert_eq!(UnsaidLosses::open(folder.path()).of(&full), Loss::default());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left of it");
        fs::write(folder.path().join(NAME), "torn").unwrap();
        assert_eq!(UnsaidLosses::open(folder.path()).of(&full), Loss::default());
    }
}
