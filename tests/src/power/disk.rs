//! A disk that loses what it may lose.
//!
//! What is not synced may be there, or half of it, or zeros in its place, or nothing of it. What is written over what was there
//! is the new or the old, never zeros, and shortens nothing. Names change in the order in which
//! they were changed, at any time until their folder is synced; a file's own sync says nothing of its name.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::Operation;

/// Files by their names in the folder.
pub type Files = BTreeMap<PathBuf, Vec<u8>>;
/// So much of a file that is another than expected is shown, in bytes.
const LONGEST_DIFFERENCE: usize = 2_000;

/// Bytes that are compared at once.
const BLOCK: usize = 4096;

type Names = BTreeMap<PathBuf, usize>;

/// What may have become of bytes that were not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Lost,
    Half,
    Zeros,
    Kept,
}

const FATES: [Fate; 4] = [Fate::Lost, Fate::Half, Fate::Zeros, Fate::Kept];

#[derive(Clone, Default)]
struct Object {
    now: Vec<u8>,
    synced: Vec<u8>,
    /// How much of what was synced was never cut off since.
    whole: usize,
}

impl Object {
    fn after(&self, fate: Fate) -> Vec<u8> {
        let kept = beginning_in_common(&self.now, &self.synced);
        let new = &self.now[kept..];
        let written = match fate {
            Fate::Lost => return self.synced.clone(),
            Fate::Kept => return self.now.clone(),
            Fate::Half => [&self.now[..kept], &new[..new.len() / 2]].concat(),
            Fate::Zeros => {
                let over = self.whole.min(self.now.len()).max(kept);
                [&self.now[..kept], &self.synced[kept..over.min(self.synced.len())], &vec![0; self.now.len() - over]]
                    .concat()
            }
        };
        let old = self.synced.get(written.len()..self.whole.min(self.synced.len())).unwrap_or_default();
        [written.as_slice(), old].concat()
    }

    fn resize(&mut self, length: usize) {
        self.now.resize(length, 0);
        self.whole = self.whole.min(length);
    }

    fn sync(&mut self) {
        self.synced = self.now.clone();
        self.whole = self.now.len();
    }
}

/// How many bytes of both are the same before the first that is not. Most files are long, and little of them changes.
fn beginning_in_common(one: &[u8], other: &[u8]) -> usize {
    let blocks = one.chunks(BLOCK).zip(other.chunks(BLOCK)).take_while(|(one, other)| one == other);
    let at = blocks.map(|(one, _)| one.len()).sum::<usize>();
    at + one[at..].iter().zip(&other[at..]).take_while(|(one, other)| one == other).count()
}

#[derive(Default)]
struct Disk {
    objects: Vec<Object>,
    names: Names,
    synced: Names,
    /// What changed since in the names, in its order: each time, all of them.
    pending: Vec<(PathBuf, Names)>,
}

impl Disk {
    fn holding(files: &Files) -> Self {
        let mut disk = Self::default();
        for (path, bytes) in files {
            disk.names.insert(path.clone(), disk.objects.len());
            disk.objects.push(Object { now: bytes.clone(), synced: bytes.clone(), whole: bytes.len() });
        }
        disk.synced = disk.names.clone();
        disk
    }

    fn object(&mut self, path: &Path) -> &mut Object {
        let at = self.names.get(path).copied().unwrap_or_else(|| panic!("{} is not there", path.display()));
        &mut self.objects[at]
    }

    fn renamed(&mut self, folder_of: &Path) {
        let folder = folder_of.parent().unwrap_or(Path::new("")).to_path_buf();
        self.pending.push((folder, self.names.clone()));
    }

    fn carry_out(&mut self, operation: &Operation) {
        match operation {
            Operation::Open { path, truncate } => {
                if !self.names.contains_key(path) {
                    self.names.insert(path.clone(), self.objects.len());
                    self.objects.push(Object::default());
                    self.renamed(path);
                }
                if *truncate {
                    self.object(path).resize(0);
                }
            }
            Operation::Write { path, at, bytes } => {
                let object = self.object(path);
                let at = at.map_or(object.now.len(), |at| usize::try_from(at).expect("a short file"));
                let end = at + bytes.len();
                object.now.resize(object.now.len().max(end), 0);
                object.now[at..end].copy_from_slice(bytes);
            }
            Operation::Move { path, length } => {
                let object = self.object(path);
                object.now.resize(object.now.len() + length, 0);
            }
            Operation::Resize { path, length } => self.object(path).resize(*length),
            Operation::Sync { path } if self.names.contains_key(path) => {
                self.object(path).sync();
            }
            Operation::Sync { path } => self.sync_folder(path),
            Operation::Rename { from, to } => {
                let object = self.names.remove(from).unwrap_or_else(|| panic!("{} is not there", from.display()));
                self.names.insert(to.clone(), object);
                self.renamed(to);
            }
            Operation::Link { from, to } => {
                let object = self.names[from];
                self.names.insert(to.clone(), object);
                self.renamed(to);
            }
            Operation::Unlink { path } => {
                self.names.remove(path);
                self.renamed(path);
            }
        }
    }

    /// All names in it; what happened before in other folders is then on the disk too, as journals have it.
    fn sync_folder(&mut self, folder: &Path) {
        if let Some(last) = self.pending.iter().rposition(|(of, _)| of == folder) {
            self.synced = self.pending[last].1.clone();
            self.pending.drain(..=last);
        }
    }

    fn files(&self, names: &Names, fate: impl Fn(usize) -> Fate) -> Files {
        names.iter().map(|(path, at)| (path.clone(), self.objects[*at].after(fate(*at)))).collect()
    }
}

/// Everything that the disk may hold when the power is cut, at every instant of these operations, each once. `visit` is told
/// when in words.
pub fn power_cuts(before: &Files, operations: &[Operation], mut visit: impl FnMut(&str, &Files)) {
    let mut seen = BTreeSet::new();
    let hash = BuildHasherDefault::<DefaultHasher>::default();
    power_cuts_at_every_instant(before, operations, |_, when, files| {
        if seen.insert(hash.hash_one(files)) {
            visit(when, files);
        }
        ControlFlow::Continue(())
    });
}

/// The same, and what was there before is visited again as long as it may still be there: `visit` is told after how many
/// operations, too, and says when it has seen enough.
pub fn power_cuts_at_every_instant(
    before: &Files,
    operations: &[Operation],
    mut visit: impl FnMut(usize, &str, &Files) -> ControlFlow<()>,
) {
    let mut disk = Disk::holding(before);
    let hash = BuildHasherDefault::<DefaultHasher>::default();
    for done in 0..=operations.len() {
        if let Some(operation) = done.checked_sub(1).map(|last| &operations[last]) {
            disk.carry_out(operation);
        }
        let names = std::iter::once(&disk.synced).chain(disk.pending.iter().map(|(_, names)| names));
        for (changes, names) in names.enumerate() {
            let mut look = |what: &str, files: Files| {
                visit(done, &format!("after {done} operations, {changes} changes of names, {what}"), &files).is_break()
            };
            // And each file its own way.
            let mixed = |at| FATES[(hash.hash_one((done, changes, at)) % 4) as usize];
            if FATES.iter().any(|fate| look(&format!("{fate:?}"), disk.files(names, |_| *fate)))
                || look("mixed", disk.files(names, mixed))
            {
                return;
            }
        }
    }
}

/// What the disk holds in the end if nothing is lost; bytes that were moved are taken from `on_disk`, and written in the
/// operations that are returned.
///
/// # Panics
/// If that is not what `on_disk` says: then what was recorded is not all that happened.
#[must_use]
pub fn settle(before: &Files, operations: &[Operation], on_disk: &Files) -> Vec<Operation> {
    settled(before, operations, on_disk).unwrap_or_else(|difference| panic!("{difference}"))
}

/// The same for whoever looks again while a program goes on.
///
/// # Errors
/// What is otherwise on the disk.
///
/// # Panics
/// If bytes were moved into a file that is not there any more.
pub fn settled(before: &Files, operations: &[Operation], on_disk: &Files) -> Result<Vec<Operation>, String> {
    let mut disk = Disk::holding(before);
    let mut moved = Vec::new();
    for (at, operation) in operations.iter().enumerate() {
        if let Operation::Move { path, .. } = operation {
            moved.push((at, disk.names[path], disk.object(path).now.len()));
        }
        disk.carry_out(operation);
    }
    let mut settled = operations.to_vec();
    let name_of = |object: usize| disk.names.iter().find(|(_, at)| **at == object).map(|(path, _)| path);
    for (at, object, start) in moved {
        let Operation::Move { path, length } = &operations[at] else { continue };
        let name = name_of(object).unwrap_or_else(|| panic!("{} did not stay", path.display()));
        let bytes = on_disk[name][start..start + length].to_vec();
        settled[at] = Operation::Write { path: path.clone(), at: None, bytes };
    }
    let mut disk = Disk::holding(before);
    settled.iter().for_each(|operation| disk.carry_out(operation));
    let held = disk.files(&disk.names, |_| Fate::Kept);
    if held == *on_disk {
        return Ok(settled);
    }
    Err(format!("recorded: {}\non the disk: {}", listed(&held, on_disk), listed(on_disk, &held)))
}

/// Files that are otherwise in `others`, with where they begin to be.
fn listed(files: &Files, others: &Files) -> String {
    let mut all = Vec::new();
    for (path, bytes) in files.iter().filter(|(path, bytes)| others.get(*path) != Some(*bytes)) {
        let other = others.get(path).map_or(&[][..], Vec::as_slice);
        let at = bytes.iter().zip(other).take_while(|(one, other)| one == other).count();
        let next = String::from_utf8_lossy(&bytes[at..bytes.len().min(at + LONGEST_DIFFERENCE)]);
        all.push(format!("{}: {} bytes, from {at} on {next:?}", path.display(), bytes.len()));
    }
    all.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "old text";
    const NEW: &str = "new text";

    fn old() -> Files {
        [(PathBuf::from("f"), OLD.into())].into()
    }

    fn write(path: &str) -> Operation {
        Operation::Write { path: path.into(), at: None, bytes: NEW.into() }
    }

    fn open(path: &str, truncate: bool) -> Operation {
        Operation::Open { path: path.into(), truncate }
    }

    fn sync(path: &str) -> Operation {
        Operation::Sync { path: path.into() }
    }

    fn rename() -> Operation {
        Operation::Rename { from: "f.new".into(), to: "f".into() }
    }

    /// Every text that the file may have; none where it may not be there.
    fn texts(operations: &[Operation]) -> BTreeSet<Option<Vec<u8>>> {
        let mut texts = BTreeSet::new();
        power_cuts(&old(), operations, |_, files| {
            texts.insert(files.get(Path::new("f")).cloned());
        });
        texts
    }

    #[test]
    fn a_file_that_is_written_whole_synced_and_renamed_is_the_old_or_the_new_one() {
        let found = texts(&[open("f.new", true), write("f.new"), sync("f.new"), rename(), sync("")]);
        assert_eq!(found, [Some(OLD.into()), Some(NEW.into())].into());
    }

    #[test]
    fn every_shortcut_is_found_out() {
        let in_place = texts(&[open("f", true), write("f"), sync("f")]);
        assert!(in_place.contains(&Some(vec![])) && in_place.contains(&Some(b"new ".to_vec())));
        let unsynced = texts(&[open("f.new", true), write("f.new"), rename(), sync("")]);
        assert!(unsynced.contains(&Some(vec![])) && unsynced.contains(&Some(vec![0; NEW.len()])));
        let removed = texts(&[Operation::Unlink { path: "f".into() }, sync("")]);
        assert_eq!(removed, [Some(OLD.into()), None].into());
    }

    #[test]
    fn what_is_written_over_is_the_old_or_the_new_and_shortens_nothing() {
        let over = Operation::Write { path: "f".into(), at: Some(0), bytes: "NEW ".into() };
        let found = texts(&[over]);
        let expected = [OLD, "NEW text"].map(|text| Some(text.as_bytes().to_vec()));
        assert!(found.contains(&expected[0]) && found.contains(&expected[1]), "{found:?}");
        assert!(found.iter().flatten().all(|text| text.len() == OLD.len() && !text.contains(&0)), "{found:?}");
    }

    #[test]
    fn what_is_synced_stays_and_a_name_without_its_folder_may_not() {
        let after = |operations: &[Operation]| {
            let mut last = Vec::new();
            power_cuts(&old(), operations, |when, files| {
                if when.starts_with(&format!("after {} ", operations.len())) {
                    last.push(files.clone());
                }
            });
            last
        };
        let done = [open("f.new", true), write("f.new"), sync("f.new"), rename()];
        assert_eq!(after(&done).len(), 1, "the new one; the old one was seen before");
        let appended = [write("f"), sync("f"), write("f")];
        assert!(after(&appended).iter().all(|files| files[Path::new("f")].starts_with(b"old textnew text")));
    }

    #[test]
    fn moved_bytes_are_those_that_are_there_in_the_end() {
        let moved = Operation::Move { path: "f".into(), length: 3 };
        let put_aside = Operation::Rename { from: "f".into(), to: "f.1".into() };
        let on_disk = [("f.1".into(), b"old textone".to_vec()), ("f".into(), b"two".to_vec())].into();
        let settled = settle(&old(), &[moved.clone(), put_aside, open("f", false), moved], &on_disk);
        let text = |at: usize| match &settled[at] {
            Operation::Write { bytes, .. } => bytes.clone(),
            other => panic!("{other:?}"),
        };
        assert_eq!((text(0), text(3)), (b"one".to_vec(), b"two".to_vec()));
    }
}
